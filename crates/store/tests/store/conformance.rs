//! One suite for every backend: each function is a promise.

use std::collections::BTreeSet;

use tempfile::TempDir;
use twinlake_model::{Digest, Document, Fence, FenceLevel, SeenRun, Snapshot, Verdict};
use twinlake_store::{Approval, Cycle, Store, StoreError};

use crate::fixtures::*;

macro_rules! every_store_promises_that {
    ($($promise:ident),+ $(,)?) => {
        mod in_a_file {
            $(#[tokio::test]
            async fn $promise() {
                let (_folder, store) = crate::fixtures::on_disk().await;
                super::$promise(store).await;
            })+
        }
        mod in_memory {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(twinlake_store::Store::in_memory(crate::fixtures::options()).await.unwrap()).await;
            })+
        }
    };
}

every_store_promises_that! {
    bytes_come_back_by_their_digest_and_only_once,
    documents_come_back_many_at_a_time,
    what_is_not_there_is_named,
    a_snapshot_of_manifests_that_are_not_kept_is_refused,
    snapshots_come_newest_first_and_apart_by_place,
    a_pair_replaces_what_either_side_was_paired_with,
    the_id_map_of_a_set_holds_no_other_set,
    ids_are_found_by_what_people_paste,
    a_base_belongs_to_one_direction,
    an_intent_stays_open_until_it_is_closed_once,
    a_creation_that_cannot_close_its_intent_pairs_nothing,
    a_deletion_forgets_the_copy_and_nothing_else,
    a_tombstone_keeps_its_first_date,
    only_the_latest_ended_cycle_keeps_its_verdicts,
    a_cycle_ends_once,
    the_audit_is_a_chain,
    handles_share_one_state,
    every_verdict_survives,
    the_log_of_runs_keeps_its_contract,
    groups_that_share_a_direction_keep_verdicts_of_their_own,
    a_look_at_the_ledger_is_newest_wins_and_never_goes_back,
    the_ledger_tells_what_ran_since_a_moment_and_what_had_not_ended,
    the_ledger_forgets_only_what_has_ended,
    a_fence_stands_per_group_and_place_until_it_is_lifted,
    a_run_finds_the_snapshot_that_it_made,
    what_a_run_has_pinned_stays_pinned,
    approvals_are_added_in_order_and_told_apart_by_subject,
    a_row_of_the_audit_vouches_for_those_before_it,
    an_export_is_a_state_that_stands_elsewhere,
}

async fn groups_that_share_a_direction_keep_verdicts_of_their_own(store: Store) {
    let (finance, sales) = (finance(), "sales".into());
    for (group, number) in [(&finance, 1), (&sales, 2)] {
        let cycle = Cycle { group: group.clone(), ..cycle("run-1") };
        let id = store.begin_cycle(&cycle).await.unwrap();
        store.end_cycle(id, &cycle_end(true), &[outcome(number, Verdict::InSync)]).await.unwrap();
    }
    for (group, number) in [(&finance, 1), (&sales, 2)] {
        let outcomes = store.outcomes(group, &east(), &west()).await.unwrap();
        assert_eq!(outcomes, [outcome(number, Verdict::InSync)]);
    }
    assert!(store.outcomes(&"other".into(), &east(), &west()).await.unwrap().is_empty());
    assert!(store.outcomes(&finance, &west(), &east()).await.unwrap().is_empty());
}

async fn a_look_at_the_ledger_is_newest_wins_and_never_goes_back(store: Store) {
    assert_eq!(store.last_ledger_look(&east()).await.unwrap(), None);
    store.put_seen_runs(&east(), at(10), &[]).await.unwrap();
    assert_eq!(store.last_ledger_look(&east()).await.unwrap(), Some(at(10)));
    assert_eq!(store.last_ledger_look(&west()).await.unwrap(), None);
    let (running, ended) = (seen_run(1, 5, None, 11), seen_run(1, 5, Some(12), 13));
    store.put_seen_runs(&east(), at(13), std::slice::from_ref(&ended)).await.unwrap();
    store.put_seen_runs(&east(), at(11), std::slice::from_ref(&running)).await.unwrap();
    assert_eq!(store.seen_runs(&east(), None).await.unwrap(), [ended]);
    assert_eq!(store.last_ledger_look(&east()).await.unwrap(), Some(at(13)));
    let more: Vec<_> = (0..1_200).map(|number| seen_run(number, 5, None, 20)).collect();
    store.put_seen_runs(&east(), at(20), &more).await.unwrap();
    assert_eq!(store.active_runs(&east()).await.unwrap().len(), more.len());
}

