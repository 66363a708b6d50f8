//! What a list lacks is confirmed by a GET before anything is concluded from it (P8).
//!
//! Lists are eventually consistent. A copy that the list of the target does not show may be there, and making it again
//! would make two; an original that the list of the source does not show may be there, and deleting its copy would
//! lose it.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures::StreamExt;
use twinlake_assets::kinds;
use twinlake_base::Timestamp;
use twinlake_databricks::Reader;
use twinlake_model::{AssetId, Document, Key, Place, RemoteId, Tombstone, reference, symbol};
use twinlake_store::Store;

use crate::pairing::Counterpart;
use crate::route::Route;
use crate::view::View;
use crate::{SyncError, settle};

/// How many are asked for at once.
const AT_ONCE: usize = 16;

/// What the GETs said.
#[derive(Debug, Default)]
pub(crate) struct Confirmed {
    /// Copies that the list should have shown.
    pub(crate) copies: Copies,
    /// Originals that the source's list does not show any more.
    pub(crate) gone: BTreeMap<AssetId, Gone>,
}

/// What is known of copies that the list does not show.
#[derive(Debug, Default)]
pub(crate) struct Copies {
    /// Those that are there all the same, or of which we could not learn, and why.
    pub(crate) hidden: BTreeMap<AssetId, String>,
    /// Those that are really not there, by what they were called.
    pub(crate) lost: BTreeMap<AssetId, RemoteId>,
}

impl Copies {
    /// Forgets the ids of what is lost. To be called once what referred to them is remembered as it is: an object that
    /// still refers to what is gone must never be taken for one that refers to what is made in its place.
    pub(crate) async fn forget_lost(&self, store: &Store, place: &Place) -> Result<(), SyncError> {
        for asset in self.lost.keys() {
            store.unpair(asset, place).await?;
        }
        Ok(())
    }
}

/// What is known of an original that the list does not show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Gone {
    /// It is really not there, since the tombstone says.
    Confirmed(Tombstone),
    /// It may be there after all, and why we think so.
    Unsure(Key, String),
    /// Its copy is gone, and it is gone, too, or not our business any more: there is nothing left to say of it.
    Both,
    /// It is not in the selection any more. Nothing is concluded.
    Released(Key),
}

/// Asks for every copy that the target's list should have shown and did not. In the view one that is really not there is
/// paired no more, so that it is made again like one that never was.
///
/// # Errors
/// When the state could not be read or written.
pub(crate) async fn copies(
    store: &Store,
    route: &Route,
    view: &mut View,
    now: Timestamp,
) -> Result<Copies, SyncError> {
    let place = &route.target.place;
    let expected: BTreeSet<&AssetId> = view.source.items.keys().chain(view.bases.keys()).collect();
    let unseen: Vec<(AssetId, RemoteId)> = expected
        .into_iter()
        .filter(|asset| view.target.proves(&asset.kind) && !view.target.items.contains_key(*asset))
        .filter_map(|asset| Some((asset.clone(), view.ids.remote(asset, place)?.clone())))
        .collect();
    let Copies { mut hidden, mut lost } = Copies::default();
    // A copy that was seen and could not be read is not known to be anything.
    for outcome in &view.target.set_aside {
        if view.ids.remote(&outcome.asset, place).is_some() {
            hidden.insert(outcome.asset.clone(), outcome.verdict.reason().unwrap_or_default());
        }
    }
    for (asset, remote, presence) in ask_all(&route.target.client.reader(), unseen).await {
        match presence {
            Presence::Absent if is_young(view, &asset, now) => {
                let why = "it was written a moment ago, and cannot be seen yet".to_owned();
                hidden.insert(asset, why);
            }
            Presence::Absent => drop(lost.insert(asset, remote)),
            Presence::Present(_) => {
                drop(hidden.insert(asset, "the list does not show its copy yet, a GET does".to_owned()));
            }
            Presence::Unsure(why) => drop(hidden.insert(asset, why)),
        }
    }
    lost.keys().for_each(|asset| view.ids.forget(asset, place));
    disown(store, &lost, view).await?;
    Ok(Copies { hidden, lost })
}

