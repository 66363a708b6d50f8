//! What a list lacks is confirmed by a GET before anything is concluded from it (P8).
//!
//! Lists are eventually consistent. A copy that the list of the target does not show may be there, and making it again
//! would make two; an original that the list of the source does not show may be there, and deleting its copy would
//! lose it.

use std::collections::{BTreeMap, HashSet};

use futures::StreamExt;
use twinlake_assets::kinds;
use twinlake_base::Timestamp;
use twinlake_databricks::Reader;
use twinlake_model::{AssetId, Key, RemoteId, Tombstone};
use twinlake_store::Store;

use crate::SyncError;
use crate::pairing::Counterpart;
use crate::sync::{Route, View};

/// How many are asked for at once.
const AT_ONCE: usize = 16;

/// What the GETs said.
#[derive(Debug, Default)]
pub(crate) struct Confirmed {
    /// Copies that are really not there.
    pub(crate) absent: HashSet<AssetId>,
    /// Copies that are there although the list does not show them, or of which we could not learn.
    pub(crate) hidden: BTreeMap<AssetId, String>,
    /// Originals that the source's list does not show any more.
    pub(crate) gone: BTreeMap<AssetId, Gone>,
}

/// What is known of an original that the list does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    /// It is really not there, since the tombstone says.
    Confirmed(Tombstone),
    /// It may be there after all, and why we think so.
    Unsure(Key, String),
    /// It and its copy are both gone.
    Both,
    /// It is not in the selection any more. Nothing is concluded.
    Released(Key),
}

/// Asks for everything that a list should have shown and did not, and keeps tombstones accordingly.
pub(crate) async fn confirm(
    store: &Store,
    route: &Route,
    view: &View,
    now: Timestamp,
) -> Result<Confirmed, SyncError> {
    let mut confirmed = Confirmed::default();
    confirm_copies(route, view, &mut confirmed).await;
    confirm_originals(store, route, view, now, &mut confirmed).await?;
    Ok(confirmed)
}

async fn confirm_copies(route: &Route, view: &View, confirmed: &mut Confirmed) {
    let reader = route.target.client.reader();
    let absent = view.pairs.iter().filter_map(|(asset, counterpart)| match counterpart {
        Counterpart::Absent(remote) => Some((asset.clone(), remote.clone())),
        _ => None,
    });
    let mut asked = futures::stream::iter(absent.map(|(asset, remote)| {
        let reader = &reader;
        async move {
            let presence = ask(reader, &asset, &remote).await;
            (asset, presence)
        }
    }))
    .buffer_unordered(AT_ONCE);
    while let Some((asset, presence)) = asked.next().await {
        match presence {
            Presence::Absent => drop(confirmed.absent.insert(asset)),
            Presence::Present => {
                let why = "the list does not show its copy yet, a GET does".to_owned();
                confirmed.hidden.insert(asset, why);
            }
            Presence::Unsure(why) => drop(confirmed.hidden.insert(asset, why)),
        }
    }
}

async fn confirm_originals(
    store: &Store,
    route: &Route,
    view: &View,
    now: Timestamp,
    confirmed: &mut Confirmed,
) -> Result<(), SyncError> {
    let source = &route.source.place;
    let reader = route.source.client.reader();
    let tombstones = store.tombstones(source).await?;
    for (asset, tombstone) in &tombstones {
        if view.source.items.contains_key(asset) {
            tracing::info!(asset.id = %asset, "it is back at the source: its copy stays");
            store.clear_tombstone(asset, &tombstone.source).await?;
        }
    }
    let set_aside: HashSet<&AssetId> = view.source.set_aside.iter().map(|outcome| &outcome.asset).collect();
    let inherited: HashSet<&AssetId> = view
        .pairs
        .values()
        .filter_map(|counterpart| match counterpart {
            Counterpart::Inherited(former) => Some(former),
            _ => None,
        })
        .collect();
    let missing = view.bases.keys().filter(|asset| {
        view.source.proves(&asset.kind)
            && !view.source.items.contains_key(*asset)
            && !set_aside.contains(*asset)
            && !inherited.contains(*asset)
    });
    let mut asked = futures::stream::iter(missing.map(|asset| {
        let reader = &reader;
        let copy = view.target.items.get(asset).map(|item| item.entry.key.clone());
        async move {
            let plural = kinds::find(asset.kind.as_str()).map_or("", |kind| kind.schema().plural);
            match copy {
                // A listing shows what is selected only, so what is not selected says nothing.
                Some(key) if !route.selection.takes(plural, &key) && !is_container(asset) => {
                    (asset, key, Presence::Unsure(String::new()), true)
                }
                copy => {
                    let remote = view.ids.remote(asset, &view.source.place).unwrap_or(&asset.minted);
                    let presence = ask(reader, asset, remote).await;
                    (asset, copy.unwrap_or_else(|| Key::new("")), presence, false)
                }
            }
        }
    }))
    .buffer_unordered(AT_ONCE);
    while let Some((asset, key, presence, is_released)) = asked.next().await {
        let gone = match presence {
            _ if is_released => Gone::Released(key),
            Presence::Absent if !view.target.items.contains_key(asset) => Gone::Both,
            Presence::Absent => {
                let missing_since = tombstones.get(asset).map_or(now, |tombstone| tombstone.missing_since);
                let tombstone =
                    Tombstone { asset: asset.clone(), key, source: source.clone(), missing_since };
                store.put_tombstone(&tombstone).await?;
                Gone::Confirmed(tombstone)
            }
            Presence::Present => Gone::Unsure(key, "the list does not show it, a GET does".to_owned()),
            Presence::Unsure(why) => Gone::Unsure(key, why),
        };
        if gone == Gone::Both {
            store.unpair(asset, &route.target.place).await?;
            store.remove_base(asset, source, &route.target.place).await?;
            store.clear_tombstone(asset, source).await?;
        }
        confirmed.gone.insert(asset.clone(), gone);
    }
    Ok(())
}

fn is_container(asset: &AssetId) -> bool {
    kinds::find(asset.kind.as_str()).is_some_and(|kind| kind.schema().holds_others)
}

enum Presence {
    Present,
    Absent,
    Unsure(String),
}

async fn ask(reader: &Reader, asset: &AssetId, remote: &RemoteId) -> Presence {
    let Some(kind) = kinds::find(asset.kind.as_str()) else {
        return Presence::Unsure("its kind is not kept any more".to_owned());
    };
    match kind.read(reader, remote).await {
        Ok(Some(_)) => Presence::Present,
        Ok(None) => Presence::Absent,
        Err(error) => Presence::Unsure(error.to_string()),
    }
}