async fn the_ledger_tells_what_ran_since_a_moment_and_what_had_not_ended(store: Store) {
    let runs = [
        seen_run(1, 1, Some(4), 20),
        seen_run(2, 2, None, 20),
        seen_run(3, 3, Some(10), 20),
        seen_run(4, 12, Some(15), 20),
    ];
    let elsewhere = SeenRun { place: west(), ..seen_run(9, 1, None, 20) };
    store.put_seen_runs(&east(), at(20), &runs).await.unwrap();
    store.put_seen_runs(&west(), at(20), std::slice::from_ref(&elsewhere)).await.unwrap();
    assert_eq!(store.seen_runs(&east(), None).await.unwrap(), runs);
    assert_eq!(store.seen_runs(&east(), Some(at(10))).await.unwrap(), runs[1..]);
    assert_eq!(store.active_runs(&east()).await.unwrap(), runs[1..2]);
    assert_eq!(store.active_runs(&west()).await.unwrap(), [elsewhere]);
}

async fn the_ledger_forgets_only_what_has_ended(store: Store) {
    let runs = [seen_run(1, 1, Some(4), 20), seen_run(2, 2, None, 20), seen_run(3, 3, Some(10), 20)];
    store.put_seen_runs(&east(), at(20), &runs).await.unwrap();
    assert_eq!(store.forget_seen_runs(&west(), at(99)).await.unwrap(), 0);
    assert_eq!(store.forget_seen_runs(&east(), at(10)).await.unwrap(), 1);
    assert_eq!(store.seen_runs(&east(), None).await.unwrap(), runs[1..]);
}

async fn a_fence_stands_per_group_and_place_until_it_is_lifted(store: Store) {
    let (finance, sales) = (finance(), "sales".into());
    assert_eq!(store.fence(&finance, &east()).await.unwrap(), None);
    let unconfirmed = fence(&finance, east());
    let confirmed = Fence { level: Some(FenceLevel::L1), confirmed_at: Some(at(9)), ..unconfirmed.clone() };
    let other = fence(&sales, east());
    let second = fence(&finance, "maintenance@east".parse().unwrap());
    for fence in [&unconfirmed, &other, &second, &confirmed] {
        store.put_fence(fence).await.unwrap();
    }
    assert_eq!(store.fences(&finance).await.unwrap(), [second.clone(), confirmed.clone()]);
    assert_eq!(store.fence(&finance, &east()).await.unwrap(), Some(confirmed));
    for _ in 0..2 {
        store.remove_fence(&finance, &east()).await.unwrap();
    }
    assert_eq!(store.fences(&finance).await.unwrap(), [second]);
    assert_eq!(store.fences(&sales).await.unwrap(), [other]);
}

async fn a_run_finds_the_snapshot_that_it_made(store: Store) {
    let digest = store.put_manifest(&manifest(1)).await.unwrap();
    let made = |run: &str, second| Snapshot { run: run.into(), ..snapshot(second, digest) };
    for one in [made("run-1", 1), made("run-2", 2), made("run-2", 3), made("run-3", 4)] {
        store.put_snapshot(&one).await.unwrap();
    }
    assert_eq!(store.snapshot(&east(), &"run-1".into()).await.unwrap(), Some(made("run-1", 1)));
    assert_eq!(store.snapshot(&east(), &"run-2".into()).await.unwrap(), Some(made("run-2", 3)));
    assert_eq!(store.snapshot(&east(), &"run-9".into()).await.unwrap(), None);
    assert_eq!(store.snapshot(&west(), &"run-1".into()).await.unwrap(), None);
}

