//! One step of a runbook, and the contract of its three functions.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;

use crate::{PlannedStep, Retries, StepContext, StepError, Undo, Wait};

/// A row of a runbook's table. `C` is the narrow world that the runbook's steps act on.
pub struct Step<C: ?Sized + 'static> {
    /// Unique in the runbook, and never changed: logs refer to it.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// What it does, in a sentence.
    pub does: &'static str,
    /// The part of the run that it belongs to; steps of one phase follow each other.
    pub phase: &'static str,
    /// Whether it can be undone.
    pub undo: Undo,
    /// How long one attempt (check, act and confirm together) may take.
    pub deadline: Duration,
    /// When it is tried again.
    pub retries: Retries,
    /// Whether the run goes on without it when it fails. The run then ends incomplete.
    pub optional: bool,
    /// Its functions.
    pub work: &'static dyn Work<C>,
}

/// What a step's `check` found.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// It is not true yet, and may be made true.
    Act,
    /// It is true already. After an attempt the step is then confirmed and done; before any, confirmed and skipped.
    Already(String),
    /// There is nothing to do in this run.
    Skip(String),
    /// Not yet.
    Wait(Wait),
    /// It is not allowed: the run stops.
    Refuse {
        /// Why.
        reason: String,
        /// The next command to run.
        hint: Option<String>,
    },
}

/// What a step does.
///
/// The engine calls `check`, then appends `step.began`, then calls `act`, then `confirm`, then appends `step.done`. It
/// may die between any two of these and inside each, and whoever resumes begins again with `check`. Therefore:
///
/// - `check` and `confirm` change nothing, and look at the world rather than at what this process remembers;
/// - `act` may be repeated, whole or after any part of it happened: what is done is found done;
/// - what `act` chooses freely (a number, a name) it [notes](StepContext::note) as a fact before the first effect that
///   depends on it, and reads back on its next attempt;
/// - a future is dropped at its deadline, so a request under way then must be bounded by
///   [`StepContext::deadline`], and found by the next check.
#[async_trait]
pub trait Work<C: ?Sized + 'static>: Send + Sync {
    /// Whether it is true already, and whether it is allowed.
    ///
    /// # Errors
    /// [`StepError`]: it could not be found out.
    async fn check(&self, world: &C, context: &StepContext) -> Result<Check, StepError>;

    /// Makes it true.
    ///
    /// # Errors
    /// [`StepError`]: it may be true, in part or not at all.
    async fn act(&self, world: &C, context: &StepContext) -> Result<(), StepError>;

    /// Proves that it is true, and gives the proof, which later steps may read. No secrets, ever.
    ///
    /// # Errors
    /// [`StepError`]: it is not true, or could not be found out.
    async fn confirm(&self, world: &C, context: &StepContext) -> Result<Value, StepError>;
}

impl<C: ?Sized + 'static> Step<C> {
    /// The step as it is shown before approval.
    #[must_use]
    pub fn planned(&self) -> PlannedStep {
        PlannedStep {
            name: self.name.to_owned(),
            title: self.title.to_owned(),
            does: self.does.to_owned(),
            phase: self.phase.to_owned(),
            undo: self.undo.class(),
            undo_how: self.undo.sentence().to_owned(),
            optional: self.optional,
            deadline_seconds: self.deadline.as_secs(),
        }
    }
}
