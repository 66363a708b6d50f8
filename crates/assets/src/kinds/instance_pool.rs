//! Instance pools. API: <https://docs.databricks.com/api/workspace/instancepools>.
//!
//! Names are unique. The list is not paged. An edit takes a few fields only and insists on an unchanged node type;
//! everything else is fixed at creation. A pool sleeps by keeping no idle instances; those it has end by its own
//! idle timeout.
//!
//! The coarse fence takes all room from it. Clusters that run on it go on; a new one, a larger one and every job cluster
//! finds no instance (<https://docs.databricks.com/compute/pools>, observed 2026-11-20: the maximum counts used instances
//! and idle ones).
//! TODO(robustness): prove on a live workspace that `max_capacity` 0 is taken, and taken as none rather than as no limit,
//! and that an edit without `max_capacity` lifts a limit that an earlier edit set. No page says either.

use std::time::Duration;

use twinlake_databricks::Paging;
use twinlake_model::{MappingTable, Pattern};

use crate::schema::{Constant, Fenced, Field, Fragment, IdShape, KeyRule, Schema, Sleeps, TagForm, Tags};
use crate::{Address, RestKind, WritePath};

/// The kind.
pub static KIND: RestKind = RestKind {
    schema: Schema {
        name: "instance_pool",
        plural: "instance_pools",
        documentation: "https://docs.databricks.com/api/workspace/instancepools",
        key: KeyRule::UniqueName(Pattern("/instance_pool_name")),
        id: (Pattern("/instance_pool_id"), IdShape::Text),
        holds_others: false,
        fragment: Fragment {
            references: &[],
            fields: &[
                Field::ServerOwned(Pattern("/instance_pool_id")),
                Field::ServerOwned(Pattern("/state")),
                Field::ServerOwned(Pattern("/stats")),
                Field::ServerOwned(Pattern("/status")),
                Field::ServerOwned(Pattern("/default_tags")),
                Field::CreateOnly(Pattern("/node_type_id")),
                Field::CreateOnly(Pattern("/aws_attributes")),
                Field::CreateOnly(Pattern("/azure_attributes")),
                Field::CreateOnly(Pattern("/gcp_attributes")),
                Field::CreateOnly(Pattern("/disk_spec")),
                Field::CreateOnly(Pattern("/enable_elastic_disk")),
                Field::CreateOnly(Pattern("/preloaded_spark_versions")),
                Field::CreateOnly(Pattern("/preloaded_docker_images")),
                Field::CreateOnly(Pattern("/node_type_flexibility")),
                Field::SiteLocal(Pattern("/node_type_id"), MappingTable::NodeTypes),
                Field::SiteLocal(Pattern("/aws_attributes/zone_id"), MappingTable::Zones),
                Field::SiteLocal(
                    Pattern("/aws_attributes/instance_profile_arn"),
                    MappingTable::InstanceProfiles,
                ),
                Field::SiteLocal(Pattern("/gcp_attributes/zone_id"), MappingTable::Zones),
                Field::SiteLocal(
                    Pattern("/node_type_flexibility/alternate_node_type_ids"),
                    MappingTable::NodeTypes,
                ),
                Field::SiteLocal(Pattern("/preloaded_spark_versions"), MappingTable::SparkVersions),
                Field::FreeText(Pattern("/node_type_flexibility/aws_context_id"), "cloud_resources"),
                Field::FreeText(Pattern("/azure_attributes/capacity_reservation_group"), "cloud_resources"),
                Field::FreeText(Pattern("/preloaded_docker_images/*/url"), "docker_images"),
                Field::FreeText(Pattern("/custom_tags/*"), "tags"),
                Field::Secret(Pattern("/preloaded_docker_images/*/basic_auth/password")),
            ],
            embeds: &[],
        },
        sleeps: &[Sleeps {
            at: Pattern("/min_idle_instances"),
            absent: Constant::Number(0),
            asleep: Constant::Number(0),
        }],
        coarse_fence: &[Fenced { at: Pattern("/max_capacity"), stops_at: Constant::Number(0) }],
        tags: Some(Tags { at: Pattern("/custom_tags"), room: 45, form: TagForm::Map }),
        leaves_behind: &[
            "passwords of preloaded Docker images given in plain text",
            "on another cloud: attributes and disks of this one, which are not converted",
        ],
        consistency: Duration::from_secs(10),
    },
    list: ("/api/2.0/instance-pools/list", "instance_pools", Paging::None, &[]),
    get: Address::Query("/api/2.0/instance-pools/get", "instance_pool_id"),
    create: WritePath::post("/api/2.0/instance-pools/create"),
    update: WritePath::post("/api/2.0/instance-pools/edit").id_at("instance_pool_id"),
    updates_only: Some(&[
        "instance_pool_id",
        "instance_pool_name",
        "node_type_id",
        "min_idle_instances",
        "max_capacity",
        "idle_instance_autotermination_minutes",
        "custom_tags",
        "remote_disk_throughput",
        "total_initial_remote_disk_size",
    ]),
    update_some: None,
    delete: WritePath::post("/api/2.0/instance-pools/delete").id_at("instance_pool_id"),
    run_state: None,
    is_built_in: |_| false,
};
