//! `id`: what each place calls an asset, and settling who is who.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::json;
use twinlake_assets::kinds;
use twinlake_model::{AssetId, Entry, Key, Place, RemoteId};
use twinlake_store::AuditEntry;

use crate::kinds::plural;
use crate::{ControllerError, House};

/// An asset, and what each place calls it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Known {
    /// Its identity.
    pub asset: AssetId,
    /// What people call it.
    pub key: Key,
    /// What the places call it.
    pub at: Vec<Name>,
    /// Whether the text is exactly its name, id or path.
    #[serde(skip)]
    pub is_exact: bool,
}

/// What one place calls an asset.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Name {
    /// The place.
    pub place: Place,
    /// What it calls the asset there.
    pub remote: RemoteId,
}

/// What was adopted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Adopted {
    /// Our asset.
    pub asset: AssetId,
    /// What people call it.
    pub key: Key,
    /// Where its copy stands from now on.
    pub target: Place,
    /// What that place calls it.
    pub remote: RemoteId,
}

/// Finds assets by identity, remote id, name or path, or a part of one. Exact finds come first.
///
/// # Errors
/// When the state cannot be read, or nothing is found.
pub async fn find(house: &House, text: &str) -> Result<Vec<Known>, ControllerError> {
    let mut found: BTreeMap<AssetId, Known> = BTreeMap::new();
    let wanted = text.to_lowercase();
    for place in places(house) {
        let ids = house.store.id_map(&place.set).await?;
        for entry in entries(house, &place).await? {
            let asset = ids.identity(&entry.asset.kind, &place, &entry.remote);
            let is_exact = asset.to_string() == text
                || entry.remote.as_str() == text
                || entry.key.as_str() == text
                || format!("{}:{}", plural(asset.kind.as_str()), entry.key) == text;
            let is_near = || {
                entry.key.as_str().to_lowercase().contains(&wanted)
                    || asset.to_string().to_lowercase().contains(&wanted)
            };
            if !is_exact && !is_near() && !found.contains_key(&asset) {
                continue;
            }
            let known = found.entry(asset.clone()).or_insert_with(|| Known {
                asset: asset.clone(),
                key: entry.key.clone(),
                at: Vec::new(),
                is_exact: false,
            });
            known.is_exact |= is_exact;
            known.at.push(Name { place: place.clone(), remote: entry.remote.clone() });
        }
    }
    complete(house, text, &mut found).await?;
    if found.is_empty() {
        return Err(ControllerError::UnknownAsset { text: text.to_owned() });
    }
    let mut found: Vec<Known> = found.into_values().collect();
    found.sort_by_key(|known| !known.is_exact);
    Ok(found)
}

/// Adds what the id map knows of the finds, and what it alone finds.
async fn complete(
    house: &House,
    text: &str,
    found: &mut BTreeMap<AssetId, Known>,
) -> Result<(), ControllerError> {
    for (asset, _, _) in house.store.find_ids(text).await? {
        let key = Key::new(asset.minted.as_str());
        found.entry(asset.clone()).or_insert(Known { asset, key, at: Vec::new(), is_exact: true });
    }
    for known in found.values_mut() {
        let ids = house.store.id_map(&known.asset.origin.set).await?;
        for place in places(house).into_iter().filter(|place| place.set == known.asset.origin.set) {
            if let Some(remote) = ids.remote(&known.asset, &place) {
                known.at.push(Name { place, remote: remote.clone() });
            }
        }
        known.at.sort();
        known.at.dedup();
    }
    Ok(())
}

