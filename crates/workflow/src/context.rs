//! What a step is given besides its world.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::Value;
use twinlake_base::{Clock, ErrorClass, Instant};

use crate::journal::{Journal, Put};
use crate::{Answer, Asks, Authority, Deed, Figure, Happened, Note, Status, StepError, StepStatus};

/// The run around a step: what came before it, how long it has, whether it may go on, and where it reports to.
///
/// What was recorded is read as it stood when the function was called. Cheap to clone, for steps that fan out.
#[derive(Clone)]
pub struct StepContext {
    pub(crate) journal: Arc<Journal>,
    pub(crate) status: Arc<Status>,
    /// The step's place.
    pub(crate) index: usize,
    pub(crate) deadline: Instant,
    pub(crate) authority: Arc<dyn Authority>,
    pub(crate) asks: Asks,
}

impl StepContext {
    /// The run.
    #[must_use]
    pub fn run(&self) -> &str {
        self.journal.run()
    }

    /// The step's name.
    #[must_use]
    pub fn step(&self) -> &str {
        self.own().map_or("", |step| step.planned.name.as_str())
    }

    /// Who began the run.
    #[must_use]
    pub fn actor(&self) -> &str {
        &self.status.began.actor
    }

    /// Where the whole run stands.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// What the run is about.
    ///
    /// # Errors
    /// They have another shape.
    pub fn parameters<T: DeserializeOwned>(&self) -> Result<T, StepError> {
        read("the run's parameters", &self.status.began.parameters)
    }

    /// The proof that another step gave; nothing if it is not settled, or was skipped without one.
    ///
    /// # Errors
    /// It has another shape.
    pub fn evidence<T: DeserializeOwned>(&self, step: &str) -> Result<Option<T>, StepError> {
        let evidence = self.status.step(step).and_then(StepStatus::evidence);
        evidence.map(|value| read(&format!("the evidence of step {step}"), value)).transpose()
    }

    /// A fact that this step recorded, now or on an earlier attempt.
    ///
    /// # Errors
    /// It has another shape.
    pub fn fact<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StepError> {
        self.fact_of(self.step(), name)
    }

    /// A fact that any step recorded.
    ///
    /// # Errors
    /// It has another shape.
    pub fn fact_of<T: DeserializeOwned>(&self, step: &str, name: &str) -> Result<Option<T>, StepError> {
        let fact = self.status.step(step).and_then(|step| step.fact(name));
        fact.map(|value| read(&format!("the fact {name} of step {step}"), value)).transpose()
    }

    /// What was answered to this step.
    #[must_use]
    pub fn answers(&self) -> &[Answer] {
        self.own().map_or(&[], |step| &step.answers)
    }

    /// Whether an attempt came as far as its act: then it may have taken effect.
    #[must_use]
    pub fn acted(&self) -> bool {
        self.own().is_some_and(|step| step.acted)
    }

    /// When this attempt is cut off. No request may be under way then.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// How long this attempt still has.
    #[must_use]
    pub fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(self.clock().instant())
    }

    /// The clock, also for waiting.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        self.journal.clock()
    }

    /// Whether the right to act certainly holds up to and including `until`: to be asked before each request that
    /// changes something, by steps whose client does not ask by itself.
    ///
    /// # Errors
    /// It does not.
    pub fn may_act(&self, until: Instant) -> Result<(), StepError> {
        self.authority
            .allow(Deed::Act(self.step()), until)
            .map_err(|refusal| StepError::new(ErrorClass::Refused, refusal.reason).with_hint(refusal.hint))
    }

    /// Whether somebody wishes the run to stop. A long act should then come to a good place and fail as retryable.
    #[must_use]
    pub fn asked_to_stop(&self) -> bool {
        self.asks.asked().is_some()
    }

    /// Ends when somebody wishes the run to stop.
    pub async fn stop_asked(&self) {
        self.asks.wait().await;
    }

    /// Tells whoever watches how far the step is. Not durable, and cheap.
    pub fn further(&self, what: impl Into<String>, done: u64, of: Option<u64>) {
        let (step, what) = (self.step().to_owned(), what.into());
        let (began_at, objectives) = (self.status.began_at, self.status.began.objectives);
        self.journal.see(began_at, objectives, Happened::Further { step, what, done, of });
    }

    /// Puts something on record, durably when this returns. A `check` that is repeated would repeat it: leave that to
    /// `act` and `confirm`.
    ///
    /// # Errors
    /// It is not on record (the log failed, or somebody else drives the run), or the right to act was lost meanwhile. The
    /// step must end.
    pub async fn note(&self, note: Note) -> Result<(), StepError> {
        let event = crate::RunEvent::StepNoted { step: self.step().to_owned(), note };
        match self.journal.append(event).await {
            // What follows a note is often an effect, and the append may have taken long.
            Ok(Put::Done) => self.may_act(self.clock().instant()),
            Ok(Put::Moved | Put::Lost) => Err(StepError::new(
                ErrorClass::Refused,
                "the run was stopped, or somebody else goes on with it",
            )),
            Err(error) => Err(StepError::caused_by(error.class(), &error).with_hint(error.hint())),
        }
    }

    /// Records a fact. No secrets, ever.
    ///
    /// # Errors
    /// As [`note`](Self::note).
    pub async fn record(&self, name: &str, value: Value) -> Result<(), StepError> {
        self.note(Note::Fact { name: name.to_owned(), value }).await
    }

    /// Records a measured figure.
    ///
    /// # Errors
    /// As [`note`](Self::note).
    pub async fn measure(&self, figure: Figure) -> Result<(), StepError> {
        self.note(Note::Figure(figure)).await
    }

    /// Records that something went otherwise than the runbook intends.
    ///
    /// # Errors
    /// As [`note`](Self::note).
    pub async fn deviate(&self, what: impl Into<String>) -> Result<(), StepError> {
        self.note(Note::Deviation { what: what.into() }).await
    }

    fn own(&self) -> Option<&StepStatus> {
        self.status.steps.get(self.index)
    }
}

fn read<T: DeserializeOwned>(what: &str, value: &Value) -> Result<T, StepError> {
    T::deserialize(value)
        .map_err(|error| StepError::new(ErrorClass::Bug, format!("{what} cannot be read: {error}")))
}
