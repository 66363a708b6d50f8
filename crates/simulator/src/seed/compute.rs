//! Policies, pools, clusters and warehouses of the estate.

use serde_json::{Value, json};

use super::people::user_name;
use super::{Gardener, words};
use crate::error::Error;
use crate::services::node_types;
use crate::workspace::Cloud;

/// What jobs can run on.
#[derive(Default)]
pub(super) struct Compute {
    pub(super) policies: Vec<String>,
    pub(super) pools: Vec<String>,
    pub(super) clusters: Vec<String>,
    pub(super) warehouses: Vec<String>,
}

/// A node type of the workspace's cloud.
pub(super) fn node_type(gardener: &Gardener<'_>) -> &'static str {
    let names: Vec<&'static str> =
        node_types::names(gardener.account.world.workspaces[gardener.at].cloud).collect();
    // The last ones have GPUs: seldom.
    let ordinary = names.len() - usize::from(!gardener.percent(2));
    names[gardener.below(ordinary)]
}

pub(super) const SPARK_VERSION: &str = "15.4.x-scala2.12";

fn id(answer: &Value, key: &str) -> String {
    answer.get(key).and_then(Value::as_str).unwrap_or("").to_owned()
}

pub(super) fn seed(gardener: &mut Gardener<'_>, count: usize) -> Result<Compute, Error> {
    let share = |percent: usize| (count * percent / 100).max(1);
    let mut compute = Compute::default();
    for number in 0..share(25) {
        compute.policies.push(policy(gardener, number)?);
    }
    for number in 0..share(20) {
        compute.pools.push(pool(gardener, number)?);
    }
    for number in 0..share(40) {
        let id = cluster(gardener, number, &compute)?;
        compute.clusters.push(id);
    }
    for number in 0..share(15) {
        compute.warehouses.push(warehouse(gardener, number)?);
    }
    Ok(compute)
}

fn team(number: usize) -> &'static str {
    words::TEAMS[number % words::TEAMS.len()]
}

fn policy(gardener: &mut Gardener<'_>, number: usize) -> Result<String, Error> {
    let name = format!("{} policy {number}", team(number));
    let tag = json!({"type": "fixed", "value": team(number)});
    let body = if number % 4 == 3 {
        let overrides = json!({"custom_tags.team": tag, "autotermination_minutes": {"type": "range", "maxValue": 240, "defaultValue": 60}});
        json!({"name": name, "policy_family_id": "power-user", "policy_family_definition_overrides": overrides.to_string()})
    } else {
        let definition = json!({
            "custom_tags.team": tag,
            "spark_conf.spark.databricks.delta.optimizeWrite.enabled": {"type": "unlimited", "defaultValue": "true"},
            "autotermination_minutes": {"type": "range", "minValue": 10, "maxValue": 10000, "defaultValue": 60},
        });
        json!({"name": name, "definition": definition.to_string(), "description": format!("Compute of the {} team", team(number)),
               "max_clusters_per_user": gardener.below(8) + 2})
    };
    let answer = gardener.post("/api/2.0/policies/clusters/create", body)?;
    gardener.done.cluster_policies += 1;
    Ok(id(&answer, "policy_id"))
}

fn pool(gardener: &mut Gardener<'_>, number: usize) -> Result<String, Error> {
    let idle = if number.is_multiple_of(3) { gardener.below(3) + 1 } else { 0 };
    let answer = gardener.post(
        "/api/2.0/instance-pools/create",
        json!({
            "instance_pool_name": format!("{}-pool-{number}", team(number)),
            "node_type_id": node_type(gardener),
            "min_idle_instances": idle,
            "max_capacity": idle + 20 + gardener.below(80),
            "idle_instance_autotermination_minutes": 15 + gardener.below(45),
            "preloaded_spark_versions": [SPARK_VERSION],
            "custom_tags": {"team": team(number), "cost-center": format!("{}", 1000 + number)},
        }),
    )?;
    gardener.done.instance_pools += 1;
    Ok(id(&answer, "instance_pool_id"))
}

