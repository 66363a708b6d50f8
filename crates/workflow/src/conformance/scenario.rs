//! How a runbook is brought to its suites.

use std::fmt::Debug;

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_base::{Clock, Gate};

use crate::{Outcome, Runbook, Wait};

/// A runbook with a situation to run it in.
#[async_trait]
pub trait Scenario: Send + Sync {
    /// What the runbook's steps act on: the client side, as one process holds it.
    type World: Send + Sync + 'static;
    /// The outside that stays when a process dies: simulated sites, stores.
    type Stage: Send + Sync;
    /// What is compared at the end of a run.
    type End: Debug + Send + Sync;

    /// The runbook.
    fn runbook(&self) -> &Runbook<Self::World>;

    /// What the run is about.
    fn parameters(&self) -> Value;

    /// A new stage, the same each time: all runs of a suite begin alike.
    async fn stage(&self, clock: &Clock) -> Self::Stage;

    /// A new process: everything that acts on the stage, and nothing remembered. Every effect on the stage must ask
    /// the gate before and after, and be refused once it has crashed.
    async fn open(&self, stage: &Self::Stage, clock: &Clock, gate: &Gate) -> Self::World;

    /// What somebody answers when the step waits for it. By default `true`.
    async fn answer(&self, _stage: &Self::Stage, _step: &str, _wait: &Wait) -> Value {
        json!(true)
    }

    /// How the run ends if nothing goes wrong. By default complete.
    fn outcome(&self) -> Outcome {
        Outcome::Complete
    }

    /// The stage as it is after a run.
    async fn end_state(&self, stage: &Self::Stage) -> Self::End;

    /// Whether two ends are the same as far as the runbook promises: generated ids and dates may differ, copies,
    /// numbers that are taken, and anything awake twice may not.
    ///
    /// # Errors
    /// What differs, for whoever reads the failing test.
    fn same_end_state(&self, expected: &Self::End, found: &Self::End) -> Result<(), String>;
}
