//! Why there is no lease, or no longer.

use twinlake_base::{ErrorClass, Timestamp};
use twinlake_model::{Epoch, GroupName, SiteId};
use twinlake_objects::ObjectsError;

/// Why a lease could not be had, renewed or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// Another controller holds the lease, or held it too short a time ago.
    #[error(
        "group {group} (epoch {epoch}) is held by {holder}; if that has ended, it can be taken over from {until:.0}"
    )]
    Held {
        /// The group.
        group: GroupName,
        /// The epoch.
        epoch: Epoch,
        /// Who.
        holder: String,
        /// When it can be taken over, unless it is renewed before, by our date. Each controller waits for itself, so
        /// this moves on when a new process asks.
        until: Timestamp,
    },
    /// Somebody else took the lease over.
    #[error("the lease of group {group} went to {holder}")]
    Lost {
        /// The group.
        group: GroupName,
        /// To whom.
        holder: String,
    },
    /// The lease ran out before it was renewed, or was released.
    #[error("the lease of group {group} has ended")]
    Ended {
        /// The group.
        group: GroupName,
    },
    /// The witness did not say whether a record was written, after several attempts. What we held before, we hold
    /// until its deadline.
    #[error("the witness does not confirm the lease of group {group}: {why}")]
    Unsettled {
        /// The group.
        group: GroupName,
        /// What happened to the answers.
        why: String,
    },
    /// A term that is not to come: the group is in this epoch already, or beyond it.
    #[error("group {group} is in epoch {held} already, with primary {primary}; epoch {asked} cannot begin")]
    Past {
        /// The group.
        group: GroupName,
        /// What should have begun.
        asked: Epoch,
        /// What the records say.
        held: Epoch,
        /// The primary of that epoch.
        primary: SiteId,
    },
    /// A record that we cannot read. We do not guess what it says.
    #[error("record {name} in {place} cannot be read: {detail}")]
    Unreadable {
        /// The record.
        name: String,
        /// The witness.
        place: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The witness cannot be asked.
    #[error("asking the witness about group {group}: {source}")]
    Witness {
        /// The group.
        group: GroupName,
        /// The reason.
        source: ObjectsError,
    },
}

impl LeaseError {
    /// What the caller should decide.
    #[must_use]
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Held { .. } | Self::Lost { .. } | Self::Ended { .. } | Self::Past { .. } => {
                ErrorClass::Refused
            }
            Self::Unsettled { .. } => ErrorClass::Retryable,
            Self::Unreadable { .. } => ErrorClass::Invalid,
            Self::Witness { source, .. } => source.class(),
        }
    }

    /// The next command to run, or thing to do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Held { .. } => {
                Some("let it finish, or end it and wait; `twinlake status` shows who holds what".to_owned())
            }
            Self::Lost { .. } | Self::Ended { .. } => Some(
                "see what the new holder does with `twinlake status`, then run the same command again"
                    .to_owned(),
            ),
            Self::Past { .. } => {
                Some("see where production runs with `twinlake status`; somebody moved it since".to_owned())
            }
            Self::Unsettled { .. } => {
                Some("see that the witness answers, then run the same command again".to_owned())
            }
            Self::Unreadable { .. } => Some(
                "a newer twinlake may have written it: use that version, or see what it holds".to_owned(),
            ),
            Self::Witness { source, .. } => source.hint(),
        }
    }

    /// Whether the lease is gone, and renewing it again is of no use.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Lost { .. } | Self::Ended { .. } | Self::Witness { source: ObjectsError::Crashed(_), .. }
        )
    }
}
