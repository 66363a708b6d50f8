//! What ran at a place: kept while it can be asked, because a lost primary cannot be.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AssetId, Place, RemoteId};

/// One run of something at a place (a job's run, a run that somebody submitted), as it was last seen.
///
/// A run that had not ended when it was last seen, at a place that was then lost, `may have run` to its end: its
/// outcome is unknown, and nobody starts it again unasked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenRun {
    /// Where.
    pub place: Place,
    /// Which activity it belongs to: `job_run`. The table of activities is in `assets`.
    pub activity: String,
    /// What the place calls it.
    pub id: RemoteId,
    /// What it is a run of, where that is an asset that we know. None: it was submitted without a job.
    pub of: Option<AssetId>,
    /// What people call it.
    pub name: String,
    /// The service's own word for where it stands: `RUNNING`, `QUEUED`, `TERMINATED`.
    pub state: String,
    /// When it was asked for.
    pub began_at: Timestamp,
    /// When it ended. None: it had not, when it was last seen.
    pub ended_at: Option<Timestamp>,
    /// How it ended, in the service's word: `SUCCESS`, `FAILED`, `CANCELED`.
    pub result: Option<String>,
    /// What it was given, as text: what somebody needs who has to run it again. No secrets.
    pub parameters: Option<String>,
    /// Who asked for it.
    pub creator: Option<String>,
    /// When it was last seen.
    pub seen_at: Timestamp,
}

impl SeenRun {
    /// Whether it had not ended when it was last seen.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.ended_at.is_none()
    }
}
