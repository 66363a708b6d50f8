//! What a run is measured against.

use serde::{Deserialize, Serialize};

/// Target RPO and RTO. What is absent was not set, and is not judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objectives {
    /// How much time's worth of changes may be lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rpo_seconds: Option<u64>,
    /// How long production may be away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rto_seconds: Option<u64>,
}
