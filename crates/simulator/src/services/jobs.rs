//! Jobs: the store, and the jobs API but for runs. <https://docs.databricks.com/api/workspace/jobs>
//!
//! Versions 2.1 and 2.2 differ in one thing: 2.2 pages the arrays of a large job, 2.1 shows and takes no more than 100.
//! Names are not unique. A job that does not exist is answered with 400 INVALID_PARAMETER_VALUE.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::call::{Call, Outcome, Reply};
use crate::collections::Document;
use crate::effects::Deed;
use crate::paging::{self, Cursor};
use crate::refusal::Refusal;
use crate::services::{job_settings, runs, triggers};
use crate::stage::Stage;

/// Elements of an array in one answer.
pub(crate) const ARRAY_PAGE: usize = 100;

/// The arrays of a job that are paged.
pub(crate) const PAGED: &[&str] = &["tasks", "job_clusters", "environments", "parameters"];

/// A job.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) id: i64,
    pub(crate) settings: Arc<Document>,
    pub(crate) created_ms: i64,
    pub(crate) creator: Arc<str>,
    /// Counts the changes, so that what was due before one does not happen after it.
    pub(crate) generation: u32,
    /// Failures of a continuous job since its last success.
    pub(crate) failures: u32,
}

/// All jobs of a workspace, in order of creation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Jobs {
    items: BTreeMap<u64, Job>,
    ids: HashMap<i64, u64>,
    last: u64,
}

impl Jobs {
    pub(crate) fn get(&self, id: i64) -> Option<&Job> {
        self.items.get(self.ids.get(&id)?)
    }

