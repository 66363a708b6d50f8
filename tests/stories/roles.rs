//! One engine for every role: waking a standby and putting a primary to sleep are the same stages with another role.

use serde_json::{Value, json};
use twinlake_databricks::Unguarded;
use twinlake_model::{Role, RunId};
use twinlake_sync::{Approval, Report, Route, Silent, Sync};
use twinlake_tests::{Fleet, Site};

use super::house::{fleet, furnish};

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
