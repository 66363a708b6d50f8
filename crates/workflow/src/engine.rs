//! Executes one run: begins it, or goes on with it from its log.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use twinlake_base::{Clock, Entropy};

use crate::drive::Drive;
use crate::journal::{Journal, Pen};
use crate::{
    Alone, Asks, Authority, Deed, Interceptor, Log, Objectives, Outcome, Refusal, RunBegan, RunState,
    Runbook, Status, Unwatched, Wait, Watch, WorkflowError,
};

/// How long a step that is under way may go on after somebody asked the run to stop.
const GRACE: Duration = Duration::from_secs(30);

/// What drives runs. Holds nothing of any run: all of that is in the log.
///
/// - Every act follows an append that this engine won, and a look at its [`Authority`] after that.
/// - An append that somebody else was faster with ends the drive, before any further act.
/// - A step that fails after its retries stops the run resumable; nothing is unwound.
/// - Whoever resumes begins with the check of the step that was under way.
pub struct Engine {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) clock: Clock,
    pub(crate) authority: Arc<dyn Authority>,
    pub(crate) asks: Asks,
    pub(crate) grace: Duration,
    pub(crate) patience: Patience,
    pub(crate) interceptor: Option<Arc<dyn Interceptor>>,
    entropy: Entropy,
    watch: Arc<dyn Watch>,
    name: String,
}

/// What the engine does when a step waits for somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patience {
    /// It leaves. Who answers resumes the run, or has it resumed.
    #[default]
    Leave,
    /// It stays, and looks for answers that often.
    Stay {
        /// How often.
        every: Duration,
    },
}

/// What a run begins with, besides its runbook.
#[derive(Clone, Debug, PartialEq)]
pub struct Begin {
    /// What it is about, in the runbook's own shape. No secrets, ever.
    pub parameters: Value,
    /// Who begins it.
    pub actor: String,
    /// What it is measured against.
    pub objectives: Objectives,
    /// Whether the world is a simulated one.
    pub simulated: bool,
}

/// Why the engine left the run.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// It is over.
    Ended(Outcome),
    /// It is stopped, and can be resumed.
    Stopped {
        /// The step that it stands at, if one is to blame.
        step: Option<String>,
        /// Why.
        why: String,
        /// The next command to run.
        hint: Option<String>,
    },
    /// It waits for somebody.
    Waiting {
        /// At which step.
        step: String,
        /// For what.
        wait: Wait,
    },
    /// It was aborted.
    Aborted {
        /// By whom.
        by: String,
        /// Why.
        reason: String,
    },
    /// Another engine drives it. Nothing was done that its log does not say.
    Superseded,
    /// This engine may not drive it. Nothing was done, and nothing was logged.
    Refused(Refusal),
}

impl Engine {
    /// An engine that may do everything, that nobody watches, and that leaves when a step waits for somebody.
    ///
    /// `name` says in the log where the engine runs: the controller's name.
    #[must_use]
    pub fn new(log: Arc<dyn Log>, clock: Clock, entropy: Entropy, name: impl Into<String>) -> Self {
        Self {
            log,
            clock,
            entropy,
            name: name.into(),
            authority: Arc::new(Alone),
            watch: Arc::new(Unwatched),
            asks: Asks::default(),
            grace: GRACE,
            patience: Patience::Leave,
            interceptor: None,
        }
    }

    /// Asks this before each deed.
    #[must_use]
    pub fn permitted_by(mut self, authority: Arc<dyn Authority>) -> Self {
        self.authority = authority;
        self
    }

    /// Tells this of everything.
    #[must_use]
    pub fn watched_by(mut self, watch: Arc<dyn Watch>) -> Self {
        self.watch = watch;
        self
    }

    /// Listens to these wishes. A step that is under way has `grace` to end.
    #[must_use]
    pub fn asked_through(mut self, asks: Asks, grace: Duration) -> Self {
        (self.asks, self.grace) = (asks, grace);
        self
    }

    /// Leaves or stays when a step waits for somebody.
    #[must_use]
    pub const fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Lets a test interfere with the steps.
    #[must_use]
    pub fn intercepted_by(mut self, interceptor: Arc<dyn Interceptor>) -> Self {
        self.interceptor = Some(interceptor);
        self
    }

    /// Begins a run and drives it as far as it goes. `run` is its name, which no run may have had before: if one has,
    /// that is somebody else's.
    ///
    /// # Errors
    /// [`WorkflowError`]. Whatever happened, the run can be resumed if its log has an event.
    pub async fn begin<C: Send + Sync + ?Sized + 'static>(
        &self,
        runbook: &Runbook<C>,
        world: &C,
        run: &str,
        begin: Begin,
    ) -> Result<Ending, WorkflowError> {
        if let Err(refusal) = self.authority.allow(Deed::Begin, self.clock.instant()) {
            return Ok(Ending::Refused(refusal));
        }
        let Begin { parameters, actor, objectives, simulated } = begin;
        let (runbook_name, version, outline) = (runbook.name.to_owned(), runbook.version, runbook.outline());
        let began =
            RunBegan { runbook: runbook_name, version, outline, parameters, actor, objectives, simulated };
        match Journal::begin(self.pen(run), began).await? {
            Ok(journal) => Drive::new(self, runbook, world, journal).go_on().await,
            Err(_) => Ok(Ending::Superseded),
        }
    }

    /// Takes a run over, from its log, and drives it as far as it goes. A run that is over is left as it is.
    ///
    /// # Errors
    /// [`WorkflowError`]: there is no such run, its history cannot be loaded, or the log failed.
    pub async fn resume<C: Send + Sync + ?Sized + 'static>(
        &self,
        runbook: &Runbook<C>,
        world: &C,
        run: &str,
        by: &str,
    ) -> Result<Ending, WorkflowError> {
        let pen = self.pen(run);
        let status = pen.load().await?;
        if let Some(ending) = Ending::of_a_run_that_is_over(&status) {
            return Ok(ending);
        }
        if let Some(why) = runbook.disagrees_with(&status.began) {
            return Err(WorkflowError::NotNow { run: run.to_owned(), why });
        }
        if let Err(refusal) = self.authority.allow(Deed::Resume, self.clock.instant()) {
            return Ok(Ending::Refused(refusal));
        }
        match Journal::take_over(pen, status, by.to_owned()).await? {
            Some(journal) => Drive::new(self, runbook, world, journal).go_on().await,
            None => Ok(Ending::Superseded),
        }
    }

    fn pen(&self, run: &str) -> Pen {
        Pen {
            log: Arc::clone(&self.log),
            run: run.to_owned(),
            writer: format!("{}#{}", self.name, self.entropy.hex(16)),
            clock: self.clock.clone(),
            watch: Arc::clone(&self.watch),
        }
    }
}

impl Ending {
    pub(crate) fn of_a_run_that_is_over(status: &Status) -> Option<Self> {
        match &status.state {
            RunState::Ended(outcome) => Some(Self::Ended(outcome.clone())),
            RunState::Aborted { by, reason } => {
                Some(Self::Aborted { by: by.clone(), reason: reason.clone() })
            }
            RunState::Going | RunState::Stopped { .. } => None,
        }
    }
}
