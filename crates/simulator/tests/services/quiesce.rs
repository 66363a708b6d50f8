//! Bringing a workspace to rest: which runs there are to be seen, and what stops them.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use twinlake_simulator::{RunType, Settings};

use crate::lab::{EAST, HOME, Lab, refused};

const LIST: &str = "/api/2.2/jobs/runs/list";
const CANCEL_ALL: &str = "/api/2.2/jobs/runs/cancel-all";

async fn run(lab: &Lab, job: i64) -> i64 {
    lab.write("/api/2.2/jobs/run-now", json!({"job_id": job})).await["run_id"].as_i64().unwrap()
}

async fn life(lab: &Lab, id: i64) -> String {
    let shown = lab.read(&format!("/api/2.2/jobs/runs/get?run_id={id}")).await;
    shown["state"]["life_cycle_state"].as_str().unwrap().to_owned()
}

/// The runs that a list shows, by id.
async fn listed(lab: &Lab, query: &str) -> BTreeSet<i64> {
    let answer = lab.read(&format!("{LIST}?limit=25&{query}")).await;
    let runs = answer["runs"].as_array().cloned().unwrap_or_default();
    runs.iter().map(|run| run["run_id"].as_i64().unwrap()).collect()
}

async fn update(lab: &Lab, job: i64, settings: Value) {
    lab.write("/api/2.2/jobs/update", json!({"job_id": job, "new_settings": settings})).await;
}

#[tokio::test(start_paused = true)]
async fn each_type_of_run_is_listed_when_it_is_asked_for_and_a_plain_list_leaves_some_out() {
    let lab = Lab::new();
    let of_job = run(&lab, lab.job("j", json!({})).await).await;
    let path = format!("{HOME}/notebook");
    let task = json!({"task_key": "a", "notebook_task": {"notebook_path": path}});
    let submitted =
        lab.write("/api/2.2/jobs/runs/submit", json!({"tasks": [task]})).await["run_id"].as_i64().unwrap();
    let of_notebook = lab.simulator.run_notebook(EAST, "ana", &path, None).unwrap();
    for (query, expected) in [
        ("", vec![of_job, submitted]),
        ("run_type=", vec![of_job, submitted]),
        ("run_type=JOB_RUN", vec![of_job]),
        ("run_type=SUBMIT_RUN", vec![submitted]),
        ("run_type=WORKFLOW_RUN&active_only=true", vec![of_notebook]),
        ("run_type=WORKFLOW_RUN&completed_only=true", vec![]),
    ] {
        assert_eq!(listed(&lab, query).await, expected.into_iter().collect(), "{query}");
    }
    assert_eq!(refused(lab.get(&format!("{LIST}?run_type=OTHER")).await).1, "INVALID_PARAMETER_VALUE");
    let all = BTreeSet::from([RunType::JobRun, RunType::SubmitRun, RunType::WorkflowRun]);
    lab.simulator.change_settings(|settings| settings.run_types_unasked = all);
    assert_eq!(listed(&lab, "").await.len(), 3);
    lab.write("/api/2.2/jobs/runs/cancel", json!({"run_id": of_notebook})).await;
    lab.seconds(10);
    assert_eq!(life(&lab, of_notebook).await, "TERMINATED");
    // Cancelling it again does nothing; what never was is refused.
    lab.write("/api/2.2/jobs/runs/cancel", json!({"run_id": of_notebook})).await;
    assert_eq!(
        refused(lab.post("/api/2.2/jobs/runs/cancel", json!({"run_id": 7})).await).1,
        "INVALID_PARAMETER_VALUE"
    );
}

#[tokio::test(start_paused = true)]
async fn lists_are_narrowed_by_start_and_what_is_queued_is_active() {
    let lab = Lab::new();
    let job = lab.job("j", json!({"queue": {"enabled": true}})).await;
    let first = run(&lab, job).await;
    let first_ms = lab.simulator.now().as_millisecond();
    lab.seconds(60);
    let second = run(&lab, job).await;
    let second_ms = lab.simulator.now().as_millisecond();
    assert_eq!(life(&lab, second).await, "QUEUED");
    assert_eq!(listed(&lab, "active_only=true").await.len(), 2);
    assert_eq!(listed(&lab, &format!("start_time_from={second_ms}")).await, BTreeSet::from([second]));
    assert_eq!(listed(&lab, &format!("start_time_from={}", second_ms + 1)).await, BTreeSet::new());
    assert_eq!(listed(&lab, &format!("start_time_to={first_ms}")).await, BTreeSet::from([first]));
    let both = format!("start_time_from={first_ms}&start_time_to={second_ms}&run_type=JOB_RUN");
    assert_eq!(listed(&lab, &both).await.len(), 2);
    lab.seconds(60);
    assert_eq!(listed(&lab, "active_only=true").await, BTreeSet::from([second]));
    assert_eq!(listed(&lab, "completed_only=true").await, BTreeSet::from([first]));
}

