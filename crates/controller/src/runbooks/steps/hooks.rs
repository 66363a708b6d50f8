//! What of the operator's is called before and after a phase. What is called before one can stop the run there.

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_model::safety::When;
use twinlake_workflow::{Check, Retries, Step, StepContext, StepError, Undo, Work};

use super::SOON;
use crate::hooks::{Occasion, call};
use crate::moves::Parameters;
use crate::moves::world::{Move, refused, step_error};

pub(crate) const BEFORE_PREPARE: Step<Move> =
    row("hooks_before_prepare", "prepare", &Hooks { phase: "prepare", is_before: true });
pub(crate) const AFTER_PREPARE: Step<Move> =
    row("hooks_after_prepare", "prepare", &Hooks { phase: "prepare", is_before: false });
pub(crate) const BEFORE_QUIESCE: Step<Move> =
    row("hooks_before_quiesce", "quiesce", &Hooks { phase: "quiesce", is_before: true });
pub(crate) const AFTER_QUIESCE: Step<Move> =
    row("hooks_after_quiesce", "quiesce", &Hooks { phase: "quiesce", is_before: false });
pub(crate) const BEFORE_PROMOTE: Step<Move> =
    row("hooks_before_promote", "promote", &Hooks { phase: "promote", is_before: true });
pub(crate) const AFTER_PROMOTE: Step<Move> =
    row("hooks_after_promote", "promote", &Hooks { phase: "promote", is_before: false });
pub(crate) const BEFORE_SETTLE: Step<Move> =
    row("hooks_before_settle", "settle", &Hooks { phase: "settle", is_before: true });
pub(crate) const AFTER_SETTLE: Step<Move> =
    row("hooks_after_settle", "settle", &Hooks { phase: "settle", is_before: false });

const fn row(name: &'static str, phase: &'static str, work: &'static Hooks) -> Step<Move> {
    Step {
        name,
        title: if work.is_before { "Hooks before" } else { "Hooks after" },
        does: "calls what the config names for this moment",
        phase,
        undo: Undo::Forward("what a hook did is its owner's to undo"),
        deadline: SOON,
        retries: Retries::NONE,
        optional: !work.is_before,
        work,
    }
}

struct Hooks {
    phase: &'static str,
    is_before: bool,
}

impl Hooks {
    fn when(&self) -> When {
        match self.is_before {
            true => When::Before(self.phase.to_owned()),
            false => When::After(self.phase.to_owned()),
        }
    }
}

#[async_trait]
impl Work<Move> for Hooks {
    async fn check(&self, world: &Move, context: &StepContext) -> Result<Check, StepError> {
        let parameters: Parameters = context.parameters()?;
        let group = world.group_in(&parameters.to).map_err(step_error)?;
        let when = self.when();
        if group.safety.hooks_at(&when).next().is_none() {
            return Ok(Check::Skip("the config names none".to_owned()));
        }
        let called: Vec<usize> = context.fact("called")?.unwrap_or_default();
        Ok(match called.len() >= group.safety.hooks_at(&when).count() {
            true => Check::Already("they were called".to_owned()),
            false => Check::Act,
        })
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let parameters: Parameters = context.parameters()?;
        let group = world.group_in(&parameters.to).map_err(step_error)?;
        let when = self.when();
        let mut called: Vec<usize> = context.fact("called")?.unwrap_or_default();
        for (number, hook) in group.safety.hooks_at(&when).enumerate() {
            if called.contains(&number) {
                continue;
            }
            context.may_act(context.clock().instant())?;
            let occasion = Occasion {
                run: context.run(),
                runbook: &context.status().began.runbook,
                group: world.group.as_str(),
                from: parameters.from.as_str(),
                to: parameters.to.as_str(),
                when: &when,
            };
            if let Err(why) = call(&world.house, hook, &occasion).await {
                if hook.can_abort() {
                    return Err(refused(
                        format!("the hook {when} said no: {why}"),
                        format!("mend what it asks for, then: twinlake runs resume {}", context.run()),
                    ));
                }
                context.deviate(format!("the hook {when} failed: {why}")).await?;
            }
            called.push(number);
            context.record("called", json!(called)).await?;
        }
        Ok(())
    }

    async fn confirm(&self, _: &Move, context: &StepContext) -> Result<Value, StepError> {
        Ok(json!({ "called": context.fact::<Vec<usize>>("called")?.unwrap_or_default().len() }))
    }
}
