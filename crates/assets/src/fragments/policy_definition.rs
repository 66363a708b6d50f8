//! The rules of a cluster policy: a JSON object inside a string, whose keys are paths of a cluster's spec with dots.
//! Grammar: <https://docs.databricks.com/aws/en/admin/clusters/policy-definition>.

use twinlake_model::{MappingTable, Pattern};

use crate::schema::{By, Field, Fragment, Missing, Reference};

const fn id(at: &'static str, to: &'static str) -> Reference {
    Reference { at: Pattern(at), to, by: By::Id, missing: Missing::Block }
}

const fn script(at: &'static str) -> Reference {
    Reference { at: Pattern(at), to: "workspace_file", by: By::Path, missing: Missing::Block }
}

const fn local(at: &'static str, table: MappingTable) -> Field {
    Field::SiteLocal(Pattern(at), table)
}

const fn url(at: &'static str) -> Field {
    Field::SiteLocal(Pattern(at), MappingTable::Locations)
}

const fn text(at: &'static str) -> Field {
    Field::FreeText(Pattern(at), "policies")
}

/// A rule holds its values under `value`, `values` (a list), `defaultValue` and, as a regular expression, `pattern`.
/// Whole values go by their tables; expressions and everything else are free text.
pub static POLICY_DEFINITION: Fragment = Fragment {
    references: &[
        id("/instance_pool_id/value", "instance_pool"),
        id("/instance_pool_id/values/*", "instance_pool"),
        id("/instance_pool_id/defaultValue", "instance_pool"),
        id("/driver_instance_pool_id/value", "instance_pool"),
        id("/driver_instance_pool_id/values/*", "instance_pool"),
        id("/driver_instance_pool_id/defaultValue", "instance_pool"),
        script("/init_scripts.*.workspace.destination/value"),
        script("/init_scripts.*.workspace.destination/values/*"),
        script("/init_scripts.*.workspace.destination/defaultValue"),
    ],
    fields: &[
        local("/node_type_id/value", MappingTable::NodeTypes),
        local("/node_type_id/values/*", MappingTable::NodeTypes),
        local("/node_type_id/defaultValue", MappingTable::NodeTypes),
        local("/driver_node_type_id/value", MappingTable::NodeTypes),
        local("/driver_node_type_id/values/*", MappingTable::NodeTypes),
        local("/driver_node_type_id/defaultValue", MappingTable::NodeTypes),
        local("/*_node_type_flexibility.alternate_node_type_ids*/value", MappingTable::NodeTypes),
        local("/*_node_type_flexibility.alternate_node_type_ids*/values/*", MappingTable::NodeTypes),
        local("/*_node_type_flexibility.alternate_node_type_ids*/defaultValue", MappingTable::NodeTypes),
        local("/*_attributes.zone_id/value", MappingTable::Zones),
        local("/*_attributes.zone_id/values/*", MappingTable::Zones),
        local("/*_attributes.zone_id/defaultValue", MappingTable::Zones),
        local("/aws_attributes.instance_profile_arn/value", MappingTable::InstanceProfiles),
        local("/aws_attributes.instance_profile_arn/values/*", MappingTable::InstanceProfiles),
        local("/aws_attributes.instance_profile_arn/defaultValue", MappingTable::InstanceProfiles),
        local("/gcp_attributes.google_service_account/value", MappingTable::InstanceProfiles),
        local("/gcp_attributes.google_service_account/values/*", MappingTable::InstanceProfiles),
        local("/gcp_attributes.google_service_account/defaultValue", MappingTable::InstanceProfiles),
        local("/spark_version/value", MappingTable::SparkVersions),
        local("/spark_version/values/*", MappingTable::SparkVersions),
        local("/spark_version/defaultValue", MappingTable::SparkVersions),
        url("/cluster_log_conf.path/value"),
        url("/cluster_log_conf.path/values/*"),
        url("/cluster_log_conf.path/defaultValue"),
        url("/init_scripts.*.destination/value"),
        url("/init_scripts.*.destination/values/*"),
        url("/init_scripts.*.destination/defaultValue"),
        text("/*/value"),
        text("/*/values/*"),
        text("/*/defaultValue"),
        text("/*/pattern"),
        Field::Secret(Pattern("/docker_image.basic_auth.password/value")),
        Field::Secret(Pattern("/docker_image.basic_auth.password/defaultValue")),
    ],
    embeds: &[],
};
