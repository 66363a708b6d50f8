//! Which object of the target is the copy of which asset. Pure.
//!
//! The id map comes first and is believed. Only for what it does not know are names and content looked at, and only
//! where the service keeps names unique, so that no second object could stand beside the first. A tag is never enough:
//! a clone that somebody made of a copy carries it, too.

use std::collections::{BTreeMap, HashMap};

use twinlake_assets::kinds;
use twinlake_model::{AssetId, Key, KindName};

use crate::view::View;
use crate::{Inventory, Item};

/// What is known of an asset's copy. The identities are those under which the target's inventory has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Counterpart {
    /// It has none.
    None,
    /// It is in the inventory, under the same identity.
    Paired,
    /// The id map says that it has one, the list does not show it, and a GET did not say that it is gone.
    Hidden,
    /// The asset was deleted and made again under the same name, and this is the copy of the one before.
    Inherited(AssetId),
    /// Something of the same name stands there that we did not make.
    Stranger(AssetId),
    /// Something of the same name stands there that the service puts into every workspace.
    BuiltIn(AssetId),
    /// Its name is taken by what cannot be its copy: another asset's copy, or an object of another kind.
    Occupied {
        /// By what.
        by: AssetId,
        /// Whether that is a copy of ours, which will go or be renamed.
        is_ours: bool,
    },
}

impl Counterpart {
    /// The identity under which the target's inventory has what stands for `asset`, if anything does.
    pub(crate) fn found<'a>(&'a self, asset: &'a AssetId) -> Option<&'a AssetId> {
        match self {
            Self::None | Self::Hidden | Self::Occupied { .. } => None,
            Self::Paired => Some(asset),
            Self::Inherited(found) | Self::Stranger(found) | Self::BuiltIn(found) => Some(found),
        }
    }
}

/// Every asset of the source with its counterpart.
pub(crate) type Pairs = BTreeMap<AssetId, Counterpart>;

/// Finds the counterpart of every asset of the source.
pub(crate) fn pair(view: &View) -> Pairs {
    let View { source, target, ids, .. } = view;
    let names = Names::of(target);
    let counterpart = |item: &Item| {
        let asset = &item.entry.asset;
        match ids.remote(asset, &target.place) {
            Some(_) if target.items.contains_key(asset) => Counterpart::Paired,
            Some(_) => Counterpart::Hidden,
            None => names.find(item).map_or(Counterpart::None, |found| same_name(asset, found, view)),
        }
    };
    source.items.values().map(|item| (item.entry.asset.clone(), counterpart(item))).collect()
}

/// The target's objects by those names that the service keeps unique: among a kind, or in the tree among all kinds.
struct Names<'a>(HashMap<(Option<&'a KindName>, &'a Key), &'a Item>);

impl<'a> Names<'a> {
    fn of(target: &'a Inventory) -> Self {
        Self(target.items.values().filter_map(|item| Some((name(item)?, item))).collect())
    }

    fn find(&self, item: &Item) -> Option<&'a Item> {
        self.0.get(&name(item)?).copied()
    }
}

fn name(item: &Item) -> Option<(Option<&KindName>, &Key)> {
    let schema = kinds::find(item.entry.asset.kind.as_str())?.schema();
    let among = (!schema.is_tree()).then_some(&item.entry.asset.kind);
    schema.has_unique_key().then_some((among, &item.entry.key))
}

/// What something at the target is to an asset of the source that has its name and no copy.
fn same_name(asset: &AssetId, found: &Item, view: &View) -> Counterpart {
    let identity = found.entry.asset.clone();
    let kind = kinds::find(identity.kind.as_str());
    let is_ours = view.is_ours(found);
    match is_ours {
        _ if identity.kind != asset.kind => Counterpart::Occupied { by: identity, is_ours },
        true if view.source.items.contains_key(&identity) => {
            Counterpart::Occupied { by: identity, is_ours: true }
        }
        // The one that it belonged to is gone at the source: ours is its successor.
        true => Counterpart::Inherited(identity),
        false if kind.is_some_and(|kind| kind.is_built_in(&found.entry.key)) => {
            Counterpart::BuiltIn(identity)
        }
        false => Counterpart::Stranger(identity),
    }
}

/// The objects of the target that nothing else is said of, each with what is notable about it. `is_told` knows what is.
pub(crate) fn unmanaged(view: &View, is_told: impl Fn(&AssetId) -> bool) -> Vec<(&Item, Option<String>)> {
    let View { target, ids, .. } = view;
    target
        .items
        .values()
        .filter(|item| ids.known(&item.entry.asset.kind, &target.place, &item.entry.remote).is_none())
        .filter(|item| !is_told(&item.entry.asset))
        .map(|item| {
            // An original that was put to sleep where it is carries its own tag.
            let of_another = item.entry.tag.as_ref().filter(|tag| **tag != item.entry.asset);
            let claim = |asset: &AssetId| {
                format!("it carries the tag of {asset} but is not its copy: somebody cloned it")
            };
            (item, of_another.map(claim))
        })
        .collect()
}
