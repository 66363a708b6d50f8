//! The old primary returns: in the middle of the failover, with clusters running and schedules firing; and afterwards
//! somebody wakes things there.

use std::time::Duration;

use serde_json::json;
use twinlake_controller::{Ended, SyncReport};
use twinlake_simulator::{Appearance, Outage};
use twinlake_tests::{Deployment, Site};

use super::mishaps::{AtStep, region_of, run_watched, steps_of};
use super::readings::{acknowledge_all, furnish_little, tail, waking, wish};
use crate::stories::house::{HOUR, create_cluster};

fn create_hourly(site: &Site, name: &str) -> i64 {
    site.create_job(json!({
        "name": name,
        "schedule": { "quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC" },
        "tasks": [{ "task_key": "a", "spark_jar_task": { "main_class_name": "a.D" }, "new_cluster": {
            "spark_version": "15.4.x-scala2.12", "num_workers": 1, "node_type_id": "i3.xlarge" } }],
    }))
}

#[tokio::test(start_paused = true)]
async fn a_primary_that_returns_mid_failover_is_fenced_its_tail_is_named_and_nothing_there_is_written_over() {
    for (number, step) in steps_of("forced_failover").into_iter().enumerate() {
        let deployment = Deployment::new(300 + number as u64).await;
        let (east, west) = (deployment.site("east"), deployment.site("west"));
        furnish_little(east);
        create_cluster(east, "adhoc", json!({}));
        let edited = create_hourly(east, "hourly");
        let before = waking(east);
        assert!(deployment.sync().await.is_complete());

        // Nobody gets in, but inside life goes on, and somebody works there.
        deployment.lose("east", Outage::cut_off(Appearance::BlackHole));
        let unseen = create_hourly(east, "made unseen");
        east.post(
            "/api/2.2/jobs/update",
            json!({ "job_id": edited, "new_settings": { "timeout_seconds": 77 } }),
        );
        deployment.jump(2 * HOUR);
        let simulator = deployment.simulator.clone();
        let returns = AtStep::new(step, 0, move || simulator.region_up(region_of("east")).unwrap());
        let house = deployment.open().await;
        let moved = run_watched(&house, &wish("forced_failover"), returns.clone()).await;
        drop(house);
        if !returns.is_done() {
            deployment.restore("east");
        }
        let described = format!("it returned at {step}: {:?}", moved.ended);
        assert!(matches!(moved.ended, Ended::Complete | Ended::Incomplete), "{described}");
        assert_eq!(waking(west), before, "{described}");

        deployment.jump(Duration::from_secs(600));
        let report = deployment.sync().await;
        assert!(report.fences[0].is_fenced(), "{described}: {:#?}", report.fences);
        assert!(report.legs.is_empty(), "{described}: written over: {:#?}", report.legs);
        east.estate().assert_asleep();
        assert_eq!(east.job(edited)["timeout_seconds"], 77, "{described}");
        assert_eq!(east.job(unseen)["name"], "made unseen", "{described}");
        let tail = tail(&deployment).await;
        for expected in ["Made made unseen", "Edited hourly"] {
            assert!(tail.iter().any(|line| line == expected), "{described}: {expected} is not in {tail:?}");
        }
        assert!(!tail.iter().any(|line| line.contains("critical-load")), "{described}: {tail:?}");

        // Nothing begins there any more.
        let from = deployment.clock.now();
        deployment.jump(3 * HOUR);
        let activity = east.activity_since(from);
        assert_eq!((activity.fired, activity.ran, activity.started), (0, 0, 0), "{described}: {activity:?}");

        acknowledge_all(&deployment).await;
        let report = deployment.sync().await;
        assert!(report.is_complete(), "{described}: {report:#?}");
        assert_eq!(east.job(unseen)["name"], "made unseen", "{described}: it never was in the west");
        east.estate().assert_asleep();
    }
}

