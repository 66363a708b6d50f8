//! What is remembered of two places: for each asset the newest that is known of what it was at both.
//!
//! Mostly that is what this very direction last recorded. After a swap of roles it is what the other direction recorded,
//! turned around. Between two standbys of which one was promoted, it is what both got from a third place, put side by
//! side: if both were made from one version, they are the same asset in two dialects.

use std::collections::{BTreeMap, BTreeSet};

use twinlake_model::{AssetId, Base, IdMap, Place};
use twinlake_store::Store;

use crate::SyncError;

/// The bases of a direction, and those among them that were put side by side just now. A cycle records these: what they
/// were made from may go when one of the other places loses the asset.
///
/// # Errors
/// When the state cannot be read.
pub(crate) async fn bases(
    store: &Store,
    source: &Place,
    target: &Place,
    ids: &IdMap,
) -> Result<(BTreeMap<AssetId, Base>, Vec<Base>), SyncError> {
    let mut bases = known(store, source, target).await?;
    let mut made = BTreeSet::new();
    let others =
        places(ids).into_iter().filter(|place| *place != source && *place != target && source != target);
    for third in others {
        let (here, there) = (known(store, third, source).await?, known(store, third, target).await?);
        for (asset, here) in here {
            let beside = there.get(&asset).and_then(|there| beside(&here, there));
            if beside.is_some_and(|base| keep_newer(&mut bases, base)) {
                made.insert(asset);
            }
        }
    }
    let made = made.iter().filter_map(|asset| bases.get(asset)).cloned().collect();
    Ok((bases, made))
}

/// What either direction recorded, the newer of the two.
async fn known(store: &Store, source: &Place, target: &Place) -> Result<BTreeMap<AssetId, Base>, SyncError> {
    let mut bases = store.bases(source, target).await?;
    if source == target {
        return Ok(bases);
    }
    for base in store.bases(target, source).await?.into_values() {
        if let Some(turned) = turned(&base, bases.get(&base.asset)) {
            keep_newer(&mut bases, turned);
        }
    }
    Ok(bases)
}

/// A base of the other direction, turned around. What this direction could not make the target keep it still cannot, as
/// long as nothing else was written there since.
fn turned(base: &Base, before: Option<&Base>) -> Option<Base> {
    let mut turned = base.reversed()?;
    if let Some(before) = before.filter(|before| {
        before.read_back.as_ref().is_some_and(|shown| shown.spec == base.source_version.spec)
    }) {
        turned.not_kept = before.not_kept.clone();
    }
    Some(turned)
}

/// One asset at two places that both got it from a third one. None unless they got the same version of it, in the words
/// of the same tables.
fn beside(here: &Base, there: &Base) -> Option<Base> {
    let is_same = here.source_version.spec == there.source_version.spec
        && here.source_version.content == there.source_version.content
        && here.mappings == there.mappings;
    let shown = here.read_back.clone().filter(|_| is_same && there.read_back.is_some())?;
    Some(Base {
        source: here.target.clone(),
        source_version: shown,
        applied_at: here.applied_at.min(there.applied_at),
        ..there.clone()
    })
}

fn keep_newer(bases: &mut BTreeMap<AssetId, Base>, base: Base) -> bool {
    let is_newer = bases.get(&base.asset).is_none_or(|known| known.applied_at < base.applied_at);
    if is_newer {
        bases.insert(base.asset.clone(), base);
    }
    is_newer
}

/// The places that the set is known to have.
fn places(ids: &IdMap) -> BTreeSet<&Place> {
    ids.pairs().flat_map(|(asset, place, _)| [&asset.origin, place]).collect()
}