#[tokio::test(start_paused = true)]
async fn what_queued_before_a_job_was_paused_runs_all_the_same_and_only_concurrency_zero_holds_it() {
    let lab = Lab::new();
    let every_hour = |status: &str| json!({"schedule": {"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC", "pause_status": status}});
    let job = lab.job("j", json!({"queue": {"enabled": true}})).await;
    update(&lab, job, every_hour("UNPAUSED")).await;
    let (_, queued, last) = (run(&lab, job).await, run(&lab, job).await, run(&lab, job).await);
    update(&lab, job, every_hour("PAUSED")).await;
    lab.seconds(100);
    assert_eq!(life(&lab, queued).await, "RUNNING");
    update(&lab, job, json!({"max_concurrent_runs": 0, "queue": {"enabled": false}})).await;
    lab.seconds(3600);
    // What was under way has ended; what waits goes on waiting, and begins when the job wakes.
    assert_eq!(
        (life(&lab, queued).await, life(&lab, last).await),
        ("TERMINATED".to_owned(), "QUEUED".to_owned())
    );
    update(&lab, job, json!({"max_concurrent_runs": 1})).await;
    assert_eq!(life(&lab, last).await, "RUNNING");
}

#[tokio::test(start_paused = true)]
async fn cancelling_the_begun_first_lets_the_queued_begin_where_the_two_are_told_apart() {
    for (is_narrow, after_queued, after_both) in
        [(true, "RUNNING", "TERMINATED"), (false, "TERMINATED", "TERMINATED")]
    {
        let lab = Lab::with(Settings { cancel_all_is_narrow: is_narrow, ..Settings::default() });
        let job = lab.job("j", json!({"queue": {"enabled": true}})).await;
        let (begun, queued) = (run(&lab, job).await, run(&lab, job).await);
        lab.write(CANCEL_ALL, json!({"job_id": job, "all_queued_runs": true})).await;
        assert_eq!(life(&lab, queued).await, "TERMINATED");
        lab.seconds(10);
        assert_eq!(life(&lab, begun).await, after_queued);
        lab.write(CANCEL_ALL, json!({"job_id": job})).await;
        lab.seconds(10);
        assert_eq!(life(&lab, begun).await, after_both);
        let (_, queued) = (run(&lab, job).await, run(&lab, job).await);
        lab.write(CANCEL_ALL, json!({"job_id": job})).await;
        lab.seconds(10);
        assert_eq!(life(&lab, queued).await, if is_narrow { "RUNNING" } else { "TERMINATED" });
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_job_all_queued_runs_of_the_workspace_are_cancelled_and_no_others() {
    let lab = Lab::new();
    let queue = json!({"queue": {"enabled": true}});
    let (one, other) = (lab.job("one", queue.clone()).await, lab.job("other", queue).await);
    let begun = [run(&lab, one).await, run(&lab, other).await];
    let queued = [run(&lab, one).await, run(&lab, other).await];
    lab.write(CANCEL_ALL, json!({"all_queued_runs": true})).await;
    for (begun, queued) in begun.into_iter().zip(queued) {
        assert_eq!(
            (life(&lab, begun).await, life(&lab, queued).await),
            ("RUNNING".to_owned(), "TERMINATED".to_owned())
        );
    }
    assert_eq!(refused(lab.post(CANCEL_ALL, json!({})).await).1, "INVALID_PARAMETER_VALUE");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_jobs_runs_are_seen_until_they_have_ended_and_afterwards_as_the_service_likes() {
    for go_with_it in [false, true] {
        let lab = Lab::with(Settings { runs_go_with_their_job: go_with_it, ..Settings::default() });
        let job = lab.job("j", json!({})).await;
        run(&lab, job).await;
        lab.seconds(100);
        let active = run(&lab, job).await;
        lab.write("/api/2.2/jobs/delete", json!({"job_id": job})).await;
        assert_eq!(listed(&lab, "active_only=true").await, BTreeSet::from([active]));
        assert_eq!(listed(&lab, "completed_only=true").await.len(), usize::from(!go_with_it));
        assert_eq!(refused(lab.post(CANCEL_ALL, json!({"job_id": job})).await).1, "INVALID_PARAMETER_VALUE");
        lab.write("/api/2.2/jobs/runs/cancel", json!({"run_id": active})).await;
        lab.seconds(10);
        assert_eq!(listed(&lab, "").await.len(), if go_with_it { 0 } else { 2 });
        let got = lab.get(&format!("/api/2.2/jobs/runs/get?run_id={active}")).await;
        assert_eq!(got.0, if go_with_it { 400 } else { 200 });
    }
}
