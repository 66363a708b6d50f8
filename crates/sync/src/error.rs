//! What can end a cycle. What can befall one asset is a verdict, not an error.

use twinlake_base::ErrorClass;
use twinlake_model::Place;

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// A crawl did not come to a proven end. Nothing is concluded from it.
    #[error("crawling {what} of {place}: {source}")]
    Crawl {
        /// What was listed or read.
        what: String,
        /// Where.
        place: Place,
        /// Why it broke off.
        #[source]
        source: Box<twinlake_assets::Error>,
    },
    /// We could not prove that we see everything.
    #[error("{who} is not an administrator of {place}, so what it cannot see would look deleted")]
    Rights {
        /// Who we are there.
        who: String,
        /// Where.
        place: Place,
    },
    /// The state could not be read or written.
    #[error(transparent)]
    Store(#[from] twinlake_store::StoreError),
    /// Nothing more may be sent: the permit ended, or the process did.
    #[error("stopped: {source}")]
    Stopped {
        /// The request that was not sent.
        #[source]
        source: Box<twinlake_databricks::Error>,
    },
    /// The plan that was approved is not the plan that there is now.
    #[error("the plan for {place} is no longer the one that was approved ({approved})")]
    OtherPlan {
        /// Where.
        place: Place,
        /// The digest that was approved.
        approved: String,
    },
}

impl SyncError {
    /// A crawl that broke off.
    pub(crate) fn crawl(
        what: impl Into<String>,
        place: &Place,
        source: impl Into<twinlake_assets::Error>,
    ) -> Self {
        Self::Crawl { what: what.into(), place: place.clone(), source: Box::new(source.into()) }
    }

    /// Whether nothing more may be sent or read at all: the permit ended, or the process did.
    #[must_use]
    pub(crate) fn is_final(&self) -> bool {
        match self {
            Self::Crawl { source, .. } => {
                matches!(&**source, twinlake_assets::Error::Databricks(error) if is_final(error))
            }
            Self::Store(_) | Self::Stopped { .. } => true,
            Self::Rights { .. } | Self::OtherPlan { .. } => false,
        }
    }

    /// Whether what is under way can still be answered and recorded: our permit ended, and we did not.
    #[must_use]
    pub(crate) fn lets_others_end(&self) -> bool {
        use twinlake_databricks::Error;
        matches!(self, Self::Stopped { source } if matches!(**source, Error::PermitRefused { .. }))
    }

    /// Whether only one object could not be read, so that the others say what they say.
    #[must_use]
    pub(crate) fn is_about_one(&self) -> bool {
        matches!(self, Self::Crawl { source, .. } if is_about_one(source))
    }

    /// What the error asks for.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Crawl { source, .. } => source.class(),
            Self::Rights { .. } => ErrorClass::Denied,
            Self::Stopped { source } => source.class(),
            Self::Store(error) => error.class(),
            Self::OtherPlan { .. } => ErrorClass::Refused,
        }
    }

    /// The next command to run, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Crawl { source, .. } => source.hint(),
            Self::Rights { .. } => {
                Some("add the identity to the group admins there, then run: twinlake check".into())
            }
            Self::Store(error) => error.hint(),
            Self::Stopped { source } => source.hint(),
            Self::OtherPlan { .. } => Some("twinlake plan".into()),
        }
    }
}

/// Whether a request ended in a way after which nothing more may be sent.
pub(crate) const fn is_final(error: &twinlake_databricks::Error) -> bool {
    use twinlake_databricks::Error;
    matches!(error, Error::PermitRefused { .. } | Error::Crashed { .. })
}

/// Whether an error speaks of the one object that was asked for, rather than of the whole place: the service answered,
/// and is neither away nor out of patience nor unwilling to know us.
pub(crate) fn is_about_one(error: &twinlake_assets::Error) -> bool {
    use twinlake_databricks::Error;
    fn answered(error: &Error) -> bool {
        match error {
            Error::Api { status, .. } => !matches!(status, 401 | 429 | 502..=504),
            Error::BudgetSpent { last, .. } => answered(last),
            _ => false,
        }
    }
    match error {
        twinlake_assets::Error::Databricks(error) => answered(error),
        twinlake_assets::Error::Unrecognizable { .. } => true,
        _ => false,
    }
}
