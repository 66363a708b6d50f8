//! What keeps a cycle from being complete, by the same standard as a sync's.

use twinlake_model::{FailoverGroup, Outcome};
use twinlake_sync::Report;

use crate::completeness::{Judgement, Standard};
use crate::legs::Leg;
use crate::{ControllerError, House};

/// What of a cycle did not arrive, and is not accepted as it is.
pub(crate) async fn incomplete(
    house: &House,
    group: &FailoverGroup,
    report: Report,
) -> Result<Vec<Outcome>, ControllerError> {
    let standard = Standard {
        accept: &group.accept,
        tombstones: &house.store.tombstones(&report.source).await?,
        grace: group.guards.deletion_grace,
    };
    Ok(Judgement::of(&report.outcomes, &standard).incomplete)
}

/// The verdicts of a leg's last cycle that are accepted as they are: by the config, or, if it was said so, all.
pub(crate) async fn accepted(
    house: &House,
    group: &FailoverGroup,
    leg: &Leg,
    incomplete_too: bool,
) -> Result<Vec<Outcome>, ControllerError> {
    let outcomes = house.store.outcomes(&group.name, &leg.source, &leg.target).await?;
    let standard = Standard {
        accept: &group.accept,
        tombstones: &house.store.tombstones(&leg.source).await?,
        grace: group.guards.deletion_grace,
    };
    let judgement = Judgement::of(&outcomes, &standard);
    let mut accepted = judgement.accepted;
    // A copy whose deletion waits out its grace is there on purpose.
    let waits = |outcome: &&Outcome| judgement.waiting.iter().any(|waiting| waiting.asset == outcome.asset);
    accepted.extend(outcomes.iter().filter(waits).cloned());
    if incomplete_too {
        accepted.extend(judgement.incomplete);
    }
    Ok(accepted)
}
