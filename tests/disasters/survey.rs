//! What stands at a site, by name: what it is, how it is meant to run, and whether it is awake. Read with nothing of the
//! product.
//!
//! People of these histories never give two things of a kind one name, and never rename: so a name is an identity that
//! judge and product cannot both get wrong in the same way.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use twinlake_tests::Site;

/// A thing, by what an [`Estate`](twinlake_tests::Estate) calls its kind, and by its name.
pub(super) type Thing = (&'static str, String);

/// What the product and the simulation call a kind, and what an estate does.
const KINDS: [(&str, &str); 8] = [
    ("folder", "folder"),
    ("notebook", "notebook"),
    ("workspace_file", "file"),
    ("instance_pool", "pool"),
    ("cluster_policy", "policy"),
    ("cluster", "cluster"),
    ("sql_warehouse", "warehouse"),
    ("job", "job"),
];

/// What an estate calls a kind.
pub(super) fn estate_kind(kind: &str) -> Option<&'static str> {
    KINDS.iter().find(|(name, _)| *name == kind).map(|(_, name)| *name)
}

/// What stands at a site at a moment.
#[derive(Clone, Debug, Default)]
pub(super) struct Survey {
    /// The documents, without ids, and without what only decides whether a thing runs.
    pub(super) documents: BTreeMap<Thing, Value>,
    /// What the site calls them.
    pub(super) ids: BTreeMap<Thing, String>,
    /// What decides whether jobs and pools run.
    pub(super) postures: BTreeMap<Thing, String>,
    /// What is awake.
    pub(super) awake: BTreeSet<Thing>,
    /// What is awake, by what the site calls it.
    pub(super) awake_ids: BTreeSet<(&'static str, String)>,
    /// The same, for people.
    pub(super) awake_lines: Vec<String>,
    /// Names that more than one thing has.
    pub(super) twice: Vec<Thing>,
}

impl Survey {
    /// Looks at a site.
    pub(super) fn of(site: &Site) -> Self {
        let estate = site.estate();
        let mut survey = Self::default();
        let mut names = BTreeMap::new();
        for ((kind, id), document) in &estate.by_id {
            let thing = (*kind, name_of(kind, document));
            names.insert((*kind, id.clone()), thing.clone());
            if is_given(&thing) {
                continue;
            }
            if survey.documents.insert(thing.clone(), document.clone()).is_some() {
                survey.twice.push(thing.clone());
            }
            survey.ids.insert(thing, id.clone());
        }
        survey.awake = estate.awake_ids.iter().filter_map(|id| names.get(id).cloned()).collect();
        (survey.awake_ids, survey.awake_lines) = (estate.awake_ids, estate.awake);
        for job in site.list("/api/2.2/jobs/list?limit=100&expand_tasks=true", "jobs") {
            let settings = &job["settings"];
            let thing = ("job", settings["name"].as_str().unwrap_or_default().to_owned());
            survey.postures.insert(thing, job_posture(settings).to_string());
        }
        for pool in site.list("/api/2.0/instance-pools/list", "instance_pools") {
            let thing = ("pool", pool["instance_pool_name"].as_str().unwrap_or_default().to_owned());
            survey.postures.insert(thing, pool["min_idle_instances"].as_i64().unwrap_or(0).to_string());
        }
        survey
    }

    /// Document and posture together: what nobody may find changed at home.
    pub(super) fn whole(&self, thing: &Thing) -> Option<Value> {
        let document = self.documents.get(thing)?;
        Some(json!([document, self.postures.get(thing)]))
    }
}

fn job_posture(settings: &Value) -> Value {
    json!({
        "runs": settings["max_concurrent_runs"].as_i64().unwrap_or(1),
        "queue": settings["queue"]["enabled"] == true,
        "schedule": settings["schedule"].is_object().then(|| settings["schedule"]["pause_status"] != "PAUSED"),
    })
}

/// What people call something, by its document.
fn name_of(kind: &str, document: &Value) -> String {
    let field = match kind {
        "folder" | "notebook" | "file" => "path",
        "cluster" => "cluster_name",
        _ => "name",
    };
    document[field].as_str().unwrap_or_default().to_owned()
}

/// Folders that every workspace has and nobody may write.
fn is_given((kind, path): &Thing) -> bool {
    *kind == "folder"
        && (["/", "/Users", "/Shared", "/Repos", "/Workspace"].contains(&path.as_str())
            || path.starts_with("/Users/"))
}

/// A document as it is at any site: node types that the config maps are one.
pub(super) fn anywhere(document: &Value) -> Value {
    let text = document.to_string().replace("\"i3.2xlarge\"", "\"i4i.xlarge\"");
    let text = text.replace("\"i3.xlarge\"", "\"i4i.xlarge\"");
    serde_json::from_str(&text).unwrap_or_default()
}

/// Whether one thing is awake now. None: it is not there.
pub(super) fn is_awake(site: &Site, kind: &str, id: &str) -> Option<bool> {
    let read = |target: String| site.try_act(&http::Method::GET, &target, None).ok();
    Some(match kind {
        "job" => {
            let job = read(format!("/api/2.2/jobs/get?job_id={id}"))?;
            let posture = job_posture(&job["settings"]);
            posture["runs"] != 0 || posture["queue"] == true || posture["schedule"] == true
        }
        "instance_pool" => {
            let pool = read(format!("/api/2.0/instance-pools/get?instance_pool_id={id}"))?;
            pool["min_idle_instances"].as_i64().unwrap_or(0) > 0
        }
        "cluster" => {
            let cluster = read(format!("/api/2.1/clusters/get?cluster_id={id}"))?;
            !["TERMINATED", "TERMINATING"].contains(&cluster["state"].as_str().unwrap_or_default())
        }
        "sql_warehouse" => {
            let warehouse = read(format!("/api/2.0/sql/warehouses/{id}"))?;
            !["STOPPED", "STOPPING"].contains(&warehouse["state"].as_str().unwrap_or_default())
        }
        _ => false,
    })
}