async fn what_a_run_has_pinned_stays_pinned(store: Store) {
    let failover = "failover-1".into();
    assert_eq!(store.pin_latest_snapshot(&east(), &failover).await.unwrap(), None);
    let digest = store.put_manifest(&manifest(1)).await.unwrap();
    let (before, later) = (snapshot(1, digest), snapshot(2, digest));
    store.put_snapshot(&before).await.unwrap();
    assert_eq!(store.pinned_snapshot(&east(), &failover).await.unwrap(), None);
    assert_eq!(store.pin_latest_snapshot(&east(), &failover).await.unwrap(), Some(before.clone()));
    store.put_snapshot(&later).await.unwrap();
    assert_eq!(store.pin_latest_snapshot(&east(), &failover).await.unwrap(), Some(before.clone()));
    assert_eq!(store.pinned_snapshot(&east(), &failover).await.unwrap(), Some(before));
    assert_eq!(store.pin_latest_snapshot(&east(), &"failover-2".into()).await.unwrap(), Some(later));
    assert_eq!(store.pinned_snapshot(&west(), &failover).await.unwrap(), None);
}

async fn approvals_are_added_in_order_and_told_apart_by_subject(store: Store) {
    let approval = |subject: &str, by: &str, note: Option<&str>| Approval {
        subject: subject.to_owned(),
        by: by.to_owned(),
        at: at(3),
        note: note.map(str::to_owned),
    };
    let given = [
        approval("plan 1", "ana", None),
        approval("plan 1", "bo", Some("after the stand-up")),
        approval("plan 1", "ana", None),
    ];
    store.put_approval(&approval("plan 2", "ana", None)).await.unwrap();
    for approval in &given {
        store.put_approval(approval).await.unwrap();
    }
    assert_eq!(store.approvals("plan 1").await.unwrap(), given);
    assert_eq!(store.approvals("plan").await.unwrap(), []);
}

async fn a_row_of_the_audit_vouches_for_those_before_it(store: Store) {
    assert_eq!(store.audit_head().await.unwrap(), None);
    let first = store.append_audit(&audit_entry("one")).await.unwrap();
    let second = store.append_audit(&audit_entry("two")).await.unwrap();
    assert_eq!(store.audit_head().await.unwrap(), Some((2, second)));
    assert_eq!(store.audit_digest(1).await.unwrap(), Some(first));
    assert_eq!(store.audit_digest(3).await.unwrap(), None);
}

async fn an_export_is_a_state_that_stands_elsewhere(store: Store) {
    for number in 0..STEPS {
        step(&store, number).await.unwrap();
    }
    let writes = store.writes();
    let before = everything_in(&store).await;
    let (export, again) = (store.export().await.unwrap(), store.export().await.unwrap());
    assert!(export.bytes == again.bytes, "nobody wrote in between");
    assert_eq!((export.audit, export.writes), (store.audit_head().await.unwrap(), writes));
    assert_eq!(store.writes(), writes, "reading is no write");
    let folder = TempDir::new().unwrap();
    let (copy, drafted) = (folder.path().join("copy.db"), folder.path().join("drafted.db"));
    store.export_to(&copy).await.unwrap();
    let draft = Store::draft(&drafted, &export.bytes, options()).await.unwrap();
    assert!(!drafted.exists(), "a draft does not stand in its place");
    draft.store().put_meta("estate", "acme").await.unwrap();
    draft.finish().await.unwrap();
    for path in [&copy, &drafted] {
        let found = Store::open(path, options()).await.unwrap();
        assert_eq!(everything_in(&found).await, before, "{}", path.display());
    }
    let mut left: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    assert_eq!(left, ["copy.db", "copy.db.lock", "drafted.db", "drafted.db.lock"]);
    assert!(matches!(store.export_to(&copy).await, Err(StoreError::Exists { .. })));
    store.put_meta("estate", "acme").await.unwrap();
    assert_eq!(store.writes(), writes + 1);
}

async fn the_log_of_runs_keeps_its_contract(store: Store) {
    twinlake_workflow::conformance::holds(store).await;
}

