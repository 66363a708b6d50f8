//! Clusters: what they are and how their states follow each other.
//!
//! Creating a cluster always starts it. A terminated cluster keeps its configuration for 30 days, a pinned one for
//! ever. The API's endpoints are in `cluster_api`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::agenda::Event;
use crate::collections::Document;
use crate::effects::{Deed, Metered};
use crate::services::libraries::{self, Installed};
use crate::services::runs;
use crate::stage::{Stage, seconds_ms};

/// How long a cluster looks for instances in a pool that has none to give.
const IN_VAIN_SECONDS: u64 = 15;

/// The states of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum State {
    Pending,
    Running,
    Restarting,
    Resizing,
    Terminating,
    Terminated,
}

impl State {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Restarting => "RESTARTING",
            Self::Resizing => "RESIZING",
            Self::Terminating => "TERMINATING",
            Self::Terminated => "TERMINATED",
        }
    }
}

/// A cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) id: String,
    /// As it was asked for.
    pub(crate) sent: Arc<Document>,
    /// With what its policy, its pool and the service filled in.
    pub(crate) filled: Arc<Document>,
    /// The name that a run of a job gave it. Job clusters share their documents and differ in this.
    own_name: Option<String>,
    /// Whether a job's run made it for itself.
    pub(crate) of_job: bool,
    pub(crate) creator: Arc<str>,
    pub(crate) state: State,
    /// Counts the transitions, so that an old entry of the agenda knows that it is old.
    pub(crate) generation: u32,
    pub(crate) message: Cow<'static, str>,
    pub(crate) started_ms: i64,
    pub(crate) restarted_ms: Option<i64>,
    pub(crate) terminated_ms: Option<i64>,
    /// Why it ended: code and type.
    pub(crate) reason: Option<(Cow<'static, str>, Cow<'static, str>)>,
    pub(crate) pinned: bool,
    pub(crate) unpinned_ms: Option<i64>,
    /// Tasks that run on it now.
    pub(crate) busy: u32,
    pub(crate) active_ms: i64,
    pub(crate) libraries: Vec<Installed>,
    /// When, what, details.
    pub(crate) events: Vec<(i64, Cow<'static, str>, Value)>,
}

impl Cluster {
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.filled.get(key).and_then(Value::as_str)
    }

    pub(crate) fn name(&self) -> &str {
        self.own_name.as_deref().or_else(|| self.text("cluster_name")).unwrap_or("")
    }

    fn autotermination_ms(&self) -> Option<i64> {
        self.filled
            .get("autotermination_minutes")
            .and_then(Value::as_i64)
            .filter(|minutes| *minutes > 0)
            .map(|minutes| minutes * 60_000)
    }

    pub(crate) fn log(&mut self, at_ms: i64, event: &'static str, details: Value) {
        self.events.push((at_ms, Cow::Borrowed(event), details));
    }
}

/// All clusters of a workspace, in order of creation.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Clusters {
    items: BTreeMap<u64, Cluster>,
    ids: HashMap<String, u64>,
    last: u64,
    /// Those that were forgotten after their time.
    pub(crate) expired: BTreeSet<String>,
}

