//! A small estate in which everything refers to something: every kind, every trap.

use serde_json::{Value, json};
use twinlake_base::Entropy;
use twinlake_tests::{Fleet, Site};

/// Fills east. The same seed gives the same estate; another one differs in sizes, values and order.
///
/// Among it: names that repeat, a policy that fixes a pool, JSON inside strings, two jobs that run each other, one that
/// runs itself, a job of more than a hundred tasks, jobs that start by everything that starts a job, references to what
/// is not kept, a reference to what does not exist.
pub(super) fn furnish(fleet: &Fleet, seed: u64) {
    let chance = Entropy::seeded(seed ^ 0xe57a7e);
    let east = fleet.east();
    tree(east, &chance);
    let pools: Vec<Value> = (0..3)
        .map(|number| {
            let body = json!({"instance_pool_name": format!("pool-{number}"), "node_type_id": "i3.xlarge",
                              "min_idle_instances": number, "max_capacity": 10 + chance.below(20)});
            east.post("/api/2.0/instance-pools/create", body)["instance_pool_id"].clone()
        })
        .collect();
    let policies: Vec<Value> = (0..4).map(|number| policy(east, number, &pools)).collect();
    let clusters: Vec<Value> =
        (0..7).map(|number| cluster(east, &chance, number, &pools, &policies)).collect();
    let warehouses: Vec<Value> = (0..3).map(|number| warehouse(east, &chance, number)).collect();
    jobs(east, &chance, &Compute { pools, clusters, warehouses });
}

struct Compute {
    pools: Vec<Value>,
    clusters: Vec<Value>,
    warehouses: Vec<Value>,
}

fn tree(east: &Site, chance: &Entropy) {
    for number in 0..12 {
        let folder = ["/Shared/etl", "/Shared/etl/deep/er", "/Shared/bi", "/Users/admin@acme.example/mine"]
            [number % 4];
        east.write_notebook(
            &format!("{folder}/notebook-{number}"),
            &format!("print({})", chance.below(1_000_000)),
        );
        if number % 2 == 0 {
            east.write_file(
                &format!("{folder}/file-{number}.sql"),
                format!("SELECT {number}, {}", chance.number()).as_bytes(),
            );
        }
    }
    east.write_file("/Shared/etl/empty.txt", b"");
    east.write_file("/Shared/etl/looks-like-one.py", b"# Databricks notebook source\nprint('a file')");
    east.post("/api/2.0/workspace/mkdirs", json!({"path": "/Shared/nothing/in/here"}));
}

fn policy(east: &Site, number: usize, pools: &[Value]) -> Value {
    let body = match number {
        0 => json!({"name": "of a family", "policy_family_id": "power-user",
                    "policy_family_definition_overrides": json!({"autotermination_minutes": {"type": "fixed", "value": 30}}).to_string()}),
        number => {
            let pool = &pools[number % pools.len()];
            let definition = json!({"instance_pool_id": {"type": "fixed", "value": pool},
                                    "driver_instance_pool_id": {"type": "allowlist", "values": [pool]}});
            json!({"name": format!("policy {number}"), "definition": definition.to_string()})
        }
    };
    east.post("/api/2.0/policies/clusters/create", body)["policy_id"].clone()
}

fn cluster(east: &Site, chance: &Entropy, number: usize, pools: &[Value], policies: &[Value]) -> Value {
    let mut body = json!({"cluster_name": format!("cluster-{}", number % 4), "spark_version": "15.4.x-scala2.12",
                          "num_workers": chance.below(5), "autotermination_minutes": 60,
                          "custom_tags": {"owner": "somebody"}});
    match number {
        0..=2 => body["instance_pool_id"] = pools[number % pools.len()].clone(),
        _ => body["node_type_id"] = json!("i3.xlarge"),
    }
    if number == 1 {
        body["policy_id"] = policies[1].clone();
        body["instance_pool_id"] = pools[1].clone();
        body["driver_instance_pool_id"] = pools[1].clone();
    }
    if number == 5 {
        body["init_scripts"] = json!([{"workspace": {"destination": "/Shared/etl/file-0.sql"}}]);
    }
    let id = east.post("/api/2.1/clusters/create", body)["cluster_id"].clone();
    if number.is_multiple_of(3) {
        east.post("/api/2.1/clusters/pin", json!({"cluster_id": id}));
    }
    if number.is_multiple_of(2) {
        east.post("/api/2.1/clusters/delete", json!({"cluster_id": id}));
    }
    id
}

