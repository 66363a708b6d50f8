//! The tasks of a run: when each may start, on what, and how it ends.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::agenda::Event;
use crate::collections::Document;
use crate::services::clusters::State as ClusterState;
use crate::services::runs::{self, Beginning, Ending, Run};
use crate::services::task_compute::compute;
use crate::services::{clusters, tree, warehouses};
use crate::stage::Stage;

/// How deep jobs may run jobs.
const MAX_DEPTH: usize = 10;

/// Where a task stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Phase {
    /// Waits for other tasks.
    Blocked,
    /// Waits before another attempt.
    Waiting,
    /// Waits for its compute.
    Pending,
    Running,
    Done,
}

/// A task of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) key: String,
    pub(crate) run_id: i64,
    /// Its place in the settings.
    pub(crate) place: usize,
    pub(crate) phase: Phase,
    pub(crate) ending: Option<Ending>,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: Cow<'static, str>,
    pub(crate) attempt: u32,
    pub(crate) pending_ms: Option<i64>,
    pub(crate) begun_ms: Option<i64>,
    pub(crate) ended_ms: Option<i64>,
    pub(crate) cluster: Option<String>,
    pub(crate) warehouse: Option<String>,
    /// The cluster is its own and goes with it.
    pub(crate) owns_cluster: bool,
    /// The run that it started and waits for.
    pub(crate) child: Option<i64>,
    /// What a condition came to.
    pub(crate) outcome: Option<bool>,
}

impl Task {
    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    /// Makes it ready for a repair.
    pub(crate) fn again(&mut self, run_id: i64) {
        let (key, place, attempt) = (self.key.clone(), self.place, self.attempt + 1);
        *self = Self { attempt, ..Self::new(key, run_id, place) };
    }

    const fn new(key: String, run_id: i64, place: usize) -> Self {
        Self {
            key,
            run_id,
            place,
            phase: Phase::Blocked,
            ending: None,
            code: Cow::Borrowed(""),
            message: Cow::Borrowed(""),
            attempt: 0,
            pending_ms: None,
            begun_ms: None,
            ended_ms: None,
            cluster: None,
            warehouse: None,
            owns_cluster: false,
            child: None,
            outcome: None,
        }
    }
}

/// The tasks that a run of some settings has. `only` picks by key; a `+` before or after a key takes what is up or down of it.
pub(crate) fn of(stage: &Stage<'_>, settings: &Document, only: &[String]) -> Vec<Task> {
    let documents = settings.get("tasks").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let key = |task: &Value| task.get("task_key").and_then(Value::as_str).unwrap_or("").to_owned();
    let wanted = wanted(documents, only);
    documents
        .iter()
        .enumerate()
        .map(|(place, document)| {
            let mut task = Task::new(key(document), stage.mint_int64(), place);
            let disabled = document.get("disabled") == Some(&json!(true));
            if disabled || wanted.as_ref().is_some_and(|wanted| !wanted.contains(&task.key)) {
                task.phase = Phase::Done;
                task.ending = Some(Ending::Disabled);
                task.ended_ms = Some(stage.now);
            }
            task
        })
        .collect()
}

fn wanted(documents: &[Value], only: &[String]) -> Option<Vec<String>> {
    if only.is_empty() {
        return None;
    }
    let mut wanted: Vec<String> = Vec::new();
    for pick in only {
        let key = pick.trim_matches('+').to_owned();
        let (mut up, mut down) = (vec![key.clone()], vec![key.clone()]);
        // The list grows while it is walked; each task is added once.
        let mut at = 0;
        while pick.starts_with('+') && at < up.len() {
            for key in upstream(documents, &up[at].clone()) {
                if !up.contains(&key) {
                    up.push(key);
                }
            }
            at += 1;
        }
        at = 0;
        while pick.ends_with('+') && at < down.len() {
            for key in downstream(documents, &down[at].clone()) {
                if !down.contains(&key) {
                    down.push(key);
                }
            }
            at += 1;
        }
        wanted.extend(up.into_iter().chain(down));
    }
    Some(wanted)
}

