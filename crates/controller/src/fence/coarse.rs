//! The coarse fence: the few requests that keep a lost or dying primary from using compute, sent from what we keep, so
//! that nothing has to be read there first. At most one per asset that has such a request.
//!
//! It is a courtesy to a primary that may be half alive, and never a condition: whatever does not answer is left to the
//! standing fence.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::StreamExt;
use serde::{Deserialize, Serialize};
use twinlake_assets::{kinds, resolve};
use twinlake_databricks::{Client, Permit};
use twinlake_model::{Call, FailoverGroup, FoundAwake, Place, Selection, Snapshot};

use crate::fence::shared;
use crate::moves::kept::{latest_of, sleepers};
use crate::{ControllerError, House};

/// All the time that a primary that does not answer is given.
pub(crate) const AT_MOST: Duration = Duration::from_secs(20);
/// How many requests are under way at once.
const AT_ONCE: usize = 8;
/// A place that did not answer so often in a row is asked no more.
const ENOUGH: usize = 3;

/// What came of a coarse fence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Coarse {
    /// What was set, in the form in which a fence tells it.
    pub(crate) fenced: Vec<FoundAwake>,
    /// How many requests were meant to be sent.
    pub(crate) meant: usize,
    /// The first reason why one was not done.
    pub(crate) trouble: Option<String>,
}

/// A place that is lost, or nearly.
pub(crate) struct Lost<'a> {
    pub(crate) house: &'a House,
    pub(crate) place: &'a Place,
    pub(crate) client: Client,
    pub(crate) kept: &'a Snapshot,
    pub(crate) selection: &'a Selection,
    /// The other groups whose production is there.
    pub(crate) others: &'a [&'a FailoverGroup],
    pub(crate) permit: &'a dyn Permit,
}

impl Lost<'_> {
    /// Sends what can be sent in the time. Whatever happens there is told, and is no error.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub(crate) async fn fence(&self) -> Result<Coarse, ControllerError> {
        let calls = self.calls().await?;
        let mut coarse = Coarse { meant: calls.len(), ..Coarse::default() };
        let ids = self.house.store.id_map(&self.place.set).await?;
        let clock = &self.house.setup.clock;
        let until = clock.instant() + AT_MOST;
        let writer = self.client.writer();
        let sent = calls.into_iter().map(|(told, call)| {
            let request = resolve::request(&call, &told.asset, self.place, &ids, None);
            let (writer, permit) = (&writer, self.permit);
            async move {
                match request {
                    Err(error) => Err(error.to_string()),
                    Ok(write) => {
                        writer.send(permit, &write).await.map(|_| told).map_err(|error| error.to_string())
                    }
                }
            }
        });
        let mut sending = futures::stream::iter(sent).buffer_unordered(AT_ONCE);
        let mut failed_in_a_row = 0;
        loop {
            let next = tokio::select! {
                next = sending.next() => next,
                () = clock.sleep_until(until) => {
                    coarse.trouble.get_or_insert_with(|| format!("no answer within {} s", AT_MOST.as_secs()));
                    break;
                }
            };
            match next {
                None => break,
                Some(Ok(told)) => {
                    failed_in_a_row = 0;
                    coarse.fenced.push(told);
                }
                Some(Err(error)) => {
                    failed_in_a_row += 1;
                    coarse.trouble.get_or_insert(error);
                    if failed_in_a_row >= ENOUGH && coarse.fenced.is_empty() {
                        break;
                    }
                }
            }
        }
        Ok(coarse)
    }

    /// The requests, with what each sets.
    async fn calls(&self) -> Result<Vec<(FoundAwake, Call)>, ControllerError> {
        let store = &self.house.store;
        let mut used = BTreeSet::new();
        if !self.others.is_empty() {
            let mut assets = sleepers(store, self.kept).await?;
            for group in self.others {
                let estate = &self.house.config.estate;
                if let Some(theirs) = latest_of(store, estate, group, self.place).await? {
                    assets.extend(sleepers(store, &theirs).await?);
                }
            }
            used = shared::used_by(&assets, &shared::selections(self.others, &self.place.set));
        }
        let mut calls = Vec::new();
        for (kind, digest) in &self.kept.manifests {
            let Some(kind) = kinds::find(kind.as_str()) else { continue };
            if kind.schema().coarse_fence.is_empty() {
                continue;
            }
            for entry in store.manifest(*digest).await?.entries {
                let is_ours = self.selection.takes(kind.schema().plural, &entry.key);
                if !is_ours || used.contains(&entry.asset) {
                    continue;
                }
                let spec = store.document(entry.version.spec).await?.value();
                let Some(call) = kind.coarse_fence(&entry.asset, &spec) else { continue };
                let fenced = kind.schema().coarse_fence;
                let put = fenced.iter().map(|one| (one.at.0.to_owned(), one.stops_at.value())).collect();
                let found = fenced
                    .iter()
                    .filter_map(|one| Some((one.at.0.to_owned(), spec.pointer(one.at.0)?.clone())))
                    .collect();
                let fields = fenced.iter().map(|one| one.at.0.to_owned()).collect();
                let told =
                    FoundAwake { asset: entry.asset, key: entry.key, fields, found, put, is_asleep: true };
                calls.push((told, call));
            }
        }
        Ok(calls)
    }
}
