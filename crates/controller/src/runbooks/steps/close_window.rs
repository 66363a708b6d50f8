//! The last promotion stands.

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_workflow::{Check, Retries, Step, StepContext, StepError, Undo, Work};

use super::SOON;
use crate::moves::window::{self, Window};
use crate::moves::world::{Move, step_error};

pub(crate) const STEP: Step<Move> = Step {
    name: "close_window",
    title: "Commit",
    does: "ends the window in which the last promotion could be rolled back",
    phase: "settle",
    undo: Undo::Forward("going back is a failback from now on"),
    deadline: SOON,
    retries: Retries::FEW,
    optional: false,
    work: &CloseWindow,
};

struct CloseWindow;

#[async_trait]
impl Work<Move> for CloseWindow {
    async fn check(&self, world: &Move, context: &StepContext) -> Result<Check, StepError> {
        let window = window::of(&world.house.store, &world.group).await.map_err(step_error)?;
        Ok(match window {
            Some(window) if window.is_open(context.clock().now()) => Check::Act,
            Some(_) => Check::Already("it is closed".to_owned()),
            None => Check::Skip("there was no promotion".to_owned()),
        })
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let window = window::of(&world.house.store, &world.group).await.map_err(step_error)?;
        let Some(window) = window else { return Ok(()) };
        context.may_act(context.clock().instant())?;
        let closed = Window { committed_at: Some(context.clock().now()), ..window };
        window::keep(&world.house.store, &world.group, &closed).await.map_err(step_error)
    }

    async fn confirm(&self, world: &Move, _: &StepContext) -> Result<Value, StepError> {
        let window = window::of(&world.house.store, &world.group).await.map_err(step_error)?;
        Ok(json!(
            window.map(|window| json!({ "promotion": window.run, "committed_at": window.committed_at }))
        ))
    }
}
