//! Machines that race: on each, processes that start, work and die, one after the other.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use twinlake_base::{Clock, Entropy, Gate, GateDecision, Gatekeeper, Instant, Passage, Timestamp};
use twinlake_databricks::Permit;
use twinlake_model::{Epoch, GroupName, SiteId};
use twinlake_objects::{Objects, ObjectsOptions};

use super::judge::{Notes, Sent};
use super::truly;
use crate::ledger::Ledger;
use crate::{Lease, LeaseError, Term, Terms, Witness};

/// By how many millionths a machine's clock may go wrong: far more than any real one, and less than the terms allow.
const DRIFT: u64 = 10_000;

/// Loses and delays at random.
pub(super) struct Rough(pub(super) Entropy);

impl Gatekeeper for Rough {
    fn decide(&self, _: Passage<'_>) -> GateDecision {
        match self.0.below(20) {
            0 => GateDecision::Lose,
            1 => GateDecision::Delay(Duration::from_millis(self.0.below(30_000))),
            _ => GateDecision::Pass,
        }
    }
}

pub(super) fn group() -> GroupName {
    GroupName::from("finance")
}

pub(super) fn any_site(entropy: &Entropy) -> SiteId {
    SiteId::from(["east", "west", "north"][usize::try_from(entropy.below(3)).unwrap()])
}

/// A machine's clock: its date is off by years, and it runs too fast or too slow.
pub(super) fn any_clock(entropy: &Entropy) -> Clock {
    let start = Timestamp::from_second(1_767_225_600).unwrap();
    let years = Duration::from_secs(entropy.below(100_000_000));
    let start = if entropy.below(2) == 0 { start - years } else { start + years };
    Clock::drifting(start, i32::try_from(entropy.below(2 * DRIFT)).unwrap() - i32::try_from(DRIFT).unwrap())
}

/// Races so many machines.
pub(super) async fn race(
    objects: Objects,
    machines: u64,
    entropy: &Entropy,
    notes: &Arc<Mutex<Notes>>,
    length: Duration,
) {
    let end = Instant::now() + length;
    let run =
        |number| tokio::spawn(machine(objects.clone(), number, entropy.clone(), Arc::clone(notes), end));
    for machine in (0..machines).map(run).collect::<Vec<_>>() {
        machine.await.unwrap();
    }
    let recorded = recorded(&objects, "lease").await;
    notes.lock().unwrap().recorded.extend(recorded);
}

/// The terms of all records that are left.
pub(super) async fn recorded(objects: &Objects, row: &'static str) -> Vec<Term> {
    let mut terms = Vec::new();
    for object in objects.list(row).await.unwrap() {
        let bytes = objects.get(&object.name).await.unwrap().unwrap();
        let record: crate::record::Record = serde_json::from_slice(&bytes).unwrap();
        terms.push(Term { epoch: record.epoch, primary: record.primary });
    }
    terms
}

async fn machine(objects: Objects, number: u64, entropy: Entropy, notes: Arc<Mutex<Notes>>, end: Instant) {
    let clock = any_clock(&entropy);
    for process in 0.. {
        let gate = Gate::kept_by(Arc::new(Rough(entropy.clone())));
        let reached = objects.reopened(ObjectsOptions::new(clock.clone(), gate));
        let name = format!("process {process} on {number}");
        let witness = Witness::new(reached, &name, Terms::default(), clock.clone(), entropy.clone());
        let process =
            Process { name, clock: clock.clone(), entropy: entropy.clone(), notes: Arc::clone(&notes) };
        // A kill: the future is dropped wherever it stands, also between a record and its answer.
        let life = Instant::now() + Duration::from_secs(entropy.below(900));
        let _ = tokio::time::timeout_at(life.min(end), process.work(&witness, &objects)).await;
        if Instant::now() >= end {
            return;
        }
    }
}

/// What a process works with.
pub(super) struct Process {
    pub(super) name: String,
    pub(super) clock: Clock,
    pub(super) entropy: Entropy,
    pub(super) notes: Arc<Mutex<Notes>>,
}

impl Process {
    async fn work(&self, witness: &Witness, store: &Objects) {
        loop {
            if let Ok(lease) = witness.acquire(&group(), &any_site(&self.entropy)).await {
                self.hold(&lease, store).await;
            }
            self.pause(60_000).await;
        }
    }