    pub(crate) fn get_mut(&mut self, id: i64) -> Option<&mut Job> {
        self.items.get_mut(self.ids.get(&id)?)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Job> {
        self.items.values()
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
}

/// A job by id, or the service's odd way of saying that there is none.
pub(crate) fn find<'a>(stage: &'a Stage<'_>, id: i64) -> Result<&'a Job, Refusal> {
    stage.ws.jobs.get(id).ok_or_else(|| Refusal::invalid(format!("Job {id} does not exist.")))
}

fn asked(call: &Call<'_, '_>) -> Result<i64, Refusal> {
    let id = call.need_number("job_id")?;
    find(call.stage, id)?;
    Ok(id)
}

/// Whether the request speaks a version that pages arrays.
pub(crate) fn pages_arrays(call: &Call<'_, '_>) -> bool {
    call.request.path.starts_with("/api/2.2/")
}

pub(crate) fn create(call: &mut Call<'_, '_>) -> Outcome {
    let most = call.stage.settings.max_jobs;
    if call.stage.ws.jobs.len() >= most {
        return Err(Refusal::quota(format!(
            "The quota for the number of jobs has been reached. The current quota is {most}."
        )));
    }
    let document = call.document()?;
    let settings = job_settings::accepted(call.stage, document, pages_arrays(call))?;
    let id = add(call.stage, settings);
    Ok(Reply::Json(json!({"job_id": id})))
}

fn add(stage: &mut Stage<'_>, settings: Document) -> i64 {
    let id = stage.mint_int64();
    let name = settings.get("name").and_then(Value::as_str).unwrap_or("").to_owned();
    let creator = Arc::clone(&stage.ws.user);
    let job =
        Job { id, settings: Arc::new(settings), created_ms: stage.now, creator, generation: 0, failures: 0 };
    let store = &mut stage.ws.jobs;
    store.last += 1;
    store.ids.insert(id, store.last);
    store.items.insert(store.last, job);
    stage.effect(Deed::Created, "job", id, name);
    triggers::arm(stage, id);
    id
}

/// Puts new settings in force.
fn store(stage: &mut Stage<'_>, id: i64, settings: Document) {
    let was_continuous = stage.ws.jobs.get(id).is_some_and(|job| is_continuous(&job.settings));
    let is_still = is_continuous(&settings);
    if let Some(job) = stage.ws.jobs.get_mut(id) {
        job.settings = Arc::new(settings);
    }
    stage.effect(Deed::Updated, "job", id, "");
    triggers::arm(stage, id);
    if was_continuous && !is_still {
        runs::cancel_job(stage, id, runs::Which::Begun);
    }
    runs::release_queue(stage, id);
}

fn is_continuous(settings: &Document) -> bool {
    triggers::of(settings)
        .unwrap_or_default()
        .iter()
        .any(|(trigger, active)| *active && matches!(trigger, triggers::Trigger::Continuous))
}

pub(crate) fn reset(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    let new = call.value("new_settings").and_then(Value::as_object).cloned();
    let new =
        new.ok_or_else(|| Refusal::bad_field("new_settings", "Missing required field: new_settings"))?;
    let settings = job_settings::accepted(call.stage, new, pages_arrays(call))?;
    store(call.stage, id, settings);
    Ok(Reply::empty())
}

pub(crate) fn update(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    let new = call.value("new_settings").and_then(Value::as_object).cloned().unwrap_or_default();
    let remove = call.texts("fields_to_remove");
    let merged = job_settings::merged(&find(call.stage, id)?.settings, new, &remove)?;
    let settings = job_settings::accepted(call.stage, merged, pages_arrays(call))?;
    store(call.stage, id, settings);
    Ok(Reply::empty())
}

pub(crate) fn delete(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    runs::cancel_job(call.stage, id, runs::Which::All);
    let store = &mut call.stage.ws.jobs;
    if let Some(key) = store.ids.remove(&id) {
        store.items.remove(&key);
    }
    if call.stage.settings.runs_go_with_their_job {
        call.stage.ws.runs.forget_ended_of(id);
    }
    call.stage.effect(Deed::Deleted, "job", id, "");
    Ok(Reply::empty())
}

/// The fields around the settings.
fn frame(job: &Job) -> Value {
    json!({"job_id": job.id, "creator_user_name": &*job.creator, "created_time": job.created_ms})
}

/// Whom runs of a job act as.
fn run_as(job: &Job) -> String {
    let named = job
        .settings
        .get("run_as")
        .and_then(Value::as_object)
        .and_then(|run_as| run_as.values().find_map(Value::as_str));
    named.unwrap_or(&job.creator).to_owned()
}

pub(crate) fn get(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    let job = find(call.stage, id)?;
    let token = call.text("page_token").filter(|token| !token.is_empty() && pages_arrays(call));
    let offset = match token {
        Some(token) => usize::try_from(Cursor::parse(&token)?.key).unwrap_or(usize::MAX),
        None => 0,
    };
    let (settings, more) = sliced(&job.settings, PAGED, offset);
    let mut answer = frame(job);
    answer["run_as_user_name"] = json!(run_as(job));
    if call.flag("include_trigger_state") {
        answer["trigger_state"] = trigger_state(&job.settings);
    }
    answer["settings"] = Value::Object(settings);
    if more && pages_arrays(call) {
        let next = Cursor { backward: false, key: (offset + ARRAY_PAGE) as u64, emptied: true };
        answer["next_page_token"] = json!(next.token());
    }
    Ok(Reply::Json(answer))
}

fn trigger_state(settings: &Document) -> Value {
    let watched = settings.get("trigger");
    let pause = watched.and_then(|trigger| trigger.get("pause_status")).cloned();
    match watched {
        Some(trigger) if trigger.get("file_arrival").is_some() => {
            json!({"file_arrival": {"using_file_events": false}, "pause_status": pause})
        }
        Some(trigger) if trigger.get("table_update").is_some() => {
            json!({"table": {"last_seen_table_states": [], "using_scalable_monitoring": false}, "pause_status": pause})
        }
        _ => json!({}),
    }
}

/// A copy in which the arrays of `paged` show a page from `offset`, and whether there is more.
pub(crate) fn sliced(document: &Document, paged: &[&str], offset: usize) -> (Document, bool) {
    let mut more = false;
    let copy = document
        .iter()
        .map(|(key, value)| {
            let value = match value {
                Value::Array(items) if paged.contains(&key.as_str()) => {
                    more |= items.len() > offset.saturating_add(ARRAY_PAGE);
                    items.iter().skip(offset).take(ARRAY_PAGE).cloned().collect()
                }
                other => other.clone(),
            };
            (key.clone(), value)
        })
        .collect();
    (copy, more)
}

pub(crate) fn list(call: &mut Call<'_, '_>) -> Outcome {
    let limit = call.number("limit")?.unwrap_or(20);
    if !(1..=100).contains(&limit) {
        return Err(Refusal::bad_field("limit", format!("limit must be between 1 and 100, not {limit}.")));
    }
    let expand = call.flag("expand_tasks");
    let name = call.text("name");
    let named = |job: &Job| {
        let own = job.settings.get("name").and_then(Value::as_str).unwrap_or("");
        name.as_deref()
            .is_none_or(|name| own.len() == name.len() && own.to_lowercase() == name.to_lowercase())
    };
    let jobs = &call.stage.ws.jobs;
    let keys = jobs.items.iter().rev().filter(|(_, job)| named(job)).map(|(key, _)| *key);
    let size = call.stage.settings.page_size("jobs", usize::try_from(limit).ok(), 20, 100);
    let offset = call.size("offset")?.unwrap_or(0);
    let empty = call.stage.settings.empty_page_before_last;
    let page = paging::page(keys, true, call.text("page_token").as_deref(), offset, size, empty)?;
    let shown: Vec<Value> = page
        .keys
        .iter()
        .filter_map(|key| jobs.items.get(key))
        .map(|job| {
            let mut row = frame(job);
            if expand {
                let (settings, more) = sliced(&job.settings, PAGED, 0);
                row["settings"] = Value::Object(settings);
                if more && pages_arrays(call) {
                    row["has_more"] = json!(true);
                }
            } else {
                let brief = |key: &str| {
                    !matches!(key, "tasks" | "job_clusters" | "environments" | "parameters" | "git_source")
                };
                row["settings"] = job
                    .settings
                    .iter()
                    .filter(|(key, _)| brief(key))
                    .map(|(key, value)| (key.clone(), value.clone()))
                    .collect::<Document>()
                    .into();
            }
            row
        })
        .collect();
    let mut answer = json!({});
    if !shown.is_empty() {
        answer["jobs"] = Value::Array(shown);
    }
    answer["has_more"] = json!(page.next.is_some());
    if let Some(next) = page.next {
        answer["next_page_token"] = json!(next);
    }
    if let Some(previous) = page.previous {
        answer["prev_page_token"] = json!(previous);
    }
    Ok(Reply::Json(answer))
}
