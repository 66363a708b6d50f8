//! Whether two workspaces hold the same: everything but ids, who made it, whether it runs, and what a region calls
//! otherwise. Pure, and written for the demo alone.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::verbs::demo::reading::Reading;

/// Fields that a workspace gives itself, or that say whether something runs.
const OF_THE_WORKSPACE: &[&str] = &[
    "policy_id",
    "created_at_timestamp",
    "creator_user_name",
    "is_default",
    "instance_pool_id",
    "stats",
    "status",
    "state",
    "default_tags",
    "min_idle_instances",
    "id",
    "num_clusters",
    "num_active_sessions",
    "jdbc_url",
    "odbc_params",
    "creator_name",
    "creator_id",
    "health",
    "pause_status",
    "max_concurrent_runs",
    "queue",
    "format",
    "cluster_id",
    "customer_version_label",
    "run_as_user_name",
];

/// Where ids of other things stand, and in which list their names are.
const REFERENCES: &[(&str, Kind)] = &[
    ("existing_cluster_id", Kind::Cluster),
    ("instance_pool_id", Kind::Pool),
    ("driver_instance_pool_id", Kind::Pool),
    ("policy_id", Kind::Policy),
    ("warehouse_id", Kind::Warehouse),
    ("job_id", Kind::Job),
];

/// The key of the tag that a copy carries.
const TAG: &str = "twinlake_asset";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Policy,
    Pool,
    Cluster,
    Warehouse,
    Job,
}

/// What the standby's region calls otherwise: whole values, and prefixes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Otherwise {
    /// Whole values.
    pub(crate) values: BTreeMap<String, String>,
    /// Beginnings of URLs.
    pub(crate) prefixes: BTreeMap<String, String>,
}

/// The difference between two workspaces, kind by kind.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// Per kind: how many there are, and what differs.
    pub(crate) kinds: Vec<(&'static str, usize, Vec<String>)>,
    /// How many references were followed.
    pub(crate) references: usize,
    /// How many clusters have libraries that were installed on them, which are not carried.
    pub(crate) with_libraries: usize,
}

/// Compares a primary with its standby.
pub(crate) fn compare(primary: &Reading, standby: &Reading, otherwise: &Otherwise) -> Comparison {
    let mut here = Side { reading: primary, otherwise: Some(otherwise), references: 0 };
    let mut there = Side { reading: standby, otherwise: None, references: 0 };
    let mut kinds = vec![
        tree("folders", "DIRECTORY", primary, standby),
        tree("notebooks", "NOTEBOOK", primary, standby),
        tree("files", "FILE", primary, standby),
    ];
    let mut add = |name, ours: Vec<(String, Value)>, theirs: Vec<(String, Value)>| {
        kinds.push((name, ours.len(), differences(ours, theirs)));
    };
    add("cluster policies", here.plain(&primary.policies, "name"), there.plain(&standby.policies, "name"));
    let name = "instance_pool_name";
    add("instance pools", here.plain(&primary.pools, name), there.plain(&standby.pools, name));
    add("clusters", here.clusters(), there.clusters());
    add("SQL warehouses", here.plain(&primary.warehouses, "name"), there.plain(&standby.warehouses, "name"));
    add("jobs", here.jobs(), there.jobs());
    let has_libraries =
        |of_cluster: &&Value| of_cluster["library_statuses"].as_array().is_some_and(|all| !all.is_empty());
    let with_libraries = primary.libraries.values().filter(has_libraries).count();
    Comparison { kinds, references: here.references, with_libraries }
}

