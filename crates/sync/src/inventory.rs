//! All assets of a place as they were found, each kind listed to a proven end.

use std::collections::{BTreeMap, HashMap};

use twinlake_base::Timestamp;
use twinlake_databricks::Complete;
use twinlake_model::{
    AssetId, Digest, Entry, IdMap, KindName, Manifest, Mark, Outcome, Place, RunId, Snapshot,
};
use twinlake_store::Store;

use crate::SyncError;

/// What a crawl found at a place.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// Where.
    pub place: Place,
    /// When the crawl began.
    pub at: Timestamp,
    /// The assets, by identity.
    pub items: BTreeMap<AssetId, Item>,
    /// What was found and cannot or need not be carried.
    pub set_aside: Vec<Outcome>,
    /// The proofs that nothing was left out, by kind. A kind without a proof was not looked at.
    pub proofs: HashMap<KindName, Complete>,
}

/// One asset as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// What was seen. Its version has no content's digest where the bytes were not read yet.
    pub entry: Entry,
    /// Whether its bytes must still be read.
    pub unread: bool,
}

impl Inventory {
    /// The assets of a kind.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Item> {
        self.items.values().filter(move |item| item.entry.asset.kind.as_str() == kind)
    }

    /// Whether every object of this kind at the place was seen.
    #[must_use]
    pub fn proves(&self, kind: &KindName) -> bool {
        self.proofs.contains_key(kind)
    }

    /// Records that an asset's bytes were read.
    pub(crate) fn has_read(&mut self, asset: &AssetId, content: Digest) {
        if let Some(item) = self.items.get_mut(asset) {
            item.entry.version.content = Some(content);
            item.unread = false;
        }
    }

    /// The assets, by kind, as they are kept. What was not read entirely goes without its mark, so that the next
    /// crawl reads it again.
    #[must_use]
    pub fn manifests(&self) -> BTreeMap<KindName, Manifest> {
        let mut manifests: BTreeMap<KindName, Manifest> =
            self.proofs.keys().map(|kind| (kind.clone(), Manifest::default())).collect();
        for item in self.items.values() {
            let mut entry = item.entry.clone();
            if item.unread {
                entry.mark = Mark::new("");
            }
            manifests.entry(entry.asset.kind.clone()).or_default().entries.push(entry);
        }
        manifests
    }

    /// Keeps it as the place's latest snapshot.
    ///
    /// # Errors
    /// When the state cannot be written.
    pub(crate) async fn keep(&self, store: &Store, run: &RunId) -> Result<Snapshot, SyncError> {
        let mut manifests = BTreeMap::new();
        for (kind, manifest) in self.manifests() {
            manifests.insert(kind, store.put_manifest(&manifest).await?);
        }
        let snapshot = Snapshot { place: self.place.clone(), at: self.at, run: run.clone(), manifests };
        store.put_snapshot(&snapshot).await?;
        Ok(snapshot)
    }
}

/// The inventory that a snapshot keeps. It proves nothing: what it lacks may have been made since.
///
/// # Errors
/// When the state cannot be read.
pub(crate) async fn kept(store: &Store, snapshot: &Snapshot, ids: &IdMap) -> Result<Inventory, SyncError> {
    let mut items = BTreeMap::new();
    for manifest in snapshot.manifests.values() {
        for mut entry in store.manifest(*manifest).await?.entries {
            entry.asset = ids.identity(&entry.asset.kind, &snapshot.place, &entry.remote);
            items.insert(entry.asset.clone(), Item { entry, unread: false });
        }
    }
    let (place, at) = (snapshot.place.clone(), snapshot.at);
    Ok(Inventory { place, at, items, set_aside: Vec::new(), proofs: HashMap::new() })
}
