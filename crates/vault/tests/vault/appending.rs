//! What a run's log does when its copies differ, vanish or are damaged.

use twinlake_base::Gate;
use twinlake_objects::Objects;
use twinlake_store::Store;
use twinlake_vault::{AheadLog, Key, ObjectLog, VaultError};
use twinlake_workflow::{Appended, Log, LogError, Seq};

use crate::fixtures::*;

async fn three_events(log: &dyn Log) {
    for number in 0..3 {
        assert_eq!(
            log.append("run", Seq(number), &event(number)).await.unwrap(),
            Appended::At(Seq(number + 1))
        );
    }
}

#[tokio::test]
async fn a_second_controller_goes_on_where_the_first_one_was_lost_and_the_first_learns_of_it() {
    let west = location("west");
    let (first, second) = (state().await, state().await);
    let one = AheadLog::new(log(&west), first.clone());
    let two = AheadLog::new(log(&west), second.clone());
    three_events(&one).await;
    assert_eq!(two.runs().await.unwrap(), ["run"]);
    assert_eq!(two.read("run").await.unwrap().len(), 3);
    assert_eq!(Log::read(&second, "run").await.unwrap().len(), 3, "reading heals the local state");
    assert_eq!(two.append("run", Seq(3), &event(3)).await.unwrap(), Appended::At(Seq(4)));
    assert_eq!(one.append("run", Seq(3), &event(9)).await.unwrap(), Appended::Conflict { last: Seq(4) });
    assert_eq!(Log::read(&first, "run").await.unwrap().len(), 4, "a conflict heals the local state");
    assert_eq!(one.read("run").await.unwrap()[3].event, event(3));
}

#[tokio::test]
async fn while_nobody_else_appends_an_append_is_one_request() {
    let west = location("west");
    let log = AheadLog::new(log(&west), state().await);
    three_events(&log).await;
    let before = west.objects.counts();
    for number in 3..10 {
        log.append("run", Seq(number), &event(number)).await.unwrap();
    }
    let after = west.objects.counts();
    assert_eq!((after.puts - before.puts, after.gets - before.gets, after.lists - before.lists), (7, 0, 0));
    log.read("run").await.unwrap();
    let read = west.objects.counts();
    assert_eq!((read.gets - after.gets, read.lists - after.lists), (0, 1));
}

#[tokio::test]
async fn runs_from_before_there_was_a_key_are_read_and_go_on_in_both_copies() {
    let (west, local) = (location("west"), state().await);
    three_events(&local).await;
    let both = AheadLog::new(log(&west), local);
    assert_eq!(both.runs().await.unwrap(), ["run"]);
    assert_eq!(both.read("run").await.unwrap().len(), 3);
    assert_eq!(log(&west).read("run").await.unwrap(), [], "reading ships nothing");
    assert_eq!(both.append("run", Seq(3), &event(3)).await.unwrap(), Appended::At(Seq(4)));
    assert_eq!(log(&west).read("run").await.unwrap(), both.read("run").await.unwrap());
}

#[tokio::test]
async fn a_location_that_was_emptied_is_filled_again_by_the_next_process() {
    let (west, local) = (location("west"), state().await);
    three_events(&AheadLog::new(log(&west), local.clone())).await;
    for object in west.objects.list("runs").await.unwrap() {
        west.objects.delete(&object.name).await.unwrap();
    }
    let next = AheadLog::new(log(&west), local);
    assert_eq!(next.append("run", Seq(3), &event(3)).await.unwrap(), Appended::At(Seq(4)));
    assert_eq!(log(&west).read("run").await.unwrap().len(), 4);
}

#[tokio::test]
async fn copies_that_differ_are_told_and_none_is_changed() {
    let (west, local) = (location("west"), state().await);
    local.append("run", Seq(0), &event(0)).await.unwrap();
    local.append("run", Seq(1), &event(77)).await.unwrap();
    three_events(&log(&west)).await;
    let both = AheadLog::new(log(&west), local.clone());
    for error in
        [both.read("run").await.unwrap_err(), both.append("run", Seq(2), &event(2)).await.unwrap_err()]
    {
        assert!(matches!(&error, LogError::Damaged { detail, .. } if detail.contains("event 2")), "{error}");
        assert!(error.hint().is_some());
    }
    assert_eq!(
        (Log::read(&local, "run").await.unwrap().len(), log(&west).read("run").await.unwrap().len()),
        (2, 3)
    );
}

