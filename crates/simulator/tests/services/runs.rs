//! Runs: what starts them, how they proceed, how they end.

use serde_json::{Value, json};
use twinlake_base::Timestamp;
use twinlake_simulator::{Deed, EffectQuery, Settings};

use crate::lab::{EAST, HOME, Lab, SPARK, refused};

async fn run(lab: &Lab, job: i64) -> i64 {
    lab.write("/api/2.2/jobs/run-now", json!({"job_id": job})).await["run_id"].as_i64().unwrap()
}

async fn get(lab: &Lab, id: i64) -> Value {
    lab.read(&format!("/api/2.2/jobs/runs/get?run_id={id}")).await
}

async fn ending(lab: &Lab, id: i64) -> String {
    let state = get(lab, id).await["state"].clone();
    format!(
        "{} {}",
        state["life_cycle_state"].as_str().unwrap(),
        state["result_state"].as_str().unwrap_or("-")
    )
}

fn count(lab: &Lab, deed: Deed) -> usize {
    lab.simulator
        .effects(&EffectQuery {
            deed: Some(deed),
            workspace: Some(EAST.to_owned()),
            ..EffectQuery::default()
        })
        .len()
}

fn every_hour(status: &str) -> Value {
    json!({"schedule": {"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC", "pause_status": status}})
}

