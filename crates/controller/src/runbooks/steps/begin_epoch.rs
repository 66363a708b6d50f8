//! The moment of the move: the next epoch begins, with its primary. From here on the old primary must sleep, and whether
//! it does is on record before the epoch is.

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_model::safety::MoveKind;
use twinlake_model::{Epoch, Fence, FenceLevel, SetName, Tail};
use twinlake_workflow::{Check, Retries, Step, StepContext, StepError, Undo, Work};

use super::SOON;
use super::promote::kept;
use crate::moves::Parameters;
use crate::moves::kept::latest_of;
use crate::moves::world::{Move, refused, step_error, store_error};
use crate::runbooks::{EPOCH, FENCES};

pub(crate) const STEP: Step<Move> = Step {
    name: EPOCH,
    title: "Epoch",
    does: "begins the next epoch, in which production runs at the other site",
    phase: "promote",
    undo: Undo::UntilFirstWrite("`twinlake rollback`; once something was written there, `twinlake failback`"),
    deadline: SOON,
    retries: Retries::FEW,
    optional: false,
    work: &BeginEpoch,
};

struct BeginEpoch;

#[async_trait]
impl Work<Move> for BeginEpoch {
    async fn check(&self, world: &Move, context: &StepContext) -> Result<Check, StepError> {
        let parameters: Parameters = context.parameters()?;
        let term = world.tenure(context).await?.term();
        if term.primary == parameters.to {
            return Ok(Check::Already(format!("{} is primary in epoch {}", term.primary, term.epoch)));
        }
        if term.primary != parameters.from {
            return Ok(Check::Refuse {
                reason: format!("production of {} moved to {} meanwhile", world.group, term.primary),
                hint: Some(format!("twinlake status {}", world.group)),
            });
        }
        Ok(Check::Act)
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let parameters: Parameters = context.parameters()?;
        let tenure = world.tenure(context).await?;
        if tenure.term().primary == parameters.to {
            // An earlier attempt came this far, and one promotion is one epoch.
            return Ok(());
        }
        let group = world.group_in(&parameters.from).map_err(step_error)?;
        let next = Epoch(tenure.epoch().0 + 1);
        let mut fences = Vec::new();
        for set in &group.sets {
            let place = group.place(set, &parameters.from);
            let mut fence = fence(&parameters, &place, next, context, &set.name)?;
            if fence.tail == Tail::Unseen && fence.promoted_from.is_none() {
                // It was being promoted itself when it was lost: what was seen of it last is what its tail is told by.
                let (store, estate) = (&world.house.store, &world.house.config.estate);
                fence.promoted_from = latest_of(store, estate, &group, &place).await.map_err(store_error)?;
            }
            fences.push(fence);
        }
        // First where every controller can read it, then in our own state, and only then does it become true.
        context.record(FENCES, json!(fences)).await?;
        for fence in &fences {
            world.house.store.put_fence(fence).await.map_err(store_error)?;
        }
        context.may_act(context.clock().instant())?;
        tenure.advance(&world.house, &parameters.to).await.map_err(step_error)?;
        Ok(())
    }

    async fn confirm(&self, world: &Move, context: &StepContext) -> Result<Value, StepError> {
        let parameters: Parameters = context.parameters()?;
        let term = world.tenure(context).await?.term();
        if term.primary != parameters.to {
            return Err(refused(
                format!("production of {} is in {} by its lease", world.group, term.primary),
                format!("twinlake status {}", world.group),
            ));
        }
        Ok(json!(term))
    }
}

/// What is known of the old primary as it ceases to be one.
fn fence(
    parameters: &Parameters,
    place: &twinlake_model::Place,
    epoch: Epoch,
    context: &StepContext,
    set: &SetName,
) -> Result<Fence, StepError> {
    let now = context.clock().now();
    let mut fence = Fence {
        group: parameters.group.clone(),
        place: place.clone(),
        epoch,
        since: now,
        level: None,
        confirmed_at: None,
        tail: Tail::Unseen,
        // A rollback wakes the other site as it was; of the one that it leaves, nothing has to be remembered.
        promoted_from: kept(context)?.remove(set).filter(|kept| kept.place == *place),
        found_awake: Vec::new(),
    };
    if parameters.kind != MoveKind::Forced {
        // It was put to sleep, read twice, and proven equal.
        (fence.level, fence.confirmed_at, fence.tail) = (Some(FenceLevel::L2), Some(now), Tail::None);
    }
    Ok(fence)
}
