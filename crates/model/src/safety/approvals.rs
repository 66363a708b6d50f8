//! Who has to agree before a run begins, and whether they have.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Digest;

/// How long an approval counts. What was agreed to an hour ago may be another matter by now.
pub const DEFAULT_APPROVAL_EXPIRY: Duration = Duration::from_secs(60 * 60);

/// How far the clock of whoever approved may be ahead of ours.
const CLOCKS_APART: Duration = Duration::from_secs(5 * 60);

/// How many of whom have to agree. The default asks nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approvals {
    /// How many people.
    pub required: usize,
    /// Of these, each by the name under which they approve.
    pub of: Vec<String>,
    /// How long an approval counts.
    pub expire: Duration,
}

/// One approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// By whom.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Of what: the digest of all that the run would do.
    pub digest: Digest,
}

/// Whether enough have agreed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Yes.
    Enough,
    /// Not yet.
    Missing {
        /// How many more are needed.
        needed: usize,
        /// Who may still agree, in the order of the config.
        may: Vec<String>,
        /// What was given and does not count.
        uncounted: Vec<Uncounted>,
    },
}

/// An approval that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncounted {
    /// The approval.
    pub given: Given,
    /// Why it does not.
    pub why: Why,
}

/// Why an approval does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// Whoever gave it is not among those who are asked.
    NotListed,
    /// It is of something else; perhaps of what has changed since.
    OtherDigest,
    /// It is too old.
    Expired,
    /// Its date is to come.
    NotYet,
}

impl Default for Approvals {
    fn default() -> Self {
        Self { required: 0, of: Vec::new(), expire: DEFAULT_APPROVAL_EXPIRY }
    }
}

impl Approvals {
    /// Whether enough different people have agreed to exactly this. Whoever begins the run counts like everybody else:
    /// once, and only if listed.
    #[must_use]
    pub fn judge(&self, given: &[Given], digest: Digest, now: Timestamp) -> Standing {
        let mut agreed = BTreeSet::new();
        let mut uncounted = Vec::new();
        for one in given {
            match self.against(one, digest, now) {
                None => {
                    agreed.insert(one.by.as_str());
                }
                Some(why) => uncounted.push(Uncounted { given: one.clone(), why }),
            }
        }
        let needed = self.required.saturating_sub(agreed.len());
        if needed == 0 {
            return Standing::Enough;
        }
        let may = self.of.iter().filter(|name| !agreed.contains(name.as_str())).cloned().collect();
        Standing::Missing { needed, may, uncounted }
    }

    fn against(&self, given: &Given, digest: Digest, now: Timestamp) -> Option<Why> {
        let age = now.duration_since(given.at);
        if !self.of.contains(&given.by) {
            Some(Why::NotListed)
        } else if given.digest != digest {
            Some(Why::OtherDigest)
        } else if age.is_negative() && age.unsigned_abs() > CLOCKS_APART {
            Some(Why::NotYet)
        } else if !age.is_negative() && age.unsigned_abs() >= self.expire {
            Some(Why::Expired)
        } else {
            None
        }
    }
}
