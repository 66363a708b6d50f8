//! SQL warehouses.

use http::Method;
use serde_json::{Value, json};
use twinlake_base::Timestamp;

use crate::lab::{EAST, Lab, refused};

const ALL: &str = "/api/2.0/sql/warehouses";

async fn warehouse(lab: &Lab, name: &str) -> String {
    let body = json!({"name": name, "cluster_size": "Small", "auto_stop_mins": 10});
    lab.write(ALL, body).await["id"].as_str().unwrap().to_owned()
}

async fn get(lab: &Lab, id: &str) -> Value {
    lab.read(&format!("{ALL}/{id}")).await
}

#[tokio::test(start_paused = true)]
async fn a_create_starts_and_idleness_stops() {
    let lab = Lab::new();
    let from = lab.simulator.now();
    let id = warehouse(&lab, "w").await;
    assert_eq!(get(&lab, &id).await["state"], "STARTING");
    lab.seconds(120);
    assert_eq!(get(&lab, &id).await["state"], "RUNNING");
    lab.seconds(600);
    assert_eq!(get(&lab, &id).await["state"], "STOPPING");
    lab.seconds(10);
    assert_eq!(get(&lab, &id).await["state"], "STOPPED");
    lab.days(30);
    let activity = lab.simulator.activity(EAST, from, Timestamp::MAX).unwrap();
    assert_eq!((activity.started, activity.warehouse_seconds), (1, 730.0));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_one_stays_stopped_through_an_edit() {
    let lab = Lab::new();
    let id = warehouse(&lab, "w").await;
    lab.write(&format!("{ALL}/{id}/stop"), json!({})).await;
    lab.seconds(60);
    lab.write(&format!("{ALL}/{id}/edit"), json!({"name": "v", "max_num_clusters": 3})).await;
    let shown = get(&lab, &id).await;
    assert_eq!((&shown["state"], &shown["name"]), (&json!("STOPPED"), &json!("v")));
    assert_eq!((&shown["max_num_clusters"], &shown["cluster_size"]), (&json!(3), &json!("Small")));
    lab.write(&format!("{ALL}/{id}/start"), json!({})).await;
    assert_eq!(get(&lab, &id).await["state"], "STARTING");
}

#[tokio::test(start_paused = true)]
async fn names_sizes_and_times_are_checked() {
    let lab = Lab::new();
    warehouse(&lab, "w").await;
    for (more, code) in [
        (json!({"name": "w"}), "ALREADY_EXISTS"),
        (json!({"name": "x".repeat(100)}), "INVALID_PARAMETER_VALUE"),
        (json!({"cluster_size": "Huge"}), "INVALID_PARAMETER_VALUE"),
        (json!({"auto_stop_mins": 5}), "INVALID_PARAMETER_VALUE"),
        (json!({"min_num_clusters": 3, "max_num_clusters": 2}), "INVALID_PARAMETER_VALUE"),
    ] {
        let mut body = json!({"name": "n", "cluster_size": "Small"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(refused(lab.post(ALL, body).await).1, code, "{more}");
    }
    let serverless =
        json!({"name": "s", "cluster_size": "Small", "auto_stop_mins": 5, "enable_serverless_compute": true});
    lab.write(ALL, serverless).await;
}

#[tokio::test(start_paused = true)]
async fn every_workspace_has_its_starter_and_lists_are_paged() {
    let lab = Lab::new();
    let first = lab.read(ALL).await;
    assert_eq!(first["warehouses"][0]["state"], "STOPPED");
    for name in ["a", "b"] {
        warehouse(&lab, name).await;
    }
    let page = lab.read(&format!("{ALL}?page_size=2")).await;
    let token = page["next_page_token"].as_str().unwrap();
    let rest = lab.read(&format!("{ALL}?page_size=2&page_token={token}")).await;
    assert_eq!((rest["warehouses"].as_array().unwrap().len(), rest.get("next_page_token")), (1, None));
}

#[tokio::test(start_paused = true)]
async fn a_deleted_one_is_gone() {
    let lab = Lab::new();
    let id = warehouse(&lab, "w").await;
    assert_eq!(lab.answer(EAST, Method::DELETE, &format!("{ALL}/{id}"), None).await.0, 200);
    assert_eq!(refused(lab.get(&format!("{ALL}/{id}")).await), (404, "RESOURCE_DOES_NOT_EXIST".to_owned()));
    lab.seconds(1);
    let from = lab.simulator.now();
    lab.days(1);
    assert!(lab.simulator.activity(EAST, from, Timestamp::MAX).unwrap().is_asleep());
}
