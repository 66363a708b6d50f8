//! What becomes of copies whose originals are gone: they wait, they stay for others' sake, or they are deleted (P8).

use std::collections::{BTreeMap, BTreeSet};

use twinlake_assets::kinds;
use twinlake_base::Timestamp;
use twinlake_model::{Action, AssetId, Change, Key, Outcome, Verdict, references_in};
use twinlake_store::Store;

use crate::confirm::{Confirmed, Gone};
use crate::mourning::{Mourning, kept_for_others, mourn};
use crate::order::{self, Drawn, in_order};
use crate::route::Route;
use crate::view::View;
use crate::{Item, SyncError};

/// The deletions, each after those of what refers to it or lies in it, and the verdicts on what is not deleted.
pub(crate) async fn deletions(
    store: &Store,
    route: &Route,
    view: &View,
    confirmed: &Confirmed,
    now: Timestamp,
) -> Result<(Vec<Drawn>, Vec<Outcome>), SyncError> {
    let mut told = Vec::new();
    let mut copies = BTreeMap::new();
    for (asset, gone) in &confirmed.gone {
        let mut tell =
            |key: &Key, verdict| told.push(Outcome { asset: asset.clone(), key: key.clone(), verdict });
        match gone {
            Gone::Both => {}
            Gone::Unsure(key, why) => tell(key, Verdict::Unknown { why: why.clone() }),
            Gone::Released(key) => {
                let note = Some("no longer in the selection; its copy is left alone".to_owned());
                tell(key, Verdict::Unmanaged { note });
            }
            Gone::Confirmed(tombstone) => match mourn(tombstone, &route.guards, now) {
                Mourning::Wait(verdict) => tell(&tombstone.key, verdict),
                Mourning::Delete => {
                    match (view.target.items.get(asset), confirmed.copies.hidden.get(asset)) {
                        (Some(item), None) => drop(copies.insert(asset.clone(), item)),
                        (_, why) => {
                            let why = why.map_or("its copy was not looked for", String::as_str).to_owned();
                            tell(&tombstone.key, Verdict::Unknown { why });
                        }
                    }
                }
            },
        }
    }
    told.extend(spare_what_holds_others(view, &mut copies));
    let mut awaited = who_goes_first(store, &copies).await?;
    let mut changes = Vec::with_capacity(copies.len());
    for (asset, item) in copies {
        let needs = awaited.remove(&asset).unwrap_or_default();
        changes.extend(deletion(store, &asset, item, needs).await?);
    }
    Ok((in_order(changes), told))
}

/// What must be deleted before each of these: what refers to it, and what lies in it.
async fn who_goes_first(
    store: &Store,
    copies: &BTreeMap<AssetId, &Item>,
) -> Result<BTreeMap<AssetId, BTreeSet<AssetId>>, SyncError> {
    let mut awaited: BTreeMap<AssetId, BTreeSet<AssetId>> =
        copies.keys().map(|asset| (asset.clone(), BTreeSet::new())).collect();
    for (asset, item) in copies {
        for referred in references_in(&store.document(item.entry.version.spec).await?.value()) {
            awaited.entry(referred).or_default().insert(asset.clone());
        }
        let path = item.entry.key.as_str();
        for folder in copies.keys().filter(|folder| holds_others(folder)) {
            if is_below(path, folder.minted.as_str()) {
                awaited.entry(folder.clone()).or_default().insert(asset.clone());
            }
        }
    }
    // What refers to itself, or to each other, is deleted in any order: nothing lies inside itself.
    for asset in order::stubs(&awaited) {
        awaited.remove(&asset);
    }
    Ok(awaited)
}

async fn deletion(
    store: &Store,
    asset: &AssetId,
    item: &Item,
    needs: BTreeSet<AssetId>,
) -> Result<Option<Drawn>, SyncError> {
    let Some(kind) = kinds::find(asset.kind.as_str()) else { return Ok(None) };
    let document = store.document(item.entry.version.spec).await?;
    let mut change = Change {
        asset: asset.clone(),
        key: item.entry.key.clone(),
        action: Action::Delete,
        remote: Some(item.entry.remote.clone()),
        source: item.entry.version.clone(),
        desired: item.entry.version.clone(),
        observed: Some(item.entry.version.clone()),
        rewrites: false,
        content_mark: None,
        fields: Vec::new(),
        drift: Vec::new(),
        partial: Vec::new(),
        not_kept: Vec::new(),
        needs: needs.into_iter().collect(),
        after: Vec::new(),
        requests: Vec::new(),
    };
    change.requests = kind.calls(&change, &document.value()).iter().map(ToString::to_string).collect();
    Ok(Some((change, None)))
}

/// Takes out of what is to be deleted the containers in which something stays, and says why. From the innermost outwards,
/// because one that stays keeps those around it.
fn spare_what_holds_others(view: &View, copies: &mut BTreeMap<AssetId, &Item>) -> Vec<Outcome> {
    let mut containers: Vec<AssetId> = copies.keys().filter(|asset| holds_others(asset)).cloned().collect();
    containers.sort_by_key(|asset| std::cmp::Reverse(asset.minted.as_str().len()));
    let is_theirs = |item: &Item| !view.is_ours(item);
    let mut told = Vec::new();
    for container in containers {
        let Some(item) = copies.get(&container) else { continue };
        let key = item.entry.key.clone();
        let is_in_it = |other: &Key| is_below(other.as_str(), key.as_str());
        let staying: Vec<&Item> = view
            .target
            .items
            .values()
            .filter(|item| is_in_it(&item.entry.key) && !copies.contains_key(&item.entry.asset))
            .collect();
        let has_set_aside = view.target.set_aside.iter().any(|outcome| is_in_it(&outcome.key));
        let verdict = if has_set_aside || staying.iter().any(|item| is_theirs(item)) {
            Verdict::Unmanaged { note: Some(kept_for_others(&view.source.place)) }
        } else if staying.is_empty() {
            continue;
        } else {
            Verdict::Lagging { why: "gone at the source; what lies in it goes first".to_owned() }
        };
        copies.remove(&container);
        told.push(Outcome { asset: container, key, verdict });
    }
    told
}

fn holds_others(asset: &AssetId) -> bool {
    kinds::find(asset.kind.as_str()).is_some_and(|kind| kind.schema().holds_others)
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}
