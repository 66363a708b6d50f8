//! What a forced failover would lose, from what we knew when the primary could still be asked. Pure.

use serde::{Deserialize, Serialize};
use twinlake_base::Timestamp;
use twinlake_model::{Outcome, Place, SeenRun, Verdict, safety};

/// What would be lost, as far as is known.
///
/// What nobody looked at since the last cycle cannot be in it: [`seconds`](Self::seconds) says how long ago that was. The
/// exact loss is in the divergence report, once the old primary can be asked again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Loss {
    /// Per workspace set and standby, how far the copy is behind.
    pub behind: Vec<Behind>,
    /// Runs that had not ended when they were last seen. Their outcome is unknown; nothing starts them again unasked.
    pub may_have_run: Vec<SeenRun>,
}

/// How far one copy is behind its original.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Behind {
    /// Where it was read.
    pub source: Place,
    /// Where the copy is.
    pub target: Place,
    /// The instant up to which everything has arrived. None: never yet did everything arrive.
    pub replication_point: Option<Timestamp>,
    /// Now less that instant.
    pub seconds: Option<i64>,
    /// When the source was last listed whole. What was changed there since is not known.
    pub last_looked_at: Option<Timestamp>,
    /// Assets that are known not to be at the target as they are at the source.
    pub lacking: Vec<Outcome>,
}

/// What is known of one copy.
pub(crate) struct Facts {
    pub(crate) source: Place,
    pub(crate) target: Place,
    pub(crate) replication_point: Option<Timestamp>,
    pub(crate) last_looked_at: Option<Timestamp>,
    pub(crate) outcomes: Vec<Outcome>,
}

impl Behind {
    pub(crate) fn of(facts: Facts, now: Timestamp) -> Self {
        let seconds = facts.replication_point.map(|point| now.duration_since(point).as_secs().max(0));
        let mut lacking = facts.outcomes;
        // What drifted was put back, and what is not ours is not lost.
        lacking.retain(|outcome| {
            !matches!(outcome.verdict, Verdict::InSync | Verdict::Drifted { .. } | Verdict::Unmanaged { .. })
        });
        lacking.sort_by(|one, other| one.asset.cmp(&other.asset));
        Self {
            source: facts.source,
            target: facts.target,
            replication_point: facts.replication_point,
            seconds,
            last_looked_at: facts.last_looked_at,
            lacking,
        }
    }
}

impl Loss {
    /// The longest of the copies' times. None if one of them never was complete.
    #[must_use]
    pub fn seconds(&self) -> Option<i64> {
        self.behind.iter().map(|behind| behind.seconds).try_fold(0, |most, seconds| Some(most.max(seconds?)))
    }

    /// As the safety rules take it.
    #[must_use]
    pub fn for_rules(&self) -> safety::Loss {
        match self.seconds() {
            None => safety::Loss::Unknown,
            Some(seconds) => safety::Loss::Known(std::time::Duration::from_secs(seconds.unsigned_abs())),
        }
    }
}

#[cfg(test)]
mod tests {
    use twinlake_model::Key;

    use super::*;

    fn at(time: &str) -> Timestamp {
        format!("2026-05-12T{time}Z").parse().unwrap()
    }

    fn facts(point: Option<&str>, verdicts: Vec<Verdict>) -> Facts {
        let outcome = |(number, verdict)| Outcome {
            asset: format!("job/prod@east/{number}").parse().unwrap(),
            key: Key::new(format!("job {number}")),
            verdict,
        };
        Facts {
            source: "prod@east".parse().unwrap(),
            target: "prod@west".parse().unwrap(),
            replication_point: point.map(at),
            last_looked_at: point.map(at),
            outcomes: verdicts.into_iter().enumerate().map(outcome).collect(),
        }
    }

    #[test]
    fn what_is_not_at_the_standby_as_it_was_is_named_and_what_is_not_ours_is_not() {
        let verdicts = vec![
            Verdict::InSync,
            Verdict::Failed { error: "500".into() },
            Verdict::Unmanaged { note: None },
            Verdict::Drifted { fields: vec!["/name".into()] },
            Verdict::Unsupported { reason: "its type".into() },
        ];
        let behind = Behind::of(facts(Some("10:00:00"), verdicts), at("10:07:30"));
        assert_eq!(behind.seconds, Some(450));
        let lacking: Vec<&str> = behind.lacking.iter().map(|outcome| outcome.verdict.word()).collect();
        assert_eq!(lacking, ["failed", "unsupported"]);
    }

    #[test]
    fn the_loss_is_that_of_the_copy_furthest_behind_and_unknown_if_one_never_was_complete() {
        let now = at("10:10:00");
        let of = |points: &[Option<&str>]| Loss {
            behind: points.iter().map(|point| Behind::of(facts(*point, Vec::new()), now)).collect(),
            may_have_run: Vec::new(),
        };
        assert_eq!(of(&[Some("10:00:00"), Some("10:09:00")]).seconds(), Some(600));
        assert_eq!(of(&[Some("10:00:00"), None]).seconds(), None);
        assert_eq!(of(&[Some("10:00:00"), None]).for_rules(), safety::Loss::Unknown);
        assert_eq!(of(&[]).seconds(), Some(0));
    }
}
