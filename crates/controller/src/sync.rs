//! `sync`: one cycle of every leg, under the group's lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde_json::json;
use twinlake_base::Timestamp;
use twinlake_databricks::Permit;
use twinlake_model::{AssetId, Epoch, FailoverGroup, Plan, RunId};
use twinlake_store::AuditEntry;
use twinlake_sync::{Approval, Progress, Report, Silent, Sync, SyncError, Watch};

use crate::completeness::{Judgement, Standard};
use crate::legs::Leg;
use crate::news::Relay;
use crate::plan::{cycle, plan_leg, route};
use crate::stop::WhileWanted;
use crate::tenure::{Ground, Tenure};
use crate::{ControllerError, House, News, Observer, Stop, check, replication_point, tenure};

/// How long what is under way may take to be answered once somebody asked to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is asked of a sync.
#[derive(Clone, Debug, Default)]
pub struct SyncOptions {
    /// Only this group.
    pub group: Option<String>,
    /// The digest of a held plan that the operator agrees to, or its first digits.
    pub approve: Option<String>,
}

/// What a sync came to.
#[derive(Clone, Debug, Serialize)]
pub struct SyncReport {
    /// One per leg, in the order in which they ran.
    pub legs: Vec<LegReport>,
    /// What the operator should know of how it was done.
    pub notes: Vec<String>,
}

/// What one leg's cycle came to.
#[derive(Clone, Debug, Serialize)]
pub struct LegReport {
    /// The run, as in the audit.
    pub run: RunId,
    /// From where to where.
    #[serde(flatten)]
    pub leg: Leg,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// How many changes were made.
    pub changes: usize,
    /// How many requests changed something at the target.
    pub writes: usize,
    /// Whether everything arrived, or is accepted as it is.
    pub complete: bool,
    /// The verdicts.
    #[serde(flatten)]
    pub judgement: Judgement,
    /// The part of the plan that waits for an approval.
    pub held: Option<Held>,
    /// What ran at the target between its create and its stop.
    pub awake: Vec<Awake>,
}

/// A plan that waits for an approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Why.
    pub reason: String,
    /// The digest to approve.
    pub digest: String,
}

/// Something that ran at a standby for a moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Awake {
    /// Which asset.
    pub asset: AssetId,
    /// For how long.
    pub seconds: f64,
}

impl SyncReport {
    /// Whether every leg is complete.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.legs.iter().all(|leg| leg.complete)
    }
}

/// Brings every standby of a group, or of all groups, into step.
///
/// # Errors
/// What ends a cycle early. Whatever was done until then is recorded, and the next sync goes on from there;
/// [`ControllerError::Stopped`] when somebody asked.
pub async fn sync(
    house: &House,
    options: &SyncOptions,
    stop: &Stop,
    observer: Arc<dyn Observer>,
) -> Result<SyncReport, ControllerError> {
    let groups = house.groups(options.group.as_deref())?;
    let legs: Vec<Leg> = groups.iter().flat_map(|group| house.legs(group)).collect();
    until_stopped(stop, house.prove_distinct(&legs)).await?;
    until_stopped(stop, check::prove_uncontested(&house.reach, &house.config)).await?;
    let approved = match &options.approve {
        Some(digest) => Some(until_stopped(stop, find_plan(house, &legs, digest)).await?),
        None => None,
    };
    let ground = Ground::of(&house.config);
    let notes = ground.note().filter(|_| ground.is_new()).into_iter().collect();
    let mut report = SyncReport { legs: Vec::new(), notes };
    for group in groups {
        let tenure = until_stopped(stop, tenure::take(house, group, &observer)).await?;
        let work = GroupWork { house, group, tenure: &tenure, stop, observer: &observer };
        let result = work.run(approved.as_ref(), &mut report).await;
        tenure.end(house).await;
        result?;
    }
    Ok(report)
}

/// One group's legs, under its lease.
struct GroupWork<'w> {
    house: &'w House,
    group: &'w FailoverGroup,
    tenure: &'w Tenure,
    stop: &'w Stop,
    observer: &'w Arc<dyn Observer>,
}