async fn bytes_come_back_by_their_digest_and_only_once(store: Store) {
    for bytes in [&b""[..], b"x", &[7; 300_000]] {
        let digest = store.put_blob(bytes).await.unwrap();
        assert_eq!(digest, Digest::of(bytes));
        assert_eq!(store.put_blob(bytes).await.unwrap(), digest);
        assert_eq!(store.blob(digest).await.unwrap(), bytes);
        assert!(store.has_blob(digest).await.unwrap());
    }
}

async fn documents_come_back_many_at_a_time(store: Store) {
    let documents: Vec<Document> =
        (0..2_500).map(|number| serde_json::json!({ "b": number, "a": "é" }).into()).collect();
    let digests = store.put_documents(&documents).await.unwrap();
    let found = store.documents(&digests).await.unwrap();
    for (digest, document) in digests.iter().zip(&documents) {
        assert_eq!(digest, &document.digest());
        assert_eq!(&found[digest], document);
    }
    assert_eq!(store.document(digests[0]).await.unwrap(), documents[0]);
    let absent = Digest::of(b"absent");
    assert_eq!(store.missing_blobs(&[digests[1], absent]).await.unwrap(), BTreeSet::from([absent]));
}

async fn what_is_not_there_is_named(store: Store) {
    let absent = Digest::of(b"absent");
    assert!(matches!(store.blob(absent).await, Err(StoreError::MissingBlob { what: "blob", .. })));
    assert!(matches!(store.manifest(absent).await, Err(StoreError::MissingBlob { what: "manifest", .. })));
    assert!(matches!(store.documents(&[absent]).await, Err(StoreError::MissingBlob { .. })));
    assert_eq!(store.latest_snapshot(&east()).await.unwrap(), None);
    assert!(store.bases(&east(), &west()).await.unwrap().is_empty());
    assert!(store.open_intents(&west()).await.unwrap().is_empty());
    assert!(store.outcomes(&finance(), &east(), &west()).await.unwrap().is_empty());
    assert_eq!(store.last_cycle(&east(), &west()).await.unwrap(), None);
    assert_eq!(store.meta("estate").await.unwrap(), None);
}

async fn a_snapshot_of_manifests_that_are_not_kept_is_refused(store: Store) {
    let refused = store.put_snapshot(&snapshot(1, Digest::of(b"absent"))).await;
    assert!(matches!(refused, Err(StoreError::MissingBlob { what: "manifest", .. })));
    assert_eq!(store.latest_snapshot(&east()).await.unwrap(), None);
}

async fn snapshots_come_newest_first_and_apart_by_place(store: Store) {
    let digest = store.put_manifest(&manifest(1)).await.unwrap();
    assert_eq!(store.manifest(digest).await.unwrap(), manifest(1));
    let (old, new) = (snapshot(1, digest), snapshot(2, digest));
    store.put_snapshot(&old).await.unwrap();
    store.put_snapshot(&new).await.unwrap();
    assert_eq!(store.latest_snapshot(&east()).await.unwrap(), Some(new.clone()));
    assert_eq!(store.snapshots(&east(), 10).await.unwrap(), [new, old]);
    assert_eq!(store.snapshots(&west(), 10).await.unwrap(), []);
}

async fn a_pair_replaces_what_either_side_was_paired_with(store: Store) {
    store.pair(&job(1), &west(), &"77".into()).await.unwrap();
    store.pair_all(&[(job(2), west(), "78".into()), (job(1), west(), "78".into())]).await.unwrap();
    let map = store.id_map(&"prod".into()).await.unwrap();
    assert_eq!(map.remote(&job(1), &west()), Some(&"78".into()));
    assert_eq!(map.remote(&job(2), &west()), None);
    assert_eq!(map.known(&"job".into(), &west(), &"77".into()), None);
    store.unpair(&job(1), &west()).await.unwrap();
    assert_eq!(store.id_map(&"prod".into()).await.unwrap().pairs().count(), 0);
}

