//! A runbook as it is shown before approval and kept in the run's first event.

use serde::{Deserialize, Serialize};

use crate::UndoClass;

/// One step, without its functions. A report needs nothing else to be readable years later, whatever became of the
/// runbook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedStep {
    /// Its name, unique in the runbook.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// What it does, in a sentence.
    pub does: String,
    /// The part of the run that it belongs to.
    pub phase: String,
    /// Whether it can be undone.
    pub undo: UndoClass,
    /// How, or why not.
    pub undo_how: String,
    /// Whether the run goes on without it.
    pub optional: bool,
    /// How long one attempt may take.
    pub deadline_seconds: u64,
}
