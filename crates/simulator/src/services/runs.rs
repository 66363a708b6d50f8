//! Runs: how they begin, queue, proceed task by task, and end. The endpoints are in `run_api`, tasks in `tasks`.
//!
//! A run takes the settings that its job had when it began. Nothing here waits: every step is entered into the agenda.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::agenda::Event;
use crate::collections::Document;
use crate::effects::Deed;
pub(crate) use crate::services::run_store::{Described, Ending, Life, Repair, Run, RunType, Runs};
use crate::services::tasks::{self, Task};
use crate::services::{clusters, triggers};
use crate::stage::{Stage, seconds_ms};

/// How long a run may wait in a queue.
const QUEUE_SECONDS: u64 = 48 * 3600;

/// What begins a run.
#[derive(Default)]
pub(crate) struct Beginning {
    pub(crate) trigger: &'static str,
    pub(crate) overrides: Option<Document>,
    pub(crate) token: Option<String>,
    pub(crate) parent: Option<(i64, usize)>,
    /// Only these tasks.
    pub(crate) only: Vec<String>,
}

/// Begins, queues or skips a run of a job. Returns its id.
pub(crate) fn begin_job(stage: &mut Stage<'_>, job_id: i64, beginning: Beginning) -> Option<i64> {
    let job = stage.ws.jobs.get(job_id)?;
    let (settings, creator) = (Arc::clone(&job.settings), Arc::clone(&job.creator));
    let kept_ms = stage.now - seconds_ms(stage.settings.run_retention_days * 86_400);
    stage.ws.runs.forget_before(kept_ms);
    let most = settings.get("max_concurrent_runs").and_then(Value::as_i64).unwrap_or(1);
    let free = stage.ws.runs.count(job_id, false) < most;
    let queues = |document: &Document| {
        document.get("queue").and_then(|queue| queue.get("enabled")) == Some(&json!(true))
    };
    let may_queue = (queues(&settings) || beginning.overrides.as_ref().is_some_and(queues))
        && (most > 0 || stage.settings.zero_concurrency_queues);
    let run = new_run(stage, job_id, settings, creator, &beginning);
    let id = run.id;
    stage.ws.runs.add(run, beginning.token);
    if free {
        begin(stage, id);
    } else if may_queue {
        stage.effect(Deed::Queued, "run", id, format!("job {job_id}"));
        stage.after_seconds(QUEUE_SECONDS, Event::QueueExpires { run: id });
    } else {
        skip(
            stage,
            id,
            "MAX_CONCURRENT_RUNS_EXCEEDED",
            "Skipped: the job's maximum of concurrent runs has been reached.",
        );
    }
    Some(id)
}

/// Begins a run without a job. Returns its id.
pub(crate) fn submit(
    stage: &mut Stage<'_>,
    run_type: RunType,
    settings: Document,
    token: Option<String>,
) -> i64 {
    let job_id = stage.mint_int64();
    let creator = Arc::clone(&stage.ws.user);
    let beginning = Beginning { trigger: "ONE_TIME", ..Beginning::default() };
    let mut run = new_run(stage, job_id, Arc::new(settings), creator, &beginning);
    run.run_type = run_type;
    let id = run.id;
    stage.ws.runs.add(run, token);
    begin(stage, id);
    id
}

/// A notebook runs another, on a cluster if one is named. Returns the run's id.
pub(crate) fn run_notebook(stage: &mut Stage<'_>, path: &str, cluster: Option<&str>) -> i64 {
    let mut task =
        json!({"task_key": "main", "notebook_task": {"notebook_path": path, "source": "WORKSPACE"}});
    if let Some(cluster) = cluster {
        task["existing_cluster_id"] = json!(cluster);
    }
    let settings = [("run_name".to_owned(), json!(path)), ("tasks".to_owned(), json!([task]))];
    submit(stage, RunType::WorkflowRun, Document::from_iter(settings), None)
}

fn new_run(
    stage: &Stage<'_>,
    job_id: i64,
    settings: Arc<Document>,
    creator: Arc<str>,
    beginning: &Beginning,
) -> Run {
    Run {
        id: stage.mint_int64(),
        job_id,
        run_type: RunType::JobRun,
        tasks: tasks::of(stage, &settings, &beginning.only),
        settings,
        trigger: Cow::Borrowed(beginning.trigger),
        creator,
        overrides: beginning.overrides.clone().map(Arc::new),
        life: Life::Queued,
        ending: None,
        message: Cow::Borrowed(""),
        code: Cow::Borrowed(""),
        created_ms: stage.now,
        begun_ms: None,
        ended_ms: None,
        clusters: BTreeMap::new(),
        parent: beginning.parent,
        repairs: Vec::new(),
    }
}

