//! The runs part of the jobs API. <https://docs.databricks.com/api/workspace/jobs>

use std::sync::Arc;

use serde_json::{Value, json};

use crate::call::{Call, Outcome, Reply};
use crate::collections::Document;
use crate::paging::{self, Cursor};
use crate::refusal::Refusal;
use crate::services::jobs::{self, ARRAY_PAGE};
use crate::services::run_view::{OVERRIDES, history, show, show_task};
use crate::services::runs::{self, Beginning, Ending, Life, Run, RunType, Which};
use crate::services::tasks::{self, Task};
use crate::services::{job_settings, tree};
use crate::stage::Stage;

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
    let id = runs::submit(call.stage, RunType::SubmitRun, settings, token);
    Ok(Reply::Json(json!({"run_id": id})))
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
    let kind = run_type(call)?;
    let unasked = &call.stage.settings.run_types_unasked;
    let expand = call.flag("expand_tasks");
    let store = &call.stage.ws.runs;
    let wanted = |run: &Run| {
        (!active_only || !run.is_done())
            && (!completed_only || run.is_done())
            && from.is_none_or(|from| run.created_ms >= from)
            && to.is_none_or(|to| run.created_ms <= to)
            && kind.map_or_else(|| unasked.contains(&run.run_type), |kind| kind == run.run_type)
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

/// The type of runs that is asked for.
fn run_type(call: &Call<'_, '_>) -> Result<Option<RunType>, Refusal> {
    let Some(asked) = call.text("run_type").filter(|asked| !asked.is_empty()) else { return Ok(None) };
    serde_json::from_value(json!(asked))
        .map(Some)
        .map_err(|_| Refusal::bad_field("run_type", format!("'{asked}' is not a run type.")))
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
            let which = match (call.stage.settings.cancel_all_is_narrow, queued) {
                (false, _) => Which::All,
                (true, true) => Which::Queued,
                (true, false) => Which::Begun,
            };
            runs::cancel_job(call.stage, job_id, which);
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
