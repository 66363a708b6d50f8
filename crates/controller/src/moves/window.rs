//! The window after a promotion in which it can be committed or rolled back, and where a group is at home.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use twinlake_base::Timestamp;
use twinlake_model::{Epoch, GroupName, SetName, SiteId, Snapshot};
use twinlake_store::Store;

use crate::{ControllerError, House};

/// A promotion that is neither committed nor rolled back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// The run that promoted.
    pub run: String,
    /// Where production was.
    pub from: SiteId,
    /// Where it is.
    pub to: SiteId,
    /// Since which epoch.
    pub epoch: Epoch,
    /// Since when.
    pub promoted_at: Timestamp,
    /// Until when a rollback is offered.
    pub until: Timestamp,
    /// The former primary as it was before the run's first write, per workspace set. Empty if it was given up.
    pub kept: BTreeMap<SetName, Snapshot>,
    /// When it was committed.
    pub committed_at: Option<Timestamp>,
}

impl Window {
    /// Whether a rollback is offered.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.committed_at.is_none() && now < self.until
    }
}

/// The last promotion of a group.
pub(crate) async fn of(store: &Store, group: &GroupName) -> Result<Option<Window>, ControllerError> {
    let text = store.meta(&fact(group)).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Keeps the last promotion of a group.
pub(crate) async fn keep(store: &Store, group: &GroupName, window: &Window) -> Result<(), ControllerError> {
    Ok(store.put_meta(&fact(group), &serde_json::json!(window).to_string()).await?)
}

/// When the group was last promoted anywhere.
pub(crate) async fn last_promotion(
    store: &Store,
    group: &GroupName,
) -> Result<Option<Timestamp>, ControllerError> {
    Ok(of(store, group).await?.map(|window| window.promoted_at))
}

/// Where the group is at home: where it was promoted for good, else where the config says that it began.
pub(crate) async fn home(house: &House, group: &GroupName) -> Result<SiteId, ControllerError> {
    if let Some(home) = house.store.meta(&home_fact(group)).await? {
        return Ok(SiteId::new(home));
    }
    house.began(group)
}

/// Makes a site the group's home.
pub(crate) async fn make_home(
    store: &Store,
    group: &GroupName,
    site: &SiteId,
) -> Result<(), ControllerError> {
    Ok(store.put_meta(&home_fact(group), site.as_str()).await?)
}

fn fact(group: &GroupName) -> String {
    format!("window/{group}")
}

fn home_fact(group: &GroupName) -> String {
    format!("home/{group}")
}
