//! What operators do: sync, move production, go on with a run, end one, acknowledge a tail. Each as a process of its own,
//! which may crash anywhere, lose answers, be slow, or live by a clock of its own.

use std::sync::Arc;
use std::time::Duration;

use twinlake_base::{Clock, Entropy, Gate};
use twinlake_controller::{
    Consent, ControllerError, House, Moved, Stop, SyncOptions, SyncReport, Wish, acknowledge, approve, begin,
    divergences, propose, resume, runs, sync,
};
use twinlake_model::Tail;
use twinlake_model::safety::Rule;
use twinlake_store::StoreOptions;
use twinlake_tests::{Deployment, Keeper, nobody};

use super::chronicle::{Chronicle, Doorkeeper, Observed};

/// The only group.
const GROUP: &str = "retail";
/// Longer than anything may take.
const FOREVER: Duration = Duration::from_secs(3 * 24 * 3600);

/// What an operator wishes to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Act {
    /// Keep the standbys in step; agree to a plan that is held, if there is one.
    Sync,
    /// A runbook by its name, to a site if one is named.
    Move { runbook: &'static str, to: Option<String>, incomplete_too: bool },
    /// Go on with the run that is not over.
    Resume(String),
    /// Agree to what a run waits for, and go on with it.
    Approve(String),
    /// Let the reverse direction write over whatever tails wait.
    Acknowledge,
}

impl Act {
    /// Whether it gives the primary up.
    pub(super) fn is_forced(&self) -> bool {
        match self {
            Self::Move { runbook, .. } => *runbook == "forced_failover",
            Self::Resume(run) | Self::Approve(run) => run.starts_with("forced_failover"),
            Self::Sync | Self::Acknowledge => false,
        }
    }
}

/// What came of it.
#[derive(Default)]
pub(super) struct Came {
    pub(super) synced: Option<SyncReport>,
    pub(super) moved: Option<Moved>,
    /// The sites whose tails were acknowledged.
    pub(super) acknowledged: Vec<String>,
    pub(super) error: Option<ControllerError>,
    /// Whether it came to no end at all.
    pub(super) hangs: bool,
}

impl Came {
    /// In words, for a trace.
    pub(super) fn words(&self) -> String {
        let mut words = Vec::new();
        if let Some(report) = &self.synced {
            let legs: Vec<String> = report
                .legs
                .iter()
                .map(|leg| {
                    format!(
                        "{} → {}: {} writes, {:?}",
                        leg.leg.source.site, leg.leg.target.site, leg.writes, leg.judgement.verdicts
                    )
                })
                .collect();
            let fences: Vec<String> = report
                .fences
                .iter()
                .map(|fence| {
                    format!("{}: {:?} {:?} {:?}", fence.place, fence.level, fence.tail, fence.trouble)
                })
                .collect();
            let failed: Vec<&str> = report.failed.iter().map(|leg| leg.message.as_str()).collect();
            words.push(format!(
                "synced, complete: {}; {legs:?}; fences {fences:?}; failed {failed:?}",
                report.is_complete()
            ));
        }
        if let Some(moved) = &self.moved {
            let deviations = moved.report.as_ref().map(|report| report.deviations.len()).unwrap_or(0);
            words.push(format!("{}: {:?}, {deviations} deviations", moved.run, moved.ended));
        }
        if !self.acknowledged.is_empty() {
            words.push(format!("acknowledged {:?}", self.acknowledged));
        }
        words.extend(self.error.as_ref().map(|error| format!("error: {error}")));
        words.extend(self.hangs.then(|| "it hangs".to_owned()));
        words.join("; ")
    }
}

/// A process, about to begin.
pub(super) struct Process {
    pub(super) name: String,
    pub(super) keeper: Keeper,
    /// The clock of its machine.
    pub(super) clock: Clock,
}

