//! Libraries of clusters.

use serde_json::{Value, json};

use crate::lab::{Lab, refused};

async fn status(lab: &Lab, id: &str) -> Vec<Value> {
    let answer = lab.read(&format!("/api/2.0/libraries/cluster-status?cluster_id={id}")).await;
    let statuses = answer["library_statuses"].as_array().cloned().unwrap_or_default();
    statuses.iter().map(|status| status["status"].clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_library_waits_for_its_cluster_and_leaves_with_a_restart() {
    let lab = Lab::new();
    let id = lab.cluster("c").await;
    let body = json!({"cluster_id": id, "libraries": [{"pypi": {"package": "numpy"}}]});
    lab.write("/api/2.0/libraries/install", body.clone()).await;
    lab.write("/api/2.0/libraries/install", body.clone()).await;
    assert_eq!(status(&lab, &id).await, ["PENDING"]);
    lab.seconds(190);
    assert_eq!(status(&lab, &id).await, ["INSTALLING"]);
    lab.seconds(60);
    assert_eq!(status(&lab, &id).await, ["INSTALLED"]);
    lab.write("/api/2.0/libraries/uninstall", body).await;
    assert_eq!(status(&lab, &id).await, ["UNINSTALL_ON_RESTART"]);
    lab.write("/api/2.1/clusters/restart", json!({"cluster_id": id})).await;
    lab.seconds(300);
    assert!(status(&lab, &id).await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn on_a_terminated_cluster_both_are_only_noted() {
    let lab = Lab::new();
    let id = lab.cluster("c").await;
    lab.write("/api/2.1/clusters/delete", json!({"cluster_id": id})).await;
    lab.seconds(60);
    let body = json!({"cluster_id": id, "libraries": [{"jar": "dbfs:/a.jar"}]});
    lab.write("/api/2.0/libraries/install", body.clone()).await;
    assert_eq!(status(&lab, &id).await, ["PENDING"]);
    assert_eq!(
        lab.read("/api/2.0/libraries/all-cluster-statuses").await["statuses"].as_array().unwrap().len(),
        1
    );
    lab.write("/api/2.0/libraries/uninstall", body).await;
    assert!(status(&lab, &id).await.is_empty());
    assert_eq!(lab.cluster_state(&id).await, "TERMINATED");
}

#[tokio::test(start_paused = true)]
async fn unknown_kinds_and_clusters_are_refused() {
    let lab = Lab::new();
    let id = lab.cluster("c").await;
    for body in [
        json!({"cluster_id": id, "libraries": [{"gem": "rails"}]}),
        json!({"cluster_id": id, "libraries": []}),
        json!({"cluster_id": "none", "libraries": [{"jar": "dbfs:/a.jar"}]}),
    ] {
        assert_eq!(refused(lab.post("/api/2.0/libraries/install", body).await).1, "INVALID_PARAMETER_VALUE");
    }
}
