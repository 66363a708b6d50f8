//! What one cycle sees: both ends as they are, and what is remembered of them.

use std::collections::BTreeMap;

use twinlake_model::{AssetId, Base, Entry, IdMap};

use crate::pairing::Pairs;
use crate::{Inventory, Item};

/// Both ends as they are, and what we remember of them.
pub(crate) struct View {
    pub(crate) source: Inventory,
    pub(crate) target: Inventory,
    pub(crate) ids: IdMap,
    pub(crate) bases: BTreeMap<AssetId, Base>,
    /// Which object of the target stands for which asset of the source.
    pub(crate) pairs: Pairs,
}

impl View {
    /// Whether something at the target is one of the assets that are kept in step there: a copy that we made, or, where
    /// production has moved away, an original of which the source has the copy.
    pub(crate) fn is_ours(&self, item: &Item) -> bool {
        let Entry { asset, remote, .. } = &item.entry;
        self.ids.known(&asset.kind, &self.target.place, remote).is_some()
            || self.source.items.contains_key(asset)
            || self.bases.contains_key(asset)
    }

    /// An object of the target turned out to be an asset's copy.
    pub(crate) fn adopt(&mut self, asset: &AssetId, found: &Item) {
        let place = self.target.place.clone();
        self.ids.pair(asset.clone(), place, found.entry.remote.clone());
        if let Some(mut item) = self.target.items.remove(&found.entry.asset) {
            item.entry.asset = asset.clone();
            self.target.items.insert(asset.clone(), item);
        }
    }
}
