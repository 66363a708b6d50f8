//! What the standby cannot do, and what never stood there: a promotion goes on when it can, and no reverse direction
//! erases at home what was never away.

use std::time::Duration;

use serde_json::{Value, json};
use twinlake_controller::{Ended, Wish};
use twinlake_simulator::{Appearance, Fault, Outage};
use twinlake_tests::{Deployment, Site};

use super::mishaps::{AtStep, region_of, run_watched};
use super::readings::{acknowledge_all, furnish_little, waking, wish};
use crate::stories::house::HOUR;

/// What is wrong with the standby as it is to wake.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Throttled,
    Errors,
    Denied,
    Down,
}

#[tokio::test(start_paused = true)]
async fn a_standby_that_fails_while_it_wakes_stops_the_run_resumable_and_wakes_whole_once_it_can() {
    for (number, trouble) in
        [Trouble::Throttled, Trouble::Errors, Trouble::Denied, Trouble::Down].into_iter().enumerate()
    {
        let deployment = Deployment::new(500 + number as u64).await;
        let (east, west) = (deployment.site("east"), deployment.site("west"));
        furnish_little(east);
        let before = waking(east);
        assert!(deployment.sync().await.is_complete());
        let simulator = deployment.simulator.clone();
        let breaks = AtStep::new("promote", 0, move || {
            let fault = |status, code| Fault::error(status, code, "not now").at("west").method("write");
            match trouble {
                Trouble::Throttled => {
                    simulator.add_fault(fault(429, "REQUEST_LIMIT_EXCEEDED").times(5));
                }
                Trouble::Errors => {
                    simulator.add_fault(fault(500, "INTERNAL_ERROR"));
                }
                Trouble::Denied => {
                    simulator.add_fault(fault(403, "PERMISSION_DENIED"));
                }
                Trouble::Down => {
                    simulator
                        .region_down(
                            region_of("west"),
                            Outage::cut_off(Appearance::Unavailable { after_ms: 50 }),
                        )
                        .unwrap();
                }
            }
        });
        let house = deployment.open().await;
        let mut moved = run_watched(&house, &wish("switchover"), breaks).await;
        drop(house);
        match trouble {
            Trouble::Throttled => assert_eq!(moved.ended, Ended::Complete, "{trouble:?}"),
            _ => {
                let held = matches!(moved.ended, Ended::Stopped { .. } | Ended::Waiting { .. });
                assert!(held, "{trouble:?}: {:?}", moved.ended);
                east.estate().assert_asleep();
                deployment.simulator.clear_faults();
                deployment.restore("west");
                moved = deployment.resume(&moved.run).await;
                assert_eq!(moved.ended, Ended::Complete, "{trouble:?}: healed, and resumed");
            }
        }
        assert_eq!(waking(west), before, "{trouble:?}");
        east.estate().assert_asleep();
    }
}

/// A job that cannot stand at the other site: it refers to what is not carried.
fn create_unmapped(site: &Site, name: &str) -> i64 {
    site.create_job(json!({
        "name": name, "schedule": { "quartz_cron_expression": "0 0 5 * * ?", "timezone_id": "UTC" },
        "tasks": [{ "task_key": "a", "sql_task": { "alert": { "alert_id": "7", "subscriptions": [] },
            "warehouse_id": site.list("/api/2.0/sql/warehouses", "warehouses")[0]["id"] } }],
    }))
}

