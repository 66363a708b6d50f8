//! Callers from outside, and people.

use http::Method;
use serde_json::json;
use twinlake_simulator::{Appearance, Caller, CallerAction, EffectQuery, Outage};

use crate::lab::{EAST, HOME, Lab};

fn airflow(action: CallerAction) -> Caller {
    Caller {
        name: "airflow".to_owned(),
        workspace: EAST.to_owned(),
        schedule: "0 30 * * * ?".to_owned(),
        action,
        times: None,
    }
}

#[tokio::test(start_paused = true)]
async fn an_outside_caller_goes_on_running_a_job_as_long_as_the_region_lets_it_in() {
    let lab = Lab::new();
    let job = lab.job("nightly", json!({})).await;
    let number =
        lab.simulator.add_caller(airflow(CallerAction::RunNow { job_name: "nightly".to_owned() })).unwrap();
    lab.seconds(3 * 3600);
    assert_eq!(lab.runs_of(job).await.len(), 3);
    let by = EffectQuery { actor: Some("airflow".to_owned()), ..EffectQuery::default() };
    assert_eq!(lab.simulator.effects(&by).len(), 3);
    lab.simulator.region_down("us-east-1", Outage::cut_off(Appearance::Refused)).unwrap();
    lab.seconds(3 * 3600);
    lab.simulator.region_up("us-east-1").unwrap();
    assert_eq!(lab.runs_of(job).await.len(), 3);
    lab.write("/api/2.2/jobs/update", json!({"job_id": job, "new_settings": {"max_concurrent_runs": 0}}))
        .await;
    lab.seconds(2 * 3600);
    let runs = lab.runs_of(job).await;
    assert_eq!((runs.len(), &runs[0]["state"]["life_cycle_state"]), (5, &json!("SKIPPED")));
    assert!(lab.simulator.remove_caller(number));
    lab.days(1);
    assert_eq!(lab.runs_of(job).await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_caller_submits_runs_delivers_files_and_stops_after_so_many_times() {
    let lab = Lab::new();
    let job = lab.job("f", json!({"trigger": {"file_arrival": {"url": "s3://landing/"}}})).await;
    let files = CallerAction::FilesArrive { url: "s3://landing/a.csv".to_owned() };
    lab.simulator.add_caller(Caller { times: Some(2), ..airflow(files) }).unwrap();
    let body =
        json!({"tasks": [{"task_key": "a", "notebook_task": {"notebook_path": format!("{HOME}/notebook")}}]});
    let submit = CallerAction::Request {
        method: "POST".to_owned(),
        path: "/api/2.2/jobs/runs/submit".to_owned(),
        body: Some(body),
    };
    lab.simulator.add_caller(airflow(submit)).unwrap();
    lab.seconds(5 * 3600);
    assert_eq!(lab.runs_of(job).await.len(), 2);
    let submitted = lab.read("/api/2.2/jobs/runs/list?run_type=SUBMIT_RUN").await;
    assert_eq!(submitted["runs"].as_array().unwrap().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_caller_runs_notebooks_inside_and_does_nothing_where_life_has_stopped_nor_makes_up_for_it() {
    let lab = Lab::new();
    let job = lab.job("nightly", json!({})).await;
    lab.simulator.add_caller(airflow(CallerAction::RunNow { job_name: "nightly".to_owned() })).unwrap();
    let path = format!("{HOME}/notebook");
    lab.simulator.add_caller(airflow(CallerAction::RunNotebook { path, cluster_id: None })).unwrap();
    let inside = async || {
        let found = lab.read("/api/2.2/jobs/runs/list?run_type=WORKFLOW_RUN").await;
        found["runs"].as_array().map_or(0, Vec::len)
    };
    lab.simulator.region_down("us-east-1", Outage::cut_off(Appearance::BlackHole)).unwrap();
    lab.seconds(2 * 3600);
    lab.simulator.region_down("us-east-1", Outage::dark()).unwrap();
    lab.seconds(2 * 3600);
    lab.simulator.region_up("us-east-1").unwrap();
    assert_eq!((lab.runs_of(job).await.len(), inside().await), (0, 2));
    lab.seconds(3600);
    assert_eq!((lab.runs_of(job).await.len(), inside().await), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_person_edits_through_the_same_services() {
    let lab = Lab::new();
    let job = lab.job("j", json!({})).await;
    let act = |target: &str, body| lab.simulator.act(EAST, "ana", &Method::POST, target, Some(body)).unwrap();
    assert_eq!(
        act("/api/2.2/jobs/update", json!({"job_id": job, "new_settings": {"name": "k"}})).status,
        200
    );
    assert_eq!(act("/api/2.2/jobs/delete", json!({"job_id": 7})).status, 400);
    let got = lab
        .simulator
        .act(EAST, "ana", &Method::GET, &format!("/api/2.2/jobs/get?job_id={job}"), None)
        .unwrap();
    assert_eq!(got.body["settings"]["name"], "k");
    let by = EffectQuery { actor: Some("ana".to_owned()), ..EffectQuery::default() };
    assert_eq!(lab.simulator.effects(&by).len(), 1);
}