fn cluster(gardener: &mut Gardener<'_>, number: usize, compute: &Compute) -> Result<String, Error> {
    let mut body = json!({
        // Two in a row share their name: names of clusters are not unique.
        "cluster_name": format!("{}-{}", team(number / 2), if number % 10 < 2 { "shared".to_owned() } else { format!("cluster-{number}") }),
        "spark_version": SPARK_VERSION,
        "autotermination_minutes": 30 + gardener.below(90),
        "data_security_mode": "USER_ISOLATION",
        "spark_conf": {"spark.sql.shuffle.partitions": format!("{}", 64 << gardener.below(4))},
        "custom_tags": {"owner": user_name(gardener.word(words::PEOPLE))},
    });
    if number.is_multiple_of(3) {
        body["instance_pool_id"] = json!(gardener.pick(&compute.pools));
    } else {
        body["node_type_id"] = json!(node_type(gardener));
        if gardener.account.world.workspaces[gardener.at].cloud == Cloud::Aws && number % 4 == 1 {
            let region = gardener.account.world.workspaces[gardener.at].region.clone();
            body["aws_attributes"] = json!({"zone_id": format!("{region}a"), "first_on_demand": 1, "availability": "SPOT_WITH_FALLBACK"});
        }
    }
    if number.is_multiple_of(2) {
        body["autoscale"] = json!({"min_workers": 1, "max_workers": 2 + gardener.below(10)});
    } else {
        body["num_workers"] = json!(gardener.below(8));
    }
    if number % 5 == 1 {
        body["policy_id"] = json!(gardener.pick(&compute.policies));
    }
    let answer = gardener.post("/api/2.1/clusters/create", body)?;
    let id = id(&answer, "cluster_id");
    if number.is_multiple_of(4) {
        let libraries = json!([{"pypi": {"package": "holidays==0.57"}}, {"maven": {"coordinates": "com.crealytics:spark-excel_2.12:3.5.1_0.20.4"}}]);
        gardener.post("/api/2.0/libraries/install", json!({"cluster_id": id, "libraries": libraries}))?;
    }
    gardener.done.clusters += 1;
    Ok(id)
}

fn warehouse(gardener: &mut Gardener<'_>, number: usize) -> Result<String, Error> {
    let sizes = &["2X-Small", "X-Small", "Small", "Medium", "Large"];
    let answer = gardener.post(
        "/api/2.0/sql/warehouses",
        json!({
            "name": format!("{}-sql-{number}", team(number)),
            "cluster_size": gardener.word(sizes),
            "auto_stop_mins": 10 + gardener.below(50),
            "max_num_clusters": 1 + gardener.below(4),
            "enable_serverless_compute": number.is_multiple_of(2),
            "warehouse_type": "PRO",
            "tags": {"custom_tags": [{"key": "team", "value": team(number)}]},
        }),
    )?;
    gardener.done.warehouses += 1;
    Ok(id(&answer, "id"))
}

/// Most compute of an estate is off: it was used today and will be again.
pub(super) fn put_to_rest(gardener: &mut Gardener<'_>, compute: &Compute) -> Result<(), Error> {
    let most_pinned = compute.clusters.len().div_ceil(2).min(60);
    for (number, id) in compute.clusters.iter().enumerate() {
        if number < most_pinned {
            gardener.post("/api/2.1/clusters/pin", json!({"cluster_id": id}))?;
        }
        if number % 6 != 5 {
            gardener.post("/api/2.1/clusters/delete", json!({"cluster_id": id}))?;
        }
    }
    for id in compute.warehouses.iter().skip(1) {
        gardener.post(&format!("/api/2.0/sql/warehouses/{id}/stop"), json!({}))?;
    }
    Ok(())
}
