//! Where a run stands: what its log says, and nothing else.
//!
//! A status is made by replaying events through one pure transition, the same for an engine that goes on, a person
//! who answers, and a page that shows. A history that breaks the order of events cannot be loaded.

use serde_json::Value;
use twinlake_base::{ErrorClass, Timestamp};

use crate::{
    Answer, Because, Entry, IllegalEvent, Note, Outcome, Part, PlannedStep, Recorded, RunBegan, RunEvent,
    Seq, UndoClass, Wait,
};

/// A run at the end of its log.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// What it began with.
    pub began: RunBegan,
    /// When it began.
    pub began_at: Timestamp,
    /// The engine that drives it: the writer of the last beginning or resumption.
    pub owner: String,
    /// The run as a whole.
    pub state: RunState,
    /// Its steps, in order.
    pub steps: Vec<StepStatus>,
    /// The last event.
    pub last: Seq,
    /// When that was.
    pub last_at: Timestamp,
}

/// The run as a whole.
#[derive(Clone, Debug, PartialEq)]
pub enum RunState {
    /// Somebody drives it, or died driving it.
    Going,
    /// It stands until somebody resumes it.
    Stopped {
        /// The step that it stands at, if one is to blame.
        step: Option<String>,
        /// Why.
        why: String,
        /// The next command to run.
        hint: Option<String>,
    },
    /// It is over.
    Ended(Outcome),
    /// It is over, unfinished.
    Aborted {
        /// Who decided that.
        by: String,
        /// Why.
        reason: String,
    },
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct StepStatus {
    /// As it was planned.
    pub planned: PlannedStep,
    /// Where it stands.
    pub state: StepState,
    /// Attempts over the whole run.
    pub attempts: u32,
    /// Attempts since the run was last begun or resumed.
    pub tries: u32,
    /// Whether any attempt came as far as its act: then it may have taken effect.
    pub acted: bool,
    /// What was answered.
    pub answers: Vec<Answer>,
    /// What it put on record.
    pub notes: Vec<Note>,
}

/// Where a step stands.
#[derive(Clone, Debug, PartialEq)]
pub enum StepState {
    /// Nothing happened yet.
    Pending,
    /// Its act was announced.
    Begun,
    /// Its act was announced, and then the run was resumed.
    Interrupted,
    /// Its last attempt failed.
    Failed {
        /// When.
        at: Timestamp,
        /// In which of its functions.
        part: Part,
        /// What happened.
        error: String,
        /// What that means.
        class: ErrorClass,
        /// The next command to run.
        hint: Option<String>,
    },
    /// It waits.
    Waiting(Wait),
    /// It was answered, and has not looked at the answers yet.
    Answered,
    /// Its effect stands.
    Done {
        /// The proof.
        evidence: Value,
    },
    /// The run goes on without its act.
    Skipped {
        /// What kind of reason.
        because: Because,
        /// The reason, for people.
        reason: String,
        /// The proof, where the effect stood already.
        evidence: Option<Value>,
    },
}

impl Status {
    /// Loads a history: all events of a run, in order.
    ///
    /// # Errors
    /// [`IllegalEvent`], for the first event that cannot follow what is before it. A log without events is none.
    pub fn replay(events: &[Recorded]) -> Result<Self, IllegalEvent> {
        let Some((first, rest)) = events.split_first() else {
            return Err(IllegalEvent::new(Seq::START, "nothing", "the run never began"));
        };
        let mut status = Self::begin(first)?;
        for recorded in rest {
            status.apply(recorded)?;
        }
        Ok(status)
    }

    /// Goes on by one event.
    ///
    /// # Errors
    /// [`IllegalEvent`]; the status is then what it was.
    pub fn apply(&mut self, recorded: &Recorded) -> Result<(), IllegalEvent> {
        let refuse = |why: String| IllegalEvent::new(recorded.seq, &recorded.event.name, why);
        if recorded.seq != self.last.next() {
            return Err(refuse(format!("it was expected to have the number {}", self.last.next())));
        }
        let entry = Entry::from_event(&recorded.event).map_err(refuse)?;
        self.judge(&entry.event).map_err(refuse)?;
        self.last = recorded.seq;
        self.last_at = entry.at;
        self.follow(entry);
        Ok(())
    }

    /// The first step that is neither done nor skipped, with its place.
    #[must_use]
    pub fn current(&self) -> Option<(usize, &StepStatus)> {
        self.steps.iter().enumerate().find(|(_, step)| !step.is_settled())
    }

    /// A step by its name.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&StepStatus> {
        self.steps.iter().find(|step| step.planned.name == name)
    }

    /// How the run ends if it ends now.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        let without = |step: &&StepStatus| {
            matches!(
                &step.state,
                StepState::Skipped { because: Because::GivenUp | Because::Decided { .. }, .. }
            )
        };
        let missing: Vec<_> =
            self.steps.iter().filter(without).map(|step| step.planned.name.clone()).collect();
        if missing.is_empty() { Outcome::Complete } else { Outcome::Incomplete { missing } }
    }

    /// Whether nothing can follow any more.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, RunState::Ended(_) | RunState::Aborted { .. })
    }

    /// What may have taken effect so far, in order: what an abort leaves standing.
    pub fn standing(&self) -> impl Iterator<Item = &PlannedStep> {
        self.steps.iter().filter(|step| step.acted).map(|step| &step.planned)
    }

    /// The first step that may have taken effect and cannot be undone.
    #[must_use]
    pub fn point_of_no_return(&self) -> Option<&PlannedStep> {
        self.standing().find(|step| step.undo == UndoClass::Forward)
    }

    fn begin(first: &Recorded) -> Result<Self, IllegalEvent> {
        let refuse = |why: String| IllegalEvent::new(first.seq, &first.event.name, why);
        if first.seq != Seq::START.next() {
            return Err(refuse("a history begins with the event 1".to_owned()));
        }
        let entry = Entry::from_event(&first.event).map_err(refuse)?;
        let RunEvent::RunBegan(began) = entry.event else {
            return Err(refuse("a history begins with run.began".to_owned()));
        };
        let steps = began.outline.iter().cloned().map(StepStatus::pending).collect();
        Ok(Self {
            began,
            began_at: entry.at,
            owner: entry.writer,
            state: RunState::Going,
            steps,
            last: first.seq,
            last_at: entry.at,
        })
    }
}

impl StepStatus {
    /// Whether it is done or skipped.
    #[must_use]
    pub const fn is_settled(&self) -> bool {
        matches!(self.state, StepState::Done { .. } | StepState::Skipped { .. })
    }

    /// The proof that its effect stands.
    #[must_use]
    pub const fn evidence(&self) -> Option<&Value> {
        match &self.state {
            StepState::Done { evidence } => Some(evidence),
            StepState::Skipped { evidence, .. } => evidence.as_ref(),
            _ => None,
        }
    }

    /// The last fact of that name.
    #[must_use]
    pub fn fact(&self, wanted: &str) -> Option<&Value> {
        self.notes.iter().rev().find_map(|note| match note {
            Note::Fact { name, value } if name == wanted => Some(value),
            _ => None,
        })
    }

    const fn pending(planned: PlannedStep) -> Self {
        Self {
            planned,
            state: StepState::Pending,
            attempts: 0,
            tries: 0,
            acted: false,
            answers: Vec::new(),
            notes: Vec::new(),
        }
    }
}
