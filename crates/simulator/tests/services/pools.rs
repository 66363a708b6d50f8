//! Instance pools.

use serde_json::{Value, json};
use twinlake_base::Timestamp;

use crate::lab::{EAST, Lab, refused};

const CREATE: &str = "/api/2.0/instance-pools/create";
const EDIT: &str = "/api/2.0/instance-pools/edit";

async fn pool(lab: &Lab, name: &str, idle: u32) -> String {
    let body = json!({"instance_pool_name": name, "node_type_id": "i3.xlarge", "min_idle_instances": idle,
                      "aws_attributes": {"zone_id": "us-east-1a"}});
    lab.write(CREATE, body).await["instance_pool_id"].as_str().unwrap().to_owned()
}

async fn get(lab: &Lab, id: &str) -> Value {
    lab.read(&format!("/api/2.0/instance-pools/get?instance_pool_id={id}")).await
}

#[tokio::test(start_paused = true)]
async fn an_edit_takes_a_few_fields_and_leaves_the_others() {
    let lab = Lab::new();
    let id = pool(&lab, "p", 0).await;
    let edit = json!({"instance_pool_id": id, "instance_pool_name": "q", "node_type_id": "i3.xlarge", "max_capacity": 7});
    lab.write(EDIT, edit.clone()).await;
    let shown = get(&lab, &id).await;
    assert_eq!((&shown["instance_pool_name"], &shown["max_capacity"]), (&json!("q"), &json!(7)));
    assert_eq!(shown["aws_attributes"]["zone_id"], "us-east-1a");
    assert_eq!(shown["state"], "ACTIVE");
    for (key, value) in
        [("node_type_id", json!("m5.large")), ("aws_attributes", json!({"zone_id": "us-east-1b"}))]
    {
        let mut wrong = edit.clone();
        wrong[key] = value;
        assert_eq!(refused(lab.post(EDIT, wrong).await).1, "INVALID_PARAMETER_VALUE", "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn names_are_unique_and_ids_are_not_shared_between_workspaces() {
    let lab = Lab::new();
    let id = pool(&lab, "p", 0).await;
    let body = json!({"instance_pool_name": "p", "node_type_id": "i3.xlarge"});
    assert_eq!(refused(lab.post(CREATE, body.clone()).await).1, "RESOURCE_ALREADY_EXISTS");
    let (_, west) = lab.answer(crate::lab::WEST, http::Method::POST, CREATE, Some(body)).await;
    assert_ne!(west["instance_pool_id"], id);
}

#[tokio::test(start_paused = true)]
async fn idle_instances_are_on_the_bill_until_there_are_none() {
    let lab = Lab::new();
    let from = lab.simulator.now();
    let id = pool(&lab, "p", 2).await;
    lab.seconds(100);
    let body = json!({"instance_pool_id": id, "instance_pool_name": "p", "node_type_id": "i3.xlarge", "min_idle_instances": 0});
    lab.write(EDIT, body).await;
    lab.days(30);
    let activity = lab.simulator.activity(EAST, from, Timestamp::MAX).unwrap();
    assert_eq!(activity.pool_seconds, 200.0);
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_full_lets_no_cluster_start() {
    let lab = Lab::new();
    let id = pool(&lab, "p", 0).await;
    let edit = |most: u32| json!({"instance_pool_id": id, "instance_pool_name": "p", "node_type_id": "i3.xlarge", "max_capacity": most});
    lab.write(EDIT, edit(0)).await;
    let body = json!({"spark_version": crate::lab::SPARK, "instance_pool_id": id, "num_workers": 2});
    let cluster =
        lab.write("/api/2.1/clusters/create", body).await["cluster_id"].as_str().unwrap().to_owned();
    lab.seconds(300);
    let shown = lab.read(&format!("/api/2.1/clusters/get?cluster_id={cluster}")).await;
    assert_eq!(shown["state"], "TERMINATED");
    assert_eq!(shown["termination_reason"]["code"], "INSTANCE_POOL_MAX_CAPACITY_REACHED");
    lab.write(EDIT, edit(3)).await;
    lab.write("/api/2.1/clusters/start", json!({"cluster_id": cluster})).await;
    lab.seconds(300);
    assert_eq!(lab.cluster_state(&cluster).await, "RUNNING");
    assert_eq!(get(&lab, &id).await["stats"]["used_count"], 3);
}

#[tokio::test(start_paused = true)]
async fn a_pool_without_room_stops_what_is_new_and_leaves_what_runs() {
    let lab = Lab::new();
    let (workers, driver) = (pool(&lab, "workers", 0).await, pool(&lab, "driver", 0).await);
    let edit = |id: &str, name: &str, most: u32| json!({"instance_pool_id": id, "instance_pool_name": name, "node_type_id": "i3.xlarge", "max_capacity": most});
    let body = json!({"spark_version": crate::lab::SPARK, "instance_pool_id": workers,
                      "driver_instance_pool_id": driver, "num_workers": 2, "autotermination_minutes": 0});
    let cluster =
        lab.write("/api/2.1/clusters/create", body.clone()).await["cluster_id"].as_str().unwrap().to_owned();
    lab.seconds(200);
    assert_eq!(get(&lab, &workers).await["stats"]["used_count"], 2);
    assert_eq!(get(&lab, &driver).await["stats"]["used_count"], 1);
    lab.write(EDIT, edit(&workers, "workers", 0)).await;
    lab.write(EDIT, edit(&driver, "driver", 0)).await;
    let resize = |workers: u32| json!({"cluster_id": cluster, "num_workers": workers});
    assert_eq!(refused(lab.post("/api/2.1/clusters/resize", resize(3)).await).1, "INVALID_STATE");
    lab.write("/api/2.1/clusters/resize", resize(1)).await;
    let from = lab.simulator.now();
    let new = lab.write("/api/2.1/clusters/create", body).await["cluster_id"].as_str().unwrap().to_owned();
    lab.seconds(60);
    assert_eq!(
        (lab.cluster_state(&cluster).await.as_str(), lab.cluster_state(&new).await.as_str()),
        ("RUNNING", "TERMINATED")
    );
    // The new one never had a machine.
    let activity = lab.simulator.activity(EAST, from, lab.simulator.now()).unwrap();
    assert_eq!(activity.cluster_seconds, 60.0);
    // A job's cluster finds none either.
    let task = json!({"task_key": "a", "notebook_task": {"notebook_path": "/n"}, "new_cluster": {
        "spark_version": crate::lab::SPARK, "instance_pool_id": workers, "num_workers": 1}});
    lab.notebook("/Shared/n").await;
    let run = lab.write("/api/2.2/jobs/runs/submit", json!({"tasks": [task]})).await["run_id"].clone();
    lab.seconds(60);
    let shown = lab.read(&format!("/api/2.2/jobs/runs/get?run_id={run}")).await;
    assert_eq!(shown["state"]["result_state"], "FAILED", "{shown}");
    // An edit that names no maximum lifts it.
    let mut free = edit(&workers, "workers", 0);
    free.as_object_mut().unwrap().remove("max_capacity");
    lab.write(EDIT, free).await;
    assert_eq!(get(&lab, &workers).await.get("max_capacity"), None);
}

#[tokio::test(start_paused = true)]
async fn sizes_and_node_types_are_checked() {
    let lab = Lab::new();
    for more in [
        json!({"node_type_id": "Standard_DS3_v2"}),
        json!({"node_type_id": ""}),
        json!({"min_idle_instances": 5, "max_capacity": 4}),
        json!({"idle_instance_autotermination_minutes": 10_001}),
    ] {
        let mut body = json!({"instance_pool_name": "p", "node_type_id": "i3.xlarge"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(refused(lab.post(CREATE, body).await).1, "INVALID_PARAMETER_VALUE", "{more}");
    }
}
