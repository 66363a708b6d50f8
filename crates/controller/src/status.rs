//! `status`: where every leg stands, from the state alone. No workspace is asked, so it answers when the primary is gone.

use std::collections::BTreeMap;

use serde::Serialize;
use twinlake_base::Timestamp;
use twinlake_model::{FailoverGroup, GroupName, Key, Outcome, SiteId};
use twinlake_store::{AuditReport, PastCycle};

use crate::completeness::{Judgement, Standard, Waiting};
use crate::legs::Leg;
use crate::{ControllerError, House, replication_point};

/// How many past cycles of a direction are looked through for the last one of a group.
const CYCLES_BACK: u32 = 200;

/// Where an estate stands.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    /// The estate.
    pub estate: String,
    /// When this was true.
    pub at: Timestamp,
    /// The groups.
    pub groups: Vec<GroupStatus>,
    /// Whether the audit is what was recorded.
    pub audit: AuditStatus,
}

/// Where a group stands.
#[derive(Clone, Debug, Serialize)]
pub struct GroupStatus {
    /// The group.
    pub group: GroupName,
    /// Where production runs.
    pub primary: SiteId,
    /// Where it could run.
    pub standbys: Vec<SiteId>,
    /// How much may be lost.
    pub target_rpo_seconds: u64,
    /// How long a failover may take.
    pub target_rto_seconds: u64,
    /// One per workspace set and standby.
    pub legs: Vec<LegStatus>,
}

/// How well a leg is protected now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// Everything has arrived, recently enough.
    WithinObjective,
    /// Everything has arrived, longer ago than the objective allows.
    BeyondObjective,
    /// Never yet has everything arrived.
    NeverComplete,
}

/// Where a leg stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LegStatus {
    /// From where to where.
    #[serde(flatten)]
    pub leg: Leg,
    /// How well it is protected.
    pub protection: Protection,
    /// The instant up to which everything has arrived.
    pub replication_point: Option<Timestamp>,
    /// Now less that instant.
    pub rpo_seconds: Option<i64>,
    /// The last cycle.
    pub last_cycle: Option<CycleStatus>,
    /// How many assets have which verdict.
    pub verdicts: BTreeMap<String, usize>,
    /// What keeps it from being complete.
    pub incomplete: Vec<Outcome>,
    /// Copies that wait for their deletion.
    pub waiting: Vec<Waiting>,
    /// What stands at the target, is not ours, and is worth a word.
    pub notable: Vec<Outcome>,
    /// Requests whose outcome the next cycle settles: what they were about.
    pub open_questions: Vec<Key>,
}

/// What became of a cycle.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CycleStatus {
    /// The run.
    pub run: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended. None: it was interrupted, or runs now.
    pub ended_at: Option<Timestamp>,
    /// How many changes it made.
    pub changes: u64,
    /// How many requests changed something.
    pub writes: u64,
}

/// Whether the audit is what was recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditStatus {
    /// How many entries there are.
    pub entries: u64,
    /// The digest of the last one, which vouches for all before it.
    pub head: Option<String>,
    /// Where the chain is broken, if it is.
    pub broken: Option<String>,
}

/// What is known of a leg.
struct Facts {
    leg: Leg,
    cycles: Vec<PastCycle>,
    point: Option<Timestamp>,
    judgement: Judgement,
    open_questions: Vec<Key>,
}

/// Where the groups stand.
///
/// # Errors
/// When there is no such group, or the state cannot be read.
pub async fn status(house: &House, group: Option<&str>) -> Result<Status, ControllerError> {
    let now = house.setup.clock.now();
    let mut groups = Vec::new();
    for group in house.groups(group)? {
        let mut legs = Vec::new();
        for leg in house.legs(group) {
            let facts = facts(house, group, leg).await?;
            legs.push(leg_status(facts, group, now));
        }
        groups.push(GroupStatus {
            group: group.name.clone(),
            primary: group.primary.clone(),
            standbys: group.standbys.clone(),
            target_rpo_seconds: group.objectives.rpo.as_secs(),
            target_rto_seconds: group.objectives.rto.as_secs(),
            legs,
        });
    }
    let audit = audit_status(house.store.verify_audit().await?);
    Ok(Status { estate: house.config.estate.name.clone(), at: now, groups, audit })
}

async fn facts(house: &House, group: &FailoverGroup, leg: Leg) -> Result<Facts, ControllerError> {
    let store = &house.store;
    let all = store.cycles(&leg.source, &leg.target, CYCLES_BACK).await?;
    let mut cycles: Vec<PastCycle> = all.clone();
    cycles.retain(|past| past.cycle.group == leg.group);
    // The state keeps the verdicts of a direction's last cycle, whichever group's it was.
    let last_ended = all.iter().find(|past| past.end.is_some());
    let is_ours = last_ended.is_some_and(|past| past.cycle.group == leg.group);
    let outcomes = if is_ours { store.outcomes(&leg.source, &leg.target).await? } else { Vec::new() };
    let standard = Standard {
        accept: &group.accept,
        tombstones: &store.tombstones(&leg.source).await?,
        grace: group.guards.deletion_grace,
    };
    let judgement = Judgement::of(&outcomes, &standard);
    let open = store.open_intents(&leg.target).await?;
    let mut open_questions: Vec<Key> = open.into_iter().map(|(_, intent)| intent.key).collect();
    open_questions.sort();
    let point = replication_point::of(store, &leg).await?;
    Ok(Facts { leg, cycles, point, judgement, open_questions })
}

fn leg_status(facts: Facts, group: &FailoverGroup, now: Timestamp) -> LegStatus {
    let Facts { leg, cycles, point, judgement, open_questions } = facts;
    let rpo_seconds = point.map(|point| now.duration_since(point).as_secs().max(0));
    let allowed = i64::try_from(group.objectives.rpo.as_secs()).unwrap_or(i64::MAX);
    let protection = match rpo_seconds {
        None => Protection::NeverComplete,
        Some(seconds) if seconds <= allowed => Protection::WithinObjective,
        Some(_) => Protection::BeyondObjective,
    };
    let verdicts = match cycles.iter().find_map(|past| past.end.as_ref()) {
        Some(end) if judgement.verdicts.is_empty() => tally_in(&end.summary),
        _ => judgement.verdicts,
    };
    LegStatus {
        leg,
        protection,
        replication_point: point,
        rpo_seconds,
        last_cycle: cycles.first().map(cycle_status),
        verdicts,
        incomplete: judgement.incomplete,
        waiting: judgement.waiting,
        notable: judgement.notable,
        open_questions,
    }
}

fn cycle_status(past: &PastCycle) -> CycleStatus {
    let count = |name: &str| {
        past.end
            .as_ref()
            .and_then(|end| end.summary.get(name))
            .and_then(serde_json::Value::as_u64)
            .unwrap_or(0)
    };
    CycleStatus {
        run: past.cycle.run.to_string(),
        started_at: past.cycle.started_at,
        ended_at: past.end.as_ref().map(|end| end.ended_at),
        changes: count("changes"),
        writes: count("writes"),
    }
}

fn tally_in(summary: &serde_json::Value) -> BTreeMap<String, usize> {
    serde_json::from_value(summary.get("verdicts").cloned().unwrap_or_default()).unwrap_or_default()
}

fn audit_status(report: AuditReport) -> AuditStatus {
    AuditStatus {
        entries: report.rows,
        head: report.head.map(|digest| digest.short()),
        broken: report.broken.map(|row| format!("row {}: {}", row.number, row.why)),
    }
}
