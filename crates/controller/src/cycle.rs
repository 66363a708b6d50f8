//! One cycle of one leg: run under a permit, stopped politely, written down in the audit.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::json;
use twinlake_databricks::Permit;
use twinlake_model::{Epoch, RunId};
use twinlake_store::AuditEntry;
use twinlake_sync::{Approval, Progress, Report, Sync, SyncError, Watch};

use crate::legs::Leg;
use crate::news::Relay;
use crate::plan::{cycle, route};
use crate::stop::WhileWanted;
use crate::{ControllerError, House, Observer, Stop};

/// How long what is under way may take to be answered once somebody asked to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// One cycle of one leg.
pub(crate) struct LegCycle<'w> {
    pub(crate) house: &'w House,
    pub(crate) leg: &'w Leg,
    pub(crate) run: &'w RunId,
    pub(crate) approval: Approval,
    pub(crate) epoch: Epoch,
}

impl LegCycle<'_> {
    /// Runs it. Whatever was done is recorded, also when it ends early.
    pub(crate) async fn run(
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
    pub(crate) async fn audit(&self, ended: &Result<Report, ControllerError>) -> Result<(), ControllerError> {
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
