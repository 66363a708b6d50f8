//! The settings of a job: what is accepted, what the service adds, how an update merges.
//!
//! References to compute and to other jobs must stand when a job is written. A notebook's path is not looked at
//! until a run needs it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::collections::Document;
use crate::refusal::Refusal;
use crate::services::{cluster_api, cluster_spec, jobs, libraries, triggers};
use crate::stage::Stage;

/// The fields of settings. Others are ignored.
const FIELDS: &[&str] = &[
    "name",
    "description",
    "tags",
    "email_notifications",
    "webhook_notifications",
    "notification_settings",
    "timeout_seconds",
    "health",
    "schedule",
    "trigger",
    "triggers",
    "continuous",
    "max_concurrent_runs",
    "tasks",
    "job_clusters",
    "git_source",
    "queue",
    "parameters",
    "run_as",
    "environments",
    "environment_variables",
    "edit_mode",
    "deployment",
    "budget_policy_id",
    "usage_policy_id",
    "performance_target",
    "duration_target",
    "parent_path",
];

/// Arrays that an update merges, and by what.
const KEYED: &[(&str, &str)] = &[
    ("tasks", "task_key"),
    ("job_clusters", "job_cluster_key"),
    ("parameters", "name"),
    ("environments", "environment_key"),
];

fn list<'a>(document: &'a Document, key: &str) -> &'a [Value] {
    document.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key).and_then(Value::as_str)
}

/// Checks settings and adds the service's defaults. `large` allows 1,000 tasks instead of 100.
pub(crate) fn accepted(stage: &Stage<'_>, mut settings: Document, large: bool) -> Result<Document, Refusal> {
    settings.retain(|key, value| FIELDS.contains(&key.as_str()) && !value.is_null());
    if settings.get("name").and_then(Value::as_str).is_some_and(|name| name.len() > 4096) {
        return Err(Refusal::bad_field("name", "The name of a job must have at most 4096 bytes."));
    }
    if settings.get("tags").and_then(Value::as_object).is_some_and(|tags| tags.len() > 25) {
        return Err(Refusal::bad_field("tags", "A job can have at most 25 tags."));
    }
    if let Some(most) = settings.get("max_concurrent_runs").and_then(Value::as_i64)
        && !(0..=1000).contains(&most)
    {
        return Err(Refusal::bad_field(
            "max_concurrent_runs",
            "max_concurrent_runs must be between 0 and 1000.",
        ));
    }
    check_triggers(&settings)?;
    check_keys(&settings, if large { 1000 } else { 100 })?;
    check_compute(stage, &settings)?;
    add_defaults(&mut settings);
    Ok(settings)
}

fn check_triggers(settings: &Document) -> Result<(), Refusal> {
    let has = |key: &str| settings.contains_key(key);
    if has("schedule") && has("continuous") || has("trigger") && (has("schedule") || has("continuous")) {
        return Err(Refusal::bad_field(
            "continuous",
            "Only one of schedule, trigger and continuous can be set.",
        ));
    }
    if has("triggers") && (has("schedule") || has("trigger") || has("continuous")) {
        return Err(Refusal::bad_field(
            "triggers",
            "triggers cannot be set together with schedule, trigger or continuous.",
        ));
    }
    let many = settings.get("max_concurrent_runs").and_then(Value::as_i64).is_some_and(|most| most > 1);
    if has("continuous") && many {
        return Err(Refusal::bad_field(
            "max_concurrent_runs",
            "A continuous job has at most one run at a time.",
        ));
    }
    triggers::of(settings).map(|_| ())
}

fn check_keys(settings: &Document, most_tasks: usize) -> Result<(), Refusal> {
    if list(settings, "tasks").len() > most_tasks {
        return Err(Refusal::bad_field("tasks", format!("A job can have at most {most_tasks} tasks.")));
    }
    for (array, key) in KEYED {
        let mut seen = BTreeSet::new();
        for item in list(settings, array) {
            let name = text(item, key).unwrap_or("");
            if name.is_empty() {
                return Err(Refusal::bad_field(array, format!("Missing required field: {array}.{key}")));
            }
            if !seen.insert(name) {
                return Err(Refusal::bad_field(array, format!("Duplicate {key} '{name}' in {array}.")));
            }
        }
    }
    check_dependencies(list(settings, "tasks"))?;
    let clusters: BTreeSet<&str> = list(settings, "job_clusters")
        .iter()
        .filter_map(|cluster| text(cluster, "job_cluster_key"))
        .collect();
    for task in list(settings, "tasks").iter().map(inner) {
        if let Some(key) = text(task, "job_cluster_key").filter(|key| !clusters.contains(key)) {
            return Err(Refusal::bad_field(
                "job_cluster_key",
                format!("Job cluster '{key}' is not defined in field 'job_clusters'."),
            ));
        }
    }
    Ok(())
}

fn check_dependencies(tasks: &[Value]) -> Result<(), Refusal> {
    let mut waiting: BTreeMap<&str, Vec<&str>> = tasks
        .iter()
        .filter_map(|task| {
            let on = task.get("depends_on").and_then(Value::as_array).into_iter().flatten();
            Some((text(task, "task_key")?, on.filter_map(|on| text(on, "task_key")).collect()))
        })
        .collect();
    for on in waiting.values().flatten() {
        if !waiting.contains_key(on) {
            return Err(Refusal::bad_field(
                "depends_on",
                format!("Task '{on}' is depended on but is not defined."),
            ));
        }
    }
    while !waiting.is_empty() {
        let free: Vec<&str> = waiting
            .iter()
            .filter(|(_, on)| on.iter().all(|on| !waiting.contains_key(on)))
            .map(|(task, _)| *task)
            .collect();
        if free.is_empty() {
            return Err(Refusal::bad_field("depends_on", "The dependencies of the tasks form a cycle."));
        }
        waiting.retain(|task, _| !free.contains(task));
    }
    Ok(())
}

