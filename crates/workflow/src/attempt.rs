//! One attempt of a step: check, announce, act, confirm.

use std::future::Future;
use std::sync::Arc;

use serde_json::Value;
use twinlake_base::{Crashed, ErrorClass, Instant};

use crate::drive::Drive;
use crate::journal::Put;
use crate::{
    Because, Check, Deed, Intercept, Part, RunEvent, Status, Step, StepContext, StepError, Wait,
    WorkflowError,
};

/// What became of one function.
type Called<T> = Result<Result<T, StepError>, Crashed>;

impl<C: Send + Sync + ?Sized + 'static> Drive<'_, C> {
    /// Makes one attempt and appends what became of it.
    pub(crate) async fn attempt(&self, index: usize, status: &Status) -> Result<Put, WorkflowError> {
        let step = &self.runbook.steps[index];
        let deadline = self.engine.clock.instant() + step.deadline;
        let found = self.call(step, Part::Check, deadline, || async move {
            step.work.check(self.world, &self.context(index, deadline).await).await
        });
        let current = &status.steps[index];
        let attempt = current.attempts.saturating_add(1);
        let name = step.name.to_owned();
        match found.await? {
            Err(error) => self.failed(step, attempt, Part::Check, error).await,
            Ok(Check::Refuse { reason, hint }) => {
                let error = StepError::new(ErrorClass::Refused, reason).with_hint(hint);
                self.failed(step, attempt, Part::Check, error).await
            }
            Ok(Check::Skip(reason)) => {
                let (because, evidence) = (Because::NotNeeded, None);
                self.journal.append(RunEvent::StepSkipped { step: name, because, reason, evidence }).await
            }
            Ok(Check::Wait(Wait::Until { at, .. })) if at <= self.engine.clock.now() => {
                // It would ask for the same moment again, without end.
                let what = format!("the step waits until {at}, which is past");
                let error = StepError::new(ErrorClass::Bug, what);
                self.failed(step, attempt, Part::Check, error).await
            }
            Ok(Check::Wait(wait)) => self.journal.append(RunEvent::StepWaiting { step: name, wait }).await,
            Ok(Check::Already(reason)) => match self.confirmed(index, deadline).await? {
                Err(error) => self.failed(step, attempt, Part::Confirm, error).await,
                Ok(evidence) if current.acted => {
                    self.journal.append(RunEvent::StepDone { step: name, evidence }).await
                }
                Ok(evidence) => {
                    let (because, evidence) = (Because::AlreadyTrue, Some(evidence));
                    self.journal.append(RunEvent::StepSkipped { step: name, because, reason, evidence }).await
                }
            },
            Ok(Check::Act) => self.act(index, attempt, deadline).await,
        }
    }

    async fn act(&self, index: usize, attempt: u32, deadline: Instant) -> Result<Put, WorkflowError> {
        let step = &self.runbook.steps[index];
        // Once before the append, so that a lost right leaves no step half begun; and once after it, because the append
        // may have taken long.
        if let Some(put) = self.stopped_for_want_of_a_right(step).await? {
            return Ok(put);
        }
        if self.engine.asks.asked().is_some() {
            return Ok(Put::Moved);
        }
        let put = self.journal.append(RunEvent::StepBegan { step: step.name.to_owned(), attempt }).await?;
        if put != Put::Done {
            return Ok(put);
        }
        if let Some(put) = self.stopped_for_want_of_a_right(step).await? {
            return Ok(put);
        }
        let acted = self.call(step, Part::Act, deadline, || async move {
            step.work.act(self.world, &self.context(index, deadline).await).await
        });
        if let Err(error) = acted.await? {
            return self.failed(step, attempt, Part::Act, error).await;
        }
        match self.confirmed(index, deadline).await? {
            Err(error) => self.failed(step, attempt, Part::Confirm, error).await,
            Ok(evidence) => {
                self.journal.append(RunEvent::StepDone { step: step.name.to_owned(), evidence }).await
            }
        }
    }

    async fn confirmed(&self, index: usize, deadline: Instant) -> Called<Value> {
        let step = &self.runbook.steps[index];
        self.call(step, Part::Confirm, deadline, || async move {
            step.work.confirm(self.world, &self.context(index, deadline).await).await
        })
        .await
    }

    async fn stopped_for_want_of_a_right(&self, step: &Step<C>) -> Result<Option<Put>, WorkflowError> {
        let deed = Deed::Act(step.name);
        let Err(refusal) = self.engine.authority.allow(deed, self.engine.clock.instant()) else {
            return Ok(None);
        };
        let (step, why, hint) = (Some(step.name.to_owned()), refusal.reason, refusal.hint);
        self.journal.append(RunEvent::RunStopped { step, why, hint }).await.map(Some)
    }

    async fn failed(
        &self,
        step: &Step<C>,
        attempt: u32,
        part: Part,
        error: StepError,
    ) -> Result<Put, WorkflowError> {
        let StepError { what, class, hint } = error;
        let step = step.name.to_owned();
        self.journal.append(RunEvent::StepFailed { step, attempt, part, error: what, class, hint }).await
    }

    /// Calls one function, within the attempt's deadline, and as a test interferes.
    async fn call<T, F: Future<Output = Result<T, StepError>>>(
        &self,
        step: &Step<C>,
        part: Part,
        deadline: Instant,
        function: impl Fn() -> F,
    ) -> Called<T> {
        let Some(interceptor) = &self.engine.interceptor else {
            return Ok(self.within(step, deadline, function()).await);
        };
        match interceptor.before(step.name, part) {
            Intercept::Pass | Intercept::Repeat => {}
            Intercept::Fail(error) => return Ok(Err(error)),
            Intercept::Crash => return Err(Crashed),
        }
        let result = self.within(step, deadline, function()).await;
        if result.is_err() {
            return Ok(result);
        }
        match interceptor.after(step.name, part) {
            Intercept::Pass => Ok(result),
            Intercept::Fail(error) => Ok(Err(error)),
            Intercept::Repeat => Ok(self.within(step, deadline, function()).await),
            Intercept::Crash => Err(Crashed),
        }
    }

    async fn within<T>(
        &self,
        step: &Step<C>,
        deadline: Instant,
        function: impl Future<Output = Result<T, StepError>>,
    ) -> Result<T, StepError> {
        let (clock, asks) = (&self.engine.clock, &self.engine.asks);
        let patience = async {
            asks.wait().await;
            clock.sleep(self.engine.grace).await;
        };
        let cut = |what: String| Err(StepError::new(ErrorClass::Retryable, what));
        tokio::select! {
            biased;
            result = function => result,
            () = clock.sleep_until(deadline) => {
                cut(format!("it was not done within {} seconds", step.deadline.as_secs_f64()))
            }
            () = patience => cut("it was cut off because somebody asked the run to stop".to_owned()),
        }
    }

    async fn context(&self, index: usize, deadline: Instant) -> StepContext {
        StepContext {
            journal: Arc::clone(&self.journal),
            status: Arc::new(self.journal.status().await),
            index,
            deadline,
            authority: Arc::clone(&self.engine.authority),
            asks: self.engine.asks.clone(),
        }
    }
}
