//! What a region offers: node types, zones, runtime versions. Part of the clusters API.

use serde_json::{Value, json};

use crate::call::{Call, Outcome, Reply};
use crate::refusal::Refusal;
use crate::stage::Stage;
use crate::workspace::Cloud;

/// A node type: name, cores, memory in MB, local disks, GB of each, GPUs, category.
struct NodeType(&'static str, f64, u64, u32, u32, u32, &'static str);

const AWS: &[NodeType] = &[
    NodeType("m5.large", 2.0, 8_192, 0, 0, 0, "General Purpose"),
    NodeType("m5d.large", 2.0, 8_192, 1, 75, 0, "General Purpose (HDD)"),
    NodeType("m5.xlarge", 4.0, 16_384, 0, 0, 0, "General Purpose"),
    NodeType("m5d.xlarge", 4.0, 16_384, 1, 150, 0, "General Purpose"),
    NodeType("r5.xlarge", 4.0, 32_768, 0, 0, 0, "Memory Optimized"),
    NodeType("r5d.2xlarge", 8.0, 65_536, 1, 300, 0, "Memory Optimized"),
    NodeType("c5.2xlarge", 8.0, 16_384, 0, 0, 0, "Compute Optimized"),
    NodeType("i3.xlarge", 4.0, 31_232, 1, 950, 0, "Storage Optimized"),
    NodeType("i3.2xlarge", 8.0, 62_464, 1, 1_900, 0, "Storage Optimized"),
    NodeType("i4i.xlarge", 4.0, 32_768, 1, 937, 0, "Storage Optimized"),
    NodeType("i4i.2xlarge", 8.0, 65_536, 1, 1_875, 0, "Storage Optimized"),
    NodeType("g4dn.xlarge", 4.0, 16_384, 1, 125, 1, "GPU Accelerated"),
];

const AZURE: &[NodeType] = &[
    NodeType("Standard_DS3_v2", 4.0, 14_336, 1, 28, 0, "General Purpose"),
    NodeType("Standard_DS4_v2", 8.0, 28_672, 1, 56, 0, "General Purpose"),
    NodeType("Standard_D4ds_v5", 4.0, 16_384, 1, 150, 0, "General Purpose"),
    NodeType("Standard_D8ds_v5", 8.0, 32_768, 1, 300, 0, "General Purpose"),
    NodeType("Standard_E4ds_v5", 4.0, 32_768, 1, 150, 0, "Memory Optimized"),
    NodeType("Standard_E8ds_v5", 8.0, 65_536, 1, 300, 0, "Memory Optimized"),
    NodeType("Standard_L8s_v3", 8.0, 65_536, 1, 1_787, 0, "Storage Optimized"),
    NodeType("Standard_NC4as_T4_v3", 4.0, 28_672, 1, 180, 1, "GPU Accelerated"),
];

const GCP: &[NodeType] = &[
    NodeType("n1-standard-4", 4.0, 15_360, 0, 0, 0, "General Purpose"),
    NodeType("n1-highmem-4", 4.0, 26_624, 0, 0, 0, "Memory Optimized"),
    NodeType("n2-standard-4", 4.0, 16_384, 0, 0, 0, "General Purpose"),
    NodeType("n2-highmem-4", 4.0, 32_768, 1, 375, 0, "Memory Optimized"),
    NodeType("n2-highmem-8", 8.0, 65_536, 1, 375, 0, "Memory Optimized"),
    NodeType("a2-highgpu-1g", 12.0, 87_040, 0, 0, 1, "GPU Accelerated"),
];

const fn of_cloud(cloud: Cloud) -> &'static [NodeType] {
    match cloud {
        Cloud::Aws => AWS,
        Cloud::Azure => AZURE,
        Cloud::Gcp => GCP,
    }
}

/// Names of a cloud's node types, the small ones first.
pub(crate) fn names(cloud: Cloud) -> impl Iterator<Item = &'static str> {
    of_cloud(cloud).iter().map(|node| node.0)
}

/// Refuses a node type that the workspace's cloud does not have.
pub(crate) fn check(stage: &Stage<'_>, name: &str) -> Result<(), Refusal> {
    if names(stage.ws.cloud).any(|known| known == name) {
        return Ok(());
    }
    Err(Refusal::bad_field("node_type_id", format!("Node type {name} is not supported.")))
}

/// Cores and memory (MB) of a node type; nothing for one that is unknown.
pub(crate) fn size(cloud: Cloud, name: &str) -> (f64, u64) {
    of_cloud(cloud).iter().find(|node| node.0 == name).map_or((0.0, 0), |node| (node.1, node.2))
}