#[tokio::test(start_paused = true)]
async fn what_never_reached_the_standby_is_kept_at_home_and_wakes_there_as_it_was() {
    for runbook in ["switchover", "forced_failover"] {
        let deployment = Deployment::new(520).await;
        let (east, west) = (deployment.site("east"), deployment.site("west"));
        furnish_little(east);
        let lonely = create_unmapped(east, "lonely");
        let before = waking(east);
        let document = east.estate().by_id[&("job", lonely.to_string())].clone();
        assert!(!deployment.sync().await.is_complete(), "it is told");
        let incomplete = |runbook: &str| Wish { incomplete_too: true, ..wish(runbook) };
        let moved = deployment.run_as_wished(incomplete(runbook)).await;
        let is_done = matches!(moved.ended, Ended::Complete | Ended::Incomplete);
        assert!(is_done, "{runbook}: {:#?}", moved.report);
        assert!(west.jobs_named("lonely").is_empty());
        for _ in 0..3 {
            deployment.jump(25 * HOUR);
            deployment.sync().await;
            acknowledge_all(&deployment).await;
        }
        assert_eq!(east.job(lonely)["name"], "lonely", "{runbook}: erased by the reverse direction");
        east.estate().assert_asleep();
        let moved = deployment.run_as_wished(incomplete("failback")).await;
        assert!(matches!(moved.ended, Ended::Complete | Ended::Incomplete), "{runbook}: {:#?}", moved.report);
        assert_eq!(waking(east), before, "{runbook}");
        assert_eq!(east.estate().by_id[&("job", lonely.to_string())], document, "{runbook}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_node_types_that_are_one_over_there_come_home_as_they_were_with_the_edits_made_meanwhile() {
    let deployment = Deployment::new(530).await;
    let (east, west) = (deployment.site("east"), deployment.site("west"));
    furnish_little(east);
    let job = |node: &str| {
        json!({ "name": format!("on {node}"), "tasks": [{ "task_key": "a",
            "spark_jar_task": { "main_class_name": "a.F" }, "new_cluster": {
                "spark_version": "15.4.x-scala2.12", "num_workers": 2, "node_type_id": node } }] })
    };
    east.create_job(job("i3.xlarge"));
    east.create_job(job("i3.2xlarge"));
    let before = east.estate();
    assert!(deployment.sync().await.is_complete());
    assert_eq!(deployment.run("switchover").await.ended, Ended::Complete);
    let edited = west.jobs_named("on i3.2xlarge")[0]["job_id"].as_i64().unwrap();
    assert_eq!(west.job(edited)["tasks"][0]["new_cluster"]["node_type_id"], "i4i.xlarge");
    west.post("/api/2.2/jobs/update", json!({ "job_id": edited, "new_settings": { "timeout_seconds": 99 } }));
    deployment.jump(2 * HOUR);
    assert!(deployment.sync().await.is_complete());
    assert_eq!(deployment.run("failback").await.ended, Ended::Complete);
    let back = &east.jobs_named("on i3.2xlarge")[0];
    assert_eq!(back["timeout_seconds"], 99);
    assert_eq!(back["tasks"][0]["new_cluster"]["node_type_id"], "i3.2xlarge");
    let differences = before.differences(&east.estate(), ("before", "after"));
    assert_eq!(differences.len(), 2, "only the edit: {differences:#?}");
    assert!(differences.iter().all(|line| line.contains("on i3.2xlarge")), "{differences:#?}");
    assert_eq!(before.awake.len(), east.estate().awake.len());
}

#[tokio::test(start_paused = true)]
async fn what_was_deleted_over_there_is_deleted_at_home_after_its_grace_and_nothing_else_is() {
    let deployment = Deployment::new(540).await;
    let (east, west) = (deployment.site("east"), deployment.site("west"));
    furnish_little(east);
    for number in 0..30 {
        east.create_job(json!({ "name": format!("filler {number}") }));
    }
    assert!(deployment.sync().await.is_complete());
    deployment.lose("east", Outage::cut_off(Appearance::Refused));
    let unseen = east.create_job(json!({ "name": "made unseen" }));
    deployment.run_as_wished(wish("forced_failover")).await;
    deployment.restore("east");
    deployment.sync().await;
    acknowledge_all(&deployment).await;
    assert!(deployment.sync().await.is_complete());
    let gone = west.jobs_named("filler 7")[0]["job_id"].as_i64().unwrap();
    west.post("/api/2.2/jobs/delete", json!({ "job_id": gone }));
    deployment.sync().await;
    assert_eq!(east.jobs_named("filler 7").len(), 1, "within its grace");
    deployment.jump(Duration::from_secs(25 * 3600));
    deployment.sync().await;
    assert_eq!(east.jobs_named("filler 7").len(), 0, "after its grace");
    let names: Vec<Value> = east.jobs().iter().map(|job| job["name"].clone()).collect();
    assert_eq!(names.len(), 2 + 29 + 1, "{names:?}");
    assert_eq!(
        east.job(unseen)["name"],
        "made unseen",
        "what never was in the west is not deleted in the east"
    );
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_somebody_makes_while_the_primary_sleeps_survives_an_abort_and_a_rollback() {
    for end in ["abort", "rollback"] {
        let deployment = Deployment::new(550).await;
        let (east, west) = (deployment.site("east"), deployment.site("west"));
        furnish_little(east);
        let before = waking(east);
        assert!(deployment.sync().await.is_complete());
        let stopped = deployment.run_until("switchover", "quiesce").await;
        let edited = east.jobs_named("critical-load")[0]["job_id"].as_i64().unwrap();
        east.post(
            "/api/2.2/jobs/update",
            json!({ "job_id": edited, "new_settings": { "timeout_seconds": 55 } }),
        );
        if end == "rollback" {
            assert_eq!(deployment.resume(&stopped.run).await.ended, Ended::Complete);
            assert_eq!(west.jobs_named("critical-load")[0]["timeout_seconds"], 55);
        }
        let moved = deployment.run_as_wished(wish(end)).await;
        assert_eq!(moved.ended, Ended::Complete, "{end}: {:#?}", moved.report);
        assert_eq!(waking(east), before, "{end}");
        assert_eq!(east.job(edited)["timeout_seconds"], 55, "{end}: written over");
    }
}
