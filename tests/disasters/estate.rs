//! A small estate in which production is recognisable: what runs often, what is paused, and what they run on.

use serde_json::{Value, json};
use twinlake_base::Entropy;
use twinlake_tests::Site;

/// Fills a site. The same seed gives the same estate.
pub(super) fn furnish(east: &Site, chance: &Entropy) {
    for number in 0..2 {
        east.write_notebook(&format!("/Shared/etl/n{number}"), &format!("print({})", chance.below(1000)));
    }
    let pool = east.post(
        "/api/2.0/instance-pools/create",
        json!({"instance_pool_name": "pool-0", "min_idle_instances": 1 + chance.below(2), "max_capacity": 10,
               "node_type_id": node_type(chance)}),
    )["instance_pool_id"]
        .clone();
    let definition = json!({"instance_pool_id": {"type": "fixed", "value": pool}}).to_string();
    east.post("/api/2.0/policies/clusters/create", json!({"name": "policy-0", "definition": definition}));
    let warehouse = east.post(
        "/api/2.0/sql/warehouses",
        json!({"name": "warehouse-0", "cluster_size": "Small", "auto_stop_mins": 10 + chance.below(50)}),
    )["id"]
        .clone();
    if chance.below(3) == 0 {
        let spec = json!({"cluster_name": "cluster-0", "spark_version": "15.4.x-scala2.12", "num_workers": 1,
                          "node_type_id": node_type(chance), "autotermination_minutes": 60});
        let cluster = east.post("/api/2.1/clusters/create", spec)["cluster_id"].clone();
        if chance.below(2) == 0 {
            east.post("/api/2.1/clusters/delete", json!({"cluster_id": cluster}));
        }
    }
    for number in 0..3 + chance.below(3) {
        let prefix = if number == 0 { "critical" } else { "job" };
        let mut job = job(&format!("{prefix}-{number}"), chance);
        match number % 3 {
            0 => {
                job["tasks"][0]["new_cluster"] = json!({"spark_version": "15.4.x-scala2.12", "num_workers": 1,
                                                        "instance_pool_id": pool});
            }
            1 => job["tasks"][0]["notebook_task"]["warehouse_id"] = warehouse.clone(),
            _ => {}
        }
        east.create_job(job);
    }
}

/// One of two node types that are one at the other sites.
pub(super) fn node_type(chance: &Entropy) -> &'static str {
    if chance.below(2) == 0 { "i3.xlarge" } else { "i3.2xlarge" }
}

/// A job that may be on a schedule, and may be paused.
pub(super) fn job(name: &str, chance: &Entropy) -> Value {
    let notebook = format!("/Shared/etl/n{}", chance.below(2));
    let mut job = json!({"name": name, "max_concurrent_runs": 1 + chance.below(2),
                         "tasks": [{"task_key": "main", "notebook_task": {"notebook_path": notebook}}]});
    match chance.below(4) {
        0 => {}
        paused => {
            let state = if paused == 1 { "PAUSED" } else { "UNPAUSED" };
            job["schedule"] = json!({"quartz_cron_expression": format!("0 {} * * * ?", chance.below(60)),
                                     "timezone_id": "UTC", "pause_status": state});
        }
    }
    if chance.below(3) == 0 {
        job["queue"] = json!({"enabled": true});
    }
    job
}
