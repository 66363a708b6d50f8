//! Every runbook of the table through every suite of the workflow: it succeeds, stops resumable wherever anything fails,
//! does twice what is once, survives a crash and a lost answer at every append, function and effect, and of two who drive
//! one run one acts.
//!
//! Not all of that is done in each run of the tests: `TWINLAKE_REHEARSE=all` does.
//!
//! What a runbook needs to begin is its [`Situation`]. The end is read with nothing of the product: what each site holds
//! and what of it is awake; and from the state: fences, epoch and primary.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_base::{Clock, Env, Gate};
use twinlake_controller::{Ended, Move, RUNBOOKS, Wish, propose};
use twinlake_simulator::{Appearance, Outage, Settings};
use twinlake_tests::{Deployment, ONE_GROUP, nobody};
use twinlake_workflow::conformance::{
    Scenario, stops_resumable, succeeds, survives_crashes, survives_lost_answers, twice_is_once,
    two_engines_act_once,
};
use twinlake_workflow::{Outcome, Runbook};

use super::readings::{Reading, furnish_little, reading};
use crate::stories::house::HOUR;

/// How many effects of the world are crashed at and lost, of each runbook.
const EFFECTS: usize = 16;

/// Which suites a runbook goes through whenever the tests run. A failback has the steps of a switchover, and a rollback most
/// of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usually {
    Everything,
    AllButFailures,
    Repetitions,
}

/// What a runbook needs to begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Situation {
    /// Production runs, and its standby is in step.
    InStep,
    /// The primary is gone.
    Lost,
    /// A switchover stopped after it had put the primary to sleep.
    HalfWay,
    /// Production has moved, and the window is open.
    Moved,
    /// Production has moved a while ago.
    Settled,
}

/// A runbook in its situation.
struct Rehearsed {
    runbook: &'static Runbook<Move>,
    situation: Situation,
    usually: Usually,
    parameters: Value,
}

/// The situation of each runbook, and what of it is done usually.
const SITUATIONS: &[(&str, Situation, Usually)] = &[
    ("switchover", Situation::InStep, Usually::AllButFailures),
    ("forced_failover", Situation::Lost, Usually::Everything),
    ("failback", Situation::Settled, Usually::Repetitions),
    ("promote_for_good", Situation::Moved, Usually::Everything),
    ("abort", Situation::HalfWay, Usually::Everything),
    ("commit", Situation::Moved, Usually::Everything),
    ("rollback", Situation::Moved, Usually::Repetitions),
];

#[test]
fn every_runbook_of_the_table_has_its_situation() {
    let table: Vec<&str> = RUNBOOKS.iter().map(|runbook| runbook.name).collect();
    let known: Vec<&str> = SITUATIONS.iter().map(|(name, ..)| *name).collect();
    assert_eq!(table, known);
}

/// Makes the situation, the same each time.
async fn make(situation: Situation, clock: &Clock) -> Deployment {
    // Rehearsals begin at the beginning of time, which is no date for a schedule.
    clock.jump(20_000 * 24 * HOUR);
    let deployment = Deployment::under(clock.clone(), 11, 2, ONE_GROUP, Settings::default()).await;
    furnish_little(deployment.site("east"));
    assert!(deployment.sync().await.is_complete());
    match situation {
        Situation::InStep => {}
        Situation::Lost => deployment.lose("east", Outage::cut_off(Appearance::Refused)),
        Situation::HalfWay => {
            let moved = deployment.run_until("switchover", "at_rest").await;
            assert!(matches!(moved.ended, Ended::Stopped { .. }), "{:?}", moved.ended);
        }
        Situation::Moved | Situation::Settled => {
            assert_eq!(deployment.run("switchover").await.ended, Ended::Complete);
        }
    }
    if situation == Situation::Settled {
        deployment.jump(Duration::from_secs(2 * 3600));
    }
    deployment
}

