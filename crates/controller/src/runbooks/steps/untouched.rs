//! Proof that nothing was written at the promoted site: nothing ran there, and nothing of it was changed.

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_assets::activities::ACTIVITIES;
use twinlake_databricks::Policy;
use twinlake_model::{Action, Change, Key, Place, Role, WorkspaceSet};
use twinlake_workflow::{Check, Retries, Step, StepContext, StepError, Undo, Work};

use super::LONG;
use crate::ControllerError;
use crate::moves::Parameters;
use crate::moves::kept::{BACK, latest_of, sleepers};
use crate::moves::waves::Sleeper;
use crate::moves::window::{self, Window};
use crate::moves::world::{Errand, Move, refused, step_error, store_error};

pub(crate) const STEP: Step<Move> = Step {
    name: "untouched",
    title: "Nothing written",
    does: "proves that nothing ran and nothing was changed where production was promoted to",
    phase: "prepare",
    undo: Undo::Reversible("it only reads"),
    deadline: LONG,
    retries: Retries::FEW,
    optional: false,
    work: &Untouched,
};

struct Untouched;

#[async_trait]
impl Work<Move> for Untouched {
    async fn check(&self, _: &Move, context: &StepContext) -> Result<Check, StepError> {
        Ok(match context.fact::<bool>("untouched")? {
            Some(true) => Check::Already("nothing was written before this run put it to sleep".to_owned()),
            _ => Check::Act,
        })
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let parameters: Parameters = context.parameters()?;
        let group = world.group_in(&parameters.from).map_err(step_error)?;
        let window = window::of(&world.house.store, &world.group).await.map_err(step_error)?;
        let failback = || format!("twinlake failback {}", world.group);
        let Some(window) = window else {
            return Err(refused("there is no promotion to roll back", failback()));
        };
        for set in &group.sets {
            let place = group.place(set, &parameters.from);
            let reader = world.client(&place, Policy::PATIENT)?.reader();
            for activity in ACTIVITIES {
                let history = activity.since(&reader, window.promoted_at).await.map_err(|source| {
                    step_error(ControllerError::Activity {
                        what: activity.plural().to_owned(),
                        place: place.clone(),
                        source: Box::new(source),
                    })
                })?;
                if let Some(run) = history.runs.first() {
                    return Err(refused(
                        format!(
                            "{} runs began at {place} since, the first is {}",
                            history.runs.len(),
                            run.name
                        ),
                        failback(),
                    ));
                }
            }
            // What is new there since production is kept in step from there was made by somebody; and what only the next
            // sync would carry home, too.
            if let Some(made) = made_since(world, set, &place, &window).await? {
                return Err(refused(format!("{made} was made at {place} since"), failback()));
            }
            let errand = Errand::live(set, &parameters.from, &parameters.to, Role::Standby);
            let plan = world.plan(context, errand).await?;
            if let Some(change) = plan.changes.iter().find(|change| change.action == Action::Create) {
                return Err(refused(format!("{} was made at {place} since", change.key), failback()));
            }
            // What stands there is compared with what was promoted: an edit of anybody's is a write.
            let Some(kept) = parameters.kept.get(&set.name) else { continue };
            let fence = world.house.store.fence(&world.group, &kept.place).await.map_err(store_error)?;
            let promoted = fence.and_then(|fence| fence.promoted_from).filter(|one| one.place == kept.place);
            let errand = Errand {
                set,
                source: &parameters.to,
                target: &parameters.from,
                role: Role::Primary,
                kept: Some(promoted.unwrap_or_else(|| kept.clone())),
                only: None,
                selection: None,
                policy: Policy::PATIENT,
            };
            let plan = world.plan(context, errand).await?;
            let ids = world.house.store.id_map(&set.name).await.map_err(store_error)?;
            let is_gone = |change: &Change| {
                matches!(change.action, Action::Create | Action::CreateStub)
                    && ids.remote(&change.asset, &place).is_some()
            };
            if let Some(change) = plan.changes.iter().find(|change| is_gone(change)) {
                return Err(refused(format!("{} was deleted at {place} since", change.key), failback()));
            }
            if let Some(change) = plan.changes.iter().find(|change| !change.drift.is_empty()) {
                let fields = change.drift.join(", ");
                return Err(refused(
                    format!("{} was changed at {place} since: {fields}", change.key),
                    failback(),
                ));
            }
        }
        context.record("untouched", json!(true)).await
    }

    async fn confirm(&self, _: &Move, context: &StepContext) -> Result<Value, StepError> {
        Ok(json!({ "untouched": context.fact::<bool>("untouched")? }))
    }
}

/// What was made at the promoted site between the cycle that first kept it in step from there and the last one.
async fn made_since(
    world: &Move,
    set: &WorkspaceSet,
    place: &Place,
    window: &Window,
) -> Result<Option<Key>, StepError> {
    let (house, store) = (&world.house, &world.house.store);
    let group = world.group_in(&place.site).map_err(step_error)?;
    let selection = world.selection(&place.site, set, &place.site).map_err(step_error)?;
    let last = latest_of(store, &house.config.estate, &group, place).await.map_err(store_error)?;
    let reprotects = format!("{}/reprotect", window.run);
    let snapshots = store.snapshots(place, BACK).await.map_err(store_error)?;
    let first = snapshots.into_iter().find(|snapshot| snapshot.run.as_str().starts_with(&reprotects));
    let (Some(first), Some(last)) = (first, last) else { return Ok(None) };
    let first = sleepers(store, &first).await.map_err(store_error)?;
    let last = sleepers(store, &last).await.map_err(store_error)?;
    let is_new =
        |(asset, its): &(_, Sleeper)| !first.contains_key(asset) && selection.takes(its.kinds, &its.key);
    Ok(last.into_iter().find(is_new).map(|(_, its)| its.key))
}