/// Something that somebody does at a site that must sleep: what it is called, and what is done. It gives the name by which
/// the next cycle has to tell it.
type Mischief = (&'static str, fn(&Site) -> String);

const MISCHIEF: &[Mischief] = &[
    ("somebody unpauses a job", |site| {
        let job = &site.jobs_named("critical-load")[0];
        site.post(
            "/api/2.2/jobs/update",
            json!({ "job_id": job["job_id"], "new_settings": { "max_concurrent_runs": 3, "schedule": {
                "quartz_cron_expression": "0 0 3 * * ?", "timezone_id": "UTC", "pause_status": "UNPAUSED" } } }),
        );
        "critical-load".to_owned()
    }),
    ("a deployment tool creates a job anew", |site| {
        create_hourly(site, "report");
        "report".to_owned()
    }),
    ("somebody starts a warehouse", |site| {
        let warehouses = site.list("/api/2.0/sql/warehouses", "warehouses");
        let bi = warehouses.iter().find(|row| row["name"] == "bi").unwrap();
        site.post(&format!("/api/2.0/sql/warehouses/{}/start", bi["id"].as_str().unwrap()), json!({}));
        "bi".to_owned()
    }),
    ("somebody makes a cluster", |site| {
        create_cluster(site, "ad hoc", json!({}));
        "ad hoc".to_owned()
    }),
    ("somebody lets a pool keep machines", |site| {
        let pool = &site.list("/api/2.0/instance-pools/list", "instance_pools")[0];
        site.post(
            "/api/2.0/instance-pools/edit",
            json!({ "instance_pool_id": pool["instance_pool_id"], "instance_pool_name": "pool",
                "node_type_id": pool["node_type_id"], "min_idle_instances": 2, "max_capacity": 4 }),
        );
        "pool".to_owned()
    }),
    ("an outsider submits a run", |site| {
        site.post(
            "/api/2.2/jobs/runs/submit",
            json!({ "run_name": "by airflow", "tasks": [{ "task_key": "a",
                "spark_jar_task": { "main_class_name": "a.E" }, "new_cluster": {
                    "spark_version": "15.4.x-scala2.12", "num_workers": 1, "node_type_id": "i3.xlarge" } }] }),
        );
        "by airflow".to_owned()
    }),
];

/// What a look at the fence found awake or running, by name.
fn named(report: &SyncReport) -> Vec<String> {
    let visited = report.fences.iter().filter_map(|fence| fence.visited.as_ref());
    visited
        .flat_map(|visited| {
            let awake = visited.found_awake.iter().map(|found| found.key.to_string());
            awake.chain(visited.ran.iter().map(|run| run.name.clone()))
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn whatever_somebody_wakes_makes_or_runs_at_a_fenced_site_sleeps_again_with_the_next_sync_and_is_named()
{
    let deployment = Deployment::new(330).await;
    let (east, west) = (deployment.site("east"), deployment.site("west"));
    furnish_little(east);
    let before = waking(east);
    assert!(deployment.sync().await.is_complete());
    assert_eq!(deployment.run("switchover").await.ended, Ended::Complete);
    assert_eq!(named(&deployment.sync().await), [""; 0], "nothing is awake that nobody woke");
    for (mischief, act) in MISCHIEF {
        let name = act(east);
        deployment.jump(Duration::from_secs(30));
        let report = deployment.sync().await;
        let named = named(&report);
        assert!(named.contains(&name), "{mischief}: {name} is not in {named:?}");
        assert!(report.fences[0].is_fenced(), "{mischief}: {:#?}", report.fences);
        deployment.jump(Duration::from_secs(60));
        east.estate().assert_asleep();
        let from = deployment.clock.now();
        deployment.jump(2 * HOUR);
        let activity = east.activity_since(from);
        assert_eq!((activity.fired, activity.ran), (0, 0), "{mischief}: {activity:?}");
        assert_eq!(waking(west), before, "{mischief}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_old_primary_that_cannot_be_reached_is_unfenced_in_every_report_until_it_is_confirmed() {
    let deployment = Deployment::new(331).await;
    furnish_little(deployment.site("east"));
    assert!(deployment.sync().await.is_complete());
    assert_eq!(deployment.run("switchover").await.ended, Ended::Complete);
    assert!(deployment.sync().await.fences[0].is_fenced());
    deployment.lose("east", Outage::cut_off(Appearance::BlackHole));
    for _ in 0..2 {
        let report = deployment.sync().await;
        assert!(!report.fences[0].is_fenced() && !report.is_complete(), "{:#?}", report.fences);
        assert_eq!(report.fences[0].level, None, "what was confirmed once is not known any more");
    }
    deployment.restore("east");
    let report = deployment.sync().await;
    assert!(report.fences[0].is_fenced() && report.is_complete(), "{report:#?}");
}
