//! The last edits are carried, all but roles: what wakes is what stands now, in the posture from before anything slept.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_model::{Role, SetName, Snapshot};
use twinlake_workflow::{Check, Retries, Step, StepContext, StepError, Undo, Work};

use super::LONG;
use crate::moves::Parameters;
use crate::moves::complete::incomplete;
use crate::moves::waking::with_postures_of;
use crate::moves::world::{Errand, Move, refused, step_error, store_error};
use crate::runbooks::{FINAL_SYNC, KEPT, PIN, PINNED};

pub(crate) const STEP: Step<Move> = Step {
    name: FINAL_SYNC,
    title: "Final sync",
    does: "carries the last edits while nothing moves",
    phase: "quiesce",
    undo: Undo::Reversible("a sync changes the standby only"),
    deadline: LONG,
    retries: Retries::FEW,
    optional: false,
    work: &FinalSync,
};

struct FinalSync;

#[async_trait]
impl Work<Move> for FinalSync {
    async fn check(&self, _: &Move, context: &StepContext) -> Result<Check, StepError> {
        let kept: Option<BTreeMap<SetName, Snapshot>> = context.fact(KEPT)?;
        Ok(match kept {
            Some(_) => Check::Already("the last edits were carried".to_owned()),
            None => Check::Act,
        })
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let parameters: Parameters = context.parameters()?;
        let pinned: BTreeMap<SetName, Snapshot> = context.fact_of(PIN, PINNED)?.unwrap_or_default();
        let group = world.group_in(&parameters.from).map_err(step_error)?;
        let mut kept = BTreeMap::new();
        for set in &group.sets {
            let errand = Errand::live(set, &parameters.from, &parameters.to, Role::Standby);
            let report = world.run(context, errand).await?;
            let lacking = incomplete(&world.house, &group, report).await.map_err(step_error)?;
            if let Some(first) = lacking.first().filter(|_| !parameters.incomplete_too) {
                return Err(refused(
                    format!(
                        "{} of the last edits were not carried: {}: {}",
                        lacking.len(),
                        first.key,
                        first.verdict
                    ),
                    format!("twinlake abort {0}, or mend it and resume", world.group),
                ));
            }
            let place = group.place(set, &parameters.from);
            let latest = world.house.store.latest_snapshot(&place).await.map_err(store_error)?;
            let (Some(latest), Some(pinned)) = (latest, pinned.get(&set.name)) else {
                return Err(refused(
                    format!("{place} was not kept"),
                    format!("twinlake abort {}", world.group),
                ));
            };
            let waking = with_postures_of(&world.house.store, pinned, &latest).await.map_err(store_error)?;
            for (_, key) in &waking.made_since {
                context
                    .deviate(format!(
                        "{key} was made while the primary was put to sleep: it stays asleep at {}",
                        parameters.to
                    ))
                    .await?;
            }
            kept.insert(set.name.clone(), waking.snapshot);
        }
        context.record(KEPT, json!(kept)).await
    }

    async fn confirm(&self, _: &Move, context: &StepContext) -> Result<Value, StepError> {
        let kept: BTreeMap<SetName, Snapshot> = context.fact(KEPT)?.unwrap_or_default();
        Ok(json!(kept.iter().map(|(set, snapshot)| (set, snapshot.at)).collect::<BTreeMap<_, _>>()))
    }
}
