//! Runs: how they begin, queue, proceed task by task, and end. The endpoints are in `run_api`, tasks in `tasks`.
//!
//! A run takes the settings that its job had when it began. Nothing here waits: every step is entered into the agenda.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::agenda::Event;
use crate::collections::Document;
use crate::effects::Deed;
use crate::services::clusters::Specified;
use crate::services::tasks::{self, Task};
use crate::services::{clusters, triggers};
use crate::stage::{Stage, seconds_ms};

/// How long a run may wait in a queue.
const QUEUE_SECONDS: u64 = 48 * 3600;

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Life {
    Queued,
    Running,
    Terminating,
    Terminated,
    Skipped,
}

/// How a run or a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Ending {
    Success,
    Failed,
    Timedout,
    Canceled,
    MaximumConcurrentRunsReached,
    Excluded,
    Disabled,
    UpstreamFailed,
    UpstreamCanceled,
    SuccessWithFailures,
}

impl Ending {
    pub(crate) const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::Timedout | Self::UpstreamFailed)
    }
}

/// A run of a job, or one that was submitted without one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) id: i64,
    pub(crate) job_id: i64,
    pub(crate) submitted: bool,
    pub(crate) settings: Arc<Document>,
    pub(crate) trigger: Cow<'static, str>,
    pub(crate) creator: Arc<str>,
    /// What run-now overrode, as it was sent.
    pub(crate) overrides: Option<Arc<Document>>,
    pub(crate) life: Life,
    pub(crate) ending: Option<Ending>,
    pub(crate) message: Cow<'static, str>,
    /// The termination's code.
    pub(crate) code: Cow<'static, str>,
    pub(crate) created_ms: i64,
    pub(crate) begun_ms: Option<i64>,
    pub(crate) ended_ms: Option<i64>,
    pub(crate) tasks: Vec<Task>,
    /// The clusters that its tasks share, by key.
    pub(crate) clusters: BTreeMap<String, String>,
    /// The run and task that wait for this one.
    pub(crate) parent: Option<(i64, usize)>,
    /// Repairs: id, start, end, task runs.
    pub(crate) repairs: Vec<Repair>,
}

/// A repair of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Repair {
    pub(crate) id: i64,
    pub(crate) begun_ms: i64,
    pub(crate) ended_ms: Option<i64>,
    pub(crate) task_runs: Vec<i64>,
}

impl Run {
    pub(crate) const fn is_done(&self) -> bool {
        matches!(self.life, Life::Terminated | Life::Skipped)
    }

    pub(crate) fn name(&self) -> &str {
        let named = |key: &str| self.settings.get(key).and_then(Value::as_str);
        named("run_name").or_else(|| named("name")).unwrap_or("Untitled")
    }
}

/// All runs of a workspace, in order of creation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Runs {
    items: BTreeMap<u64, Run>,
    /// Runs and task runs, by id.
    ids: HashMap<i64, u64>,
    by_job: HashMap<i64, BTreeSet<u64>>,
    /// Those that have not ended, by job.
    active: BTreeMap<i64, BTreeSet<u64>>,
    /// Runs by what their caller wanted to happen once: `None` for one that was deleted.
    tokens: BTreeMap<String, Option<i64>>,
    /// Clusters that jobs describe, by job and place in its settings.
    #[serde(skip)]
    pub(crate) described: HashMap<(i64, String), Described>,
    last: u64,
}

/// A cluster as some settings describe it, worked out once.
#[derive(Clone, Debug)]
pub(crate) struct Described {
    /// The workspace's when it was worked out.
    pub(crate) revision: u64,
    pub(crate) settings: Arc<Document>,
    pub(crate) spec: Specified,
}

impl Runs {
    /// A run by its own id or that of one of its tasks.
    pub(crate) fn get(&self, id: i64) -> Option<&Run> {
        self.items.get(self.ids.get(&id)?)
    }

    pub(crate) fn get_mut(&mut self, id: i64) -> Option<&mut Run> {
        self.items.get_mut(self.ids.get(&id)?)
    }

    pub(crate) fn by_key(&self, key: u64) -> Option<&Run> {
        self.items.get(&key)
    }

    /// Keys of all runs, or of one job's, oldest first.
    pub(crate) fn keys(&self, job: Option<i64>) -> Vec<u64> {
        match job {
            None => self.items.keys().copied().collect(),
            Some(job) => self.by_job.get(&job).map(|keys| keys.iter().copied().collect()).unwrap_or_default(),
        }
    }

    /// Runs that have not ended, of all jobs or of one.
    pub(crate) fn active(&self, job: Option<i64>) -> Vec<i64> {
        let of_job = |job: &i64| self.active.get(job).into_iter().flatten();
        let runs = |key: &u64| self.items.get(key).map(|run| run.id);
        match job {
            Some(job) => of_job(&job).filter_map(runs).collect(),
            None => self.active.values().flatten().filter_map(runs).collect(),
        }
    }

