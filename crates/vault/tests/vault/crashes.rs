//! A process that stops at any passage, and the next one that finds what it left.

use tempfile::TempDir;
use twinlake_base::{Gate, GateDecision};
use twinlake_store::{Store, StoreError};
use twinlake_vault::{AheadLog, ObjectLog, RecoverOptions, VaultError, recover};
use twinlake_workflow::{Appended, Log, LogError, Seq};

use crate::fixtures::*;

/// More passages than any of these has.
const ENOUGH: usize = 200;

#[tokio::test]
async fn a_crash_at_any_passage_of_a_shipment_leaves_whole_states_and_the_next_one_arrives() {
    let mut passages = 0;
    for passage in 1..ENOUGH {
        let (store, east, west) = (state().await, location("east"), location("west"));
        let mut before = Vec::new();
        for number in 1..=4 {
            work(&store, number).await;
            vault().ship(&store, &[east.clone(), west.clone()]).await.unwrap();
            before.push(contents(&store).await);
        }
        work(&store, 5).await;
        before.push(contents(&store).await);
        let keeper = At::passage(passage, GateDecision::Crash);
        let gate = keeper.gate();
        let through = store.reopened(state_options(&gate));
        let shipped = vault().ship(&through, &[gated(&east, &gate), gated(&west, &gate)]).await;
        if !keeper.was_reached() {
            shipped.unwrap();
            break;
        }
        passages += 1;
        assert!(matches!(shipped, Err(VaultError::Crashed(_))), "{shipped:?}");
        let (_folder, found, told) = recovered(&[east.clone(), west.clone()]).await.unwrap();
        assert!(told.remarks.is_empty(), "{:?}", told.remarks);
        assert!(before[3..].contains(&contents(&found).await), "after passage {passage}");
        let shipments = vault().ship(&store, &[east.clone(), west.clone()]).await.unwrap();
        assert!(shipments.iter().all(|shipment| shipment.arrival.is_there() && shipment.findings.is_empty()));
        let (_folder, found, _) = recovered(&[east, west]).await.unwrap();
        assert_eq!(contents(&found).await, before[4], "after passage {passage}");
    }
    assert!(passages >= 20, "only {passages} passages");
}

#[tokio::test]
async fn a_crash_or_a_lost_answer_at_any_passage_of_an_append_loses_nothing_that_was_told() {
    for decision in [GateDecision::Crash, GateDecision::Lose] {
        let mut passages = 0;
        for passage in 1..ENOUGH {
            let (local, west) = (state().await, location("west"));
            let keeper = At::passage(passage, decision);
            let gate = keeper.gate();
            let ahead = ObjectLog::new(gated(&west, &gate).objects, key()).unwrap();
            let log = AheadLog::new(ahead, local.reopened(state_options(&gate)));
            let mut told = 0;
            let mut doubt = false;
            while told < 3 {
                match log.append("run", Seq(told), &event(told)).await {
                    Ok(Appended::At(seq)) => told = seq.0,
                    Ok(Appended::Conflict { .. }) => panic!("nobody else appends"),
                    Err(LogError::Unavailable { .. }) => break,
                    Err(LogError::Unknown { .. } | LogError::Crashed(_)) => {
                        doubt = true;
                        break;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            if !keeper.was_reached() {
                assert_eq!(told, 3);
                break;
            }
            passages += 1;
            let there = crate::fixtures::log(&west).read("run").await.unwrap();
            let here = Log::read(&local, "run").await.unwrap();
            assert!(here.len() <= there.len(), "the state was ahead after passage {passage}");
            let length = there.len() as u64;
            assert!(length == told || doubt && length == told + 1, "{length} events, {told} told, {passage}");
            // The next process, and a controller elsewhere whose state knows nothing of the run.
            for local in [local, state().await] {
                let next = AheadLog::new(crate::fixtures::log(&west), local.clone());
                let events = next.read("run").await.unwrap();
                assert!(events.iter().zip(0..).all(|(recorded, number)| recorded.event == event(number)));
                let length = events.len() as u64;
                assert_eq!(
                    next.append("run", Seq(length), &event(length)).await.unwrap(),
                    Appended::At(Seq(length + 1))
                );
                assert_eq!(Log::read(&local, "run").await.unwrap(), next.read("run").await.unwrap());
            }
        }
        assert!(passages >= 10, "only {passages} passages");
    }
}

#[tokio::test]
async fn a_crash_at_any_passage_of_a_recovery_leaves_a_whole_state_or_none_and_the_next_one_stands() {
    let (store, west) = (state().await, location("west"));
    work(&store, 1).await;
    vault().ship(&store, std::slice::from_ref(&west)).await.unwrap();
    let ahead = AheadLog::new(log(&west), store.clone());
    for number in 0..3 {
        ahead.append("run", Seq(number), &event(number)).await.unwrap();
    }
    let expected = contents(&store).await;
    let mut passages = 0;
    for passage in 1..ENOUGH {
        let folder = TempDir::new().unwrap();
        let into = folder.path().join("state.db");
        let keeper = At::passage(passage, GateDecision::Crash);
        let gate = keeper.gate();
        let crashing = RecoverOptions { gate: gate.clone(), ..options() };
        let first = recover(&[gated(&west, &gate)], &key(), &into, crashing).await;
        let crashed = matches!(first, Err(VaultError::Crashed(_)));
        assert_eq!(crashed, keeper.was_reached(), "{first:?}");
        let again = recover(std::slice::from_ref(&west), &key(), &into, options()).await;
        if into.exists() && again.is_err() {
            assert!(matches!(again, Err(VaultError::Store(StoreError::Exists { .. }))), "{again:?}");
        }
        let found = Store::open(&into, state_options(&Gate::open())).await.unwrap();
        assert_eq!(contents(&found).await, expected, "after passage {passage}");
        let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(names.into_iter().all(|name| !name.to_string_lossy().contains("unfinished")));
        if !crashed {
            break;
        }
        passages += 1;
    }
    assert!(passages >= 10, "only {passages} passages");
}
