//! Whether a cycle's verdicts count as complete: by themselves, by what the operator accepts, or because a deletion waits
//! out its grace on purpose. Pure.

use std::collections::BTreeMap;

use serde::Serialize;
use twinlake_base::Timestamp;
use twinlake_model::{AssetId, Key, Outcome, Selection, Tombstone, Verdict};

use crate::kinds::plural;

/// A cycle's verdicts, sorted by what they ask of the operator.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Judgement {
    /// How many assets have which verdict, by its word.
    pub verdicts: BTreeMap<String, usize>,
    /// What keeps the cycle from being complete.
    pub incomplete: Vec<Outcome>,
    /// What is skipped, unsupported or unmapped, and accepted by the config.
    pub accepted: Vec<Outcome>,
    /// Copies whose original is gone, and that are deleted when their grace has passed.
    pub waiting: Vec<Waiting>,
    /// What stands at the target and is not ours. It is left alone.
    pub unmanaged: Vec<Outcome>,
    /// What somebody changed at the target. It was put back.
    pub drifted: Vec<Outcome>,
}

/// A copy that waits for its deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// The asset.
    pub asset: AssetId,
    /// What people called it.
    pub key: Key,
    /// Since when the source does not have it.
    pub missing_since: Timestamp,
    /// When its copy is deleted.
    pub due_at: Timestamp,
}

/// What a cycle's verdicts are judged by.
pub(crate) struct Standard<'a> {
    /// What the operator accepts.
    pub(crate) accept: &'a Selection,
    /// What the source no longer has.
    pub(crate) tombstones: &'a BTreeMap<AssetId, Tombstone>,
    /// How long a deletion waits.
    pub(crate) grace: std::time::Duration,
}

impl Judgement {
    /// Judges a cycle's verdicts.
    pub(crate) fn of(outcomes: &[Outcome], standard: &Standard<'_>) -> Self {
        let mut judgement = Self::default();
        for outcome in outcomes {
            *judgement.verdicts.entry(outcome.verdict.word().to_owned()).or_default() += 1;
            judgement.sort(outcome, standard);
        }
        judgement.waiting.sort_by(|one, other| (one.due_at, &one.key).cmp(&(other.due_at, &other.key)));
        judgement
    }

    /// Whether nothing is left to do.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.incomplete.is_empty()
    }

    fn sort(&mut self, outcome: &Outcome, standard: &Standard<'_>) {
        let list = match &outcome.verdict {
            Verdict::InSync => return,
            Verdict::Unmanaged { .. } => &mut self.unmanaged,
            Verdict::Drifted { .. } => &mut self.drifted,
            Verdict::Skipped { .. } | Verdict::Unsupported { .. } | Verdict::Unmapped { .. }
                if standard.accept.takes(plural(outcome.asset.kind.as_str()), &outcome.key) =>
            {
                &mut self.accepted
            }
            Verdict::Lagging { .. } if standard.tombstones.contains_key(&outcome.asset) => {
                let Some(tombstone) = standard.tombstones.get(&outcome.asset) else { return };
                let missing_since = tombstone.missing_since;
                let due_at = missing_since.checked_add(standard.grace).unwrap_or(Timestamp::MAX);
                self.waiting.push(Waiting {
                    asset: outcome.asset.clone(),
                    key: outcome.key.clone(),
                    missing_since,
                    due_at,
                });
                return;
            }
            _ => &mut self.incomplete,
        };
        list.push(outcome.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(asset: &str, verdict: Verdict) -> Outcome {
        Outcome { asset: asset.parse().unwrap(), key: Key::new("nightly"), verdict }
    }

    #[test]
    fn only_what_is_not_accepted_and_does_not_wait_on_purpose_is_incomplete() {
        let gone: AssetId = "job/prod@east/3".parse().unwrap();
        let since: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let tombstone = Tombstone {
            asset: gone.clone(),
            key: Key::new("nightly"),
            source: gone.origin.clone(),
            missing_since: since,
        };
        let accept = Selection { include: vec!["clusters:*".parse().unwrap()], exclude: Vec::new() };
        let standard = Standard {
            accept: &accept,
            tombstones: &BTreeMap::from([(gone, tombstone)]),
            grace: std::time::Duration::from_secs(3600),
        };
        let skipped = || Verdict::Skipped { reason: "too big".into() };
        let outcomes = [
            outcome("job/prod@east/1", Verdict::InSync),
            outcome("job/prod@east/2", skipped()),
            outcome("job/prod@east/3", Verdict::Lagging { why: "gone".into() }),
            outcome("cluster/prod@east/4", skipped()),
            outcome("job/prod@east/5", Verdict::Drifted { fields: vec!["/name".into()] }),
            outcome("job/prod@west/6", Verdict::Unmanaged { note: None }),
        ];
        let judgement = Judgement::of(&outcomes, &standard);
        let incomplete: Vec<String> =
            judgement.incomplete.iter().map(|outcome| outcome.asset.to_string()).collect();
        assert_eq!(incomplete, ["job/prod@east/2"]);
        assert_eq!(judgement.accepted.len(), 1);
        assert_eq!(judgement.waiting[0].due_at, "2026-01-01T01:00:00Z".parse().unwrap());
        assert_eq!(judgement.verdicts["skipped"], 2);
        assert!(!judgement.is_complete() && Judgement::of(&outcomes[2..], &standard).is_complete());
    }
}
