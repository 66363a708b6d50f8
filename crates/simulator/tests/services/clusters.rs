//! Clusters.

use serde_json::json;
use twinlake_base::Timestamp;

use crate::lab::{EAST, HOME, Lab, SPARK, refused};

const LIST: &str = "/api/2.1/clusters/list";

#[tokio::test(start_paused = true)]
async fn a_create_always_starts_and_a_delete_terminates() {
    let lab = Lab::new();
    let id = lab.cluster("c").await;
    assert_eq!(lab.cluster_state(&id).await, "PENDING");
    lab.seconds(200);
    assert_eq!(lab.cluster_state(&id).await, "RUNNING");
    lab.write("/api/2.1/clusters/delete", json!({"cluster_id": id})).await;
    assert_eq!(lab.cluster_state(&id).await, "TERMINATING");
    lab.seconds(30);
    assert_eq!(lab.cluster_state(&id).await, "TERMINATED");
    lab.write("/api/2.1/clusters/start", json!({"cluster_id": id})).await;
    assert_eq!(lab.cluster_state(&id).await, "PENDING");
}

#[tokio::test(start_paused = true)]
async fn a_get_echoes_defaults_and_carries_the_spec_that_a_list_leaves_out() {
    let lab = Lab::new();
    let id = lab.cluster("c").await;
    let shown = lab.read(&format!("/api/2.1/clusters/get?cluster_id={id}")).await;
    assert_eq!(shown["driver_node_type_id"], "i3.xlarge");
    assert_eq!(shown["aws_attributes"]["zone_id"], "auto");
    assert_eq!(
        shown["spec"],
        json!({"cluster_name": "c", "spark_version": SPARK, "node_type_id": "i3.xlarge", "num_workers": 1})
    );
    let listed = lab.read(LIST).await;
    assert_eq!(listed["clusters"][0]["cluster_id"], id);
    assert_eq!(listed["clusters"][0].get("spec"), None);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_exist_is_a_wrong_parameter() {
    let lab = Lab::new();
    let (status, document) = lab.get("/api/2.1/clusters/get?cluster_id=none").await;
    assert_eq!((status, document["error_code"].as_str().unwrap()), (400, "INVALID_PARAMETER_VALUE"));
    assert_eq!(document["message"], "Cluster none does not exist");
    for target in ["start", "delete", "restart", "pin", "unpin", "permanent-delete", "events"] {
        assert_eq!(
            refused(lab.post(&format!("/api/2.1/clusters/{target}"), json!({"cluster_id": "none"})).await).0,
            400
        );
    }
}

#[tokio::test(start_paused = true)]
async fn references_and_sizes_are_checked() {
    let lab = Lab::new();
    let base = json!({"spark_version": SPARK, "node_type_id": "i3.xlarge", "num_workers": 1});
    for more in [
        json!({"policy_id": "none"}),
        json!({"instance_pool_id": "none", "node_type_id": null}),
        json!({"node_type_id": "Standard_DS3_v2"}),
        json!({"node_type_id": null}),
        json!({"spark_version": "1.0.x-scala2.10"}),
        json!({"num_workers": null}),
        json!({"autoscale": {"min_workers": 1, "max_workers": 2}}),
        json!({"autotermination_minutes": 5}),
    ] {
        let mut body = base.clone();
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        assert_eq!(
            refused(lab.post("/api/2.1/clusters/create", body).await).1,
            "INVALID_PARAMETER_VALUE",
            "{more}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_on_a_pool_shows_the_pools_node_type() {
    let lab = Lab::new();
    let pool = json!({"instance_pool_name": "p", "node_type_id": "i3.2xlarge"});
    let pool = lab.write("/api/2.0/instance-pools/create", pool).await["instance_pool_id"].clone();
    let body = json!({"spark_version": SPARK, "instance_pool_id": pool, "num_workers": 1});
    let id = lab.write("/api/2.1/clusters/create", body.clone()).await["cluster_id"].clone();
    let shown = lab.read(&format!("/api/2.1/clusters/get?cluster_id={}", id.as_str().unwrap())).await;
    assert_eq!(shown["node_type_id"], "i3.2xlarge");
    assert_eq!(shown["spec"].get("node_type_id"), None);
    let mut both = body;
    both["node_type_id"] = json!("i3.xlarge");
    assert_eq!(refused(lab.post("/api/2.1/clusters/create", both).await).1, "INVALID_PARAMETER_VALUE");
}

#[tokio::test(start_paused = true)]
async fn an_edit_restarts_a_running_cluster_and_leaves_a_terminated_one_asleep() {
    let lab = Lab::new();
    let id = lab.cluster("c").await;
    let edit = json!({"cluster_id": id, "cluster_name": "d", "spark_version": SPARK, "node_type_id": "m5.xlarge", "num_workers": 2});
    assert_eq!(refused(lab.post("/api/2.1/clusters/edit", edit.clone()).await).1, "INVALID_STATE");
    lab.seconds(200);
    lab.write("/api/2.1/clusters/edit", edit.clone()).await;
    assert_eq!(lab.cluster_state(&id).await, "RESTARTING");
    lab.seconds(200);
    lab.write("/api/2.1/clusters/delete", json!({"cluster_id": id})).await;
    lab.seconds(60);
    let update = json!({"cluster_id": id, "update_mask": "cluster_name,autoscale", "cluster": {"cluster_name": "e", "autoscale": {"min_workers": 1, "max_workers": 4}}});
    lab.write("/api/2.1/clusters/update", update).await;
    let shown = lab.read(&format!("/api/2.1/clusters/get?cluster_id={id}")).await;
    assert_eq!((&shown["state"], &shown["cluster_name"]), (&json!("TERMINATED"), &json!("e")));
    assert_eq!((&shown["autoscale"]["max_workers"], shown.get("num_workers")), (&json!(4), None));
    assert_eq!(shown["node_type_id"], "m5.xlarge");
}

#[tokio::test(start_paused = true)]
async fn only_a_running_cluster_is_resized() {
    let lab = Lab::new();
    let id = lab.cluster("c").await;
    let resize = json!({"cluster_id": id, "num_workers": 5});
    assert_eq!(refused(lab.post("/api/2.1/clusters/resize", resize.clone()).await).1, "INVALID_STATE");
    lab.seconds(200);
    lab.write("/api/2.1/clusters/resize", resize).await;
    assert_eq!(lab.cluster_state(&id).await, "RESIZING");
    lab.seconds(20);
    let shown = lab.read(&format!("/api/2.1/clusters/get?cluster_id={id}")).await;
    assert_eq!(
        (shown["executors"].as_array().unwrap().len(), shown["state"].as_str().unwrap()),
        (5, "RUNNING")
    );
}

#[tokio::test(start_paused = true)]
async fn an_idle_cluster_terminates_itself_and_an_unpinned_one_is_forgotten_after_thirty_days() {
    let lab = Lab::new();
    let body = json!({"spark_version": SPARK, "node_type_id": "i3.xlarge", "num_workers": 0, "autotermination_minutes": 30});
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(
            lab.write("/api/2.1/clusters/create", body.clone()).await["cluster_id"]
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    lab.write("/api/2.1/clusters/pin", json!({"cluster_id": ids[0]})).await;
    lab.seconds(29 * 60);
    assert_eq!(lab.cluster_state(&ids[1]).await, "RUNNING");
    lab.seconds(6 * 60);
    let shown = lab.read(&format!("/api/2.1/clusters/get?cluster_id={}", ids[1])).await;
    assert_eq!(
        (&shown["state"], &shown["termination_reason"]["code"]),
        (&json!("TERMINATED"), &json!("INACTIVITY"))
    );
    lab.days(29);
    assert_eq!(lab.read(LIST).await["clusters"].as_array().unwrap().len(), 2);
    lab.days(2);
    let listed = lab.read(LIST).await;
    assert_eq!(
        (listed["clusters"].as_array().unwrap().len(), &listed["clusters"][0]["cluster_id"]),
        (1, &json!(ids[0]))
    );
    let (_, gone) = lab.get(&format!("/api/2.1/clusters/get?cluster_id={}", ids[1])).await;
    assert!(
        gone["message"].as_str().unwrap().contains("terminated or unpinned more than 30 days ago"),
        "{gone}"
    );
    lab.write("/api/2.1/clusters/unpin", json!({"cluster_id": ids[0]})).await;
    lab.days(29);
    assert_eq!(lab.cluster_state(&ids[0]).await, "TERMINATED");
    lab.days(2);
    assert_eq!(lab.read(LIST).await.get("clusters"), None);
}

#[tokio::test(start_paused = true)]
async fn pins_are_limited_and_hold_a_cluster_back_from_permanent_deletion() {
    let lab = Lab::new();
    lab.simulator.change_settings(|settings| settings.max_pinned_clusters = 1);
    let (one, two) = (lab.cluster("a").await, lab.cluster("b").await);
    lab.write("/api/2.1/clusters/pin", json!({"cluster_id": one})).await;
    lab.write("/api/2.1/clusters/pin", json!({"cluster_id": one})).await;
    assert_eq!(
        refused(lab.post("/api/2.1/clusters/pin", json!({"cluster_id": two})).await).1,
        "QUOTA_EXCEEDED"
    );
    assert_eq!(
        refused(lab.post("/api/2.1/clusters/permanent-delete", json!({"cluster_id": one})).await).1,
        "INVALID_STATE"
    );
    lab.write("/api/2.1/clusters/unpin", json!({"cluster_id": one})).await;
    lab.write("/api/2.1/clusters/permanent-delete", json!({"cluster_id": one})).await;
    assert_eq!(refused(lab.get(&format!("/api/2.1/clusters/get?cluster_id={one}")).await).0, 400);
    lab.write("/api/2.1/clusters/permanent-delete", json!({"cluster_id": two})).await;
    lab.seconds(1);
    let from = lab.simulator.now();
    lab.days(1);
    assert!(lab.simulator.activity(EAST, from, Timestamp::MAX).unwrap().is_asleep());
}

#[tokio::test(start_paused = true)]
async fn a_list_is_filtered_sorted_and_paged() {
    let lab = Lab::new();
    let mut ids = Vec::new();
    for name in ["b", "c", "a"] {
        ids.push(lab.cluster(name).await);
    }
    lab.write("/api/2.1/clusters/pin", json!({"cluster_id": ids[1]})).await;
    lab.write("/api/2.1/clusters/delete", json!({"cluster_id": ids[2]})).await;
    lab.seconds(300);
    let names = async |query: &str| {
        let (mut names, mut token) = (Vec::new(), String::new());
        loop {
            let page = lab.read(&format!("{LIST}?page_size=2&{query}&page_token={token}")).await;
            for cluster in page["clusters"].as_array().into_iter().flatten() {
                names.push(cluster["cluster_name"].as_str().unwrap().to_owned());
            }
            token = page["next_page_token"].as_str().unwrap().to_owned();
            if token.is_empty() {
                return names.join("");
            }
        }
    };
    assert_eq!(names("").await, "acb");
    assert_eq!(names("sort_by.field=CLUSTER_NAME").await, "abc");
    assert_eq!(names("sort_by.field=CLUSTER_NAME&sort_by.direction=DESC").await, "cba");
    assert_eq!(names("filter_by.is_pinned=true").await, "c");
    assert_eq!(names("filter_by.cluster_states=TERMINATED").await, "a");
    assert_eq!(names("filter_by.cluster_states=TERMINATED&filter_by.cluster_states=RUNNING").await, "acb");
    assert_eq!(names("filter_by.cluster_sources=JOB").await, "");
    assert_eq!(lab.read("/api/2.0/clusters/list?page_size=1").await["clusters"].as_array().unwrap().len(), 3);
    lab.simulator.change_settings(|settings| settings.empty_page_before_last = true);
    assert_eq!(names("").await, "acb");
}

#[tokio::test(start_paused = true)]
async fn events_are_paged_by_what_the_answer_says() {
    let lab = Lab::new();
    let id = lab.cluster("c").await;
    lab.seconds(200);
    lab.write("/api/2.1/clusters/restart", json!({"cluster_id": id})).await;
    lab.seconds(200);
    let (mut body, mut kinds) = (json!({"cluster_id": id, "page_size": 3, "order": "ASC"}), Vec::new());
    loop {
        let page = lab.write("/api/2.1/clusters/events", body).await;
        kinds.extend(
            page["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap().to_owned()),
        );
        match page.get("next_page") {
            Some(next) => body = next.clone(),
            None => break,
        }
    }
    assert_eq!(kinds, ["CREATING", "RUNNING", "RESTARTING", "RUNNING"]);
}

#[tokio::test(start_paused = true)]
async fn an_owner_must_be_somebody_and_the_cluster_terminated() {
    let lab = Lab::new();
    let id = lab.cluster("c").await;
    let change = |owner: &str| json!({"cluster_id": id, "owner_username": owner});
    let target = "/api/2.1/clusters/change-owner";
    assert_eq!(refused(lab.post(target, change("admin@acme.example")).await).1, "INVALID_STATE");
    lab.write("/api/2.1/clusters/delete", json!({"cluster_id": id})).await;
    lab.seconds(60);
    assert_eq!(refused(lab.post(target, change("nobody@acme.example")).await).1, "INVALID_PARAMETER_VALUE");
    lab.simulator.add_user(EAST, "ana@acme.example").unwrap();
    lab.write(target, change("ana@acme.example")).await;
    let shown = lab.read(&format!("/api/2.1/clusters/get?cluster_id={id}")).await;
    assert_eq!(shown["creator_user_name"], "ana@acme.example");
    assert!(HOME.starts_with("/Users/"));
}

#[tokio::test(start_paused = true)]
async fn a_region_says_what_it_offers() {
    let lab = Lab::new();
    assert!(lab.read("/api/2.1/clusters/list-node-types").await["node_types"].as_array().unwrap().len() > 5);
    assert_eq!(lab.read("/api/2.1/clusters/list-zones").await["default_zone"], "us-east-1a");
    let versions = lab.read("/api/2.1/clusters/spark-versions").await;
    assert!(versions["versions"].as_array().unwrap().iter().any(|version| version["key"] == SPARK));
}
