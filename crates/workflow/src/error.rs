//! What can go wrong with a run's log, and with going on from it.

use twinlake_base::{Crashed, ErrorClass};

use crate::Seq;

/// A failure of the log itself, named for what is known about the event.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The log cannot be reached or written. Nothing was appended.
    #[error("the log of run {run} is not available: {source}")]
    Unavailable {
        /// Which run.
        run: String,
        /// The reason, from whatever keeps the log.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The answer to an append was lost. The event may be in the log.
    #[error("whether the log of run {run} has the event is unknown: {source}")]
    Unknown {
        /// Which run.
        run: String,
        /// The reason, from whatever keeps the log.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The log is not what was appended to it.
    #[error("the log of run {run} is damaged: {detail}")]
    Damaged {
        /// Which run.
        run: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The process was stopped by a test.
    #[error(transparent)]
    Crashed(#[from] Crashed),
}

/// An event that cannot follow what is before it: the log is damaged, or was written by something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {seq} ({name}) cannot follow what is before it: {why}")]
pub struct IllegalEvent {
    /// Its number.
    pub seq: Seq,
    /// Its name.
    pub name: String,
    /// Why not.
    pub why: String,
}

/// Why a run could not be begun, gone on with, or answered.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WorkflowError {
    /// The log failed. What the run did stands; whoever resumes looks first.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log holds what cannot be.
    #[error("the history of run {run} cannot be loaded: {source}")]
    History {
        /// Which run.
        run: String,
        /// The first event that is wrong.
        source: IllegalEvent,
    },
    /// There is no such run.
    #[error("there is no run {run}")]
    NoSuchRun {
        /// Which.
        run: String,
    },
    /// The run is not in a state that allows it.
    #[error("run {run} does not take this now: {why}")]
    NotNow {
        /// Which run.
        run: String,
        /// Why not.
        why: String,
    },
    /// Others kept changing the run.
    #[error("run {run} was changed by others at the same moment")]
    Busy {
        /// Which run.
        run: String,
    },
    /// A step gave something that cannot be kept.
    #[error("run {run} cannot keep what its step gave: {why}")]
    Unrecordable {
        /// Which run.
        run: String,
        /// What is wrong with it.
        why: String,
    },
    /// The process was stopped by a test.
    #[error(transparent)]
    Crashed(#[from] Crashed),
}

impl LogError {
    /// What the caller should decide.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Unavailable { .. } | Self::Unknown { .. } => ErrorClass::Retryable,
            Self::Damaged { .. } => ErrorClass::Invalid,
            Self::Crashed(_) => ErrorClass::Bug,
        }
    }

    /// The next command to run, or thing to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { .. } | Self::Unavailable { .. } => {
                Some("run the same command again: it goes on from what the log holds".to_owned())
            }
            Self::Damaged { .. } => {
                Some("run `twinlake recover-state`, from a copy that is whole".to_owned())
            }
            Self::Crashed(_) => None,
        }
    }
}

impl IllegalEvent {
    pub(crate) fn new(seq: Seq, name: &str, why: impl Into<String>) -> Self {
        Self { seq, name: name.to_owned(), why: why.into() }
    }
}

impl WorkflowError {
    /// What the caller should decide.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Log(error) => error.class(),
            Self::History { .. } => ErrorClass::Invalid,
            Self::NoSuchRun { .. } => ErrorClass::Missing,
            Self::NotNow { .. } => ErrorClass::Refused,
            Self::Busy { .. } => ErrorClass::Conflict,
            Self::Unrecordable { .. } | Self::Crashed(_) => ErrorClass::Bug,
        }
    }

    /// The next command to run, or thing to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Log(error) => error.hint(),
            Self::History { .. } => Some(
                "use the version of the program that wrote it; if it did, run `twinlake recover-state`"
                    .to_owned(),
            ),
            Self::NoSuchRun { .. } => Some("run `twinlake runs` to see them".to_owned()),
            Self::NotNow { run, .. } => Some(format!("run `twinlake runs {run}` to see where it stands")),
            Self::Busy { .. } => Some("run the same command again".to_owned()),
            Self::Unrecordable { .. } | Self::Crashed(_) => None,
        }
    }
}
