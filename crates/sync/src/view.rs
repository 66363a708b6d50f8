//! What one cycle sees: both ends as they are, and what is remembered of them.

use std::collections::BTreeMap;

use twinlake_model::{AssetId, Base, IdMap};

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