/// The tasks that a task depends on.
fn upstream(documents: &[Value], key: &str) -> Vec<String> {
    documents
        .iter()
        .filter(|task| task.get("task_key").and_then(Value::as_str) == Some(key))
        .flat_map(dependencies)
        .map(|(key, _)| key)
        .collect()
}

/// The tasks that depend on a task.
pub(crate) fn downstream(documents: &[Value], key: &str) -> Vec<String> {
    documents
        .iter()
        .filter(|task| dependencies(task).iter().any(|(on, _)| on == key))
        .filter_map(|task| task.get("task_key").and_then(Value::as_str).map(str::to_owned))
        .collect()
}

/// What a task depends on, and the outcome that it wants.
fn dependencies(document: &Value) -> Vec<(String, Option<String>)> {
    let text = |on: &Value, key: &str| on.get(key).and_then(Value::as_str).map(str::to_owned);
    let on = document.get("depends_on").and_then(Value::as_array).into_iter().flatten();
    on.filter_map(|on| Some((text(on, "task_key")?, text(on, "outcome")))).collect()
}

fn document(run: &Run, task: &Task) -> Value {
    run.settings.get("tasks").and_then(|tasks| tasks.get(task.place)).cloned().unwrap_or_default()
}

/// What to do with a task whose dependencies are done.
pub(crate) enum Verdict {
    Start,
    End(Ending),
}

/// The next task that can be taken up.
pub(crate) fn next(run: &Run) -> Option<(usize, Verdict)> {
    run.tasks.iter().enumerate().filter(|(_, task)| task.phase == Phase::Blocked).find_map(|(index, task)| {
        let empty = Vec::new();
        let tasks = run.settings.get("tasks").and_then(Value::as_array).unwrap_or(&empty);
        verdict(run, tasks.get(task.place)?).map(|verdict| (index, verdict))
    })
}

fn verdict(run: &Run, document: &Value) -> Option<Verdict> {
    let on = dependencies(document);
    let mut endings = Vec::with_capacity(on.len());
    for (key, outcome) in &on {
        let task = run.tasks.iter().find(|task| task.key == *key)?;
        if !task.is_done() {
            return None;
        }
        let other_way = outcome
            .as_ref()
            .is_some_and(|wanted| task.outcome.is_some_and(|came| came.to_string() != *wanted));
        endings.push(if other_way { Ending::Excluded } else { task.ending.unwrap_or(Ending::Success) });
    }
    let good =
        |ending: &Ending| matches!(ending, Ending::Success | Ending::SuccessWithFailures | Ending::Disabled);
    let bad = |ending: &Ending| ending.is_failure();
    let excluded = endings.contains(&Ending::Excluded);
    Some(match document.get("run_if").and_then(Value::as_str).unwrap_or("ALL_SUCCESS") {
        "ALL_DONE" if endings.iter().any(|ending| *ending != Ending::Excluded) || endings.is_empty() => {
            Verdict::Start
        }
        "NONE_FAILED" if !endings.iter().any(bad) && (endings.iter().any(good) || endings.is_empty()) => {
            Verdict::Start
        }
        "AT_LEAST_ONE_SUCCESS" if endings.iter().any(good) => Verdict::Start,
        "ALL_FAILED" if !endings.is_empty() && endings.iter().all(bad) => Verdict::Start,
        "AT_LEAST_ONE_FAILED" if endings.iter().any(bad) => Verdict::Start,
        "ALL_SUCCESS" if endings.iter().all(good) => Verdict::Start,
        "ALL_SUCCESS" if endings.iter().any(bad) => Verdict::End(Ending::UpstreamFailed),
        "ALL_SUCCESS" if !excluded => Verdict::End(Ending::UpstreamCanceled),
        _ => Verdict::End(Ending::Excluded),
    })
}

/// Starts a task, or ends it without a start.
pub(crate) fn take_up(stage: &mut Stage<'_>, run_id: i64, index: usize, verdict: Verdict) {
    match verdict {
        Verdict::Start => prepare(stage, run_id, index),
        Verdict::End(ending) => close(stage, run_id, index, ending, "", ""),
    }
}