#[tokio::test(start_paused = true)]
async fn a_schedule_fires_at_its_times_and_a_paused_one_never() {
    let lab = Lab::new();
    let awake = lab.job("awake", every_hour("UNPAUSED")).await;
    let asleep = lab.job("asleep", every_hour("PAUSED")).await;
    lab.seconds(4 * 3600 + 60);
    let runs = lab.runs_of(awake).await;
    assert_eq!(runs.len(), 4);
    assert_eq!(runs[0]["trigger"], "PERIODIC");
    assert_eq!(runs[3]["start_time"].as_i64().unwrap() % 3_600_000, 0);
    assert_eq!(runs[1]["state"]["result_state"], "SUCCESS");
    assert!(lab.runs_of(asleep).await.is_empty());
    lab.write("/api/2.2/jobs/update", json!({"job_id": awake, "new_settings": every_hour("PAUSED")})).await;
    lab.days(1);
    assert_eq!(lab.runs_of(awake).await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn every_other_trigger_fires_too() {
    let lab = Lab::new();
    let periodic = lab.job("p", json!({"trigger": {"periodic": {"interval": 2, "unit": "HOURS"}}})).await;
    let files = lab.job("f", json!({"trigger": {"file_arrival": {"url": "s3://landing/orders/"}}})).await;
    let table = lab.job("t", json!({"trigger": {"table_update": {"table_names": ["a.b.c"]}}})).await;
    let several = lab
        .job("s", json!({"triggers": [{"periodic": {"interval": 1, "unit": "DAYS"}}, {"file_arrival": {"url": "s3://landing/"}, "pause_status": "PAUSED"}]}))
        .await;
    lab.seconds(4 * 3600 + 1);
    assert_eq!(lab.simulator.files_arrive(EAST, "s3://landing/orders/1.csv").unwrap(), 1);
    assert_eq!(lab.simulator.table_updated(EAST, "a.b.c").unwrap(), 1);
    assert_eq!(lab.simulator.table_updated(EAST, "a.b.d").unwrap(), 0);
    lab.days(1);
    assert_eq!(lab.runs_of(periodic).await.len(), 14);
    assert_eq!(lab.runs_of(files).await[0]["trigger"], "FILE_ARRIVAL");
    assert_eq!(lab.runs_of(table).await[0]["trigger"], "TABLE");
    assert_eq!(lab.runs_of(several).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_continuous_job_always_has_one_run_until_it_is_paused() {
    let lab = Lab::new();
    let job = lab.job("c", json!({"continuous": {"pause_status": "UNPAUSED"}})).await;
    lab.days(3);
    let runs = lab.runs_of(job).await;
    assert_eq!((runs.len(), &runs[0]["state"]["life_cycle_state"]), (4, &json!("RUNNING")));
    let pause = json!({"job_id": job, "new_settings": {"continuous": {"pause_status": "PAUSED"}}});
    lab.write("/api/2.2/jobs/update", pause).await;
    lab.days(3);
    let runs = lab.runs_of(job).await;
    assert_eq!((runs.len(), &runs[0]["state"]["result_state"]), (4, &json!("CANCELED")));
}

#[tokio::test(start_paused = true)]
async fn a_notebook_that_is_missing_fails_the_run() {
    let lab = Lab::new();
    let job = lab
        .job("j", json!({"tasks": [{"task_key": "one", "notebook_task": {"notebook_path": "/not/there"}}]}))
        .await;
    let id = run(&lab, job).await;
    lab.seconds(300);
    assert_eq!(ending(&lab, id).await, "TERMINATED FAILED");
    let output = lab.read(&format!("/api/2.2/jobs/runs/get-output?run_id={id}")).await;
    assert!(output["error"].as_str().unwrap().contains("/not/there"));
    assert_eq!(get(&lab, id).await["status"]["termination_details"]["code"], "RESOURCE_NOT_FOUND");
}

#[tokio::test(start_paused = true)]
async fn a_token_makes_one_run_of_many_requests() {
    let lab = Lab::new();
    let job = lab.job("j", json!({})).await;
    let body = json!({"job_id": job, "idempotency_token": "once"});
    let first = lab.write("/api/2.2/jobs/run-now", body.clone()).await;
    lab.seconds(3600);
    assert_eq!(lab.write("/api/2.2/jobs/run-now", body.clone()).await, first);
    assert_eq!(count(&lab, Deed::Ran), 1);
    lab.write("/api/2.2/jobs/runs/delete", json!({"run_id": first["run_id"]})).await;
    assert_eq!(refused(lab.post("/api/2.2/jobs/run-now", body).await).1, "INVALID_PARAMETER_VALUE");
}

#[tokio::test(start_paused = true)]
async fn beyond_its_concurrency_a_job_skips_or_queues() {
    let lab = Lab::new();
    let skipping = lab.job("s", json!({})).await;
    run(&lab, skipping).await;
    let second = run(&lab, skipping).await;
    assert_eq!(ending(&lab, second).await, "SKIPPED MAXIMUM_CONCURRENT_RUNS_REACHED");
    let queueing = lab.job("q", json!({"queue": {"enabled": true}})).await;
    run(&lab, queueing).await;
    let second = run(&lab, queueing).await;
    assert_eq!(ending(&lab, second).await, "QUEUED -");
    lab.seconds(100);
    assert_eq!(ending(&lab, second).await, "RUNNING -");
    lab.seconds(100);
    assert_eq!(ending(&lab, second).await, "TERMINATED SUCCESS");
}

#[tokio::test(start_paused = true)]
async fn with_concurrency_zero_nothing_runs_whoever_asks() {
    let lab = Lab::new();
    let job = lab.job("z", json!({"max_concurrent_runs": 0, "queue": {"enabled": true}})).await;
    let id = run(&lab, job).await;
    assert_eq!(ending(&lab, id).await, "SKIPPED MAXIMUM_CONCURRENT_RUNS_REACHED");
    assert_eq!(count(&lab, Deed::Ran), 0);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_queues_at_zero_releases_the_queue_when_it_may_run_again() {
    let lab = Lab::with(Settings { zero_concurrency_queues: true, ..Settings::default() });
    let job = lab.job("z", json!({"max_concurrent_runs": 0, "queue": {"enabled": true}})).await;
    let id = run(&lab, job).await;
    lab.seconds(3600);
    assert_eq!(ending(&lab, id).await, "QUEUED -");
    lab.write("/api/2.2/jobs/update", json!({"job_id": job, "new_settings": {"max_concurrent_runs": 1}}))
        .await;
    assert_eq!(ending(&lab, id).await, "RUNNING -");
    let waiting = run(&lab, job).await;
    lab.write("/api/2.2/jobs/update", json!({"job_id": job, "new_settings": {"max_concurrent_runs": 0}}))
        .await;
    lab.days(3);
    assert_eq!(ending(&lab, waiting).await, "SKIPPED MAXIMUM_CONCURRENT_RUNS_REACHED");
}

#[tokio::test(start_paused = true)]
async fn job_clusters_live_as_long_as_their_run() {
    let lab = Lab::new();
    let cluster = json!({"spark_version": SPARK, "node_type_id": "i3.xlarge", "num_workers": 1});
    lab.notebook(&format!("{HOME}/n")).await;
    let task = |key: &str, on: Value| json!({"task_key": key, "job_cluster_key": "k", "depends_on": on, "notebook_task": {"notebook_path": format!("{HOME}/n")}});
    let job = lab
        .job(
            "j",
            json!({"job_clusters": [{"job_cluster_key": "k", "new_cluster": cluster}],
                         "tasks": [task("a", json!([])), task("b", json!([{"task_key": "a"}]))]}),
        )
        .await;
    let from = lab.simulator.now();
    let id = run(&lab, job).await;
    lab.seconds(200);
    let shown = get(&lab, id).await;
    assert_eq!(
        (&shown["tasks"][0]["state"]["life_cycle_state"], &shown["tasks"][1]["state"]["life_cycle_state"]),
        (&json!("RUNNING"), &json!("BLOCKED"))
    );
    let listed = lab.read("/api/2.1/clusters/list?filter_by.cluster_sources=JOB").await;
    assert_eq!(
        (listed["clusters"].as_array().unwrap().len(), &listed["clusters"][0]["state"]),
        (1, &json!("RUNNING"))
    );
    let cluster = listed["clusters"][0]["cluster_id"].clone();
    for target in ["edit", "start", "pin"] {
        let mut body = json!({"spark_version": SPARK, "node_type_id": "i3.xlarge", "num_workers": 1});
        body["cluster_id"] = cluster.clone();
        refused(lab.post(&format!("/api/2.1/clusters/{target}"), body).await);
    }
    lab.seconds(300);
    assert_eq!(ending(&lab, id).await, "TERMINATED SUCCESS");
    let activity = lab.simulator.activity(EAST, from, Timestamp::MAX).unwrap();
    assert_eq!(activity.cluster_seconds, 180.0 + 90.0 + 90.0 + 20.0);
}

#[tokio::test(start_paused = true)]
async fn a_task_wakes_the_cluster_or_warehouse_that_it_names() {
    let lab = Lab::new();
    let cluster = lab.cluster("c").await;
    lab.write("/api/2.1/clusters/delete", json!({"cluster_id": cluster})).await;
    lab.seconds(60);
    let starter = lab.read("/api/2.0/sql/warehouses").await["warehouses"][0]["id"].clone();
    lab.notebook(&format!("{HOME}/n")).await;
    let job = lab
        .job("j", json!({"tasks": [
            {"task_key": "a", "existing_cluster_id": cluster, "notebook_task": {"notebook_path": format!("{HOME}/n")}},
            {"task_key": "b", "sql_task": {"warehouse_id": starter, "file": {"path": "/x"}}},
        ]}))
        .await;
    let id = run(&lab, job).await;
    assert_eq!(lab.cluster_state(&cluster).await, "PENDING");
    lab.seconds(400);
    assert_eq!(ending(&lab, id).await, "TERMINATED SUCCESS");
    assert_eq!(lab.cluster_state(&cluster).await, "RUNNING");
}

#[tokio::test(start_paused = true)]
async fn a_terminated_cluster_takes_its_tasks_down() {
    let lab = Lab::new();
    let cluster = lab.cluster("c").await;
    lab.notebook(&format!("{HOME}/n")).await;
    let task = json!({"task_key": "a", "existing_cluster_id": cluster, "notebook_task": {"notebook_path": format!("{HOME}/n")}});
    let job = lab.job("j", json!({"tasks": [task]})).await;
    let id = run(&lab, job).await;
    lab.seconds(200);
    lab.write("/api/2.1/clusters/delete", json!({"cluster_id": cluster})).await;
    assert_eq!(ending(&lab, id).await, "TERMINATED FAILED");
}

#[tokio::test(start_paused = true)]
async fn a_job_runs_another_and_waits_for_it() {
    let lab = Lab::new();
    let child = lab.job("child", json!({"parameters": [{"name": "day", "default": "1"}]})).await;
    let call =
        json!([{"task_key": "call", "run_job_task": {"job_id": child, "job_parameters": {"day": "2"}}}]);
    let parent = lab.job("parent", json!({"tasks": call})).await;
    let id = run(&lab, parent).await;
    let called = lab.runs_of(child).await;
    assert_eq!(called[0]["trigger"], "RUN_JOB_TASK");
    assert_eq!(get(&lab, id).await["tasks"][0]["run_job_task"]["run_id"], called[0]["run_id"]);
    let shown = get(&lab, called[0]["run_id"].as_i64().unwrap()).await;
    assert_eq!(shown["job_parameters"][0], json!({"name": "day", "default": "1", "value": "2"}));
    lab.seconds(120);
    assert_eq!(ending(&lab, id).await, "TERMINATED SUCCESS");
}

#[tokio::test(start_paused = true)]
async fn dependencies_and_conditions_decide_what_runs() {
    let lab = Lab::new();
    lab.notebook(&format!("{HOME}/n")).await;
    let good = json!({"notebook_path": format!("{HOME}/n")});
    let bad = json!({"notebook_path": "/not/there"});
    let job = lab
        .job("j", json!({"tasks": [
            {"task_key": "check", "condition_task": {"op": "GREATER_THAN", "left": "10", "right": "9"}},
            {"task_key": "yes", "depends_on": [{"task_key": "check", "outcome": "true"}], "notebook_task": bad},
            {"task_key": "no", "depends_on": [{"task_key": "check", "outcome": "false"}], "notebook_task": good},
            {"task_key": "after", "depends_on": [{"task_key": "yes"}], "notebook_task": good},
            {"task_key": "always", "run_if": "ALL_DONE", "depends_on": [{"task_key": "yes"}, {"task_key": "after"}], "notebook_task": good},
        ]}))
        .await;
    let id = run(&lab, job).await;
    lab.seconds(600);
    let shown = get(&lab, id).await;
    let results: Vec<&str> = shown["tasks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|task| task["state"]["result_state"].as_str().unwrap())
        .collect();
    assert_eq!(results, ["SUCCESS", "FAILED", "EXCLUDED", "UPSTREAM_FAILED", "SUCCESS"]);
    assert_eq!(ending(&lab, id).await, "TERMINATED SUCCESS_WITH_FAILURES");
}

#[tokio::test(start_paused = true)]
async fn a_failed_task_is_tried_again_and_a_failed_run_repaired() {
    let lab = Lab::new();
    let task = json!({"task_key": "a", "max_retries": 1, "notebook_task": {"notebook_path": format!("{HOME}/late")}});
    let job = lab.job("j", json!({"tasks": [task]})).await;
    let id = run(&lab, job).await;
    lab.seconds(60);
    let shown = get(&lab, id).await;
    assert_eq!(
        (ending(&lab, id).await.as_str(), &shown["tasks"][0]["attempt_number"]),
        ("TERMINATED FAILED", &json!(1))
    );
    lab.notebook(&format!("{HOME}/late")).await;
    let repair = json!({"run_id": id, "rerun_all_failed_tasks": true});
    let first = lab.write("/api/2.2/jobs/runs/repair", repair.clone()).await["repair_id"].clone();
    assert_eq!(refused(lab.post("/api/2.2/jobs/runs/repair", repair.clone()).await).1, "INVALID_STATE");
    lab.seconds(200);
    assert_eq!(ending(&lab, id).await, "TERMINATED SUCCESS");
    let history = lab.read(&format!("/api/2.2/jobs/runs/get?run_id={id}&include_history=true")).await;
    assert_eq!(history["repair_history"][1]["id"], first);
    let again = json!({"run_id": id, "rerun_tasks": ["a"]});
    assert_eq!(refused(lab.post("/api/2.2/jobs/runs/repair", again).await).1, "INVALID_PARAMETER_VALUE");
}

#[tokio::test(start_paused = true)]
async fn a_run_ends_when_it_is_cancelled_or_its_time_is_up() {
    let lab = Lab::new();
    let job = lab.job("j", json!({"timeout_seconds": 30, "queue": {"enabled": true}})).await;
    let (id, queued) = (run(&lab, job).await, run(&lab, job).await);
    lab.write("/api/2.2/jobs/runs/cancel", json!({"run_id": queued})).await;
    assert_eq!(ending(&lab, queued).await, "TERMINATED CANCELED");
    lab.seconds(31);
    assert_eq!(ending(&lab, id).await, "TERMINATED TIMEDOUT");
    let (id, queued) = (run(&lab, job).await, run(&lab, job).await);
    lab.write("/api/2.2/jobs/runs/cancel-all", json!({"job_id": job})).await;
    assert_eq!(ending(&lab, id).await, "TERMINATING -");
    lab.seconds(10);
    assert_eq!(
        (ending(&lab, id).await, ending(&lab, queued).await),
        ("TERMINATED CANCELED".to_owned(), "TERMINATED CANCELED".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_submitted_run_belongs_to_no_saved_job() {
    let lab = Lab::new();
    lab.notebook(&format!("{HOME}/n")).await;
    let task = json!({"task_key": "a", "notebook_task": {"notebook_path": format!("{HOME}/n")}});
    let id =
        lab.write("/api/2.2/jobs/runs/submit", json!({"run_name": "once", "tasks": [task]})).await["run_id"]
            .as_i64()
            .unwrap();
    lab.seconds(100);
    let shown = get(&lab, id).await;
    assert_eq!((&shown["run_type"], &shown["run_name"]), (&json!("SUBMIT_RUN"), &json!("once")));
    assert_eq!(ending(&lab, id).await, "TERMINATED SUCCESS");
    assert_eq!(lab.read("/api/2.2/jobs/list").await.get("jobs"), None);
}

#[tokio::test(start_paused = true)]
async fn runs_are_listed_newest_first_and_filtered() {
    let lab = Lab::new();
    let job = lab.job("j", every_hour("UNPAUSED")).await;
    lab.seconds(5 * 3600 + 10);
    let active = lab.read(&format!("/api/2.2/jobs/runs/list?job_id={job}&active_only=true")).await;
    assert_eq!(active["runs"].as_array().unwrap().len(), 1);
    let first = lab.read("/api/2.2/jobs/runs/list?limit=3").await;
    assert_eq!((first["runs"].as_array().unwrap().len(), &first["has_more"]), (3, &json!(true)));
    let token = first["next_page_token"].as_str().unwrap();
    let second =
        lab.read(&format!("/api/2.2/jobs/runs/list?limit=3&page_token={token}&expand_tasks=true")).await;
    assert_eq!(second["runs"].as_array().unwrap().len(), 2);
    assert_eq!(second["runs"][0]["tasks"][0]["task_key"], "one");
    for query in ["limit=26", "active_only=true&completed_only=true"] {
        assert_eq!(
            refused(lab.get(&format!("/api/2.2/jobs/runs/list?{query}")).await).1,
            "INVALID_PARAMETER_VALUE"
        );
    }
    lab.days(70);
    let kept = lab
        .read(&format!("/api/2.2/jobs/runs/list?job_id={job}&completed_only=true&limit=1&offset=1500"))
        .await;
    assert_eq!(kept.get("runs"), None, "runs are forgotten after sixty days");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_job_fires_no_more_and_its_run_is_cancelled() {
    let lab = Lab::new();
    let job = lab.job("j", every_hour("UNPAUSED")).await;
    let id = run(&lab, job).await;
    lab.write("/api/2.2/jobs/delete", json!({"job_id": job})).await;
    lab.days(1);
    assert_eq!(ending(&lab, id).await, "TERMINATED CANCELED");
    assert_eq!(count(&lab, Deed::Fired), 0);
}
