//! Which event may follow which: the one place that knows.
//!
//! | state of the current step | may follow |
//! |---|---|
//! | pending, interrupted, failed, answered, waiting for a moment | began · noted · done, if an earlier attempt acted · skipped · failed (in its check) · waiting |
//! | begun | noted · done · failed |
//! | waiting for an answer | answered |
//! | answered | also answered: who else may approve does so |
//!
//! A run that is stopped takes answers, decisions to skip an optional step, and its resumption. Every run that is not
//! over can be aborted. A run that is over takes nothing.

use twinlake_base::Timestamp;

use crate::{Answer, Because, Entry, RunEvent, RunState, Status, StepState, StepStatus, Wait};

/// Why an event cannot follow.
type Illegal = String;

impl Status {
    /// Whether the event may follow.
    pub(crate) fn judge(&self, event: &RunEvent) -> Result<(), Illegal> {
        match &self.state {
            RunState::Ended(_) | RunState::Aborted { .. } => return Err("the run is over".to_owned()),
            RunState::Stopped { .. } if !goes_with_a_stop(event) => {
                return Err("the run is stopped".to_owned());
            }
            RunState::Stopped { .. } | RunState::Going => {}
        }
        let current = self.current().map(|(_, step)| step);
        match (event.step(), current) {
            (Some(_), None) => Err("every step is settled".to_owned()),
            (Some(name), Some(step)) if step.planned.name != name => {
                Err(format!("the run stands at step {}", step.planned.name))
            }
            (Some(_), Some(step)) => step.judge(event, matches!(self.state, RunState::Stopped { .. })),
            (None, current) => match event {
                RunEvent::RunBegan(_) => Err("a run begins once".to_owned()),
                RunEvent::RunEnded { outcome } => match current {
                    Some(step) => Err(format!("step {} is not settled", step.planned.name)),
                    None if *outcome != self.outcome() => {
                        Err("the outcome is not what the steps say".to_owned())
                    }
                    None => Ok(()),
                },
                _ => Ok(()),
            },
        }
    }

    /// Follows an event that was judged.
    pub(crate) fn follow(&mut self, entry: Entry) {
        match entry.event {
            RunEvent::RunBegan(_) => {}
            RunEvent::RunResumed { .. } => {
                self.state = RunState::Going;
                self.owner = entry.writer;
                for step in &mut self.steps {
                    step.tries = 0;
                    if step.state == StepState::Begun {
                        step.state = StepState::Interrupted;
                    }
                }
            }
            RunEvent::RunStopped { step, why, hint } => self.state = RunState::Stopped { step, why, hint },
            RunEvent::RunEnded { outcome } => self.state = RunState::Ended(outcome),
            RunEvent::RunAborted { by, reason } => self.state = RunState::Aborted { by, reason },
            about_a_step => {
                if let Some(step) = self.steps.iter_mut().find(|step| !step.is_settled()) {
                    step.follow(about_a_step, entry.at);
                }
            }
        }
    }
}

impl StepStatus {
    fn judge(&self, event: &RunEvent, stopped: bool) -> Result<(), Illegal> {
        let begun = self.state == StepState::Begun;
        match event {
            RunEvent::StepBegan { attempt, .. } => {
                self.must_be_free()?;
                self.must_come_next(*attempt)
            }
            RunEvent::StepNoted { .. } if begun => Ok(()),
            RunEvent::StepDone { .. } if begun => Ok(()),
            RunEvent::StepDone { .. } if !self.acted => Err("the step never acted".to_owned()),
            RunEvent::StepFailed { attempt, .. } if begun => {
                let same = *attempt == self.attempts;
                if same { Ok(()) } else { Err(format!("attempt {} is under way", self.attempts)) }
            }
            RunEvent::StepFailed { attempt, .. } => {
                self.must_be_free()?;
                self.must_come_next(*attempt)
            }
            RunEvent::StepSkipped { because, .. } => self.may_be_skipped(because, stopped),
            RunEvent::StepAnswered { .. } => match &self.state {
                StepState::Waiting(Wait::Answer { .. }) | StepState::Answered => Ok(()),
                _ => Err("the step does not wait for an answer".to_owned()),
            },
            _ => self.must_be_free(),
        }
    }

    fn follow(&mut self, event: RunEvent, at: Timestamp) {
        match event {
            RunEvent::StepBegan { .. } => {
                self.count_attempt();
                self.acted = true;
                self.state = StepState::Begun;
            }
            RunEvent::StepNoted { note, .. } => self.notes.push(note),
            RunEvent::StepDone { evidence, .. } => self.state = StepState::Done { evidence },
            RunEvent::StepSkipped { because, reason, evidence, .. } => {
                self.state = StepState::Skipped { because, reason, evidence };
            }
            RunEvent::StepFailed { part, error, class, hint, .. } => {
                if self.state != StepState::Begun {
                    self.count_attempt();
                }
                self.state = StepState::Failed { at, part, error, class, hint };
            }
            RunEvent::StepWaiting { wait, .. } => self.state = StepState::Waiting(wait),
            RunEvent::StepAnswered { by, value, .. } => {
                self.answers.push(Answer { at, by, value });
                self.state = StepState::Answered;
            }
            RunEvent::RunBegan(_)
            | RunEvent::RunResumed { .. }
            | RunEvent::RunStopped { .. }
            | RunEvent::RunEnded { .. }
            | RunEvent::RunAborted { .. } => {}
        }
    }

    /// Neither under way nor waiting for somebody.
    fn must_be_free(&self) -> Result<(), Illegal> {
        match &self.state {
            StepState::Begun => Err(format!("attempt {} is under way", self.attempts)),
            StepState::Waiting(Wait::Answer { .. }) => Err("the step waits for an answer".to_owned()),
            _ => Ok(()),
        }
    }

    fn must_come_next(&self, attempt: u32) -> Result<(), Illegal> {
        let next = self.attempts.saturating_add(1);
        if attempt == next { Ok(()) } else { Err(format!("attempt {next} comes next")) }
    }

    const fn count_attempt(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
        self.tries = self.tries.saturating_add(1);
    }

    fn may_be_skipped(&self, because: &Because, stopped: bool) -> Result<(), Illegal> {
        match because {
            Because::Decided { .. } if !stopped => Err("only a stopped run takes decisions".to_owned()),
            Because::Decided { .. } | Because::GivenUp if !self.planned.optional => {
                Err("the step is not optional".to_owned())
            }
            // Also what waits for an answer that will not come.
            Because::Decided { .. } => Ok(()),
            Because::GivenUp if !matches!(self.state, StepState::Failed { .. }) => {
                Err("the step did not fail".to_owned())
            }
            Because::AlreadyTrue if self.acted => Err("the step acted: it is done, or not".to_owned()),
            Because::GivenUp | Because::AlreadyTrue | Because::NotNeeded => self.must_be_free(),
        }
    }
}

/// What may happen to a run that nobody drives.
const fn goes_with_a_stop(event: &RunEvent) -> bool {
    matches!(
        event,
        RunEvent::RunResumed { .. }
            | RunEvent::RunAborted { .. }
            | RunEvent::StepAnswered { .. }
            | RunEvent::StepSkipped { because: Because::Decided { .. }, .. }
    )
}
