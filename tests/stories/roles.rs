//! One engine for every role: waking a standby and putting a primary to sleep are the same stages with another role.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use serde_json::{Value, json};
use twinlake_databricks::{Permit, PermitRefused, Unguarded};
use twinlake_model::{Role, RunId};
use twinlake_simulator::{Fault, FaultAct};
use twinlake_sync::{Approval, Progress, Report, Route, Silent, Sync, SyncError, Watch};
use twinlake_tests::{Fleet, Site};

use super::house::{HOUR, create_cluster, create_pool, fleet, furnish, job_with_notebook, notable};

/// What decides whether jobs run, by name; names that repeat count each.
fn waking(site: &Site) -> Vec<Value> {
    let mut waking: Vec<Value> = site
        .jobs()
        .into_iter()
        .map(|job| {
            let pause = |at: &str| job.pointer(at).cloned();
            json!({
                "name": job["name"], "runs": job["max_concurrent_runs"], "queue": job["queue"]["enabled"],
                "schedule": pause("/schedule/pause_status"), "trigger": pause("/trigger/pause_status"),
                "continuous": pause("/continuous/pause_status"),
            })
        })
        .collect();
    waking.extend(
        site.list("/api/2.0/instance-pools/list", "instance_pools")
            .into_iter()
            .map(|pool| json!({ "name": pool["instance_pool_name"], "idle": pool["min_idle_instances"] })),
    );
    waking.sort_by_cached_key(Value::to_string);
    waking
}