fn begin(stage: &mut Stage<'_>, id: i64) {
    let now = stage.now;
    let Some(run) = stage.ws.runs.get_mut(id) else { return };
    run.life = Life::Running;
    run.begun_ms = Some(now);
    let timeout = run.settings.get("timeout_seconds").and_then(Value::as_u64).unwrap_or(0);
    let detail = format!("job {}", run.job_id);
    stage.effect(Deed::Ran, "run", id, detail);
    if timeout > 0 {
        stage.after_seconds(timeout, Event::RunTimesOut { run: id });
    }
    advance(stage, id);
}

fn skip(stage: &mut Stage<'_>, id: i64, code: &'static str, message: &'static str) {
    let now = stage.now;
    let Some(run) = stage.ws.runs.get_mut(id) else { return };
    run.life = Life::Skipped;
    run.ending = Some(Ending::MaximumConcurrentRunsReached);
    run.code = Cow::Borrowed(code);
    run.message = Cow::Borrowed(message);
    run.ended_ms = Some(now);
    let (job_id, parent) = (run.job_id, run.parent);
    stage.ws.runs.mark(id, false);
    stage.effect(Deed::Skipped, "run", id, format!("job {job_id}"));
    tell_parent(stage, parent, Ending::Failed);
}

/// Starts what can start now, and ends the run if nothing is left.
pub(crate) fn advance(stage: &mut Stage<'_>, id: i64) {
    loop {
        let Some(run) = stage.ws.runs.get(id).filter(|run| run.life == Life::Running) else { return };
        if let Some((index, verdict)) = tasks::next(run) {
            tasks::take_up(stage, id, index, verdict);
            continue;
        }
        if run.tasks.iter().all(Task::is_done) {
            let ending = tasks::overall(run);
            let (code, message) = tasks::why(run, ending);
            end(stage, id, ending, code, message);
        }
        return;
    }
}

/// Ends a run.
fn end(stage: &mut Stage<'_>, id: i64, ending: Ending, code: Cow<'static, str>, message: Cow<'static, str>) {
    let now = stage.now;
    let Some(run) = stage.ws.runs.get_mut(id).filter(|run| !run.is_done()) else { return };
    run.life = Life::Terminated;
    run.ending = Some(ending);
    run.code = code;
    run.message = message;
    run.ended_ms = Some(now);
    if let Some(repair) = run.repairs.last_mut().filter(|repair| repair.ended_ms.is_none()) {
        repair.ended_ms = Some(now);
    }
    let (job_id, parent, run_type) = (run.job_id, run.parent, run.run_type);
    let owned: Vec<String> = std::mem::take(&mut run.clusters).into_values().collect();
    stage.ws.runs.mark(id, false);
    stage.effect(Deed::Ended, "run", id, format!("{ending:?}"));
    for cluster in owned {
        clusters::terminate(stage, &cluster, "JOB_FINISHED");
    }
    tell_parent(stage, parent, ending);
    if run_type != RunType::JobRun {
        return;
    }
    if stage.settings.runs_go_with_their_job && stage.ws.jobs.get(job_id).is_none() {
        stage.ws.runs.remove(id);
        return;
    }
    if let Some(job) = stage.ws.jobs.get_mut(job_id) {
        job.failures = if ending.is_failure() { job.failures.saturating_add(1) } else { 0 };
        let failures = job.failures;
        release_queue(stage, job_id);
        if !stage.ws.runs.is_active(job_id) {
            triggers::follow_up(stage, job_id, failures);
        }
    }
}

fn tell_parent(stage: &mut Stage<'_>, parent: Option<(i64, usize)>, ending: Ending) {
    if let Some((run, task)) = parent {
        let ending = match ending {
            Ending::Success | Ending::SuccessWithFailures => Ending::Success,
            Ending::Canceled => Ending::Canceled,
            _ => Ending::Failed,
        };
        tasks::finish(
            stage,
            run,
            task,
            ending,
            "RUN_EXECUTION_ERROR",
            "The run of the other job did not succeed.",
        );
    }
}

/// Begins queued runs of a job while there is room.
pub(crate) fn release_queue(stage: &mut Stage<'_>, job_id: i64) {
    loop {
        let Some(job) = stage.ws.jobs.get(job_id) else { return };
        let most = job.settings.get("max_concurrent_runs").and_then(Value::as_i64).unwrap_or(1);
        if stage.ws.runs.count(job_id, false) >= most {
            return;
        }
        let runs = &stage.ws.runs;
        let queued = runs
            .active(Some(job_id))
            .into_iter()
            .find(|id| runs.get(*id).is_some_and(|run| run.life == Life::Queued));
        let Some(id) = queued else { return };
        begin(stage, id);
    }
}

