//! Runs and their tasks, as the API shows them.

use serde_json::{Value, json};

use crate::collections::Document;
use crate::services::jobs::{ARRAY_PAGE, sliced};
use crate::services::runs::{Ending, Life, Run};
use crate::services::tasks::{Phase, Task};
use crate::stage::Stage;

/// Fields of a run-now request that become a run's overriding parameters.
pub(crate) const OVERRIDES: &[&str] = &[
    "jar_params",
    "notebook_params",
    "python_params",
    "python_named_params",
    "spark_submit_params",
    "sql_params",
    "dbt_commands",
    "pipeline_params",
];

/// `state` and `status` of a run or task: the older and the newer way to say the same.
fn states(life: &str, ending: Option<Ending>, code: &str, message: &str) -> (Value, Value) {
    let mut state = json!({"life_cycle_state": life, "state_message": message, "user_cancelled_or_timedout": matches!(ending, Some(Ending::Canceled | Ending::Timedout))});
    let newer = match life {
        "SKIPPED" | "INTERNAL_ERROR" => "TERMINATED",
        "WAITING_FOR_RETRY" => "WAITING",
        other => other,
    };
    let mut status = json!({"state": newer});
    if let Some(ending) = ending {
        state["result_state"] = json!(ending);
        let kind = match ending {
            Ending::Success | Ending::SuccessWithFailures | Ending::Excluded | Ending::Disabled => "SUCCESS",
            _ => "CLIENT_ERROR",
        };
        status["termination_details"] =
            json!({"code": if code.is_empty() { "SUCCESS" } else { code }, "type": kind, "message": message});
    }
    if life == "QUEUED" {
        let reason = "Queued due to reaching maximum concurrent runs of 1.";
        state["queue_reason"] = json!(reason);
        status["queue_details"] = json!({"code": "MAX_CONCURRENT_RUNS_REACHED", "message": reason});
    }
    (state, status)
}

const fn life_name(life: Life) -> &'static str {
    match life {
        Life::Queued => "QUEUED",
        Life::Running => "RUNNING",
        Life::Terminating => "TERMINATING",
        Life::Terminated => "TERMINATED",
        Life::Skipped => "SKIPPED",
    }
}

const fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Blocked => "BLOCKED",
        Phase::Waiting => "WAITING_FOR_RETRY",
        Phase::Pending => "PENDING",
        Phase::Running => "RUNNING",
        Phase::Done => "TERMINATED",
    }
}

fn page_url(stage: &Stage<'_>, run: &Run, id: i64) -> String {
    format!(
        "https://{}.{}.simulated/?o={}#job/{}/run/{id}",
        stage.ws.name,
        stage.ws.cloud.name(),
        stage.ws.id,
        run.job_id
    )
}

/// A task as runs show it.
pub(crate) fn show_task(stage: &Stage<'_>, run: &Run, task: &Task) -> Value {
    let mut shown = run
        .settings
        .get("tasks")
        .and_then(|tasks| tasks.get(task.place))
        .cloned()
        .unwrap_or_else(|| json!({}));
    let life = if run.life == Life::Queued && !task.is_done() { "QUEUED" } else { phase_name(task.phase) };
    let (state, status) = states(life, task.ending, &task.code, &task.message);
    let begun = task.begun_ms.or(task.pending_ms);
    let setup = task.begun_ms.zip(task.pending_ms).map_or(0, |(begun, pending)| begun - pending);
    let execution = task.ended_ms.zip(task.begun_ms).map_or(0, |(ended, begun)| ended - begun);
    for (key, value) in [
        ("run_id", json!(task.run_id)),
        ("run_page_url", json!(page_url(stage, run, task.run_id))),
        ("start_time", json!(task.pending_ms.unwrap_or(0))),
        ("end_time", json!(task.ended_ms.unwrap_or(0))),
        ("setup_duration", json!(setup)),
        ("execution_duration", json!(execution)),
        ("cleanup_duration", json!(0)),
        ("run_duration", json!(task.ended_ms.zip(begun).map_or(0, |(ended, begun)| ended - begun))),
        ("attempt_number", json!(task.attempt)),
        ("state", state),
        ("status", status),
    ] {
        shown[key] = value;
    }
    if let Some(cluster) = &task.cluster {
        shown["cluster_instance"] =
            json!({"cluster_id": cluster, "spark_context_id": task.run_id.to_string()});
    }
    if let (Some(outcome), Some(condition)) = (task.outcome, shown.get_mut("condition_task")) {
        condition["outcome"] = json!(outcome.to_string());
    }
    if let (Some(child), Some(called)) = (task.child, shown.get_mut("run_job_task")) {
        called["run_id"] = json!(child);
    }
    shown
}