pub(crate) fn list(call: &mut Call<'_, '_>) -> Outcome {
    let cloud = call.stage.ws.cloud;
    let types: Vec<Value> = of_cloud(cloud)
        .iter()
        .enumerate()
        .map(|(position, NodeType(name, cores, memory, disks, disk_gb, gpus, category))| {
            json!({
                "node_type_id": name,
                "memory_mb": memory,
                "num_cores": cores,
                "description": name,
                "instance_type_id": name,
                "category": category,
                "display_order": position,
                "is_deprecated": false,
                "is_hidden": false,
                "is_graviton": false,
                "is_encrypted_in_transit": false,
                "is_io_cache_enabled": *disks > 0,
                "support_ebs_volumes": cloud == Cloud::Aws,
                "support_cluster_tags": true,
                "support_port_forwarding": true,
                "photon_worker_capable": *gpus == 0,
                "photon_driver_capable": *gpus == 0,
                "num_gpus": gpus,
                "node_instance_type": {
                    "instance_type_id": name, "local_disks": disks, "local_disk_size_gb": disk_gb,
                    "local_nvme_disks": 0, "local_nvme_disk_size_gb": 0,
                },
                "node_info": {"status": [], "available_core_quota": 350.0},
            })
        })
        .collect();
    Ok(Reply::Json(json!({"node_types": types})))
}

/// The zones of a region.
pub(crate) fn zones(cloud: Cloud, region: &str) -> Vec<String> {
    match cloud {
        Cloud::Azure => ["1", "2", "3"].map(str::to_owned).to_vec(),
        Cloud::Aws => ["a", "b", "c"].map(|zone| format!("{region}{zone}")).to_vec(),
        Cloud::Gcp => ["a", "b", "c"].map(|zone| format!("{region}-{zone}")).to_vec(),
    }
}

pub(crate) fn list_zones(call: &mut Call<'_, '_>) -> Outcome {
    let zones = zones(call.stage.ws.cloud, &call.stage.ws.region);
    Ok(Reply::Json(json!({"zones": zones, "default_zone": zones.first()})))
}

/// Runtime versions: key and name.
const VERSIONS: &[(&str, &str)] = &[
    ("17.3.x-scala2.13", "17.3 LTS (includes Apache Spark 4.0.0, Scala 2.13)"),
    ("17.3.x-cpu-ml-scala2.13", "17.3 LTS ML (includes Apache Spark 4.0.0, Scala 2.13)"),
    ("16.4.x-scala2.12", "16.4 LTS (includes Apache Spark 3.5.2, Scala 2.12)"),
    ("16.4.x-scala2.13", "16.4 LTS (includes Apache Spark 3.5.2, Scala 2.13)"),
    ("16.4.x-cpu-ml-scala2.12", "16.4 LTS ML (includes Apache Spark 3.5.2, Scala 2.12)"),
    ("16.4.x-gpu-ml-scala2.12", "16.4 LTS ML (includes Apache Spark 3.5.2, GPU, Scala 2.12)"),
    ("16.4.x-photon-scala2.12", "16.4 LTS Photon (includes Apache Spark 3.5.2, Scala 2.12)"),
    ("15.4.x-scala2.12", "15.4 LTS (includes Apache Spark 3.5.0, Scala 2.12)"),
    ("15.4.x-photon-scala2.12", "15.4 LTS Photon (includes Apache Spark 3.5.0, Scala 2.12)"),
    ("14.3.x-scala2.12", "14.3 LTS (includes Apache Spark 3.5.0, Scala 2.12)"),
    ("13.3.x-scala2.12", "13.3 LTS (includes Apache Spark 3.4.1, Scala 2.12)"),
];

/// Keys of the runtime versions, newest first.
pub(crate) fn spark_version_keys() -> impl Iterator<Item = &'static str> {
    VERSIONS.iter().map(|(key, _)| *key)
}

/// Refuses a runtime version that does not exist. `auto:` and custom images are taken as they come.
pub(crate) fn check_spark_version(version: &str) -> Result<(), Refusal> {
    if version.starts_with("auto:")
        || version.starts_with("custom:")
        || spark_version_keys().any(|key| key == version)
    {
        return Ok(());
    }
    Err(Refusal::bad_field("spark_version", format!("Invalid spark version {version}.")))
}

pub(crate) fn spark_versions(_: &mut Call<'_, '_>) -> Outcome {
    let versions: Vec<Value> = VERSIONS.iter().map(|(key, name)| json!({"key": key, "name": name})).collect();
    Ok(Reply::Json(json!({"versions": versions})))
}
