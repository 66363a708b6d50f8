//! From a log to a report: each stretch of time between two events is put to one account.

use twinlake_base::Timestamp;

use super::{Deviation, Driver, Failure, Judged, Measured, RunReport, StepReport};
use crate::{
    Because, Entry, Figure, IllegalEvent, Note, Outcome, Recorded, RunEvent, RunState, Status, StepState,
    StepStatus, Wait,
};

/// Tells a run.
pub(super) fn tell(run: &str, events: &[Recorded], now: Timestamp) -> Result<RunReport, IllegalEvent> {
    let begun = Status::replay(events.get(..1).unwrap_or_default())?;
    let mut report = blank(run, &begun, now);
    let mut status = begun;
    for recorded in events.iter().skip(1) {
        let before = status.clone();
        status.apply(recorded)?;
        if let Ok(entry) = Entry::from_event(&recorded.event) {
            let unattended = matches!(entry.event, RunEvent::RunResumed { .. });
            report.account(&before, entry.at, unattended);
            report.follow(&before, entry);
        }
    }
    if !status.is_over() {
        report.account(&status, now.max(status.last_at), false);
    }
    report.conclude(&status, now);
    Ok(report)
}

fn blank(run: &str, begun: &Status, now: Timestamp) -> RunReport {
    let began = &begun.began;
    let driver = Driver { at: begun.began_at, by: began.actor.clone(), engine: begun.owner.clone() };
    let step = |step: &StepStatus| StepReport {
        planned: step.planned.clone(),
        state: "pending",
        reason: None,
        began_at: None,
        ended_at: None,
        seconds: 0.0,
        waited_seconds: 0.0,
        attempts: 0,
        failures: Vec::new(),
        answers: Vec::new(),
        evidence: None,
    };
    RunReport {
        run: run.to_owned(),
        runbook: began.runbook.clone(),
        version: began.version,
        actor: began.actor.clone(),
        parameters: began.parameters.clone(),
        simulated: began.simulated,
        state: "going",
        why: None,
        hint: None,
        began_at: begun.began_at,
        ended_at: None,
        told_at: now,
        seconds: 0.0,
        waited_seconds: 0.0,
        stopped_seconds: 0.0,
        objectives: began.objectives,
        judged: Vec::new(),
        drivers: vec![driver],
        steps: begun.steps.iter().map(step).collect(),
        figures: Vec::new(),
        deviations: Vec::new(),
    }
}

impl RunReport {
    /// Puts the stretch since the last event to the run's and the current step's account.
    fn account(&mut self, before: &Status, until: Timestamp, unattended: bool) {
        // Dates of different machines may disagree; a stretch is never negative.
        let seconds = until.duration_since(before.last_at).as_secs_f64().max(0.0);
        let current = before.current();
        let waits = current.is_some_and(|(_, step)| matches!(step.state, StepState::Waiting(_)));
        let stopped = matches!(before.state, RunState::Stopped { .. });
        let Some(step) = current.and_then(|(index, _)| self.steps.get_mut(index)) else { return };
        if stopped || (unattended && !waits) {
            self.stopped_seconds += seconds;
            return;
        }
        step.began_at.get_or_insert(before.last_at);
        if waits {
            step.waited_seconds += seconds;
            self.waited_seconds += seconds;
        } else {
            step.seconds += seconds;
        }
    }

