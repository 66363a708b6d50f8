//! What a cluster is asked to be, and what the service makes of it: checks, a policy's rules, defaults.
//!
//! The same rules hold for clusters that a job describes for itself.

use serde_json::{Value, json};

use crate::collections::Document;
use crate::refusal::Refusal;
use crate::services::{node_types, policies};
use crate::stage::Stage;
use crate::workspace::Cloud;

/// The fields of a specification. Others are ignored, as the service ignores what it does not know.
pub(crate) const FIELDS: &[&str] = &[
    "apply_policy_default_values",
    "autoscale",
    "autotermination_minutes",
    "aws_attributes",
    "azure_attributes",
    "cluster_log_conf",
    "cluster_name",
    "custom_tags",
    "data_security_mode",
    "dependency_mode",
    "docker_image",
    "driver_instance_pool_id",
    "driver_node_type_flexibility",
    "driver_node_type_id",
    "enable_elastic_disk",
    "enable_local_disk_encryption",
    "gcp_attributes",
    "init_scripts",
    "instance_pool_id",
    "is_single_node",
    "kind",
    "node_type_id",
    "num_workers",
    "policy_id",
    "remote_disk_throughput",
    "runtime_engine",
    "single_user_name",
    "spark_conf",
    "spark_env_vars",
    "spark_version",
    "ssh_public_keys",
    "total_initial_remote_disk_size",
    "use_ml_runtime",
    "worker_node_type_flexibility",
    "workload_type",
];

