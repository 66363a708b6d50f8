//! Which asset each place calls what. Symmetric: no place's ids are more real than another's.

use std::collections::{HashMap, HashSet};

use crate::{AssetId, KindName, Place, RemoteId};

/// What tells the identity of a former id from that of the asset that went by it.
const FORMER: &str = " (former)";

/// The pairs of one workspace set, in both directions. On each place an asset has at most one remote id, and a
/// remote id at most one asset of its kind.
#[derive(Clone, Debug, Default)]
pub struct IdMap {
    remotes: HashMap<(AssetId, Place), RemoteId>,
    assets: HashMap<(KindName, Place, RemoteId), AssetId>,
    /// What is known to be called nothing at a place, not even what it was minted as.
    gone: HashSet<(AssetId, Place)>,
    /// What once were assets of a place that are called otherwise there now, or nothing: by the old id. What still
    /// refers to such an id does not refer to the asset.
    former: HashMap<(KindName, Place, RemoteId), AssetId>,
}

impl IdMap {
    /// The map of these pairs.
    #[must_use]
    pub fn of(pairs: impl IntoIterator<Item = (AssetId, Place, RemoteId)>) -> Self {
        let mut map = Self::default();
        for (asset, place, remote) in pairs {
            map.pair(asset, place, remote);
        }
        map
    }

    /// Records that `place` calls `asset` by `remote`. Whatever either of them was paired with there is forgotten.
    pub fn pair(&mut self, asset: AssetId, place: Place, remote: RemoteId) {
        self.forget(&asset, &place);
        let theirs = (asset.kind.clone(), place.clone(), remote.clone());
        if let Some(former) = self.assets.insert(theirs, asset.clone()) {
            self.remotes.remove(&(former, place.clone()));
        }
        self.gone.remove(&(asset.clone(), place.clone()));
        if asset.origin == place && asset.minted == remote {
            self.former.remove(&(asset.kind.clone(), place.clone(), remote.clone()));
        }
        self.remotes.insert((asset, place), remote);
    }

    /// Records that `asset` does not exist at `place`: it is called nothing there until it is paired anew.
    pub fn forget(&mut self, asset: &AssetId, place: &Place) {
        if let Some(remote) = self.remotes.remove(&(asset.clone(), place.clone())) {
            self.assets.remove(&(asset.kind.clone(), place.clone(), remote));
        }
        if asset.origin == *place {
            let at = (asset.kind.clone(), place.clone(), asset.minted.clone());
            let minted = RemoteId::new(format!("{}{FORMER}", asset.minted));
            self.former.insert(at, AssetId { minted, ..asset.clone() });
        }
        self.gone.insert((asset.clone(), place.clone()));
    }

    /// What `place` calls `asset`. Where it was minted it is called what it was minted as, unless it was paired with
    /// something else there, or that name was.
    #[must_use]
    pub fn remote<'a>(&'a self, asset: &'a AssetId, place: &Place) -> Option<&'a RemoteId> {
        if asset.minted.as_str().ends_with(FORMER) && asset.origin == *place {
            let is_it = |former: &AssetId| former == asset;
            return self.former.iter().find(|(_, former)| is_it(former)).map(|((_, _, remote), _)| remote);
        }
        self.remotes.get(&(asset.clone(), place.clone())).or_else(|| {
            let is_home = asset.origin == *place && self.known(&asset.kind, place, &asset.minted).is_none();
            (is_home && !self.gone.contains(&(asset.clone(), place.clone()))).then_some(&asset.minted)
        })
    }

    /// The asset that `place` calls `remote`, if it was ever paired.
    #[must_use]
    pub fn known(&self, kind: &KindName, place: &Place, remote: &RemoteId) -> Option<&AssetId> {
        self.assets.get(&(kind.clone(), place.clone(), remote.clone()))
    }

