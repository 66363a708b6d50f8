//! Runs of jobs, and runs without a job. API: <https://docs.databricks.com/api/workspace/jobs/listruns> (2.2).
//!
//! - There are three types: runs of jobs, runs that somebody submits (`runs/submit`), runs that a notebook begins
//!   (`dbutils.notebook.run`). Nothing says which of them a list without `run_type` shows: on 2.0 it was seen to show
//!   submitted runs and to ignore the filter (MicrosoftDocs/azure-docs issue 74458, 2021). So the list is walked without a
//!   filter and once more for each type that is not its plain purpose; what comes twice counts once.
//! - `active_only` has QUEUED, PENDING, RUNNING and TERMINATING (`databricks-sdk` 0.156.0, `list_runs`).
//! - A list is ordered by start, newest first, and gives less than 25 rows a page.
//! - Submitted runs carry a job id, too; it is no job's.
//! - `cancel-all` with a job id cancels its runs; whether that includes queued ones is said nowhere, and whether
//!   `all_queued_runs` beside it leaves the others alone, neither. Both are sent, the queued ones first.
//! - A run that has ended is cancelled without a murmur; one that was forgotten (after 60 days, or with its job) is
//!   answered with 400.
//!
//! TODO(robustness): ask a live workspace which types a plain list shows, and whether a deleted job's runs are listed
//! until they have ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use twinlake_base::{ErrorClass, Timestamp};
use twinlake_databricks::{ListCall, Paging, Permit, Reader, Write, Writer};
use twinlake_model::RemoteId;

use crate::fragments::{CLUSTER_SPEC, TASK};
use crate::schema::Fragment;
use crate::symbolize::{ids_in, paths_in};
use crate::{Activity, Error, History, Running, Use, rest, secret};

/// The activity.
pub static ACTIVITY: JobRuns = JobRuns;

/// Runs.
#[derive(Debug)]
pub struct JobRuns;

/// The filters that make up all types: none, and what a list without one might leave out.
const FILTERS: &[Option<&str>] = &[None, Some("SUBMIT_RUN"), Some("WORKFLOW_RUN")];

/// The most rows that one walk into the past takes: a few hundred requests.
const MOST_ROWS: usize = 5_000;

/// The arrays of a run that come a hundred at a time.
const PAGED: &[&str] = &["tasks", "job_clusters", "job_parameters"];

/// The state of a run that shows none. It counts as active.
const UNKNOWN: &str = "UNKNOWN";

/// The states in which a run stays.
const ENDED: &[&str] = &["TERMINATED", "SKIPPED", "INTERNAL_ERROR"];

#[async_trait]
impl Activity for JobRuns {
    fn name(&self) -> &'static str {
        "job_run"
    }

    fn plural(&self) -> &'static str {
        "job_runs"
    }

    fn of(&self) -> &'static str {
        "job"
    }

    async fn active(&self, reader: &Reader) -> Result<Vec<Running>, Error> {
        let mut found = Found::default();
        for filter in FILTERS {
            let list = list(*filter).query("active_only", "true");
            let mut rows = Vec::new();
            let proof = rest::walk(reader, &list, &mut |row| {
                rows.push(row);
                Ok(())
            })
            .await?;
            found.take(reader, rows, proof.started_at()).await?;
        }
        Ok(found.runs.into_values().filter(Running::is_active).collect())
    }

    async fn since(&self, reader: &Reader, from: Timestamp) -> Result<History, Error> {
        let mut found = Found::default();
        let mut reaches_to = from;
        for filter in FILTERS {
            let list = list(*filter).query("start_time_from", from.as_millisecond().to_string());
            let (rows, is_all) = walk_at_most(reader, &list, MOST_ROWS).await?;
            if !is_all && let Some(oldest) = rows.iter().filter_map(began_at).min() {
                // Others may have begun in the same millisecond as the oldest that was seen.
                reaches_to = reaches_to.max(oldest + Duration::from_millis(1));
            }
            found.take(reader, rows, from).await?;
        }
        let mut runs: Vec<Running> = found.runs.into_values().collect();
        runs.retain(|run| run.began_at >= reaches_to);
        Ok(History { runs, from: reaches_to })
    }

    async fn read(&self, reader: &Reader, id: &RemoteId) -> Result<Option<Running>, Error> {
        read(reader, id).await?.map(|run| running(&run, Timestamp::UNIX_EPOCH)).transpose()
    }

    async fn cancel(&self, writer: &Writer, id: &RemoteId, permit: &dyn Permit) -> Result<(), Error> {
        send(writer, permit, "/api/2.2/jobs/runs/cancel", json!({ "run_id": number(id) })).await
    }

    async fn cancel_of(&self, writer: &Writer, of: &RemoteId, permit: &dyn Permit) -> Result<(), Error> {
        let queued = json!({ "job_id": number(of), "all_queued_runs": true });
        send(writer, permit, CANCEL_ALL, queued).await?;
        send(writer, permit, CANCEL_ALL, json!({ "job_id": number(of) })).await
    }

    async fn cancel_queued(&self, writer: &Writer, permit: &dyn Permit) -> Result<(), Error> {
        send(writer, permit, CANCEL_ALL, json!({ "all_queued_runs": true })).await
    }
}

