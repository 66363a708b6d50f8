//! Two copies of one run's log: a pure judgement.

use twinlake_workflow::{Recorded, Seq};

/// How two copies stand to each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Copies {
    /// They are equal.
    Same,
    /// The first continues the second, which ends here.
    FirstLonger(Seq),
    /// The second continues the first, which ends here.
    SecondLonger(Seq),
    /// Both have an event of this number, and it differs.
    Forked(Seq),
}

/// Compares two copies.
pub(crate) fn compare(first: &[Recorded], second: &[Recorded]) -> Copies {
    if let Some((one, _)) = first.iter().zip(second).find(|(one, other)| one != other) {
        return Copies::Forked(one.seq);
    }
    match first.len().cmp(&second.len()) {
        std::cmp::Ordering::Equal => Copies::Same,
        std::cmp::Ordering::Greater => Copies::FirstLonger(end(second)),
        std::cmp::Ordering::Less => Copies::SecondLonger(end(first)),
    }
}

/// The number of the last event.
pub(crate) fn end(events: &[Recorded]) -> Seq {
    events.last().map_or(Seq::START, |recorded| recorded.seq)
}

/// The events after a number.
pub(crate) fn after(events: &[Recorded], seq: Seq) -> &[Recorded] {
    &events[events.partition_point(|recorded| recorded.seq <= seq)..]
}

#[cfg(test)]
mod tests {
    use twinlake_base::Timestamp;
    use twinlake_workflow::Event;

    use super::*;

    fn log(names: &[&str]) -> Vec<Recorded> {
        let event = |name: &&str| Event {
            at: Timestamp::UNIX_EPOCH,
            name: (*name).to_owned(),
            detail: serde_json::Value::Null,
        };
        names.iter().zip(1..).map(|(name, seq)| Recorded { seq: Seq(seq), event: event(name) }).collect()
    }

    #[test]
    fn copies_are_equal_continue_each_other_or_fork() {
        for (first, second, expected) in [
            (&[][..], &[][..], Copies::Same),
            (&["a", "b"], &["a", "b"], Copies::Same),
            (&["a", "b"], &["a"], Copies::FirstLonger(Seq(1))),
            (&["a", "b"], &[], Copies::FirstLonger(Seq(0))),
            (&["a"], &["a", "b", "c"], Copies::SecondLonger(Seq(1))),
            (&["a", "x", "c"], &["a", "b"], Copies::Forked(Seq(2))),
        ] {
            assert_eq!(compare(&log(first), &log(second)), expected, "{first:?} and {second:?}");
        }
        assert_eq!(after(&log(&["a", "b", "c"]), Seq(1)).len(), 2);
        assert_eq!(after(&log(&["a"]), Seq(1)), []);
    }
}
