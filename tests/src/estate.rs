//! What a workspace holds, free of ids and of what only decides whether it runs: what must be equal on both sides.
//!
//! Read with nothing of the product. Every id inside a document is replaced by the name of what it points to, so that
//! two estates are equal only if references lead to the right things. Names may repeat, so the documents of a kind are
//! a list in which each counts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;

use serde_json::{Value, json};
use twinlake_assets::TAG_KEY;
use twinlake_model::Digest;

use crate::Site;
use crate::site::escape;

/// Fields that the service alone writes, of any kind.
const SERVICE_OWNED: &[&str] = &[
    "created_at_timestamp",
    "creator_user_name",
    "is_default",
    "state",
    "stats",
    "status",
    "default_tags",
    "num_clusters",
    "num_active_sessions",
    "health",
    "jdbc_url",
    "odbc_params",
    "creator_name",
    "creator_id",
    "run_as_user_name",
];

/// What a workspace holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estate {
    /// The documents of each kind, in order of their text.
    pub kinds: BTreeMap<&'static str, Vec<Value>>,
    /// The same documents by kind and by what this workspace calls them: an id, or a path.
    pub by_id: BTreeMap<(&'static str, String), Value>,
    /// What runs, would start by itself, or costs something while it waits. One line for each, for people.
    pub awake: Vec<String>,
    /// The same, by kind and id.
    pub awake_ids: BTreeSet<(&'static str, String)>,
}

impl Estate {
    /// Reads a workspace.
    #[must_use]
    pub(crate) fn of(site: &Site) -> Self {
        Reading::of(site, &|_, _| None).estate
    }

    /// Reads a workspace in which ids are called what `name` says, by kind and id, instead of by the names of things.
    #[must_use]
    pub(crate) fn named(site: &Site, name: &dyn Fn(&str, &str) -> Option<String>) -> Self {
        Reading::of(site, name).estate
    }

    /// How many documents there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kinds.values().map(Vec::len).sum()
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same estate without the documents for which `drop` says so: what a test knows to be on one side only.
    #[must_use]
    pub fn without(mut self, drop: impl Fn(&str, &Value) -> bool) -> Self {
        for (kind, documents) in &mut self.kinds {
            documents.retain(|document| !drop(kind, document));
        }
        self
    }

    /// Every document that one side has and the other has not, as lines for people. None if they are equal.
    #[must_use]
    pub fn differences(&self, other: &Self, names: (&str, &str)) -> Vec<String> {
        let mut lines = Vec::new();
        let kinds: std::collections::BTreeSet<&str> =
            self.kinds.keys().chain(other.kinds.keys()).copied().collect();
        for kind in kinds {
            let mut surplus = other.kinds.get(kind).cloned().unwrap_or_default();
            for document in self.kinds.get(kind).into_iter().flatten() {
                match surplus.iter().position(|candidate| candidate == document) {
                    Some(at) => drop(surplus.remove(at)),
                    None => lines.push(format!("only at {}: {kind} {document}", names.0)),
                }
            }
            lines.extend(surplus.iter().map(|document| format!("only at {}: {kind} {document}", names.1)));
        }
        lines
    }

    /// Fails the test with every difference, if there is one.
    ///
    /// # Panics
    /// When the estates differ.
    pub fn assert_equals(&self, other: &Self, names: (&str, &str)) {
        let differences = self.differences(other, names);
        let mut text = String::new();
        for line in differences.iter().take(40) {
            let _ = writeln!(text, "  {line}");
        }
        assert!(differences.is_empty(), "{} differences:\n{text}", differences.len());
    }

    /// Fails the test if anything is awake.
    ///
    /// # Panics
    /// When something is.
    pub fn assert_asleep(&self) {
        assert!(self.awake.is_empty(), "awake:\n  {}", self.awake.join("\n  "));
    }
}

/// An estate in the making, and what each id is called.
struct Reading<'a> {
    site: &'a Site,
    name: &'a dyn Fn(&str, &str) -> Option<String>,
    names: HashMap<String, String>,
    estate: Estate,
}

