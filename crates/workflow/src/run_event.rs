//! The events of a run, typed. [`Event`] is how a log carries them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use twinlake_base::{ErrorClass, Timestamp};

use crate::{Event, Note, Objectives, PlannedStep, Wait};

/// Everything that can happen in a run. Which may follow which is [`Status`](crate::Status)' business.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", content = "detail")]
pub enum RunEvent {
    /// The run exists, and its writer drives it.
    #[serde(rename = "run.began")]
    RunBegan(RunBegan),
    /// Another engine (or the same one, later) drives it from here on.
    #[serde(rename = "run.resumed")]
    RunResumed {
        /// Who asked for it.
        by: String,
    },
    /// Nobody drives it until somebody resumes it.
    #[serde(rename = "run.stopped")]
    RunStopped {
        /// The step that it stands at, if one is to blame.
        step: Option<String>,
        /// Why.
        why: String,
        /// The next command to run.
        hint: Option<String>,
    },
    /// Every step is done or skipped.
    #[serde(rename = "run.ended")]
    RunEnded {
        /// How.
        outcome: Outcome,
    },
    /// It will never go on. What it did stands.
    #[serde(rename = "run.aborted")]
    RunAborted {
        /// Who decided that.
        by: String,
        /// Why.
        reason: String,
    },
    /// The step's act follows.
    #[serde(rename = "step.began")]
    StepBegan {
        /// Which.
        step: String,
        /// The how manieth attempt, from 1, over the whole run.
        attempt: u32,
    },
    /// The step put something on record.
    #[serde(rename = "step.noted")]
    StepNoted {
        /// Which.
        step: String,
        /// What.
        note: Note,
    },
    /// Its effect stands, and that was confirmed.
    #[serde(rename = "step.done")]
    StepDone {
        /// Which.
        step: String,
        /// The proof.
        evidence: Value,
    },
    /// The run goes on without its act.
    #[serde(rename = "step.skipped")]
    StepSkipped {
        /// Which.
        step: String,
        /// What kind of reason.
        because: Because,
        /// The reason, for people.
        reason: String,
        /// The proof, where the effect stood already.
        evidence: Option<Value>,
    },
    /// An attempt failed.
    #[serde(rename = "step.failed")]
    StepFailed {
        /// Which.
        step: String,
        /// The how manieth attempt.
        attempt: u32,
        /// In which of its functions.
        part: Part,
        /// What happened.
        error: String,
        /// What that means.
        class: ErrorClass,
        /// The next command to run.
        hint: Option<String>,
    },
    /// The step cannot go on yet.
    #[serde(rename = "step.waiting")]
    StepWaiting {
        /// Which.
        step: String,
        /// For what.
        wait: Wait,
    },
    /// Somebody answered.
    #[serde(rename = "step.answered")]
    StepAnswered {
        /// Which.
        step: String,
        /// Who.
        by: String,
        /// What.
        value: Value,
    },
}

/// What a run begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunBegan {
    /// The runbook's name.
    pub runbook: String,
    /// Its version.
    pub version: u32,
    /// Its steps, as they were shown.
    pub outline: Vec<PlannedStep>,
    /// What the run is about, in the runbook's own shape. No secrets, ever.
    pub parameters: Value,
    /// Who began it.
    pub actor: String,
    /// What it is measured against.
    pub objectives: Objectives,
    /// Whether the world is a simulated one: then every figure in its report says so.
    #[serde(default)]
    pub simulated: bool,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// Nothing is missing.
    Complete,
    /// Optional steps were given up.
    Incomplete {
        /// Which.
        missing: Vec<String>,
    },
}

/// Why a step was skipped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Because {
    /// Its effect stood before it was begun.
    AlreadyTrue,
    /// There is nothing for it to do in this run.
    NotNeeded,
    /// It is optional, and failed.
    GivenUp,
    /// It is optional, and somebody decided so.
    Decided {
        /// Who.
        by: String,
    },
}

/// The three functions of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Is it true already, and is it allowed?
    Check,
    /// Make it true.
    Act,
    /// Prove that it is true.
    Confirm,
}

/// A typed event, with who wrote it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// The engine, or the person, that appended it. Engines' names are unique, so that a lost answer to an append can
    /// be settled by reading who wrote.
    pub writer: String,
    /// What happened.
    pub event: RunEvent,
}

impl RunEvent {
    /// The step that it is about.
    #[must_use]
    pub fn step(&self) -> Option<&str> {
        match self {
            Self::RunBegan(_)
            | Self::RunResumed { .. }
            | Self::RunStopped { .. }
            | Self::RunEnded { .. }
            | Self::RunAborted { .. } => None,
            Self::StepBegan { step, .. }
            | Self::StepNoted { step, .. }
            | Self::StepDone { step, .. }
            | Self::StepSkipped { step, .. }
            | Self::StepFailed { step, .. }
            | Self::StepWaiting { step, .. }
            | Self::StepAnswered { step, .. } => Some(step),
        }
    }
}

impl Entry {
    /// As a log carries it.
    ///
    /// # Errors
    /// A text that says why it would not be readable again: a figure that is not a number.
    pub fn to_event(&self) -> Result<Event, String> {
        let mut whole = serde_json::to_value(&self.event).map_err(|error| error.to_string())?;
        let name = whole["name"].as_str().unwrap_or_default().to_owned();
        let mut detail = whole["detail"].take();
        detail["writer"] = json!(self.writer);
        let event = Event { at: self.at, name, detail };
        // What cannot be read back must not get into a log that nobody can then load.
        Self::from_event(&event)?;
        Ok(event)
    }

    /// From what a log carries. Fields that this version does not know are ignored.
    ///
    /// # Errors
    /// A text that says what is not understood.
    pub fn from_event(event: &Event) -> Result<Self, String> {
        let writer = event.detail["writer"].as_str().ok_or("it does not say who wrote it")?.to_owned();
        let whole = json!({ "name": event.name, "detail": event.detail });
        let typed = serde_json::from_value(whole).map_err(|error| error.to_string())?;
        Ok(Self { at: event.at, writer, event: typed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Figure;

    fn entry(event: RunEvent) -> Entry {
        Entry { at: Timestamp::UNIX_EPOCH, writer: "engine-1".to_owned(), event }
    }

    #[test]
    fn an_event_comes_back_as_it_was_written() {
        let entry = entry(RunEvent::StepSkipped {
            step: "quiesce".to_owned(),
            because: Because::Decided { by: "ada".to_owned() },
            reason: "the primary is gone".to_owned(),
            evidence: Some(json!({ "writer": "not the writer" })),
        });
        let event = entry.to_event().unwrap();
        assert_eq!(event.name, "step.skipped");
        assert_eq!(Entry::from_event(&event).unwrap(), entry);
    }

    #[test]
    fn a_figure_that_is_not_a_number_never_gets_into_a_log() {
        let note = Note::Figure(Figure::seconds(Figure::RTO, f64::NAN));
        assert!(entry(RunEvent::StepNoted { step: "wake".to_owned(), note }).to_event().is_err());
    }

    #[test]
    fn an_event_of_another_version_is_named_and_not_guessed() {
        let mut event = entry(RunEvent::RunResumed { by: "ada".to_owned() }).to_event().unwrap();
        event.name = "run.teleported".to_owned();
        assert!(Entry::from_event(&event).unwrap_err().contains("run.teleported"));
    }
}
