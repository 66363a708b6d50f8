//! Faults between a client and the service.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use twinlake_simulator::{Disconnected, Fault, FaultAct, Staleness};

use crate::lab::{EAST, Lab, WEST};

const CREATE: &str = "/api/2.2/jobs/create";
const LIST: &str = "/api/2.2/jobs/list";

async fn jobs(lab: &Lab) -> usize {
    lab.read(LIST).await["jobs"].as_array().map_or(0, Vec::len)
}

#[tokio::test(start_paused = true)]
async fn an_error_before_the_effect_leaves_nothing_behind_and_one_after_it_does() {
    let lab = Lab::new();
    let fault = || Fault::error(500, "INTERNAL_ERROR", "no").path(CREATE).times(1);
    lab.simulator.add_fault(fault());
    assert_eq!(lab.post(CREATE, json!({"name": "a"})).await.0, 500);
    assert_eq!(jobs(&lab).await, 0);
    lab.simulator.add_fault(fault().after_effect());
    assert_eq!(lab.post(CREATE, json!({"name": "a"})).await.0, 500);
    assert_eq!(jobs(&lab).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_cut_connection_is_told_apart_from_an_answer() {
    let lab = Lab::new();
    lab.simulator.add_fault(Fault::new(FaultAct::Cut).method("write").at(EAST).times(1).after_effect());
    let response = lab.send(EAST, Method::POST, CREATE, Some(json!({"name": "a"}))).await;
    assert_eq!(response.extensions().get::<Disconnected>(), Some(&Disconnected { sent: true }));
    assert_eq!(jobs(&lab).await, 1);
    let response = lab.send(WEST, Method::POST, CREATE, Some(json!({"name": "a"}))).await;
    assert_eq!(response.extensions().get::<Disconnected>(), None);
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_takes_simulated_time_and_a_black_hole_all_of_it() {
    let lab = Lab::new();
    lab.simulator.add_fault(Fault::new(FaultAct::Slow { milliseconds: 30_000 }).times(1));
    let before = lab.simulator.now();
    lab.read(LIST).await;
    assert_eq!(lab.simulator.now().as_millisecond() - before.as_millisecond(), 30_000);
    lab.simulator.add_fault(Fault::new(FaultAct::BlackHole));
    let never = tokio::time::timeout(Duration::from_secs(86_400), lab.get(LIST)).await;
    assert!(never.is_err());
    lab.simulator.clear_faults();
    lab.read(LIST).await;
}

#[tokio::test(start_paused = true)]
async fn latency_is_part_of_simulated_time() {
    let lab = Lab::new();
    lab.simulator.change_settings(|settings| settings.latency_ms = 21);
    let before = lab.simulator.now();
    lab.read(LIST).await;
    lab.simulator.change_settings(|settings| settings.latency_ms = 0);
    assert_eq!(lab.simulator.now().as_millisecond() - before.as_millisecond(), 21);
}

#[tokio::test(start_paused = true)]
async fn a_login_page_is_a_success_that_is_none() {
    let lab = Lab::new();
    lab.simulator.add_fault(Fault::new(FaultAct::LoginPage).times(1));
    let response = lab.send(EAST, Method::GET, LIST, None).await;
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
}

#[tokio::test(start_paused = true)]
async fn reads_can_be_answered_while_writes_fail() {
    let lab = Lab::new();
    lab.simulator.add_fault(Fault::error(503, "TEMPORARILY_UNAVAILABLE", "later").method("write"));
    assert_eq!(lab.post(CREATE, json!({})).await.0, 503);
    lab.read(LIST).await;
    lab.simulator.remove_fault(1);
    lab.write(CREATE, json!({})).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_read_after_a_write_can_show_the_time_before() {
    let lab = Lab::new();
    lab.simulator.add_fault(Fault::new(FaultAct::Stale(Staleness::FirstRead)).path("/api/2.2/jobs/*"));
    let id = lab.write(CREATE, json!({"name": "a"})).await["job_id"].clone();
    let target = format!("/api/2.2/jobs/get?job_id={id}");
    assert_eq!(lab.get(&target).await.0, 400);
    assert_eq!(lab.get(&target).await.0, 200);
    assert_eq!(jobs(&lab).await, 1);
}

#[tokio::test(start_paused = true)]
async fn reads_can_lag_until_the_writing_stops() {
    let lab = Lab::new();
    lab.write(CREATE, json!({"name": "old"})).await;
    lab.simulator.add_fault(Fault::new(FaultAct::Stale(Staleness::UntilQuietSeconds(10))).path(LIST));
    assert_eq!(jobs(&lab).await, 1);
    for name in ["b", "c"] {
        lab.write(CREATE, json!({"name": name})).await;
        lab.seconds(6);
    }
    assert_eq!(jobs(&lab).await, 1);
    let delete = "/api/2.2/jobs/delete";
    lab.simulator.act(EAST, "ana", &Method::POST, delete, Some(json!({"job_id": 7}))).unwrap();
    lab.seconds(6);
    assert_eq!(jobs(&lab).await, 1);
    lab.cluster("of another service").await;
    lab.seconds(5);
    assert_eq!(jobs(&lab).await, 3);
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_be_anything() {
    let lab = Lab::new();
    let headers = [("retry-after".to_owned(), "7".to_owned())].into();
    lab.simulator.add_fault(
        Fault::new(FaultAct::Answer { status: 429, body: Value::Null, headers }).after(1).times(1),
    );
    lab.read(LIST).await;
    let response = lab.send(EAST, Method::GET, LIST, None).await;
    assert_eq!((response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()), (429, "7"));
    lab.read(LIST).await;
    assert_eq!(lab.simulator.faults()[&1].1, 3);
}
