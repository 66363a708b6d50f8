//! All assets of a place at a moment.
//!
//! A snapshot is a small tree of content addresses, as in git: a [`Snapshot`] names one [`Manifest`] per kind by
//! digest, a manifest names documents and contents by digest. A cycle in which nothing changed stores nothing new.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AssetId, Digest, Key, KindName, Mark, Place, RemoteId, RunId, Version};

/// The root: which manifest each kind had. Every kind in it was listed to a proven end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Whose assets.
    pub place: Place,
    /// When the crawl began; everything in it was true at that moment or later.
    pub at: Timestamp,
    /// The run that made it.
    pub run: RunId,
    /// Per kind, the digest of its manifest.
    pub manifests: BTreeMap<KindName, Digest>,
}

/// The assets of one kind at a place, in order of remote id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// One per asset.
    pub entries: Vec<Entry>,
}

/// One asset as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its identity.
    pub asset: AssetId,
    /// What this place calls it.
    pub remote: RemoteId,
    /// What people call it.
    pub key: Key,
    /// The version that the list row claimed.
    pub mark: Mark,
    /// What was read at that mark.
    pub version: Version,
    /// The identity tag that it carries, if it is (or claims to be) a copy of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<AssetId>,
}
