//! The safety rules are held against the move once more, and whoever has to agree is waited for.

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_model::Digest;
use twinlake_model::safety::{Given, MoveFacts, Standing};
use twinlake_workflow::{Check, Retries, Step, StepContext, StepError, Undo, Wait, Work};

use super::SOON;
use crate::moves::runs::approved;
use crate::moves::world::{Move, step_error};
use crate::moves::{Parameters, window};

pub(crate) const STEP: Step<Move> = Step {
    name: "approve",
    title: "Approvals",
    does: "holds the safety rules against it and waits for whoever has to agree",
    phase: "prepare",
    undo: Undo::Reversible("nothing is changed"),
    deadline: SOON,
    retries: Retries::FEW,
    optional: false,
    work: &Approve,
};

struct Approve;

#[async_trait]
impl Work<Move> for Approve {
    async fn check(&self, world: &Move, context: &StepContext) -> Result<Check, StepError> {
        let parameters: Parameters = context.parameters()?;
        if parameters.from == parameters.to {
            return Ok(Check::Skip("it moves nothing, so nobody has to agree".to_owned()));
        }
        let group = world.group_in(&parameters.from).map_err(step_error)?;
        let now = context.clock().now();
        let facts = MoveFacts {
            now,
            kind: parameters.kind,
            last_promotion: window::last_promotion(&world.house.store, &world.group)
                .await
                .map_err(step_error)?,
            acknowledged: parameters.acknowledged.clone(),
            loss: parameters.loss_for_rules(),
        };
        if let Some(objection) = group.safety.objections(&facts).into_iter().next() {
            let reason = format!("{} is against it: {}", objection.rule, objection.reason);
            return Ok(Check::Refuse { reason, hint: Some(objection.hint) });
        }
        let approvals = &group.safety.approvals;
        if approvals.required == 0 {
            return Ok(Check::Skip("the config asks nobody".to_owned()));
        }
        match approvals.judge(&given(context, parameters.proposal), parameters.proposal, now) {
            Standing::Enough => Ok(Check::Already(format!("{} agreed", approvals.required))),
            Standing::Missing { needed, may, .. } => {
                let proposal = parameters.proposal;
                let question =
                    format!("{needed} more of {} must approve proposal {}", may.join(", "), proposal.short());
                let about = json!({ "proposal": proposal, "may": may, "needed": needed });
                Ok(Check::Wait(Wait::Answer { question, about }))
            }
        }
    }

    async fn act(&self, _: &Move, _: &StepContext) -> Result<(), StepError> {
        Ok(())
    }

    async fn confirm(&self, _: &Move, context: &StepContext) -> Result<Value, StepError> {
        let parameters: Parameters = context.parameters()?;
        Ok(json!(given(context, parameters.proposal)))
    }
}

/// Who agreed: whoever began the run, and whoever answered since.
fn given(context: &StepContext, proposal: Digest) -> Vec<Given> {
    let status = context.status();
    let first = Given { by: status.began.actor.clone(), at: status.began_at, digest: proposal };
    let answers = context.answers().iter().filter_map(|answer| {
        Some(Given { by: answer.by.clone(), at: answer.at, digest: approved(&answer.value)? })
    });
    std::iter::once(first).chain(answers).collect()
}
