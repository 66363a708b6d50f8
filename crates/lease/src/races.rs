//! Seeded races of controllers for one group, in virtual time: stalls, lost answers, wrong dates, kills.
//!
//! Everybody who is permitted a request notes when it would be sent and when it would have ended. Of all that was
//! noted, no two controllers' requests may overlap, an epoch that has passed may not come back, and each epoch begins
//! once.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use twinlake_base::{Clock, Entropy, Gate, GateDecision, Gatekeeper, Instant, Passage, Timestamp};
use twinlake_databricks::Permit;
use twinlake_model::{Epoch, GroupName, SiteId};
use twinlake_objects::{Objects, ObjectsOptions};

use crate::{Lease, Terms, Witness};

const SEEDS: u64 = 400;
const CONTROLLERS: u64 = 3;
const LENGTH: Duration = Duration::from_secs(3600);

/// A request that was permitted.
#[derive(Clone, Debug)]
struct Sent {
    by: String,
    epoch: Epoch,
    from: Instant,
    until: Instant,
}

#[derive(Default)]
struct Notes {
    sent: Vec<Sent>,
    advances: Vec<Epoch>,
}

/// Loses and delays at random.
struct Rough(Entropy);

impl Gatekeeper for Rough {
    fn decide(&self, _: Passage<'_>) -> GateDecision {
        match self.0.below(20) {
            0 => GateDecision::Lose,
            1 => GateDecision::Delay(Duration::from_millis(self.0.below(30_000))),
            _ => GateDecision::Pass,
        }
    }
}

/// One machine: processes that start, work and die, one after the other.
async fn machine(objects: Objects, number: u64, entropy: Entropy, notes: Arc<Mutex<Notes>>, end: Instant) {
    let start = Timestamp::from_second(1_767_225_600).unwrap();
    let years = Duration::from_secs(entropy.below(100_000_000));
    let clock = Clock::simulated(if entropy.below(2) == 0 { start - years } else { start + years });
    for process in 0.. {
        let gate = Gate::kept_by(Arc::new(Rough(entropy.clone())));
        let objects = objects.reopened(ObjectsOptions::new(clock.clone(), gate));
        let name = format!("process {process} on {number}");
        let witness = Witness::new(objects, &name, Terms::default(), clock.clone(), entropy.clone());
        let work = process_of(&witness, &name, &clock, &entropy, &notes);
        // A kill: the future is dropped wherever it stands, also between a record and its answer.
        let life = clock.instant() + Duration::from_secs(entropy.below(900));
        let _ = tokio::time::timeout_at(life.min(end), work).await;
        if clock.instant() >= end {
            return;
        }
    }
}

async fn process_of(witness: &Witness, name: &str, clock: &Clock, entropy: &Entropy, notes: &Mutex<Notes>) {
    let (group, east) = (GroupName::from("finance"), SiteId::from("east"));
    loop {
        if let Ok(lease) = witness.acquire(&group, &east).await {
            hold(&lease, name, clock, entropy, notes).await;
        }
        clock.sleep(Duration::from_millis(entropy.below(60_000))).await;
    }
}

async fn hold(lease: &Lease, name: &str, clock: &Clock, entropy: &Entropy, notes: &Mutex<Notes>) {
    let mut under_way = clock.instant();
    loop {
        let epoch = lease.epoch();
        let from = clock.instant();
        let until = from + Duration::from_millis(entropy.below(60_000));
        if lease.check(until).is_ok() {
            under_way = under_way.max(until);
            notes.lock().unwrap().sent.push(Sent { by: name.to_owned(), epoch, from, until });
        }
        match entropy.below(40) {
            0 => {
                clock.sleep_until(under_way).await;
                return drop(lease.release().await);
            }
            1 => {
                if let Ok(epoch) = lease.advance(&"west".into()).await {
                    notes.lock().unwrap().advances.push(epoch);
                }
            }
            2 => clock.sleep(Duration::from_secs(entropy.below(400))).await,
            3..=12 => drop(lease.renew().await),
            _ => clock.sleep(Duration::from_millis(entropy.below(20_000))).await,
        }
        if lease.deadline().is_none() && entropy.below(3) == 0 {
            return;
        }
    }
}

fn race(seed: u64) -> Notes {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let entropy = Entropy::seeded(seed);
        let clock = Clock::simulated(Timestamp::UNIX_EPOCH);
        let end = clock.instant() + LENGTH;
        let objects = Objects::in_memory(ObjectsOptions::new(clock, Gate::open()));
        let notes = Arc::new(Mutex::new(Notes::default()));
        let machines = (0..CONTROLLERS).map(|number| {
            tokio::spawn(machine(objects.clone(), number, entropy.clone(), Arc::clone(&notes), end))
        });
        for machine in machines.collect::<Vec<_>>() {
            machine.await.unwrap();
        }
        std::mem::take(&mut *notes.lock().unwrap())
    })
}

#[test]
fn of_controllers_that_race_never_two_hold_the_lease() {
    let (mut sent, mut changes, mut advances) = (0, 0, 0);
    for seed in 0..SEEDS {
        let mut notes = race(seed);
        notes.sent.sort_by_key(|sent| sent.from);
        for pair in notes.sent.windows(2) {
            let [before, after] = pair else { continue };
            assert!(before.epoch <= after.epoch, "seed {seed}: an epoch came back: {before:?} {after:?}");
        }
        let mut latest: Option<Sent> = None;
        for now in &notes.sent {
            if let Some(before) = latest.as_ref().filter(|before| before.by != now.by) {
                assert!(before.until <= now.from, "seed {seed}: two at once: {before:?} {now:?}");
                changes += 1;
            }
            if latest.as_ref().is_none_or(|before| before.until < now.until || before.by != now.by) {
                latest = Some(now.clone());
            }
        }
        let mut epochs = notes.advances.clone();
        epochs.sort();
        epochs.dedup();
        assert_eq!(epochs.len(), notes.advances.len(), "seed {seed}: an epoch began twice");
        sent += notes.sent.len();
        advances += notes.advances.len();
    }
    println!("{SEEDS} races: {sent} requests permitted, {changes} changes of hands, {advances} new epochs");
    assert!(sent > 20_000 && changes > 500 && advances > 500, "the races must not be idle");
}

#[test]
fn a_race_replays_by_its_seed() {
    let digest = |notes: &Notes| {
        let origin = notes.sent.first().map(|sent| sent.from);
        let span = |sent: &Sent| origin.map(|origin| (sent.from - origin, sent.until - origin));
        notes.sent.iter().map(|sent| (sent.by.clone(), sent.epoch, span(sent))).collect::<Vec<_>>()
    };
    assert_eq!(digest(&race(11)), digest(&race(11)));
}