    /// The identity of what `place` calls `remote`: the one it is paired with, or one of its own, minted here.
    /// Minting needs no record, because the identity *is* where it was first seen. An id that an asset of this place does
    /// not go by any more is an identity apart.
    #[must_use]
    pub fn identity(&self, kind: &KindName, place: &Place, remote: &RemoteId) -> AssetId {
        let former = || self.former.get(&(kind.clone(), place.clone(), remote.clone()));
        self.known(kind, place, remote)
            .or_else(former)
            .cloned()
            .unwrap_or_else(|| AssetId::new(kind.clone(), place.clone(), remote.clone()))
    }

    /// The identity that an asset goes by now: a document may have been made symbolic before its asset was paired.
    #[must_use]
    pub fn current<'a>(&'a self, asset: &'a AssetId) -> &'a AssetId {
        self.known(&asset.kind, &asset.origin, &asset.minted).unwrap_or(asset)
    }

    /// All pairs.
    pub fn pairs(&self) -> impl Iterator<Item = (&AssetId, &Place, &RemoteId)> {
        self.remotes.iter().map(|((asset, place), remote)| (asset, place, remote))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_reads_both_ways_and_a_new_one_replaces_both_old_ones() {
        let (east, west): (Place, Place) = ("prod@east".parse().unwrap(), "prod@west".parse().unwrap());
        let asset: AssetId = "job/prod@east/1".parse().unwrap();
        let other: AssetId = "job/prod@east/2".parse().unwrap();
        let mut map = IdMap::of([
            (asset.clone(), west.clone(), "77".into()),
            (other.clone(), west.clone(), "78".into()),
        ]);
        assert_eq!(map.identity(&"job".into(), &west, &"77".into()), asset);
        map.pair(asset.clone(), west.clone(), "78".into());
        assert_eq!(map.remote(&asset, &west), Some(&"78".into()));
        assert_eq!(map.remote(&other, &west), None);
        assert_eq!(map.known(&"job".into(), &west, &"77".into()), None);
        assert_eq!(map.identity(&"job".into(), &east, &"9".into()).to_string(), "job/prod@east/9");
    }

    #[test]
    fn an_asset_is_called_at_home_what_it_was_minted_as_until_it_is_paired_otherwise() {
        let east: Place = "prod@east".parse().unwrap();
        let asset: AssetId = "job/prod@east/1".parse().unwrap();
        let successor: AssetId = "job/prod@west/5".parse().unwrap();
        let mut map = IdMap::default();
        assert_eq!(map.remote(&asset, &east), Some(&"1".into()));
        map.pair(successor.clone(), east.clone(), "1".into());
        assert_eq!(map.remote(&asset, &east), None);
        assert_eq!(map.remote(&successor, &east), Some(&"1".into()));
        let deleted: AssetId = "job/prod@east/2".parse().unwrap();
        map.forget(&deleted, &east);
        assert_eq!(map.remote(&deleted, &east), None);
        map.pair(deleted.clone(), east.clone(), "3".into());
        assert_eq!(map.remote(&deleted, &east), Some(&"3".into()));
    }

    #[test]
    fn an_id_that_an_asset_went_by_at_home_is_not_the_asset_once_it_is_called_otherwise_there() {
        let east: Place = "prod@east".parse().unwrap();
        let asset: AssetId = "job/prod@east/1".parse().unwrap();
        let identity = |map: &IdMap, remote: &str| map.identity(&"job".into(), &east, &remote.into());
        let mut map = IdMap::default();
        assert_eq!(identity(&map, "1"), asset);
        map.forget(&asset, &east);
        let former = identity(&map, "1");
        assert_ne!(former, asset);
        assert_eq!(
            map.remote(&former, &east),
            Some(&"1".into()),
            "what refers to it can be written as it stands"
        );
        map.pair(asset.clone(), east.clone(), "3".into());
        assert_eq!((identity(&map, "3"), identity(&map, "1")), (asset.clone(), former));
        map.pair(asset.clone(), east.clone(), "1".into());
        assert_eq!((identity(&map, "1"), map.remote(&asset, &east)), (asset.clone(), Some(&"1".into())));
    }
}
