//! What can go wrong with an object store, in the words of whoever has to mend it.

use std::time::Duration;

use twinlake_base::{Crashed, ErrorClass};

/// Why a store could not be opened or asked. After any of these a put is known not to have happened; where that is
/// not known, [`Put::Unknown`](crate::Put::Unknown) says so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ObjectsError {
    /// Not a URL of a kind that we know.
    #[error("{url:?} is not the URL of an object store: {why}")]
    MalformedUrl {
        /// What was given.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A kind of store that is not built in.
    #[error("{url}: this build has no cloud stores yet")]
    NoCloud {
        /// What was asked for.
        url: String,
    },
    /// The folder of a `file:` store is not there.
    #[error("the folder {folder} does not exist")]
    NoFolder {
        /// The folder.
        folder: String,
    },
    /// Not the name of an object: empty, or with a part that is `.`, `..` or empty.
    #[error("{name:?} cannot be the name of an object in {place}")]
    MalformedName {
        /// The store.
        place: String,
        /// The name.
        name: String,
    },
    /// The store is there and refuses us.
    #[error("{doing} in {place}: we may not: {source}")]
    Denied {
        /// The request: `GET lease/finance/1`.
        doing: String,
        /// The store.
        place: String,
        /// The refusal.
        source: Box<object_store::Error>,
    },
    /// The store could not be asked, or its answer was lost.
    #[error("{doing} in {place}: {why}")]
    Unavailable {
        /// The request: `GET lease/finance/1`.
        doing: String,
        /// The store.
        place: String,
        /// What happened.
        why: String,
    },
    /// No answer within the time that a request may take.
    #[error("{doing} in {place}: no answer within {} s", .waited.as_secs_f64())]
    TimedOut {
        /// The request.
        doing: String,
        /// The store.
        place: String,
        /// How long.
        waited: Duration,
    },
    /// The process was stopped by a test.
    #[error(transparent)]
    Crashed(#[from] Crashed),
}

impl ObjectsError {
    /// What the caller should decide.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::MalformedUrl { .. } | Self::NoCloud { .. } | Self::MalformedName { .. } => {
                ErrorClass::Invalid
            }
            Self::NoFolder { .. } => ErrorClass::Missing,
            Self::Denied { .. } => ErrorClass::Denied,
            Self::Unavailable { .. } | Self::TimedOut { .. } => ErrorClass::Retryable,
            Self::Crashed(_) => ErrorClass::Bug,
        }
    }

    /// The next command to run, or thing to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::MalformedUrl { .. } => Some("write it as file:///folder/on/this/machine".to_owned()),
            Self::NoCloud { .. } => {
                Some("use a folder that outlives the sites, file:///…, for now".to_owned())
            }
            Self::NoFolder { folder } => Some(format!(
                "mount it, or create it with `mkdir -p {folder}`, then run the same command again"
            )),
            Self::Denied { place, .. } => Some(format!("give this user the right to read and write {place}")),
            Self::Unavailable { .. } | Self::TimedOut { .. } => {
                Some("see that the store answers, then run the same command again".to_owned())
            }
            Self::MalformedName { .. } | Self::Crashed(_) => None,
        }
    }
}
