//! What can go wrong while state is shipped or recovered, in the words of whoever has to mend it.

use twinlake_base::{Crashed, ErrorClass, Timestamp};
use twinlake_objects::ObjectsError;
use twinlake_store::StoreError;
use twinlake_workflow::LogError;

/// Why something could not be encrypted, shipped or recovered. No variant prints a secret, and none means that
/// anything was replaced.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// There is nobody to encrypt to.
    #[error("no recipient is configured to whom the state could be encrypted, so it is shipped nowhere")]
    NoKey,
    /// Not the public half of a key.
    #[error("recipient {number} is not an age recipient (age1…): {why}")]
    MalformedRecipient {
        /// Which, counted from 1. What was typed is not repeated: it may be the secret half.
        number: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Not the secret half of a key.
    #[error("the identity is not an age identity (AGE-SECRET-KEY-1…): {why}")]
    MalformedIdentity {
        /// What is wrong with it.
        why: &'static str,
    },
    /// What we encrypt could not be opened by ourselves.
    #[error("the identity belongs to none of the recipients: what is shipped could not be opened with it")]
    IdentityOfNobody,
    /// Something has to be opened, and only the public half is here.
    #[error("the secret half of the key is not here, so nothing that was shipped can be read")]
    NoIdentity,
    /// It was encrypted to somebody else.
    #[error(
        "{object} in {place} cannot be opened with this key: it was encrypted to another one, or its first bytes were changed"
    )]
    WrongKey {
        /// The object.
        object: String,
        /// The store that holds it.
        place: String,
    },
    /// The object is not what was put there.
    #[error("{object} in {place} is damaged: {detail}")]
    Damaged {
        /// The object.
        object: String,
        /// The store that holds it.
        place: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A newer version of Twinlake has shipped it.
    #[error("{object} in {place} has the format {format:?}, which this program does not know")]
    Newer {
        /// The object.
        object: String,
        /// The store that holds it.
        place: String,
        /// Its format.
        format: String,
    },
    /// Whether it has arrived could not be settled.
    #[error("whether {object} has arrived in {place} is unknown: {why}")]
    Unsettled {
        /// The object.
        object: String,
        /// The store.
        place: String,
        /// What happened.
        why: String,
    },
    /// Others took each number that we tried.
    #[error("others ship to {place} at the same moment")]
    Busy {
        /// The store.
        place: String,
    },
    /// Nobody has shipped a state to any location that answered.
    #[error("no state was found; looked at: {}{}", list(.looked), but_not(.unreachable))]
    Nothing {
        /// The locations that answered.
        looked: Vec<String>,
        /// Those that did not, each with the reason.
        unreachable: Vec<String>,
    },
    /// A location was named that is not among those that were given, or holds no such generation.
    #[error("{wanted} holds no state to recover; there is: {}", list(.there))]
    NoSuchChoice {
        /// What was asked for.
        wanted: String,
        /// What there is.
        there: Vec<String>,
    },
    /// Two controllers have worked apart from each other. Which one is right, only people know.
    #[error(
        "the audit forks: {} and {} disagree about row {row}",
        told(.one),
        told(.other)
    )]
    Forked {
        /// The state that would have been taken.
        one: Box<Standing>,
        /// One that does not continue into it.
        other: Box<Standing>,
        /// The row of the audit that they both have and that differs.
        row: u64,
    },
    /// An object store failed.
    #[error(transparent)]
    Objects(ObjectsError),
    /// The state failed.
    #[error(transparent)]
    Store(StoreError),
    /// The log of a run failed.
    #[error(transparent)]
    Log(LogError),
    /// The process was stopped by a test.
    #[error(transparent)]
    Crashed(#[from] Crashed),
}

/// One shipped state, as people tell it from others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The name of the location.
    pub location: String,
    /// Its number there.
    pub generation: u64,
    /// How many rows its audit has.
    pub audit_rows: u64,
    /// When it was shipped, by the clock of whoever did.
    pub at: Timestamp,
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}

fn but_not(unreachable: &[String]) -> String {
    if unreachable.is_empty() { String::new() } else { format!("; not reached: {}", unreachable.join("; ")) }
}

fn told(standing: &Standing) -> String {
    format!(
        "generation {} at {} ({} rows, shipped {:.0})",
        standing.generation, standing.location, standing.audit_rows, standing.at
    )
}

impl From<ObjectsError> for VaultError {
    fn from(error: ObjectsError) -> Self {
        match error {
            ObjectsError::Crashed(crashed) => Self::Crashed(crashed),
            other => Self::Objects(other),
        }
    }
}

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Crashed(crashed) => Self::Crashed(crashed),
            other => Self::Store(other),
        }
    }
}

impl From<LogError> for VaultError {
    fn from(error: LogError) -> Self {
        match error {
            LogError::Crashed(crashed) => Self::Crashed(crashed),
            other => Self::Log(other),
        }
    }
}

impl VaultError {
    /// What the caller should decide.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::NoKey
            | Self::MalformedRecipient { .. }
            | Self::MalformedIdentity { .. }
            | Self::IdentityOfNobody
            | Self::Damaged { .. }
            | Self::Newer { .. } => ErrorClass::Invalid,
            Self::NoIdentity | Self::WrongKey { .. } => ErrorClass::Denied,
            Self::Unsettled { .. } | Self::Busy { .. } => ErrorClass::Retryable,
            Self::Nothing { .. } | Self::NoSuchChoice { .. } => ErrorClass::Missing,
            Self::Forked { .. } => ErrorClass::Refused,
            Self::Objects(error) => error.class(),
            Self::Store(error) => error.class(),
            Self::Log(error) => error.class(),
            Self::Crashed(_) => ErrorClass::Bug,
        }
    }

    /// The next command to run, or thing to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoKey => Some(
                "set `state_key: { recipients: [age1…] }` in twinlake.yml; `age-keygen` makes a key".to_owned(),
            ),
            Self::MalformedRecipient { .. } | Self::IdentityOfNobody => {
                Some("correct `state_key` in twinlake.yml, then run `twinlake check`".to_owned())
            }
            Self::MalformedIdentity { .. } | Self::NoIdentity => Some(
                "point `state_key.identity` in twinlake.yml to the secret half of the key: env:NAME or file:/path"
                    .to_owned(),
            ),
            Self::WrongKey { .. } => Some(
                "point `state_key.identity` to the key that was in use when it was shipped, then run the same command again"
                    .to_owned(),
            ),
            Self::Damaged { .. } => Some(
                "nothing was changed; run `twinlake recover-state` with another location, or an earlier generation"
                    .to_owned(),
            ),
            Self::Newer { .. } => Some("use the version of twinlake that shipped it, or a newer one".to_owned()),
            Self::Unsettled { .. } | Self::Busy { .. } => Some("run the same command again".to_owned()),
            Self::Nothing { .. } => Some(
                "see that the `state` URLs in twinlake.yml are the ones that were shipped to, and that they answer"
                    .to_owned(),
            ),
            Self::NoSuchChoice { .. } => Some("choose one of those".to_owned()),
            Self::Forked { one, other, .. } => Some(format!(
                "two controllers have worked apart; find out which one was right, then run `twinlake recover-state --from \
                 {}` or `--from {}`; both stay where they are",
                one.location, other.location
            )),
            Self::Objects(error) => error.hint(),
            Self::Store(error) => error.hint(),
            Self::Log(error) => error.hint(),
            Self::Crashed(_) => None,
        }
    }
}
