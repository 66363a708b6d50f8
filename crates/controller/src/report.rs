//! What a sync came to, as a value for people and scripts.

use serde::Serialize;
use twinlake_base::Timestamp;
use twinlake_model::{AssetId, GroupName, Place, RunId};
use twinlake_sync::Report;

use crate::ControllerError;
use crate::completeness::{Judgement, Standard};
use crate::fence::FenceReport;
use crate::legs::Leg;
use crate::shipping::Shipped;

/// What a sync came to.
#[derive(Clone, Debug, Serialize)]
pub struct SyncReport {
    /// One per leg that came to its end, in the order in which they ran.
    pub legs: Vec<LegReport>,
    /// The legs that ended early, where others did not.
    pub failed: Vec<FailedLeg>,
    /// Where the places stand that were primary once.
    pub fences: Vec<FenceReport>,
    /// Where the state of the controller was shipped to.
    pub shipped: Vec<Shipped>,
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
    /// Why the source could not be asked what runs there, where it could not: then a loss cannot be told so well.
    pub ledger: Option<String>,
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

/// A leg whose cycle ended early.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FailedLeg {
    /// The group.
    pub group: GroupName,
    /// Where it would have read.
    pub source: Place,
    /// Where it would have written.
    pub target: Place,
    /// Why.
    pub message: String,
    /// The next command to run, where there is one.
    pub hint: Option<String>,
    /// Whether a rule of ours said no, rather than that it failed.
    pub refused: bool,
}

impl SyncReport {
    /// Whether every leg came to its end and is complete, and every place that was primary once is fenced and has no tail
    /// that waits.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty()
            && self.legs.iter().all(|leg| leg.complete && leg.ledger.is_none())
            && self.fences.iter().all(|fence| fence.is_fenced() && !fence.waits())
    }
}

impl FailedLeg {
    pub(crate) fn of(leg: &Leg, error: &ControllerError) -> Self {
        Self {
            group: leg.group.clone(),
            source: leg.source.clone(),
            target: leg.target.clone(),
            message: error.to_string(),
            hint: error.hint(),
            refused: error.is_refusal(),
        }
    }
}

impl LegReport {
    /// Judges what a cycle came to.
    pub(crate) fn of(leg: &Leg, report: Report, standard: &Standard<'_>) -> Self {
        let judgement = Judgement::of(&report.outcomes, standard);
        Self {
            run: report.run,
            leg: leg.clone(),
            started_at: report.started_at,
            ended_at: report.ended_at,
            changes: report.changes,
            writes: report.writes,
            complete: report.held.is_none() && judgement.is_complete(),
            judgement,
            held: report.held.map(|(reason, digest)| Held { reason, digest: digest.short() }),
            ledger: None,
            awake: report
                .awake
                .into_iter()
                .map(|(asset, time)| Awake { asset, seconds: time.as_secs_f64() })
                .collect(),
        }
    }
}
