//! Jobs. API: <https://docs.databricks.com/api/workspace/jobs> (2.2).
//!
//! - Names may repeat, and are not needed.
//! - Lists and GETs give arrays (tasks, job clusters, environments, parameters) a hundred at a time. A row that says
//!   `has_more` is read page by page and put together; nothing in the row tells whether the rest changed, so it is
//!   read each time.
//! - A job starts by schedule, trigger, `continuous` or any of `triggers`: all are paused in the create itself.
//!   Somebody's `run-now` is stopped by `max_concurrent_runs` 0, which makes new runs skipped, unless they queue: so
//!   the queue is off, too. Otherwise what queued while asleep would run at the moment of waking.
//! - Whether it runs is changed by `update`, which leaves every other field as it is: a reset would take from a job what a
//!   list does not show, such as the password of a private image.
//! - Jobs may run each other, and themselves: a stub has a name and nothing that could start or refer.
//! - Tasks and job clusters are told apart by their keys, and the service does not promise their order.
//! - Deleting a job mails those whom `email_notifications` names, a copy too.
//! - Jobs that the service made for itself cannot be written and are left alone.
//!
//! TODO(robustness): prove on a live workspace that a continuous job takes `max_concurrent_runs` 0, and that a job may be
//! created without tasks.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_databricks::{Complete, Paging, Reader};
use twinlake_model::{Call, Change, Key, Pattern, Posture, RemoteId};

use crate::fragments::{CLUSTER_SPEC, ENVIRONMENT, SQL_CONDITION, TASK, TRIGGER};
use crate::schema::{
    By, Constant, Embed, Field, Fragment, IdShape, KeyRule, Missing, Reference, Schema, Sleeps, TagForm, Tags,
};
use crate::{
    Address, AssetKind, Body, Error, Listed, Listing, Portrait, RestKind, Scope, WritePath, portrait, rest,
};

/// The kind.
pub static KIND: Job = Job;

/// Jobs.
#[derive(Debug)]
pub struct Job;

/// All that a stub has. Clusters, sources and environments that no task uses might be refused.
const STUB: &[&str] = &["name", "description", "tags"];

/// The arrays that come a hundred at a time.
const PAGED: &[&str] = &["tasks", "job_clusters", "environments", "parameters"];

const fn id(at: &'static str, to: &'static str) -> Reference {
    Reference { at: Pattern(at), to, by: By::Id, missing: Missing::Block }
}

const fn principal(at: &'static str) -> Reference {
    Reference { at: Pattern(at), to: "principal", by: By::Principal, missing: Missing::Keep }
}

const fn paused(at: &'static str) -> Sleeps {
    Sleeps { at: Pattern(at), absent: Constant::Text("UNPAUSED"), asleep: Constant::Text("PAUSED") }
}