const CANCEL_ALL: &str = "/api/2.2/jobs/runs/cancel-all";

/// Sends what may be repeated, and for what is gone already is done.
async fn send(writer: &Writer, permit: &dyn Permit, path: &str, body: Value) -> Result<(), Error> {
    match writer.send(permit, &Write::post(path, body).repeatable()).await {
        Ok(_) => Ok(()),
        Err(error) if error.class() == ErrorClass::Missing => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// An id as the service wants it in a body.
fn number(id: &RemoteId) -> Value {
    id.as_str().parse::<i64>().map_or_else(|_| Value::from(id.as_str()), Value::from)
}

fn list(filter: Option<&str>) -> ListCall {
    let list = ListCall::new("/api/2.2/jobs/runs/list", "runs", Paging::token("limit", 24));
    let list = list.query("expand_tasks", "true");
    match filter {
        Some(filter) => list.query("run_type", filter),
        None => list,
    }
}

/// Walks a list until it ends or `most` rows have come. Returns whether those were all.
async fn walk_at_most(reader: &Reader, list: &ListCall, most: usize) -> Result<(Vec<Value>, bool), Error> {
    let mut rows = Vec::new();
    let mut is_cut = false;
    let walked = rest::walk(reader, list, &mut |row| {
        if rows.len() == most {
            // The only way to end a walk before its end. It is caught below and proves nothing.
            is_cut = true;
            return Err(Error::unrecognizable("run", "/run_id", &Value::Null));
        }
        rows.push(row);
        Ok(())
    })
    .await;
    match walked {
        Err(_) if is_cut => Ok((rows, false)),
        walked => walked.map(|_| (rows, true)),
    }
}

async fn read(reader: &Reader, id: &RemoteId) -> Result<Option<Value>, Error> {
    rest::read_whole(reader, "/api/2.2/jobs/runs/get", ("run_id", id.as_str()), "", PAGED).await
}

/// Runs by id: several walks may come upon the same one.
#[derive(Default)]
struct Found {
    runs: BTreeMap<RemoteId, Running>,
}

impl Found {
    /// Takes rows over. One that does not show all its tasks, and has no job that would tell whose it is, is read. One that
    /// does not say when it began counts as begun at `otherwise`.
    async fn take(&mut self, reader: &Reader, rows: Vec<Value>, otherwise: Timestamp) -> Result<(), Error> {
        for row in rows {
            let mut run = running(&row, otherwise)?;
            if self.runs.contains_key(&run.id) {
                continue;
            }
            if run.of.is_none() && row["has_more"] == true {
                match read(reader, &run.id).await? {
                    Some(whole) => run = running(&whole, otherwise)?,
                    None => continue,
                }
            }
            self.runs.insert(run.id.clone(), run);
        }
        Ok(())
    }
}

/// A row or a document, read. Only the id is insisted upon: one odd row must not keep a place from being brought to rest.
fn running(row: &Value, otherwise: Timestamp) -> Result<Running, Error> {
    let id = id(&row["run_id"]).ok_or_else(|| Error::unrecognizable("run", "/run_id", row))?;
    let began_at = began_at(row).unwrap_or(otherwise);
    let text = |at: &str| row.pointer(at).and_then(Value::as_str).filter(|text| !text.is_empty());
    // The older field tells a skipped run from one that ran.
    let state = text("/state/life_cycle_state").or_else(|| text("/status/state")).unwrap_or(UNKNOWN);
    let ended_at = ENDED.contains(&state).then(|| moment(&row["end_time"]).unwrap_or(began_at));
    let is_a_jobs = !matches!(text("/run_type"), Some("SUBMIT_RUN" | "WORKFLOW_RUN"));
    Ok(Running {
        of: self::id(&row["job_id"]).filter(|_| is_a_jobs),
        name: text("/run_name").unwrap_or_default().to_owned(),
        state: state.to_owned(),
        began_at,
        ended_at,
        result: text("/state/result_state")
            .or_else(|| text("/status/termination_details/code"))
            .map(str::to_owned),
        parameters: parameters(row, is_a_jobs),
        creator: text("/creator_user_name").map(str::to_owned),
        uses: uses(row),
        id,
    })
}

fn id(value: &Value) -> Option<RemoteId> {
    match value {
        Value::Number(number) => Some(RemoteId::new(number.to_string())),
        Value::String(text) if !text.is_empty() => Some(RemoteId::new(text.as_str())),
        _ => None,
    }
}

/// A moment in epoch milliseconds. The service says 0 for what has not come.
fn moment(value: &Value) -> Option<Timestamp> {
    value.as_i64().filter(|at| *at > 0).and_then(|at| Timestamp::from_millisecond(at).ok())
}

fn began_at(row: &Value) -> Option<Timestamp> {
    moment(&row["start_time"])
}

fn items<'v>(row: &'v Value, field: &str) -> impl Iterator<Item = &'v Value> {
    row[field].as_array().into_iter().flatten()
}