/// Lets our version of an asset win over a stranger that has its unique name at a standby: the stranger is recorded as
/// its copy, and the next sync makes it so. Changes nothing in any workspace.
///
/// # Errors
/// When the asset is not one, has a copy already, or no such stranger was seen.
pub async fn adopt(house: &House, text: &str) -> Result<Vec<Adopted>, ControllerError> {
    let house = &house.now().await?;
    let asset = one(house, text).await?;
    let refuse = |why: &str| ControllerError::NotAdoptable { asset: asset.to_string(), why: why.to_owned() };
    let kind = kinds::find(asset.kind.as_str()).ok_or_else(|| refuse("its kind is not kept"))?;
    if !kind.schema().has_unique_key() {
        return Err(refuse("names of its kind may repeat, so nothing stands in its way"));
    }
    let mut adopted = Vec::new();
    for group in house.groups(None)? {
        for leg in house.legs(group).into_iter().filter(|leg| leg.source.set == asset.origin.set) {
            let ids = house.store.id_map(&leg.source.set).await?;
            let at_source = entries(house, &leg.source).await?.into_iter();
            let here = |entry: &Entry| ids.identity(&asset.kind, &leg.source, &entry.remote) == asset;
            let Some(ours) =
                at_source.filter(|entry| entry.asset.kind == asset.kind).find(here).map(|entry| entry.key)
            else {
                continue;
            };
            if ids.remote(&asset, &leg.target).is_some() {
                continue;
            }
            let at_target = entries(house, &leg.target).await?.into_iter();
            let same_name = |entry: &Entry| {
                entry.asset.kind == asset.kind
                    && entry.key == ours
                    && ids.known(&asset.kind, &leg.target, &entry.remote).is_none()
            };
            let Some(stranger) = at_target.filter(same_name).map(|entry| entry.remote).next() else {
                continue;
            };
            house.store.pair(&asset, &leg.target, &stranger).await?;
            adopted.push(Adopted {
                asset: asset.clone(),
                key: ours,
                target: leg.target.clone(),
                remote: stranger,
            });
        }
    }
    adopted.dedup();
    if adopted.is_empty() {
        return Err(refuse("no standby has something of its name that is not its copy already"));
    }
    for one in &adopted {
        house.store.append_audit(&entry_of(house, one)).await?;
    }
    Ok(adopted)
}

fn entry_of(house: &House, adopted: &Adopted) -> AuditEntry {
    AuditEntry {
        at: house.setup.clock.now(),
        actor: house.setup.actor.clone(),
        action: "id.adopted".to_owned(),
        subject: adopted.asset.to_string(),
        detail: json!({ "key": adopted.key, "place": adopted.target, "remote": adopted.remote }),
    }
}

/// The one asset that a text means.
async fn one(house: &House, text: &str) -> Result<AssetId, ControllerError> {
    if let Ok(asset) = text.parse::<AssetId>() {
        return Ok(asset);
    }
    let all = find(house, text).await?;
    let sources: BTreeSet<Place> =
        house.groups(None)?.into_iter().flat_map(|group| house.legs(group)).map(|leg| leg.source).collect();
    // What stands at a standby alone is the stranger itself.
    let ours = all.iter().filter(|known| known.at.iter().any(|at| sources.contains(&at.place)));
    let exact: Vec<&Known> = ours.filter(|known| known.is_exact).collect();
    match exact.as_slice() {
        [known] => Ok(known.asset.clone()),
        [] => Err(ControllerError::UnknownAsset { text: text.to_owned() }),
        _ => {
            let found = exact.iter().map(|known| known.asset.to_string()).collect();
            Err(ControllerError::Ambiguous { text: text.to_owned(), found })
        }
    }
}

fn places(house: &House) -> BTreeSet<Place> {
    let groups = house.config.estate.groups.values();
    groups.flat_map(|group| house.legs(group)).flat_map(|leg| [leg.source, leg.target]).collect()
}

/// What a place had when it was last looked at.
async fn entries(house: &House, place: &Place) -> Result<Vec<Entry>, ControllerError> {
    let Some(snapshot) = house.store.latest_snapshot(place).await? else { return Ok(Vec::new()) };
    let mut entries = Vec::new();
    for digest in snapshot.manifests.values() {
        entries.extend(house.store.manifest(*digest).await?.entries);
    }
    Ok(entries)
}
