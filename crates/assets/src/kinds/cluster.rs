//! All-purpose clusters. API: <https://docs.databricks.com/api/workspace/clusters>.
//!
//! - Names may repeat. The list also has job clusters, which are jobs' business, so it is asked for those that
//!   people and programs made.
//! - There is no way to create a stopped cluster: the call after the create terminates it, the next one pins it.
//! - A terminated cluster that is not pinned is forgotten after 30 days, and a workspace has room for 100 pins. The
//!   list says which are pinned only through a filter, so it is walked twice.
//! - What a list row or a GET shows is filled up with defaults and the policy's values. What was asked for is the
//!   GET's `spec`, so each cluster whose row changed is read.
//! - `apply_policy_default_values` is part of what was asked for: the copy gets the defaults of its own policy.
//! - `clusters/delete` terminates; `clusters/permanent-delete` deletes, and wants the pin gone first.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_databricks::{Complete, Paging, Reader};
use twinlake_model::{Action, Call, Change, Digest, Key, Mark, Pattern, Posture, Purpose, RemoteId};

use crate::fragments::CLUSTER_SPEC;
use crate::rest::walk;
use crate::schema::{Embed, Field, Fragment, IdShape, KeyRule, Ration, Schema, TagForm, Tags};
use crate::{
    Address, AssetKind, Body, Error, Listed, Listing, Portrait, RestKind, RunState, Scope, WritePath, posture,
};

/// The kind.
pub static KIND: Cluster = Cluster;

/// All-purpose clusters.
#[derive(Debug)]
pub struct Cluster;

/// The posture's word for a pin.
const PINNED: &str = "pinned";

/// A row's own fields that say nothing of what was asked for: they change while a cluster merely runs.
const VOLATILE: &[&str] = &[
    "state",
    "state_message",
    "driver",
    "executors",
    "spark_context_id",
    "jdbc_port",
    "cluster_cores",
    "cluster_memory_mb",
    "start_time",
    "terminated_time",
    "last_activity_time",
    "last_restarted_time",
    "last_state_loss_time",
    "termination_reason",
    "cluster_log_status",
    "default_tags",
    "pinned_by_user_name",
];

static REST: RestKind = RestKind {
    schema: Schema {
        name: "cluster",
        plural: "clusters",
        documentation: "https://docs.databricks.com/api/workspace/clusters",
        key: KeyRule::Name(Pattern("/cluster_name")),
        id: (Pattern("/cluster_id"), IdShape::Text),
        holds_others: false,
        fragment: Fragment {
            references: &[],
            fields: &[
                Field::ServerOwned(Pattern("/cluster_id")),
                Field::ServerOwned(Pattern("/cluster_source")),
            ],
            embeds: &[Embed::At(Pattern(""), &CLUSTER_SPEC)],
        },
        sleeps: &[],
        coarse_fence: &[],
        tags: Some(Tags { at: Pattern("/custom_tags"), room: 45, form: TagForm::Map }),
        leaves_behind: &[
            "passwords of Docker images and keys of Log Analytics given in plain text",
            "installed libraries",
            "the event log",
            "the owner: on the standby it is whoever Twinlake signs in as",
            "on another cloud: attributes of this one, which are not converted",
        ],
        consistency: Duration::from_secs(10),
    },
    list: (
        "/api/2.1/clusters/list",
        "clusters",
        Paging::token("page_size", 100),
        &[("filter_by.cluster_sources", "UI"), ("filter_by.cluster_sources", "API")],
    ),
    get: Address::Query("/api/2.1/clusters/get", "cluster_id"),
    create: WritePath::post("/api/2.1/clusters/create"),
    update: WritePath::post("/api/2.1/clusters/edit").id_at("cluster_id"),
    updates_only: None,
    update_some: None,
    delete: WritePath::post("/api/2.1/clusters/permanent-delete").id_at("cluster_id"),
    run_state: Some(RunState {
        at: "/state",
        running: &["PENDING", "RUNNING", "RESTARTING", "RESIZING"],
        start: WritePath::post("/api/2.1/clusters/start").id_at("cluster_id"),
        stop: WritePath::post("/api/2.1/clusters/delete").id_at("cluster_id"),
    }),
    is_built_in: |_| false,
};

