//! Both sites are read afresh and compared by other code than that which made them equal.

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_databricks::Policy;
use twinlake_sync::{Bytes, Pair, Side, prove_equal};
use twinlake_workflow::{Check, Retries, Step, StepContext, StepError, Undo, Work};

use super::LONG;
use crate::legs::Leg;
use crate::moves::Parameters;
use crate::moves::complete::accepted;
use crate::moves::world::{Move, refused, step_error};
use crate::news::relay;
use crate::plan::cycle;

pub(crate) const STEP: Step<Move> = Step {
    name: "prove_equality",
    title: "Equality",
    does: "reads both sites afresh, and proves by other code than the sync's that they hold the same",
    phase: "quiesce",
    undo: Undo::Reversible("it only reads"),
    deadline: LONG,
    retries: Retries::FEW,
    optional: false,
    work: &Equality,
};

struct Equality;

#[async_trait]
impl Work<Move> for Equality {
    async fn check(&self, _: &Move, _: &StepContext) -> Result<Check, StepError> {
        Ok(Check::Act)
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let parameters: Parameters = context.parameters()?;
        let group = world.group_in(&parameters.from).map_err(step_error)?;
        let mut told = Vec::new();
        for leg in world.legs(&parameters.from).map_err(step_error)? {
            let Leg { source, target, selection, .. } = &leg;
            if target.site != parameters.to {
                continue;
            }
            let side = |place: &twinlake_model::Place| {
                Ok::<_, StepError>(Side {
                    place: place.clone(),
                    client: world.client(place, Policy::PATIENT)?,
                })
            };
            let (of, at) = (side(source)?, side(target)?);
            let accepted =
                accepted(&world.house, &group, &leg, parameters.incomplete_too).await.map_err(step_error)?;
            let pair = Pair {
                source: &of,
                target: &at,
                selection,
                mappings: &group.mappings,
                accepted: &accepted,
                bytes: Bytes::All,
            };
            let (house, watch) = (&world.house, relay(&world.observer));
            let proof = prove_equal(&house.store, &house.setup.clock, pair, &*watch)
                .await
                .map_err(|error| step_error(cycle(&leg, error)))?;
            if let Some(first) = proof.unequal.first().filter(|_| !parameters.incomplete_too) {
                return Err(refused(
                    format!(
                        "{} assets are not equal at {source} and {target}, the first is {}: {}",
                        proof.unequal.len(),
                        first.key,
                        first.fields.join(", ")
                    ),
                    format!(
                        "look at them, then: twinlake abort {0}; or, if they may differ, mend and resume",
                        world.group
                    ),
                ));
            }
            for unequal in &proof.unequal {
                context.deviate(format!("not equal: {}: {}", unequal.key, unequal.fields.join(", "))).await?;
            }
            told.push(json!(proof));
        }
        context.record("proof", json!(told)).await
    }

    async fn confirm(&self, _: &Move, context: &StepContext) -> Result<Value, StepError> {
        Ok(context.fact::<Value>("proof")?.unwrap_or_default())
    }
}
