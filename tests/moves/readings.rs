//! What the moves begin with, and how they are read afterwards: independently of the product, where it can be.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use twinlake_controller::{House, Wish, divergences};
use twinlake_model::safety::Rule;
use twinlake_model::{FenceLevel, Tail};
use twinlake_tests::{Deployment, Site};

use crate::stories::house::create_pool;

/// One thing that is compared: a site, or where the group stands.
pub(super) type Reading = Vec<Value>;

/// Two jobs, a pool and a warehouse: as little as has an order, a wave and compute. Nothing of it begins by itself soon.
pub(super) fn furnish_little(site: &Site) {
    let pool = create_pool(site, "pool", json!({ "min_idle_instances": 1, "max_capacity": 4 }));
    let warehouse = json!({ "name": "bi", "cluster_size": "Small", "auto_stop_mins": 0 });
    site.post("/api/2.0/sql/warehouses", warehouse);
    site.create_job(json!({
        "name": "critical-load", "max_concurrent_runs": 2, "queue": { "enabled": true },
        "schedule": { "quartz_cron_expression": "0 0 3 1 1 ?", "timezone_id": "UTC" },
        "tasks": [{ "task_key": "load", "spark_jar_task": { "main_class_name": "a.B" }, "new_cluster": {
            "spark_version": "15.4.x-scala2.12", "num_workers": 1, "instance_pool_id": pool } }],
    }));
    site.create_job(json!({
        "name": "report", "schedule": {
            "quartz_cron_expression": "0 0 4 1 1 ?", "timezone_id": "UTC", "pause_status": "PAUSED" },
        "tasks": [{ "task_key": "a", "spark_jar_task": { "main_class_name": "a.C" }, "new_cluster": {
            "spark_version": "15.4.x-scala2.12", "num_workers": 1, "node_type_id": "i3.2xlarge" } }],
    }));
}

/// What decides whether jobs and pools run, by name: what promotion must restore exactly (P7).
pub(super) fn waking(site: &Site) -> Reading {
    let mut waking: Vec<Value> = site
        .jobs()
        .into_iter()
        .map(|job| {
            json!({
                "name": job["name"], "runs": job["max_concurrent_runs"], "queue": job["queue"]["enabled"],
                "schedule": job.pointer("/schedule/pause_status"),
            })
        })
        .collect();
    let pools = site.list("/api/2.0/instance-pools/list", "instance_pools");
    waking.extend(pools.into_iter().map(|pool| {
        json!({ "name": pool["instance_pool_name"], "idle": pool["min_idle_instances"], "most": pool["max_capacity"] })
    }));
    waking.sort_by_cached_key(Value::to_string);
    waking
}

/// Where everything stands: each site as an independent reader finds it, and the group as state and witness have it.
pub(super) async fn reading(deployment: &Deployment) -> BTreeMap<String, Reading> {
    let mut all = BTreeMap::new();
    for (name, site) in &deployment.sites {
        let estate = site.estate();
        let mut documents = Vec::new();
        for (kind, found) in &estate.kinds {
            documents.extend(found.iter().map(|document| json!([kind, document])));
        }
        all.insert(format!("documents of {name}"), documents);
        // Whether it has come up already is a matter of the moment.
        let awake = estate.awake.iter().map(|line| json!(line.split(" is ").next()));
        all.insert(format!("awake in {name}"), awake.collect());
        all.insert(format!("posture of {name}"), waking(site));
    }
    let house = deployment.open().await;
    let now = house.now().await.unwrap();
    let group = now.groups(Some("retail")).unwrap()[0];
    all.insert("primary".to_owned(), vec![json!(group.primary)]);
    all.insert("epoch".to_owned(), vec![json!(epoch(&house).await)]);
    all.insert("fences".to_owned(), fences(&house).await);
    all
}

/// In which epoch the group is, by what was last known of it.
pub(super) async fn epoch(house: &House) -> u64 {
    let term = house.store().meta("term/retail").await.unwrap().unwrap();
    let term: Value = serde_json::from_str(&term).unwrap();
    term["epoch"].as_u64().unwrap()
}

/// The fences of the group, without their dates.
pub(super) async fn fences(house: &House) -> Reading {
    let fences = house.store().fences(&"retail".into()).await.unwrap();
    let told = |fence: &twinlake_model::Fence| {
        let tail = match &fence.tail {
            Tail::None => "none",
            Tail::Unseen => "unseen",
            Tail::Quarantined { .. } => "quarantined",
            Tail::Acknowledged { .. } => "acknowledged",
        };
        let level = fence.level.map(|level| if level == FenceLevel::L2 { "L2" } else { "another" });
        json!({ "place": fence.place, "level": level, "tail": tail, "epoch": fence.epoch })
    };
    fences.iter().map(told).collect()
}

/// The keys of what a tail holds, with what was done to each.
pub(super) async fn tail(deployment: &Deployment) -> Vec<String> {
    let house = deployment.open().await;
    let mut told = Vec::new();
    for tail in divergences(&house, "retail").await.unwrap() {
        told.extend(tail.divergence.assets.iter().map(|one| format!("{:?} {}", one.how, one.key)));
        told.extend(tail.divergence.runs.iter().map(|run| format!("Ran {}", run.name)));
    }
    told.sort();
    told
}

/// Reads every tail that waits, and lets the reverse direction begin.
pub(super) async fn acknowledge_all(deployment: &Deployment) {
    let house = deployment.open().await;
    for tail in divergences(&house, "retail").await.unwrap() {
        if let Tail::Quarantined { divergence, .. } = tail.tail {
            twinlake_controller::acknowledge(&house, "retail", &divergence.to_string(), "anna")
                .await
                .unwrap();
        }
    }
}

/// To run this, although the group was promoted a moment ago.
pub(super) fn wish(runbook: &str) -> Wish {
    Wish { runbook: runbook.to_owned(), acknowledged: [Rule::Settle].into(), ..Wish::default() }
}

/// The same, to a site.
pub(super) fn wish_to(runbook: &str, to: &str) -> Wish {
    Wish { to: Some(to.to_owned()), ..wish(runbook) }
}
