//! What we are about to do, written down first, so that a crash leaves a question and never a doubt.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AssetId, Base, Key, Place, Purpose, RunId, Version};

/// A remote call that is about to be sent. It stays open until its answer is recorded; an open intent after a crash
/// or a lost answer is settled by reading before anything is repeated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// In which run.
    pub run: RunId,
    /// At which place.
    pub target: Place,
    /// For which asset.
    pub asset: AssetId,
    /// What people call it, by which it is found again.
    pub key: Key,
    /// What the call is for.
    pub purpose: Purpose,
    /// The request, for people: `POST /api/2.2/jobs/create`.
    pub request: String,
    /// What the asset will be.
    pub desired: Version,
    /// What becomes the base once it is known that the call had its effect. None where the base stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// When it was about to be sent. What it did is visible to a reader at the latest one request deadline and one
    /// consistency window later.
    pub at: Timestamp,
}

/// An asset that its source no longer has. Its copy is deleted when the grace period has passed, not before (P8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    /// The asset.
    pub asset: AssetId,
    /// What people called it.
    pub key: Key,
    /// The place that no longer has it.
    pub source: Place,
    /// Since when, by a proven listing and a GET that confirmed it.
    pub missing_since: Timestamp,
}
