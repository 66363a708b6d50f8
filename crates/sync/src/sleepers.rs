//! Copies of which nothing may be changed now but that they sleep (P6).
//!
//! A copy stays as it is while its original's document cannot be sent, and while its original is gone and a grace period
//! passes. Somebody may wake it meanwhile all the same; then it is put to sleep as what it is.

use std::collections::BTreeSet;

use twinlake_assets::{AssetKind, kinds};
use twinlake_model::{Action, AssetId, Change, Posture, Role, Version};
use twinlake_store::Store;

use crate::SyncError;
use crate::confirm::{Confirmed, Gone};
use crate::draft::posture_differences;
use crate::order::Drawn;
use crate::route::Route;
use crate::view::View;

/// What an object that stays as it is must be in its role, and the keys of what differs. Only what it has can be
/// decided: a schedule that it lacks cannot be paused. `desired` knows whether it gets what its kind rations.
pub(crate) fn rest(
    kind: &dyn AssetKind,
    role: Role,
    observed: &Version,
    desired: Option<&Posture>,
) -> (Version, Vec<String>) {
    let mut posture = match (role, desired) {
        (Role::Standby, _) => kind.asleep(&observed.posture),
        (Role::Primary, desired) => {
            let mut posture = observed.posture.clone();
            let known = desired.into_iter().flat_map(Posture::iter);
            known.filter(|(at, _)| observed.posture.get(at).is_some()).for_each(|(at, value)| {
                posture.set(at, value.clone());
            });
            posture
        }
    };
    if let Some(ration) = kind.ration()
        && let Some(given) = desired.unwrap_or(&observed.posture).get(ration.word)
    {
        posture.set(ration.word, given.clone());
    }
    let fields = posture_differences(&posture, &observed.posture);
    (Version { posture, ..observed.clone() }, fields)
}

/// The changes that put to sleep what is awake although its original is gone. Whatever else is to become of it waits
/// for the next cycle.
pub(crate) async fn sleepers(
    store: &Store,
    route: &Route,
    view: &View,
    confirmed: &Confirmed,
) -> Result<Vec<Drawn>, SyncError> {
    let mut changes = Vec::new();
    if route.role != Role::Standby {
        return Ok(changes);
    }
    for (asset, gone) in &confirmed.gone {
        let is_ours = matches!(gone, Gone::Confirmed(_) | Gone::Unsure(..));
        let (true, Some(item), Some(kind)) =
            (is_ours, view.target.items.get(asset), kinds::find(asset.kind.as_str()))
        else {
            continue;
        };
        let observed = &item.entry.version;
        let (desired, fields) = rest(kind, route.role, observed, None);
        if fields.is_empty() {
            continue;
        }
        let document = store.document(observed.spec).await?;
        let mut change = Change {
            asset: asset.clone(),
            key: item.entry.key.clone(),
            action: Action::Update,
            remote: Some(item.entry.remote.clone()),
            source: observed.clone(),
            desired,
            observed: Some(observed.clone()),
            rewrites: false,
            content_mark: None,
            fields: fields.clone(),
            drift: fields,
            partial: Vec::new(),
            not_kept: Vec::new(),
            needs: Vec::new(),
            after: Vec::new(),
            requests: Vec::new(),
        };
        change.requests = kind.calls(&change, &document.value()).iter().map(ToString::to_string).collect();
        changes.push((change, Some(document)));
    }
    Ok(changes)
}

/// The assets of some changes.
pub(crate) fn assets_of(changes: &[Drawn]) -> BTreeSet<AssetId> {
    changes.iter().map(|(change, _)| change.asset.clone()).collect()
}
