//! What stays asleep at a promoted site because what is promoted does not know it: nobody knows whether it should run now
//! (P7). It is named, and left alone.
//!
//! Either it was made there while nobody could see it, and our fence put it to sleep when the site came back; or it was
//! copied there by a sync after the run had begun, and so after what is promoted was kept.

use std::collections::BTreeMap;

use twinlake_model::{AssetId, Key, SetName, Snapshot};
use twinlake_workflow::{StepContext, StepError};

use crate::fence::standing::recall;
use crate::moves::Parameters;
use crate::moves::kept::{latest_of, sleepers};
use crate::moves::world::{Move, step_error, store_error};

/// Names it, where a promotion of `kept` has come to its end.
///
/// # Errors
/// When the state cannot be read.
pub(super) async fn tell(
    world: &Move,
    context: &StepContext,
    kept: &BTreeMap<SetName, Snapshot>,
) -> Result<(), StepError> {
    let parameters: Parameters = context.parameters()?;
    let group = world.group_in(&parameters.to).map_err(step_error)?;
    let (store, estate) = (&world.house.store, &world.house.config.estate);
    for set in &group.sets {
        let here = group.place(set, &parameters.to);
        let Some(kept) = kept.get(&set.name) else { continue };
        let fence = store.fence(&group.name, &here).await.map_err(store_error)?;
        let mut known = assets(world, Some(kept)).await?;
        let mut left = BTreeMap::new();
        if let Some(fence) = fence {
            known.extend(assets(world, fence.promoted_from.as_ref()).await?);
            let latest = latest_of(store, estate, &group, &here).await.map_err(store_error)?;
            let standing = assets(world, latest.as_ref()).await?;
            let found = recall(&world.house, &fence).await.map_err(step_error)?;
            let unseen = found.into_iter().filter(|one| standing.contains_key(&one.asset));
            left.extend(
                unseen.map(|one| (one.asset, (one.key, "was made there unseen, and was put to sleep"))),
            );
        }
        let ids = store.id_map(&set.name).await.map_err(store_error)?;
        let latest = latest_of(store, estate, &group, &kept.place).await.map_err(store_error)?;
        let since = assets(world, latest.filter(|latest| latest.at > kept.at).as_ref()).await?;
        let copied = since.into_iter().filter(|(asset, _)| ids.remote(asset, &here).is_some());
        left.extend(copied.map(|(asset, key)| (asset, (key, "was copied there after this run had begun"))));
        left.retain(|asset, _| !known.contains_key(asset));
        for (key, why) in left.values() {
            context
                .deviate(format!("{key} {why}: it stays asleep at {here} until somebody wakes it"))
                .await?;
        }
    }
    Ok(())
}

/// The assets of a snapshot, each with what people call it.
async fn assets(world: &Move, snapshot: Option<&Snapshot>) -> Result<BTreeMap<AssetId, Key>, StepError> {
    let Some(snapshot) = snapshot else { return Ok(BTreeMap::new()) };
    let all = sleepers(&world.house.store, snapshot).await.map_err(store_error)?;
    Ok(all.into_iter().map(|(asset, its)| (asset, its.key)).collect())
}
