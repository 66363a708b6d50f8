//! Reading bytes, and which must be read before a plan can be made.

use std::collections::BTreeSet;

use futures::StreamExt;
use twinlake_assets::kinds;
use twinlake_databricks::Reader;
use twinlake_model::{AssetId, Digest, Place, RemoteId};
use twinlake_store::Store;

use crate::pairing::Counterpart;
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

/// Reads what the plan depends on: bytes at the target that somebody may have changed, and both sides' bytes where
/// something of the same name stands at the target already. A source's other bytes are read while the plan is applied.
pub(crate) async fn read_what_decides(
    store: &Store,
    route: &Route,
    view: &mut View,
) -> Result<(), SyncError> {
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
    let (source, target) = (route.source.client.reader(), route.target.client.reader());
    futures::try_join!(
        read_all(store, &source, &mut view.source, &at_source),
        read_all(store, &target, &mut view.target, &at_target),
    )?;
    Ok(())
}

async fn read_all(
    store: &Store,
    reader: &Reader,
    inventory: &mut Inventory,
    assets: &BTreeSet<AssetId>,
) -> Result<(), SyncError> {
    let place = inventory.place.clone();
    let unread: Vec<(AssetId, RemoteId)> = assets
        .iter()
        .filter_map(|asset| inventory.items.get(asset))
        .filter(|item| item.unread)
        .map(|item| (item.entry.asset.clone(), item.entry.remote.clone()))
        .collect();
    let place = &place;
    let mut reads = futures::stream::iter(unread.into_iter().map(|(asset, remote)| async move {
        let digest = read(store, reader, place, &asset, &remote).await;
        (asset, digest)
    }))
    .buffer_unordered(READS_AT_ONCE);
    while let Some((asset, digest)) = reads.next().await {
        match digest? {
            Some(digest) => inventory.has_read(&asset, digest),
            // Gone since it was listed: it is as if the list had come later.
            None => drop(inventory.items.remove(&asset)),
        }
    }
    Ok(())
}
