//! `status`: where every leg stands, from the state alone. No workspace is asked, so it answers when the primary is gone.

use std::collections::BTreeMap;

use serde::Serialize;
use twinlake_base::Timestamp;
use twinlake_model::{Epoch, FailoverGroup, Fence, GroupName, Key, Outcome, SiteId};
use twinlake_store::{AuditReport, PastCycle};

use crate::completeness::{Judgement, Standard, Waiting};
use crate::fence::FenceReport;
use crate::legs::Leg;
use crate::moves::{self, RunSummary, Window};
use crate::{ControllerError, House, replication_point, term};

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
    /// Since which epoch. 0: nobody has worked for the group yet.
    pub epoch: Epoch,
    /// Why the witness was not believed, where it could not be asked: what is said is then what was known last.
    pub witness_silent: Option<String>,
    /// Where the config says that production began, where that is another site.
    pub began_at: Option<SiteId>,
    /// The places that were primary once: whether they are held back, and what they did unseen.
    pub fences: Vec<FenceReport>,
    /// Since when nothing that production writes is copied anywhere. None: it is.
    pub unprotected_since: Option<Timestamp>,
    /// The run that is not over, if there is one.
    pub run: Option<RunSummary>,
    /// The last promotion, while it can be rolled back.
    pub window: Option<Window>,
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
    /// What stands at the target and is not ours.
    pub unmanaged: Vec<Outcome>,
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
    let began = house;
    let house = &house.now().await?;
    let mut groups = Vec::new();
    let runs = moves::runs(house, None).await?;
    for group in house.groups(group)? {
        let known = term::of(began, group).await?;
        let fences = house.store.fences(&group.name).await?;
        let fences: Vec<Fence> =
            fences.into_iter().filter(|fence| fence.place.site != group.primary).collect();
        let run = runs.iter().rev().find(|run| run.group == group.name && !run.is_over()).cloned();
        let window = moves::window::of(&house.store, &group.name).await?;
        let began_at = began.began(&group.name)?;
        let mut legs = Vec::new();
        for leg in house.legs(group) {
            let facts = facts(house, group, leg).await?;
            legs.push(leg_status(facts, group, now));
        }
        groups.push(GroupStatus {
            group: group.name.clone(),
            primary: group.primary.clone(),
            epoch: known.term.epoch,
            witness_silent: known.witness_silent,
            began_at: Some(began_at).filter(|site| *site != group.primary),
            unprotected_since: unprotected_since(&fences, &legs),
            fences: fences.iter().map(FenceReport::of).collect(),
            run,
            window: window.filter(|window| window.is_open(now)),
            standbys: group.standbys.clone(),
            target_rpo_seconds: group.objectives.rpo.as_secs(),
            target_rto_seconds: group.objectives.rto.as_secs(),
            legs,
        });
    }
    let audit = audit_status(house.store.verify_audit().await?);
    Ok(Status { estate: house.config.estate.name.clone(), at: now, groups, audit })
}

/// Since when nothing that production writes is copied anywhere: since the move, if every standby is one that may not be
/// written yet. Pure.
fn unprotected_since(fences: &[Fence], legs: &[LegStatus]) -> Option<Timestamp> {
    let waits = |leg: &LegStatus| {
        fences.iter().find(|fence| fence.place == leg.leg.target && !fence.may_be_written())
    };
    let waiting: Option<Vec<&Fence>> = legs.iter().map(waits).collect();
    waiting?.iter().map(|fence| fence.since).min()
}