async fn the_id_map_of_a_set_holds_no_other_set(store: Store) {
    let other = "maintenance@west".parse().unwrap();
    store.pair(&job(1), &west(), &"77".into()).await.unwrap();
    store.pair(&job(2), &other, &"77".into()).await.unwrap();
    let map = store.id_map(&"prod".into()).await.unwrap();
    assert_eq!(map.pairs().collect::<Vec<_>>(), [(&job(1), &west(), &"77".into())]);
}

async fn ids_are_found_by_what_people_paste(store: Store) {
    store.pair(&job(1), &west(), &"77".into()).await.unwrap();
    store.pair(&job(1), &east(), &"1".into()).await.unwrap();
    store.pair(&job(9), &west(), &"99".into()).await.unwrap();
    let both = [(job(1), east(), "1".into()), (job(1), west(), "77".into())];
    assert_eq!(store.find_ids("77").await.unwrap(), both);
    assert_eq!(store.find_ids("job/prod@east/1").await.unwrap(), both);
    assert_eq!(store.find_ids("no such thing").await.unwrap(), []);
}

async fn a_base_belongs_to_one_direction(store: Store) {
    store.put_bases(&[base(1), base(2)]).await.unwrap();
    let mut newer = base(1);
    newer.sent = version("newer");
    store.put_base(&newer).await.unwrap();
    let bases = store.bases(&east(), &west()).await.unwrap();
    assert_eq!(bases.len(), 2);
    assert_eq!(bases[&job(1)], newer);
    assert_eq!(bases[&job(2)], base(2));
    assert!(store.bases(&west(), &east()).await.unwrap().is_empty());
    store.remove_base(&job(1), &west(), &east()).await.unwrap();
    assert_eq!(store.bases(&east(), &west()).await.unwrap().len(), 2);
    store.remove_base(&job(1), &east(), &west()).await.unwrap();
    assert_eq!(store.bases(&east(), &west()).await.unwrap().len(), 1);
}

async fn an_intent_stays_open_until_it_is_closed_once(store: Store) {
    let one = store.open_intent(&intent(1)).await.unwrap();
    let two = store.open_intent(&intent(2)).await.unwrap();
    assert_eq!(store.open_intents(&west()).await.unwrap(), [(one, intent(1)), (two, intent(2))]);
    store.close_intent(two).await.unwrap();
    assert!(matches!(store.close_intent(two).await, Err(StoreError::NotOpen { what: "intent", .. })));
    let three = store.open_intent(&intent(2)).await.unwrap();
    assert_ne!(two, three, "a number never comes back");
    assert!(store.open_intents(&east()).await.unwrap().is_empty());
}

async fn a_creation_that_cannot_close_its_intent_pairs_nothing(store: Store) {
    let intent = store.open_intent(&intent(1)).await.unwrap();
    store.close_intent(intent).await.unwrap();
    assert!(store.record_created(intent, &base(1), &"77".into()).await.is_err());
    assert_eq!(store.id_map(&"prod".into()).await.unwrap().pairs().count(), 0);
    assert!(store.bases(&east(), &west()).await.unwrap().is_empty());
}

async fn a_deletion_forgets_the_copy_and_nothing_else(store: Store) {
    store.put_bases(&[base(1), base(2)]).await.unwrap();
    store.pair_all(&[(job(1), west(), "77".into()), (job(2), west(), "78".into())]).await.unwrap();
    store.put_tombstone(&tombstone(1, 1)).await.unwrap();
    store.put_tombstone(&tombstone(2, 1)).await.unwrap();
    let intent = store.open_intent(&intent(1)).await.unwrap();
    store.record_deleted(intent, &job(1), &east(), &west()).await.unwrap();
    assert_eq!(store.bases(&east(), &west()).await.unwrap().into_keys().collect::<Vec<_>>(), [job(2)]);
    assert_eq!(store.tombstones(&east()).await.unwrap().into_keys().collect::<Vec<_>>(), [job(2)]);
    assert_eq!(store.id_map(&"prod".into()).await.unwrap().pairs().count(), 1);
    assert!(store.open_intents(&west()).await.unwrap().is_empty());
}

