//! Seeded races of controllers for one group, in virtual time: stalls, lost and late answers, wrong dates, clocks that
//! drift, kills.
//!
//! Everybody who is permitted a request notes when it would leave and when it would have ended. [`judge`] holds against
//! that what a lease promises. A seed that fails is named; `TWINLAKE_SEED=<seed>` runs it alone and prints its notes.

mod judge;
mod machine;
mod takeover;

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use twinlake_base::{Clock, Entropy, Env, Gate, Timestamp};
use twinlake_objects::{Objects, ObjectsOptions};

use judge::{Notes, Tally, judge};

/// How long a race lasts.
const LENGTH: Duration = Duration::from_secs(1800);

/// The seeds to run: so many from 0, or the one that is to be replayed.
fn seeds(count: u64) -> Vec<u64> {
    match Env::system().get("TWINLAKE_SEED").and_then(|seed| seed.parse().ok()) {
        Some(seed) => vec![seed],
        None => (0..count).collect(),
    }
}

/// Runs a race per seed and judges each. Returns what happened in all of them together, unless one is replayed.
fn run(count: u64, race: impl Fn(u64) -> Notes) -> Option<Tally> {
    let mut total = Tally::default();
    let seeds = seeds(count);
    let is_replayed = seeds.len() == 1;
    for seed in seeds {
        let notes = race(seed);
        if is_replayed {
            println!("{notes:#?}");
        }
        match judge(&notes) {
            Ok(tally) => total += tally,
            Err(broken) => panic!("seed {seed}: {broken}\nTWINLAKE_SEED={seed} replays it"),
        }
    }
    println!("{count} races: {total:?}");
    (!is_replayed).then_some(total)
}

/// Runs some machines in virtual time.
fn in_virtual_time<F>(seed: u64, machines: impl FnOnce(Entropy, Arc<Mutex<Notes>>) -> F) -> Notes
where
    F: Future<Output = ()>,
{
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let notes = Arc::new(Mutex::new(Notes::default()));
    runtime.block_on(machines(Entropy::seeded(seed), Arc::clone(&notes)));
    std::mem::take(&mut *notes.lock().unwrap())
}

/// What the store sees of itself: always reachable, with a true clock.
fn truly() -> ObjectsOptions {
    ObjectsOptions::new(Clock::simulated(Timestamp::UNIX_EPOCH), Gate::open())
}

fn in_memory(seed: u64, controllers: u64) -> Notes {
    in_virtual_time(seed, |entropy, notes| async move {
        machine::race(Objects::in_memory(truly()), controllers, &entropy, &notes, LENGTH).await;
    })
}

fn in_a_folder(seed: u64) -> Notes {
    let folder = TempDir::new().unwrap();
    let url = format!("file://{}", folder.path().display());
    in_virtual_time(seed, |entropy, notes| async move {
        machine::race(Objects::open(&url, truly()).unwrap(), 2, &entropy, &notes, LENGTH / 2).await;
    })
}

#[test]
fn of_two_controllers_that_race_never_both_hold_the_lease() {
    let Some(tally) = run(8_000, |seed| in_memory(seed, 2)) else { return };
    assert!(tally.sent > 200_000 && tally.changes > 5_000, "the races must not be idle");
    assert!(tally.begun > 10_000 && tally.epochs > 10_000, "epochs must come and go");
}

#[test]
fn of_three_controllers_that_race_never_two_hold_the_lease() {
    let Some(tally) = run(2_000, |seed| in_memory(seed, 3)) else { return };
    assert!(tally.sent > 50_000 && tally.changes > 2_000, "the races must not be idle");
}

#[test]
fn in_a_folder_they_race_alike() {
    let Some(tally) = run(40, in_a_folder) else { return };
    assert!(tally.sent > 200 && tally.begun > 10, "the races must not be idle");
}

#[test]
fn while_the_witness_is_gone_one_takes_over_at_the_standby_and_the_witness_learns_of_it() {
    let Some(tally) = run(1_000, takeover::race) else { return };
    assert!(tally.sent > 10_000 && tally.changes > 500, "the races must not be idle");
    assert!(tally.taken_over > 300, "somebody must do without the witness");
}

#[test]
fn a_race_replays_by_its_seed() {
    assert_eq!(in_memory(11, 2).retold(), in_memory(11, 2).retold());
    assert_eq!(takeover::race(11).retold(), takeover::race(11).retold());
}
