//! Reading bytes, and which must be read before a plan can be made.

use std::collections::{BTreeMap, BTreeSet};

use futures::StreamExt;
use twinlake_assets::kinds;
use twinlake_databricks::Reader;
use twinlake_model::{AssetId, Digest, Place, RemoteId};
use twinlake_store::Store;

use crate::pairing::Counterpart;
use crate::read_ahead::{Read, ReadAhead, Unread};
use crate::route::Route;
use crate::view::View;
use crate::{Inventory, SyncError};

/// How many are read at once from one place.
pub(crate) const READS_AT_ONCE: usize = 16;

/// Reads an object's bytes and stores them. None where the object is gone.
pub(crate) async fn read(
    store: &Store,
    reader: &Reader,
    place: &Place,
    asset: &AssetId,
    remote: &RemoteId,
) -> Result<Option<Digest>, SyncError> {
    let Some(kind) = kinds::find(asset.kind.as_str()) else { return Ok(None) };
    let bytes = kind.content(reader, remote).await;
    let bytes = bytes
        .map_err(|error| SyncError::crawl(format!("the content of {} {remote}", asset.kind), place, error))?;
    match bytes {
        Some(bytes) => Ok(Some(store.put_blob(&bytes).await?)),
        None => Ok(None),
    }
}

/// Reads what the plan depends on (nothing, where only how things run is decided): bytes at the target that somebody may have changed, and both sides' bytes where
/// something of the same name stands at the target already. The plan does not wait for a source's other bytes. Returns the
/// assets that cannot be decided on, because either side's bytes could not be read, and why.
pub(crate) async fn read_what_decides(
    store: &Store,
    route: &Route,
    view: &mut View,
    ahead: &mut ReadAhead,
) -> Result<BTreeMap<AssetId, String>, SyncError> {
    if route.is_within_one_place() {
        return Ok(BTreeMap::new());
    }
    let mut at_source = BTreeSet::new();
    let mut at_target = BTreeSet::new();
    for (asset, counterpart) in &view.pairs {
        let Some(found) = counterpart.found(asset) else { continue };
        match counterpart {
            Counterpart::Paired => drop(at_target.insert(found.clone())),
            _ => {
                at_source.insert(asset.clone());
                at_target.insert(found.clone());
            }
        }
    }
    if route.kept.is_some() {
        at_source.clear();
    }
    let reader = route.target.client.reader();
    let (at_source, at_target) = (unread(&view.source, &at_source), unread(&view.target, &at_target));
    ahead.first(&at_source);
    let read = ahead.beside(read_all(store, &reader, &view.target.place, at_target)).await;
    let mut unreadable = take_in(&mut view.target, read)?;
    let read = ahead.all_of(&at_source).await;
    unreadable.extend(take_in(&mut view.source, read)?);
    let why = |(asset, counterpart): (&AssetId, &Counterpart)| {
        let why = unreadable.get(asset).or_else(|| unreadable.get(counterpart.found(asset)?))?;
        Some((asset.clone(), why.clone()))
    };
    Ok(view.pairs.iter().filter_map(why).collect())
}

/// Those of these assets whose bytes are not known.
fn unread(inventory: &Inventory, assets: &BTreeSet<AssetId>) -> Vec<Unread> {
    let items = assets.iter().filter_map(|asset| inventory.items.get(asset)).filter(|item| item.unread);
    items.map(|item| (item.entry.asset.clone(), item.entry.remote.clone())).collect()
}

/// Reads many, some at once.
pub(crate) async fn read_all(
    store: &Store,
    reader: &Reader,
    place: &Place,
    unread: Vec<Unread>,
) -> Vec<(AssetId, Read)> {
    let reads = unread.into_iter().map(|(asset, remote)| async move {
        let digest = read(store, reader, place, &asset, &remote).await;
        (asset, digest)
    });
    futures::stream::iter(reads).buffer_unordered(READS_AT_ONCE).collect().await
}

/// Takes over what was read. Returns what could not be, and why.
pub(crate) fn take_in(
    inventory: &mut Inventory,
    read: Vec<(AssetId, Read)>,
) -> Result<BTreeMap<AssetId, String>, SyncError> {
    let mut unreadable = BTreeMap::new();
    for (asset, digest) in read {
        match digest {
            Ok(Some(digest)) => inventory.has_read(&asset, digest),
            // Gone since it was listed: it is as if the list had come later.
            Ok(None) => drop(inventory.items.remove(&asset)),
            Err(error) if error.is_about_one() => drop(unreadable.insert(asset, error.to_string())),
            Err(error) => return Err(error),
        }
    }
    Ok(unreadable)
}