    fn count(&self, job: i64, queued: bool) -> i64 {
        let active = self.active.get(&job).into_iter().flatten().filter_map(|key| self.items.get(key));
        let alike = active.filter(|run| (run.life == Life::Queued) == queued);
        i64::try_from(alike.count()).unwrap_or(i64::MAX)
    }

    /// Whether a job has a run that has not ended.
    pub(crate) fn is_active(&self, job: i64) -> bool {
        self.active.contains_key(&job)
    }

    pub(crate) fn token(&self, token: &str) -> Option<Option<i64>> {
        self.tokens.get(token).copied()
    }

    pub(crate) fn name_task_run(&mut self, task_run: i64, run: i64) {
        if let Some(key) = self.ids.get(&run).copied() {
            self.ids.insert(task_run, key);
        }
    }

    fn add(&mut self, run: Run, token: Option<String>) {
        self.last += 1;
        let key = self.last;
        for id in run.tasks.iter().map(|task| task.run_id).chain([run.id]) {
            self.ids.insert(id, key);
        }
        self.by_job.entry(run.job_id).or_default().insert(key);
        if !run.is_done() {
            self.active.entry(run.job_id).or_default().insert(key);
        }
        if let Some(token) = token {
            self.tokens.insert(token, Some(run.id));
        }
        self.items.insert(key, run);
    }

    pub(crate) fn remove(&mut self, id: i64) {
        let Some(run) = self.ids.get(&id).and_then(|key| self.items.remove(key)) else { return };
        let key = self.ids.get(&run.id).copied().unwrap_or(0);
        for id in run.tasks.iter().map(|task| task.run_id).chain([run.id]) {
            self.ids.remove(&id);
        }
        if let Some(keys) = self.by_job.get_mut(&run.job_id) {
            keys.remove(&key);
        }
        self.leave(run.job_id, key);
        for held in self.tokens.values_mut().filter(|held| **held == Some(run.id)) {
            *held = None;
        }
    }

    fn mark(&mut self, id: i64, is_active: bool) {
        let Some(key) = self.ids.get(&id).copied() else { return };
        let Some(job) = self.items.get(&key).map(|run| run.job_id) else { return };
        if is_active {
            self.active.entry(job).or_default().insert(key);
        } else {
            self.leave(job, key);
        }
    }

    fn leave(&mut self, job: i64, key: u64) {
        if let Some(keys) = self.active.get_mut(&job) {
            keys.remove(&key);
            if keys.is_empty() {
                self.active.remove(&job);
            }
        }
    }

    /// Forgets runs that ended before a moment, oldest first.
    fn forget_before(&mut self, ended_ms: i64) {
        while let Some((_, run)) = self.items.first_key_value()
            && run.ended_ms.is_some_and(|ended| ended < ended_ms)
        {
            let id = run.id;
            self.remove(id);
        }
    }
}

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
pub(crate) fn submit(stage: &mut Stage<'_>, settings: Document, token: Option<String>) -> i64 {
    let job_id = stage.mint_int64();
    let creator = Arc::clone(&stage.ws.user);
    let beginning = Beginning { trigger: "ONE_TIME", ..Beginning::default() };
    let mut run = new_run(stage, job_id, Arc::new(settings), creator, &beginning);
    run.submitted = true;
    let id = run.id;
    stage.ws.runs.add(run, token);
    begin(stage, id);
    id
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
        submitted: false,
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
    let (job_id, parent, submitted) = (run.job_id, run.parent, run.submitted);
    let owned: Vec<String> = std::mem::take(&mut run.clusters).into_values().collect();
    stage.ws.runs.mark(id, false);
    stage.effect(Deed::Ended, "run", id, format!("{ending:?}"));
    for cluster in owned {
        clusters::terminate(stage, &cluster, "JOB_FINISHED");
    }
    tell_parent(stage, parent, ending);
    if submitted {
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

/// Cancels a job's runs; the queued ones too if `queued`.
pub(crate) fn cancel_job(stage: &mut Stage<'_>, job_id: i64, queued: bool) {
    let runs = &stage.ws.runs;
    let mut active = runs.active(Some(job_id));
    active.retain(|id| queued || runs.get(*id).is_some_and(|run| run.life != Life::Queued));
    // Queued ones first: what ends makes room for them.
    active.sort_by_key(|id| runs.get(*id).is_none_or(|run| run.life != Life::Queued));
    for id in active {
        cancel(stage, id);
    }
}

/// A cluster is going away: the tasks on it fail.
pub(crate) fn compute_lost(stage: &mut Stage<'_>, cluster: &str) {
    let runs = &stage.ws.runs;
    let lost: Vec<(i64, usize)> = runs
        .active
        .values()
        .flatten()
        .filter_map(|key| runs.items.get(key))
        .flat_map(|run| run.tasks.iter().enumerate().map(move |(index, task)| (run.id, index, task)))
        .filter(|(_, _, task)| !task.is_done() && task.cluster.as_deref() == Some(cluster))
        .map(|(run, index, _)| (run, index))
        .collect();
    for (run, index) in lost {
        tasks::finish(
            stage,
            run,
            index,
            Ending::Failed,
            "CLUSTER_ERROR",
            "The cluster was terminated during the run.",
        );
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