/// A queued run has waited for too long.
pub(crate) fn expire_queued(stage: &mut Stage<'_>, id: i64) {
    if stage.ws.runs.get(id).is_some_and(|run| run.life == Life::Queued) {
        skip(stage, id, "SKIPPED", "Skipped: the run was queued for more than 48 hours.");
    }
}

/// A run's time is up.
pub(crate) fn time_out(stage: &mut Stage<'_>, id: i64) {
    if stage.ws.runs.get(id).is_some_and(|run| run.life == Life::Running) {
        tasks::stop_all(stage, id, Ending::Timedout);
        end(stage, id, Ending::Timedout, Cow::Borrowed("RUN_EXECUTION_ERROR"), Cow::Borrowed("Timed out"));
    }
}

/// Cancels a run: at once while it is queued, otherwise after a moment of TERMINATING.
pub(crate) fn cancel(stage: &mut Stage<'_>, id: i64) {
    let Some(run) = stage.ws.runs.get_mut(id) else { return };
    let id = run.id;
    match run.life {
        Life::Queued => finish_cancel(stage, id),
        Life::Running => {
            run.life = Life::Terminating;
            run.message = Cow::Borrowed("Cancelling");
            let children: Vec<i64> =
                run.tasks.iter().filter(|task| !task.is_done()).filter_map(|task| task.child).collect();
            stage.effect(Deed::Updated, "run", id, "cancelled");
            stage.after_seconds(stage.settings.cancel_seconds, Event::RunIsCancelled { run: id });
            for child in children {
                cancel(stage, child);
            }
        }
        Life::Terminating | Life::Terminated | Life::Skipped => {}
    }
}

/// A cancelled run has come to its end.
pub(crate) fn finish_cancel(stage: &mut Stage<'_>, id: i64) {
    tasks::stop_all(stage, id, Ending::Canceled);
    end(stage, id, Ending::Canceled, Cow::Borrowed("USER_CANCELED"), Cow::Borrowed("Run cancelled."));
}

/// Which runs of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    All,
    /// Those that wait.
    Queued,
    /// Those that do not.
    Begun,
}

/// Cancels a job's runs.
pub(crate) fn cancel_job(stage: &mut Stage<'_>, job_id: i64, which: Which) {
    let runs = &stage.ws.runs;
    let mut active = runs.active(Some(job_id));
    active.retain(|id| {
        let is_queued = runs.get(*id).is_some_and(|run| run.life == Life::Queued);
        which == Which::All || is_queued == (which == Which::Queued)
    });
    // Queued ones first: what ends makes room for them.
    active.sort_by_key(|id| runs.get(*id).is_none_or(|run| run.life != Life::Queued));
    for id in active {
        cancel(stage, id);
    }
}

/// A cluster is going away: the tasks on it fail.
pub(crate) fn compute_lost(stage: &mut Stage<'_>, cluster: &str) {
    let lost = stage.ws.runs.open_tasks(|task| task.cluster.as_deref() == Some(cluster));
    for (run, index) in lost {
        let message = "The cluster was terminated during the run.";
        tasks::finish(stage, run, index, Ending::Failed, "CLUSTER_ERROR", message);
    }
}

/// A warehouse lost its machines: the tasks on it fail.
pub(crate) fn warehouse_lost(stage: &mut Stage<'_>, warehouse: &str) {
    let lost = stage.ws.runs.open_tasks(|task| task.warehouse.as_deref() == Some(warehouse));
    for (run, index) in lost {
        let message = "The SQL warehouse was stopped during the run.";
        tasks::finish(stage, run, index, Ending::Failed, "RUN_EXECUTION_ERROR", message);
    }
}

/// Runs the given tasks of an ended run again. Returns the repair's id.
pub(crate) fn repair(stage: &mut Stage<'_>, id: i64, keys: &[String]) -> i64 {
    let repair = stage.mint_int64();
    let now = stage.now;
    let minted: Vec<i64> = keys.iter().map(|_| stage.mint_int64()).collect();
    if let Some(run) = stage.ws.runs.get_mut(id) {
        for (key, task_run) in keys.iter().zip(&minted) {
            if let Some(task) = run.tasks.iter_mut().find(|task| task.key == *key) {
                task.again(*task_run);
            }
        }
        run.life = Life::Running;
        run.ending = None;
        run.ended_ms = None;
        run.message = Cow::Borrowed("");
        run.repairs.push(Repair { id: repair, begun_ms: now, ended_ms: None, task_runs: minted.clone() });
    }
    for task_run in minted {
        stage.ws.runs.name_task_run(task_run, id);
    }
    stage.ws.runs.mark(id, true);
    stage.effect(Deed::Ran, "run", id, "repaired");
    advance(stage, id);
    repair
}
