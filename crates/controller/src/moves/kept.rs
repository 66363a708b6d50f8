//! What stands in a snapshot, as far as waves and fences need it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use twinlake_assets::kinds;
use twinlake_model::{AssetId, Entry, Estate, FailoverGroup, Key, Place, RemoteId, Snapshot, references_in};
use twinlake_store::{Store, StoreError};

use crate::moves::waves::Sleeper;

/// How many past cycles of a direction, and how many snapshots, are looked through for the last one of a group. Groups that
/// share a workspace take turns, so it is among the first.
pub(crate) const BACK: u32 = 200;

/// The latest snapshot of a place that a cycle of this group took: where groups share a workspace, each snapshot holds what
/// its own group has there.
///
/// # Errors
/// When the state cannot be read.
pub(crate) async fn latest_of(
    store: &Store,
    estate: &Estate,
    group: &FailoverGroup,
    place: &Place,
) -> Result<Option<Snapshot>, StoreError> {
    let has_set = |other: &&FailoverGroup| other.sets.iter().any(|its| its.name == place.set);
    if estate.groups.values().filter(has_set).count() < 2 {
        return store.latest_snapshot(place).await;
    }
    let mut runs = BTreeSet::new();
    for site in group.sites() {
        let there = Place::new(place.set.clone(), site.clone());
        for (source, target) in [(place, &there), (&there, place)] {
            let cycles = store.cycles(source, target, BACK).await?;
            let own = cycles.into_iter().filter(|past| past.cycle.group == group.name);
            runs.extend(own.map(|past| past.cycle.run));
        }
    }
    let snapshots = store.snapshots(place, BACK).await?;
    Ok(snapshots.into_iter().find(|snapshot| runs.contains(&snapshot.run)))
}

/// Every asset of a snapshot, with what it refers to.
///
/// # Errors
/// When the snapshot cannot be read.
pub(crate) async fn sleepers(
    store: &Store,
    snapshot: &Snapshot,
) -> Result<BTreeMap<AssetId, Sleeper>, StoreError> {
    let mut found = BTreeMap::new();
    for (kind, digest) in &snapshot.manifests {
        let Some(kind) = kinds::find(kind.as_str()) else { continue };
        let entries = store.manifest(*digest).await?.entries;
        let specs: Vec<_> = entries.iter().map(|entry| entry.version.spec).collect();
        let documents = store.documents(&specs).await?;
        for entry in entries {
            let document = documents.get(&entry.version.spec);
            let refers_to = document.map(|document| references_in(&document.value())).unwrap_or_default();
            let sleeper = Sleeper {
                kinds: kind.schema().plural,
                key: entry.key,
                refers_to: refers_to.into_iter().collect(),
            };
            found.insert(entry.asset, sleeper);
        }
    }
    Ok(found)
}

/// What people call the things of a place, by kind and id.
pub(crate) struct Names(HashMap<(String, RemoteId), (&'static str, Key)>);

impl Names {
    /// Of a place that was never looked at.
    pub(crate) fn none() -> Self {
        Self(HashMap::new())
    }

    /// And as they were in a snapshot of the place.
    ///
    /// # Errors
    /// When the snapshot cannot be read.
    pub(crate) async fn and(mut self, store: &Store, snapshot: &Snapshot) -> Result<Self, StoreError> {
        let names = &mut self.0;
        for (kind, digest) in &snapshot.manifests {
            let Some(plural) = kinds::find(kind.as_str()).map(|kind| kind.schema().plural) else { continue };
            for Entry { remote, key, .. } in store.manifest(*digest).await?.entries {
                names.insert((kind.to_string(), remote), (plural, key));
            }
        }
        Ok(self)
    }

    /// The plural name of the kind, and what people call it. None: it was never seen.
    pub(crate) fn get(&self, kind: &str, remote: &RemoteId) -> Option<(&'static str, Key)> {
        self.0.get(&(kind.to_owned(), remote.clone())).cloned()
    }
}
