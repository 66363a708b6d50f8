//! The loop of an engine: decide, append, do, until the run ends, stops or waits.

use std::sync::Arc;

use twinlake_base::Timestamp;

use crate::journal::{Journal, Put};
use crate::{
    Ask, Because, Ending, Engine, Next, Patience, RunEvent, RunState, Runbook, Wait, WorkflowError, next_step,
};

/// One engine with one run.
pub(crate) struct Drive<'a, C: ?Sized + 'static> {
    pub(crate) engine: &'a Engine,
    pub(crate) runbook: &'a Runbook<C>,
    pub(crate) world: &'a C,
    pub(crate) journal: Arc<Journal>,
}

impl<'a, C: Send + Sync + ?Sized + 'static> Drive<'a, C> {
    pub(crate) fn new(engine: &'a Engine, runbook: &'a Runbook<C>, world: &'a C, journal: Journal) -> Self {
        Self { engine, runbook, world, journal: Arc::new(journal) }
    }

    /// Drives until there is nothing more to do for this engine.
    pub(crate) async fn go_on(self) -> Result<Ending, WorkflowError> {
        loop {
            let status = self.journal.status().await;
            let next = next_step(self.runbook, &status, self.engine.clock.now());
            let put = match (self.engine.asks.asked(), next) {
                (_, Next::Over) => {
                    return Ok(Ending::of_a_run_that_is_over(&status).unwrap_or(Ending::Superseded));
                }
                (_, Next::Stop { step, why, hint, .. }) => {
                    if matches!(status.state, RunState::Stopped { .. }) {
                        return Ok(Ending::Stopped { step, why, hint });
                    }
                    self.journal.append(RunEvent::RunStopped { step, why, hint }).await?
                }
                (_, Next::End(outcome)) => self.journal.append(RunEvent::RunEnded { outcome }).await?,
                (Some(ask), _) => self.obey(ask).await?,
                (None, Next::Run(index)) => self.attempt(index, &status).await?,
                (None, Next::GiveUp { index, reason }) => {
                    let (step, because) = (self.runbook.steps[index].name.to_owned(), Because::GivenUp);
                    let skipped = RunEvent::StepSkipped { step, because, reason, evidence: None };
                    self.journal.append(skipped).await?
                }
                (None, Next::Wait { wait: Wait::Until { at, .. }, .. }) => {
                    self.sleep_until(at).await;
                    Put::Moved
                }
                (None, Next::Wait { index, wait }) => match self.engine.patience {
                    Patience::Leave => {
                        let step = self.runbook.steps[index].name.to_owned();
                        return Ok(Ending::Waiting { step, wait });
                    }
                    Patience::Stay { every } => {
                        tokio::select! {
                            () = self.engine.clock.sleep(every) => {}
                            () = self.engine.asks.wait() => {}
                        }
                        self.journal.refresh().await?
                    }
                },
            };
            if put == Put::Lost {
                return Ok(Ending::Superseded);
            }
        }
    }

    async fn obey(&self, ask: Ask) -> Result<Put, WorkflowError> {
        let event = match ask {
            Ask::Stop { by } => {
                let (step, why) = (None, format!("{by} asked it to stop"));
                RunEvent::RunStopped { step, why, hint: None }
            }
            Ask::Abort { by, reason } => RunEvent::RunAborted { by, reason },
        };
        self.journal.append(event).await
    }

    /// Sleeps in pieces, because the date can be set while one sleeps.
    async fn sleep_until(&self, at: Timestamp) {
        const LONGEST: std::time::Duration = std::time::Duration::from_secs(60);
        const SHORTEST: std::time::Duration = std::time::Duration::from_millis(1);
        let left = at.duration_since(self.engine.clock.now());
        let left = std::time::Duration::try_from(left).unwrap_or_default().clamp(SHORTEST, LONGEST);
        tokio::select! {
            () = self.engine.clock.sleep(left) => {}
            () = self.engine.asks.wait() => {}
        }
    }
}
