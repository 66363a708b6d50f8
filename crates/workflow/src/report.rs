//! The record of a run that an auditor accepts: who, what, when, with which evidence.
//!
//! A report is made from the run's log alone, live or years later, and rendered by pure functions: as [text], as
//! [Markdown] and as [JSON].
//!
//! [text]: RunReport::text
//! [Markdown]: RunReport::markdown
//! [JSON]: RunReport::json

mod accounts;
mod json;
mod markdown;
mod text;
mod words;

use serde::Serialize;
use serde_json::Value;
use twinlake_base::{ErrorClass, Timestamp};

use crate::{Answer, Figure, IllegalEvent, Objectives, Part, PlannedStep, Recorded};

/// A run, told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunReport {
    /// The run.
    pub run: String,
    /// The runbook.
    pub runbook: String,
    /// Its version.
    pub version: u32,
    /// Who began it.
    pub actor: String,
    /// What it was about.
    pub parameters: Value,
    /// Whether the world was a simulated one; then so is every figure.
    pub simulated: bool,
    /// `going`, `waiting`, `stopped`, `complete`, `incomplete` or `aborted`.
    pub state: &'static str,
    /// Why it is stopped, waits, or was aborted.
    pub why: Option<String>,
    /// The next command to run.
    pub hint: Option<String>,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended, if it did.
    pub ended_at: Option<Timestamp>,
    /// When this was told.
    pub told_at: Timestamp,
    /// From its beginning to its end, or until now.
    pub seconds: f64,
    /// Of these, steps waited so long for people or moments.
    pub waited_seconds: f64,
    /// Of these, nobody drove the run so long.
    pub stopped_seconds: f64,
    /// What it was measured against.
    pub objectives: Objectives,
    /// The objectives that were set, with what was measured.
    pub judged: Vec<Judged>,
    /// Who drove it, in order.
    pub drivers: Vec<Driver>,
    /// Its steps, in order.
    pub steps: Vec<StepReport>,
    /// What steps measured, in order.
    pub figures: Vec<Measured>,
    /// What went otherwise than the runbook intends, in order.
    pub deviations: Vec<Deviation>,
}

/// One step, told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepReport {
    /// As it was planned.
    #[serde(flatten)]
    pub planned: PlannedStep,
    /// `pending`, `running`, `interrupted`, `failed`, `waiting`, `answered`, `done` or `skipped`.
    pub state: &'static str,
    /// Why it was skipped, or what it waits for.
    pub reason: Option<String>,
    /// When the run came to it.
    pub began_at: Option<Timestamp>,
    /// When it was done or skipped.
    pub ended_at: Option<Timestamp>,
    /// How long it was worked on, delays between attempts included.
    pub seconds: f64,
    /// How long it waited for people or moments.
    pub waited_seconds: f64,
    /// Attempts.
    pub attempts: u32,
    /// The attempts that failed.
    pub failures: Vec<Failure>,
    /// What was answered.
    pub answers: Vec<Answer>,
    /// The proof that its effect stands.
    pub evidence: Option<Value>,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// When.
    pub at: Timestamp,
    /// The how manieth.
    pub attempt: u32,
    /// In which of the step's functions.
    pub part: Part,
    /// What happened.
    pub error: String,
    /// What that means.
    pub class: ErrorClass,
    /// The next command to run.
    pub hint: Option<String>,
}

/// A figure and the step that measured it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measured {
    /// Which step.
    pub step: String,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub figure: Figure,
}

/// An objective and what was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// Which figure.
    pub name: String,
    /// The most that was allowed.
    pub target_seconds: u64,
    /// What was measured; nothing, if no step measured it.
    pub measured_seconds: Option<f64>,
    /// Whether that was met.
    pub met: Option<bool>,
}

/// Who drove the run from when on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Driver {
    /// From when.
    pub at: Timestamp,
    /// Who asked for it.
    pub by: String,
    /// The engine.
    pub engine: String,
}

/// Something that went otherwise than the runbook intends.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deviation {
    /// When.
    pub at: Timestamp,
    /// At which step.
    pub step: Option<String>,
    /// What.
    pub what: String,
}

impl RunReport {
    /// Tells a run from its log. `now` is when it is told; a run that is not over is told until then.
    ///
    /// # Errors
    /// [`IllegalEvent`]: the log cannot be loaded.
    pub fn of(run: &str, events: &[Recorded], now: Timestamp) -> Result<Self, IllegalEvent> {
        accounts::tell(run, events, now)
    }
}
