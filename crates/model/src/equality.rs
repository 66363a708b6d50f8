//! The proof that two places hold the same, made just before production moves.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AssetId, Digest, Key, KindName, Outcome, Place};

/// What a fresh look at both places came to. Whether things run is no part of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EqualityProof {
    /// What is to be equalled.
    pub source: Place,
    /// What is to equal it.
    pub target: Place,
    /// When the look began: everything in it was true at that moment or later.
    pub at: Timestamp,
    /// How many assets of each kind were found equal.
    pub equal: BTreeMap<KindName, usize>,
    /// Of how many of these the bytes were compared too, read from both places for this proof.
    pub contents_read: usize,
    /// What is not equal, or could not be seen to be.
    pub unequal: Vec<Unequal>,
    /// What was left out, wholly or in the fields that are named, because its verdict is accepted.
    pub left_out: Vec<Outcome>,
    /// Names all that was compared, on both sides.
    pub digest: Digest,
}

/// One asset that is not the same at both places.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unequal {
    /// The asset.
    pub asset: AssetId,
    /// What people call it.
    pub key: Key,
    /// Where it differs: `/tasks/0/max_retries`, `content`; or in what else the trouble lies, in words.
    pub fields: Vec<String>,
}

impl EqualityProof {
    /// Whether nothing differs but what was left out.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.unequal.is_empty()
    }
}
