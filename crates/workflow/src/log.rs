//! The contract that every log of runs keeps.

use async_trait::async_trait;

use crate::{Event, LogError, Recorded, Seq};

/// What became of an append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is in the log, durably, under this number.
    At(Seq),
    /// It is not in the log, because the log does not end where it was expected to: somebody else went on with the
    /// run. Read it again.
    Conflict {
        /// Where the log does end.
        last: Seq,
    },
}

/// The durable, ordered events of runs.
///
/// Guarantees, which `conformance` holds every implementation to:
///
/// - **Compare and append.** Of all appends that expect the same end of a run, at most one is [`Appended::At`].
/// - **Durable first.** An append that has returned [`Appended::At`] survives any crash of the process and is read by
///   everybody who reads after it returned.
/// - **Whole and in order.** A read gives the events 1, 2, 3 … without gaps, each as it was appended. Events are never
///   changed and never removed.
/// - **Errors are honest.** After [`LogError::Unavailable`] nothing was appended; after [`LogError::Unknown`] it may
///   have been, and only a read can tell.
/// - Runs do not see each other. A run begins with its first event; reading one that never began gives no events.
#[async_trait]
pub trait Log: Send + Sync {
    /// Appends an event if the run's last event is `expected` ([`Seq::START`]: if it has none).
    ///
    /// # Errors
    /// [`LogError`]. A conflict is not an error.
    async fn append(&self, run: &str, expected: Seq, event: &Event) -> Result<Appended, LogError>;

    /// All events of a run, in order.
    ///
    /// # Errors
    /// [`LogError`]. Part of a log is never given as the whole.
    async fn read(&self, run: &str) -> Result<Vec<Recorded>, LogError>;

    /// All runs that have begun, the oldest first: by the date of their first event, and by name where that is equal.
    ///
    /// # Errors
    /// [`LogError`]. Some of them are never given as all.
    async fn runs(&self) -> Result<Vec<String>, LogError>;
}
