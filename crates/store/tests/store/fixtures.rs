//! Small values of every noun, and a printed copy of everything that a store holds.

use std::fmt::Write;

use tempfile::TempDir;
use twinlake_base::{Clock, Gate, Timestamp};
use twinlake_model::{
    AssetId, Base, Digest, Document, Entry, Epoch, Fence, GroupName, Intent, Key, Manifest, Mark, Outcome,
    Place, Posture, Purpose, RemoteId, SeenRun, Snapshot, Tail, Tombstone, Verdict, Version,
};
use twinlake_store::{Approval, AuditEntry, Cycle, CycleEnd, IntentId, Store, StoreError, StoreOptions};
use twinlake_workflow::{Event, Log, LogError, Seq};

pub(crate) fn options() -> StoreOptions {
    through(Gate::open())
}

pub(crate) fn through(gate: Gate) -> StoreOptions {
    StoreOptions { clock: Clock::simulated(at(0)), gate }
}

/// A store on a file in a folder of its own.
pub(crate) async fn on_disk() -> (TempDir, Store) {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path().join("state.db"), options()).await.unwrap();
    (folder, store)
}

pub(crate) fn east() -> Place {
    "prod@east".parse().unwrap()
}

pub(crate) fn west() -> Place {
    "prod@west".parse().unwrap()
}

pub(crate) fn job(number: u64) -> AssetId {
    AssetId::new("job".into(), east(), RemoteId::new(number.to_string()))
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).unwrap()
}

pub(crate) fn version(text: &str) -> Version {
    let posture: Posture = [("/schedule/pause_status".to_owned(), "PAUSED".into())].into_iter().collect();
    Version { spec: Digest::of(text.as_bytes()), posture, content: None }
}

pub(crate) fn base(number: u64) -> Base {
    Base {
        asset: job(number),
        target: west(),
        source: east(),
        source_version: version(&format!("source {number}")),
        sent: version(&format!("sent {number}")),
        read_back: number.is_multiple_of(2).then(|| version(&format!("read back {number}"))),
        epoch: Epoch(3),
        run: "run-1".into(),
        not_kept: Vec::new(),
        mappings: Digest::of(b"none"),
        applied_at: at(7),
    }
}

pub(crate) fn intent(number: u64) -> Intent {
    Intent {
        run: "run-1".into(),
        target: west(),
        asset: job(number),
        key: Key::new("nightly"),
        purpose: Purpose::Create,
        request: "POST /api/2.2/jobs/create".into(),
        desired: version("desired"),
        base: Some(base(number)),
        at: at(3),
    }
}

pub(crate) fn tombstone(number: u64, second: i64) -> Tombstone {
    Tombstone { asset: job(number), key: Key::new("nightly"), source: east(), missing_since: at(second) }
}

pub(crate) fn manifest(number: u64) -> Manifest {
    let entry = Entry {
        asset: job(number),
        remote: number.to_string().as_str().into(),
        key: Key::new("nightly"),
        mark: Mark::new("m1"),
        version: version("x"),
        tag: None,
    };
    Manifest { entries: vec![entry] }
}

pub(crate) fn snapshot(second: i64, manifest: Digest) -> Snapshot {
    Snapshot {
        place: east(),
        at: at(second),
        run: "run-1".into(),
        manifests: [("job".into(), manifest)].into(),
    }
}

pub(crate) fn cycle(run: &str) -> Cycle {
    Cycle { run: run.into(), group: "finance".into(), source: east(), target: west(), started_at: at(1) }
}

pub(crate) fn cycle_end(complete: bool) -> CycleEnd {
    CycleEnd { ended_at: at(9), complete, summary: serde_json::json!({ "created": 2 }) }
}

pub(crate) fn outcome(number: u64, verdict: Verdict) -> Outcome {
    Outcome { asset: job(number), key: Key::new("nightly"), verdict }
}

pub(crate) fn finance() -> GroupName {
    "finance".into()
}

pub(crate) fn seen_run(number: u64, began: i64, ended: Option<i64>, seen: i64) -> SeenRun {
    SeenRun {
        place: east(),
        activity: "job_run".into(),
        id: RemoteId::new(number.to_string()),
        of: Some(job(number)),
        name: "nightly".into(),
        state: if ended.is_some() { "TERMINATED" } else { "RUNNING" }.into(),
        began_at: at(began),
        ended_at: ended.map(at),
        result: ended.map(|_| "SUCCESS".into()),
        parameters: None,
        creator: Some("ana@acme.example".into()),
        seen_at: at(seen),
    }
}

pub(crate) fn fence(group: &GroupName, place: Place) -> Fence {
    Fence {
        group: group.clone(),
        place,
        epoch: Epoch(2),
        since: at(4),
        level: None,
        confirmed_at: None,
        tail: Tail::Unseen,
        promoted_from: None,
        found_awake: Vec::new(),
    }
}

