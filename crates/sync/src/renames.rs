//! Names that pass from one asset to another, where the service keeps names unique. Pure.
//!
//! A pool is renamed and another one takes its name; at the target the name is free only once the first copy has been
//! renamed. So the second change comes after the first. Copies that swap names, or pass them on in a ring, have no
//! beginning: no name is ours to invent, so a person has to make one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use twinlake_assets::kinds;
use twinlake_model::{AssetId, Key, KindName};

use crate::order;
use crate::view::View;

/// Whose rename each asset of the source has to wait for.
#[derive(Debug, Default)]
pub(crate) struct Renames {
    before: BTreeMap<AssetId, AssetId>,
    circles: BTreeMap<AssetId, String>,
}

impl Renames {
    /// Compares the names of the source with those that its copies still have.
    pub(crate) fn of(view: &View) -> Self {
        let is_unique = |kind: &KindName| {
            kinds::find(kind.as_str())
                .is_some_and(|kind| kind.schema().has_unique_key() && !kind.schema().is_tree())
        };
        let held: HashMap<(&KindName, &Key), &AssetId> = view
            .source
            .items
            .keys()
            .filter(|asset| is_unique(&asset.kind))
            .filter_map(|asset| Some(((&asset.kind, &view.target.items.get(asset)?.entry.key), asset)))
            .collect();
        let mut before = BTreeMap::new();
        for (asset, item) in &view.source.items {
            let Some(holder) = held.get(&(&asset.kind, &item.entry.key)) else { continue };
            let gives_it_up =
                view.source.items.get(*holder).is_some_and(|theirs| theirs.entry.key != item.entry.key);
            if *holder != asset && gives_it_up {
                before.insert(asset.clone(), (*holder).clone());
            }
        }
        let edges = before.iter().map(|(asset, holder)| (asset.clone(), BTreeSet::from([holder.clone()])));
        let circles = order::without_beginning(edges.collect()).into_keys().filter_map(|asset| {
            let holder = before.get(&asset)?;
            let key = view.source.items.get(&asset)?.entry.key.as_str();
            let site = &view.target.place.site;
            let why = format!(
                "its name passes in a circle: {key:?} is still that of the copy of {holder}; give one of these copies \
                 another name at {site}, any name, and sync again"
            );
            Some((asset, why))
        });
        Self { circles: circles.collect(), before }
    }

    /// Whose rename must come first, if any.
    pub(crate) fn before(&self, asset: &AssetId) -> Option<&AssetId> {
        self.before.get(asset)
    }

    /// Why nothing can come first, if so.
    pub(crate) fn in_circle(&self, asset: &AssetId) -> Option<String> {
        self.circles.get(asset).cloned()
    }
}
