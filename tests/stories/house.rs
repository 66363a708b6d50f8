//! What several stories begin with, and how they end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};
use twinlake_model::{Outcome, Verdict};
use twinlake_sync::Report;
use twinlake_tests::{Fleet, Site};

/// An empty fleet whose seed is shown where the test fails.
pub(crate) async fn fleet(seed: u64) -> Fleet {
    println!("seed {seed}");
    Fleet::new(seed).await
}

/// What [`furnish`] put into a workspace, by id.
pub(crate) struct Furniture {
    pub(crate) pool: Value,
    pub(crate) policy: Value,
    pub(crate) cluster: Value,
    pub(crate) warehouse: Value,
    /// Three jobs of one name.
    pub(crate) jobs: Vec<i64>,
}

/// A small estate in which everything refers to something.
pub(crate) fn furnish(site: &Site) -> Furniture {
    site.write_notebook("/Shared/etl/load", "print('load')");
    site.write_notebook("/Shared/etl/deep/er/transform", "print('transform')");
    site.write_file("/Shared/lib/helper.py", b"def help(): ...\n");
    let pool = create_pool(site, "shared-pool", json!({"min_idle_instances": 2, "max_capacity": 10}));
    let definition = json!({"instance_pool_id": {"type": "fixed", "value": pool}}).to_string();
    let policy = create_policy(site, "pooled", &definition);
    let cluster = create_cluster(site, "adhoc", json!({"policy_id": policy, "instance_pool_id": pool}));
    let warehouse = create_warehouse(site, "bi");
    let job = |number: usize| {
        site.create_job(json!({
            "name": "nightly",
            "max_concurrent_runs": 2,
            "queue": {"enabled": true},
            "schedule": {"quartz_cron_expression": "0 0 3 * * ?", "timezone_id": "UTC"},
            "tasks": [
                {"task_key": "load", "notebook_task": {"notebook_path": "/Shared/etl/load"},
                 "existing_cluster_id": cluster, "max_retries": number},
                {"task_key": "report", "depends_on": [{"task_key": "load"}],
                 "sql_task": {"warehouse_id": warehouse, "file": {"path": "/Shared/lib/helper.py"}}},
            ],
        }))
    };
    let jobs = (0..3).map(job).collect();
    Furniture { pool, policy, cluster, warehouse, jobs }
}

/// Takes over every field of `more`.
fn with(mut document: Value, more: Value) -> Value {
    let (Value::Object(fields), Value::Object(more)) = (&mut document, more) else { return document };
    fields.extend(more);
    document
}

/// A pool of i3.xlarge. Returns its id.
pub(crate) fn create_pool(site: &Site, name: &str, more: Value) -> Value {
    let pool = json!({"instance_pool_name": name, "node_type_id": "i3.xlarge"});
    site.post("/api/2.0/instance-pools/create", with(pool, more))["instance_pool_id"].clone()
}

/// A policy. Returns its id.
pub(crate) fn create_policy(site: &Site, name: &str, definition: &str) -> Value {
    let policy = json!({"name": name, "definition": definition});
    site.post("/api/2.0/policies/clusters/create", policy)["policy_id"].clone()
}

/// A cluster with one worker, of i3.xlarge unless it is on a pool. Returns its id.
pub(crate) fn create_cluster(site: &Site, name: &str, more: Value) -> Value {
    let mut cluster = json!({"cluster_name": name, "spark_version": "15.4.x-scala2.12", "num_workers": 1});
    if more.get("instance_pool_id").is_none() {
        cluster["node_type_id"] = json!("i3.xlarge");
    }
    site.post("/api/2.1/clusters/create", with(cluster, more))["cluster_id"].clone()
}

/// A small warehouse. Returns its id.
pub(crate) fn create_warehouse(site: &Site, name: &str) -> Value {
    site.post("/api/2.0/sql/warehouses", json!({"name": name, "cluster_size": "Small"}))["id"].clone()
}

/// The settings of a job with one task that runs another one.
pub(crate) fn job_that_runs(name: &str, other: &Value) -> Value {
    json!({"name": name, "tasks": [{"task_key": "run", "run_job_task": {"job_id": other}}]})
}

/// The settings of a job with one notebook task.
pub(crate) fn job_with_notebook(name: &str, path: &str) -> Value {
    json!({"name": name, "tasks": [{"task_key": "main", "notebook_task": {"notebook_path": path}}]})
}