const PIN: WritePath = WritePath::post("/api/2.1/clusters/pin").id_at("cluster_id");
const UNPIN: WritePath = WritePath::post("/api/2.1/clusters/unpin").id_at("cluster_id");

#[async_trait]
impl AssetKind for Cluster {
    fn schema(&self) -> &Schema {
        &REST.schema
    }

    fn listing(&self) -> &dyn Listing {
        self
    }

    fn portray(&self, mut raw: Value) -> Result<Portrait, Error> {
        let id = raw["cluster_id"].clone();
        let mut asked = raw.get_mut("spec").map(Value::take).filter(Value::is_object).unwrap_or_else(|| {
            VOLATILE
                .iter()
                .for_each(|field| drop(raw.as_object_mut().and_then(|fields| fields.remove(*field))));
            drop(raw.as_object_mut().and_then(|fields| fields.remove("creator_user_name")));
            raw
        });
        asked["cluster_id"] = id;
        REST.portray(asked)
    }

    async fn read(&self, reader: &Reader, remote: &RemoteId) -> Result<Option<Value>, Error> {
        REST.read(reader, remote).await
    }

    fn asleep(&self, waking: &Posture) -> Posture {
        let mut asleep = posture::asleep(&REST.schema, waking);
        asleep.set(PINNED, json!(true));
        asleep
    }

    fn ration(&self) -> Option<Ration> {
        Some(Ration {
            word: PINNED,
            room: 100,
            without: "expires 30 days after it last ran and is then made anew",
        })
    }

    fn calls(&self, change: &Change, spec: &Value) -> Vec<Call> {
        let pinned = |posture: &Posture| posture.get(PINNED).and_then(Value::as_bool).unwrap_or(false);
        let is_pinned = change.observed.as_ref().is_some_and(|now| pinned(&now.posture));
        if change.action == Action::Delete {
            let unpin = is_pinned.then(|| UNPIN.call(Purpose::Posture, &change.asset, None));
            return unpin.into_iter().chain(REST.calls(change, spec)).collect();
        }
        let mut calls = REST.calls(change, spec);
        match (pinned(&change.desired.posture), is_pinned) {
            (true, false) => calls.push(PIN.call(Purpose::Posture, &change.asset, None)),
            (false, true) => calls.push(UNPIN.call(Purpose::Posture, &change.asset, None)),
            _ => {}
        }
        calls
    }

    fn created(&self, answer: &Value) -> Option<RemoteId> {
        REST.created(answer)
    }
}

#[async_trait]
impl Listing for Cluster {
    fn name(&self) -> &'static str {
        "cluster"
    }

    async fn list(
        &self,
        reader: &Reader,
        _scope: &Scope,
        found: &mut (dyn FnMut(Listed) -> Result<(), Error> + Send),
    ) -> Result<Complete, Error> {
        let mut pinned = BTreeSet::new();
        let filtered = walk(reader, &REST.list_call().query("filter_by.is_pinned", "true"), &mut |row| {
            pinned.insert(row["cluster_id"].as_str().unwrap_or_default().to_owned());
            Ok(())
        })
        .await?;
        let all = REST
            .walk(reader, &mut |mut row| {
                let remote = crate::portrait::remote_id(&REST.schema, &row)?;
                let mut posture = REST.run_state.map_or_else(Posture::none, |state| state.posture(&row));
                posture.set(PINNED, json!(pinned.contains(remote.as_str())));
                let key = Key::new(row["cluster_name"].as_str().unwrap_or_default());
                if let Value::Object(fields) = &mut row {
                    fields.retain(|field, _| !VOLATILE.contains(&field.as_str()));
                }
                let mark = Mark::new(Digest::of(row.to_string().as_bytes()).short());
                found(Listed { kind: REST.schema.name, remote, key, body: Body::Unread(Some(mark)), posture })
            })
            .await?;
        Ok(all.and(filtered))
    }
}