    fn follow(&mut self, before: &Status, entry: Entry) {
        let Entry { at, writer, event } = entry;
        let index = before.current().map(|(index, _)| index);
        let mut deviate = |step: Option<String>, what: String| {
            self.deviations.push(Deviation { at, step, what });
        };
        match event {
            RunEvent::RunResumed { by } => {
                if before.state == RunState::Going
                    && before.current().is_some_and(|(_, step)| step.state == StepState::Begun)
                {
                    let step = before.current().map(|(_, step)| step.planned.name.clone());
                    deviate(step, "the engine was lost while the step was under way".to_owned());
                }
                self.drivers.push(Driver { at, by, engine: writer });
            }
            RunEvent::RunStopped { step, why, .. } => deviate(step, format!("the run stopped: {why}")),
            RunEvent::RunAborted { by, reason } => {
                let standing: Vec<_> = before.standing().map(|step| step.name.as_str()).collect();
                let stands = if standing.is_empty() {
                    "nothing had been done".to_owned()
                } else {
                    format!("what was done stands: {}", standing.join(", "))
                };
                deviate(None, format!("aborted by {by}: {reason}; {stands}"));
                self.ended_at = Some(at);
            }
            RunEvent::RunEnded { .. } => self.ended_at = Some(at),
            RunEvent::StepFailed { step, attempt, part, error, class, hint } => {
                deviate(Some(step), format!("attempt {attempt} failed: {error}"));
                if let Some(step) = index.and_then(|index| self.steps.get_mut(index)) {
                    step.failures.push(Failure { at, attempt, part, error, class, hint });
                }
            }
            RunEvent::StepSkipped { step, because: Because::GivenUp, reason, .. } => {
                deviate(Some(step), format!("given up: {reason}"));
            }
            RunEvent::StepSkipped { step, because: Because::Decided { by }, reason, .. } => {
                deviate(Some(step), format!("skipped by {by}: {reason}"));
            }
            RunEvent::StepNoted { step, note: Note::Deviation { what } } => deviate(Some(step), what),
            RunEvent::StepNoted { step, note: Note::Figure(figure) } => {
                self.figures.push(Measured { step, at, figure });
            }
            _ => {}
        }
        if let Some(step) = index.and_then(|index| self.steps.get_mut(index)) {
            step.ended_at = Some(at);
        }
    }

    fn conclude(&mut self, status: &Status, now: Timestamp) {
        let end = self.ended_at.unwrap_or_else(|| now.max(self.began_at));
        self.seconds = end.duration_since(self.began_at).as_secs_f64().max(0.0);
        for (told, step) in self.steps.iter_mut().zip(&status.steps) {
            told.conclude(step);
        }
        let waiting = status.current().and_then(|(_, step)| match &step.state {
            StepState::Waiting(wait) => Some(waits_for(wait)),
            _ => None,
        });
        (self.state, self.why, self.hint) = match &status.state {
            RunState::Going if waiting.is_some() => ("waiting", waiting, None),
            RunState::Going => ("going", None, None),
            RunState::Stopped { why, hint, .. } => ("stopped", Some(why.clone()), hint.clone()),
            RunState::Ended(Outcome::Complete) => ("complete", None, None),
            RunState::Ended(Outcome::Incomplete { missing }) => {
                ("incomplete", Some(format!("without {}", missing.join(", "))), None)
            }
            RunState::Aborted { by, reason } => ("aborted", Some(format!("{reason} ({by})")), None),
        };
        self.judge(status.last_at);
    }

    fn judge(&mut self, at: Timestamp) {
        let targets =
            [(Figure::RPO, self.objectives.rpo_seconds), (Figure::RTO, self.objectives.rto_seconds)];
        for (name, target) in targets {
            let Some(target_seconds) = target else { continue };
            let last = self.figures.iter().rev().find(|measured| measured.figure.name == name);
            let measured_seconds = last.map(|measured| measured.figure.value);
            #[expect(clippy::cast_precision_loss, reason = "targets are far below 2^52 seconds")]
            let met = measured_seconds.map(|measured| measured <= target_seconds as f64);
            if met == Some(false) {
                let what = format!("the target {} was missed", name.to_uppercase());
                self.deviations.push(Deviation { at, step: None, what });
            }
            self.judged.push(Judged { name: name.to_owned(), target_seconds, measured_seconds, met });
        }
    }
}

impl StepReport {
    fn conclude(&mut self, step: &StepStatus) {
        self.attempts = step.attempts;
        self.answers.clone_from(&step.answers);
        self.evidence = step.evidence().cloned();
        if !step.is_settled() {
            self.ended_at = None;
        }
        (self.state, self.reason) = match &step.state {
            StepState::Pending => ("pending", None),
            StepState::Begun => ("running", None),
            StepState::Interrupted => ("interrupted", None),
            StepState::Failed { error, .. } => ("failed", Some(error.clone())),
            StepState::Waiting(wait) => ("waiting", Some(waits_for(wait))),
            StepState::Answered => ("answered", None),
            StepState::Done { .. } => ("done", None),
            StepState::Skipped { reason, .. } => ("skipped", Some(reason.clone())),
        };
    }
}

fn waits_for(wait: &Wait) -> String {
    match wait {
        Wait::Answer { question, .. } => question.clone(),
        Wait::Until { at, why } => format!("until {}: {why}", super::words::moment(*at)),
    }
}
