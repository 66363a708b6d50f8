//! The contract between what may be running at a workspace and everything that works with it.
//!
//! An activity is no asset: it is not copied, has no counterpart at another site, and ends by itself. It is listed to be
//! remembered while it can be asked for, and cancelled to bring a place to rest.

use std::fmt;

use async_trait::async_trait;
use twinlake_base::Timestamp;
use twinlake_databricks::{Permit, Reader, Writer};
use twinlake_model::{IdMap, Place, RemoteId, SeenRun};

use crate::Error;

/// A sort of thing that runs.
///
/// What an implementation promises:
/// - what is returned was walked to a proven end; a listing that broke off is an error;
/// - all that runs of this sort is found, whoever began it: also what belongs to no asset;
/// - cancelling may be repeated, and what has ended already, or is gone, is no error.
#[async_trait]
pub trait Activity: fmt::Debug + Send + Sync {
    /// The activity's name: `job_run`. As in the ledger.
    fn name(&self) -> &'static str;

    /// What several are called: `job_runs`.
    fn plural(&self) -> &'static str;

    /// The kind of asset that its runs are runs of.
    fn of(&self) -> &'static str;

    /// Everything that is queued or active, of every type. The page of a list shows what there was when it was asked
    /// for: what began meanwhile is seen by asking again.
    ///
    /// # Errors
    /// When any part of the walk failed.
    async fn active(&self, reader: &Reader) -> Result<Vec<Running>, Error>;

    /// Everything that began at or after `from`, ended or not, as far back as the walk may go.
    ///
    /// What began earlier and ended since is not in it: whoever remembers it asks for it by [`read`](Self::read).
    ///
    /// # Errors
    /// When any part of the walk failed.
    async fn since(&self, reader: &Reader, from: Timestamp) -> Result<History, Error>;

    /// One run. None: it is not there any more.
    ///
    /// # Errors
    /// Whatever else went wrong.
    async fn read(&self, reader: &Reader, id: &RemoteId) -> Result<Option<Running>, Error>;

    /// Cancels one run. It may go on for a moment after the answer.
    ///
    /// # Errors
    /// As [`Writer::send`]; never because it has ended already or does not exist.
    async fn cancel(&self, writer: &Writer, id: &RemoteId, permit: &dyn Permit) -> Result<(), Error>;

    /// Cancels all runs of one asset, queued ones first so that none takes a place that becomes free. It takes few requests
    /// (two, for runs of jobs) whatever the number of runs, so it is meant for assets of which several are active. Where
    /// the asset is gone nothing happens: what still runs of it is cancelled one by one.
    ///
    /// # Errors
    /// As [`Writer::send`].
    async fn cancel_of(&self, writer: &Writer, of: &RemoteId, permit: &dyn Permit) -> Result<(), Error>;

    /// Cancels everything that is queued at the place, in one request. *Everything*: also what belongs to other
    /// groups, so it is only for a place that no other group's primary uses.
    ///
    /// # Errors
    /// As [`Writer::send`].
    async fn cancel_queued(&self, writer: &Writer, permit: &dyn Permit) -> Result<(), Error>;
}

/// What was found of the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The runs, each once.
    pub runs: Vec<Running>,
    /// Since when they are all there. Later than was asked for where there were too many to walk.
    pub from: Timestamp,
}

/// One run, as the service shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// What the place calls it.
    pub id: RemoteId,
    /// The asset that it is a run of, as the place calls it. None: somebody submitted it, or a notebook began it.
    pub of: Option<RemoteId>,
    /// What people call it.
    pub name: String,
    /// The service's own word for where it stands: `RUNNING`, `QUEUED`, `TERMINATED`.
    pub state: String,
    /// When it was asked for.
    pub began_at: Timestamp,
    /// When it ended. None: it has not.
    pub ended_at: Option<Timestamp>,
    /// How it ended, in the service's word.
    pub result: Option<String>,
    /// What it was given, as JSON text. What looks like a password or a key is taken out.
    pub parameters: Option<String>,
    /// Who asked for it.
    pub creator: Option<String>,
    /// What it uses or refers to, where that is shown. What has no asset is told by this whose it is.
    pub uses: Vec<Use>,
}

/// Something that a run uses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The kind's name; where it is named by a path that may be several, all of them, separated by `|`.
    pub kind: &'static str,
    /// What the place calls it; for what lives in the workspace tree, its path.
    pub remote: RemoteId,
}

impl Running {
    /// Whether it has not ended.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.ended_at.is_none()
    }

    /// The row of the ledger, of what was seen at `place` at `seen_at`.
    #[must_use]
    pub fn seen(self, activity: &dyn Activity, place: &Place, ids: &IdMap, seen_at: Timestamp) -> SeenRun {
        SeenRun {
            place: place.clone(),
            activity: activity.name().to_owned(),
            id: self.id,
            of: self.of.map(|remote| ids.identity(&activity.of().into(), place, &remote)),
            name: self.name,
            state: self.state,
            began_at: self.began_at,
            ended_at: self.ended_at,
            result: self.result,
            parameters: self.parameters,
            creator: self.creator,
            seen_at,
        }
    }
}