impl<'a> Reading<'a> {
    fn of(site: &'a Site, name: &'a dyn Fn(&str, &str) -> Option<String>) -> Self {
        let mut reading = Self { site, name, names: HashMap::new(), estate: Estate::default() };
        let pools = site.list("/api/2.0/instance-pools/list", "instance_pools");
        let policies = site.list("/api/2.0/policies/clusters/list", "policies");
        let clusters: Vec<Value> = site
            .list("/api/2.1/clusters/list?page_size=100", "clusters")
            .into_iter()
            .filter(|row| row["cluster_source"] != "JOB")
            .collect();
        let warehouses = site.list("/api/2.0/sql/warehouses", "warehouses");
        let jobs = site.jobs();
        reading.learn("pool", &pools, "instance_pool_id", "instance_pool_name");
        reading.learn("policy", &policies, "policy_id", "name");
        reading.learn("cluster", &clusters, "cluster_id", "cluster_name");
        reading.learn("warehouse", &warehouses, "id", "name");
        reading.learn("job", &jobs, "job_id", "name");
        reading.tree("/");
        pools.into_iter().for_each(|pool| reading.pool(pool));
        policies.into_iter().for_each(|policy| reading.policy(policy));
        clusters.into_iter().for_each(|cluster| reading.cluster(&cluster));
        warehouses.into_iter().for_each(|warehouse| reading.warehouse(warehouse));
        jobs.into_iter().for_each(|job| reading.job(job));
        for documents in reading.estate.kinds.values_mut() {
            documents.sort_by_cached_key(Value::to_string);
        }
        reading.estate.awake.sort();
        reading
    }

    fn learn(&mut self, kind: &str, rows: &[Value], id: &str, name: &str) {
        for row in rows {
            let id = text(&row[id]);
            let by_name = || format!("@{kind} {}", row[name].as_str().unwrap_or_default());
            let called = (self.name)(kind, &id).unwrap_or_else(by_name);
            self.names.insert(id, called);
        }
    }

    fn keep(&mut self, kind: &'static str, id: &Value, mut document: Value) {
        self.purify(&mut document);
        self.estate.by_id.insert((kind, text(id)), document.clone());
        self.estate.kinds.entry(kind).or_default().push(document);
    }

