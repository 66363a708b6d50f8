//! `plan`: what a sync would do. Reads both ends, writes to neither.

use std::sync::Arc;

use serde::Serialize;
use twinlake_model::{Epoch, Plan, Role};
use twinlake_sync::{Route, Side, Sync, Watch};

use crate::legs::Leg;
use crate::news::Relay;
use crate::{ControllerError, House, News, Observer};

/// The plan of one leg.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedLeg {
    /// From where to where.
    #[serde(flatten)]
    pub leg: Leg,
    /// What an approval is bound to.
    pub digest: String,
    /// The changes, and every other asset's verdict.
    pub plan: Plan,
}

/// The plans of a group, or of all groups: one per leg.
///
/// # Errors
/// When a place cannot be reached or read to a proven end, or two places are one workspace.
pub async fn plan(
    house: &House,
    group: Option<&str>,
    observer: Arc<dyn Observer>,
) -> Result<Vec<PlannedLeg>, ControllerError> {
    let house = &house.now().await?;
    let mut planned = Vec::new();
    for group in house.groups(group)? {
        let legs = house.legs(group);
        let reached = house.prove_distinct(&legs).await?;
        reached.into_values().collect::<Result<Vec<_>, _>>()?;
        for leg in legs {
            observer.see(News::Leg(leg.clone()));
            let plan = plan_leg(house, &leg, Arc::new(Relay(observer.clone()))).await?;
            let digest = plan.digest().short();
            planned.push(PlannedLeg { leg, digest, plan });
        }
    }
    Ok(planned)
}

/// What a cycle of one leg would do.
pub(crate) async fn plan_leg(
    house: &House,
    leg: &Leg,
    watch: Arc<dyn Watch>,
) -> Result<Plan, ControllerError> {
    let route = route(house, leg, Epoch::default())?;
    let sync = Sync::new(house.store.clone(), house.setup.clock.clone(), route, watch);
    sync.plan().await.map_err(|source| cycle(leg, source))
}

/// A leg, with the clients that it takes.
pub(crate) fn route(house: &House, leg: &Leg, epoch: Epoch) -> Result<Route, ControllerError> {
    let group = house
        .config
        .group(&leg.group)
        .ok_or_else(|| ControllerError::UnknownGroup { name: leg.group.to_string(), known: Vec::new() })?;
    let side = |place: &twinlake_model::Place| {
        house.client(place).map(|client| Side { place: place.clone(), client })
    };
    Ok(Route {
        group: leg.group.clone(),
        source: side(&leg.source)?,
        target: side(&leg.target)?,
        selection: leg.selection.clone(),
        mappings: group.mappings.clone(),
        guards: group.guards,
        role: Role::Standby,
        kept: None,
        only: None,
        epoch,
    })
}

/// Says which leg an error of a cycle is about.
pub(crate) fn cycle(leg: &Leg, source: twinlake_sync::SyncError) -> ControllerError {
    ControllerError::Cycle {
        origin: leg.source.clone(),
        target: leg.target.clone(),
        source: Box::new(source),
    }
}
