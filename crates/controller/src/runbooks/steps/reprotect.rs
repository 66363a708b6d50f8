//! The reverse direction begins: what is production now is kept in step at the site where it was.

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_model::Role;
use twinlake_workflow::{Check, Retries, Step, StepContext, StepError, Undo, Work};

use super::LONG;
use crate::moves::Parameters;
use crate::moves::complete::incomplete;
use crate::moves::world::{Errand, Move, step_error, store_error};
use crate::replication_point;

pub(crate) const STEP: Step<Move> = Step {
    name: "reprotect",
    title: "Reprotect",
    does: "begins to keep the former primary in step, asleep",
    phase: "settle",
    undo: Undo::Reversible("a sync changes the standby only"),
    deadline: LONG,
    retries: Retries::FEW,
    optional: true,
    work: &Reprotect,
};

struct Reprotect;

#[async_trait]
impl Work<Move> for Reprotect {
    async fn check(&self, world: &Move, context: &StepContext) -> Result<Check, StepError> {
        let parameters: Parameters = context.parameters()?;
        let group = world.group_in(&parameters.to).map_err(step_error)?;
        for set in &group.sets {
            let place = group.place(set, &parameters.from);
            let fence = world.house.store.fence(&group.name, &place).await.map_err(store_error)?;
            if fence.is_some_and(|fence| !fence.may_be_written()) {
                let why = format!("unprotected until what {place} did unseen is acknowledged");
                return Ok(Check::Skip(why));
            }
        }
        Ok(Check::Act)
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let parameters: Parameters = context.parameters()?;
        let group = world.group_in(&parameters.to).map_err(step_error)?;
        let mut lacking = Vec::new();
        for set in &group.sets {
            let errand = Errand::live(set, &parameters.to, &parameters.from, Role::Standby);
            let report = world.run(context, errand).await?;
            let began = report.started_at;
            let its = incomplete(&world.house, &group, report).await.map_err(step_error)?;
            let (source, target) = (group.place(set, &parameters.to), group.place(set, &parameters.from));
            let legs = world.legs(&parameters.to).map_err(step_error)?;
            let leg = legs.iter().find(|leg| leg.source == source && leg.target == target);
            if let Some(leg) = leg.filter(|_| its.is_empty()) {
                replication_point::advance(&world.house.store, leg, began).await.map_err(step_error)?;
            }
            lacking.extend(its);
        }
        for outcome in &lacking {
            context.deviate(format!("not protected: {}: {}", outcome.key, outcome.verdict)).await?;
        }
        context.record("lacking", json!(lacking.len())).await
    }

    async fn confirm(&self, _: &Move, context: &StepContext) -> Result<Value, StepError> {
        Ok(json!({ "lacking": context.fact::<usize>("lacking")? }))
    }
}
