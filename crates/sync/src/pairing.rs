//! Which object of the target is the copy of which asset. Pure.
//!
//! The id map comes first and is believed. Only for what it does not know are names and content looked at, and only
//! where the service keeps names unique, so that no second object could stand beside the first. A tag is never enough:
//! a clone that somebody made of a copy carries it, too.

use std::collections::{BTreeMap, HashMap, HashSet};

use twinlake_assets::kinds;
use twinlake_model::{AssetId, IdMap, Key, KindName, RemoteId};

use crate::{Inventory, Item};

/// What is known of an asset's copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Counterpart<'i> {
    /// It has none.
    None,
    /// This is it.
    Paired(&'i Item),
    /// The id map says that it has one, and the list does not show it.
    Absent(RemoteId),
    /// The asset was deleted and made again under the same name, and this is the copy of the one before.
    Inherited(&'i Item, AssetId),
    /// Something of the same name stands there that we did not make.
    Stranger(&'i Item),
    /// Something of the same name stands there that the service puts into every workspace.
    BuiltIn(&'i Item),
}

/// Every asset of the source with its counterpart.
pub(crate) fn pair<'i>(
    source: &Inventory,
    target: &'i Inventory,
    ids: &IdMap,
) -> BTreeMap<AssetId, Counterpart<'i>> {
    let by_remote = target.by_remote();
    let by_key = target.by_key();
    source
        .items
        .values()
        .map(|item| (item.entry.asset.clone(), counterpart(item, source, target, ids, &by_remote, &by_key)))
        .collect()
}

fn counterpart<'i>(
    item: &Item,
    source: &Inventory,
    target: &'i Inventory,
    ids: &IdMap,
    by_remote: &HashMap<(KindName, RemoteId), &'i Item>,
    by_key: &HashMap<(KindName, Key), Vec<&'i Item>>,
) -> Counterpart<'i> {
    let asset = &item.entry.asset;
    if let Some(remote) = ids.remote(asset, &target.place) {
        return match by_remote.get(&(asset.kind.clone(), remote.clone())) {
            Some(found) => Counterpart::Paired(found),
            None => Counterpart::Absent(remote.clone()),
        };
    }
    let Some(kind) = kinds::find(asset.kind.as_str()).filter(|kind| kind.schema().has_unique_key()) else {
        return Counterpart::None;
    };
    let Some(found) =
        by_key.get(&(asset.kind.clone(), item.entry.key.clone())).and_then(|found| found.first())
    else {
        return Counterpart::None;
    };
    match ids.known(&asset.kind, &target.place, &found.entry.remote) {
        // It belongs to another asset. If that one is gone at the source, ours is its successor.
        Some(former) if !source.items.contains_key(former) => Counterpart::Inherited(found, former.clone()),
        Some(_) => Counterpart::Stranger(found),
        None if kind.is_built_in(&item.entry.key) => Counterpart::BuiltIn(found),
        None => Counterpart::Stranger(found),
    }
}

/// The objects of the target that are nobody's copy, each with what is notable about it.
pub(crate) fn unmanaged<'i>(
    target: &'i Inventory,
    ids: &IdMap,
    taken: &HashSet<AssetId>,
) -> Vec<(&'i Item, Option<String>)> {
    target
        .items
        .values()
        .filter(|item| ids.known(&item.entry.asset.kind, &target.place, &item.entry.remote).is_none())
        .filter(|item| !taken.contains(&item.entry.asset))
        .map(|item| {
            let claim = |asset: &AssetId| {
                format!("it carries the tag of {asset} but is not its copy: somebody cloned it")
            };
            (item, item.entry.tag.as_ref().map(claim))
        })
        .collect()
}
