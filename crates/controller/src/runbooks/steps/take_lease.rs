//! The right to move the group is taken, and the group proven to be where the proposal says.

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_base::ErrorClass;
use twinlake_lease::LeaseError;
use twinlake_workflow::{Check, Step, StepContext, StepError, Undo, Work};

use super::{PATIENT, SOON};
use crate::ControllerError;
use crate::moves::Parameters;
use crate::moves::runs::begun_before;
use crate::moves::world::{Move, refused, step_error};

pub(crate) const STEP: Step<Move> = Step {
    name: crate::runbooks::TAKE_LEASE,
    title: "Lease",
    does: "takes the right to act for the group, or waits out whoever has it",
    phase: "prepare",
    undo: Undo::Reversible("it ends by itself"),
    deadline: SOON,
    retries: PATIENT,
    optional: false,
    work: &TakeLease,
};

struct TakeLease;

#[async_trait]
impl Work<Move> for TakeLease {
    async fn check(&self, world: &Move, _: &StepContext) -> Result<Check, StepError> {
        Ok(match world.held() {
            Some(tenure) => Check::Already(format!("it is held, in epoch {}", tenure.epoch())),
            None => Check::Act,
        })
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let parameters: Parameters = context.parameters()?;
        let taken = match world.lease(&parameters.from).await {
            Ok(tenure) => tenure.at(&world.house, &parameters.to).await.map(drop),
            Err(error) => Err(error),
        };
        match taken {
            Ok(()) => Ok(()),
            // A sync that is under way ends, and then lets go.
            Err(ControllerError::Lease { source, .. }) if matches!(*source, LeaseError::Held { .. }) => {
                Err(StepError::caused_by(ErrorClass::Retryable, &*source))
            }
            Err(error) => Err(step_error(error)),
        }
    }

    async fn confirm(&self, world: &Move, context: &StepContext) -> Result<Value, StepError> {
        let parameters: Parameters = context.parameters()?;
        let term = world.tenure(context).await?.term();
        // Before anybody ever took the lease there is no epoch.
        if parameters.epoch.0 != 0 && term.epoch != parameters.epoch {
            return Err(refused(
                format!(
                    "this was proposed in epoch {}, and it is epoch {} now",
                    parameters.epoch, term.epoch
                ),
                format!("twinlake status {}", world.group),
            ));
        }
        // Two runs may have been proposed before either had begun. Under the lease, one of them is the first.
        let about = parameters.about.as_deref();
        let first =
            begun_before(&world.house, &world.group, context.run(), about).await.map_err(step_error)?;
        if let Some((run, stands)) = first {
            return Err(refused(
                format!("run {run} of {} had the lease first and is not over: {stands}", world.group),
                format!("twinlake runs resume {run}"),
            ));
        }
        Ok(json!(term))
    }
}
