//! How surely an old primary is kept from processing, and what it did that was never replicated.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AssetId, Digest, Document, Epoch, GroupName, Key, Place, Posture, SeenRun, Snapshot};

/// What a fence holds back. Each level includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FenceLevel {
    /// Nothing new starts: schedules, triggers and continuous jobs are paused, concurrency is 0, queued and active
    /// runs are cancelled.
    L1,
    /// Compute is stopped: clusters, warehouses, pools.
    L2,
    /// Catalogs are isolated and read-only.
    L3,
    /// Storage is denied. Only this stops what already runs unseen.
    L4,
}

/// Where a place that is no longer primary stands. Until `confirmed_at` is set it is *unfenced*, loudly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fence {
    /// For which group.
    pub group: GroupName,
    /// Which place.
    pub place: Place,
    /// Since which epoch it must be fenced: the one in which it was no longer primary.
    pub epoch: Epoch,
    /// Since when it must be.
    pub since: Timestamp,
    /// What is confirmed, as of `confirmed_at`. None: nothing, it may be processing.
    pub level: Option<FenceLevel>,
    /// When the fence was last read back and held.
    pub confirmed_at: Option<Timestamp>,
    /// What is known of its tail.
    pub tail: Tail,
    /// The place as it was when production was promoted elsewhere: what its tail is told by, and what of it wakes as it was
    /// when production comes back although it never was elsewhere. None where nothing has to be remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promoted_from: Option<Snapshot>,
    /// What our fences changed there since, one document per look that found anything: lists of [`FoundAwake`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub found_awake: Vec<Digest>,
}

/// What a place wrote that was never replicated (P10).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "tail", rename_all = "snake_case")]
pub enum Tail {
    /// There is none: it was proven equal before it ceased to be primary.
    None,
    /// Nobody has looked yet, because it has not answered since.
    Unseen,
    /// It is known and kept, and waits to be acknowledged. Nothing is written over it until then.
    Quarantined {
        /// The digest of the [`Divergence`], which an acknowledgement names.
        divergence: Digest,
        /// When it was read.
        at: Timestamp,
    },
    /// Somebody has read it and lets the reverse direction begin.
    Acknowledged {
        /// The digest of the divergence that was acknowledged.
        divergence: Digest,
        /// Who.
        by: String,
        /// When.
        at: Timestamp,
    },
}

/// How the tail of a place differs from what was last replicated from it. Kept as a document, found by its digest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Divergence {
    /// One per asset, in order of asset. What our own fence changed there is not in it.
    pub assets: Vec<Diverged>,
    /// What began there after production was promoted elsewhere, in order of beginning. What it wrote is not known here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<SeenRun>,
}

/// One asset that a tail changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diverged {
    /// The asset.
    pub asset: AssetId,
    /// What people call it.
    pub key: Key,
    /// What was done to it.
    pub how: How,
    /// Which fields, where it was edited: `/schedule/quartz_cron_expression`, `content`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
}

/// What a tail did to an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// It was made and never replicated.
    Made,
    /// It was edited after the last snapshot.
    Edited,
    /// It was deleted after the last snapshot.
    Deleted,
}

/// One asset that a place was found to keep awake although it was to sleep there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundAwake {
    /// The asset.
    pub asset: AssetId,
    /// What people call it.
    pub key: Key,
    /// Which fields or states kept it awake: `/schedule/pause_status`, `running`.
    pub fields: Vec<String>,
    /// How these were found, as far as somebody looked.
    #[serde(default, skip_serializing_if = "Posture::is_empty")]
    pub found: Posture,
    /// What they were set to.
    #[serde(default, skip_serializing_if = "Posture::is_empty")]
    pub put: Posture,
    /// Whether that was answered as done. Otherwise the asset's verdict says why not.
    pub is_asleep: bool,
}

impl Fence {
    /// Whether the place is known to be held back.
    #[must_use]
    pub const fn is_confirmed(&self) -> bool {
        self.confirmed_at.is_some()
    }

    /// Whether reverse replication may begin there: it is fenced, and nothing unseen would be written over.
    #[must_use]
    pub const fn may_be_written(&self) -> bool {
        self.is_confirmed() && matches!(self.tail, Tail::None | Tail::Acknowledged { .. })
    }
}

impl Divergence {
    /// Whether there is nothing to acknowledge.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.assets.is_empty() && self.runs.is_empty()
    }

    /// The document as which it is kept; its digest is what an acknowledgement is bound to.
    #[must_use]
    pub fn document(&self) -> Document {
        Document::new(&serde_json::json!(self))
    }
}

impl fmt::Display for FenceLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::L1 => "L1: nothing new starts",
            Self::L2 => "L2: compute is stopped",
            Self::L3 => "L3: catalogs are read-only",
            Self::L4 => "L4: storage is denied",
        })
    }
}
