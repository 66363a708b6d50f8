//! Instance pools. API: <https://docs.databricks.com/api/workspace/instancepools>
//!
//! Most of a pool is fixed at creation; an edit takes its name, sizes, idle time and tags. Idle instances are on the
//! bill from the moment that the pool asks for them.

use http::Method;
use serde_json::{Value, json};

use crate::collections::{Document, Item, Row, Verb, only};
use crate::effects::Metered;
use crate::refusal::Refusal;
use crate::services::node_types;
use crate::stage::Stage;
use crate::workspace::Cloud;

pub(crate) const ROW: Row = Row {
    kind: "instance_pool",
    title: "Instance pool",
    routes: &[
        (Verb::List, Method::GET, "/api/2.0/instance-pools/list"),
        (Verb::Get, Method::GET, "/api/2.0/instance-pools/get"),
        (Verb::Create, Method::POST, "/api/2.0/instance-pools/create"),
        (Verb::Edit, Method::POST, "/api/2.0/instance-pools/edit"),
        (Verb::Delete, Method::POST, "/api/2.0/instance-pools/delete"),
    ],
    id_field: "instance_pool_id",
    name_field: "instance_pool_name",
    list_field: "instance_pools",
    mint: |stage| {
        let digits = stage.entropy.hex(8);
        format!(
            "{:04}-{:06}-pool{}-pool-{digits}",
            stage.entropy.below(1232),
            stage.entropy.below(235_959),
            stage.entropy.below(1000)
        )
    },
    accept,
    show,
    changed: |stage, id, document| {
        let idle = document
            .and_then(|document| document.get("min_idle_instances"))
            .and_then(Value::as_u64)
            .unwrap_or(0);
        stage.ws.meters.set(Metered::Pool, id, u32::try_from(idle).unwrap_or(u32::MAX), stage.now);
    },
    ..Row::PLAIN
};

/// What an edit may carry.
const EDITABLE: &[&str] = &[
    "instance_pool_name",
    "node_type_id",
    "min_idle_instances",
    "max_capacity",
    "idle_instance_autotermination_minutes",
    "custom_tags",
    "remote_disk_throughput",
    "total_initial_remote_disk_size",
];

fn accept(stage: &Stage<'_>, mut document: Document, old: Option<&Document>) -> Result<Document, Refusal> {
    document.retain(|_, value| !value.is_null());
    let node_type = document.get("node_type_id").and_then(Value::as_str).unwrap_or("");
    if node_type.is_empty() {
        return Err(Refusal::bad_field("node_type_id", "Missing required field: node_type_id"));
    }
    node_types::check(stage, node_type)?;
    if let Some(old) = old {
        if old.get("node_type_id").and_then(Value::as_str) != Some(node_type) {
            return Err(Refusal::bad_field(
                "node_type_id",
                "The node type of an instance pool cannot be changed.",
            ));
        }
        document.retain(|key, value| EDITABLE.contains(&key.as_str()) || old.get(key) != Some(value));
        only(&document, EDITABLE)?;
        for (key, value) in old {
            if !EDITABLE.contains(&key.as_str()) {
                document.insert(key.clone(), value.clone());
            }
        }
    }
    let number = |key: &str| document.get(key).and_then(Value::as_i64);
    let (idle, most) = (number("min_idle_instances").unwrap_or(0), number("max_capacity"));
    if idle < 0 || most.is_some_and(|most| most < idle) {
        return Err(Refusal::bad_field(
            "min_idle_instances",
            "min_idle_instances must be between 0 and max_capacity.",
        ));
    }
    if number("idle_instance_autotermination_minutes").is_some_and(|minutes| !(0..=10_000).contains(&minutes))
    {
        let field = "idle_instance_autotermination_minutes";
        return Err(Refusal::bad_field(field, format!("{field} must be between 0 and 10000.")));
    }
    if document.get("custom_tags").and_then(Value::as_object).is_some_and(|tags| tags.len() > 45) {
        return Err(Refusal::bad_field("custom_tags", "At most 45 custom tags are allowed."));
    }
    if document
        .get("preloaded_spark_versions")
        .and_then(Value::as_array)
        .is_some_and(|versions| versions.len() > 1)
    {
        return Err(Refusal::bad_field(
            "preloaded_spark_versions",
            "At most one Spark version can be preloaded.",
        ));
    }
    complete(&mut document, stage.ws.cloud);
    Ok(document)
}

/// What the service fills in.
fn complete(document: &mut Document, cloud: Cloud) {
    document.entry("min_idle_instances").or_insert_with(|| json!(0));
    document.entry("idle_instance_autotermination_minutes").or_insert_with(|| json!(60));
    document.entry("enable_elastic_disk").or_insert_with(|| json!(true));
    let (key, defaults) = match cloud {
        Cloud::Aws => (
            "aws_attributes",
            json!({"availability": "SPOT", "zone_id": "auto", "spot_bid_price_percent": 100}),
        ),
        Cloud::Azure => ("azure_attributes", json!({"availability": "ON_DEMAND_AZURE"})),
        Cloud::Gcp => (
            "gcp_attributes",
            json!({"gcp_availability": "ON_DEMAND_GCP", "zone_id": "auto", "local_ssd_count": 0}),
        ),
    };
    let attributes = document.entry(key).or_insert_with(|| json!({}));
    if let (Some(attributes), Value::Object(defaults)) = (attributes.as_object_mut(), defaults) {
        for (key, value) in defaults {
            attributes.entry(key).or_insert(value);
        }
    }
}

fn show(stage: &Stage<'_>, item: &Item) -> Document {
    let mut shown = item.document.clone();
    let idle = shown.get("min_idle_instances").cloned().unwrap_or(json!(0));
    let used = stage.ws.clusters.running_on_pool(&item.id);
    shown.insert("instance_pool_id".to_owned(), json!(item.id));
    let name = shown.get("instance_pool_name").cloned().unwrap_or_default();
    shown.insert(
        "default_tags".to_owned(),
        json!({"Vendor": "Databricks", "DatabricksInstancePoolCreatorId": stage.ws.user_id.to_string(),
               "DatabricksInstancePoolId": item.id, "DatabricksInstancePoolName": name}),
    );
    shown.insert("state".to_owned(), json!("ACTIVE"));
    shown.insert(
        "stats".to_owned(),
        json!({"used_count": used, "idle_count": idle, "pending_used_count": 0, "pending_idle_count": 0}),
    );
    shown.insert("status".to_owned(), json!({}));
    shown
}
