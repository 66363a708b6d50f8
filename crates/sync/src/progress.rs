//! What a cycle is doing, for whoever watches.

use twinlake_base::Timestamp;
use twinlake_model::{AssetId, Key, Place, Verdict};

/// One thing that has just happened.
#[derive(Clone, Debug)]
pub enum Progress {
    /// A place is being crawled.
    Crawling {
        /// Where.
        place: Place,
    },
    /// So many assets were found so far.
    Found {
        /// Where.
        place: Place,
        /// How many.
        assets: usize,
    },
    /// A place was crawled to its proven end.
    Crawled {
        /// Where.
        place: Place,
        /// How many assets there are.
        assets: usize,
    },
    /// Nothing is done until what an earlier cycle may have made must be visible: the answers to its creates were lost.
    Waiting {
        /// Where.
        place: Place,
        /// How many answers were lost.
        questions: usize,
        /// Until when.
        until: Timestamp,
    },
    /// A question of an earlier cycle has an answer.
    Settled {
        /// About which asset.
        asset: AssetId,
        /// Whether the request had taken effect.
        happened: bool,
    },
    /// The plan is made.
    Planned {
        /// How many changes it has.
        changes: usize,
    },
    /// One change is done, or has failed.
    Changed {
        /// The asset.
        asset: AssetId,
        /// What people call it.
        key: Key,
        /// What became of it.
        verdict: Verdict,
        /// How many are done.
        done: usize,
        /// How many there are.
        of: usize,
    },
    /// The target is being read back.
    ReadingBack {
        /// Where.
        place: Place,
    },
}

/// Somebody who watches.
pub trait Watch: Send + Sync {
    /// Is told of everything that happens. Must not block.
    fn see(&self, progress: Progress);
}

/// Nobody watches.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Watch for Silent {
    fn see(&self, _: Progress) {}
}
