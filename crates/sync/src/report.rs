//! What a cycle came to.

use std::collections::BTreeMap;
use std::time::Duration;

use twinlake_base::Timestamp;
use twinlake_model::{AssetId, Digest, FoundAwake, Outcome, Place, RunId};

/// Counts of verdicts, by word.
pub type Tally = BTreeMap<&'static str, usize>;

/// What a cycle came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The run.
    pub run: RunId,
    /// From where.
    pub source: Place,
    /// To where.
    pub target: Place,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How many changes were made.
    pub changes: usize,
    /// How many requests changed something at the target.
    pub writes: usize,
    /// Every asset's verdict.
    pub outcomes: Vec<Outcome>,
    /// Why part of the plan waits for an approval, and the digest to approve, if it does.
    pub held: Option<(String, Digest)>,
    /// What ran at the target between its create and its stop, and for how long.
    pub awake: Vec<(AssetId, Duration)>,
    /// Where a place was put to sleep as it stands, what was found awake there: what somebody woke or made since.
    pub found_awake: Vec<FoundAwake>,
}

impl Report {
    /// The verdicts, counted.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let mut tally = Tally::new();
        for outcome in &self.outcomes {
            *tally.entry(outcome.verdict.word()).or_default() += 1;
        }
        tally
    }

    /// Whether every asset ended in a verdict that counts as complete, or that the operator accepts.
    #[must_use]
    pub fn is_complete(&self, accept: impl Fn(&Outcome) -> bool) -> bool {
        self.held.is_none()
            && self.outcomes.iter().all(|outcome| outcome.verdict.is_complete() || accept(outcome))
    }
}