fn tree(
    name: &'static str,
    of_type: &str,
    primary: &Reading,
    standby: &Reading,
) -> (&'static str, usize, Vec<String>) {
    let is_one = |object: &Value| object["object_type"] == of_type;
    let ours: Vec<(&String, &Value)> = primary.tree.iter().filter(|(_, object)| is_one(object)).collect();
    let mut differ = Vec::new();
    for (path, object) in &ours {
        match standby.tree.get(*path) {
            None => differ.push(format!("{path} is missing")),
            Some(other) if other["object_type"] != object["object_type"] => {
                differ.push(format!("{path} is something else"))
            }
            Some(other) if other["language"] != object["language"] => {
                differ.push(format!("{path} is in another language"))
            }
            Some(_) if primary.contents.get(*path) != standby.contents.get(*path) => {
                differ.push(format!("{path} has other bytes"))
            }
            Some(_) => {}
        }
    }
    let more =
        standby.tree.iter().filter(|(path, object)| is_one(object) && !primary.tree.contains_key(*path));
    differ.extend(more.map(|(path, _)| format!("{path} should not be there")));
    (name, ours.len(), differ)
}

/// One workspace, seen without what is its own.
struct Side<'r> {
    reading: &'r Reading,
    otherwise: Option<&'r Otherwise>,
    references: usize,
}

impl Side<'_> {
    fn plain(&mut self, items: &BTreeMap<String, Value>, name: &str) -> Vec<(String, Value)> {
        let mut seen = Vec::new();
        for item in items.values() {
            let mut document = item.clone();
            self.clean(&mut document, true);
            seen.push((item[name].as_str().unwrap_or_default().to_owned(), document));
        }
        seen
    }

    /// What was asked for, rather than what runs.
    fn clusters(&mut self) -> Vec<(String, Value)> {
        let mut seen = Vec::new();
        // What a run started for itself goes with the run.
        let lasting = |cluster: &&Value| cluster["cluster_source"] != "JOB";
        for cluster in self.reading.clusters.values().filter(lasting) {
            let mut document = cluster["spec"].clone();
            self.clean(&mut document, false);
            seen.push((cluster["cluster_name"].as_str().unwrap_or_default().to_owned(), document));
        }
        seen
    }

    fn jobs(&mut self) -> Vec<(String, Value)> {
        let mut seen = Vec::new();
        for job in self.reading.jobs.values() {
            let mut document = job["settings"].clone();
            self.clean(&mut document, false);
            seen.push((job["settings"]["name"].as_str().unwrap_or_default().to_owned(), document));
        }
        seen
    }

    /// Takes away what is the workspace's own, and puts names in place of ids.
    fn clean(&mut self, value: &mut Value, is_own: bool) {
        match value {
            Value::Object(fields) => {
                fields.remove(TAG);
                for (field, kind) in REFERENCES {
                    // At the top of its own document the field is the thing's own id.
                    if let Some(id) = fields.get(*field).filter(|_| !is_own).map(id_text) {
                        self.references += 1;
                        fields.insert(format!("{field} leads to"), self.name(*kind, &id).into());
                        fields.remove(*field);
                    }
                }
                fields
                    .retain(|field, value| !OF_THE_WORKSPACE.contains(&field.as_str()) && !is_nothing(value));
                for (field, value) in fields.iter_mut() {
                    if !field.ends_with(" leads to") {
                        self.clean(value, false);
                    }
                }
                fields.retain(|_, value| !is_nothing(value));
            }
            Value::Array(items) => {
                items.retain(|item| item["key"] != TAG);
                items.iter_mut().for_each(|item| self.clean(item, false));
            }
            Value::String(text) => self.translate(text),
            _ => {}
        }
    }

    fn translate(&self, text: &mut String) {
        let Some(otherwise) = self.otherwise else { return };
        if let Some(there) = otherwise.values.get(text) {
            text.clone_from(there);
        }
        for (here, there) in &otherwise.prefixes {
            if let Some(rest) = text.strip_prefix(here.as_str()) {
                *text = format!("{there}{rest}");
                return;
            }
        }
    }

    /// What people call the thing of an id.
    fn name(&self, kind: Kind, id: &str) -> String {
        let Reading { policies, pools, clusters, warehouses, jobs, .. } = self.reading;
        let found = match kind {
            Kind::Policy => policies.get(id).map(|item| &item["name"]),
            Kind::Pool => pools.get(id).map(|item| &item["instance_pool_name"]),
            Kind::Cluster => clusters.get(id).map(|item| &item["cluster_name"]),
            Kind::Warehouse => warehouses.get(id).map(|item| &item["name"]),
            Kind::Job => jobs.get(id).map(|item| &item["settings"]["name"]),
        };
        found.and_then(Value::as_str).map_or_else(|| format!("nothing ({id})"), str::to_owned)
    }
}