/// The task that a for-each task repeats, or the task itself.
fn inner(task: &Value) -> &Value {
    task.get("for_each_task").and_then(|each| each.get("task")).unwrap_or(task)
}

fn check_compute(stage: &Stage<'_>, settings: &Document) -> Result<(), Refusal> {
    let new_cluster = |value: &Value| match value.get("new_cluster").and_then(Value::as_object) {
        Some(spec) => {
            cluster_spec::completed(stage, &cluster_spec::kept(spec)).map(|_| ()).map_err(|refusal| Refusal {
                message: format!("Cluster validation error: {}", refusal.message),
                ..refusal
            })
        }
        None => Ok(()),
    };
    for cluster in list(settings, "job_clusters") {
        new_cluster(cluster)?;
    }
    for task in list(settings, "tasks") {
        check_kind(task)?;
        let task = inner(task);
        check_kind(task)?;
        new_cluster(task)?;
        libraries::check(task.get("libraries").and_then(Value::as_array).map_or(&[], Vec::as_slice))?;
        if let Some(id) = text(task, "existing_cluster_id") {
            cluster_api::find(stage, id)?;
        }
        for kind in ["sql_task", "dbt_task", "notebook_task", "dashboard_task", "alert_task", "power_bi_task"]
        {
            if let Some(id) = task.get(kind).and_then(|kind| text(kind, "warehouse_id"))
                && stage.ws.warehouses.get(id).is_none()
            {
                return Err(Refusal::bad_field(
                    "warehouse_id",
                    format!("SQL warehouse {id} does not exist."),
                ));
            }
        }
        if let Some(id) = task.get("run_job_task").and_then(|run| run.get("job_id")) {
            let id = id.as_i64().or_else(|| id.as_str()?.parse().ok()).unwrap_or(0);
            jobs::find(stage, id)?;
        }
    }
    Ok(())
}

/// A task says what it does.
fn check_kind(task: &Value) -> Result<(), Refusal> {
    let kinds = task.as_object().map_or(0, |task| task.keys().filter(|key| key.ends_with("_task")).count());
    if kinds == 1 {
        return Ok(());
    }
    let key = text(task, "task_key").unwrap_or("");
    Err(Refusal::bad_field(
        "tasks",
        format!("Task '{key}' must have exactly one type of task; it has {kinds}."),
    ))
}

fn add_defaults(settings: &mut Document) {
    for key in ["schedule", "trigger", "continuous"] {
        if let Some(trigger) = settings.get_mut(key).and_then(Value::as_object_mut) {
            trigger.entry("pause_status").or_insert_with(|| json!("UNPAUSED"));
        }
    }
    for trigger in settings.get_mut("triggers").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(trigger) = trigger.as_object_mut() {
            trigger.entry("pause_status").or_insert_with(|| json!("UNPAUSED"));
        }
    }
    let from_git = settings.contains_key("git_source");
    for task in settings
        .get_mut("tasks")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object_mut)
    {
        for (key, value) in [
            ("run_if", json!("ALL_SUCCESS")),
            ("timeout_seconds", json!(0)),
            ("email_notifications", json!({})),
            ("webhook_notifications", json!({})),
        ] {
            task.entry(key).or_insert(value);
        }
        if let Some(notebook) = task.get_mut("notebook_task").and_then(Value::as_object_mut) {
            notebook.entry("source").or_insert_with(|| json!(if from_git { "GIT" } else { "WORKSPACE" }));
        }
    }
    for (key, value) in [
        ("name", json!("Untitled")),
        ("email_notifications", json!({})),
        ("webhook_notifications", json!({})),
        ("timeout_seconds", json!(0)),
        ("max_concurrent_runs", json!(1)),
    ] {
        settings.entry(key).or_insert(value);
    }
    settings.insert("format".to_owned(), json!("MULTI_TASK"));
}

/// What an update makes of settings.
pub(crate) fn merged(old: &Document, new: Document, remove: &[String]) -> Result<Document, Refusal> {
    let mut settings = old.clone();
    for path in remove {
        match path.split_once('/') {
            None if settings.contains_key(path) || FIELDS.contains(&path.as_str()) => {
                settings.remove(path);
            }
            Some((array, key)) if KEYED.iter().any(|(known, _)| *known == array) => {
                let by = KEYED.iter().find(|(known, _)| *known == array).map_or("", |(_, by)| by);
                if let Some(items) = settings.get_mut(array).and_then(Value::as_array_mut) {
                    items.retain(|item| text(item, by) != Some(key));
                }
            }
            _ => return Err(Refusal::bad_field("fields_to_remove", format!("{path} cannot be removed."))),
        }
    }
    for (key, value) in new {
        let by = KEYED.iter().find(|(known, _)| *known == key).map(|(_, by)| *by);
        match (by, settings.get_mut(&key).and_then(Value::as_array_mut), value) {
            (Some(by), Some(items), Value::Array(new)) => {
                for item in new {
                    match items.iter_mut().find(|old| text(old, by) == text(&item, by)) {
                        Some(old) => *old = item,
                        None => items.push(item),
                    }
                }
            }
            (_, _, value) => {
                settings.insert(key, value);
            }
        }
    }
    Ok(settings)
}