impl Process {
    /// The estate, as this process opens it.
    pub(super) async fn open(self, deployment: &Deployment, chronicle: &Arc<Chronicle>) -> House {
        let Self { name: process, keeper, clock } = self;
        let gate = Gate::kept_by(Arc::new(Doorkeeper {
            process: process.clone(),
            keeper,
            chronicle: chronicle.clone(),
        }));
        let mut setup = deployment.setup(&process);
        let inner = setup.transport.take().expect("a way into the simulation");
        setup.transport = Some(Arc::new(Observed { process, inner, chronicle: chronicle.clone() }));
        (setup.gate, setup.clock) = (gate.clone(), clock.clone());
        let store = deployment.store.reopened(StoreOptions { clock, gate });
        House::over(store, deployment.parsed(), setup).await.expect("the state")
    }
}

/// Does it.
pub(super) async fn perform(house: &House, act: &Act) -> Came {
    match tokio::time::timeout(FOREVER, attempt(house, act)).await {
        Ok(Ok(came)) => came,
        Ok(Err(error)) => Came { error: Some(error), ..Came::default() },
        Err(_) => Came { hangs: true, ..Came::default() },
    }
}

async fn attempt(house: &House, act: &Act) -> Result<Came, ControllerError> {
    let stop = Stop::new();
    let by = house.setup().actor.clone();
    match act {
        Act::Sync => {
            let mut report = sync(house, &SyncOptions::default(), &stop, nobody()).await?;
            if let Some(held) = report.legs.iter().find_map(|leg| leg.held.clone()) {
                let options = SyncOptions { approve: Some(held.digest), ..SyncOptions::default() };
                report = sync(house, &options, &stop, nobody()).await?;
            }
            Ok(Came { synced: Some(report), ..Came::default() })
        }
        Act::Move { runbook, to, incomplete_too } => {
            let acknowledged = [Rule::Settle, Rule::MaxLoss, Rule::Windows].into();
            let wish = Wish {
                runbook: (*runbook).to_owned(),
                to: to.clone(),
                acknowledged,
                incomplete_too: *incomplete_too,
                ..Wish::default()
            };
            let proposal = propose(house, &wish).await?;
            let acknowledged = wish.acknowledged.clone();
            let consent = Consent { by, yes: true, acknowledged, ..Consent::default() };
            let moved = begin(house, &wish, &proposal, &consent, &stop, nobody()).await?;
            Ok(Came { moved: Some(moved), ..Came::default() })
        }
        Act::Resume(run) => {
            let moved = resume(house, run, &by, &stop, nobody()).await?;
            Ok(Came { moved: Some(moved), ..Came::default() })
        }
        Act::Approve(run) => {
            approve(house, run, &by, None).await?;
            let moved = resume(house, run, &by, &stop, nobody()).await?;
            Ok(Came { moved: Some(moved), ..Came::default() })
        }
        Act::Acknowledge => {
            let mut came = Came::default();
            for tail in divergences(house, GROUP).await? {
                let Tail::Quarantined { divergence, .. } = &tail.tail else { continue };
                acknowledge(house, GROUP, &divergence.to_string(), &by).await?;
                came.acknowledged.push(tail.place.site.to_string());
            }
            Ok(came)
        }
    }
}

/// The runs that are not over, the latest first, and whether they wait for somebody.
pub(super) async fn open_runs(house: &House) -> Vec<(String, bool)> {
    let all = runs(house, None).await.expect("the runs");
    let open = all.into_iter().rev().filter(|run| ["going", "waiting", "stopped"].contains(&run.state));
    open.map(|run| (run.run, run.state == "waiting")).collect()
}

/// A keeper by chance: one who lets everything pass, one who crashes the process, one who makes weather.
pub(super) fn keeper(chance: &Entropy, is_calm: bool) -> (Keeper, bool) {
    if is_calm {
        return (Keeper::counting(), false);
    }
    let (mut keeper, mut is_disturbed) = match chance.below(3) {
        0 => (Keeper::crashing_at(1 + chance.below(700)), true),
        _ => (Keeper::counting(), false),
    };
    if chance.below(2) == 0 {
        let weather = twinlake_tests::Weather {
            lost: chance.below(25),
            slow: chance.below(25),
            unsaved: if chance.below(10) == 0 { 4 } else { 0 },
        };
        keeper = keeper.in_weather(Entropy::seeded(chance.number()), weather);
        is_disturbed = true;
    }
    (keeper, is_disturbed)
}
