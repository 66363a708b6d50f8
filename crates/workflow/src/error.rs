//! Why a log cannot be appended to or read.

use twinlake_base::{Crashed, ErrorClass};

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
