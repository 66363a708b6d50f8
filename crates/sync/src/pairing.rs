//! Which object of the target is the copy of which asset. Pure.
//!
//! The id map comes first and is believed. Only for what it does not know are names and content looked at, and only
//! where the service keeps names unique, so that no second object could stand beside the first. A tag is never enough:
//! a clone that somebody made of a copy carries it, too.

use std::collections::{BTreeMap, HashMap, HashSet};

use twinlake_assets::kinds;
use twinlake_model::{AssetId, IdMap, Key, KindName, RemoteId};

use crate::{Inventory, Item};

/// What is known of an asset's copy. The identities are those under which the target's inventory has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Counterpart {
    /// It has none.
    None,
    /// It is in the inventory, under the same identity.
    Paired,
    /// The id map says that it has one, and the list does not show it.
    Absent(RemoteId),
    /// The asset was deleted and made again under the same name, and this is the copy of the one before.
    Inherited(AssetId),
    /// Something of the same name stands there that we did not make.
    Stranger(AssetId),
    /// Something of the same name stands there that the service puts into every workspace.
    BuiltIn(AssetId),
}

impl Counterpart {
    /// The identity under which the target's inventory has what stands for `asset`, if anything does.
    pub(crate) fn found<'a>(&'a self, asset: &'a AssetId) -> Option<&'a AssetId> {
        match self {
            Self::None | Self::Absent(_) => None,
            Self::Paired => Some(asset),
            Self::Inherited(found) | Self::Stranger(found) | Self::BuiltIn(found) => Some(found),
        }
    }
}

/// Every asset of the source with its counterpart.
pub(crate) type Pairs = BTreeMap<AssetId, Counterpart>;

/// Finds the counterpart of every asset of the source.
pub(crate) fn pair(source: &Inventory, target: &Inventory, ids: &IdMap) -> Pairs {
    let by_key = unique_keys(target);
    let counterpart = |item: &Item| {
        let asset = &item.entry.asset;
        match ids.remote(asset, &target.place) {
            Some(_) if target.items.contains_key(asset) => Counterpart::Paired,
            Some(remote) => Counterpart::Absent(remote.clone()),
            None => by_key
                .get(&(&asset.kind, &item.entry.key))
                .map_or(Counterpart::None, |found| same_name(found, source, target, ids)),
        }
    };
    source.items.values().map(|item| (item.entry.asset.clone(), counterpart(item))).collect()
}

/// The target's objects of those kinds whose names the service keeps unique, by name.
fn unique_keys(target: &Inventory) -> HashMap<(&KindName, &Key), &Item> {
    let is_unique = |item: &&Item| {
        kinds::find(item.entry.asset.kind.as_str()).is_some_and(|kind| kind.schema().has_unique_key())
    };
    target
        .items
        .values()
        .filter(is_unique)
        .map(|item| ((&item.entry.asset.kind, &item.entry.key), item))
        .collect()
}

/// What something at the target is to an asset of the source that has its name and no copy.
fn same_name(found: &Item, source: &Inventory, target: &Inventory, ids: &IdMap) -> Counterpart {
    let identity = found.entry.asset.clone();
    let kind = kinds::find(identity.kind.as_str());
    match ids.known(&identity.kind, &target.place, &found.entry.remote) {
        // It belongs to another asset. If that one is gone at the source, ours is its successor.
        Some(former) if !source.items.contains_key(former) => Counterpart::Inherited(identity),
        Some(_) => Counterpart::Stranger(identity),
        None if kind.is_some_and(|kind| kind.is_built_in(&found.entry.key)) => Counterpart::BuiltIn(identity),
        None => Counterpart::Stranger(identity),
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
