//! SQL warehouses. API: <https://docs.databricks.com/api/workspace/warehouses>.
//!
//! Names are unique. Creating one starts it, and any query starts it again, so a standby's warehouse is stopped by
//! the call after its create and whenever it is found running. Every workspace is born with a starter warehouse,
//! which is adopted by name.

use std::time::Duration;

use twinlake_databricks::Paging;
use twinlake_model::{MappingTable, Method, Pattern};

use crate::schema::{By, Field, Fragment, IdShape, KeyRule, Missing, Reference, Schema, TagForm, Tags};
use crate::{Address, RestKind, RunState, WritePath};

/// The names of the warehouse that every workspace is born with.
const BUILT_IN: &[&str] = &["Serverless Starter Warehouse", "Starter Warehouse"];

/// The kind.
pub static KIND: RestKind = RestKind {
    schema: Schema {
        name: "sql_warehouse",
        plural: "sql_warehouses",
        documentation: "https://docs.databricks.com/api/workspace/warehouses",
        key: KeyRule::UniqueName(Pattern("/name")),
        id: (Pattern("/id"), IdShape::Text),
        holds_others: false,
        fragment: Fragment {
            references: &[Reference {
                at: Pattern("/creator_name"),
                to: "principal",
                by: By::Principal,
                missing: Missing::Keep,
            }],
            fields: &[
                Field::ServerOwned(Pattern("/id")),
                Field::ServerOwned(Pattern("/state")),
                Field::ServerOwned(Pattern("/size")),
                Field::ServerOwned(Pattern("/num_clusters")),
                Field::ServerOwned(Pattern("/num_active_sessions")),
                Field::ServerOwned(Pattern("/health")),
                Field::ServerOwned(Pattern("/jdbc_url")),
                Field::ServerOwned(Pattern("/odbc_params")),
                Field::ServerOwned(Pattern("/creator_name")),
                Field::ServerOwned(Pattern("/creator_id")),
                Field::ServerOwned(Pattern("/customer_version_label")),
                Field::SiteLocal(Pattern("/instance_profile_arn"), MappingTable::InstanceProfiles),
                Field::FreeText(Pattern("/tags/custom_tags/*/value"), "tags"),
            ],
            embeds: &[],
        },
        sleeps: &[],
        coarse_fence: &[],
        tags: Some(Tags { at: Pattern("/tags/custom_tags"), room: 44, form: TagForm::Pairs }),
        leaves_behind: &[
            "the owner: on the standby it is whoever Twinlake signs in as",
            "the HTTP path: clients from outside are pointed at the copy's own",
        ],
        consistency: Duration::from_secs(10),
    },
    list: ("/api/2.0/sql/warehouses", "warehouses", Paging::token("page_size", 100), &[]),
    get: Address::Path("/api/2.0/sql/warehouses/{id}"),
    create: WritePath::post("/api/2.0/sql/warehouses"),
    update: WritePath::post("/api/2.0/sql/warehouses/{id}/edit"),
    updates_only: None,
    update_some: None,
    delete: WritePath { method: Method::Delete, ..WritePath::post("/api/2.0/sql/warehouses/{id}") },
    run_state: Some(RunState {
        at: "/state",
        running: &["RUNNING", "STARTING"],
        start: WritePath::post("/api/2.0/sql/warehouses/{id}/start"),
        stop: WritePath::post("/api/2.0/sql/warehouses/{id}/stop"),
    }),
    is_built_in: |key| BUILT_IN.contains(&key.as_str()),
};
