//! Standbys sleep (P6): nothing runs, fires, queues or bills, whoever calls.

use serde_json::{Value, json};
use twinlake_simulator::{Caller, CallerAction};
use twinlake_tests::Fleet;

use super::house::{
    DAY, HOUR, assert_in_step, create_cluster, create_pool, create_warehouse, fleet, furnish,
    job_with_notebook,
};

const LANDING: &str = "s3://landing/orders/";

/// Everything that would start by itself, bill while it waits, or let others start it.
fn furnish_restless(fleet: &Fleet) {
    let east = fleet.east();
    furnish(east);
    create_pool(east, "warm", json!({"min_idle_instances": 4, "max_capacity": 10}));
    create_cluster(east, "running", json!({"autotermination_minutes": 0}));
    create_warehouse(east, "always on");
    let job = |name: &str, more: Value| {
        let mut job = job_with_notebook(name, "/Shared/etl/load");
        job["tasks"][0]["new_cluster"] =
            json!({"spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 1});
        job.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        east.create_job(job)
    };
    job("hourly", json!({"schedule": {"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC"}}));
    job("continuous", json!({"continuous": {"pause_status": "UNPAUSED"}}));
    job("periodic", json!({"trigger": {"periodic": {"interval": 6, "unit": "HOURS"}}}));
    job("on arrival", json!({"trigger": {"file_arrival": {"url": LANDING}}, "max_concurrent_runs": 5}));
    job("on update", json!({"trigger": {"table_update": {"table_names": ["main.sales.orders"]}}}));
    job(
        "many triggers",
        json!({"triggers": [
        {"schedule": {"quartz_cron_expression": "0 30 * * * ?", "timezone_id": "UTC"}},
        {"file_arrival": {"url": LANDING}, "pause_status": "UNPAUSED"}]}),
    );
    job("called from outside", json!({"max_concurrent_runs": 3, "queue": {"enabled": true}}));
    job("called and not queued", json!({}));
}

/// Somebody's Airflow does this every minute at a site.
fn every_minute(fleet: &Fleet, workspace: &str, action: CallerAction) {
    let caller = Caller {
        name: "airflow".into(),
        workspace: workspace.into(),
        schedule: "0 * * * * ?".into(),
        action,
        times: None,
    };
    fleet.simulator.add_caller(caller).unwrap();
}

#[tokio::test(start_paused = true)]
async fn in_thirty_days_nothing_at_the_standby_starts_fires_or_bills_whoever_calls() {
    let fleet = fleet(501).await;
    furnish_restless(&fleet);
    let report = fleet.sync().await;
    assert!(!report.awake.is_empty(), "what a create starts is stopped at once, and reported");
    fleet.jump(HOUR);
    let from = fleet.clock.now();
    for job_name in ["called from outside", "called and not queued", "hourly", "continuous"] {
        every_minute(&fleet, "west", CallerAction::RunNow { job_name: job_name.to_owned() });
    }
    every_minute(&fleet, "west", CallerAction::FilesArrive { url: format!("{LANDING}2026/") });
    every_minute(&fleet, "west", CallerAction::TableUpdated { name: "main.sales.orders".into() });
    for _ in 0..30 {
        fleet.jump(DAY);
        let report = fleet.sync().await;
        assert_eq!(report.writes, 0);
    }
    let activity = fleet.west().activity_since(from);
    assert!(activity.is_asleep(), "{activity:?}");
    assert!(activity.skipped > 4 * 30 * 1400, "the callers called: {activity:?}");
    assert!(!fleet.east().activity_since(from).is_asleep(), "the primary worked all the while");
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_outsiders_fill_while_the_standby_sleeps_stays_empty_even_where_zero_runs_would_queue() {
    let fleet = fleet(502).await;
    fleet.simulator.change_settings(|settings| settings.zero_concurrency_queues = true);
    furnish_restless(&fleet);
    fleet.sync().await;
    fleet.jump(HOUR);
    let from = fleet.clock.now();
    every_minute(&fleet, "west", CallerAction::RunNow { job_name: "called from outside".into() });
    fleet.jump(DAY);
    let activity = fleet.west().activity_since(from);
    assert!(activity.is_asleep() && activity.skipped > 1400, "{activity:?}");
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn what_somebody_starts_at_the_standby_is_stopped_by_the_next_cycle() {
    let fleet = fleet(503).await;
    furnish_restless(&fleet);
    fleet.sync().await;
    fleet.jump(HOUR);
    let west = fleet.west();
    for cluster in west.list("/api/2.1/clusters/list", "clusters") {
        west.post("/api/2.1/clusters/start", json!({"cluster_id": cluster["cluster_id"]}));
    }
    for warehouse in west.list("/api/2.0/sql/warehouses", "warehouses") {
        west.post(&format!("/api/2.0/sql/warehouses/{}/start", warehouse["id"].as_str().unwrap()), json!({}));
    }
    fleet.sync().await;
    fleet.jump(HOUR);
    let from = fleet.clock.now();
    fleet.jump(DAY);
    assert!(west.activity_since(from).is_asleep());
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_runs_at_the_standby_and_was_edited_there_is_stopped_first_and_then_put_right() {
    let fleet = fleet(504).await;
    furnish(fleet.east());
    fleet.sync().await;
    fleet.jump(HOUR);
    let west = fleet.west();
    let copy = west.list("/api/2.1/clusters/list", "clusters").remove(0);
    let id = json!({"cluster_id": copy["cluster_id"]});
    for running_for in [0, 3600] {
        west.post(
            "/api/2.1/clusters/edit",
            json!({"cluster_id": copy["cluster_id"], "cluster_name": "adhoc",
            "spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": 7}),
        );
        west.post("/api/2.1/clusters/start", id.clone());
        fleet.jump(std::time::Duration::from_secs(running_for));
        let report = fleet.sync().await;
        assert_eq!(report.tally().get("failed"), None, "{:#?}", super::house::notable(&report));
        west.estate().assert_asleep();
        fleet.jump(HOUR);
        fleet.sync().await;
        assert_in_step(&fleet).await;
    }
}