/// Whether a copy was written so recently that readers may not see it yet, and nobody has seen it since.
fn is_young(view: &View, asset: &AssetId, now: Timestamp) -> bool {
    view.bases.get(asset).is_some_and(|base| {
        base.read_back.is_none() && now < settle::may_be_unseen(&asset.kind, base.applied_at)
    })
}

/// What at the target refers to copies that are gone was made symbolic in the belief that they exist. It refers to
/// nothing of ours, and says so from here on.
async fn disown(store: &Store, lost: &BTreeMap<AssetId, RemoteId>, view: &mut View) -> Result<(), SyncError> {
    if lost.is_empty() {
        return Ok(());
    }
    let place = view.target.place.clone();
    for item in view.target.items.values_mut() {
        let document = store.document(item.entry.version.spec).await?;
        if !document.text().contains("$ref") {
            continue;
        }
        let mut value = document.value();
        each_symbol(&mut value, &|asset| Some(view.ids.identity(&asset.kind, &place, lost.get(asset)?)));
        let disowned = Document::from(value);
        if disowned != document {
            item.entry.version.spec = store.put_document(&disowned).await?;
        }
    }
    Ok(())
}

fn each_symbol(value: &mut serde_json::Value, instead: &dyn Fn(&AssetId) -> Option<AssetId>) {
    if let Some(asset) = reference(value) {
        if let Some(other) = instead(&asset) {
            *value = symbol(&other);
        }
        return;
    }
    match value {
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| each_symbol(item, instead)),
        serde_json::Value::Object(fields) => {
            fields.values_mut().for_each(|field| each_symbol(field, instead));
        }
        _ => {}
    }
}

/// Asks for every original that the source's list should have shown and did not, and keeps tombstones accordingly.
///
/// # Errors
/// When the state could not be read or written.
pub(crate) async fn originals(
    store: &Store,
    route: &Route,
    view: &View,
    now: Timestamp,
) -> Result<BTreeMap<AssetId, Gone>, SyncError> {
    let source = &route.source.place;
    let tombstones = store.tombstones(source).await?;
    for asset in tombstones.keys().filter(|asset| view.source.items.contains_key(*asset)) {
        tracing::info!(asset.id = %asset, "it is back at the source: its copy stays");
        store.clear_tombstone(asset, source).await?;
    }
    let (mut gone, mut unseen) = (BTreeMap::new(), Vec::new());
    for asset in missing(view) {
        match copy_key(view, asset) {
            // A listing shows what is selected only, so what is not selected says nothing.
            Some(key) if !is_selected(route, asset, &key) => {
                drop(gone.insert(asset.clone(), Gone::Released(key)));
            }
            _ => {
                let remote = view.ids.remote(asset, source).unwrap_or(&asset.minted);
                unseen.push((asset.clone(), remote.clone()));
            }
        }
    }
    for (asset, _, presence) in ask_all(&route.source.client.reader(), unseen).await {
        let last_known = tombstones.get(&asset).map(|tombstone| tombstone.key.clone());
        let key = copy_key(view, &asset).or(last_known).unwrap_or_else(|| Key::new(asset.minted.as_str()));
        let has_copy = view.ids.remote(&asset, &route.target.place).is_some();
        let (is_gone, is_released) = match &presence {
            Presence::Absent => (true, false),
            Presence::Present(Some(name)) => (false, !is_taken(route, &asset, name)),
            _ => (false, false),
        };
        let found = match presence {
            Presence::Absent | Presence::Present(_) if !has_copy && (is_gone || is_released) => {
                forget(store, route, view, &asset).await?;
                Gone::Both
            }
            Presence::Absent => {
                let missing_since = tombstones.get(&asset).map_or(now, |tombstone| tombstone.missing_since);
                let tombstone =
                    Tombstone { asset: asset.clone(), key, source: source.clone(), missing_since };
                store.put_tombstone(&tombstone).await?;
                Gone::Confirmed(tombstone)
            }
            Presence::Present(_) => {
                // Whatever was concluded before was wrong, or is not true any more.
                store.clear_tombstone(&asset, source).await?;
                match is_released {
                    true => Gone::Released(key),
                    false => Gone::Unsure(key, "the list does not show it, a GET does".to_owned()),
                }
            }
            Presence::Unsure(why) => Gone::Unsure(key, why),
        };
        gone.insert(asset, found);
    }
    Ok(gone)
}

