//! Proof that nothing moves at the old primary: two readings in a row that find nothing awake and nothing running.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_base::ErrorClass;
use twinlake_workflow::{Check, Retries, Step, StepContext, StepError, Undo, Work};

use super::LONG;
use super::quiesce::visit;
use crate::moves::world::Move;

/// How long lies between two readings.
const BETWEEN: Duration = Duration::from_secs(5);
/// How many readings are made at most before somebody has to look who keeps waking things.
const READINGS: usize = 6;

pub(crate) const STEP: Step<Move> = Step {
    name: "at_rest",
    title: "At rest",
    does: "reads the old primary twice and finds nothing awake and nothing running",
    phase: "quiesce",
    undo: Undo::Reversible("it puts to sleep only what somebody woke since"),
    deadline: LONG,
    retries: Retries::NONE,
    optional: false,
    work: &AtRest,
};

struct AtRest;

#[async_trait]
impl Work<Move> for AtRest {
    async fn check(&self, _: &Move, _: &StepContext) -> Result<Check, StepError> {
        Ok(Check::Act)
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let mut quiet = 0;
        for reading in 0..READINGS {
            if reading > 0 {
                context.clock().sleep(BETWEEN).await;
            }
            let visits = visit(world, context, false).await?;
            let woken = visits.iter().flat_map(|(_, visited)| &visited.found_awake).next();
            let ran = visits.iter().flat_map(|(_, visited)| &visited.ran).next();
            match (woken, ran) {
                (None, None) => quiet += 1,
                (Some(awake), _) => {
                    quiet = 0;
                    context.deviate(format!("somebody woke {}; it sleeps again", awake.key)).await?;
                }
                (None, Some(run)) => {
                    quiet = 0;
                    context
                        .deviate(format!("run {} ({}) began, and was cancelled", run.id, run.name))
                        .await?;
                }
            }
            if quiet == 2 {
                let at = context.clock().now();
                return context.record("readings", json!({ "until_at_rest": reading + 1, "at": at })).await;
            }
        }
        Err(StepError::new(
            ErrorClass::Refused,
            "the old primary does not come to rest: somebody keeps waking it",
        )
        .with_hint(Some(format!("find out who, then: twinlake runs resume {}", context.run()))))
    }

    async fn confirm(&self, _: &Move, context: &StepContext) -> Result<Value, StepError> {
        Ok(context.fact::<Value>("readings")?.unwrap_or_default())
    }
}
