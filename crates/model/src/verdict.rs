//! What became of an asset in a cycle (P1: nothing is silent).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AssetId, Key};

/// The one verdict that every asset ends a cycle with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// The target is what it should be.
    InSync,
    /// The target will be what it should be when what is under way has arrived.
    Lagging {
        /// What it waits for.
        why: String,
    },
    /// Somebody changed the target. It is put back in the next cycle, or has been in this one.
    Drifted {
        /// Which fields.
        fields: Vec<String>,
    },
    /// It stands, but these fields could not be carried.
    Partial {
        /// Which fields, and why.
        fields: Vec<String>,
    },
    /// Left out on purpose.
    Skipped {
        /// Whose purpose.
        reason: String,
    },
    /// We cannot carry it.
    Unsupported {
        /// Why.
        reason: String,
    },
    /// It refers to something that has no counterpart at the target.
    Unmapped {
        /// To what.
        reference: String,
    },
    /// The target has its own version of it, and we may not overwrite it.
    Diverged {
        /// How, and what to do.
        why: String,
    },
    /// It could not be written or read.
    Failed {
        /// The error, with its hint.
        error: String,
    },
    /// We do not know.
    Unknown {
        /// Why not.
        why: String,
    },
    /// It is not ours. Left alone.
    Unmanaged {
        /// Anything notable, such as that it carries our tag.
        note: Option<String>,
    },
}

impl Verdict {
    /// The word for tables and filters.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::InSync => "in-sync",
            Self::Lagging { .. } => "lagging",
            Self::Drifted { .. } => "drifted",
            Self::Partial { .. } => "partial",
            Self::Skipped { .. } => "skipped",
            Self::Unsupported { .. } => "unsupported",
            Self::Unmapped { .. } => "unmapped",
            Self::Diverged { .. } => "diverged",
            Self::Failed { .. } => "failed",
            Self::Unknown { .. } => "unknown",
            Self::Unmanaged { .. } => "unmanaged",
        }
    }

    /// The reason, where the verdict has one.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::InSync => None,
            Self::Lagging { why } | Self::Diverged { why } | Self::Unknown { why } => Some(why.clone()),
            Self::Drifted { fields } | Self::Partial { fields } => Some(fields.join(", ")),
            Self::Skipped { reason } | Self::Unsupported { reason } => Some(reason.clone()),
            Self::Unmapped { reference } => Some(reference.clone()),
            Self::Failed { error } => Some(error.clone()),
            Self::Unmanaged { note } => note.clone(),
        }
    }

    /// Whether the cycle counts as complete with this verdict. `skipped` and `unsupported` do not, unless the
    /// config accepts them.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        matches!(self, Self::InSync | Self::Unmanaged { .. } | Self::Drifted { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Some(reason) => write!(f, "{}({reason})", self.word()),
            None => f.write_str(self.word()),
        }
    }
}

/// A verdict and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The asset.
    pub asset: AssetId,
    /// What people call it.
    pub key: Key,
    /// What became of it.
    #[serde(flatten)]
    pub verdict: Verdict,
}