/// Gets a task its compute.
fn prepare(stage: &mut Stage<'_>, run_id: i64, index: usize) {
    let now = stage.now;
    let Some(run) = stage.ws.runs.get_mut(run_id) else { return };
    let Some(task) = run.tasks.get_mut(index) else { return };
    task.phase = Phase::Pending;
    task.pending_ms = Some(now);
    let attempt = task.attempt;
    let task = task.clone();
    let document = document(run, &task);
    if let Some(condition) = document.get("condition_task") {
        let outcome = holds(condition);
        if let Some(task) = stage.ws.runs.get_mut(run_id).and_then(|run| run.tasks.get_mut(index)) {
            task.outcome = Some(outcome);
            task.begun_ms = Some(now);
        }
        return close(stage, run_id, index, Ending::Success, "SUCCESS", "");
    }
    if let Some(called) = document.get("run_job_task") {
        return call_job(stage, run_id, index, called);
    }
    let work = document.get("for_each_task").and_then(|each| each.get("task")).unwrap_or(&document);
    match compute(stage, run_id, index, work) {
        Ok(ready_ms) => stage.at_ms(ready_ms, Event::TaskStarts { run: run_id, task: index, attempt }),
        Err((code, message)) => fail(stage, run_id, index, code, message),
    }
}

/// Changes a task.
pub(crate) fn set(stage: &mut Stage<'_>, run_id: i64, index: usize, change: impl FnOnce(&mut Task)) {
    if let Some(task) = stage.ws.runs.get_mut(run_id).and_then(|run| run.tasks.get_mut(index)) {
        change(task);
    }
}

fn call_job(stage: &mut Stage<'_>, run_id: i64, index: usize, called: &Value) {
    let job =
        called.get("job_id").and_then(|id| id.as_i64().or_else(|| id.as_str()?.parse().ok())).unwrap_or(0);
    let mut depth = 0;
    let mut at = stage.ws.runs.get(run_id).and_then(|run| run.parent);
    while let Some((parent, _)) = at {
        depth += 1;
        at = stage.ws.runs.get(parent).and_then(|run| run.parent);
    }
    if depth >= MAX_DEPTH {
        return fail(stage, run_id, index, "INVALID_RUN_CONFIGURATION", "Jobs run jobs too deep.".to_owned());
    }
    let now = stage.now;
    set(stage, run_id, index, |task| {
        task.phase = Phase::Running;
        task.begun_ms = Some(now);
    });
    let overrides = called
        .get("job_parameters")
        .map(|parameters| Document::from_iter([("job_parameters".to_owned(), parameters.clone())]));
    let parent = Some((run_id, index));
    let child = runs::begin_job(
        stage,
        job,
        Beginning { trigger: "RUN_JOB_TASK", parent, overrides, ..Beginning::default() },
    );
    match child {
        Some(child) => set(stage, run_id, index, |task| task.child = Some(child)),
        None => fail(stage, run_id, index, "RESOURCE_NOT_FOUND", format!("Job {job} does not exist.")),
    }
}

/// Compares as numbers if both sides are numbers.
fn holds(condition: &Value) -> bool {
    let side = |key: &str| condition.get(key).and_then(Value::as_str).unwrap_or("");
    let (left, right) = (side("left"), side("right"));
    let numbers = left.parse::<f64>().ok().zip(right.parse::<f64>().ok());
    let order = numbers.and_then(|(left, right)| left.partial_cmp(&right)).unwrap_or_else(|| left.cmp(right));
    match condition.get("op").and_then(Value::as_str).unwrap_or("") {
        "EQUAL_TO" => left == right,
        "NOT_EQUAL" => left != right,
        "GREATER_THAN" => order.is_gt(),
        "GREATER_THAN_OR_EQUAL" => order.is_ge(),
        "LESS_THAN" => order.is_lt(),
        "LESS_THAN_OR_EQUAL" => order.is_le(),
        _ => false,
    }
}

/// A task's compute should be there.
pub(crate) fn start(stage: &mut Stage<'_>, run_id: i64, index: usize, attempt: u32) {
    launch(stage, run_id, index, attempt);
    runs::advance(stage, run_id);
}

