//! What somebody may have to run again: runs that were cancelled, and runs whose outcome nobody knows. Nothing is started.

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_model::safety::MoveKind;
use twinlake_model::{Document, SeenRun};
use twinlake_workflow::{Check, Retries, Step, StepContext, StepError, Undo, Work};

use super::SOON;
use super::quiesce::cancelled;
use crate::moves::Parameters;
use crate::moves::world::{Move, store_error};

pub(crate) const STEP: Step<Move> = Step {
    name: "list_unfinished",
    title: "Unfinished runs",
    does: "lists the runs that were cancelled, or may have run, for people to decide about",
    phase: "settle",
    undo: Undo::Reversible("nothing is started"),
    deadline: SOON,
    retries: Retries::FEW,
    optional: true,
    work: &Unfinished,
};

struct Unfinished;

#[async_trait]
impl Work<Move> for Unfinished {
    async fn check(&self, _: &Move, _: &StepContext) -> Result<Check, StepError> {
        Ok(Check::Act)
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let runs = runs(world, context).await?;
        let kept = world.house.store.put_document(&Document::new(&json!(runs))).await.map_err(store_error)?;
        context.record("runs", json!(kept)).await
    }

    async fn confirm(&self, world: &Move, context: &StepContext) -> Result<Value, StepError> {
        let parameters: Parameters = context.parameters()?;
        let runs = runs(world, context).await?;
        let outcome = if parameters.kind == MoveKind::Forced { "may have run" } else { "cancelled" };
        let named: Vec<Value> = runs
            .iter()
            .take(MOST_NAMED)
            .map(|run| {
                json!({
                    "name": run.name, "id": run.id, "place": run.place, "began_at": run.began_at,
                    "parameters": run.parameters, "outcome": outcome,
                })
            })
            .collect();
        Ok(json!({ "count": runs.len(), "runs": named, "all": context.fact::<Value>("runs")? }))
    }
}

/// How many are named in the report; all of them are kept.
const MOST_NAMED: usize = 100;

async fn runs(world: &Move, context: &StepContext) -> Result<Vec<SeenRun>, StepError> {
    let parameters: Parameters = context.parameters()?;
    match parameters.kind {
        MoveKind::Forced => Ok(parameters.loss.may_have_run),
        _ => cancelled(world, context).await,
    }
}
