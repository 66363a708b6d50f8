//! What a run does next: a decision, made from its status alone.

use jiff::SignedDuration;
use twinlake_base::{ErrorClass, Timestamp};

use crate::{Outcome, RunState, Runbook, Status, Step, StepState, StepStatus, Wait};

/// The next thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// Attempt the step at this place of the runbook, beginning with its check.
    Run(usize),
    /// The step at this place cannot go on yet.
    Wait {
        /// Which.
        index: usize,
        /// For what. A moment is always in the future.
        wait: Wait,
    },
    /// Go on without the step at this place: it is optional, and failed.
    GiveUp {
        /// Which.
        index: usize,
        /// The failure.
        reason: String,
    },
    /// Stop until somebody resumes.
    Stop {
        /// The step that is to blame, if one is.
        step: Option<String>,
        /// Why.
        why: String,
        /// What it means.
        class: ErrorClass,
        /// The next command to run.
        hint: Option<String>,
    },
    /// Every step is settled: end the run so.
    End(Outcome),
    /// The run is over.
    Over,
}

/// Decides from where the run stands.
///
/// `now` is only compared with moments that are waited for. A step that is under way is to be attempted again: whoever
/// asks this about somebody else's run must first become its owner.
#[must_use]
pub fn next_step<C: ?Sized + 'static>(runbook: &Runbook<C>, status: &Status, now: Timestamp) -> Next {
    match &status.state {
        RunState::Ended(_) | RunState::Aborted { .. } => return Next::Over,
        RunState::Stopped { step, why, hint } => {
            let (step, why, hint) = (step.clone(), why.clone(), hint.clone());
            return Next::Stop { step, why, class: ErrorClass::Refused, hint };
        }
        RunState::Going => {}
    }
    if let Some(why) = runbook.disagrees_with(&status.began) {
        let hint = Some("resume it with the version of the program that began it".to_owned());
        return Next::Stop { step: None, why, class: ErrorClass::Invalid, hint };
    }
    let Some((index, current)) = status.current() else { return Next::End(status.outcome()) };
    let Some(step) = runbook.steps.get(index) else { return Next::End(status.outcome()) };
    next_of_step(index, step, current, now)
}

fn next_of_step<C: ?Sized>(index: usize, step: &Step<C>, current: &StepStatus, now: Timestamp) -> Next {
    match &current.state {
        StepState::Waiting(Wait::Until { at, .. }) if *at <= now => Next::Run(index),
        StepState::Waiting(wait) => Next::Wait { index, wait: wait.clone() },
        // The resumption is what the failure waited for.
        StepState::Failed { .. } if current.tries == 0 => Next::Run(index),
        StepState::Failed { at, error, class, hint, .. } => {
            match step.retries.delay_after(current.tries, *class) {
                Some(delay) => {
                    let delay = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX);
                    let at = at.checked_add(delay).unwrap_or(Timestamp::MAX);
                    if at <= now {
                        return Next::Run(index);
                    }
                    let (tries, attempts) = (current.tries, step.retries.attempts);
                    let why = format!("attempt {tries} of {attempts} failed: {error}");
                    Next::Wait { index, wait: Wait::Until { at, why } }
                }
                None if step.optional => Next::GiveUp { index, reason: error.clone() },
                None => Next::Stop {
                    step: Some(step.name.to_owned()),
                    why: error.clone(),
                    class: *class,
                    hint: hint.clone(),
                },
            }
        }
        _ => Next::Run(index),
    }
}
