//! What people add to a run that they do not drive: answers, stops, decisions, an end.
//!
//! Whoever drives the run learns of it at its next append, and before its next act.

use serde_json::Value;
use std::sync::Arc;
use twinlake_base::Clock;

use crate::journal::Pen;
use crate::{Appended, Because, Log, Recorded, RunEvent, Status, Unwatched, WorkflowError};

/// How often an intervention looks again because others were faster.
const TRIES: u32 = 16;

/// One person's word on a run.
#[derive(Clone, Debug, PartialEq)]
pub enum Intervention {
    /// Answers what the step waits for.
    Answer {
        /// Which step.
        step: String,
        /// What. No secrets, ever.
        value: Value,
    },
    /// Stops the run before its next act. A step under way may still take effect; whoever resumes looks.
    Stop,
    /// Goes on without an optional step of a stopped run.
    Skip {
        /// Which step.
        step: String,
        /// Why.
        reason: String,
    },
    /// Ends the run for good. What it did stands: [`Status::standing`] lists it.
    Abort {
        /// Why.
        reason: String,
    },
}

/// Adds one person's word to a run, and gives where it stands then.
///
/// # Errors
/// [`WorkflowError::NotNow`] if the run does not take it as it stands.
pub async fn intervene(
    log: Arc<dyn Log>,
    clock: &Clock,
    run: &str,
    by: &str,
    intervention: Intervention,
) -> Result<Status, WorkflowError> {
    let writer = format!("person:{by}");
    let pen = Pen { log, run: run.to_owned(), writer, clock: clock.clone(), watch: Arc::new(Unwatched) };
    let event = intervention.into_event(by);
    for _ in 0..TRIES {
        let mut status = pen.load().await?;
        status.judge(&event).map_err(|why| WorkflowError::NotNow { run: run.to_owned(), why })?;
        let recorded = pen.event(event.clone())?;
        if let Appended::At(seq) = pen.put(status.last, &recorded).await? {
            let recorded = Recorded { seq, event: recorded };
            status
                .apply(&recorded)
                .map_err(|source| WorkflowError::History { run: run.to_owned(), source })?;
            return Ok(status);
        }
    }
    Err(WorkflowError::Busy { run: run.to_owned() })
}

impl Intervention {
    fn into_event(self, by: &str) -> RunEvent {
        let by = by.to_owned();
        match self {
            Self::Answer { step, value } => RunEvent::StepAnswered { step, by, value },
            Self::Stop => {
                RunEvent::RunStopped { step: None, why: format!("{by} asked it to stop"), hint: None }
            }
            Self::Skip { step, reason } => {
                RunEvent::StepSkipped { step, because: Because::Decided { by }, reason, evidence: None }
            }
            Self::Abort { reason } => RunEvent::RunAborted { by, reason },
        }
    }
}