#[tokio::test]
async fn an_event_that_is_gone_is_named_and_no_part_is_given_as_the_whole() {
    let west = location("west");
    let writer = log(&west);
    three_events(&writer).await;
    west.objects.delete("runs/run/00000002").await.unwrap();
    for log in [log(&west), writer] {
        let error = log.read("run").await.unwrap_err();
        assert!(
            matches!(&error, LogError::Damaged { detail, .. } if detail.contains("runs/run/00000002")),
            "{error}"
        );
    }
    west.objects.delete("runs/run/00000003").await.unwrap();
    let shorter = log(&west).read("run").await.unwrap();
    assert_eq!(shorter.len(), 1, "whoever never saw more cannot know");
}

#[tokio::test]
async fn an_object_that_was_cut_or_changed_or_moved_is_named() {
    let west = location("west");
    three_events(&log(&west)).await;
    let name = "runs/run/00000002";
    let whole = west.objects.get(name).await.unwrap().unwrap().to_vec();
    let another = west.objects.get("runs/run/00000001").await.unwrap().unwrap().to_vec();
    let mut changed = vec![whole[..whole.len() - 1].to_vec(), Vec::new(), another];
    for at in [0, 30, 100, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        changed.push(flipped);
    }
    for bytes in changed {
        west.objects.delete(name).await.unwrap();
        west.objects.put_if_absent(name, bytes).await.unwrap();
        let error = log(&west).read("run").await.unwrap_err();
        assert!(matches!(error, LogError::Damaged { .. } | LogError::Unavailable { .. }));
        assert!(error.to_string().contains(name), "{error}");
        assert!(error.hint().is_some());
    }
}

#[tokio::test]
async fn another_key_reads_nothing_and_a_key_without_its_secret_half_keeps_no_log() {
    let west = location("west");
    three_events(&log(&west)).await;
    let error = ObjectLog::new(west.objects.clone(), another_key()).unwrap().read("run").await.unwrap_err();
    assert!(error.to_string().contains("cannot be opened with this key"), "{error}");
    let (_, recipient) = Key::generate();
    let public = Key::new(&[recipient], None).unwrap();
    assert!(matches!(ObjectLog::new(west.objects.clone(), public), Err(VaultError::NoIdentity)));
}

#[tokio::test]
async fn a_state_that_cannot_be_written_is_no_proof_that_nothing_was_appended() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("state.db");
    drop(Store::open(&path, state_options(&Gate::open())).await.unwrap());
    let unwritable = Store::open_to_read(&path, state_options(&Gate::open())).await.unwrap();
    let west = location("west");
    let both = AheadLog::new(log(&west), unwritable);
    let error = both.append("run", Seq(0), &event(0)).await.unwrap_err();
    assert!(matches!(error, LogError::Unknown { .. }), "{error}");
    assert_eq!(log(&west).read("run").await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_location_that_does_not_answer_stops_the_run_before_the_act() {
    let local = state().await;
    let lost = AheadLog::new(log(&lost("west")), local.clone());
    let error = lost.append("run", Seq(0), &event(0)).await.unwrap_err();
    assert!(matches!(error, LogError::Unavailable { .. }), "{error}");
    assert!(lost.read("run").await.is_err());
    assert_eq!(Log::read(&local, "run").await.unwrap(), []);
}

#[tokio::test]
async fn nothing_that_an_event_says_is_legible_in_its_object() {
    let folder = tempfile::TempDir::new().unwrap();
    let url = format!("file://{}", folder.path().display());
    let log = ObjectLog::new(Objects::open(&url, through(Gate::open())).unwrap(), key()).unwrap();
    let mut telling = event(1);
    telling.detail = serde_json::json!({ "approved by": "ana@acme.example" });
    log.append("failover-1", Seq(0), &telling).await.unwrap();
    let bytes = std::fs::read(folder.path().join("runs/failover-1/00000001")).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(!text.contains("acme") && !text.contains("step"), "{text}");
}
