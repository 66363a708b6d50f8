//! The third side of a three-way diff.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AssetId, Digest, Epoch, Place, RunId, Version};

/// What we last did for an asset at a place: what the source was, what we sent, and what we then read back.
///
/// A pair, because the service does not store what it is sent: it adds defaults and drops what it does not keep.
/// *Sent ≠ desired* is our change; *read back ≠ observed* is drift. Server defaults then need almost no rules.
/// The source's version stands beside them so that both dialects of every field are known, also where a mapping
/// is many-to-one (P9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The asset.
    pub asset: AssetId,
    /// Where it was applied.
    pub target: Place,
    /// Where it came from.
    pub source: Place,
    /// What it was at the source.
    pub source_version: Version,
    /// What we sent, in symbolic space, in the target's dialect.
    pub sent: Version,
    /// What the target then said it had, in symbolic space. None until it was read back.
    pub read_back: Option<Version>,
    /// The fields that we sent and the target did not keep, with the reason where we know it.
    pub not_kept: Vec<String>,
    /// The digest of the mappings that the document was translated with. With others it is translated anew.
    pub mappings: Digest,
    /// In which term.
    pub epoch: Epoch,
    /// In which run.
    pub run: RunId,
    /// When it was sent.
    pub applied_at: Timestamp,
}

impl Base {
    /// The base of the opposite direction, for a swap of roles: what the target was read back as is what it was as
    /// a source, and what the source was is what is taken to be sent and read back there. None while this one was
    /// not read back.
    #[must_use]
    pub fn reversed(&self) -> Option<Self> {
        let was_at_target = self.read_back.clone()?;
        Some(Self {
            source: self.target.clone(),
            target: self.source.clone(),
            source_version: was_at_target,
            sent: self.source_version.clone(),
            read_back: Some(self.source_version.clone()),
            not_kept: Vec::new(),
            ..self.clone()
        })
    }
}
