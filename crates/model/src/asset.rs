//! What an asset is, in parts: how people find it, what it is, whether it runs, what bytes it holds.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Digest;

/// What people call an asset: a path or a name. Need not be unique.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(Arc<str>);

impl Key {
    /// The key as the service shows it.
    #[must_use]
    pub fn new(key: impl Into<Arc<str>>) -> Self {
        Self(key.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What a list row says of an object's version: a modification time, or a digest of the row's own fields.
/// Equal marks mean that nothing needs to be read again.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mark(Arc<str>);

impl Mark {
    /// A mark in the kind's own form.
    #[must_use]
    pub fn new(mark: impl Into<Arc<str>>) -> Self {
        Self(mark.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether an asset runs: the fields and states that a role decides, apart from what the asset is.
///
/// Keys are JSON pointers into the document (`/schedule/pause_status`) or, for what is not a field of it, words of
/// the kind (`running`, `pinned`). An absent key means that the asset has no such thing to decide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Posture(BTreeMap<String, Value>);

impl Posture {
    /// Nothing to decide.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// What stands at `at`.
    #[must_use]
    pub fn get(&self, at: &str) -> Option<&Value> {
        self.0.get(at)
    }

    /// Sets what stands at `at`.
    pub fn set(&mut self, at: impl Into<String>, value: Value) {
        self.0.insert(at.into(), value);
    }

    /// Forgets what stands at `at`.
    pub fn remove(&mut self, at: &str) -> Option<Value> {
        self.0.remove(at)
    }

    /// Takes over everything that `other` decides.
    pub fn overlay(&mut self, other: &Self) {
        self.0.extend(other.0.iter().map(|(at, value)| (at.clone(), value.clone())));
    }

    /// All of it, in order of key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(at, value)| (at.as_str(), value))
    }

    /// Whether there is nothing to decide.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The keys at which two postures differ.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let keys: std::collections::BTreeSet<&String> = self.0.keys().chain(other.0.keys()).collect();
        keys.into_iter().filter(|key| self.0.get(*key) != other.0.get(*key)).cloned().collect()
    }
}

impl FromIterator<(String, Value)> for Posture {
    fn from_iter<I: IntoIterator<Item = (String, Value)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

/// One version of an asset: its spec and content by digest, its posture in full.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Version {
    /// The digest of the spec's document.
    pub spec: Digest,
    /// Whether it runs.
    #[serde(default, skip_serializing_if = "Posture::is_empty")]
    pub posture: Posture,
    /// The digest of its bytes, for kinds that hold bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Digest>,
}