    fn awake(&mut self, is_awake: bool, (kind, id): (&'static str, &Value), what: impl FnOnce() -> String) {
        if is_awake {
            self.estate.awake_ids.insert((kind, text(id)));
            self.estate.awake.push(what());
        }
    }

    /// Names for ids, nothing for what the service owns, nothing for the identity tag.
    fn purify(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.remove(TAG_KEY);
                fields.retain(|field, value| !SERVICE_OWNED.contains(&field.as_str()) && !value.is_null());
                fields.values_mut().for_each(|value| self.purify(value));
                fields.retain(|field, value| !(field.ends_with("tags") && is_empty(value)));
            }
            Value::Array(items) => {
                items.retain(|item| item["key"] != TAG_KEY);
                items.iter_mut().for_each(|item| self.purify(item));
            }
            Value::String(text) => {
                if let Some(name) = self.names.get(text.as_str()) {
                    text.clone_from(name);
                }
            }
            Value::Number(number) => {
                if let Some(name) = self.names.get(&number.to_string()) {
                    *value = json!(name);
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn tree(&mut self, folder: &str) {
        let listed = self.site.get(&format!("/api/2.0/workspace/list?path={}", escape(folder)));
        for object in listed["objects"].as_array().into_iter().flatten() {
            let path = object["path"].as_str().unwrap_or_default();
            match object["object_type"].as_str().unwrap_or_default() {
                "DIRECTORY" => {
                    self.keep("folder", &object["path"], json!({"path": path}));
                    self.tree(path);
                }
                "NOTEBOOK" => {
                    let digest = Digest::of(&self.site.export(path, "SOURCE")).short();
                    let language = &object["language"];
                    self.keep(
                        "notebook",
                        &object["path"],
                        json!({"path": path, "language": language, "content": digest}),
                    );
                }
                kind => {
                    let digest = Digest::of(&self.site.export(path, "AUTO")).short();
                    self.keep(
                        "file",
                        &object["path"],
                        json!({"path": path, "type": kind, "content": digest}),
                    );
                }
            }
        }
    }

    fn pool(&mut self, mut pool: Value) {
        let name = take(&mut pool, "instance_pool_name");
        let idle = take(&mut pool, "min_idle_instances").as_i64().unwrap_or(0);
        let id = take(&mut pool, "instance_pool_id");
        self.awake(idle > 0, ("pool", &id), || format!("pool {name} keeps {idle} idle instances"));
        pool["name"] = name;
        self.keep("pool", &id, pool);
    }

    fn policy(&mut self, mut policy: Value) {
        let id = take(&mut policy, "policy_id");
        for text in ["definition", "policy_family_definition_overrides"] {
            if let Some(definition) =
                policy[text].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok())
            {
                policy[text] = definition;
            }
        }
        self.keep("policy", &id, policy);
    }

    fn cluster(&mut self, row: &Value) {
        let id = row["cluster_id"].as_str().unwrap_or_default();
        let whole = self.site.get(&format!("/api/2.1/clusters/get?cluster_id={id}"));
        let state = whole["state"].as_str().unwrap_or_default();
        let name = &whole["cluster_name"];
        let is_awake = !["TERMINATED", "TERMINATING"].contains(&state);
        self.awake(is_awake, ("cluster", &row["cluster_id"]), || format!("cluster {name} is {state}"));
        self.keep("cluster", &row["cluster_id"], whole["spec"].clone());
    }

    fn warehouse(&mut self, mut warehouse: Value) {
        let state = warehouse["state"].as_str().unwrap_or_default().to_owned();
        let name = warehouse["name"].clone();
        let id = take(&mut warehouse, "id");
        let is_awake = !["STOPPED", "STOPPING"].contains(&state.as_str());
        self.awake(is_awake, ("warehouse", &id), || format!("warehouse {name} is {state}"));
        self.keep("warehouse", &id, warehouse);
    }

    fn job(&mut self, mut job: Value) {
        let name = job["name"].clone();
        let id = take(&mut job, "job_id");
        let concurrency = take(&mut job, "max_concurrent_runs").as_i64().unwrap_or(1);
        self.awake(concurrency != 0, ("job", &id), || format!("job {name} can have {concurrency} runs"));
        let queues = take(&mut job, "queue")["enabled"] == true;
        self.awake(queues, ("job", &id), || format!("job {name} queues runs"));
        for trigger in ["schedule", "trigger", "continuous"] {
            if job[trigger].is_object() {
                let paused = take(&mut job[trigger], "pause_status") == "PAUSED";
                self.awake(!paused, ("job", &id), || format!("job {name} starts by {trigger}"));
            }
        }
        for trigger in job["triggers"].as_array_mut().into_iter().flatten() {
            let paused = take(trigger, "pause_status") == "PAUSED";
            self.awake(!paused, ("job", &id), || format!("job {name} starts by one of its triggers"));
        }
        // These are told apart by their keys; their order says nothing, and the service does not keep it.
        for (array, key) in
            [("tasks", "task_key"), ("job_clusters", "job_cluster_key"), ("environments", "environment_key")]
        {
            if let Some(items) = job[array].as_array_mut() {
                items.sort_by_cached_key(|item| item[key].to_string());
            }
        }
        self.keep("job", &id, job);
    }
}

/// An id as text, whether it is a string or a number.
fn text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// Takes a field out of an object; null if it is not there.
fn take(object: &mut Value, field: &str) -> Value {
    object.as_object_mut().and_then(|fields| fields.remove(field)).unwrap_or_default()
}

fn is_empty(value: &Value) -> bool {
    value.as_object().is_some_and(serde_json::Map::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}
