//! What stays asleep at a site that is primary again: it was made there while nobody could see it, and our fence put it to
//! sleep. Nothing that is promoted knows it, so nobody knows whether it should run now (P7). It is named, and left alone.

use std::collections::{BTreeMap, BTreeSet};

use twinlake_model::{SetName, Snapshot};
use twinlake_workflow::{StepContext, StepError};

use crate::fence::standing::recall;
use crate::moves::Parameters;
use crate::moves::kept::sleepers;
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
    let store = &world.house.store;
    for set in &group.sets {
        let here = group.place(set, &parameters.to);
        let fence = store.fence(&group.name, &here).await.map_err(store_error)?;
        let latest = store.latest_snapshot(&here).await.map_err(store_error)?;
        let (Some(fence), Some(latest)) = (fence, latest) else { continue };
        let mut known = BTreeSet::new();
        for snapshot in kept.get(&set.name).into_iter().chain(&fence.promoted_from) {
            known.extend(sleepers(store, snapshot).await.map_err(store_error)?.into_keys());
        }
        let standing = sleepers(store, &latest).await.map_err(store_error)?;
        let found = recall(&world.house, &fence).await.map_err(step_error)?;
        let left: BTreeMap<_, _> = found
            .into_iter()
            .filter(|one| !known.contains(&one.asset) && standing.contains_key(&one.asset))
            .map(|one| (one.asset, one.key))
            .collect();
        for key in left.values() {
            let why = format!("{key} was made at {here} unseen, and was put to sleep there");
            context.deviate(format!("{why}: it stays asleep until somebody wakes it")).await?;
        }
    }
    Ok(())
}
