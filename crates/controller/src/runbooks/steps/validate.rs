//! Does the promoted site do what it should? It is signed in to, and a fresh look at it finds nothing left to wake.

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_databricks::Policy;
use twinlake_model::Role;
use twinlake_workflow::{Check, Figure, Retries, Step, StepContext, StepError, Undo, Work};

use super::LONG;
use super::promote::kept;
use crate::ControllerError;
use crate::moves::Parameters;
use crate::moves::world::{Errand, Move, step_error};

pub(crate) const STEP: Step<Move> = Step {
    name: "validate",
    title: "Validate",
    does: "signs in at the promoted site, and looks afresh whether anything is left to wake",
    phase: "promote",
    undo: Undo::Reversible("it only reads"),
    deadline: LONG,
    retries: Retries::FEW,
    optional: true,
    work: &Validate,
};

struct Validate;

#[async_trait]
impl Work<Move> for Validate {
    async fn check(&self, _: &Move, context: &StepContext) -> Result<Check, StepError> {
        Ok(match kept(context)?.is_empty() {
            true => Check::Skip("nothing was woken".to_owned()),
            false => Check::Act,
        })
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let parameters: Parameters = context.parameters()?;
        let group = world.group_in(&parameters.to).map_err(step_error)?;
        let kept = kept(context)?;
        let mut found = Vec::new();
        for set in &group.sets {
            let Some(snapshot) = kept.get(&set.name) else { continue };
            let place = group.place(set, &parameters.to);
            let identity = world.client(&place, Policy::QUICK)?.me().await.map_err(|source| {
                step_error(ControllerError::Reach { place: place.clone(), source: Box::new(source) })
            })?;
            let errand = Errand {
                set,
                source: &snapshot.place.site,
                target: &parameters.to,
                role: Role::Primary,
                kept: Some(snapshot.clone()),
                only: None,
                selection: None,
                policy: Policy::PATIENT,
            };
            let plan = world.plan(context, errand).await?;
            let left: Vec<String> = plan
                .changes
                .iter()
                .map(|change| format!("{} ({})", change.key, change.fields.join(", ")))
                .collect();
            if let Some(first) = left.first() {
                context
                    .deviate(format!(
                        "{} assets at {place} are not as they were, the first is {first}",
                        left.len()
                    ))
                    .await?;
            }
            found.push(json!({ "place": place, "signed_in_as": identity.user_name, "left": left.len() }));
        }
        context.record("found", json!(found)).await
    }

    async fn confirm(&self, _: &Move, context: &StepContext) -> Result<Value, StepError> {
        let parameters: Parameters = context.parameters()?;
        if parameters.from != parameters.to {
            let since = parameters.outage_since.unwrap_or(context.status().began_at);
            let took = context.clock().now().duration_since(since).as_secs_f64().max(0.0);
            context.measure(Figure::seconds(Figure::MTTR, took)).await?;
        }
        Ok(context.fact::<Value>("found")?.unwrap_or_default())
    }
}
