//! Regions that go down and come back.

use http::Method;
use serde_json::json;
use twinlake_base::Timestamp;
use twinlake_simulator::{Appearance, Disconnected, Outage};

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
    lab.seconds(60);
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
