//! Cluster policies. API: <https://docs.databricks.com/api/workspace/clusterpolicies>.
//!
//! Names are unique; the list is not paged. The definition is JSON inside a string. A policy of a family sends only
//! the family and its overrides: the definition that is read back is the family's, and sending it is refused. Every
//! workspace is born with default policies, which cannot be deleted and are matched by name. Nothing to put to sleep.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::Value;
use twinlake_databricks::{Paging, Reader};
use twinlake_model::{Call, Change, Key, Pattern, RemoteId};

use crate::fragments::{LIBRARY, POLICY_DEFINITION};
use crate::schema::{Embed, Field, Fragment, IdShape, KeyRule, Schema};
use crate::{Address, AssetKind, Error, Listed, Listing, Portrait, RestKind, Scope, WritePath};

/// The names of the policies that every workspace is born with.
const BUILT_IN: &[&str] =
    &["Personal Compute", "Shared Compute", "Power User Compute", "Job Compute", "Legacy Shared Compute"];

/// The kind.
pub static KIND: ClusterPolicy = ClusterPolicy;

/// Cluster policies.
#[derive(Debug)]
pub struct ClusterPolicy;

static REST: RestKind = RestKind {
    schema: Schema {
        name: "cluster_policy",
        plural: "cluster_policies",
        documentation: "https://docs.databricks.com/api/workspace/clusterpolicies",
        key: KeyRule::UniqueName(Pattern("/name")),
        id: (Pattern("/policy_id"), IdShape::Text),
        holds_others: false,
        fragment: Fragment {
            references: &[],
            fields: &[
                Field::ServerOwned(Pattern("/policy_id")),
                Field::ServerOwned(Pattern("/created_at_timestamp")),
                Field::ServerOwned(Pattern("/creator_user_name")),
                Field::ServerOwned(Pattern("/is_default")),
            ],
            embeds: &[
                Embed::InText(Pattern("/definition"), &POLICY_DEFINITION),
                Embed::InText(Pattern("/policy_family_definition_overrides"), &POLICY_DEFINITION),
                Embed::At(Pattern("/libraries/*"), &LIBRARY),
            ],
        },
        sleeps: &[],
        coarse_fence: &[],
        tags: None,
        leaves_behind: &[
            "passwords of Docker images given in plain text",
            "on another cloud: rules about attributes of this one, which are not converted",
        ],
        consistency: Duration::from_secs(10),
    },
    list: ("/api/2.0/policies/clusters/list", "policies", Paging::None, &[]),
    get: Address::Query("/api/2.0/policies/clusters/get", "policy_id"),
    create: WritePath::post("/api/2.0/policies/clusters/create"),
    update: WritePath::post("/api/2.0/policies/clusters/edit").id_at("policy_id"),
    updates_only: None,
    update_some: None,
    delete: WritePath::post("/api/2.0/policies/clusters/delete").id_at("policy_id"),
    run_state: None,
    is_built_in: |key| BUILT_IN.contains(&key.as_str()),
};

#[async_trait]
impl AssetKind for ClusterPolicy {
    fn schema(&self) -> &Schema {
        &REST.schema
    }

    fn listing(&self) -> &dyn Listing {
        self
    }

    fn portray(&self, mut raw: Value) -> Result<Portrait, Error> {
        let fields = raw.as_object_mut();
        if let Some(fields) =
            fields.filter(|fields| fields.get("policy_family_id").is_some_and(Value::is_string))
        {
            fields.remove("definition");
        }
        REST.portray(raw)
    }

    async fn read(&self, reader: &Reader, remote: &RemoteId) -> Result<Option<Value>, Error> {
        REST.read(reader, remote).await
    }

    fn calls(&self, change: &Change, spec: &Value) -> Vec<Call> {
        REST.calls(change, spec)
    }

    fn created(&self, answer: &Value) -> Option<RemoteId> {
        REST.created(answer)
    }

    fn is_built_in(&self, key: &Key) -> bool {
        REST.is_built_in(key)
    }
}

#[async_trait]
impl Listing for ClusterPolicy {
    fn name(&self) -> &'static str {
        "cluster_policy"
    }

    async fn list(
        &self,
        reader: &Reader,
        _scope: &Scope,
        found: &mut (dyn FnMut(Listed) -> Result<(), Error> + Send),
    ) -> Result<twinlake_databricks::Complete, Error> {
        REST.walk(reader, &mut |row| {
            found(Listed::whole(REST.schema.name, self.portray(row)?, twinlake_model::Posture::none()))
        })
        .await
    }
}