async fn a_tombstone_keeps_its_first_date(store: Store) {
    store.put_tombstone(&tombstone(1, 1)).await.unwrap();
    store.put_tombstone(&tombstone(1, 2)).await.unwrap();
    assert_eq!(store.tombstones(&east()).await.unwrap()[&job(1)], tombstone(1, 1));
    store.clear_tombstone(&job(1), &east()).await.unwrap();
    assert!(store.tombstones(&east()).await.unwrap().is_empty());
    store.put_tombstone(&tombstone(1, 2)).await.unwrap();
    assert_eq!(store.tombstones(&east()).await.unwrap()[&job(1)], tombstone(1, 2));
}

async fn only_the_latest_ended_cycle_keeps_its_verdicts(store: Store) {
    let first = store.begin_cycle(&cycle("run-1")).await.unwrap();
    store.end_cycle(first, &cycle_end(false), &[outcome(1, Verdict::InSync)]).await.unwrap();
    let second = store.begin_cycle(&cycle("run-2")).await.unwrap();
    assert_eq!(
        store.outcomes(&finance(), &east(), &west()).await.unwrap().len(),
        1,
        "a running cycle has none yet"
    );
    let running = store.last_cycle(&east(), &west()).await.unwrap().unwrap();
    assert_eq!((running.id, running.cycle, running.end), (second, cycle("run-2"), None));
    store.end_cycle(second, &cycle_end(true), &[]).await.unwrap();
    assert_eq!(store.outcomes(&finance(), &east(), &west()).await.unwrap(), []);
    let ended = store.last_cycle(&east(), &west()).await.unwrap().unwrap();
    assert_eq!(ended.end, Some(cycle_end(true)));
    assert_eq!(store.cycles(&east(), &west(), 10).await.unwrap().len(), 2);
}

async fn a_cycle_ends_once(store: Store) {
    let id = store.begin_cycle(&cycle("run-1")).await.unwrap();
    store.end_cycle(id, &cycle_end(true), &[outcome(1, Verdict::InSync)]).await.unwrap();
    let again = store.end_cycle(id, &cycle_end(false), &[]).await;
    assert!(matches!(again, Err(StoreError::NotOpen { what: "cycle", .. })));
    assert_eq!(store.outcomes(&finance(), &east(), &west()).await.unwrap().len(), 1);
}

async fn the_audit_is_a_chain(store: Store) {
    assert_eq!(store.verify_audit().await.unwrap().head, None);
    let first = store.append_audit(&audit_entry("one")).await.unwrap();
    let second = store.append_audit(&audit_entry("one")).await.unwrap();
    assert_ne!(first, second, "equal entries at different places are different rows");
    let report = store.verify_audit().await.unwrap();
    assert_eq!((report.rows, report.head, report.broken), (2, Some(second), None));
    let rows = store.audit(1).await.unwrap();
    assert_eq!((rows[0].number, &rows[0].entry, rows.len()), (2, &audit_entry("one"), 1));
}

async fn handles_share_one_state(store: Store) {
    let other = store.clone();
    let writers = (0..20).map(|number| {
        let store = store.clone();
        tokio::spawn(async move { store.put_base(&base(number)).await })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(other.bases(&east(), &west()).await.unwrap().len(), 20);
}

async fn every_verdict_survives(store: Store) {
    let why = || "because".to_owned();
    let outcomes: Vec<_> = [
        Verdict::InSync,
        Verdict::Lagging { why: why() },
        Verdict::Drifted { fields: vec![why()] },
        Verdict::Partial { fields: vec![why()] },
        Verdict::Skipped { reason: why() },
        Verdict::Unsupported { reason: why() },
        Verdict::Unmapped { reference: why() },
        Verdict::Diverged { why: why() },
        Verdict::Failed { error: why() },
        Verdict::Unknown { why: why() },
        Verdict::Unmanaged { note: None },
    ]
    .into_iter()
    .zip(0..)
    .map(|(verdict, number)| outcome(number, verdict))
    .collect();
    let id = store.begin_cycle(&cycle("run-1")).await.unwrap();
    store.end_cycle(id, &cycle_end(true), &outcomes).await.unwrap();
    assert_eq!(store.outcomes(&finance(), &east(), &west()).await.unwrap(), outcomes);
}
