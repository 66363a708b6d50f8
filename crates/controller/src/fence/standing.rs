//! The standing fence: what every cycle does about the places that were primary once (P4, P10).
//!
//! Each is looked at again: what somebody woke or made there is put to sleep and named, whatever runs is cancelled. A
//! place whose tail was not seen yet has it read and kept; until somebody acknowledges it, nothing is written over it.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use twinlake_assets::activities::ACTIVITIES;
use twinlake_base::Timestamp;
use twinlake_databricks::{Permit, Policy};
use twinlake_model::{
    Digest, Divergence, Document, Epoch, FailoverGroup, Fence, FenceLevel, FoundAwake, GroupName, Place,
    RunId, SeenRun, Tail,
};
use twinlake_sync::{Returned, Side, divergence};

use crate::fence::visit::{Visit, Visited};
use crate::legs::selection_at;
use crate::news::relay;
use crate::plan::cycle;
use crate::{ControllerError, House, Leg, Observer};

/// Where a place that was primary once stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FenceReport {
    /// For which group.
    pub group: GroupName,
    /// Which place.
    pub place: Place,
    /// Since which epoch it must sleep.
    pub epoch: Epoch,
    /// Since when it must sleep.
    pub since: Timestamp,
    /// What is confirmed. None: it is *unfenced*, and may be processing.
    pub level: Option<FenceLevel>,
    /// When that was confirmed last.
    pub confirmed_at: Option<Timestamp>,
    /// Why it was not confirmed in this look, where it was not.
    pub trouble: Option<String>,
    /// What this look found and did. None: the place was not reached.
    pub visited: Option<Visited>,
    /// What it did that was never replicated.
    pub tail: Tail,
}

impl FenceReport {
    /// Whether it is held back, now and for certain.
    #[must_use]
    pub const fn is_fenced(&self) -> bool {
        self.level.is_some() && self.trouble.is_none()
    }

    /// Whether replication to it waits for somebody.
    #[must_use]
    pub const fn waits(&self) -> bool {
        matches!(self.tail, Tail::Unseen | Tail::Quarantined { .. })
    }

    pub(crate) fn of(fence: &Fence) -> Self {
        Self {
            group: fence.group.clone(),
            place: fence.place.clone(),
            epoch: fence.epoch,
            since: fence.since,
            level: fence.level,
            confirmed_at: fence.confirmed_at,
            trouble: None,
            visited: None,
            tail: fence.tail.clone(),
        }
    }
}

/// What a look at the fences of a group needs.
pub(crate) struct Standing<'a> {
    pub(crate) house: &'a House,
    pub(crate) group: &'a FailoverGroup,
    pub(crate) run: &'a RunId,
    /// The group's lease. What puts to sleep needs no row of the site, which may be gone with it.
    pub(crate) permit: &'a dyn Permit,
    pub(crate) observer: &'a Arc<dyn Observer>,
}

impl Standing<'_> {
    /// Looks at every place of the group that was primary once. What goes wrong at one is told of that one.
    ///
    /// # Errors
    /// When the state cannot be read or written.
    pub(crate) async fn look(&self) -> Result<Vec<FenceReport>, ControllerError> {
        let mut reports = Vec::new();
        for fence in self.house.store.fences(&self.group.name).await? {
            if fence.place.site == self.group.primary {
                // It is primary again: there is nothing to hold back.
                self.house.store.remove_fence(&fence.group, &fence.place).await?;
                continue;
            }
            reports.push(self.look_at(fence).await?);
        }
        Ok(reports)
    }

    async fn look_at(&self, mut fence: Fence) -> Result<FenceReport, ControllerError> {
        match self.visit(&mut fence).await {
            Ok(visited) => {
                fence.level = visited.level();
                fence.confirmed_at = fence.level.map(|_| self.house.setup.clock.now());
                let trouble = match self.tail(&mut fence).await {
                    Ok(()) => None,
                    Err(error @ ControllerError::Store(_)) => return Err(error),
                    Err(error) => Some(error.to_string()),
                };
                self.house.store.put_fence(&fence).await?;
                Ok(FenceReport { visited: Some(visited), trouble, ..FenceReport::of(&fence) })
            }
            Err(error @ (ControllerError::Store(_) | ControllerError::Stopped)) => Err(error),
            Err(error) => {
                // What was confirmed was true then. Nobody knows whether it still is.
                fence.level = None;
                self.house.store.put_fence(&fence).await?;
                Ok(FenceReport { trouble: Some(error.to_string()), ..FenceReport::of(&fence) })
            }
        }
    }

    async fn visit(&self, fence: &mut Fence) -> Result<Visited, ControllerError> {
        let (house, place) = (self.house, &fence.place);
        let quick = house.reach.client(&house.config, place, Policy::QUICK)?;
        quick
            .me()
            .await
            .map_err(|source| ControllerError::Reach { place: place.clone(), source: Box::new(source) })?;
        let visit = Visit {
            house,
            group: self.group,
            set: &place.set,
            place,
            client: house.reach.client(&house.config, place, Policy::PATIENT)?,
            epoch: fence.epoch,
            run: self.run,
            permit: self.permit,
            watch: relay(self.observer),
            drain: Duration::ZERO,
        };
        let visited = visit.fence().await?;
        remember(house, fence, &visited.found_awake).await?;
        Ok(visited)
    }

    /// Reads the tail, unless it needs no reading any more.
    async fn tail(&self, fence: &mut Fence) -> Result<(), ControllerError> {
        let (house, place) = (self.house, fence.place.clone());
        let Some(since) = fence.promoted_from.clone().filter(|_| needs_reading(&fence.tail)) else {
            return Ok(());
        };
        let Some(set) = self.group.sets.iter().find(|set| set.name == place.set) else { return Ok(()) };
        let selection = selection_at(&house.config.estate, self.group, set, &place.site);
        let side = Side { place: place.clone(), client: house.client(&place)? };
        let fenced = recall(house, fence).await?;
        let returned = Returned { side: &side, since: &since, selection: &selection, fenced: &fenced };
        let watch = relay(self.observer);
        let leg = Leg {
            group: fence.group.clone(),
            source: place.clone(),
            target: place,
            selection: selection.clone(),
        };
        let quarantine = divergence(&house.store, &house.setup.clock, returned, self.run, &*watch)
            .await
            .map_err(|source| cycle(&leg, source))?;
        if let Some(outcome) = quarantine.not_compared.first() {
            let more = quarantine.not_compared.len();
            return Err(ControllerError::NotNow {
                what: format!(
                    "{more} assets of its tail could not be read, the first is {}: {}",
                    outcome.key, outcome.verdict
                ),
                instead: "twinlake sync".to_owned(),
            });
        }
        let mut divergence = quarantine.divergence;
        divergence.runs = self.runs_since(fence, &side).await?;
        let document = divergence.document();
        house.store.put_document(&document).await?;
        fence.tail = next_tail(&fence.tail, &divergence, document.digest(), house.setup.clock.now());
        Ok(())
    }

    /// What began at the place after production was promoted elsewhere.
    async fn runs_since(&self, fence: &Fence, side: &Side) -> Result<Vec<SeenRun>, ControllerError> {
        let house = self.house;
        let ids = house.store.id_map(&fence.place.set).await?;
        let reader = side.client.reader();
        let now = house.setup.clock.now();
        let mut runs = Vec::new();
        for activity in ACTIVITIES {
            let history =
                activity.since(&reader, fence.since).await.map_err(|source| ControllerError::Activity {
                    what: activity.plural().to_owned(),
                    place: fence.place.clone(),
                    source: Box::new(source),
                })?;
            runs.extend(history.runs.into_iter().map(|run| run.seen(*activity, &fence.place, &ids, now)));
        }
        // When it was last seen is no property of what happened, and would make every look another divergence.
        runs.iter_mut().for_each(|run: &mut SeenRun| run.seen_at = fence.since);
        runs.sort_by(|one, other| (one.began_at, &one.id).cmp(&(other.began_at, &other.id)));
        Ok(runs)
    }
}

