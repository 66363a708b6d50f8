//! A key, stores, locations, and gatekeepers.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

use tempfile::TempDir;
use twinlake_base::{Clock, Gate, GateDecision, Gatekeeper, Passage, Secret, Side, Timestamp};
use twinlake_objects::{Objects, ObjectsOptions};
use twinlake_store::{AuditEntry, Store, StoreOptions};
use twinlake_vault::{Key, Location, ObjectLog, RecoverOptions, Recovered, Vault, VaultError};
use twinlake_workflow::{Event, Log};

static PAIR: LazyLock<(Secret<String>, String)> = LazyLock::new(Key::generate);

pub(crate) fn key() -> Key {
    Key::new(&[&PAIR.1], Some(&PAIR.0)).unwrap()
}

pub(crate) fn another_key() -> Key {
    let (identity, recipient) = Key::generate();
    Key::new(&[recipient], Some(&identity)).unwrap()
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + second).unwrap()
}

pub(crate) fn clock() -> Clock {
    Clock::simulated(at(0))
}

pub(crate) fn through(gate: Gate) -> ObjectsOptions {
    ObjectsOptions::new(clock(), gate)
}

pub(crate) fn memory() -> Objects {
    Objects::in_memory(through(Gate::open()))
}

/// A location in memory.
pub(crate) fn location(name: &str) -> Location {
    Location::new(name, memory())
}

/// The same location as another process sees it.
pub(crate) fn gated(location: &Location, gate: &Gate) -> Location {
    Location::new(location.name.clone(), location.objects.reopened(through(gate.clone())))
}

/// A location that is not there.
pub(crate) fn lost(name: &str) -> Location {
    let folder = TempDir::new().unwrap();
    let url = format!("file://{}", folder.path().display());
    Location::new(name, Objects::open(&url, through(Gate::open())).unwrap())
}

pub(crate) fn state_options(gate: &Gate) -> StoreOptions {
    StoreOptions { clock: clock(), gate: gate.clone() }
}

pub(crate) async fn state() -> Store {
    Store::in_memory(state_options(&Gate::open())).await.unwrap()
}

pub(crate) fn vault() -> Vault {
    Vault::new(key(), clock(), "ana on laptop-7")
}

pub(crate) fn log(location: &Location) -> ObjectLog {
    ObjectLog::new(location.objects.clone(), key()).unwrap()
}

pub(crate) fn event(number: u64) -> Event {
    let detail = serde_json::json!({ "number": number, "share": 0.1 + number as f64 / 3.0 });
    Event { at: at(7), name: "step.began".to_owned(), detail }
}

/// One more thing in a state: a fact, and a row of the audit.
pub(crate) async fn work(store: &Store, number: u64) {
    store.put_meta("last", &number.to_string()).await.unwrap();
    let entry = AuditEntry {
        at: at(5),
        actor: "run-1".into(),
        action: "sync.applied".into(),
        subject: "finance".into(),
        detail: serde_json::json!({ "number": number }),
    };
    store.append_audit(&entry).await.unwrap();
}

/// Everything in a state that these tests put there, printed.
pub(crate) async fn contents(store: &Store) -> String {
    let mut runs = Vec::new();
    for run in Log::runs(store).await.unwrap() {
        runs.push((run.clone(), Log::read(store, &run).await.unwrap()));
    }
    format!("{:?}\n{:?}\n{runs:?}", store.meta("last").await.unwrap(), store.audit(100).await.unwrap())
}

/// Recovers into a new folder and opens what came of it.
pub(crate) async fn recovered(locations: &[Location]) -> Result<(TempDir, Store, Recovered), VaultError> {
    let folder = TempDir::new().unwrap();
    let into = folder.path().join("state.db");
    let recovered = twinlake_vault::recover(locations, &key(), &into, options()).await?;
    let store = Store::open(&into, state_options(&Gate::open())).await.unwrap();
    Ok((folder, store, recovered))
}

pub(crate) fn options() -> RecoverOptions {
    RecoverOptions { choice: None, clock: clock(), gate: Gate::open() }
}

/// Does one thing at one passage, counted from 1, and counts them all.
pub(crate) struct At {
    passed: AtomicUsize,
    at: usize,
    decision: GateDecision,
}

impl At {
    pub(crate) fn passage(at: usize, decision: GateDecision) -> Arc<Self> {
        Arc::new(Self { passed: AtomicUsize::new(0), at, decision })
    }

    pub(crate) fn gate(self: &Arc<Self>) -> Gate {
        Gate::kept_by(Arc::clone(self) as Arc<dyn Gatekeeper>)
    }

    /// Whether the passage was reached.
    pub(crate) fn was_reached(&self) -> bool {
        self.passed.load(Ordering::SeqCst) >= self.at
    }
}

impl Gatekeeper for At {
    fn decide(&self, _: Passage<'_>) -> GateDecision {
        if self.passed.fetch_add(1, Ordering::SeqCst) + 1 == self.at {
            self.decision
        } else {
            GateDecision::Pass
        }
    }
}

/// Loses one passage in so many, on either side of the effect, puts alone.
pub(crate) struct Lossy {
    pub(crate) one_in: u64,
    pub(crate) drawn: AtomicU64,
}

impl Gatekeeper for Lossy {
    fn decide(&self, passage: Passage<'_>) -> GateDecision {
        let counts = passage.what.starts_with("PUT") || passage.side == Side::After;
        let drawn = if counts { self.drawn.fetch_add(1, Ordering::SeqCst) } else { 1 };
        if drawn.is_multiple_of(self.one_in) && passage.what.starts_with("PUT") {
            GateDecision::Lose
        } else {
            GateDecision::Pass
        }
    }
}