/// Gives a job other settings, all of them.
pub(crate) fn reset_job(site: &Site, id: i64, settings: Value) {
    site.post("/api/2.2/jobs/reset", json!({"job_id": id, "new_settings": settings}));
}

/// Deletes a job.
pub(crate) fn delete_job(site: &Site, id: i64) {
    site.post("/api/2.2/jobs/delete", json!({"job_id": id}));
}

/// Deletes an object of the workspace tree.
pub(crate) fn delete_path(site: &Site, path: &str) {
    site.post("/api/2.0/workspace/delete", json!({"path": path, "recursive": true}));
}

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// The outcome of the only asset of this kind and key.
pub(crate) fn outcome<'r>(report: &'r Report, kind: &str, key: &str) -> &'r Outcome {
    let found: Vec<&Outcome> = report
        .outcomes
        .iter()
        .filter(|outcome| outcome.asset.kind.as_str() == kind && outcome.key.as_str() == key)
        .collect();
    assert_eq!(found.len(), 1, "{kind} {key:?} in {:#?}", report.outcomes);
    found[0]
}

/// The verdict on the only asset of this kind and key, as people read it.
pub(crate) fn verdict(report: &Report, kind: &str, key: &str) -> String {
    outcome(report, kind, key).verdict.to_string()
}

/// Every verdict that is not `in-sync`, nor about something that is not ours.
pub(crate) fn notable(report: &Report) -> Vec<String> {
    let is_notable =
        |outcome: &&Outcome| !matches!(outcome.verdict, Verdict::InSync | Verdict::Unmanaged { note: None });
    let told = |outcome: &Outcome| format!("{} {}: {}", outcome.asset.kind, outcome.key, outcome.verdict);
    report.outcomes.iter().filter(is_notable).map(told).collect()
}

/// Nothing has two verdicts.
pub(crate) fn assert_everything_is_told_once(report: &Report) {
    let mut seen = BTreeSet::new();
    for outcome in &report.outcomes {
        assert!(seen.insert(&outcome.asset), "two verdicts on {}: {:#?}", outcome.asset, notable(report));
    }
}

/// P1: whatever exists at the source has one verdict, and nothing has two.
pub(crate) fn assert_everything_is_told(report: &Report, source: &Site) {
    assert_everything_is_told_once(report);
    let mut told: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for outcome in report.outcomes.iter().filter(|outcome| outcome.asset.origin == source.place) {
        told.entry(outcome.asset.kind.as_str()).or_default().insert(outcome.asset.minted.as_str());
    }
    for (kind, id) in source.estate().by_id.keys() {
        let kind = match *kind {
            "pool" => "instance_pool",
            "policy" => "cluster_policy",
            "warehouse" => "sql_warehouse",
            "file" => "workspace_file",
            kind => kind,
        };
        let is_given = kind == "folder" && ["/Users", "/Shared", "/Repos"].contains(&id.as_str());
        let is_told = told.get(kind).is_some_and(|ids| ids.contains(id.as_str()));
        assert!(is_told || is_given, "no verdict on {kind} {id}: {:#?}", report.outcomes);
    }
}

/// The standby equals the primary and sleeps, and another cycle has nothing to do and nothing to say.
pub(crate) async fn assert_in_step(fleet: &Fleet) {
    fleet.east().estate().assert_equals(&fleet.west().estate(), ("east", "west"));
    assert_quiet(fleet).await;
    fleet.west().estate().assert_asleep();
}

/// Another cycle writes nothing and ends complete.
pub(crate) async fn assert_quiet(fleet: &Fleet) {
    let before = fleet.effect_count();
    let report = fleet.sync().await;
    assert_eq!((report.changes, report.writes), (0, 0), "not quiet: {:#?}", notable(&report));
    assert!(fleet.west().effects_after(before).is_empty());
    assert!(report.is_complete(|_| false), "not complete: {:#?}", notable(&report));
    assert_everything_is_told(&report, fleet.east());
}

/// What the product, or anybody else through the API, deleted at a site since effect number `after`.
pub(crate) fn deletions(site: &Site, after: u64) -> Vec<String> {
    use twinlake_simulator::Deed;
    let deleted = site.effects_after(after).into_iter().filter(|effect| effect.deed == Deed::Deleted);
    deleted.map(|effect| format!("{} {} by {}", effect.kind, effect.id, effect.actor)).collect()
}