/// A run as `get` and `list` show it, with whether its arrays go on.
pub(crate) fn show(stage: &Stage<'_>, run: &Run, with_arrays: bool, offset: usize) -> (Value, bool) {
    let (state, status) = states(life_name(run.life), run.ending, &run.code, &run.message);
    let mut shown = json!({
        "job_id": run.job_id,
        "run_id": run.id,
        "job_run_id": run.id,
        "number_in_job": run.id,
        "original_attempt_run_id": run.id,
        "attempt_number": 0,
        "creator_user_name": &*run.creator,
        "run_name": run.name(),
        "run_type": run.run_type,
        "run_page_url": page_url(stage, run, run.id),
        "trigger": run.trigger,
        "format": "MULTI_TASK",
        "state": state,
        "status": status,
        "start_time": run.created_ms,
        "end_time": run.ended_ms.unwrap_or(0),
        "setup_duration": 0,
        "execution_duration": 0,
        "cleanup_duration": 0,
        "queue_duration": run.begun_ms.map_or(0, |begun| begun - run.created_ms),
        "run_duration": run.ended_ms.zip(run.begun_ms).map_or(0, |(ended, begun)| ended - begun),
    });
    if let Some(schedule) = run.settings.get("schedule").filter(|_| run.trigger == "PERIODIC") {
        shown["schedule"] = schedule.clone();
    }
    if let Some((parent, _)) = run.parent {
        shown["trigger_info"] = json!({"run_id": parent});
    }
    let given = |key: &str| run.overrides.as_ref().and_then(|overrides| overrides.get(key));
    let overriding: Document =
        OVERRIDES.iter().filter_map(|key| Some(((*key).to_owned(), given(key)?.clone()))).collect();
    if !overriding.is_empty() {
        shown["overriding_parameters"] = Value::Object(overriding);
    }
    let mut more = false;
    if with_arrays {
        let mut arrays = Document::new();
        let tasks =
            run.tasks.iter().skip(offset).take(ARRAY_PAGE).map(|task| show_task(stage, run, task)).collect();
        more |= run.tasks.len() > offset + ARRAY_PAGE;
        arrays.insert("tasks".to_owned(), Value::Array(tasks));
        let kept: Document = ["job_clusters"]
            .iter()
            .filter_map(|key| Some(((*key).to_owned(), run.settings.get(*key)?.clone())))
            .collect();
        let (kept, longer) = sliced(&kept, &["job_clusters"], offset);
        more |= longer;
        arrays.extend(kept);
        let parameters = parameters(run);
        more |= parameters.len() > offset + ARRAY_PAGE;
        if !parameters.is_empty() {
            arrays.insert(
                "job_parameters".to_owned(),
                parameters.into_iter().skip(offset).take(ARRAY_PAGE).collect(),
            );
        }
        if let Some(shown) = shown.as_object_mut() {
            shown.extend(arrays);
        }
    }
    (shown, more)
}

fn parameters(run: &Run) -> Vec<Value> {
    let given = run.overrides.as_ref().and_then(|overrides| overrides.get("job_parameters"));
    let declared = run.settings.get("parameters").and_then(Value::as_array).into_iter().flatten();
    declared
        .map(|parameter| {
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or("");
            let default = parameter.get("default").cloned().unwrap_or_default();
            let value = given.and_then(|given| given.get(name)).cloned().unwrap_or_else(|| default.clone());
            json!({"name": name, "default": default, "value": value})
        })
        .collect()
}

pub(crate) fn history(run: &Run) -> Value {
    let (state, status) = states(life_name(run.life), run.ending, &run.code, &run.message);
    let original = json!({
        "type": "ORIGINAL", "start_time": run.created_ms, "end_time": run.ended_ms.unwrap_or(0), "state": state, "status": status,
        "task_run_ids": run.tasks.iter().map(|task| task.run_id).collect::<Vec<_>>(),
    });
    let repairs = run.repairs.iter().map(|repair| {
        json!({"type": "REPAIR", "id": repair.id, "start_time": repair.begun_ms, "end_time": repair.ended_ms.unwrap_or(0),
               "state": state, "status": status, "task_run_ids": repair.task_runs})
    });
    std::iter::once(original.clone()).chain(repairs).collect()
}
