//! The runs part of the jobs API. <https://docs.databricks.com/api/workspace/jobs>

use std::sync::Arc;

use serde_json::{Value, json};

use crate::call::{Call, Outcome, Reply};
use crate::collections::Document;
use crate::paging::{self, Cursor};
use crate::refusal::Refusal;
use crate::services::jobs::{self, ARRAY_PAGE, sliced};
use crate::services::runs::{self, Beginning, Ending, Life, Run};
use crate::services::tasks::{self, Phase, Task};
use crate::services::{job_settings, tree};
use crate::stage::Stage;

/// Fields of a run-now request that become a run's overriding parameters.
const OVERRIDES: &[&str] = &[
    "jar_params",
    "notebook_params",
    "python_params",
    "python_named_params",
    "spark_submit_params",
    "sql_params",
    "dbt_commands",
    "pipeline_params",
];

fn find<'a>(stage: &'a Stage<'_>, id: i64) -> Result<&'a Run, Refusal> {
    stage.ws.runs.get(id).ok_or_else(|| Refusal::invalid(format!("Run {id} does not exist.")))
}

fn asked(call: &Call<'_, '_>) -> Result<i64, Refusal> {
    let id = call.need_number("run_id")?;
    find(call.stage, id)?;
    Ok(id)
}

/// The run that a token stands for already.
fn repeated(call: &Call<'_, '_>, token: Option<&String>) -> Result<Option<i64>, Refusal> {
    let Some(token) = token else { return Ok(None) };
    if token.len() > 64 {
        return Err(Refusal::bad_field(
            "idempotency_token",
            "idempotency_token must have at most 64 characters.",
        ));
    }
    match call.stage.ws.runs.token(token) {
        None => Ok(None),
        Some(Some(id)) => Ok(Some(id)),
        Some(None) => Err(Refusal::invalid(format!("The run of idempotency_token {token} was deleted."))),
    }
}

pub(crate) fn run_now(call: &mut Call<'_, '_>) -> Outcome {
    let job_id = call.need_number("job_id")?;
    let job = jobs::find(call.stage, job_id)?;
    let declared: Vec<&str> = job
        .settings
        .get("parameters")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|parameter| parameter.get("name").and_then(Value::as_str))
        .collect();
    if let Some(given) = call.value("job_parameters").and_then(Value::as_object)
        && let Some(unknown) = given.keys().find(|key| !declared.contains(&key.as_str()))
    {
        return Err(Refusal::bad_field(
            "job_parameters",
            format!("Job {job_id} has no parameter '{unknown}'."),
        ));
    }
    let token = call.text("idempotency_token").filter(|token| !token.is_empty());
    if let Some(id) = repeated(call, token.as_ref())? {
        return Ok(Reply::Json(json!({"run_id": id, "number_in_job": id})));
    }
    let mut overrides = call.document()?;
    overrides.retain(|key, _| {
        OVERRIDES.contains(&key.as_str()) || matches!(key.as_str(), "job_parameters" | "queue")
    });
    let beginning = Beginning {
        trigger: "ONE_TIME",
        overrides: Some(overrides),
        token,
        parent: None,
        only: call.texts("only"),
    };
    let id = runs::begin_job(call.stage, job_id, beginning).unwrap_or_default();
    Ok(Reply::Json(json!({"run_id": id, "number_in_job": id})))
}

