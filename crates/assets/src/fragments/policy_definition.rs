//! The rules of a cluster policy: a JSON object inside a string, whose keys are paths of a cluster's spec with dots.
//! Grammar: <https://docs.databricks.com/aws/en/admin/clusters/policy-definition>.

use twinlake_model::{MappingTable, Pattern};

use crate::schema::{By, Field, Fragment, Missing, Reference};

const fn pool(at: &'static str) -> Reference {
    Reference { at: Pattern(at), to: "instance_pool", by: By::Id, missing: Missing::Block }
}

const fn local(at: &'static str, table: MappingTable) -> Field {
    Field::SiteLocal(Pattern(at), table)
}

/// A rule holds its values under `value`, `values` (a list), `defaultValue` and, for free text, `pattern`.
pub static POLICY_DEFINITION: Fragment = Fragment {
    references: &[
        pool("/instance_pool_id/value"),
        pool("/instance_pool_id/values/*"),
        pool("/instance_pool_id/defaultValue"),
        pool("/driver_instance_pool_id/value"),
        pool("/driver_instance_pool_id/values/*"),
        pool("/driver_instance_pool_id/defaultValue"),
    ],
    fields: &[
        local("/node_type_id/value", MappingTable::NodeTypes),
        local("/node_type_id/values", MappingTable::NodeTypes),
        local("/node_type_id/defaultValue", MappingTable::NodeTypes),
        local("/driver_node_type_id/value", MappingTable::NodeTypes),
        local("/driver_node_type_id/values", MappingTable::NodeTypes),
        local("/driver_node_type_id/defaultValue", MappingTable::NodeTypes),
        local("/aws_attributes.zone_id/value", MappingTable::Zones),
        local("/aws_attributes.zone_id/values", MappingTable::Zones),
        local("/aws_attributes.zone_id/defaultValue", MappingTable::Zones),
        local("/gcp_attributes.zone_id/value", MappingTable::Zones),
        local("/gcp_attributes.zone_id/values", MappingTable::Zones),
        local("/gcp_attributes.zone_id/defaultValue", MappingTable::Zones),
        local("/aws_attributes.instance_profile_arn/value", MappingTable::InstanceProfiles),
        local("/aws_attributes.instance_profile_arn/values", MappingTable::InstanceProfiles),
        local("/aws_attributes.instance_profile_arn/defaultValue", MappingTable::InstanceProfiles),
        local("/spark_version/value", MappingTable::SparkVersions),
        local("/spark_version/values", MappingTable::SparkVersions),
        local("/spark_version/defaultValue", MappingTable::SparkVersions),
        Field::FreeText(Pattern("/*/value"), "policies"),
        Field::FreeText(Pattern("/*/defaultValue"), "policies"),
    ],
    embeds: &[],
};