impl Rehearsed {
    async fn new(runbook: &str) -> Self {
        let runbook = *RUNBOOKS.iter().find(|row| row.name == runbook).unwrap();
        let (_, situation, usually) = *SITUATIONS.iter().find(|(name, ..)| *name == runbook.name).unwrap();
        let clock = Clock::simulated(twinlake_base::Timestamp::UNIX_EPOCH);
        let deployment = make(situation, &clock).await;
        let wish = Wish { runbook: runbook.name.to_owned(), ..Wish::default() };
        let house = deployment.open().await;
        let proposal = propose(&house, &wish).await.unwrap();
        Self { runbook, situation, usually, parameters: json!(proposal.parameters(&wish)) }
    }
}

#[async_trait]
impl Scenario for Rehearsed {
    type World = Move;
    type Stage = Deployment;
    type End = BTreeMap<String, Reading>;

    fn runbook(&self) -> &Runbook<Move> {
        self.runbook
    }

    fn parameters(&self) -> Value {
        self.parameters.clone()
    }

    async fn stage(&self, clock: &Clock) -> Deployment {
        make(self.situation, clock).await
    }

    async fn open(&self, stage: &Deployment, _: &Clock, gate: &Gate) -> Move {
        // A process that is stopped while it opens its state does nothing, and neither does one that opens it in order.
        let house = match stage.open_behind(gate).await {
            Ok(house) => house,
            Err(_) => stage.open().await,
        };
        Move::new(house, "retail".into(), nobody())
    }

    fn outcome(&self) -> Outcome {
        match self.situation {
            Situation::Lost => Outcome::Incomplete { missing: vec!["fence_old".to_owned()] },
            _ => Outcome::Complete,
        }
    }

    async fn end_state(&self, stage: &Deployment) -> Self::End {
        reading(stage).await
    }

    fn same_end_state(&self, expected: &Self::End, found: &Self::End) -> Result<(), String> {
        let names: std::collections::BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
        let differs = names.into_iter().find(|name| expected.get(*name) != found.get(*name));
        match differs {
            None => Ok(()),
            Some(name) => Err(format!("{name}: {:#?} and not {:#?}", found.get(name), expected.get(name))),
        }
    }
}

async fn holds(runbook: &str) {
    let rehearsed = Rehearsed::new(runbook).await;
    let all = Env::system().get("TWINLAKE_REHEARSE") == Some("all");
    let usually = rehearsed.usually;
    succeeds(&rehearsed).await;
    twice_is_once(&rehearsed).await;
    if all || usually != Usually::Repetitions {
        survives_crashes(&rehearsed, EFFECTS).await;
        survives_lost_answers(&rehearsed, EFFECTS).await;
    }
    if all || usually == Usually::Everything {
        stops_resumable(&rehearsed).await;
    }
    // A rehearsed engine that stalls keeps its lease alive, which a stalled process does not: steps that may be left out
    // are then left out for want of it. So only runbooks without such steps go through this suite; for the others the
    // stories of two controllers stand.
    if rehearsed.runbook.steps.iter().all(|step| !step.optional) {
        two_engines_act_once(&rehearsed).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_switchover_goes_through_or_stops_resumable_wherever_it_is_disturbed() {
    holds("switchover").await;
}

#[tokio::test(start_paused = true)]
async fn a_forced_failover_goes_through_or_stops_resumable_wherever_it_is_disturbed() {
    holds("forced_failover").await;
}

#[tokio::test(start_paused = true)]
async fn a_failback_goes_through_or_stops_resumable_wherever_it_is_disturbed() {
    holds("failback").await;
}

#[tokio::test(start_paused = true)]
async fn a_promotion_for_good_goes_through_or_stops_resumable_wherever_it_is_disturbed() {
    holds("promote_for_good").await;
}

#[tokio::test(start_paused = true)]
async fn an_abort_goes_through_or_stops_resumable_wherever_it_is_disturbed() {
    holds("abort").await;
}

#[tokio::test(start_paused = true)]
async fn a_commit_goes_through_or_stops_resumable_wherever_it_is_disturbed() {
    holds("commit").await;
}

#[tokio::test(start_paused = true)]
async fn a_rollback_goes_through_or_stops_resumable_wherever_it_is_disturbed() {
    holds("rollback").await;
}
