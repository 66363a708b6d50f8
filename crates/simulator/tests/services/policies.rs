//! Cluster policies and their families.

use serde_json::{Value, json};

use crate::lab::{Lab, SPARK, refused};

const CREATE: &str = "/api/2.0/policies/clusters/create";

async fn list(lab: &Lab) -> Vec<Value> {
    lab.read("/api/2.0/policies/clusters/list").await["policies"].as_array().unwrap().clone()
}

#[tokio::test(start_paused = true)]
async fn a_workspace_is_born_with_default_policies_that_stay() {
    let lab = Lab::new();
    let defaults = list(&lab).await;
    assert_eq!(defaults.len(), 5);
    assert!(
        defaults
            .iter()
            .all(|policy| policy["is_default"] == true && policy.get("policy_family_id").is_some())
    );
    let id = &defaults[0]["policy_id"];
    assert_eq!(refused(lab.post("/api/2.0/policies/clusters/delete", json!({"policy_id": id})).await).0, 400);
}

#[tokio::test(start_paused = true)]
async fn a_definition_is_a_document_in_a_string() {
    let lab = Lab::new();
    let definition = json!({"spark_version": {"type": "fixed", "value": SPARK}}).to_string();
    let id = lab.write(CREATE, json!({"name": "p", "definition": definition})).await["policy_id"].clone();
    let target = format!("/api/2.0/policies/clusters/get?policy_id={}", id.as_str().unwrap());
    assert_eq!(lab.read(&target).await["definition"], definition);
    for wrong in ["not json", "[]", r#"{"a": {"type": "strange"}}"#, r#"{"a": {"type": "fixed"}}"#] {
        let answer = lab.post(CREATE, json!({"name": "q", "definition": wrong})).await;
        assert_eq!(refused(answer).1, "INVALID_PARAMETER_VALUE", "{wrong}");
    }
    lab.write("/api/2.0/policies/clusters/edit", json!({"policy_id": id, "name": "p2", "definition": "{}"}))
        .await;
    assert_eq!(lab.read(&target).await["name"], "p2");
    lab.write("/api/2.0/policies/clusters/delete", json!({"policy_id": id})).await;
    assert_eq!(refused(lab.get(&target).await), (404, "RESOURCE_DOES_NOT_EXIST".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_family_gives_the_definition_and_overrides_change_it() {
    let lab = Lab::new();
    let overrides = json!({"num_workers": {"type": "range", "maxValue": 3}}).to_string();
    let body = json!({"name": "p", "policy_family_id": "job-cluster", "policy_family_definition_overrides": overrides});
    let id = lab.write(CREATE, body.clone()).await["policy_id"].clone();
    let policy =
        lab.read(&format!("/api/2.0/policies/clusters/get?policy_id={}", id.as_str().unwrap())).await;
    let definition: Value = serde_json::from_str(policy["definition"].as_str().unwrap()).unwrap();
    assert_eq!(definition["num_workers"]["maxValue"], 3);
    assert_eq!(definition["cluster_type"]["value"], "job");
    let mut both = body;
    both["name"] = json!("q");
    both["definition"] = json!("{}");
    assert_eq!(refused(lab.post(CREATE, both).await).1, "INVALID_PARAMETER_VALUE");
    let unknown = json!({"name": "q", "policy_family_id": "no-such-family"});
    assert_eq!(refused(lab.post(CREATE, unknown).await).1, "INVALID_PARAMETER_VALUE");
}

#[tokio::test(start_paused = true)]
async fn names_are_unique_and_have_a_length() {
    let lab = Lab::new();
    lab.write(CREATE, json!({"name": "p", "definition": "{}"})).await;
    let again = lab.post(CREATE, json!({"name": "p", "definition": "{}"})).await;
    assert_eq!(refused(again).1, "RESOURCE_ALREADY_EXISTS");
    for name in [String::new(), "x".repeat(101)] {
        assert_eq!(
            refused(lab.post(CREATE, json!({"name": name, "definition": "{}"})).await).1,
            "INVALID_PARAMETER_VALUE"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_is_ordered_as_asked() {
    let lab = Lab::new();
    for name in ["b", "a"] {
        lab.write(CREATE, json!({"name": name, "definition": "{}"})).await;
    }
    let sorted = lab.read("/api/2.0/policies/clusters/list?sort_column=POLICY_NAME&sort_order=DESC").await;
    assert_eq!(sorted["policies"][0]["name"], "b");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_takes_what_its_policy_fixes_and_is_refused_what_it_forbids() {
    let lab = Lab::new();
    let definition = json!({
        "custom_tags.team": {"type": "fixed", "value": "finance"},
        "spark_conf.spark.sql.ansi.enabled": {"type": "fixed", "value": "true"},
        "autotermination_minutes": {"type": "range", "maxValue": 60, "defaultValue": 30},
        "node_type_id": {"type": "allowlist", "values": ["i3.xlarge"]},
        "single_user_name": {"type": "forbidden"},
    });
    let id = lab.write(CREATE, json!({"name": "p", "definition": definition.to_string()})).await["policy_id"]
        .clone();
    let cluster = |more: Value| {
        let mut body =
            json!({"spark_version": SPARK, "node_type_id": "i3.xlarge", "num_workers": 1, "policy_id": id});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let create = "/api/2.1/clusters/create";
    let made =
        lab.write(create, cluster(json!({"apply_policy_default_values": true}))).await["cluster_id"].clone();
    let shown = lab.read(&format!("/api/2.1/clusters/get?cluster_id={}", made.as_str().unwrap())).await;
    assert_eq!(shown["custom_tags"]["team"], "finance");
    assert_eq!(shown["spark_conf"]["spark.sql.ansi.enabled"], "true");
    assert_eq!(shown["autotermination_minutes"], 30);
    assert_eq!(shown["spec"].get("custom_tags"), None);
    for wrong in [
        json!({"custom_tags": {"team": "sales"}}),
        json!({"autotermination_minutes": 90}),
        json!({"node_type_id": "m5.large"}),
        json!({"single_user_name": "a@acme.example"}),
    ] {
        assert_eq!(
            refused(lab.post(create, cluster(wrong.clone())).await).1,
            "INVALID_PARAMETER_VALUE",
            "{wrong}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn families_are_paged() {
    let lab = Lab::new();
    let first = lab.read("/api/2.0/policy-families?max_results=3").await;
    let token = first["next_page_token"].as_str().unwrap();
    let second = lab.read(&format!("/api/2.0/policy-families?max_results=3&page_token={token}")).await;
    assert_eq!(second["policy_families"].as_array().unwrap().len(), 2);
    assert_eq!(second.get("next_page_token"), None);
    assert_eq!(lab.read("/api/2.0/policy-families/job-cluster").await["name"], "Job Compute");
    assert_eq!(refused(lab.get("/api/2.0/policy-families/none").await).0, 404);
}