pub(crate) fn submit(call: &mut Call<'_, '_>) -> Outcome {
    let token = call.text("idempotency_token").filter(|token| !token.is_empty());
    if let Some(id) = repeated(call, token.as_ref())? {
        return Ok(Reply::Json(json!({"run_id": id})));
    }
    let document = call.document()?;
    if document.get("tasks").and_then(Value::as_array).is_none_or(Vec::is_empty) {
        return Err(Refusal::bad_field("tasks", "Missing required field: tasks"));
    }
    let name = document.get("run_name").cloned().unwrap_or_else(|| json!("Untitled"));
    let mut settings = job_settings::accepted(call.stage, document, jobs::pages_arrays(call))?;
    settings.insert("run_name".to_owned(), name);
    let id = runs::submit(call.stage, settings, token);
    Ok(Reply::Json(json!({"run_id": id})))
}

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
fn show_task(stage: &Stage<'_>, run: &Run, task: &Task) -> Value {
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
fn show(stage: &Stage<'_>, run: &Run, with_arrays: bool, offset: usize) -> (Value, bool) {
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
        "run_type": match (run.submitted, run.trigger.as_ref()) {
            (true, _) => "SUBMIT_RUN",
            _ => "JOB_RUN",
        },
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

pub(crate) fn get(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    let run = find(call.stage, id)?;
    if run.id != id {
        // A task's run: the task alone, as the only one of its run.
        let (mut shown, _) = show(call.stage, run, false, 0);
        if let Some(task) = run.tasks.iter().find(|task| task.run_id == id) {
            let task = show_task(call.stage, run, task);
            for key in [
                "run_id",
                "state",
                "status",
                "start_time",
                "end_time",
                "setup_duration",
                "execution_duration",
                "run_duration",
                "attempt_number",
                "cluster_instance",
            ] {
                if let Some(value) = task.get(key) {
                    shown[key] = value.clone();
                }
            }
            shown["tasks"] = json!([task]);
        }
        return Ok(Reply::Json(shown));
    }
    let offset = match call.text("page_token").filter(|token| !token.is_empty() && jobs::pages_arrays(call)) {
        Some(token) => usize::try_from(Cursor::parse(&token)?.key).unwrap_or(usize::MAX / 2),
        None => 0,
    };
    let (mut shown, more) = show(call.stage, run, true, offset);
    if more && jobs::pages_arrays(call) {
        let next = Cursor { backward: false, key: (offset + ARRAY_PAGE) as u64, emptied: true };
        shown["next_page_token"] = json!(next.token());
    }
    if call.flag("include_history") {
        shown["repair_history"] = history(run);
    }
    Ok(Reply::Json(shown))
}

fn history(run: &Run) -> Value {
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

pub(crate) fn list(call: &mut Call<'_, '_>) -> Outcome {
    let (active_only, completed_only) = (call.flag("active_only"), call.flag("completed_only"));
    if active_only && completed_only {
        return Err(Refusal::bad_field("active_only", "active_only and completed_only cannot both be true."));
    }
    let limit = match call.number("limit")? {
        Some(0) => 25,
        None => 20,
        Some(limit) if (1..=25).contains(&limit) => limit,
        Some(limit) => {
            return Err(Refusal::bad_field("limit", format!("limit must be between 1 and 25, not {limit}.")));
        }
    };
    let (from, to) = (call.number("start_time_from")?, call.number("start_time_to")?);
    let kind = call.text("run_type");
    let expand = call.flag("expand_tasks");
    let store = &call.stage.ws.runs;
    let wanted = |run: &Run| {
        (!active_only || !run.is_done())
            && (!completed_only || run.is_done())
            && from.is_none_or(|from| run.created_ms >= from)
            && to.is_none_or(|to| run.created_ms <= to)
            && kind
                .as_deref()
                .is_none_or(|kind| (kind == "SUBMIT_RUN") == run.submitted && kind != "WORKFLOW_RUN")
    };
    let keys: Vec<u64> = store
        .keys(call.number("job_id")?)
        .into_iter()
        .rev()
        .filter(|key| store.by_key(*key).is_some_and(wanted))
        .collect();
    let size = call.stage.settings.page_size("runs", usize::try_from(limit).ok(), 20, 25);
    let empty = call.stage.settings.empty_page_before_last;
    let offset = call.size("offset")?.unwrap_or(0);
    let page = paging::page(keys.into_iter(), true, call.text("page_token").as_deref(), offset, size, empty)?;
    let shown: Vec<Value> = page
        .keys
        .iter()
        .filter_map(|key| store.by_key(*key))
        .map(|run| {
            let (mut shown, more) = show(call.stage, run, expand, 0);
            if expand && more && jobs::pages_arrays(call) {
                shown["has_more"] = json!(true);
            }
            shown
        })
        .collect();
    let mut answer = json!({"has_more": page.next.is_some()});
    if !shown.is_empty() {
        answer["runs"] = Value::Array(shown);
    }
    if let Some(next) = page.next {
        answer["next_page_token"] = json!(next);
    }
    if let Some(previous) = page.previous {
        answer["prev_page_token"] = json!(previous);
    }
    Ok(Reply::Json(answer))
}

pub(crate) fn get_output(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    let run = find(call.stage, id)?;
    let task = match run.tasks.as_slice() {
        [task] => task,
        tasks => tasks.iter().find(|task| task.run_id == id).ok_or_else(|| {
            Refusal::invalid("Retrieving the output of runs with multiple tasks is not supported. Please retrieve the output of each individual task run instead.")
        })?,
    };
    let (mut metadata, _) = show(call.stage, run, false, 0);
    metadata["tasks"] = json!([show_task(call.stage, run, task)]);
    let document =
        run.settings.get("tasks").and_then(|tasks| tasks.get(task.place)).cloned().unwrap_or_default();
    let mut answer = json!({"metadata": metadata});
    match task.ending {
        Some(ending) if ending.is_failure() => answer["error"] = json!(task.message),
        Some(_) if document.get("notebook_task").is_some() => {
            answer["notebook_output"] = json!({"truncated": false})
        }
        Some(_) if document.get("spark_python_task").is_some() => {
            answer["logs"] = json!("");
            answer["logs_truncated"] = json!(false);
        }
        _ => {}
    }
    if let Some(child) = task.child {
        answer["run_job_output"] = json!({"run_id": child});
    }
    Ok(Reply::Json(answer))
}

pub(crate) fn export(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    let run = find(call.stage, id)?;
    let tasks = run.tasks.iter().filter(|task| run.tasks.len() == 1 || task.run_id == id || run.id == id);
    let views: Vec<Value> = tasks
        .filter_map(|task| {
            let document = run.settings.get("tasks")?.get(task.place)?;
            let path = document.get("notebook_task")?.get("notebook_path")?.as_str()?;
            let path = tree::normalized(path).ok()?;
            let tree::What::Notebook(notebook) = &call.stage.ws.tree.get(&path)?.what else { return None };
            let name = tree::split(&path).map_or("", |(_, name)| name);
            Some(json!({"name": name, "type": "NOTEBOOK", "content": String::from_utf8_lossy(&notebook.to_html(name))}))
        })
        .collect();
    Ok(Reply::Json(json!({"views": views})))
}

pub(crate) fn cancel(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    runs::cancel(call.stage, id);
    Ok(Reply::empty())
}

pub(crate) fn cancel_all(call: &mut Call<'_, '_>) -> Outcome {
    let queued = call.flag("all_queued_runs");
    match call.number("job_id")? {
        Some(job_id) => {
            jobs::find(call.stage, job_id)?;
            runs::cancel_job(call.stage, job_id, true);
        }
        None if queued => {
            let store = &call.stage.ws.runs;
            let waiting: Vec<i64> = store
                .active(None)
                .into_iter()
                .filter(|id| store.get(*id).is_some_and(|run| run.life == Life::Queued))
                .collect();
            for id in waiting {
                runs::cancel(call.stage, id);
            }
        }
        None => {
            return Err(Refusal::bad_field("job_id", "Missing required field: job_id or all_queued_runs"));
        }
    }
    Ok(Reply::empty())
}

pub(crate) fn delete(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    if !find(call.stage, id)?.is_done() {
        return Err(Refusal::state(format!("Run {id} is active. Cancel it before it is deleted.")));
    }
    call.stage.ws.runs.remove(id);
    call.stage.effect(crate::effects::Deed::Deleted, "run", id, "");
    Ok(Reply::empty())
}

pub(crate) fn repair(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    let run = find(call.stage, id)?;
    if !run.is_done() {
        return Err(Refusal::state(format!("Run {id} is in progress and cannot be repaired.")));
    }
    let latest = run.repairs.last().map(|repair| repair.id);
    if latest.is_some() && call.number("latest_repair_id")? != latest {
        return Err(Refusal::bad_field(
            "latest_repair_id",
            format!("latest_repair_id must be {}.", latest.unwrap_or_default()),
        ));
    }
    let mut keys = call.texts("rerun_tasks");
    let all_failed = call.flag("rerun_all_failed_tasks");
    if all_failed != keys.is_empty() {
        return Err(Refusal::bad_field(
            "rerun_tasks",
            "One of rerun_tasks and rerun_all_failed_tasks must be used.",
        ));
    }
    if all_failed {
        let unsuccessful = |task: &&Task| {
            !matches!(task.ending, Some(Ending::Success | Ending::Excluded | Ending::Disabled))
        };
        keys = run.tasks.iter().filter(unsuccessful).map(|task| task.key.clone()).collect();
    }
    if let Some(unknown) = keys.iter().find(|key| !run.tasks.iter().any(|task| task.key == **key)) {
        return Err(Refusal::bad_field("rerun_tasks", format!("Run {id} has no task '{unknown}'.")));
    }
    if keys.is_empty() {
        return Err(Refusal::invalid(format!("Run {id} has no task to repair.")));
    }
    if call.flag("rerun_dependent_tasks") {
        let documents = run.settings.get("tasks").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut at = 0;
        while at < keys.len() {
            for key in tasks::downstream(&documents, &keys[at].clone()) {
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
            at += 1;
        }
    }
    // A repair runs with the job's settings of now.
    let run_id = run.id;
    let current = call.stage.ws.jobs.get(run.job_id).map(|job| Arc::clone(&job.settings));
    if let (Some(current), Some(run)) = (current, call.stage.ws.runs.get_mut(run_id))
        && same_tasks(&current, &run.settings)
    {
        run.settings = current;
    }
    let repair = runs::repair(call.stage, run_id, &keys);
    Ok(Reply::Json(json!({"repair_id": repair})))
}

fn same_tasks(one: &Document, other: &Document) -> bool {
    let keys = |settings: &Document| -> Vec<Value> {
        let tasks = settings.get("tasks").and_then(Value::as_array).into_iter().flatten();
        tasks.map(|task| task.get("task_key").cloned().unwrap_or_default()).collect()
    };
    keys(one) == keys(other)
}
