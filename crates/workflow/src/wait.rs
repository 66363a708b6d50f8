//! What a step waits for.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use twinlake_base::Timestamp;

/// A reason not to go on yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum Wait {
    /// Somebody must answer: an approval, an acknowledgement. No engine needs to live meanwhile.
    Answer {
        /// What is asked, for a person.
        question: String,
        /// What the answer is about, as data: a plan's hash, who may answer. No secrets, ever.
        #[serde(default)]
        about: Value,
    },
    /// A moment must come.
    Until {
        /// Which.
        at: Timestamp,
        /// Why.
        why: String,
    },
}

/// What somebody answered. Whether it suffices is for the step's `check` to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// What.
    pub value: Value,
}
