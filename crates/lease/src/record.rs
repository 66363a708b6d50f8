//! One record of a group's history, as it lies in the witness.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use twinlake_base::Timestamp;
use twinlake_model::{Epoch, GroupName, SiteId};

use crate::Terms;

/// Where a record lies, in a row of this name. Padded, so that names sort as numbers do.
pub(crate) fn name(row: &str, group: &GroupName, seq: u64) -> String {
    format!("{}/{seq:020}", folder(row, group))
}

/// Where a group's records lie.
pub(crate) fn folder(row: &str, group: &GroupName) -> String {
    format!("{row}/{group}")
}

/// The number in a record's name; None for objects that are no records of this group.
pub(crate) fn seq_of(row: &str, group: &GroupName, name: &str) -> Option<u64> {
    name.strip_prefix(&folder(row, group))?.strip_prefix('/')?.parse().ok()
}

/// What is written. Never changed afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Where production runs in this epoch.
    pub(crate) primary: SiteId,
    /// The group's primary term.
    pub(crate) epoch: Epoch,
    /// Who holds the lease, for people: `process 4711 on dr-1`.
    pub(crate) holder: String,
    /// Which controller that is: drawn when it started, so that a restarted one is another.
    pub(crate) controller: String,
    /// Makes each attempt to write a record another record.
    pub(crate) nonce: String,
    /// The holder's term. A successor waits by the holder's terms, not by its own.
    pub(crate) term_ms: u64,
    /// The holder's longest request.
    pub(crate) longest_request_ms: u64,
    /// The holder's date, for people. Nothing is decided by it.
    pub(crate) written_at: Timestamp,
    /// Whether the holder let go and has nothing under way.
    pub(crate) released: bool,
}

impl Record {
    /// The terms that a successor waits by: the holder's, or our own where those are longer.
    pub(crate) fn terms(&self, ours: &Terms) -> Terms {
        Terms {
            term: Duration::from_millis(self.term_ms).max(ours.term),
            longest_request: Duration::from_millis(self.longest_request_ms).max(ours.longest_request),
            ..*ours
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_their_numbers_do_and_read_back() {
        let group = GroupName::from("finance");
        let names: Vec<String> = [1, 2, 10, u64::MAX].map(|seq| name("lease", &group, seq)).into();
        assert!(names.is_sorted());
        assert_eq!(names[0], "lease/finance/00000000000000000001");
        assert_eq!(seq_of("lease", &group, &names[3]), Some(u64::MAX));
        assert_eq!(seq_of("lease", &group, "lease/finance/notes.txt"), None);
        assert_eq!(seq_of("lease", &"fin".into(), &names[0]), None);
        assert_eq!(seq_of("standby", &group, &names[0]), None);
    }
}