/// The assets with a copy that a complete list of the source lacks. What the source has no id for was never seen there, or
/// was lost there as a copy and could not be made again before roles were swapped: it is no deletion of anybody's (P8).
fn missing(view: &View) -> impl Iterator<Item = &AssetId> {
    let set_aside: HashSet<&AssetId> = view.source.set_aside.iter().map(|outcome| &outcome.asset).collect();
    let inherited: HashSet<&AssetId> = view
        .pairs
        .values()
        .filter_map(|counterpart| match counterpart {
            Counterpart::Inherited(former) => Some(former),
            _ => None,
        })
        .collect();
    view.bases.keys().filter(move |asset| {
        view.source.proves(&asset.kind)
            && !view.source.items.contains_key(*asset)
            && view.ids.remote(asset, &view.source.place).is_some()
            && !set_aside.contains(*asset)
            && !inherited.contains(*asset)
    })
}

fn copy_key(view: &View, asset: &AssetId) -> Option<Key> {
    view.target.items.get(asset).map(|item| item.entry.key.clone())
}

/// Whether a listing would show an asset of this name, for all that its name tells: what holds others is shown whenever
/// they are.
fn is_selected(route: &Route, asset: &AssetId, key: &Key) -> bool {
    let holds_others = kinds::find(asset.kind.as_str()).is_some_and(|kind| kind.schema().holds_others);
    holds_others || is_taken(route, asset, key)
}

/// Whether an asset of this name is selected itself.
fn is_taken(route: &Route, asset: &AssetId, key: &Key) -> bool {
    kinds::find(asset.kind.as_str()).is_some_and(|kind| route.selection.takes(kind.schema().plural, key))
}

async fn forget(store: &Store, route: &Route, view: &View, asset: &AssetId) -> Result<(), SyncError> {
    let (source, target) = (&route.source.place, &route.target.place);
    store.unpair(asset, target).await?;
    store.remove_base(asset, source, target).await?;
    store.remove_base(asset, target, source).await?;
    // Another standby may still count its grace from this tombstone.
    let is_elsewhere = |place: &Place| place != source && place != target;
    if !view.ids.pairs().any(|(paired, place, _)| paired == asset && is_elsewhere(place)) {
        store.clear_tombstone(asset, source).await?;
    }
    Ok(())
}

enum Presence {
    /// It is there, under this name as far as its document tells.
    Present(Option<Key>),
    Absent,
    Unsure(String),
}

async fn ask_all(reader: &Reader, all: Vec<(AssetId, RemoteId)>) -> Vec<(AssetId, RemoteId, Presence)> {
    let asked = all.into_iter().map(|(asset, remote)| async move {
        let presence = ask(reader, &asset, &remote).await;
        (asset, remote, presence)
    });
    futures::stream::iter(asked).buffer_unordered(AT_ONCE).collect().await
}

async fn ask(reader: &Reader, asset: &AssetId, remote: &RemoteId) -> Presence {
    let Some(kind) = kinds::find(asset.kind.as_str()) else {
        return Presence::Unsure("its kind is not kept any more".to_owned());
    };
    match kind.read(reader, remote).await {
        Ok(Some(raw)) => Presence::Present(kind.portray(raw).ok().map(|portrait| portrait.key)),
        Ok(None) => Presence::Absent,
        Err(error) => Presence::Unsure(error.to_string()),
    }
}