/// Whether a tail must be read (again): not once somebody has let the reverse direction write over it.
const fn needs_reading(tail: &Tail) -> bool {
    matches!(tail, Tail::Unseen | Tail::Quarantined { .. })
}

/// What is known of a tail after a reading. Pure.
fn next_tail(tail: &Tail, divergence: &Divergence, digest: Digest, now: Timestamp) -> Tail {
    match tail {
        _ if divergence.is_empty() => Tail::None,
        Tail::Quarantined { divergence: known, .. } if *known == digest => tail.clone(),
        _ => Tail::Quarantined { divergence: digest, at: now },
    }
}

/// Keeps with a fence what it changed at its place.
pub(crate) async fn remember(
    house: &House,
    fence: &mut Fence,
    found: &[FoundAwake],
) -> Result<(), ControllerError> {
    if found.is_empty() {
        return Ok(());
    }
    let digest = house.store.put_document(&Document::new(&serde_json::json!(found))).await?;
    if !fence.found_awake.contains(&digest) {
        fence.found_awake.push(digest);
    }
    Ok(())
}

/// What our fences changed at a place since it ceased to be primary, oldest first.
pub(crate) async fn recall(house: &House, fence: &Fence) -> Result<Vec<FoundAwake>, ControllerError> {
    let mut found = Vec::new();
    for digest in &fence.found_awake {
        let value = house.store.document(*digest).await?.value();
        let list: Vec<FoundAwake> = serde_json::from_value(value).unwrap_or_default();
        found.extend(list);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use twinlake_model::{Diverged, How, Key};

    use super::*;

    fn tail_of(keys: &[&str]) -> Divergence {
        let of = |key: &&str| Diverged {
            asset: format!("job/prod@east/{key}").parse().unwrap(),
            key: Key::new(*key),
            how: How::Made,
            fields: Vec::new(),
        };
        Divergence { assets: keys.iter().map(of).collect(), runs: Vec::new() }
    }

    #[test]
    fn a_tail_that_grows_must_be_acknowledged_anew_and_an_empty_one_needs_nobody() {
        let now: Timestamp = "2026-05-12T10:00:00Z".parse().unwrap();
        let later: Timestamp = "2026-05-12T11:00:00Z".parse().unwrap();
        let step = |tail: &Tail, divergence: &Divergence, at| {
            next_tail(tail, divergence, divergence.document().digest(), at)
        };
        assert_eq!(step(&Tail::Unseen, &tail_of(&[]), now), Tail::None);
        let one = step(&Tail::Unseen, &tail_of(&["1"]), now);
        assert!(matches!(one, Tail::Quarantined { at, .. } if at == now));
        assert_eq!(step(&one, &tail_of(&["1"]), later), one, "the same tail is not another one");
        let two = step(&one, &tail_of(&["1", "2"]), later);
        assert!(matches!(two, Tail::Quarantined { at, .. } if at == later) && two != one);
        assert!(!needs_reading(&Tail::None) && needs_reading(&two));
    }
}
