//! Regions that go down and come back.

use http::Method;
use serde_json::json;
use twinlake_base::Timestamp;
use twinlake_simulator::{Appearance, Cloud, Disconnected, Outage, WorkspaceSpec};

use crate::lab::{EAST, Lab, WEST};

const LIST: &str = "/api/2.2/jobs/list";

#[tokio::test(start_paused = true)]
async fn a_region_that_is_cut_off_lives_on_behind_the_wall() {
    let lab = Lab::new();
    let hourly = json!({"schedule": {"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC"}});
    let job = lab.job("j", hourly).await;
    lab.simulator.region_down("us-east-1", Outage::cut_off(Appearance::Refused)).unwrap();
    let response = lab.send(EAST, Method::GET, LIST, None).await;
    assert_eq!(response.extensions().get::<Disconnected>(), Some(&Disconnected { sent: false }));
    assert_eq!(lab.answer(WEST, Method::GET, LIST, None).await.0, 200);
    lab.seconds(3 * 3600 + 1);
    lab.simulator.region_up("us-east-1").unwrap();
    assert_eq!(lab.runs_of(job).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_dark_region_misses_its_schedules_and_keeps_its_clusters() {
    let lab = Lab::new();
    let hourly = json!({"schedule": {"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC"}});
    let job = lab.job("j", hourly).await;
    let cluster = lab.cluster("c").await;
    lab.seconds(200);
    lab.simulator.region_down("us-east-1", Outage::dark()).unwrap();
    let from = lab.simulator.now();
    lab.days(1);
    assert_eq!(lab.simulator.activity(EAST, from, Timestamp::MAX).unwrap().fired, 0);
    lab.simulator.region_up("us-east-1").unwrap();
    assert!(lab.runs_of(job).await.is_empty());
    assert_eq!(lab.cluster_state(&cluster).await, "RUNNING");
    lab.seconds(3600);
    assert_eq!(lab.runs_of(job).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_under_way_in_a_dark_region_takes_as_much_longer_as_it_stood_still() {
    let lab = Lab::new();
    let job = lab.job("j", json!({"timeout_seconds": 86_400})).await;
    lab.write("/api/2.2/jobs/run-now", json!({"job_id": job})).await;
    let starting = lab.cluster("c").await;
    lab.seconds(60);
    lab.simulator.region_down("us-east-1", Outage::dark()).unwrap();
    lab.seconds(3600);
    lab.simulator.region_up("us-east-1").unwrap();
    let life = async || lab.runs_of(job).await[0]["state"]["life_cycle_state"].clone();
    assert_eq!((life().await, lab.cluster_state(&starting).await.as_str()), (json!("RUNNING"), "PENDING"));
    // A task takes 90 seconds and a start 180; both had 60 behind them.
    lab.seconds(31);
    assert_eq!((life().await, lab.cluster_state(&starting).await.as_str()), (json!("TERMINATED"), "PENDING"));
    lab.seconds(90);
    assert_eq!(lab.cluster_state(&starting).await, "RUNNING");
}

#[tokio::test(start_paused = true)]
async fn a_short_stop_delays_what_was_due_only_after_it() {
    let lab = Lab::new();
    let starting = lab.cluster("c").await;
    lab.seconds(60);
    lab.simulator.region_down("us-east-1", Outage::dark()).unwrap();
    lab.seconds(30);
    lab.simulator.region_up("us-east-1").unwrap();
    lab.seconds(119);
    assert_eq!(lab.cluster_state(&starting).await, "PENDING");
    lab.seconds(2);
    assert_eq!(lab.cluster_state(&starting).await, "RUNNING");
}

#[tokio::test(start_paused = true)]
async fn where_the_machines_are_lost_clusters_and_runs_are_found_ended_when_the_region_is_back() {
    let lab = Lab::new();
    let cluster = lab.cluster("c").await;
    lab.seconds(200);
    let path = format!("{}/n", crate::lab::HOME);
    lab.notebook(&path).await;
    let task =
        json!({"task_key": "a", "existing_cluster_id": cluster, "notebook_task": {"notebook_path": path}});
    let run = lab.write("/api/2.2/jobs/runs/submit", json!({"tasks": [task]})).await["run_id"].clone();
    lab.simulator.region_down("us-east-1", Outage::dark()).unwrap();
    lab.simulator.lose_machines("us-east-1").unwrap();
    lab.seconds(3600);
    lab.simulator.region_up("us-east-1").unwrap();
    let shown = lab.read(&format!("/api/2.2/jobs/runs/get?run_id={run}")).await;
    assert_eq!(shown["state"]["result_state"], "FAILED");
    lab.seconds(60);
    let shown = lab.read(&format!("/api/2.1/clusters/get?cluster_id={cluster}")).await;
    assert_eq!(
        (&shown["state"], &shown["termination_reason"]["type"]),
        (&json!("TERMINATED"), &json!("CLOUD_FAILURE"))
    );
    assert!(lab.simulator.lose_machines("mars").is_err());
}

#[tokio::test(start_paused = true)]
async fn clusters_and_runs_of_a_region_that_was_cut_off_go_on_as_if_nothing_had_been() {
    let lab = Lab::new();
    let job = lab.job("j", json!({"continuous": {"pause_status": "UNPAUSED"}})).await;
    let cluster = lab.cluster("c").await;
    lab.seconds(200);
    let path = format!("{}/notebook", crate::lab::HOME);
    lab.simulator.region_down("us-east-1", Outage::cut_off(Appearance::BlackHole)).unwrap();
    // A notebook that runs inside begins another one, whether anybody gets in or not.
    lab.simulator.run_notebook(EAST, "ana", &path, Some(&cluster)).unwrap();
    lab.seconds(120);
    lab.simulator.region_up("us-east-1").unwrap();
    assert_eq!(lab.cluster_state(&cluster).await, "RUNNING");
    assert_eq!(lab.runs_of(job).await[0]["state"]["life_cycle_state"], "RUNNING");
    let found = lab.read("/api/2.2/jobs/runs/list?run_type=WORKFLOW_RUN").await;
    assert_eq!(found["runs"][0]["state"]["result_state"], "SUCCESS");
}

#[tokio::test(start_paused = true)]
async fn of_three_regions_any_may_be_away_and_the_others_do_not_notice() {
    let lab = Lab::new();
    lab.simulator.add_workspace(&WorkspaceSpec::new("north", Cloud::Azure, "northeurope")).unwrap();
    let regions = [(EAST, "us-east-1"), (WEST, "us-west-2"), ("north", "northeurope")];
    assert!(lab.simulator.regions().values().all(Option::is_none));
    for (_, away) in regions {
        lab.simulator.region_down(away, Outage::cut_off(Appearance::ReadsOnly)).unwrap();
        for (workspace, region) in regions {
            let created =
                lab.answer(workspace, Method::POST, "/api/2.2/jobs/create", Some(json!({"name": "j"}))).await;
            assert_eq!(created.0, if region == away { 503 } else { 200 });
            assert_eq!(lab.simulator.regions()[region].is_some(), region == away);
        }
        lab.simulator.region_up(away).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_region_can_fail_in_every_way_that_regions_do() {
    let lab = Lab::new();
    let create = "/api/2.2/jobs/create";
    let down = |appearance| lab.simulator.region_down("us-east-1", Outage::cut_off(appearance)).unwrap();
    down(Appearance::Unavailable { after_ms: 20_000 });
    let before = lab.simulator.now();
    assert_eq!(lab.get(LIST).await.0, 503);
    assert_eq!(lab.simulator.now().as_millisecond() - before.as_millisecond(), 20_000);
    down(Appearance::ReadsOnly);
    assert_eq!((lab.get(LIST).await.0, lab.post(create, json!({})).await.0), (200, 503));
    down(Appearance::LoginPage);
    assert_eq!(
        lab.send(EAST, Method::GET, LIST, None).await.headers()["content-type"],
        "text/html;charset=utf-8"
    );
    down(Appearance::HalfTheApis);
    assert_eq!((lab.get("/api/2.1/clusters/list").await.0, lab.get(LIST).await.0), (200, 503));
    down(Appearance::BlackHole);
    let never = tokio::time::timeout(std::time::Duration::from_secs(3600), lab.get(LIST)).await;
    assert!(never.is_err());
    lab.simulator.region_up("us-east-1").unwrap();
    assert_eq!(lab.get(LIST).await.0, 200);
    assert!(lab.simulator.region_down("mars", Outage::dark()).is_err());
}