fn launch(stage: &mut Stage<'_>, run_id: i64, index: usize, attempt: u32) {
    let Some(run) = stage.ws.runs.get(run_id).filter(|run| !run.is_done()) else { return };
    let Some(task) = run.tasks.get(index).filter(|task| task.attempt == attempt) else { return };
    if task.phase == Phase::Waiting {
        return prepare(stage, run_id, index);
    }
    if task.phase != Phase::Pending {
        return;
    }
    let up = task.cluster.as_ref().is_none_or(|id| {
        stage.ws.clusters.get(id).is_some_and(|cluster| cluster.state == ClusterState::Running)
    });
    if !up {
        // The cluster is later than it was expected to be: it was restarted meanwhile.
        stage.after_seconds(5, Event::TaskStarts { run: run_id, task: index, attempt });
        return;
    }
    let document = document(run, task);
    let work = document.get("for_each_task").and_then(|each| each.get("task")).unwrap_or(&document);
    if let Some(path) = absent_notebook(stage, work) {
        return fail(
            stage,
            run_id,
            index,
            "RESOURCE_NOT_FOUND",
            format!(
                "Unable to access the notebook \"{path}\". Either it does not exist, or the identity used to run this job lacks the required permissions."
            ),
        );
    }
    let seconds = if run.trigger == "CONTINUOUS" {
        stage.settings.continuous_run_seconds
    } else {
        stage.settings.task_seconds
    };
    let limit = document.get("timeout_seconds").and_then(Value::as_u64).filter(|limit| *limit > 0);
    let now = stage.now;
    set(stage, run_id, index, |task| {
        task.phase = Phase::Running;
        task.begun_ms = Some(now);
    });
    let seconds = limit.map_or(seconds, |limit| limit.min(seconds));
    stage.after_seconds(seconds, Event::TaskEnds { run: run_id, task: index, attempt });
}

fn absent_notebook(stage: &Stage<'_>, work: &Value) -> Option<String> {
    let notebook =
        work.get("notebook_task").filter(|task| task.get("source").and_then(Value::as_str) != Some("GIT"))?;
    let path = notebook.get("notebook_path").and_then(Value::as_str)?;
    let found = tree::normalized(path).is_ok_and(|path| stage.ws.tree.is_notebook(&path));
    (!found).then(|| path.to_owned())
}

/// A task has done its work, or its time is up.
pub(crate) fn stop(stage: &mut Stage<'_>, run_id: i64, index: usize, attempt: u32) {
    let Some(run) = stage.ws.runs.get(run_id) else { return };
    let Some(task) =
        run.tasks.get(index).filter(|task| task.attempt == attempt && task.phase == Phase::Running)
    else {
        return;
    };
    let limit = document(run, task).get("timeout_seconds").and_then(Value::as_u64).filter(|limit| *limit > 0);
    let needed = if run.trigger == "CONTINUOUS" {
        stage.settings.continuous_run_seconds
    } else {
        stage.settings.task_seconds
    };
    if limit.is_some_and(|limit| limit < needed) {
        finish(stage, run_id, index, Ending::Timedout, "RUN_EXECUTION_ERROR", "Timed out");
    } else {
        finish(stage, run_id, index, Ending::Success, "SUCCESS", "");
    }
}

/// Ends a task and goes on with its run.
pub(crate) fn finish(
    stage: &mut Stage<'_>,
    run_id: i64,
    index: usize,
    ending: Ending,
    code: &'static str,
    message: &str,
) {
    if ending == Ending::Failed {
        fail(stage, run_id, index, code, message.to_owned());
    } else {
        close(stage, run_id, index, ending, code, message);
    }
    runs::advance(stage, run_id);
}