fn warehouse(east: &Site, chance: &Entropy, number: usize) -> Value {
    let body = json!({"name": format!("warehouse {number}"), "cluster_size": "Small",
                      "auto_stop_mins": 10 + chance.below(50),
                      "tags": {"custom_tags": [{"key": "team", "value": "bi"}]}});
    let id = east.post("/api/2.0/sql/warehouses", body)["id"].clone();
    if number == 1 {
        east.post(&format!("/api/2.0/sql/warehouses/{}/stop", id.as_str().unwrap()), json!({}));
    }
    id
}

/// A task that runs a notebook.
fn notebook_task(key: &str, number: u64) -> Value {
    let folder = ["/Shared/etl", "/Shared/etl/deep/er", "/Shared/bi", "/Users/admin@acme.example/mine"]
        [usize::try_from(number % 4).unwrap()];
    json!({"task_key": key, "notebook_task": {"notebook_path": format!("{folder}/notebook-{}", number % 12)}})
}

fn jobs(east: &Site, chance: &Entropy, compute: &Compute) {
    let schedule = |paused: bool| {
        let state = if paused { "PAUSED" } else { "UNPAUSED" };
        json!({"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC", "pause_status": state})
    };
    let mut ids = Vec::new();
    for number in 0..14u64 {
        let at = usize::try_from(number).unwrap();
        let mut task = notebook_task("main", chance.below(12));
        match number % 4 {
            0 => task["existing_cluster_id"] = compute.clusters[at % 7].clone(),
            1 => {
                task["new_cluster"] = json!({"spark_version": "15.4.x-scala2.12", "num_workers": 1,
                                             "instance_pool_id": compute.pools[at % 3]});
            }
            2 => task["notebook_task"]["warehouse_id"] = compute.warehouses[at % 3].clone(),
            _ => {}
        }
        let mut settings = json!({"name": format!("job-{}", number % 5), "tasks": [task],
                                  "max_concurrent_runs": 1 + chance.below(3),
                                  "queue": {"enabled": number % 3 == 0}});
        match number {
            0..=3 => settings["schedule"] = schedule(number == 3),
            4 => settings["continuous"] = json!({"pause_status": "UNPAUSED"}),
            5 => {
                settings["trigger"] =
                    json!({"file_arrival": {"url": "s3://acme/in/"}, "pause_status": "UNPAUSED"})
            }
            6 => {
                settings["triggers"] = json!([
                    {"schedule": {"quartz_cron_expression": "0 0 5 * * ?", "timezone_id": "UTC"}, "pause_status": "UNPAUSED"},
                    {"periodic": {"interval": 1, "unit": "DAYS"}, "pause_status": "PAUSED"},
                ]);
            }
            7 => settings["tasks"][0] = json!({"task_key": "call", "run_job_task": {"job_id": ids[3]}}),
            8 => {
                settings["tasks"] =
                    (0..110).map(|number| notebook_task(&format!("step_{number:03}"), number)).collect();
            }
            9 => {
                settings["tasks"][0] = json!({"task_key": "sql", "sql_task": {
                    "warehouse_id": compute.warehouses[0], "file": {"path": "/Shared/bi/file-2.sql"}}});
                settings["tags"] = json!({"team": "bi"});
            }
            _ => {}
        }
        if number == 4 {
            settings["max_concurrent_runs"] = json!(1);
        }
        ids.push(east.create_job(settings));
    }
    let call = |job: i64| json!([{"task_key": "call", "run_job_task": {"job_id": job}}]);
    let update = |job: i64, tasks: Value| {
        east.post("/api/2.2/jobs/update", json!({"job_id": job, "new_settings": {"tasks": tasks}}));
    };
    // Two that run each other, one that runs itself, and one that runs one of the two.
    update(ids[10], call(ids[11]));
    update(ids[11], call(ids[10]));
    update(ids[12], call(ids[12]));
    update(ids[13], call(ids[10]));
    // To what is not kept, to what is not there, and to a job that refers to what is not kept.
    let unmapped = east.create_job(json!({"name": "unmapped", "tasks": [
        {"task_key": "p", "pipeline_task": {"pipeline_id": "0a1b2c3d-0000-4000-8000-000000000001"}}]}));
    east.create_job(json!({"name": "calls the unmapped", "tasks": call(unmapped)}));
    east.create_job(json!({"name": "dangling", "tasks": [
        {"task_key": "n", "notebook_task": {"notebook_path": "/Shared/not/there"}}]}));
}
