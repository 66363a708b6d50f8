//! The few requests that keep a dying primary from using compute. It is given 20 seconds; what it does not answer is left
//! to the standing fence.

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_databricks::Policy;
use twinlake_workflow::{Check, Retries, Step, StepContext, StepError, Undo, Work};

use super::SOON;
use crate::fence::coarse::{Coarse, Lost};
use crate::fence::shared::at_work;
use crate::fence::standing::remember;
use crate::moves::Parameters;
use crate::moves::permit::StepPermit;
use crate::moves::world::{Move, step_error, store_error};

/// The fact that says what was done.
const DONE: &str = "coarse";

pub(crate) const STEP: Step<Move> = Step {
    name: "coarse_fence",
    title: "Coarse fence",
    does: "sends the few requests that keep the old primary from using compute, for 20 seconds at most",
    phase: "promote",
    undo: Undo::Reversible("whatever next brings that site into step puts the recorded values back"),
    deadline: SOON,
    retries: Retries::NONE,
    optional: true,
    work: &CoarseFence,
};

struct CoarseFence;

#[async_trait]
impl Work<Move> for CoarseFence {
    async fn check(&self, _: &Move, context: &StepContext) -> Result<Check, StepError> {
        let done: Option<Value> = context.fact(DONE)?;
        Ok(match done {
            Some(_) => Check::Already("it was tried".to_owned()),
            None => Check::Act,
        })
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let parameters: Parameters = context.parameters()?;
        let tenure = world.tenure(context).await?;
        let permit = StepPermit { context, lease: &*tenure };
        // As it was when production was there: what others have there is theirs.
        let (house, group) = world.oriented(&parameters.from).map_err(step_error)?;
        let fencing = group.sets.iter().filter_map(|set| {
            let kept = parameters.kept.get(&set.name)?;
            Some(async {
                let place = group.place(set, &parameters.from);
                let others = at_work(&house.config.estate, &group, &place);
                let client = world.client(&place, Policy::ONCE)?;
                let selection =
                    world.selection(&parameters.from, set, &parameters.from).map_err(step_error)?;
                let lost = Lost {
                    house: &house,
                    place: &place,
                    client,
                    kept,
                    selection: &selection,
                    others: &others,
                    permit: &permit,
                };
                let coarse = lost.fence().await.map_err(step_error)?;
                Ok::<_, StepError>((place, coarse))
            })
        });
        let fenced = futures::future::try_join_all(fencing).await?;
        let mut told = Vec::new();
        for (place, coarse) in fenced {
            if let Some(mut fence) = house.store.fence(&group.name, &place).await.map_err(store_error)? {
                remember(&house, &mut fence, &coarse.fenced).await.map_err(step_error)?;
                house.store.put_fence(&fence).await.map_err(store_error)?;
            }
            let Coarse { fenced, meant, trouble } = coarse;
            if let Some(trouble) = &trouble {
                context
                    .deviate(format!(
                        "{place} is unfenced: {} of {meant} requests were done; {trouble}",
                        fenced.len()
                    ))
                    .await?;
            }
            told.push(json!({ "place": place, "done": fenced.len(), "meant": meant, "trouble": trouble }));
        }
        context.record(DONE, json!(told)).await
    }

    async fn confirm(&self, _: &Move, context: &StepContext) -> Result<Value, StepError> {
        Ok(context.fact::<Value>(DONE)?.unwrap_or_default())
    }
}
