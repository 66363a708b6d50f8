//! The old primary is put to sleep in order: nothing new begins, what runs may end, what does not is cancelled, compute
//! stops.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_databricks::Policy;
use twinlake_model::{Document, RunId, SeenRun};
use twinlake_workflow::{Check, Retries, Step, StepContext, StepError, Undo, Work};

use super::LONG;
use crate::fence::visit::Visit;
use crate::moves::permit::StepPermit;
use crate::moves::world::{Move, refused, step_error, store_error};
use crate::news::relay;
use crate::runbooks::{CANCELLED, QUIESCE};

pub(crate) const STEP: Step<Move> = Step {
    name: QUIESCE,
    title: "Quiesce",
    does: "pauses what begins runs, lets active runs end for a while, cancels the rest, and stops compute",
    phase: "quiesce",
    undo: Undo::Reversible("`twinlake abort` wakes it as it was; runs that were cancelled stay cancelled"),
    deadline: LONG,
    retries: Retries::FEW,
    optional: false,
    work: &Quiesce,
};

struct Quiesce;

#[async_trait]
impl Work<Move> for Quiesce {
    async fn check(&self, _: &Move, _: &StepContext) -> Result<Check, StepError> {
        Ok(Check::Act)
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let visits = visit(world, context, true).await?;
        let mut cancelled: Vec<SeenRun> = cancelled(world, context).await?;
        let mut counts = BTreeMap::new();
        for (place, visited) in visits {
            let counted = json!({
                "put_to_sleep": visited.found_awake.len(), "cancelled": visited.ran.len(),
                "left_for_others": visited.left_for_others, "unclear": visited.unclear.len(),
            });
            for run in &visited.unclear {
                context
                    .deviate(format!(
                        "run {} ({}) of {place} cannot be told to be the group's, and goes on",
                        run.id, run.name
                    ))
                    .await?;
            }
            if let Some(still) = visited.still_running.first() {
                return Err(StepError::new(
                    twinlake_base::ErrorClass::Retryable,
                    format!("run {} ({}) of {place} does not end", still.id, still.name),
                ));
            }
            if let Some(awake) = visited.awake_still.first() {
                return Err(StepError::new(
                    twinlake_base::ErrorClass::Retryable,
                    format!("{} at {place} was not put to sleep: {}", awake.key, awake.verdict),
                ));
            }
            cancelled.extend(visited.ran);
            counts.insert(place.to_string(), counted);
        }
        cancelled.sort_by(|one, other| (&one.place, &one.id).cmp(&(&other.place, &other.id)));
        cancelled.dedup_by(|one, other| one.place == other.place && one.id == other.id);
        let kept =
            world.house.store.put_document(&Document::new(&json!(cancelled))).await.map_err(store_error)?;
        context.record(CANCELLED, json!(kept)).await?;
        context.record("counts", json!(counts)).await
    }

    async fn confirm(&self, _: &Move, context: &StepContext) -> Result<Value, StepError> {
        let counts: Option<Value> = context.fact("counts")?;
        counts.ok_or_else(|| refused("nothing was put to sleep", "twinlake runs"))
    }
}

/// Puts every workspace of the old primary to sleep.
pub(super) async fn visit(
    world: &Move,
    context: &StepContext,
    drains: bool,
) -> Result<Vec<(twinlake_model::Place, crate::fence::visit::Visited)>, StepError> {
    let parameters: crate::moves::Parameters = context.parameters()?;
    let tenure = world.tenure(context).await?;
    let (house, group) = world.oriented(&parameters.from).map_err(step_error)?;
    let permit = StepPermit { context, lease: &*tenure };
    let mut visits = Vec::new();
    for set in &group.sets {
        let place = group.place(set, &parameters.from);
        let visit = Visit {
            house: &house,
            group: &group,
            set: &set.name,
            place: &place,
            client: world.client(&place, Policy::PATIENT)?,
            epoch: tenure.epoch(),
            run: &RunId::new(format!("{}/{}", context.run(), context.step())),
            permit: &permit,
            watch: relay(&world.observer),
            drain: if drains { group.safety.drain } else { std::time::Duration::ZERO },
        };
        let visited = visit.fence().await.map_err(step_error)?;
        visits.push((place, visited));
    }
    Ok(visits)
}

/// The runs that were cancelled so far.
pub(super) async fn cancelled(world: &Move, context: &StepContext) -> Result<Vec<SeenRun>, StepError> {
    let Some(digest) = context.fact_of(QUIESCE, CANCELLED)? else { return Ok(Vec::new()) };
    let document = world.house.store.document(digest).await.map_err(store_error)?;
    Ok(serde_json::from_value(document.value()).unwrap_or_default())
}
