//! `sync`: one cycle of every leg, each group's under its lease.
//!
//! Groups are independent, and so are the standbys of one: what stops one leg does not stop the others.

use std::collections::BTreeSet;
use std::sync::Arc;

use twinlake_model::{FailoverGroup, Place, Plan};
use twinlake_sync::{Approval, Silent};

use crate::completeness::Standard;
use crate::cycle::LegCycle;
use crate::fence::FenceReport;
use crate::fence::standing::Standing;
use crate::legs::Leg;
use crate::plan::plan_leg;
use crate::report::{FailedLeg, LegReport, SyncReport};
use crate::stop::WhileWanted;
use crate::tenure::{Ground, Tenure, Without};
use crate::{
    ControllerError, House, News, Observer, Stop, claims, ledger, replication_point, shipping, tenure,
};

/// What is asked of a sync.
#[derive(Clone, Debug, Default)]
pub struct SyncOptions {
    /// Only this group.
    pub group: Option<String>,
    /// The digest of a held plan that the operator agrees to, or its first digits.
    pub approve: Option<String>,
}

/// Brings every standby of a group, or of all groups, into step.
///
/// # Errors
/// Where there is one leg, what ended its cycle early. Where there are several, each that ended early is in the report,
/// and what is an error concerns all of them: two places that are one workspace, an asset that several groups claim.
/// Whatever was done until then is recorded, and the next sync goes on from there. [`ControllerError::Stopped`] when
/// somebody asked.
pub async fn sync(
    house: &House,
    options: &SyncOptions,
    stop: &Stop,
    observer: Arc<dyn Observer>,
) -> Result<SyncReport, ControllerError> {
    let house = &house.now().await?;
    let groups = house.groups(options.group.as_deref())?;
    let legs: Vec<Leg> = groups.iter().flat_map(|group| house.legs(group)).collect();
    let ground = Ground::of(&house.config, &house.setup);
    let notes = ground.note().filter(|_| ground.is_new()).into_iter().collect();
    let report =
        SyncReport { legs: Vec::new(), failed: Vec::new(), fences: Vec::new(), shipped: Vec::new(), notes };
    let mut once_primary = BTreeSet::new();
    for group in &groups {
        once_primary.extend(house.store.fences(&group.name).await?.into_iter().map(|fence| fence.place));
    }
    let mut work = Work {
        house,
        stop,
        observer: &observer,
        approved: None,
        is_only: legs.len() == 1,
        once_primary,
        report,
    };
    let reachable = work.reachable(&legs).await?;
    let legs: Vec<Leg> = legs
        .into_iter()
        .filter(|leg| [&leg.source, &leg.target].iter().all(|end| reachable.contains(end)))
        .collect();
    until_stopped(stop, claims::prove_uncontested(&house.reach, &house.config, &reachable)).await?;
    if let Some(digest) = &options.approve {
        work.approved = Some(until_stopped(stop, find_plan(house, &legs, digest)).await?);
    }
    for group in groups {
        let legs: Vec<&Leg> = legs.iter().filter(|leg| leg.group == group.name).collect();
        work.group(group, &legs).await?;
    }
    for shipped in shipping::ship(house).await {
        work.report.notes.extend(shipped.note());
        work.report.shipped.push(shipped);
    }
    Ok(work.report)
}

/// A sync under way.
struct Work<'w> {
    house: &'w House,
    stop: &'w Stop,
    observer: &'w Arc<dyn Observer>,
    /// The plan that the operator agrees to, and whose it is.
    approved: Option<(Leg, Plan)>,
    /// Whether there is one leg alone.
    is_only: bool,
    /// The places that were primary once. Whether they answer is for their fence to tell.
    once_primary: BTreeSet<Place>,
    report: SyncReport,
}