/// Keeps what belongs to a specification.
pub(crate) fn kept(document: &Document) -> Document {
    document
        .iter()
        .filter(|(key, value)| FIELDS.contains(&key.as_str()) && !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// Refuses references to pools and policies that do not exist.
pub(crate) fn check_references(stage: &Stage<'_>, spec: &Document) -> Result<(), Refusal> {
    for key in ["instance_pool_id", "driver_instance_pool_id"] {
        if let Some(id) = spec.get(key).and_then(Value::as_str)
            && stage.ws.collection("instance_pool").and_then(|pools| pools.get(id)).is_none()
        {
            return Err(Refusal::bad_field(key, format!("Can't find an instance pool with id: {id}.")));
        }
    }
    if let Some(id) = spec.get("policy_id").and_then(Value::as_str)
        && stage.ws.collection("cluster_policy").and_then(|policies| policies.get(id)).is_none()
    {
        return Err(Refusal::bad_field("policy_id", format!("Can't find cluster policy with id: {id}.")));
    }
    Ok(())
}

/// Checks a specification and fills in what its policy, its pool and the service add.
pub(crate) fn completed(stage: &Stage<'_>, sent: &Document) -> Result<Document, Refusal> {
    check_references(stage, sent)?;
    let mut spec = sent.clone();
    let wants_defaults = spec.remove("apply_policy_default_values").is_some_and(|flag| flag == json!(true));
    if let Some(id) = text(&spec, "policy_id")
        && let Some(policy) = stage.ws.collection("cluster_policy").and_then(|policies| policies.get(&id))
    {
        obey(&mut spec, &policies::effective_rules(stage, &policy.document), wants_defaults)?;
    }
    let version = text(&spec, "spark_version").unwrap_or_default();
    if version.is_empty() {
        return Err(Refusal::bad_field("spark_version", "Missing required field: spark_version"));
    }
    node_types::check_spark_version(&version)?;
    take_from_pool(stage, &mut spec)?;
    check_sizes(&spec)?;
    let node_type = text(&spec, "node_type_id").ok_or_else(|| {
        Refusal::bad_field("node_type_id", "Missing required field: node_type_id or instance_pool_id")
    })?;
    node_types::check(stage, &node_type)?;
    if let Some(driver) = text(&spec, "driver_node_type_id") {
        node_types::check(stage, &driver)?;
    }
    add_defaults(&mut spec, &node_type, stage.ws.cloud);
    Ok(spec)
}

fn text(spec: &Document, key: &str) -> Option<String> {
    spec.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// A cluster on a pool has the pool's node type, and may not ask for one.
fn take_from_pool(stage: &Stage<'_>, spec: &mut Document) -> Result<(), Refusal> {
    let pool_type = |id: &str| {
        let pool = stage.ws.collection("instance_pool")?.get(id)?;
        pool.document.get("node_type_id").cloned()
    };
    if let Some(id) = text(spec, "instance_pool_id") {
        if spec.contains_key("node_type_id") {
            let message = "The field 'node_type_id' cannot be supplied when an instance pool ID is provided.";
            return Err(Refusal::bad_field("node_type_id", message));
        }
        if let Some(node_type) = pool_type(&id) {
            spec.insert("node_type_id".to_owned(), node_type);
        }
        let driver = text(spec, "driver_instance_pool_id").unwrap_or(id);
        if let Some(node_type) = pool_type(&driver) {
            spec.insert("driver_node_type_id".to_owned(), node_type);
        }
    }
    Ok(())
}

fn check_sizes(spec: &Document) -> Result<(), Refusal> {
    let single = spec.get("is_single_node") == Some(&json!(true));
    match (spec.get("num_workers").and_then(Value::as_i64), spec.get("autoscale")) {
        (None, None) if !single => {
            return Err(Refusal::bad_field(
                "num_workers",
                "Missing required field: num_workers or autoscale",
            ));
        }
        (Some(_), Some(_)) => {
            return Err(Refusal::bad_field("autoscale", "Only one of num_workers and autoscale can be set."));
        }
        (Some(workers), None) if workers < 0 => {
            return Err(Refusal::bad_field("num_workers", "num_workers must not be negative."));
        }
        (None, Some(scale)) => {
            let bound = |key: &str| scale.get(key).and_then(Value::as_i64).unwrap_or(0);
            if bound("min_workers") > bound("max_workers") {
                return Err(Refusal::bad_field(
                    "autoscale",
                    "max_workers must not be less than min_workers.",
                ));
            }
        }
        _ => {}
    }
    if let Some(minutes) = spec.get("autotermination_minutes").and_then(Value::as_i64)
        && minutes != 0
        && !(10..=10_000).contains(&minutes)
    {
        let message = "autotermination_minutes must be 0 or between 10 and 10000.";
        return Err(Refusal::bad_field("autotermination_minutes", message));
    }
    if spec.get("custom_tags").and_then(Value::as_object).is_some_and(|tags| tags.len() > 45) {
        return Err(Refusal::bad_field("custom_tags", "At most 45 custom tags are allowed."));
    }
    Ok(())
}

fn add_defaults(spec: &mut Document, node_type: &str, cloud: Cloud) {
    let mut default = |key: &str, value: Value| {
        spec.entry(key).or_insert(value);
    };
    default("cluster_name", json!(""));
    default("driver_node_type_id", json!(node_type));
    default("autotermination_minutes", json!(0));
    default("enable_elastic_disk", json!(cloud != Cloud::Gcp));
    default("enable_local_disk_encryption", json!(false));
    default("data_security_mode", json!("NONE"));
    default("runtime_engine", json!("STANDARD"));
    let (key, defaults) = match cloud {
        Cloud::Aws => (
            "aws_attributes",
            json!({"first_on_demand": 0, "availability": "ON_DEMAND", "zone_id": "auto", "spot_bid_price_percent": 100,
                   "ebs_volume_count": 0}),
        ),
        Cloud::Azure => (
            "azure_attributes",
            json!({"first_on_demand": 1, "availability": "ON_DEMAND_AZURE", "spot_bid_max_price": -1.0}),
        ),
        Cloud::Gcp => (
            "gcp_attributes",
            json!({"use_preemptible_executors": false, "availability": "ON_DEMAND_GCP", "zone_id": "HA", "first_on_demand": 1}),
        ),
    };
    let attributes = spec.entry(key).or_insert_with(|| json!({}));
    if let (Some(attributes), Value::Object(defaults)) = (attributes.as_object_mut(), defaults) {
        for (key, value) in defaults {
            attributes.entry(key).or_insert(value);
        }
    }
}

/// Applies a policy: fixed values hold, defaults are taken if asked for, and what breaks a rule is refused.
fn obey(spec: &mut Document, rules: &Document, wants_defaults: bool) -> Result<(), Refusal> {
    for (path, rule) in rules {
        let Some(at) = pointer(path) else { continue };
        let present = at.get(spec).cloned();
        let kind = rule.get("type").and_then(Value::as_str).unwrap_or("");
        let wrong = |why: &str| Err(Refusal::bad_field(path, format!("Validation failed for {path}: {why}")));
        match (kind, &present) {
            ("fixed", None) => {
                if let Some(value) = rule.get("value").filter(|_| !at.is_synthetic()) {
                    at.set(spec, value.clone());
                }
            }
            ("fixed", Some(value)) if rule.get("value").is_some_and(|fixed| !same(fixed, value)) => {
                return wrong("the policy fixes another value");
            }
            ("forbidden", Some(_)) => return wrong("the policy forbids this attribute"),
            ("allowlist", Some(value)) if !listed(rule, value) => {
                return wrong("the value is not in the policy's list");
            }
            ("blocklist", Some(value)) if listed(rule, value) => {
                return wrong("the value is on the policy's block list");
            }
            ("range", Some(value)) => {
                let bound = |key: &str| rule.get(key).and_then(Value::as_f64);
                let number = value.as_f64().unwrap_or(0.0);
                if bound("minValue").is_some_and(|least| number < least)
                    || bound("maxValue").is_some_and(|most| number > most)
                {
                    return wrong("the value is out of the policy's range");
                }
            }
            (_, None) if wants_defaults => {
                if let Some(value) = rule.get("defaultValue").filter(|_| !at.is_synthetic()) {
                    at.set(spec, value.clone());
                }
            }
            _ => {}
        }
    }
    Ok(())
}

fn listed(rule: &Value, value: &Value) -> bool {
    rule.get("values")
        .and_then(Value::as_array)
        .is_some_and(|values| values.iter().any(|known| same(known, value)))
}

/// Policies write numbers and booleans also as strings.
fn same(one: &Value, other: &Value) -> bool {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    plain(one) == plain(other)
}

/// Where a rule's path points.
struct At(Vec<String>);

/// Reads a rule's path. Keys of the maps contain dots themselves. Rules over list elements are not applied.
fn pointer(path: &str) -> Option<At> {
    for map in ["spark_conf", "custom_tags", "spark_env_vars"] {
        if let Some(key) = path.strip_prefix(map).and_then(|rest| rest.strip_prefix('.')) {
            return Some(At(vec![map.to_owned(), key.to_owned()]));
        }
    }
    let parts: Vec<String> = path.split('.').map(str::to_owned).collect();
    (parts.iter().all(|part| part != "*" && part.parse::<u32>().is_err())).then_some(At(parts))
}

impl At {
    /// Attributes that exist in policies alone.
    fn is_synthetic(&self) -> bool {
        matches!(self.0.first().map(String::as_str), Some("cluster_type" | "dbus_per_hour"))
    }

    fn get<'a>(&self, spec: &'a Document) -> Option<&'a Value> {
        let (first, rest) = self.0.split_first()?;
        rest.iter().try_fold(spec.get(first)?, |value, key| value.get(key))
    }

    fn set(&self, spec: &mut Document, value: Value) {
        let Some((last, parents)) = self.0.split_last() else { return };
        let mut at = spec;
        for parent in parents {
            let next = at.entry(parent.as_str()).or_insert_with(|| json!({}));
            let Some(next) = next.as_object_mut() else { return };
            at = next;
        }
        at.insert(last.clone(), value);
    }
}