async fn facts(house: &House, group: &FailoverGroup, leg: Leg) -> Result<Facts, ControllerError> {
    let store = &house.store;
    let mut cycles = store.cycles(&leg.source, &leg.target, CYCLES_BACK).await?;
    cycles.retain(|past| past.cycle.group == leg.group);
    let outcomes = store.outcomes(&leg.group, &leg.source, &leg.target).await?;
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
        unmanaged: judgement.unmanaged,
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

#[cfg(test)]
mod tests {
    use serde_json::json;
    use twinlake_model::{Guards, Mappings, Objectives, Place, Selection, Shares, Verdict};
    use twinlake_store::{Cycle, CycleEnd, Store, StoreOptions};

    use super::*;

    fn at(time: &str) -> Timestamp {
        format!("2026-05-12T{time}Z").parse().unwrap()
    }

    fn group() -> FailoverGroup {
        FailoverGroup {
            name: "finance".into(),
            primary: "east".into(),
            standbys: vec!["west".into()],
            objectives: Objectives {
                rpo: std::time::Duration::from_secs(900),
                rto: std::time::Duration::from_secs(3600),
            },
            sets: Vec::new(),
            catalogs: Vec::new(),
            mappings: Mappings::default(),
            warm: Selection::none(),
            waves: Vec::new(),
            accept: Selection::none(),
            guards: Guards::default(),
            shares: Shares::default(),
            safety: twinlake_model::Safety::default(),
            schedule: None,
        }
    }

    fn leg() -> Leg {
        let place = |text: &str| text.parse::<Place>().unwrap();
        Leg {
            group: "finance".into(),
            source: place("prod@east"),
            target: place("prod@west"),
            selection: Selection::all(),
        }
    }

    async fn cycles(ended: Option<CycleEnd>) -> Vec<PastCycle> {
        let options =
            StoreOptions { clock: twinlake_base::Clock::system(), gate: twinlake_base::Gate::open() };
        let store = Store::in_memory(options).await.unwrap();
        let Leg { group, source, target, .. } = leg();
        let cycle = Cycle { run: "run-1".into(), group, source, target, started_at: at("09:00:00") };
        let number = store.begin_cycle(&cycle).await.unwrap();
        if let Some(end) = &ended {
            store.end_cycle(number, end, &[]).await.unwrap();
        }
        store.cycles(&cycle.source, &cycle.target, 10).await.unwrap()
    }

    fn judged(verdict: Option<Verdict>) -> Judgement {
        let outcome = |verdict| Outcome {
            asset: "job/prod@east/1".parse().unwrap(),
            key: Key::new("nightly"),
            verdict,
        };
        let accept = Selection::none();
        let tombstones = Default::default();
        let standard =
            Standard { accept: &accept, tombstones: &tombstones, grace: std::time::Duration::ZERO };
        Judgement::of(&verdict.map(outcome).into_iter().collect::<Vec<_>>(), &standard)
    }

    #[tokio::test]
    async fn the_recovery_point_is_the_start_of_the_last_complete_cycle_and_ages() {
        let end = CycleEnd {
            ended_at: at("09:00:07"),
            complete: true,
            summary: json!({ "changes": 3, "writes": 4, "verdicts": { "in-sync": 12 } }),
        };
        let status = |now: &str, point, cycles| {
            let facts =
                Facts { leg: leg(), cycles, point, judgement: judged(None), open_questions: Vec::new() };
            leg_status(facts, &group(), at(now))
        };
        let cycles = cycles(Some(end)).await;
        let fresh = status("09:15:00", Some(at("09:00:00")), cycles.clone());
        assert_eq!((fresh.protection, fresh.rpo_seconds), (Protection::WithinObjective, Some(900)));
        assert_eq!(fresh.verdicts, BTreeMap::from([("in-sync".to_owned(), 12)]));
        let last = fresh.last_cycle.unwrap();
        assert_eq!((last.changes, last.writes, last.ended_at), (3, 4, Some(at("09:00:07"))));
        let stale = status("09:15:01", Some(at("09:00:00")), cycles.clone());
        assert_eq!(stale.protection, Protection::BeyondObjective);
        assert_eq!(status("09:15:00", None, cycles).protection, Protection::NeverComplete);
    }

    #[tokio::test]
    async fn an_interrupted_cycle_and_what_is_incomplete_are_shown() {
        let facts = Facts {
            leg: leg(),
            cycles: cycles(None).await,
            point: None,
            judgement: judged(Some(Verdict::Failed { error: "no".into() })),
            open_questions: vec![Key::new("nightly")],
        };
        let status = leg_status(facts, &group(), at("10:00:00"));
        assert_eq!(status.last_cycle.unwrap().ended_at, None);
        assert_eq!(status.verdicts, BTreeMap::from([("failed".to_owned(), 1)]));
        assert_eq!((status.incomplete.len(), status.open_questions.len()), (1, 1));
    }
}