impl GroupWork<'_> {
    async fn run(
        &self,
        approved: Option<&(Leg, Plan)>,
        report: &mut SyncReport,
    ) -> Result<(), ControllerError> {
        let Self { house, group, .. } = *self;
        for leg in house.legs(group) {
            self.observer.see(News::Leg(leg.clone()));
            let approval = match approved {
                Some((of, plan)) if *of == leg => Approval::Plan(plan.digest()),
                _ => Approval::Routine,
            };
            let run = house.new_run();
            let work = Work { house, leg: &leg, run: &run, approval, epoch: self.tenure.epoch() };
            let ended = work.run(self.tenure, self.stop, self.observer).await;
            work.audit(&ended).await?;
            let standard = Standard {
                accept: &group.accept,
                tombstones: &house.store.tombstones(&leg.source).await?,
                grace: group.guards.deletion_grace,
            };
            let leg_report = leg_report(&leg, ended?, &standard);
            if leg_report.complete {
                replication_point::advance(&house.store, &leg, leg_report.started_at).await?;
            }
            report.legs.push(leg_report);
        }
        Ok(())
    }
}

fn leg_report(leg: &Leg, report: Report, standard: &Standard<'_>) -> LegReport {
    let judgement = Judgement::of(&report.outcomes, standard);
    LegReport {
        run: report.run,
        leg: leg.clone(),
        started_at: report.started_at,
        ended_at: report.ended_at,
        changes: report.changes,
        writes: report.writes,
        complete: report.held.is_none() && judgement.is_complete(),
        judgement,
        held: report.held.map(|(reason, digest)| Held { reason, digest: digest.short() }),
        awake: report
            .awake
            .into_iter()
            .map(|(asset, time)| Awake { asset, seconds: time.as_secs_f64() })
            .collect(),
    }
}

/// One cycle of one leg.
struct Work<'w> {
    house: &'w House,
    leg: &'w Leg,
    run: &'w RunId,
    approval: Approval,
    epoch: Epoch,
}

impl Work<'_> {
    async fn run(
        &self,
        permit: &dyn Permit,
        stop: &Stop,
        observer: &Arc<dyn Observer>,
    ) -> Result<Report, ControllerError> {
        if stop.is_asked() {
            return Err(ControllerError::Stopped);
        }
        let Self { house, leg, .. } = *self;
        let phase = Arc::new(Phase { watch: Relay(observer.clone()), may_write: AtomicBool::new(false) });
        let route = route(house, leg, self.epoch)?;
        let sync = Sync::new(house.store.clone(), house.setup.clock.clone(), route, phase.clone());
        let permit = WhileWanted { permit, stop };
        let mut running = std::pin::pin!(sync.run(self.run, &permit, self.approval));
        let ended = tokio::select! {
            ended = &mut running => ended,
            () = stop.asked() => {
                if !phase.may_write.load(Ordering::SeqCst) {
                    return Err(ControllerError::Stopped);
                }
                tokio::select! {
                    ended = &mut running => ended,
                    () = house.setup.clock.sleep(PATIENCE) => return Err(ControllerError::Stopped),
                }
            }
        };
        match ended {
            // What was refused because of the stop has verdicts of failure, which would be no more than an echo.
            _ if stop.is_asked() => Err(ControllerError::Stopped),
            ended => ended.map_err(|source: SyncError| cycle(leg, source)),
        }
    }

    /// Writes down who did what.
    async fn audit(&self, ended: &Result<Report, ControllerError>) -> Result<(), ControllerError> {
        let (action, result) = match ended {
            Ok(report) => (
                "sync.ended",
                json!({
                    "changes": report.changes, "writes": report.writes, "verdicts": report.tally(),
                    "held": report.held.as_ref().map(|(reason, _)| reason),
                }),
            ),
            Err(ControllerError::Stopped) => ("sync.stopped", json!({})),
            Err(error) => ("sync.failed", json!({ "error": error.to_string() })),
        };
        let approved = match self.approval {
            Approval::Plan(digest) => Some(digest.to_string()),
            Approval::Routine => None,
        };
        let entry = AuditEntry {
            at: self.house.setup.clock.now(),
            actor: self.house.setup.actor.clone(),
            action: action.to_owned(),
            subject: format!("{}: {} to {}", self.leg.group, self.leg.source, self.leg.target),
            detail: json!({
                "run": self.run, "epoch": self.epoch, "approved_plan": approved, "result": result,
            }),
        };
        self.house.store.append_audit(&entry).await?;
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

/// Knows whether a cycle still only reads.
struct Phase {
    watch: Relay,
    may_write: AtomicBool,
}

impl Watch for Phase {
    fn see(&self, progress: Progress) {
        match &progress {
            Progress::Planned { .. } => self.may_write.store(true, Ordering::SeqCst),
            Progress::Crawling { .. } => self.may_write.store(false, Ordering::SeqCst),
            _ => {}
        }
        self.watch.see(progress);
    }
}
