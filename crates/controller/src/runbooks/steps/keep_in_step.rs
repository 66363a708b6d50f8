//! The standby is brought into step while production still runs, and the primary is kept as it is: this is what wakes
//! later, whatever anybody puts to sleep from here on (P7).

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_databricks::Policy;
use twinlake_model::{Role, SetName, Snapshot};
use twinlake_workflow::{Check, Retries, Step, StepContext, StepError, Undo, Work};

use super::LONG;
use crate::moves::Parameters;
use crate::moves::complete::incomplete;
use crate::moves::world::{Errand, Move, refused, step_error, store_error};
use crate::runbooks::{PIN, PINNED};

pub(crate) const STEP: Step<Move> = Step {
    name: PIN,
    title: "In step",
    does: "syncs while production runs, and keeps the primary as it is before anything is put to sleep",
    phase: "prepare",
    undo: Undo::Reversible("a sync changes the standby only"),
    deadline: LONG,
    retries: Retries::FEW,
    optional: false,
    work: &KeepInStep,
};

struct KeepInStep;

#[async_trait]
impl Work<Move> for KeepInStep {
    async fn check(&self, _: &Move, context: &StepContext) -> Result<Check, StepError> {
        let pinned: Option<BTreeMap<SetName, Snapshot>> = context.fact(PINNED)?;
        Ok(match pinned {
            Some(_) => Check::Already("the primary is kept as it was".to_owned()),
            None => Check::Act,
        })
    }

    async fn act(&self, world: &Move, context: &StepContext) -> Result<(), StepError> {
        let parameters: Parameters = context.parameters()?;
        let group = world.group_in(&parameters.from).map_err(step_error)?;
        let (mut pinned, mut lacking) = (BTreeMap::new(), Vec::new());
        for set in &group.sets {
            let errand = Errand::live(set, &parameters.from, &parameters.to, Role::Standby);
            let report = world.run(context, errand).await?;
            lacking.extend(incomplete(&world.house, &group, report).await.map_err(step_error)?);
            let place = group.place(set, &parameters.from);
            let snapshot = world.house.store.latest_snapshot(&place).await.map_err(store_error)?;
            let missing = || refused(format!("{place} was not kept"), "twinlake sync");
            pinned.insert(set.name.clone(), snapshot.ok_or_else(missing)?);
        }
        if !lacking.is_empty() && !parameters.incomplete_too {
            let first: Vec<String> =
                lacking.iter().take(5).map(|one| format!("{}: {}", one.key, one.verdict)).collect();
            return Err(refused(
                format!(
                    "{} assets are not at {} as they are here: {}",
                    lacking.len(),
                    parameters.to,
                    first.join("; ")
                ),
                format!(
                    "`twinlake status {0}` names them; mend them, or abort and move without them: twinlake abort {0}, then the same with --incomplete",
                    world.group
                ),
            ));
        }
        for outcome in &lacking {
            context.deviate(format!("moved without {}: {}", outcome.key, outcome.verdict)).await?;
        }
        context.record(PINNED, json!(pinned)).await
    }

    async fn confirm(&self, _: &Move, context: &StepContext) -> Result<Value, StepError> {
        let pinned: Option<BTreeMap<SetName, Snapshot>> = context.fact(PINNED)?;
        let pinned = pinned.unwrap_or_default();
        Ok(json!(pinned.iter().map(|(set, snapshot)| (set, snapshot.at)).collect::<BTreeMap<_, _>>()))
    }
}

impl<'a> Errand<'a> {
    /// From one live site to another.
    pub(crate) fn live(
        set: &'a twinlake_model::WorkspaceSet,
        source: &'a twinlake_model::SiteId,
        target: &'a twinlake_model::SiteId,
        role: Role,
    ) -> Self {
        Self { set, source, target, role, kept: None, only: None, selection: None, policy: Policy::PATIENT }
    }
}
