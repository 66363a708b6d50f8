//! How the simulated account behaves where the documentation leaves room, or where a test needs a knob.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::limits::Limits;
use crate::services::run_store::RunType;

/// Every knob of the simulated account. All times are in simulated time.
///
/// The defaults are what the service is documented to do, at durations that are usual for it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long one request takes, there and back, in milliseconds.
    pub latency_ms: u64,
    /// Request limits per API family. Off by default.
    pub limits: Limits,
    /// From PENDING to RUNNING.
    pub cluster_start_seconds: u64,
    /// From TERMINATING to TERMINATED.
    pub cluster_stop_seconds: u64,
    /// From PENDING to INSTALLED, on a running cluster.
    pub library_install_seconds: u64,
    /// From STARTING to RUNNING.
    pub warehouse_start_seconds: u64,
    /// From STOPPING to STOPPED.
    pub warehouse_stop_seconds: u64,
    /// How long one task runs.
    pub task_seconds: u64,
    /// How long one run of a continuous job lasts before the next replaces it.
    pub continuous_run_seconds: u64,
    /// From a cancelled run's TERMINATING to TERMINATED.
    pub cancel_seconds: u64,
    /// Days after which a terminated, unpinned cluster is forgotten.
    pub cluster_retention_days: u64,
    /// Days after which a finished run is forgotten.
    pub run_retention_days: u64,
    /// Clusters that may be pinned in one workspace.
    pub max_pinned_clusters: usize,
    /// Jobs that may be saved in one workspace.
    pub max_jobs: usize,
    /// Bytes of one import or export.
    pub max_notebook_bytes: usize,
    /// Whether `workspace/list` and `get-status` show `created_at` and `modified_at` on notebooks.
    /// The reference promises them for files alone; workspaces have been seen to send both.
    pub notebooks_show_times: bool,
    /// Whether a queued job with `max_concurrent_runs` 0 queues new runs. The reference says that they are skipped.
    pub zero_concurrency_queues: bool,
    /// The types of runs that `runs/list` shows when no type is asked for. The reference does not say; those that notebooks
    /// begin are left out by default, because a client that does not ask for them may then find out.
    pub run_types_unasked: BTreeSet<RunType>,
    /// Whether `cancel-all` of a job takes only its queued runs with `all_queued_runs`, and only the others without. The
    /// reference can be read both ways.
    pub cancel_all_is_narrow: bool,
    /// Whether a job's runs are forgotten with it: the ended ones at once, the others when they end. The reference of
    /// version 2.0 said so, that of 2.2 says nothing.
    pub runs_go_with_their_job: bool,
    /// Puts an empty page that carries a token before the last page of every paged list.
    pub empty_page_before_last: bool,
    /// Page sizes that replace a list's own maximum, by service (`jobs`, `clusters`, `warehouses`, ...).
    pub page_sizes: BTreeMap<String, usize>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            latency_ms: 0,
            limits: Limits::off(),
            cluster_start_seconds: 180,
            cluster_stop_seconds: 20,
            library_install_seconds: 30,
            warehouse_start_seconds: 120,
            warehouse_stop_seconds: 10,
            task_seconds: 90,
            continuous_run_seconds: 86_400,
            cancel_seconds: 5,
            cluster_retention_days: 30,
            run_retention_days: 60,
            max_pinned_clusters: 100,
            max_jobs: 10_000,
            max_notebook_bytes: 10 * 1024 * 1024,
            notebooks_show_times: true,
            zero_concurrency_queues: false,
            run_types_unasked: BTreeSet::from([RunType::JobRun, RunType::SubmitRun]),
            cancel_all_is_narrow: false,
            runs_go_with_their_job: false,
            empty_page_before_last: false,
            page_sizes: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// Everything that takes minutes takes about a second: for clients that wait in real time.
    #[must_use]
    pub fn quick() -> Self {
        Self {
            cluster_start_seconds: 1,
            cluster_stop_seconds: 1,
            library_install_seconds: 1,
            warehouse_start_seconds: 1,
            warehouse_stop_seconds: 1,
            task_seconds: 1,
            cancel_seconds: 1,
            ..Self::default()
        }
    }

    /// The page size of a service's list: what was asked for, within the list's maximum or what a test put in its place.
    pub(crate) fn page_size(&self, service: &str, asked: Option<usize>, usual: usize, most: usize) -> usize {
        let most = self.page_sizes.get(service).copied().unwrap_or(most);
        asked.unwrap_or(usual).min(most).max(1)
    }
}
