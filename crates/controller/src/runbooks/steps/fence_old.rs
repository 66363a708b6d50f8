//! One thorough look at the old primary, if it answers. If not, it is unfenced, and every sync tries again.

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_base::ErrorClass;
use twinlake_model::RunId;
use twinlake_workflow::{Check, Retries, Step, StepContext, StepError, Undo, Work};

use super::LONG;
use crate::fence::standing::Standing;
use crate::moves::Parameters;
use crate::moves::permit::StepPermit;
use crate::moves::world::{Move, step_error};

pub(crate) const STEP: Step<Move> = Step {
    name: "fence_old",
    title: "Fence",
    does: "puts the old primary to sleep if it answers, and reads what it did unseen",
    phase: "settle",
    undo: Undo::Reversible("what sleeps there wakes with the next promotion of that site"),
    deadline: LONG,
    retries: Retries::NONE,
    optional: true,
    work: &FenceOld,
};

struct FenceOld;

#[async_trait]
impl Work<Move> for FenceOld {
    async fn check(&self, _: &Move, _: &StepContext) -> Result<Check, StepError> {
        Ok(Check::Act)
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let parameters: Parameters = context.parameters()?;
        let tenure = world.tenure(context).await?;
        let (house, group) = world.oriented(&parameters.to).map_err(step_error)?;
        let standing = Standing {
            house: &house,
            group: &group,
            run: &RunId::new(format!("{}/{}", context.run(), context.step())),
            permit: &StepPermit { context, lease: &*tenure },
            observer: &world.observer,
        };
        let reports = standing.look().await.map_err(step_error)?;
        let mut told = Vec::new();
        for report in &reports {
            if !report.is_fenced() {
                let why = report.trouble.as_deref().unwrap_or("something there is still awake");
                context.deviate(format!("{} is unfenced: {why}", report.place)).await?;
            }
            let level = report.level.map(|level| level.to_string());
            told.push(json!({ "place": report.place, "level": level, "trouble": report.trouble, "tail": report.tail }));
        }
        context.record("fences", json!(told)).await?;
        match reports.iter().find(|report| !report.is_fenced()) {
            None => Ok(()),
            Some(report) => Err(StepError::new(
                ErrorClass::Retryable,
                format!("{} is unfenced: it may be processing", report.place),
            )
            .with_hint(Some(format!("every `twinlake sync {}` tries again", world.group)))),
        }
    }

    async fn confirm(&self, _: &Move, context: &StepContext) -> Result<Value, StepError> {
        Ok(context.fact::<Value>("fences")?.unwrap_or_default())
    }
}
