//! Where production is, the group is at home: a failback comes here from now on.

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_workflow::{Check, Retries, Step, StepContext, StepError, Undo, Work};

use super::SOON;
use crate::moves::Parameters;
use crate::moves::window;
use crate::moves::world::{Move, step_error};

pub(crate) const STEP: Step<Move> = Step {
    name: "make_home",
    title: "Home",
    does: "makes the site where production runs the group's home, where a failback comes to",
    phase: "prepare",
    undo: Undo::Reversible("move production, then `twinlake promote --for-good` there"),
    deadline: SOON,
    retries: Retries::FEW,
    optional: false,
    work: &MakeHome,
};

struct MakeHome;

#[async_trait]
impl Work<Move> for MakeHome {
    async fn check(&self, world: &Move, context: &StepContext) -> Result<Check, StepError> {
        let parameters: Parameters = context.parameters()?;
        let home = window::home(&world.house, &world.group).await.map_err(step_error)?;
        Ok(match home == parameters.to {
            true => Check::Already(format!("{home} is its home")),
            false => Check::Act,
        })
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let parameters: Parameters = context.parameters()?;
        context.may_act(context.clock().instant())?;
        window::make_home(&world.house.store, &world.group, &parameters.to).await.map_err(step_error)
    }

    async fn confirm(&self, world: &Move, _: &StepContext) -> Result<Value, StepError> {
        let home = window::home(&world.house, &world.group).await.map_err(step_error)?;
        let line = format!("failover_groups.{}.primary: {home}", world.group);
        Ok(json!({ "home": home, "config": line }))
    }
}
