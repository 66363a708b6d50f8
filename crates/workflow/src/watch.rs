//! What a run is doing, for whoever watches.

use jiff::SignedDuration;
use twinlake_base::Timestamp;

use crate::{Objectives, RunEvent};

/// One thing that has just happened, with the time against the objectives.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// In which run.
    pub run: String,
    /// When.
    pub at: Timestamp,
    /// When the run began.
    pub began_at: Timestamp,
    /// What it is measured against.
    pub objectives: Objectives,
    /// What happened.
    pub happened: Happened,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Happened {
    /// Something durable: the event is in the log.
    Logged(RunEvent),
    /// A step came a bit further.
    Further {
        /// Which.
        step: String,
        /// What is being done.
        what: String,
        /// How many are done.
        done: u64,
        /// Of how many, where that is known.
        of: Option<u64>,
    },
}

/// Somebody who watches.
pub trait Watch: Send + Sync {
    /// Is told of everything that happens. Must not block.
    fn see(&self, progress: Progress);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unwatched;

impl Watch for Unwatched {
    fn see(&self, _: Progress) {}
}

impl Progress {
    /// How long the run has been going on, waits and stops included.
    #[must_use]
    pub fn elapsed(&self) -> SignedDuration {
        self.at.duration_since(self.began_at)
    }

    /// What is left of the target RTO if the outage began with the run; negative when it is exceeded.
    #[must_use]
    pub fn rto_left(&self) -> Option<SignedDuration> {
        let target = i64::try_from(self.objectives.rto_seconds?).unwrap_or(i64::MAX);
        Some(SignedDuration::from_secs(target).saturating_sub(self.elapsed()))
    }
}