static REST: RestKind = RestKind {
    schema: Schema {
        name: "job",
        plural: "jobs",
        documentation: "https://docs.databricks.com/api/workspace/jobs",
        key: KeyRule::Name(Pattern("/name")),
        id: (Pattern("/job_id"), IdShape::Int64),
        holds_others: false,
        fragment: Fragment {
            references: &[
                id("/webhook_notifications/*/*/id", "notification_destination"),
                id("/budget_policy_id", "budget_policy"),
                id("/usage_policy_id", "budget_policy"),
                principal("/run_as/user_name"),
                principal("/run_as/service_principal_name"),
                principal("/run_as/group_name"),
                principal("/email_notifications/*/*"),
                Reference {
                    at: Pattern("/parent_path"),
                    to: "folder",
                    by: By::Path,
                    missing: Missing::Block,
                },
                Reference {
                    at: Pattern("/environment_variables/*/spec/files/*"),
                    to: "workspace_file",
                    by: By::Path,
                    missing: Missing::Block,
                },
            ],
            fields: &[
                Field::ServerOwned(Pattern("/job_id")),
                Field::ServerOwned(Pattern("/format")),
                Field::FreeText(Pattern("/parameters/*/default"), "parameters"),
                Field::FreeText(Pattern("/environment_variables/*/spec/variables/*"), "parameters"),
                Field::FreeText(Pattern("/job_clusters/*/serverless_compute_id"), "cloud_resources"),
                Field::FreeText(Pattern("/tags/*"), "tags"),
                Field::Keyed(Pattern("/tasks"), "task_key"),
                Field::Keyed(Pattern("/job_clusters"), "job_cluster_key"),
                Field::Keyed(Pattern("/environments"), "environment_key"),
                Field::Keyed(Pattern("/environment_variables"), "environment_variables_key"),
            ],
            embeds: &[
                Embed::At(Pattern("/tasks/*"), &TASK),
                Embed::At(Pattern("/job_clusters/*/new_cluster"), &CLUSTER_SPEC),
                Embed::At(Pattern("/environments/*/spec"), &ENVIRONMENT),
                Embed::At(Pattern("/trigger"), &TRIGGER),
                Embed::At(Pattern("/triggers/*"), &TRIGGER),
                Embed::At(Pattern("/schedule/sql_condition"), &SQL_CONDITION),
            ],
        },
        sleeps: &[
            paused("/schedule/pause_status"),
            paused("/trigger/pause_status"),
            paused("/continuous/pause_status"),
            paused("/triggers/*/pause_status"),
            Sleeps {
                at: Pattern("/max_concurrent_runs"),
                absent: Constant::Number(1),
                asleep: Constant::Number(0),
            },
            Sleeps {
                at: Pattern("/queue/enabled"),
                absent: Constant::Flag(false),
                asleep: Constant::Flag(false),
            },
        ],
        coarse_fence: &[],
        tags: Some(Tags { at: Pattern("/tags"), room: 25, form: TagForm::Map }),
        leaves_behind: &[
            "run history",
            "credentials of a private Git source",
            "events that a trigger missed",
            "the owner: a job without `run_as` runs as whoever Twinlake signs in as",
            "passwords of Docker images given in plain text",
            "on another cloud: attributes of this one, which are not converted",
        ],
        consistency: Duration::from_secs(10),
    },
    list: ("/api/2.2/jobs/list", "jobs", Paging::token("limit", 100), &[("expand_tasks", "true")]),
    get: Address::Query("/api/2.2/jobs/get", "job_id"),
    create: WritePath::post("/api/2.2/jobs/create"),
    update: WritePath::post("/api/2.2/jobs/reset").id_at("job_id").wrapped_in("new_settings"),
    updates_only: None,
    update_some: Some(WritePath::post("/api/2.2/jobs/update").id_at("job_id").wrapped_in("new_settings")),
    delete: WritePath::post("/api/2.2/jobs/delete").id_at("job_id"),
    run_state: None,
    is_built_in: |_| false,
};

#[async_trait]
impl AssetKind for Job {
    fn schema(&self) -> &Schema {
        &REST.schema
    }

    fn listing(&self) -> &dyn Listing {
        self
    }

    fn portray(&self, mut raw: Value) -> Result<Portrait, Error> {
        let id = raw["job_id"].clone();
        let mut settings =
            raw.get_mut("settings").map(Value::take).filter(Value::is_object).unwrap_or_else(|| json!({}));
        settings["job_id"] = id;
        REST.portray(settings)
    }

    async fn read(&self, reader: &Reader, remote: &RemoteId) -> Result<Option<Value>, Error> {
        rest::read_whole(reader, "/api/2.2/jobs/get", ("job_id", remote.as_str()), "/settings", PAGED).await
    }

    fn stub(&self, spec: &Value) -> Value {
        STUB.iter().filter_map(|field| Some(((*field).to_owned(), spec.get(*field)?.clone()))).collect()
    }

    fn calls(&self, change: &Change, spec: &Value) -> Vec<Call> {
        REST.calls(change, spec)
    }

    fn created(&self, answer: &Value) -> Option<RemoteId> {
        REST.created(answer)
    }
}

/// Why a job is left alone, if it is.
fn left_alone(row: &Value) -> Option<String> {
    let kind = row.pointer("/settings/deployment/kind").and_then(Value::as_str)?;
    (kind == "SYSTEM_MANAGED").then(|| "the service manages this job itself".to_owned())
}

#[async_trait]
impl Listing for Job {
    fn name(&self) -> &'static str {
        "job"
    }

    async fn list(
        &self,
        reader: &Reader,
        _scope: &Scope,
        found: &mut (dyn FnMut(Listed) -> Result<(), Error> + Send),
    ) -> Result<Complete, Error> {
        REST.walk(reader, &mut |row| {
            let has_more = row["has_more"].as_bool().unwrap_or(false);
            let left_alone = left_alone(&row);
            if !has_more && left_alone.is_none() {
                return found(Listed::whole(REST.schema.name, self.portray(row)?, Posture::none()));
            }
            found(Listed {
                kind: REST.schema.name,
                remote: portrait::remote_id(&REST.schema, &row)?,
                key: Key::new(row.pointer("/settings/name").and_then(Value::as_str).unwrap_or_default()),
                body: left_alone.map_or(Body::Unread(None), Body::Skipped),
                posture: Posture::none(),
            })
        })
        .await
    }
}