/// A task failed: another attempt if the settings allow it.
fn fail(stage: &mut Stage<'_>, run_id: i64, index: usize, code: &'static str, message: String) {
    let Some(run) = stage.ws.runs.get(run_id) else { return };
    let Some(task) = run.tasks.get(index) else { return };
    let document = document(run, task);
    let retries = document.get("max_retries").and_then(Value::as_i64).unwrap_or(0);
    let again = retries < 0 || i64::from(task.attempt) < retries;
    let pause_ms = document.get("min_retry_interval_millis").and_then(Value::as_i64).unwrap_or(0).max(1000);
    close(stage, run_id, index, Ending::Failed, code, &message);
    // Retries without end would never let a run finish: three are enough to show them.
    if again
        && stage
            .ws
            .runs
            .get(run_id)
            .is_some_and(|run| run.tasks.get(index).is_some_and(|task| task.attempt < 3 || retries > 0))
    {
        let task_run = stage.mint_int64();
        set(stage, run_id, index, |task| {
            task.again(task_run);
            task.phase = Phase::Waiting;
        });
        stage.ws.runs.name_task_run(task_run, run_id);
        if let Some(task) = stage.ws.runs.get(run_id).and_then(|run| run.tasks.get(index)) {
            let event = Event::TaskStarts { run: run_id, task: index, attempt: task.attempt };
            stage.at_ms(stage.now + pause_ms, event);
        }
    }
}

/// Ends a task and lets its compute go.
fn close(
    stage: &mut Stage<'_>,
    run_id: i64,
    index: usize,
    ending: Ending,
    code: &'static str,
    message: &str,
) {
    let now = stage.now;
    let Some(task) = stage.ws.runs.get_mut(run_id).and_then(|run| run.tasks.get_mut(index)) else { return };
    if task.is_done() {
        return;
    }
    task.phase = Phase::Done;
    task.ending = Some(ending);
    task.code = Cow::Borrowed(code);
    task.message = Cow::Owned(message.to_owned());
    task.ended_ms = Some(now);
    let (cluster, warehouse, owned) = (task.cluster.clone(), task.warehouse.clone(), task.owns_cluster);
    if let Some(id) = warehouse {
        warehouses::occupy(stage, &id, -1);
    }
    if let Some(id) = cluster {
        clusters::occupy(stage, &id, -1);
        if owned {
            clusters::terminate(stage, &id, "JOB_FINISHED");
        }
    }
}

/// Ends whatever of a run has not ended.
pub(crate) fn stop_all(stage: &mut Stage<'_>, run_id: i64, ending: Ending) {
    let open: Vec<usize> = match stage.ws.runs.get(run_id) {
        Some(run) => {
            run.tasks.iter().enumerate().filter(|(_, task)| !task.is_done()).map(|(index, _)| index).collect()
        }
        None => return,
    };
    for index in open {
        close(stage, run_id, index, ending, "USER_CANCELED", "");
    }
}

/// How a run ends whose tasks have all ended: by its leaves.
pub(crate) fn overall(run: &Run) -> Ending {
    let empty = Vec::new();
    let documents = run.settings.get("tasks").and_then(Value::as_array).unwrap_or(&empty);
    let leaf = |task: &&Task| downstream(documents, &task.key).is_empty();
    let failed = |task: &Task| task.ending.is_some_and(Ending::is_failure);
    if run.tasks.iter().filter(leaf).any(failed) {
        return Ending::Failed;
    }
    if run.tasks.iter().any(|task| matches!(task.ending, Some(Ending::Canceled | Ending::UpstreamCanceled))) {
        return Ending::Canceled;
    }
    if run.tasks.iter().any(failed) { Ending::SuccessWithFailures } else { Ending::Success }
}

/// Code and message of a run's end.
pub(crate) fn why(run: &Run, ending: Ending) -> (Cow<'static, str>, Cow<'static, str>) {
    match ending {
        Ending::Success => (Cow::Borrowed("SUCCESS"), Cow::Borrowed("")),
        Ending::SuccessWithFailures => (Cow::Borrowed("SUCCESS_WITH_FAILURES"), Cow::Borrowed("")),
        Ending::Canceled => (Cow::Borrowed("CANCELED"), Cow::Borrowed("Run cancelled.")),
        _ => run
            .tasks
            .iter()
            .find(|task| matches!(task.ending, Some(Ending::Failed | Ending::Timedout)))
            .map(|task| {
                (
                    task.code.clone(),
                    Cow::Owned(format!("Task {} failed with message: {}", task.key, task.message)),
                )
            })
            .unwrap_or((Cow::Borrowed("RUN_EXECUTION_ERROR"), Cow::Borrowed("The run failed."))),
    }
}