async fn run(fleet: &Fleet, route: Route, name: &str) -> Report {
    let sync = Sync::new(fleet.store.clone(), fleet.clock.clone(), route, std::sync::Arc::new(Silent));
    sync.run(&RunId::new(name), &Unguarded, Approval::Routine).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_promoted_standby_wakes_as_its_primary_was_and_asks_the_primary_nothing() {
    let fleet = fleet(1).await;
    furnish(fleet.east());
    fleet.sync().await;
    let before = fleet.east().client.counts().requests;

    let mut route = fleet.route(fleet.east(), fleet.west());
    route.role = Role::Primary;
    route.kept = fleet.store.latest_snapshot(&fleet.east().place).await.unwrap();
    let report = run(&fleet, route.clone(), "promote").await;

    assert!(report.is_complete(|_| false), "{:#?}", report.outcomes);
    assert_eq!(waking(fleet.west()), waking(fleet.east()));
    assert_eq!(fleet.east().client.counts().requests, before);
    let once = fleet.effect_count();
    run(&fleet, route, "promote-again").await;
    let twice = fleet.west().effects_after(once);
    assert!(twice.is_empty(), "twice is once: {twice:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_fenced_site_sleeps_with_everything_that_was_made_there_since_and_wakes_as_it_was() {
    let fleet = fleet(2).await;
    furnish(fleet.east());
    fleet.sync().await;
    let kept = fleet.store.latest_snapshot(&fleet.east().place).await.unwrap();
    let awake = waking(fleet.east());
    let tail = fleet.east().create_job(json!({
        "name": "made since", "schedule": { "quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC" },
    }));

    let fence = fleet.route(fleet.east(), fleet.east());
    run(&fleet, fence.clone(), "fence").await;
    fleet.east().estate().assert_asleep();
    assert_eq!(run(&fleet, fence, "fence-again").await.writes, 0, "twice is once");
    assert_eq!(fleet.east().job(tail)["schedule"]["pause_status"], "PAUSED");

    fleet.east().post("/api/2.2/jobs/delete", json!({ "job_id": tail }));
    let mut wake = fleet.route(fleet.east(), fleet.east());
    wake.role = Role::Primary;
    wake.kept = kept;
    run(&fleet, wake, "wake").await;
    assert_eq!(waking(fleet.east()), awake);
}

/// What a fence said it found awake, and by what.
fn found_awake(report: &Report) -> Vec<(String, Vec<String>)> {
    let told = report.found_awake.iter().map(|found| {
        assert!(found.is_asleep, "{found:?}");
        (format!("{} {}", found.asset.kind, found.key), found.fields.clone())
    });
    told.collect()
}

#[tokio::test(start_paused = true)]
async fn a_fence_names_what_it_found_awake_and_a_later_one_only_what_somebody_woke_or_made() {
    let fleet = fleet(3).await;
    let east = fleet.east();
    furnish(east);
    let fence = fleet.route(east, east);
    let first = run(&fleet, fence.clone(), "fence").await;
    assert!(first.found_awake.len() >= 5, "{:#?}", first.found_awake);
    fleet.jump(HOUR);

    // Nothing is awake: it is listed, and that is all.
    let quiet = run(&fleet, fence.clone(), "quiet").await;
    assert_eq!((quiet.writes, quiet.found_awake.len()), (0, 0), "{:#?}", notable(&quiet));
    assert!(quiet.is_complete(|_| false), "{:#?}", notable(&quiet));

    let job = east.jobs_named("nightly")[0]["job_id"].clone();
    let settings = json!({ "max_concurrent_runs": 7 });
    east.post("/api/2.2/jobs/update", json!({ "job_id": job, "new_settings": settings }));
    create_pool(east, "made since", json!({ "min_idle_instances": 3 }));
    let mut pipeline = job_with_notebook("runs what is not kept", "/Shared/etl/load");
    pipeline["tasks"][0] = json!({ "task_key": "main", "pipeline_task": { "pipeline_id": "abc-1" } });
    east.create_job(pipeline);
    let again = run(&fleet, fence, "again").await;
    let named = found_awake(&again);
    let expected = [
        ("instance_pool made since", vec!["/min_idle_instances"]),
        ("job nightly", vec!["/max_concurrent_runs"]),
        ("job runs what is not kept", vec!["/max_concurrent_runs"]),
    ];
    let expected =
        expected.map(|(what, fields)| (what.to_owned(), fields.into_iter().map(str::to_owned).collect()));
    assert_eq!(named, expected);
    let woken = again.found_awake.iter().find(|found| found.key.as_str() == "nightly").unwrap();
    assert_eq!(woken.found.get("/max_concurrent_runs"), Some(&json!(7)));
    assert_eq!(woken.put.get("/max_concurrent_runs"), Some(&json!(0)));
    east.estate().assert_asleep();
}

#[tokio::test(start_paused = true)]
async fn a_fence_writes_no_document_and_no_bytes_also_of_what_was_edited_a_moment_ago() {
    let fleet = fleet(4).await;
    let east = fleet.east();
    furnish(east);
    fleet.sync().await;
    run(&fleet, fleet.route(east, east), "fence").await;
    east.write_notebook("/Shared/etl/load", "print('edited')");
    let effects = fleet.effect_count();
    let report = run(&fleet, fleet.route(east, east), "again").await;
    assert_eq!((report.writes, report.changes), (0, 0), "{:#?}", notable(&report));
    assert!(east.effects_after(effects).is_empty(), "{:#?}", east.effects_after(effects));
    let exported = String::from_utf8(east.export("/Shared/etl/load", "SOURCE")).unwrap();
    assert!(exported.contains("edited"));
}

#[tokio::test(start_paused = true)]
async fn a_fence_leaves_what_others_own_alone_also_copies_of_another_group() {
    let mut fleet = fleet(5).await;
    for name in ["finance-a", "sales-a"] {
        let mut job = job_with_notebook(name, "relative/path");
        job["schedule"] = json!({ "quartz_cron_expression": "0 0 3 * * ?", "timezone_id": "UTC" });
        fleet.east().create_job(job);
    }
    fleet.sync().await;
    let mut promote = fleet.route(fleet.east(), fleet.west());
    promote.role = Role::Primary;
    promote.kept = fleet.store.latest_snapshot(&fleet.east().place).await.unwrap();
    run(&fleet, promote, "promote").await;

    fleet.selection.include = vec!["jobs:finance-*".parse().unwrap()];
    let report = run(&fleet, fleet.route(fleet.west(), fleet.west()), "fence").await;
    let awake = |name: &str| fleet.west().jobs_named(name)[0]["max_concurrent_runs"] != 0;
    assert!(!awake("finance-a") && awake("sales-a"));
    assert_eq!(report.found_awake.len(), 1, "{:#?}", report.found_awake);
    assert!(
        report.outcomes.iter().all(|outcome| outcome.key.as_str() != "sales-a"),
        "{:#?}",
        report.outcomes
    );
}

#[tokio::test(start_paused = true)]
async fn waking_again_writes_over_no_edit_and_makes_nothing_again() {
    let fleet = fleet(6).await;
    let east = fleet.east();
    furnish(east);
    let spare = create_cluster(east, "spare", json!({}));
    fleet.sync().await;
    let kept = fleet.store.latest_snapshot(&east.place).await.unwrap();
    run(&fleet, fleet.route(east, east), "fence").await;
    let job = east.jobs_named("nightly")[0]["job_id"].clone();
    east.post("/api/2.2/jobs/update", json!({ "job_id": job, "new_settings": { "description": "edited" } }));
    east.write_notebook("/Shared/etl/load", "print('edited')");
    for act in ["unpin", "permanent-delete"] {
        east.post(&format!("/api/2.1/clusters/{act}"), json!({ "cluster_id": spare }));
    }

    let mut wake = fleet.route(east, east);
    (wake.role, wake.kept) = (Role::Primary, kept);
    let report = run(&fleet, wake, "wake").await;
    assert!(east.jobs_named("nightly").iter().any(|job| job["description"] == "edited"));
    assert!(east.jobs_named("nightly").iter().all(|job| job["max_concurrent_runs"] == 2));
    assert!(String::from_utf8(east.export("/Shared/etl/load", "SOURCE")).unwrap().contains("edited"));
    assert_eq!(notable(&report).len(), 1, "{:#?}", notable(&report));
    assert!(notable(&report)[0].starts_with("cluster spare: diverged(it was deleted at east since"));
    let clusters = east.list("/api/2.1/clusters/list?page_size=100", "clusters");
    assert!(clusters.iter().all(|cluster| cluster["cluster_name"] != "spare"));
}

#[tokio::test(start_paused = true)]
async fn what_the_coarse_fence_took_from_a_pool_is_there_again_when_its_place_wakes() {
    let fleet = fleet(7).await;
    let east = fleet.east();
    furnish(east);
    fleet.sync().await;
    let kept = fleet.store.latest_snapshot(&east.place).await.unwrap().unwrap();
    let pools = || east.list("/api/2.0/instance-pools/list", "instance_pools");
    let manifest = fleet.store.manifest(kept.manifests[&"instance_pool".into()]).await.unwrap();
    let kind = twinlake_assets::kinds::find("instance_pool").unwrap();
    let ids = fleet.store.id_map(&east.place.set).await.unwrap();
    for entry in manifest.entries {
        let document = fleet.store.document(entry.version.spec).await.unwrap().value();
        let call = kind.coarse_fence(&entry.asset, &document).unwrap();
        let write = twinlake_assets::resolve::request(&call, &entry.asset, &east.place, &ids, None).unwrap();
        east.client.writer().send(&Unguarded, &write).await.unwrap();
    }
    assert!(pools().iter().all(|pool| pool["max_capacity"] == 0 && pool["min_idle_instances"] == 0));
    // The thorough fence leaves it so.
    run(&fleet, fleet.route(east, east), "fence").await;
    assert!(pools().iter().all(|pool| pool["max_capacity"] == 0));
    let mut wake = fleet.route(east, east);
    (wake.role, wake.kept) = (Role::Primary, Some(kept));
    let report = run(&fleet, wake.clone(), "wake").await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert!(pools().iter().all(|pool| pool["max_capacity"] == 10 && pool["min_idle_instances"] == 2));
    let once = fleet.effect_count();
    run(&fleet, wake, "wake-again").await;
    assert!(east.effects_after(once).is_empty(), "twice is once: {:#?}", east.effects_after(once));
    assert!(fleet.store.bases(&east.place, &east.place).await.unwrap().is_empty());
}

/// Holds for so many requests, and then no more.
struct EndsAfter(std::sync::atomic::AtomicUsize);

impl EndsAfter {
    fn requests(count: usize) -> Self {
        Self(count.into())
    }
}

impl Permit for EndsAfter {
    fn check(&self, _: tokio::time::Instant) -> Result<(), PermitRefused> {
        let take = |left: usize| left.checked_sub(1);
        self.0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
            .map(drop)
            .map_err(|_| PermitRefused { reason: "it ended".to_owned(), hint: None })
    }
}

/// Remembers what it waited for.
#[derive(Default)]
struct Waits(std::sync::Mutex<Vec<usize>>);

impl Watch for Waits {
    fn see(&self, progress: Progress) {
        if let Progress::Waiting { questions, .. } = progress {
            self.0.lock().unwrap().push(questions);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cycle_whose_permit_ends_in_the_middle_records_what_was_under_way_and_the_next_one_need_not_wait() {
    let fleet = fleet(8).await;
    let (east, west) = (fleet.east(), fleet.west());
    for number in 0..40 {
        east.create_job(job_with_notebook(&format!("job {number}"), "relative/path"));
    }
    west.add_fault(Fault::new(FaultAct::Slow { milliseconds: 20_000 }).path("/api/2.2/jobs/create"));
    let stopped = fleet.sync_with(&EndsAfter::requests(30), Approval::Routine).await;
    assert!(matches!(stopped, Err(SyncError::Stopped { .. })), "{stopped:?}");
    let made = west.jobs().len();
    assert!((10..40).contains(&made), "{made}");
    assert!(fleet.store.open_intents(&west.place).await.unwrap().is_empty());
    let ids = fleet.store.id_map(&west.place.set).await.unwrap();
    assert_eq!(ids.pairs().filter(|(asset, ..)| asset.kind.as_str() == "job").count(), made);

    let waits = Arc::new(Waits::default());
    let sync = Sync::new(fleet.store.clone(), fleet.clock.clone(), fleet.route(east, west), waits.clone());
    sync.run(&RunId::new("next"), &Unguarded, Approval::Routine).await.unwrap();
    assert_eq!(*waits.0.lock().unwrap(), Vec::<usize>::new());
    assert_eq!(west.jobs().len(), 40);
}

#[tokio::test(start_paused = true)]
async fn a_cycle_that_must_wait_for_lost_answers_says_so() {
    let fleet = fleet(9).await;
    let (east, west) = (fleet.east(), fleet.west());
    for number in 0..4 {
        east.create_job(job_with_notebook(&format!("job {number}"), "relative/path"));
    }
    west.add_fault(Fault::new(FaultAct::Cut).path("/api/2.2/jobs/create").after_effect().times(1));
    assert!(fleet.sync_with(&EndsAfter::requests(3), Approval::Routine).await.is_err());
    let waits = Arc::new(Waits::default());
    let sync = Sync::new(fleet.store.clone(), fleet.clock.clone(), fleet.route(east, west), waits.clone());
    sync.run(&RunId::new("next"), &Unguarded, Approval::Routine).await.unwrap();
    assert_eq!(*waits.0.lock().unwrap(), [1]);
    assert_eq!(west.jobs().len(), 4);
}
