//! From now on the promotion can be committed, or rolled back as long as nothing was written.

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_lease::Term;
use twinlake_workflow::{Check, Retries, Step, StepContext, StepError, Undo, Work};

use super::SOON;
use crate::moves::Parameters;
use crate::moves::window::{self, Window};
use crate::moves::world::{Move, step_error};
use crate::runbooks::{EPOCH, PIN, PINNED};

pub(crate) const STEP: Step<Move> = Step {
    name: crate::runbooks::WINDOW,
    title: "Commit window",
    does: "opens the window in which the promotion can be committed or rolled back",
    phase: "settle",
    undo: Undo::Reversible("`twinlake commit` closes it"),
    deadline: SOON,
    retries: Retries::FEW,
    optional: false,
    work: &OpenWindow,
};

struct OpenWindow;

#[async_trait]
impl Work<Move> for OpenWindow {
    async fn check(&self, world: &Move, context: &StepContext) -> Result<Check, StepError> {
        let window = window::of(&world.house.store, &world.group).await.map_err(step_error)?;
        Ok(match window {
            Some(window) if window.run == context.run() => {
                Check::Already(format!("it is open until {:.0}", window.until))
            }
            _ => Check::Act,
        })
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let parameters: Parameters = context.parameters()?;
        let group = world.group_in(&parameters.to).map_err(step_error)?;
        let term: Option<Term> = context.evidence(EPOCH)?;
        let now = context.clock().now();
        let window = Window {
            run: context.run().to_owned(),
            from: parameters.from.clone(),
            to: parameters.to.clone(),
            epoch: term.map_or(parameters.epoch, |term| term.epoch),
            promoted_at: now,
            until: now.checked_add(group.safety.commit_window).unwrap_or(now),
            kept: context.fact_of(PIN, PINNED)?.unwrap_or_default(),
            committed_at: None,
        };
        window::keep(&world.house.store, &world.group, &window).await.map_err(step_error)
    }

    async fn confirm(&self, world: &Move, _: &StepContext) -> Result<Value, StepError> {
        let window = window::of(&world.house.store, &world.group).await.map_err(step_error)?;
        Ok(json!(window))
    }
}
