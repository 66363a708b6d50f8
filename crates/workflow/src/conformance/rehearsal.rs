//! One run on one stage, by as many processes as it takes.

use std::sync::Arc;

use twinlake_base::{Clock, Entropy, Gate, Timestamp};

use super::Scenario;
use super::gated::GatedLog;
use crate::{
    Authority, Begin, Ending, Engine, Interceptor, Intervention, Log, MemoryLog, Objectives, Outcome,
    Recorded, Status, StepState, Wait, WorkflowError, intervene,
};

/// The run's name.
const RUN: &str = "rehearsal";

/// More answers, or processes, than any honest runbook needs.
const MANY: usize = 64;

/// A stage, a log, and the clock of both.
pub(crate) struct Rehearsal<'s, S: Scenario> {
    pub(crate) scenario: &'s S,
    pub(crate) stage: S::Stage,
    pub(crate) log: MemoryLog,
    clock: Clock,
    entropy: Entropy,
}

/// What one process is like.
#[derive(Clone)]
pub(crate) struct Process {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) gate: Gate,
    pub(crate) interceptor: Option<Arc<dyn Interceptor>>,
    pub(crate) authority: Option<Arc<dyn Authority>>,
}

impl<'s, S: Scenario> Rehearsal<'s, S> {
    pub(crate) async fn new(scenario: &'s S) -> Self {
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
        let stage = scenario.stage(&clock).await;
        Self { scenario, stage, log: MemoryLog::default(), clock, entropy: Entropy::seeded(1) }
    }

    /// A run that was left so, at that moment.
    #[cfg(test)]
    pub(crate) fn left(scenario: &'s S, stage: S::Stage, log: MemoryLog, at: Timestamp) -> Self {
        Self { scenario, stage, log, clock: Clock::simulated(at), entropy: Entropy::seeded(2) }
    }

    /// A process to which nothing happens.
    pub(crate) fn healthy(&self) -> Process {
        let log = Arc::new(self.log.clone());
        Process { log, gate: Gate::open(), interceptor: None, authority: None }
    }

    /// A process whose appends pass the gate, and whose world does.
    pub(crate) fn gated(&self, gate: Gate) -> Process {
        let log = Arc::new(GatedLog { log: Arc::new(self.log.clone()), gate: gate.clone() });
        Process { log, gate, interceptor: None, authority: None }
    }

    /// Begins the run, or goes on with it, and answers what is asked, until the engine leaves for another reason.
    pub(crate) async fn go(&self, process: Process) -> Result<Ending, WorkflowError> {
        let world = self.scenario.open(&self.stage, &self.clock, &process.gate).await;
        let mut engine = Engine::new(process.log, self.clock.clone(), self.entropy.clone(), "rehearsal");
        if let Some(interceptor) = process.interceptor {
            engine = engine.intercepted_by(interceptor);
        }
        if let Some(authority) = process.authority {
            engine = engine.permitted_by(authority);
        }
        let runbook = self.scenario.runbook();
        let mut ending = if self.events().await.is_empty() {
            engine.begin(runbook, &world, RUN, self.begin()).await?
        } else {
            engine.resume(runbook, &world, RUN, "rehearsal").await?
        };
        for _ in 0..MANY {
            let Ending::Waiting { step, wait } = &ending else { return Ok(ending) };
            if !self.waits_still(step).await {
                return Ok(ending);
            }
            let value = self.scenario.answer(&self.stage, step, wait).await;
            let answer = Intervention::Answer { step: step.clone(), value };
            intervene(Arc::new(self.log.clone()), &self.clock, RUN, "somebody", answer).await?;
            ending = engine.resume(runbook, &world, RUN, "rehearsal").await?;
        }
        panic!("after {MANY} answers the runbook still asks: {ending:?}");
    }

    /// Goes on with healthy processes until the run is over.
    pub(crate) async fn to_the_end(&self) -> Outcome {
        let mut last = None;
        for _ in 0..MANY {
            match self.go(self.healthy()).await.expect("a healthy process can drive the run") {
                Ending::Ended(outcome) => return outcome,
                ending => last = Some(ending),
            }
        }
        panic!("after {MANY} resumptions the run is not over: {last:?}");
    }

    /// Goes on to the end, and holds that against what an undisturbed run gave.
    pub(crate) async fn ends_like(&self, expected: &S::End, disturbed_by: &str) {
        let outcome = self.to_the_end().await;
        assert_eq!(outcome, self.scenario.outcome(), "how the run ended, disturbed by {disturbed_by}");
        let found = self.scenario.end_state(&self.stage).await;
        if let Err(difference) = self.scenario.same_end_state(expected, &found) {
            panic!("the run ended elsewhere, disturbed by {disturbed_by}: {difference}");
        }
    }

    pub(crate) async fn events(&self) -> Vec<Recorded> {
        self.log.read(RUN).await.unwrap()
    }

    pub(crate) async fn status(&self) -> Status {
        Status::replay(&self.events().await).expect("what engines and people append can be loaded")
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn waits_still(&self, step: &str) -> bool {
        let status = self.status().await;
        let state = status.step(step).map(|step| &step.state);
        matches!(state, Some(StepState::Waiting(Wait::Answer { .. })))
    }

    fn begin(&self) -> Begin {
        Begin {
            parameters: self.scenario.parameters(),
            actor: "rehearsal".to_owned(),
            objectives: Objectives { rpo_seconds: Some(900), rto_seconds: Some(3600) },
            simulated: true,
        }
    }
}

/// The end of a run to which nothing happened.
pub(crate) async fn undisturbed<S: Scenario>(scenario: &S) -> S::End {
    let rehearsal = Rehearsal::new(scenario).await;
    assert_eq!(rehearsal.to_the_end().await, scenario.outcome(), "how an undisturbed run ended");
    scenario.end_state(&rehearsal.stage).await
}