/// What it was given; for a run without a job also what it does, which stands nowhere else.
fn parameters(row: &Value, is_a_jobs: bool) -> Option<String> {
    let mut given = Map::new();
    let of_job: Map<String, Value> = items(row, "job_parameters")
        .filter_map(|parameter| {
            let value = parameter.get("value").or_else(|| parameter.get("default"))?;
            Some((parameter["name"].as_str()?.to_owned(), value.clone()))
        })
        .collect();
    if !of_job.is_empty() {
        given.insert("job_parameters".to_owned(), Value::Object(of_job));
    }
    if let Some(overriding) = row["overriding_parameters"].as_object() {
        given.extend(overriding.clone());
    }
    if !is_a_jobs {
        let tasks: Map<String, Value> = items(row, "tasks").filter_map(work).collect();
        if !tasks.is_empty() {
            given.insert("tasks".to_owned(), Value::Object(tasks));
        }
    }
    let mut given = Value::Object(given);
    secret::withhold_likely(&mut given);
    (given != json!({})).then(|| given.to_string())
}

/// What a task does, by its key.
fn work(task: &Value) -> Option<(String, Value)> {
    let work = task.as_object()?.iter().filter(|(field, _)| field.ends_with("_task"));
    let work: Map<String, Value> = work.map(|(field, work)| (field.clone(), work.clone())).collect();
    Some((task["task_key"].as_str()?.to_owned(), Value::Object(work)))
}

/// What the run's tasks refer to and run on, each once.
fn uses(row: &Value) -> Vec<Use> {
    let mut uses = BTreeSet::new();
    let mut refers = |fragment: &'static Fragment, part: &Value| {
        uses.extend(ids_in(fragment, part).into_iter().map(|(remote, kind)| Use { kind, remote }));
        let paths = paths_in(fragment, part).into_iter();
        uses.extend(paths.map(|(path, kind)| Use { kind, remote: RemoteId::new(path) }));
    };
    items(row, "tasks").for_each(|task| refers(&TASK, task));
    // A run of the oldest format is its own only task.
    refers(&TASK, row);
    refers(&TASK, &row["cluster_spec"]);
    items(row, "job_clusters").for_each(|cluster| refers(&CLUSTER_SPEC, &cluster["new_cluster"]));
    let instances =
        items(row, "tasks").chain([row]).filter_map(|task| id(&task["cluster_instance"]["cluster_id"]));
    uses.extend(instances.map(|remote| Use { kind: "cluster", remote }));
    uses.into_iter().collect()
}
