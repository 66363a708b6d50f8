//! Policy families: templates of cluster policies, the same in every workspace of a cloud, read-only.
//! API: <https://docs.databricks.com/api/workspace/policyfamilies>

use serde_json::{Value, json};

use crate::call::{Call, Outcome, Reply};
use crate::paging;
use crate::refusal::Refusal;
use crate::workspace::Cloud;

/// A family: id, name, name of the policy that every workspace has from it, what it is for.
pub(crate) struct Family {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) default_policy: Option<&'static str>,
    description: &'static str,
}

/// All families, as the list shows them.
pub(crate) const FAMILIES: &[Family] = &[
    Family {
        id: "personal-vm",
        name: "Personal Compute",
        default_policy: Some("Personal Compute"),
        description: "Small single-node machines for one person.",
    },
    Family {
        id: "power-user",
        name: "Power User Compute",
        default_policy: Some("Power User Compute"),
        description: "Larger clusters for experienced users.",
    },
    Family {
        id: "shared-compute",
        name: "Shared Compute",
        default_policy: Some("Shared Compute"),
        description: "Clusters that a team shares.",
    },
    Family {
        id: "job-cluster",
        name: "Job Compute",
        default_policy: Some("Job Compute"),
        description: "Clusters of automated jobs.",
    },
    Family {
        id: "shared-data-science",
        name: "Legacy Shared Compute",
        default_policy: Some("Legacy Shared Compute"),
        description: "Shared clusters without user isolation.",
    },
];

/// A node type that a cloud has, for families and defaults.
const fn small_node(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Aws => "i3.xlarge",
        Cloud::Azure => "Standard_DS3_v2",
        Cloud::Gcp => "n1-highmem-4",
    }
}

/// A family's rules in a cloud.
pub(crate) fn definition(id: &str, cloud: Cloud) -> Option<Value> {
    let node = json!({"type": "unlimited", "defaultValue": small_node(cloud), "isOptional": true});
    let version = json!({"type": "unlimited", "defaultValue": "auto:latest-lts"});
    Some(match id {
        "personal-vm" => json!({
            "node_type_id": {"type": "allowlist", "values": [small_node(cloud)], "defaultValue": small_node(cloud)},
            "spark_version": version,
            "num_workers": {"type": "fixed", "value": 0, "hidden": true},
            "data_security_mode": {"type": "fixed", "value": "SINGLE_USER", "hidden": true},
            "autotermination_minutes": {"type": "unlimited", "defaultValue": 4320, "isOptional": true},
        }),
        "power-user" => json!({
            "node_type_id": node,
            "spark_version": version,
            "autotermination_minutes": {"type": "unlimited", "defaultValue": 4320, "isOptional": true},
        }),
        "shared-compute" => json!({
            "node_type_id": node,
            "spark_version": version,
            "data_security_mode": {"type": "fixed", "value": "USER_ISOLATION", "hidden": true},
            "autotermination_minutes": {"type": "unlimited", "defaultValue": 4320, "isOptional": true},
        }),
        "job-cluster" => json!({
            "cluster_type": {"type": "fixed", "value": "job"},
            "node_type_id": node,
            "spark_version": version,
        }),
        "shared-data-science" => json!({
            "node_type_id": node,
            "spark_version": version,
            "data_security_mode": {"type": "fixed", "value": "NONE", "hidden": true},
        }),
        _ => return None,
    })
}

fn show(family: &Family, cloud: Cloud) -> Value {
    json!({
        "policy_family_id": family.id,
        "name": family.name,
        "description": family.description,
        "definition": definition(family.id, cloud).unwrap_or_default().to_string(),
    })
}

pub(crate) fn list(call: &mut Call<'_, '_>) -> Outcome {
    let size = call.stage.settings.page_size("policy_families", call.size("max_results")?, 20, 100);
    let count = FAMILIES.len() as u64;
    let empty = call.stage.settings.empty_page_before_last;
    let page = paging::page(1..count + 1, false, call.text("page_token").as_deref(), 0, size, empty)?;
    let families: Vec<Value> = page
        .keys
        .iter()
        .filter_map(|key| FAMILIES.get(usize::try_from(key - 1).ok()?))
        .map(|family| show(family, call.stage.ws.cloud))
        .collect();
    let mut answer = json!({"policy_families": families});
    if let Some(next) = page.next {
        answer["next_page_token"] = Value::String(next);
    }
    Ok(Reply::Json(answer))
}

pub(crate) fn get(call: &mut Call<'_, '_>) -> Outcome {
    let id = call.need("policy_family_id")?;
    let family = FAMILIES
        .iter()
        .find(|family| family.id == id)
        .ok_or_else(|| Refusal::missing(format!("Policy family {id} does not exist.")))?;
    Ok(Reply::Json(show(family, call.stage.ws.cloud)))
}