impl Work<'_> {
    /// The places that answer; the legs of all others have failed.
    async fn reachable(&mut self, legs: &[Leg]) -> Result<BTreeSet<Place>, ControllerError> {
        let mut places = until_stopped(self.stop, self.house.prove_distinct(legs)).await?;
        for leg in legs {
            let fails = [&leg.source, &leg.target]
                .into_iter()
                .filter(|place| !self.once_primary.contains(*place))
                .find(|place| matches!(places.get(*place), Some(Err(_))));
            if self.is_only
                && let Some(Err(error)) = fails.and_then(|place| places.remove(place))
            {
                return Err(error);
            }
            if let Some(Err(error)) = fails.and_then(|place| places.get(place)) {
                self.report.failed.push(FailedLeg::of(leg, error));
            }
        }
        Ok(places.into_iter().filter(|(_, reached)| reached.is_ok()).map(|(place, _)| place).collect())
    }

    /// The legs of one group, under its lease.
    async fn group(&mut self, group: &FailoverGroup, legs: &[&Leg]) -> Result<(), ControllerError> {
        let has_fence = |place: &Place| group.sites().any(|site| *site == place.site);
        if legs.is_empty() && !self.once_primary.iter().any(has_fence) {
            return Ok(());
        }
        let tenure = match until_stopped(
            self.stop,
            tenure::take(self.house, group, Without::Replicating, self.observer),
        )
        .await
        {
            Ok(tenure) => tenure,
            Err(error) => return self.fail(legs, error),
        };
        if let Some(why) = &tenure.witness_silent {
            self.report.notes.push(format!(
                "the witness does not answer: standbys are kept in step under their own leases, and nothing can be promoted ({why})"
            ));
        }
        let fences = match until_stopped(self.stop, self.fences(group, &tenure)).await {
            Ok(fences) => fences,
            Err(error) => {
                tenure.end(self.house).await;
                return self.fail(legs, error);
            }
        };
        // What a place did unseen is not written over.
        let waiting: BTreeSet<Place> =
            fences.iter().filter(|fence| fence.waits()).map(|fence| fence.place.clone()).collect();
        self.report.fences.extend(fences);
        let mut ended = Ok(());
        for leg in legs.iter().filter(|leg| !waiting.contains(&leg.target)) {
            self.observer.see(News::Leg((*leg).clone()));
            ended = match self.leg(group, leg, &tenure).await {
                Ok(report) => {
                    self.report.legs.push(report);
                    Ok(())
                }
                Err(error) => self.fail(&[leg], error),
            };
            if ended.is_err() {
                break;
            }
        }
        tenure.end(self.house).await;
        ended
    }

    /// Looks at the places that were primary once: what they do now, and what they did unseen.
    async fn fences(
        &self,
        group: &FailoverGroup,
        tenure: &Tenure,
    ) -> Result<Vec<FenceReport>, ControllerError> {
        let run = self.house.new_run("fence");
        let permit = WhileWanted { permit: tenure, stop: self.stop };
        Standing { house: self.house, group, run: &run, permit: &permit, observer: self.observer }
            .look()
            .await
    }

    async fn leg(
        &self,
        group: &FailoverGroup,
        leg: &Leg,
        tenure: &Tenure,
    ) -> Result<LegReport, ControllerError> {
        let house = self.house;
        let approval = match &self.approved {
            Some((of, plan)) if of == leg => Approval::Plan(plan.digest()),
            _ => Approval::Routine,
        };
        let run = house.new_run("sync");
        let cycle = LegCycle { house, leg, run: &run, approval, epoch: tenure.epoch() };
        let permit = tenure.at(house, &leg.target.site).await?;
        let ended = cycle.run(&permit, self.stop, self.observer).await;
        cycle.audit(&ended).await?;
        let standard = Standard {
            accept: &group.accept,
            tombstones: &house.store.tombstones(&leg.source).await?,
            grace: group.guards.deletion_grace,
        };
        let mut report = LegReport::of(leg, ended?, &standard);
        report.ledger = self.ledger(leg).await?;
        if report.complete {
            replication_point::advance(&house.store, leg, report.started_at).await?;
        }
        Ok(report)
    }

    /// Remembers what ran at the source. What could not be asked is told.
    async fn ledger(&self, leg: &Leg) -> Result<Option<String>, ControllerError> {
        let client = self.house.client(&leg.source)?;
        match ledger::look(self.house, &leg.source, &client).await {
            Ok(()) => Ok(None),
            Err(error @ ControllerError::Store(_)) => Err(error),
            Err(error) => Ok(Some(error.to_string())),
        }
    }

    /// Notes that legs ended early, unless that ends everything.
    fn fail(&mut self, legs: &[&Leg], error: ControllerError) -> Result<(), ControllerError> {
        let ends_all = matches!(error, ControllerError::Stopped | ControllerError::Store(_));
        if self.is_only || ends_all {
            return Err(error);
        }
        self.report.failed.extend(legs.iter().map(|leg| FailedLeg::of(leg, &error)));
        Ok(())
    }
}

/// Finds the leg whose plan has this digest. The cycle itself refuses if the plan changes again before it is carried
/// out.
async fn find_plan(house: &House, legs: &[Leg], digest: &str) -> Result<(Leg, Plan), ControllerError> {
    let mut standing = Vec::new();
    for leg in legs {
        let plan = plan_leg(house, leg, Arc::new(Silent)).await?;
        let its = plan.digest();
        if !digest.is_empty() && its.to_string().starts_with(&digest.to_ascii_lowercase()) {
            return Ok((leg.clone(), plan));
        }
        standing.push((leg.target.clone(), its.short(), plan.changes.len()));
    }
    Err(ControllerError::NotThatPlan { approved: digest.to_owned(), standing })
}

/// Work that only reads can be dropped anywhere.
async fn until_stopped<T>(
    stop: &Stop,
    reading: impl Future<Output = Result<T, ControllerError>>,
) -> Result<T, ControllerError> {
    tokio::select! {
        ended = reading => ended,
        () = stop.asked() => Err(ControllerError::Stopped),
    }
}