pub(crate) fn audit_entry(action: &str) -> AuditEntry {
    AuditEntry {
        at: at(5),
        actor: "run-1".into(),
        action: action.into(),
        subject: "finance".into(),
        detail: serde_json::json!({ "changes": 3 }),
    }
}

/// Writes one of everything, in this order. Each step is one transaction.
pub(crate) const STEPS: usize = 22;

/// Takes one step of the scenario.
pub(crate) async fn step(store: &Store, number: usize) -> Result<(), StoreError> {
    match number {
        0 => store.put_meta("estate", "acme").await,
        1 => store.put_document(&Document::from(serde_json::json!({ "name": "nightly" }))).await.map(drop),
        2 => store.put_manifest(&manifest(1)).await.map(drop),
        3 => {
            let text = serde_json::to_vec(&manifest(1)).unwrap();
            store.put_snapshot(&snapshot(1, Digest::of(&text))).await
        }
        4 => store.open_intent(&intent(1)).await.map(drop),
        5 => store.record_created(oldest_intent(store).await?, &base(1), &"77".into()).await,
        6 => store.put_bases(&[base(1), base(2)]).await,
        7 => store.open_intent(&intent(2)).await.map(drop),
        8 => store.record_applied(oldest_intent(store).await?, &base(3)).await,
        9 => store.put_tombstone(&tombstone(3, 4)).await,
        10 => store.open_intent(&intent(3)).await.map(drop),
        11 => store.record_deleted(oldest_intent(store).await?, &job(3), &east(), &west()).await,
        12 => store.begin_cycle(&cycle("run-1")).await.map(drop),
        13 => {
            let id = store.last_cycle(&east(), &west()).await?.unwrap().id;
            store.end_cycle(id, &cycle_end(true), &[outcome(1, Verdict::InSync)]).await
        }
        14 => {
            let event = Event { at: at(8), name: "step.started".into(), detail: serde_json::json!({}) };
            let appended = store.append("run-1", Seq::START, &event).await;
            appended.map(drop).map_err(|error| match error {
                LogError::Crashed(crashed) => StoreError::Crashed(crashed),
                other => panic!("{other}"),
            })
        }
        15 => store.append_audit(&audit_entry("sync.applied")).await.map(drop),
        16 => {
            store.put_seen_runs(&east(), at(9), &[seen_run(1, 2, Some(3), 9), seen_run(2, 3, None, 9)]).await
        }
        17 => store.put_fence(&fence(&finance(), east())).await,
        18 => store.pin_latest_snapshot(&east(), &"failover-1".into()).await.map(drop),
        19 => {
            let (subject, by, note) = ("plan".to_owned(), "ana".to_owned(), None);
            store.put_approval(&Approval { subject, by, at: at(3), note }).await
        }
        20 => store.forget_seen_runs(&east(), at(8)).await.map(drop),
        _ => store.remove_fence(&finance(), &east()).await,
    }
}

async fn oldest_intent(store: &Store) -> Result<IntentId, StoreError> {
    Ok(store.open_intents(&west()).await?[0].0)
}

/// Everything that the scenario can leave behind, printed.
pub(crate) async fn everything_in(store: &Store) -> String {
    let mut text = String::new();
    let mut line = |what: &dyn std::fmt::Debug| writeln!(text, "{what:?}").unwrap();
    line(&store.meta("estate").await.unwrap());
    let document = Document::from(serde_json::json!({ "name": "nightly" }));
    line(&store.has_blob(document.digest()).await.unwrap());
    line(&store.has_blob(Digest::of(&serde_json::to_vec(&manifest(1)).unwrap())).await.unwrap());
    line(&store.snapshots(&east(), 10).await.unwrap());
    line(&store.open_intents(&west()).await.unwrap());
    let map = store.id_map(&"prod".into()).await.unwrap();
    let mut pairs: Vec<_> = map.pairs().collect();
    pairs.sort();
    line(&pairs);
    let mut bases: Vec<_> = store.bases(&east(), &west()).await.unwrap().into_values().collect();
    bases.sort_by(|one, two| one.asset.cmp(&two.asset));
    line(&bases);
    line(&store.tombstones(&east()).await.unwrap());
    line(&store.cycles(&east(), &west(), 10).await.unwrap());
    line(&store.outcomes(&finance(), &east(), &west()).await.unwrap());
    line(&store.read("run-1").await.unwrap());
    line(&store.runs().await.unwrap());
    line(&store.seen_runs(&east(), None).await.unwrap());
    line(&store.last_ledger_look(&east()).await.unwrap());
    line(&store.fences(&finance()).await.unwrap());
    line(&store.pinned_snapshot(&east(), &"failover-1".into()).await.unwrap());
    line(&store.approvals("plan").await.unwrap());
    line(&store.audit(10).await.unwrap());
    line(&store.verify_audit().await.unwrap());
    text
}