impl Clusters {
    pub(crate) fn get(&self, id: &str) -> Option<&Cluster> {
        self.items.get(self.ids.get(id)?)
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Cluster> {
        self.items.get_mut(self.ids.get(id)?)
    }

    pub(crate) fn by_key(&self, key: u64) -> Option<&Cluster> {
        self.items.get(&key)
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &Cluster)> {
        self.items.iter().map(|(key, cluster)| (*key, cluster))
    }

    pub(crate) fn pinned(&self) -> usize {
        self.items.values().filter(|cluster| cluster.pinned).count()
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<Cluster> {
        self.items.remove(&self.ids.remove(id)?)
    }

    /// Instances of a pool that clusters use now.
    pub(crate) fn running_on_pool(&self, pool: &str) -> i64 {
        let is_up = |cluster: &&Cluster| matches!(cluster.state, State::Running | State::Resizing);
        self.items.values().filter(is_up).map(|cluster| instances_of(cluster, pool)).sum()
    }

    fn add(&mut self, cluster: Cluster) {
        self.last += 1;
        self.ids.insert(cluster.id.clone(), self.last);
        self.items.insert(self.last, cluster);
    }
}

/// What a cluster is to be: as it was asked for, and with what the service filled in.
#[derive(Clone, Debug)]
pub(crate) struct Specified {
    pub(crate) sent: Arc<Document>,
    pub(crate) filled: Arc<Document>,
}

/// Makes a cluster and starts it. A run of a job names its own. Returns its id.
pub(crate) fn create(stage: &mut Stage<'_>, spec: Specified, own_name: Option<String>) -> String {
    let id = mint(stage);
    let cluster = Cluster {
        id: id.clone(),
        sent: spec.sent,
        filled: spec.filled,
        of_job: own_name.is_some(),
        own_name,
        creator: Arc::clone(&stage.ws.user),
        state: State::Terminated,
        generation: 0,
        message: Cow::Borrowed(""),
        started_ms: stage.now,
        restarted_ms: None,
        terminated_ms: None,
        reason: None,
        pinned: false,
        unpinned_ms: None,
        busy: 0,
        active_ms: stage.now,
        libraries: Vec::new(),
        events: Vec::new(),
    };
    let name = cluster.name().to_owned();
    stage.ws.clusters.add(cluster);
    stage.effect(Deed::Created, "cluster", &id, name);
    start(stage, &id, "CREATING");
    id
}

/// `MMDD-HHMMSS-xxxxxxxx`.
fn mint(stage: &Stage<'_>) -> String {
    let date = Timestamp::from_millisecond(stage.now).unwrap_or(Timestamp::UNIX_EPOCH);
    let letters: String = (0..8)
        .map(|_| {
            char::from(
                b"abcdefghijklmnopqrstuvwxyz0123456789"
                    [usize::try_from(stage.entropy.below(36)).unwrap_or(0)],
            )
        })
        .collect();
    format!("{}-{letters}", date.strftime("%m%d-%H%M%S"))
}

/// Starts a terminated cluster.
pub(crate) fn start(stage: &mut Stage<'_>, id: &str, event: &'static str) {
    let now = stage.now;
    let user = Arc::clone(&stage.actor);
    let Some(cluster) = stage.ws.clusters.get_mut(id).filter(|cluster| cluster.state == State::Terminated)
    else {
        return;
    };
    cluster.started_ms = now;
    cluster.terminated_ms = None;
    cluster.reason = None;
    cluster.log(now, event, json!({"user": &*user}));
    stage.effect(Deed::Started, "cluster", id, event);
    let is_in_vain = stage.ws.clusters.get(id).is_some_and(|cluster| pool_is_exhausted(stage, cluster));
    if !is_in_vain {
        stage.ws.meters.set(Metered::Cluster, id, 1, now);
    }
    let seconds = if is_in_vain { IN_VAIN_SECONDS } else { stage.settings.cluster_start_seconds };
    let message = "Finding instances for new nodes, acquiring more instances if necessary";
    go(stage, id, State::Pending, message, seconds.min(stage.settings.cluster_start_seconds));
}

/// Restarts a running cluster.
pub(crate) fn restart(stage: &mut Stage<'_>, id: &str) {
    let now = stage.now;
    if let Some(cluster) = stage.ws.clusters.get_mut(id) {
        cluster.restarted_ms = Some(now);
        cluster.log(now, "RESTARTING", json!({}));
    }
    stage.effect(Deed::Started, "cluster", id, "RESTARTING");
    go(stage, id, State::Restarting, "Restarting the cluster", stage.settings.cluster_start_seconds);
}

/// Enters a state that lasts for a while.
pub(crate) fn go(stage: &mut Stage<'_>, id: &str, state: State, message: &'static str, seconds: u64) {
    let Some(cluster) = stage.ws.clusters.get_mut(id) else { return };
    cluster.state = state;
    cluster.generation += 1;
    cluster.message = Cow::Borrowed(message);
    let event = Event::ClusterSettles { id: id.to_owned(), generation: cluster.generation };
    stage.after_seconds(seconds, event);
}

/// Terminates a cluster. One that is terminated or about to be stays as it is.
pub(crate) fn terminate(stage: &mut Stage<'_>, id: &str, code: &'static str) {
    terminate_for(stage, id, code, "SUCCESS");
}

fn terminate_for(stage: &mut Stage<'_>, id: &str, code: &'static str, kind: &'static str) {
    let now = stage.now;
    let Some(cluster) = stage.ws.clusters.get_mut(id) else { return };
    if matches!(cluster.state, State::Terminating | State::Terminated) {
        return;
    }
    cluster.reason = Some((Cow::Borrowed(code), Cow::Borrowed(kind)));
    cluster.log(now, "TERMINATING", json!({"reason": {"code": code, "type": kind}}));
    stage.effect(Deed::Stopped, "cluster", id, code);
    go(stage, id, State::Terminating, "Terminating the cluster", stage.settings.cluster_stop_seconds);
    runs::compute_lost(stage, id);
}

/// Every machine of the workspace is gone.
pub(crate) fn lose_machines(stage: &mut Stage<'_>) {
    let ids: Vec<String> = stage.ws.clusters.items.values().map(|cluster| cluster.id.clone()).collect();
    for id in ids {
        terminate_for(stage, &id, "CLOUD_PROVIDER_SHUTDOWN", "CLOUD_FAILURE");
    }
}

/// Whether a pool of a cluster that has no instances yet has too few left for it.
fn pool_is_exhausted(stage: &Stage<'_>, cluster: &Cluster) -> bool {
    let pools = [cluster.text("instance_pool_id"), cluster.text("driver_instance_pool_id")];
    pools.into_iter().flatten().any(|pool| lacks_room(stage, pool, instances_of(cluster, pool)))
}

/// Whether a pool may not have so many more instances.
pub(crate) fn lacks_room(stage: &Stage<'_>, pool: &str, more: i64) -> bool {
    let document = stage.ws.collection("instance_pool").and_then(|pools| pools.get(pool));
    let most = document.and_then(|pool| pool.document.get("max_capacity")).and_then(Value::as_i64);
    most.is_some_and(|most| stage.ws.clusters.running_on_pool(pool) + more > most)
}

/// The machines of a pool that a cluster needs at least. The driver's may come from a pool of its own.
fn instances_of(cluster: &Cluster, pool: &str) -> i64 {
    let of_workers = cluster.text("instance_pool_id");
    let of_driver = cluster.text("driver_instance_pool_id").or(of_workers);
    let workers = if of_workers == Some(pool) { workers(&cluster.filled) } else { 0 };
    workers + i64::from(of_driver == Some(pool))
}

/// The workers that a cluster needs at least.
pub(crate) fn workers(spec: &Document) -> i64 {
    let least = spec.get("autoscale").and_then(|scale| scale.get("min_workers"));
    spec.get("num_workers").or(least).and_then(Value::as_i64).unwrap_or(0)
}

/// A transition is complete.
pub(crate) fn settle(stage: &mut Stage<'_>, id: &str, generation: u32) {
    let now = stage.now;
    let due = |cluster: &Cluster| cluster.generation == generation;
    let starts =
        |cluster: &Cluster| due(cluster) && matches!(cluster.state, State::Pending | State::Restarting);
    if stage.ws.clusters.get(id).is_some_and(|cluster| starts(cluster) && pool_is_exhausted(stage, cluster)) {
        terminate_for(stage, id, "INSTANCE_POOL_MAX_CAPACITY_REACHED", "CLIENT_ERROR");
        return;
    }
    let Some(cluster) = stage.ws.clusters.get_mut(id).filter(|cluster| due(cluster)) else { return };
    match cluster.state {
        State::Terminating => {
            cluster.state = State::Terminated;
            cluster.terminated_ms = Some(now);
            cluster.busy = 0;
            cluster.message = Cow::Borrowed("Cluster terminated");
            stage.ws.meters.set(Metered::Cluster, id, 0, now);
            let due = now + retention_ms(stage);
            stage.at_ms(due, Event::ClusterExpires { id: id.to_owned() });
        }
        State::Pending | State::Restarting | State::Resizing => {
            let resized = cluster.state == State::Resizing;
            let is_new = cluster.state == State::Pending;
            cluster.state = State::Running;
            cluster.active_ms = now;
            cluster.message = Cow::Borrowed("");
            cluster.log(now, if resized { "UPSIZE_COMPLETED" } else { "RUNNING" }, json!({}));
            if let Some(idle_ms) = cluster.autotermination_ms() {
                let event = Event::ClusterIdles { id: id.to_owned(), generation };
                stage.at_ms(now + idle_ms, event);
            }
            if is_new && !stage.ws.meters.is_on(id) {
                // Its pool had no room when it began to look, and had some at last.
                stage.ws.meters.set(Metered::Cluster, id, 1, now);
            }
            if !resized {
                libraries::cluster_started(stage, id);
            }
        }
        State::Running | State::Terminated => {}
    }
}

/// A cluster may have been idle for long enough.
pub(crate) fn idle(stage: &mut Stage<'_>, id: &str, generation: u32) {
    let now = stage.now;
    let Some(cluster) = stage.ws.clusters.get_mut(id).filter(|cluster| cluster.generation == generation)
    else {
        return;
    };
    let (State::Running, Some(idle_ms)) = (cluster.state, cluster.autotermination_ms()) else { return };
    let due = if cluster.busy > 0 { now } else { cluster.active_ms } + idle_ms;
    if due <= now {
        terminate(stage, id, "INACTIVITY");
    } else {
        stage.at_ms(due, Event::ClusterIdles { id: id.to_owned(), generation });
    }
}

fn retention_ms(stage: &Stage<'_>) -> i64 {
    seconds_ms(stage.settings.cluster_retention_days * 86_400)
}

/// Forgets a cluster whose time is over.
pub(crate) fn expire(stage: &mut Stage<'_>, id: &str) {
    let (now, kept_ms) = (stage.now, retention_ms(stage));
    let Some(cluster) = stage.ws.clusters.get(id) else { return };
    let (State::Terminated, false, Some(terminated_ms)) =
        (cluster.state, cluster.pinned, cluster.terminated_ms)
    else {
        return;
    };
    let since = cluster.unpinned_ms.map_or(terminated_ms, |unpinned_ms| unpinned_ms.max(terminated_ms));
    if since + kept_ms > now {
        return;
    }
    let of_job = cluster.of_job;
    stage.ws.clusters.remove(id);
    if !of_job {
        stage.ws.clusters.expired.insert(id.to_owned());
        stage.effect(Deed::Deleted, "cluster", id, "terminated for too long without a pin");
    }
}

/// A task begins (`by` +1) or ends (-1) on a cluster.
pub(crate) fn occupy(stage: &mut Stage<'_>, id: &str, by: i32) {
    let now = stage.now;
    if let Some(cluster) = stage.ws.clusters.get_mut(id) {
        cluster.busy = cluster.busy.saturating_add_signed(by);
        cluster.active_ms = now;
    }
}
