//! What a cluster is made of: an all-purpose cluster's spec, and every `new_cluster` of a job.
//! Fields: <https://docs.databricks.com/api/workspace/clusters/create>.

use twinlake_model::{MappingTable, Pattern};

use crate::schema::{By, Field, Fragment, Missing, Reference};

const fn id(at: &'static str, to: &'static str) -> Reference {
    Reference { at: Pattern(at), to, by: By::Id, missing: Missing::Block }
}

/// A cluster's spec. Site-specific words in the *names* of Spark settings (a storage account in
/// `fs.azure.account.key.<account>…`) are not mapped: names are carried as they are.
pub static CLUSTER_SPEC: Fragment = Fragment {
    references: &[
        id("/policy_id", "cluster_policy"),
        id("/instance_pool_id", "instance_pool"),
        id("/driver_instance_pool_id", "instance_pool"),
        Reference {
            at: Pattern("/init_scripts/*/workspace/destination"),
            to: "workspace_file",
            by: By::Path,
            missing: Missing::Block,
        },
        Reference {
            at: Pattern("/single_user_name"),
            to: "principal",
            by: By::Principal,
            missing: Missing::Keep,
        },
    ],
    fields: &[
        Field::SiteLocal(Pattern("/node_type_id"), MappingTable::NodeTypes),
        Field::SiteLocal(Pattern("/driver_node_type_id"), MappingTable::NodeTypes),
        Field::SiteLocal(
            Pattern("/worker_node_type_flexibility/alternate_node_type_ids"),
            MappingTable::NodeTypes,
        ),
        Field::SiteLocal(
            Pattern("/driver_node_type_flexibility/alternate_node_type_ids"),
            MappingTable::NodeTypes,
        ),
        Field::SiteLocal(Pattern("/aws_attributes/zone_id"), MappingTable::Zones),
        Field::SiteLocal(Pattern("/gcp_attributes/zone_id"), MappingTable::Zones),
        Field::SiteLocal(Pattern("/aws_attributes/instance_profile_arn"), MappingTable::InstanceProfiles),
        Field::SiteLocal(Pattern("/gcp_attributes/google_service_account"), MappingTable::InstanceProfiles),
        Field::SiteLocal(Pattern("/spark_version"), MappingTable::SparkVersions),
        Field::SiteLocal(Pattern("/init_scripts/*/s3/destination"), MappingTable::Locations),
        Field::SiteLocal(Pattern("/init_scripts/*/abfss/destination"), MappingTable::Locations),
        Field::SiteLocal(Pattern("/init_scripts/*/gcs/destination"), MappingTable::Locations),
        Field::SiteLocal(Pattern("/cluster_log_conf/s3/destination"), MappingTable::Locations),
        Field::FreeText(Pattern("/cluster_log_conf/s3/region"), "cloud_resources"),
        Field::FreeText(Pattern("/cluster_log_conf/s3/endpoint"), "cloud_resources"),
        Field::FreeText(Pattern("/cluster_log_conf/s3/kms_key"), "cloud_resources"),
        Field::FreeText(Pattern("/init_scripts/*/s3/region"), "cloud_resources"),
        Field::FreeText(Pattern("/init_scripts/*/s3/endpoint"), "cloud_resources"),
        Field::FreeText(Pattern("/init_scripts/*/s3/kms_key"), "cloud_resources"),
        Field::FreeText(Pattern("/azure_attributes/capacity_reservation_group"), "cloud_resources"),
        Field::FreeText(
            Pattern("/azure_attributes/log_analytics_info/log_analytics_workspace_id"),
            "cloud_resources",
        ),
        Field::FreeText(Pattern("/worker_node_type_flexibility/aws_context_id"), "cloud_resources"),
        Field::FreeText(Pattern("/driver_node_type_flexibility/aws_context_id"), "cloud_resources"),
        Field::FreeText(Pattern("/docker_image/url"), "docker_images"),
        Field::FreeText(Pattern("/spark_conf/*"), "spark_conf"),
        Field::FreeText(Pattern("/spark_env_vars/*"), "spark_env_vars"),
        Field::FreeText(Pattern("/custom_tags/*"), "tags"),
        Field::Secret(Pattern("/docker_image/basic_auth/password")),
        Field::Secret(Pattern("/azure_attributes/log_analytics_info/log_analytics_primary_key")),
    ],
    embeds: &[],
};
