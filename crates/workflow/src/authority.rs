//! The right to go on, asked for at the last moment.

use twinlake_base::Instant;

/// What an engine is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed<'a> {
    /// Begin a run.
    Begin,
    /// Take over a run from whoever drives it.
    Resume,
    /// Let a step act. A runbook whose own step acquires the right answers yes to the steps up to that one.
    Act(&'a str),
}

/// Says whether this engine may do a deed: the lease's side of the bargain.
///
/// The log alone makes sure that two engines never both go on from one end of it. What it cannot know is that an engine
/// stalled between its last append and its act, and somebody else has taken over meanwhile: therefore the engine asks
/// right before each act, and steps ask again before each request that changes something.
pub trait Authority: Send + Sync {
    /// Whether the right certainly holds up to and including `until`.
    ///
    /// # Errors
    /// [`Refusal`]; the deed is not done then.
    fn allow(&self, deed: Deed<'_>, until: Instant) -> Result<(), Refusal>;
}

/// Why an engine may not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// What is wrong, for the operator.
    pub reason: String,
    /// The next command to run.
    pub hint: Option<String>,
}

/// Nobody else can drive the run: for runbooks that change nothing that others share.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alone;

impl Authority for Alone {
    fn allow(&self, _: Deed<'_>, _: Instant) -> Result<(), Refusal> {
        Ok(())
    }
}
