//! What a log is made of.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use twinlake_base::Timestamp;

/// The number of an event in its run, counted from 1. As an expectation, 0 means a run without events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Something that happened in a run. The log carries it and does not look inside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, by the clock of whoever appended it. The order of events is their numbers', not their dates'.
    pub at: Timestamp,
    /// What happened, in the words of the run's engine: `step.started`.
    pub name: String,
    /// The rest, in the shape that belongs to the name. No secrets, ever.
    pub detail: Value,
}

/// An event and its place in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// Its number.
    pub seq: Seq,
    /// What happened.
    pub event: Event,
}