    pub(super) async fn pause(&self, most_ms: u64) {
        self.clock.sleep(Duration::from_millis(self.entropy.below(most_ms))).await;
    }

    async fn hold(&self, lease: &Lease, store: &Objects) {
        let mut under_way = Instant::now();
        loop {
            under_way = under_way.max(self.send(&[lease], &lease.term()).await);
            match self.entropy.below(50) {
                0 => {
                    tokio::time::sleep_until(under_way).await;
                    return drop(lease.release().await);
                }
                1 => {
                    let primary = any_site(&self.entropy);
                    let done = lease.advance(&primary).await.map(|epoch| Term { epoch, primary });
                    self.began(lease, done);
                }
                2 => {
                    let epoch = Epoch(lease.epoch().0 + self.entropy.below(4));
                    let term = Term { epoch, primary: any_site(&self.entropy) };
                    let done = lease.advance_to(term.epoch, &term.primary).await.map(|()| term);
                    self.began(lease, done);
                }
                3 => self.give_up_one(lease, store).await,
                4 => self.pause(400_000).await,
                5 => drop(self.clock.jump(Duration::from_secs(self.entropy.below(200)))),
                6..=15 => drop(lease.renew().await),
                _ => self.pause(20_000).await,
            }
            if lease.deadline().is_none() && self.entropy.below(3) == 0 {
                return;
            }
        }
    }

    /// Asks whether a request may be sent, perhaps stands still before it leaves, and notes both. Returns when its
    /// effect has ended.
    pub(super) async fn send(&self, permits: &[&Lease], term: &Term) -> Instant {
        let longest = Terms::default().longest_request;
        let length = Duration::from_millis(self.entropy.below(u64::try_from(longest.as_millis()).unwrap()));
        let (from, until) = (Instant::now(), self.clock.instant() + length);
        if permits.iter().any(|lease| lease.check(until).is_err()) {
            return from;
        }
        for lease in permits {
            // By this machine's own clock, which is the one that its deadlines are counted by.
            if lease.deadline().is_none_or(|deadline| until >= deadline) {
                let broken = format!("{} sends until after its lease ends", self.name);
                self.notes.lock().unwrap().broken.push(broken);
            }
        }
        let stall = match self.entropy.below(8) {
            0 => Duration::from_millis(self.entropy.below(u64::try_from(longest.as_millis()).unwrap())),
            _ => Duration::ZERO,
        };
        // The slowest clock of all takes that much longer to reach the request's deadline.
        let until = from + length + length / 99 + stall;
        let sent = Sent { by: self.name.clone(), term: term.clone(), from, until };
        self.notes.lock().unwrap().sent.push(sent);
        tokio::time::sleep_until(from + stall).await;
        until
    }

    pub(super) fn began(&self, lease: &Lease, done: Result<Term, LeaseError>) {
        let mut notes = self.notes.lock().unwrap();
        match done {
            Ok(term) => {
                if lease.term() != term {
                    notes.broken.push(format!("{} began {term:?} and holds {:?}", self.name, lease.term()));
                }
                notes.begun.push(term);
            }
            // Said of what is asked for only where it is so.
            Err(LeaseError::Past { asked, held, .. }) if asked > held => {
                notes.broken.push(format!("epoch {asked} is not past in epoch {held}"));
            }
            Err(_) => {}
        }
    }

    /// Sends the next record, gives it up, and leaves it to arrive when it will: perhaps long after this process.
    async fn give_up_one(&self, lease: &Lease, store: &Objects) {
        let ledger = Ledger { objects: store.reopened(truly()), row: "lease", group: group() };
        let Ok(Some((seq, mut record))) = ledger.last().await else { return };
        if seq != lease.seq() || record.holder != self.name || lease.deadline().is_none() {
            return;
        }
        record.nonce = self.entropy.hex(16);
        if self.entropy.below(2) == 0 {
            record.epoch = Epoch(record.epoch.0 + 1);
            record.primary = any_site(&self.entropy);
        }
        let arrives = Instant::now() + Duration::from_secs(self.entropy.below(600));
        drop(tokio::spawn(async move {
            tokio::time::sleep_until(arrives).await;
            let _ = ledger.write(seq + 1, &record).await;
        }));
    }
}
