//! Both logs keep the contract of a log, in memory and in folders.

use std::sync::Arc;

use tempfile::TempDir;
use twinlake_base::Gate;
use twinlake_objects::Objects;
use twinlake_store::Store;
use twinlake_vault::{AheadLog, ObjectLog};
use twinlake_workflow::{Appended, Log, LogError, Seq};

use crate::fixtures::*;

fn folder() -> (TempDir, Objects) {
    let folder = TempDir::new().unwrap();
    let url = format!("file://{}", folder.path().display());
    let objects = Objects::open(&url, through(Gate::open())).unwrap();
    (folder, objects)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_objects_keeps_the_contract() {
    twinlake_workflow::conformance::holds(ObjectLog::new(memory(), key()).unwrap()).await;
    let (_folder, objects) = folder();
    twinlake_workflow::conformance::holds(ObjectLog::new(objects, key()).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_ahead_of_the_state_keeps_the_contract() {
    let ahead = ObjectLog::new(memory(), key()).unwrap();
    twinlake_workflow::conformance::holds(AheadLog::new(ahead, state().await)).await;
    let (folder, objects) = folder();
    let state = Store::open(folder.path().join("state.db"), state_options(&Gate::open())).await.unwrap();
    let ahead = ObjectLog::new(objects, key()).unwrap();
    twinlake_workflow::conformance::holds(AheadLog::new(ahead, state)).await;
}

/// A listing that is on its way does not show what a clone appends meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_reads_while_clones_append_misses_nothing_and_calls_nothing_gone() {
    let (_folder, objects) = folder();
    let log = AheadLog::new(ObjectLog::new(objects, key()).unwrap(), state().await);
    for run in 0..40 {
        let run = format!("run-{run}");
        let readers = (0..6).map(|_| {
            let (log, run) = (log.clone(), run.clone());
            tokio::spawn(async move {
                let mut longest = 0;
                for _ in 0..8 {
                    let length = log.read(&run).await.unwrap().len();
                    assert!(length >= longest, "{length} after {longest}");
                    longest = length;
                    log.runs().await.unwrap();
                }
            })
        });
        let readers: Vec<_> = readers.collect();
        for end in 0..5 {
            assert_eq!(log.append(&run, Seq(end), &event(end)).await.unwrap(), Appended::At(Seq(end + 1)));
        }
        for reader in readers {
            reader.await.unwrap();
        }
    }
}

/// Each writer is a controller with a state of its own, and the store loses answers on both sides of the effect.
#[tokio::test(flavor = "multi_thread")]
async fn of_controllers_that_race_and_lose_answers_one_wins_each_number_and_all_read_the_same() {
    const CONTROLLERS: u64 = 4;
    for (objects, _folder) in [(memory(), None), {
        let (folder, objects) = folder();
        (objects, Some(folder))
    }] {
        let mut logs = Vec::new();
        for controller in 0..CONTROLLERS {
            let keeper = Lossy { one_in: 3, drawn: controller.into() };
            let objects = objects.reopened(through(Gate::kept_by(Arc::new(keeper))));
            logs.push(AheadLog::new(ObjectLog::new(objects, key()).unwrap(), state().await));
        }
        for end in 0..20 {
            let racers = logs.iter().zip(0..).map(|(log, controller)| {
                let log = log.clone();
                tokio::spawn(async move {
                    match log.append("race", Seq(end), &event(controller)).await {
                        Ok(Appended::At(seq)) => {
                            assert_eq!(seq, Seq(end + 1));
                            Some(controller)
                        }
                        Ok(Appended::Conflict { .. }) | Err(LogError::Unknown { .. }) => None,
                        Err(error) => panic!("{error}"),
                    }
                })
            });
            let mut winners = Vec::new();
            for racer in racers.collect::<Vec<_>>() {
                winners.extend(racer.await.unwrap());
            }
            assert!(winners.len() <= 1, "{winners:?} won number {}", end + 1);
            let mut last = logs[0].read("race").await.unwrap();
            if last.len() as u64 == end {
                // Every answer was lost for good: somebody tries again.
                logs[0].append("race", Seq(end), &event(99)).await.unwrap();
                last = logs[0].read("race").await.unwrap();
            }
            assert_eq!(last.len() as u64, end + 1);
            if let [winner] = winners[..] {
                assert_eq!(last[usize::try_from(end).unwrap()].event, event(winner));
            }
            for log in &logs {
                assert_eq!(log.read("race").await.unwrap(), last);
            }
        }
    }
}