fn id_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Two lists must hold the same, each as often; names may repeat.
fn differences(ours: Vec<(String, Value)>, theirs: Vec<(String, Value)>) -> Vec<String> {
    let count = |list: Vec<(String, Value)>| {
        let mut counted: BTreeMap<(String, String), usize> = BTreeMap::new();
        for (name, document) in list {
            *counted.entry((name, document.to_string())).or_default() += 1;
        }
        counted
    };
    let (ours, theirs) = (count(ours), count(theirs));
    let mut differ = Vec::new();
    for (item, number) in &ours {
        if theirs.get(item) != Some(number) {
            let other = theirs.keys().find(|(name, _)| *name == item.0);
            differ.push(match other {
                Some(other) => format!("{}: {}", item.0, first_difference(&item.1, &other.1)),
                None => format!("{} is missing", item.0),
            });
        }
    }
    let more = theirs.keys().filter(|(name, _)| !ours.keys().any(|(known, _)| known == name));
    differ.extend(more.map(|(name, _)| format!("{name} should not be there")));
    differ
}

/// Where two texts part, with a little of both.
fn first_difference(one: &str, other: &str) -> String {
    let at = one.chars().zip(other.chars()).take_while(|(one, other)| one == other).count();
    let around = |text: &str| text.chars().skip(at.saturating_sub(30)).take(70).collect::<String>();
    format!("…{}… here, …{}… there", around(one), around(other))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn reading(pool: &str, node: &str, notebook: &str) -> Reading {
        let job = json!({ "job_id": 7, "settings": { "name": "nightly", "max_concurrent_runs": 1, "tasks": [
            { "task_key": "a", "new_cluster": { "instance_pool_id": pool, "driver_node_type_id": node } } ] } });
        Reading {
            tree: BTreeMap::from([(
                "/a".into(),
                json!({ "path": "/a", "object_type": "NOTEBOOK", "language": "SQL" }),
            )]),
            contents: BTreeMap::from([("/a".into(), notebook.to_owned())]),
            pools: BTreeMap::from([(
                pool.to_owned(),
                json!({ "instance_pool_id": pool, "instance_pool_name": "p" }),
            )]),
            jobs: BTreeMap::from([("7".into(), job)]),
            ..Reading::default()
        }
    }

    fn differing(comparison: &Comparison) -> Vec<&str> {
        comparison.kinds.iter().flat_map(|(_, _, differ)| differ.iter().map(String::as_str)).collect()
    }

    #[test]
    fn ids_and_mapped_values_may_differ_and_nothing_else() {
        let otherwise =
            Otherwise { values: [("i3".to_owned(), "i4".to_owned())].into(), ..Otherwise::default() };
        let east = reading("pool-1", "i3", "x");
        let equal = compare(&east, &reading("pool-9", "i4", "x"), &otherwise);
        assert_eq!((differing(&equal), equal.references), (Vec::new(), 1));
        let edited = compare(&east, &reading("pool-9", "i4", "y"), &otherwise);
        assert_eq!(differing(&edited), ["/a has other bytes"]);
        let unmapped = compare(&east, &reading("pool-9", "i3", "x"), &otherwise);
        assert_eq!(differing(&unmapped).len(), 1);
    }

    #[test]
    fn a_reference_that_leads_nowhere_is_a_difference() {
        let mut west = reading("pool-9", "m5", "x");
        west.pools.clear();
        let broken = compare(&reading("pool-1", "m5", "x"), &west, &Otherwise::default());
        assert!(differing(&broken).iter().any(|line| line.contains("nothing (pool-9)")), "{broken:?}");
    }
}
