//! A process that stops at any moment leaves whole transactions and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use twinlake_base::{Gate, GateDecision, Gatekeeper, Passage};
use twinlake_store::{Store, StoreError};

use crate::fixtures::*;

/// Decides at one passage, counted from 1.
struct At(AtomicUsize, GateDecision);

impl Gatekeeper for At {
    fn decide(&self, _: Passage<'_>) -> GateDecision {
        if self.0.fetch_sub(1, Ordering::SeqCst) == 1 { self.1 } else { GateDecision::Pass }
    }
}

fn gate(passage: usize, decision: GateDecision) -> Gate {
    Gate::kept_by(Arc::new(At(passage.into(), decision)))
}

/// What a store holds after each number of steps.
async fn histories() -> Vec<String> {
    let store = Store::in_memory(options()).await.unwrap();
    let mut histories = vec![everything_in(&store).await];
    for number in 0..STEPS {
        step(&store, number).await.unwrap();
        histories.push(everything_in(&store).await);
    }
    histories
}

#[tokio::test]
async fn each_step_of_the_scenario_shows() {
    let histories = histories().await;
    for pair in histories.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
}

#[tokio::test]
async fn a_crash_on_either_side_of_any_write_leaves_all_of_it_or_nothing() {
    let histories = histories().await;
    for passage in 1..=2 * STEPS {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("state.db");
        for on_disk in [true, false] {
            let crashing = through(gate(passage, GateDecision::Crash));
            let store =
                if on_disk { Store::open(&path, crashing).await } else { Store::in_memory(crashing).await };
            let store = store.unwrap();
            // Odd passages are before a write, even ones after: then the write that reports a crash is there.
            let (reported, written) = ((passage - 1) / 2, passage / 2);
            for number in 0..reported {
                step(&store, number).await.unwrap();
            }
            assert!(matches!(step(&store, reported).await, Err(StoreError::Crashed(_))));
            assert!(matches!(store.put_meta("estate", "late").await, Err(StoreError::Crashed(_))));
            let next = if on_disk {
                drop(store);
                Store::open(&path, options()).await.unwrap()
            } else {
                store.reopened(options())
            };
            assert_eq!(everything_in(&next).await, histories[written], "crashed at passage {passage}");
            for number in written..STEPS {
                step(&next, number).await.unwrap();
            }
            assert_eq!(everything_in(&next).await, histories[STEPS], "went on after passage {passage}");
        }
    }
}

#[tokio::test]
async fn a_lost_answer_says_whether_it_was_written() {
    let (before, after) = (1, 2);
    for (passage, was_written) in [(before, false), (after, true)] {
        let store = Store::in_memory(through(gate(passage, GateDecision::Lose))).await.unwrap();
        let lost = store.put_meta("estate", "acme").await;
        assert!(matches!(lost, Err(StoreError::Lost { happened, .. }) if happened == was_written));
        assert_eq!(store.meta("estate").await.unwrap().is_some(), was_written);
    }
}

/// The power goes: of SQLite's log only the first bytes reached the disk.
#[tokio::test]
async fn whatever_part_of_the_log_reached_the_disk_holds_whole_transactions_in_order() {
    let histories = histories().await;
    let (folder, store) = on_disk().await;
    let path = folder.path().join("state.db");
    for number in 0..STEPS {
        step(&store, number).await.unwrap();
    }
    let (file, log) = (std::fs::read(&path).unwrap(), std::fs::read(path.with_extension("db-wal")).unwrap());
    drop(store);
    // Frames are a page and a header long; an odd stride meets their middles and their ends.
    let mut longest = 0;
    for length in (0..=log.len()).step_by(1_979).chain([log.len()]) {
        let after = TempDir::new().unwrap();
        let path = after.path().join("state.db");
        std::fs::write(&path, &file).unwrap();
        std::fs::write(path.with_extension("db-wal"), &log[..length]).unwrap();
        let store = Store::open(&path, options()).await.unwrap();
        let found = everything_in(&store).await;
        let more = histories[longest..].iter().position(|history| *history == found);
        longest += more.unwrap_or_else(|| panic!("no history holds this, after {length} bytes:\n{found}"));
    }
    assert_eq!(longest, STEPS);
}

#[tokio::test]
async fn everything_is_there_after_a_clean_end() {
    let (folder, store) = on_disk().await;
    for number in 0..STEPS {
        step(&store, number).await.unwrap();
    }
    let before = everything_in(&store).await;
    drop(store);
    let path = folder.path().join("state.db");
    assert!(!path.with_extension("db-wal").exists(), "the log is written back at the end");
    let store = Store::open(&path, options()).await.unwrap();
    assert_eq!(everything_in(&store).await, before);
}

#[tokio::test(start_paused = true)]
async fn no_simulated_time_passes_while_the_store_works() {
    let started = tokio::time::Instant::now();
    let (_folder, store) = on_disk().await;
    for number in 0..STEPS {
        step(&store, number).await.unwrap();
    }
    assert_eq!(started.elapsed(), std::time::Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_delays_is_waited_for() {
    let minute = std::time::Duration::from_secs(60);
    let store = Store::in_memory(through(gate(1, GateDecision::Delay(minute)))).await.unwrap();
    let started = tokio::time::Instant::now();
    store.put_meta("estate", "acme").await.unwrap();
    assert_eq!(started.elapsed(), minute);
}
