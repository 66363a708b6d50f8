//! Runs as they are kept: by order of creation, by job, by what has not ended.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::collections::Document;
use crate::services::clusters::Specified;
use crate::services::tasks::Task;

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

/// What a run is a run of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunType {
    /// A job.
    JobRun,
    /// What somebody submitted without a job.
    SubmitRun,
    /// What a notebook began: `dbutils.notebook.run`.
    WorkflowRun,
}

/// A run, of a job or without one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Run {
    pub(crate) id: i64,
    pub(crate) job_id: i64,
    pub(crate) run_type: RunType,
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

    /// Tasks that have not ended and of which `is_on` says so: run and place.
    pub(crate) fn open_tasks(&self, is_on: impl Fn(&Task) -> bool) -> Vec<(i64, usize)> {
        let active = self.active.values().flatten().filter_map(|key| self.items.get(key));
        active
            .flat_map(|run| run.tasks.iter().enumerate().map(move |(index, task)| (run.id, index, task)))
            .filter(|(_, _, task)| !task.is_done() && is_on(task))
            .map(|(run, index, _)| (run, index))
            .collect()
    }

    /// How many runs of a job are queued, or are not.
    pub(crate) fn count(&self, job: i64, queued: bool) -> i64 {
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

    /// Keeps a new run, and what its caller wants to happen once.
    pub(crate) fn add(&mut self, run: Run, token: Option<String>) {
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

    /// Notes that a run has not ended, or that it has.
    pub(crate) fn mark(&mut self, id: i64, is_active: bool) {
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

    /// Forgets the runs of a job that have ended.
    pub(crate) fn forget_ended_of(&mut self, job: i64) {
        let ended = self.keys(Some(job)).into_iter().filter_map(|key| self.items.get(&key));
        let ended: Vec<i64> = ended.filter(|run| run.is_done()).map(|run| run.id).collect();
        ended.into_iter().for_each(|id| self.remove(id));
    }

    /// Forgets runs that ended before a moment, oldest first.
    pub(crate) fn forget_before(&mut self, ended_ms: i64) {
        while let Some((_, run)) = self.items.first_key_value()
            && run.ended_ms.is_some_and(|ended| ended < ended_ms)
        {
            let id = run.id;
            self.remove(id);
        }
    }
}
