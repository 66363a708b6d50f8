//! A run of the group that was broken off ends, because this one takes its place.

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_workflow::{
    Check, Intervention, Retries, RunState, Step, StepContext, StepError, Undo, Work, intervene,
};

use super::SOON;
use crate::moves::world::{Move, step_error};
use crate::moves::{Parameters, runs};
use crate::run_log;

pub(crate) const STEP: Step<Move> = Step {
    name: "supersede",
    title: "Earlier run",
    does: "ends the run that was broken off, so that nobody goes on with it",
    phase: "prepare",
    undo: Undo::Forward("what it did is taken into account; another run can be begun"),
    deadline: SOON,
    retries: Retries::FEW,
    optional: false,
    work: &Supersede,
};

struct Supersede;

#[async_trait]
impl Work<Move> for Supersede {
    async fn check(&self, world: &Move, context: &StepContext) -> Result<Check, StepError> {
        let parameters: Parameters = context.parameters()?;
        let Some(run) = parameters.about else {
            return Ok(Check::Skip("no run was broken off".to_owned()));
        };
        let status = runs::status(&world.house, &run).await.map_err(step_error)?;
        Ok(match status.state {
            RunState::Ended(_) | RunState::Aborted { .. } => Check::Already(format!("{run} is over")),
            _ => Check::Act,
        })
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let parameters: Parameters = context.parameters()?;
        let Some(run) = parameters.about else { return Ok(()) };
        let status = runs::status(&world.house, &run).await.map_err(step_error)?;
        if matches!(status.state, RunState::Ended(_) | RunState::Aborted { .. }) {
            return Ok(());
        }
        context.may_act(context.clock().instant())?;
        let reason = format!("{} takes its place", context.run());
        let log = run_log::of(&world.house, &run).await.map_err(step_error)?;
        intervene(log, context.clock(), &run, context.actor(), Intervention::Abort { reason })
            .await
            .map(drop)
            .map_err(|error| step_error(runs::failed(error)))
    }

    async fn confirm(&self, _: &Move, context: &StepContext) -> Result<Value, StepError> {
        Ok(json!({ "ended": context.parameters::<Parameters>()?.about }))
    }
}
