//! The clusters API. <https://docs.databricks.com/api/workspace/clusters>
//!
//! What does not exist is answered with 400 INVALID_PARAMETER_VALUE here, not with 404.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::agenda::Event;
use crate::call::{Call, Outcome, Reply};
use crate::collections::Document;
use crate::effects::{Deed, Metered};
use crate::paging;
use crate::refusal::Refusal;
use crate::services::clusters::{self, Cluster, Specified, State};
use crate::services::{cluster_spec, libraries, node_types};
use crate::stage::{Stage, seconds_ms};

/// A cluster by id, or the service's odd way of saying that there is none.
pub(crate) fn find<'a>(stage: &'a Stage<'_>, id: &str) -> Result<&'a Cluster, Refusal> {
    if stage.ws.clusters.expired.contains(id) {
        return Err(Refusal::invalid(format!(
            "Cannot access cluster {id} that was terminated or unpinned more than 30 days ago."
        )));
    }
    stage.ws.clusters.get(id).ok_or_else(|| Refusal::invalid(format!("Cluster {id} does not exist")))
}

fn asked(call: &Call<'_, '_>) -> Result<String, Refusal> {
    let id = call.need("cluster_id")?;
    find(call.stage, &id)?;
    Ok(id)
}

fn state_of(call: &Call<'_, '_>, id: &str) -> Result<State, Refusal> {
    find(call.stage, id).map(|cluster| cluster.state)
}

pub(crate) fn create(call: &mut Call<'_, '_>) -> Outcome {
    let document = call.document()?;
    let sent = cluster_spec::kept(&document);
    let filled = cluster_spec::completed(call.stage, &sent)?;
    let cloned =
        match call.value("clone_from").and_then(|from| from.get("source_cluster_id")).and_then(Value::as_str)
        {
            Some(source) => libraries::of(find(call.stage, source)?),
            None => Vec::new(),
        };
    let id = clusters::create(call.stage, Specified { sent: Arc::new(sent), filled: Arc::new(filled) }, None);
    if !cloned.is_empty() {
        libraries::add(call.stage, &id, &cloned);
    }
    Ok(Reply::Json(json!({"cluster_id": id})))
}

pub(crate) fn get(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    let cluster = find(call.stage, &id)?;
    let mut shown = details(call.stage, cluster);
    shown.insert("spec".to_owned(), Value::Object((*cluster.sent).clone()));
    Ok(Reply::Json(Value::Object(shown)))
}

/// What LIST shows of a cluster.
fn details(stage: &Stage<'_>, cluster: &Cluster) -> Document {
    let mut shown = (*cluster.filled).clone();
    let mut put = |key: &str, value: Value| {
        shown.insert(key.to_owned(), value);
    };
    put("cluster_id", json!(cluster.id));
    put("cluster_name", json!(cluster.name()));
    put("creator_user_name", json!(&*cluster.creator));
    put("cluster_source", json!(if cluster.of_job { "JOB" } else { "API" }));
    put("state", json!(cluster.state.name()));
    put("state_message", json!(cluster.message));
    put("start_time", json!(cluster.started_ms));
    put("last_state_loss_time", json!(cluster.restarted_ms.unwrap_or(0)));
    put("last_activity_time", json!(cluster.active_ms));
    put(
        "default_tags",
        json!({"Vendor": "Databricks", "Creator": &*cluster.creator,
               "ClusterName": cluster.name(), "ClusterId": cluster.id}),
    );
    put("effective_spark_version", json!(cluster.text("spark_version")));
    if let Some(restarted_ms) = cluster.restarted_ms {
        put("last_restarted_time", json!(restarted_ms));
    }
    if let Some(terminated_ms) = cluster.terminated_ms {
        put("terminated_time", json!(terminated_ms));
    }
    if let Some((code, kind)) = &cluster.reason {
        put(
            "termination_reason",
            json!({"code": code, "type": kind, "parameters": {"username": &*cluster.creator}}),
        );
    }
    if cluster.pinned {
        put("pinned_by_user_name", json!(stage.ws.user_id.to_string()));
    }
    if matches!(cluster.state, State::Running | State::Resizing) {
        let workers = cluster.filled.get("num_workers").and_then(Value::as_i64).or_else(|| {
            cluster.filled.get("autoscale").and_then(|scale| scale.get("min_workers")).and_then(Value::as_i64)
        });
        let workers = u32::try_from(workers.unwrap_or(0)).unwrap_or(0);
        let node = |number: u32| {
            json!({"node_id": format!("{}-{number}", cluster.id), "instance_id": format!("i-{}-{number}", cluster.id),
                   "private_ip": format!("10.0.0.{}", number % 250 + 1), "start_timestamp": cluster.started_ms})
        };
        let (cores, memory_mb) = node_types::size(stage.ws.cloud, cluster.text("node_type_id").unwrap_or(""));
        put("driver", node(0));
        put("executors", (1..=workers).map(node).collect());
        put("spark_context_id", json!(cluster.started_ms * 1000));
        put("jdbc_port", json!(10_000));
        put("cluster_cores", json!(cores * f64::from(workers + 1)));
        put("cluster_memory_mb", json!(memory_mb * u64::from(workers + 1)));
    }
    shown
}

pub(crate) fn list(call: &mut Call<'_, '_>) -> Outcome {
    let sources = call.texts("filter_by.cluster_sources");
    let states = call.texts("filter_by.cluster_states");
    let pinned = call.text("filter_by.is_pinned").map(|text| text.eq_ignore_ascii_case("true"));
    let policy = call.text("filter_by.policy_id");
    let wanted = |cluster: &Cluster| {
        let source = if cluster.of_job { "JOB" } else { "API" };
        (sources.is_empty() || sources.iter().any(|wanted| wanted == source))
            && (states.is_empty() || states.iter().any(|wanted| wanted == cluster.state.name()))
            && pinned.is_none_or(|pinned| pinned == cluster.pinned)
            && policy.as_deref().is_none_or(|policy| cluster.text("policy_id") == Some(policy))
    };
    let mut found: Vec<(u64, &Cluster)> =
        call.stage.ws.clusters.iter().rev().filter(|(_, cluster)| wanted(cluster)).collect();
    let by_name = call.text("sort_by.field").as_deref() == Some("CLUSTER_NAME");
    let reversed = call.text("sort_by.direction").as_deref() == Some("DESC");
    if by_name {
        found.sort_by_key(|(key, cluster)| (cluster.name().to_owned(), *key));
    }
    if reversed {
        found.reverse();
    }
    let token = call.text("page_token");
    let size =
        call.stage.settings.page_size("clusters", call.size("page_size")?.filter(|size| *size > 0), 20, 100);
    // Version 2.0 knows no pages.
    let size = if call.request.path.starts_with("/api/2.0/") { usize::MAX - 1 } else { size };
    let empty = call.stage.settings.empty_page_before_last;
    // In order of names, a page begins at a place in the list: names have no order of keys to go by.
    let page = if by_name {
        paging::page(1..found.len() as u64 + 1, false, token.as_deref(), 0, size, empty)?
    } else {
        paging::page(found.iter().map(|(key, _)| *key), !reversed, token.as_deref(), 0, size, empty)?
    };
    let on_page = |key: &u64| {
        if by_name {
            found.get(usize::try_from(*key).ok()? - 1).map(|(_, cluster)| *cluster)
        } else {
            call.stage.ws.clusters.by_key(*key)
        }
    };
    let shown: Vec<Value> = page
        .keys
        .iter()
        .filter_map(on_page)
        .map(|cluster| Value::Object(details(call.stage, cluster)))
        .collect();
    let mut answer = json!({});
    if !shown.is_empty() {
        answer["clusters"] = Value::Array(shown);
    }
    answer["next_page_token"] = json!(page.next.unwrap_or_default());
    answer["prev_page_token"] = json!(page.previous.unwrap_or_default());
    Ok(Reply::Json(answer))
}

pub(crate) fn delete(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    clusters::terminate(call.stage, &id, "USER_REQUEST");
    Ok(Reply::empty())
}

pub(crate) fn permanent_delete(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    if find(call.stage, &id)?.pinned {
        return Err(Refusal::state(format!(
            "Cluster {id} is pinned. Unpin it before it is deleted permanently."
        )));
    }
    clusters::terminate(call.stage, &id, "USER_REQUEST");
    call.stage.ws.meters.set(Metered::Cluster, &id, 0, call.stage.now);
    call.stage.ws.clusters.remove(&id);
    call.stage.effect(Deed::Deleted, "cluster", &id, "");
    Ok(Reply::empty())
}

pub(crate) fn start(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    if find(call.stage, &id)?.of_job {
        return Err(Refusal::invalid(format!("Cluster {id} was created by a job and cannot be started.")));
    }
    clusters::start(call.stage, &id, "STARTING");
    Ok(Reply::empty())
}

pub(crate) fn restart(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    if state_of(call, &id)? == State::Running {
        clusters::restart(call.stage, &id);
    }
    Ok(Reply::empty())
}

pub(crate) fn resize(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    let state = state_of(call, &id)?;
    if state != State::Running {
        return Err(Refusal::state(format!("Cluster {id} is in unexpected state {}.", state.name())));
    }
    let document = call.document()?;
    let (size, gone) = match (document.get("num_workers"), document.get("autoscale")) {
        (Some(workers), _) => (("num_workers", workers.clone()), "autoscale"),
        (None, Some(scale)) => (("autoscale", scale.clone()), "num_workers"),
        (None, None) => {
            return Err(Refusal::bad_field(
                "num_workers",
                "Missing required field: num_workers or autoscale",
            ));
        }
    };
    let cluster = find(call.stage, &id)?;
    if let Some(pool) = cluster.text("instance_pool_id") {
        let wanted = clusters::workers(&Document::from_iter([(size.0.to_owned(), size.1.clone())]));
        let more = wanted - clusters::workers(&cluster.filled);
        if more > 0 && clusters::lacks_room(call.stage, pool, more) {
            return Err(Refusal::state(format!(
                "INSTANCE_POOL_MAX_CAPACITY_FAILURE: Instance pool {pool} has reached its maximum capacity."
            )));
        }
    }
    let now = call.stage.now;
    if let Some(cluster) = call.stage.ws.clusters.get_mut(&id) {
        for spec in [Arc::make_mut(&mut cluster.sent), Arc::make_mut(&mut cluster.filled)] {
            spec.remove(gone);
            spec.insert(size.0.to_owned(), size.1.clone());
        }
        cluster.log(now, "RESIZING", json!({"cause": "USER_REQUEST"}));
    }
    call.stage.effect(Deed::Updated, "cluster", &id, "resized");
    clusters::go(call.stage, &id, State::Resizing, "Resizing the cluster", 10);
    Ok(Reply::empty())
}

pub(crate) fn edit(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    let sent = cluster_spec::kept(&call.document()?);
    change(call, &id, sent)
}

pub(crate) fn update(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    let mask = call.need("update_mask")?;
    let changes = call.value("cluster").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut sent = (*find(call.stage, &id)?.sent).clone();
    if mask == "*" {
        sent = cluster_spec::kept(&changes);
    } else {
        for path in mask.split(',') {
            let parts: Vec<&str> = path.split('.').collect();
            if !cluster_spec::FIELDS.contains(&parts[0]) {
                return Err(Refusal::bad_field(
                    "update_mask",
                    format!("Unknown field {path} in the update mask."),
                ));
            }
            let value = parts[1..]
                .iter()
                .try_fold(changes.get(parts[0]), |value, part| value.map(|value| value.get(part)));
            set(&mut sent, &parts, value.flatten().cloned());
        }
        if mask.contains("num_workers") && !mask.contains("autoscale") {
            sent.remove("autoscale");
        } else if mask.contains("autoscale") && !mask.contains("num_workers") {
            sent.remove("num_workers");
        }
    }
    change(call, &id, sent)
}

fn set(document: &mut Document, path: &[&str], value: Option<Value>) {
    match path {
        [] => {}
        [last] => match value {
            Some(value) => {
                document.insert((*last).to_owned(), value);
            }
            None => {
                document.remove(*last);
            }
        },
        [first, rest @ ..] => {
            if let Some(inner) = document.entry(*first).or_insert_with(|| json!({})).as_object_mut() {
                set(inner, rest, value);
            }
        }
    }
}

fn change(call: &mut Call<'_, '_>, id: &str, sent: Document) -> Outcome {
    let cluster = find(call.stage, id)?;
    if cluster.of_job {
        return Err(Refusal::invalid(format!("Cluster {id} was created by a job and cannot be edited.")));
    }
    let state = cluster.state;
    if !matches!(state, State::Running | State::Terminated) {
        return Err(Refusal::state(format!("Cluster {id} is in unexpected state {}.", state.name())));
    }
    let filled = cluster_spec::completed(call.stage, &sent)?;
    let now = call.stage.now;
    if let Some(cluster) = call.stage.ws.clusters.get_mut(id) {
        cluster.sent = Arc::new(sent);
        cluster.filled = Arc::new(filled);
        cluster.log(now, "EDITED", json!({}));
    }
    call.stage.effect(Deed::Updated, "cluster", id, "edited");
    if state == State::Running {
        clusters::restart(call.stage, id);
    }
    Ok(Reply::empty())
}

pub(crate) fn pin(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    let cluster = find(call.stage, &id)?;
    if cluster.of_job {
        return Err(Refusal::invalid(format!("Cluster {id} was created by a job and cannot be pinned.")));
    }
    if cluster.pinned {
        return Ok(Reply::empty());
    }
    let most = call.stage.settings.max_pinned_clusters;
    if call.stage.ws.clusters.pinned() >= most {
        return Err(Refusal::quota(format!(
            "Cannot pin cluster {id}: {most} clusters are pinned in this workspace."
        )));
    }
    let now = call.stage.now;
    if let Some(cluster) = call.stage.ws.clusters.get_mut(&id) {
        cluster.pinned = true;
        cluster.log(now, "PINNED", json!({}));
    }
    call.stage.effect(Deed::Updated, "cluster", &id, "pinned");
    Ok(Reply::empty())
}

pub(crate) fn unpin(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    let now = call.stage.now;
    if let Some(cluster) = call.stage.ws.clusters.get_mut(&id).filter(|cluster| cluster.pinned) {
        cluster.pinned = false;
        cluster.unpinned_ms = Some(now);
        cluster.log(now, "UNPINNED", json!({}));
        let due = now + seconds_ms(call.stage.settings.cluster_retention_days * 86_400);
        call.stage.at_ms(due, Event::ClusterExpires { id: id.clone() });
        call.stage.effect(Deed::Updated, "cluster", &id, "unpinned");
    }
    Ok(Reply::empty())
}

pub(crate) fn change_owner(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    let owner = call.need("owner_username")?;
    if state_of(call, &id)? != State::Terminated {
        return Err(Refusal::state(format!("Cluster {id} must be terminated before its owner is changed.")));
    }
    if !call.stage.ws.users.contains(&owner) {
        return Err(Refusal::bad_field("owner_username", format!("User {owner} does not exist.")));
    }
    if let Some(cluster) = call.stage.ws.clusters.get_mut(&id) {
        cluster.creator = Arc::from(owner.as_str());
    }
    call.stage.effect(Deed::Updated, "cluster", &id, format!("owned by {owner}"));
    Ok(Reply::empty())
}

pub(crate) fn events(call: &mut Call<'_, '_>) -> Outcome {
    let id = asked(call)?;
    let kinds = call.texts("event_types");
    let (from, to) = (call.number("start_time")?, call.number("end_time")?);
    let ascending = call.text("order").as_deref() == Some("ASC");
    let cluster = find(call.stage, &id)?;
    let mut found: Vec<&(i64, _, _)> = cluster
        .events
        .iter()
        .filter(|(at_ms, kind, _)| {
            from.is_none_or(|from| *at_ms >= from)
                && to.is_none_or(|to| *at_ms <= to)
                && (kinds.is_empty() || kinds.iter().any(|wanted| wanted == kind))
        })
        .collect();
    if !ascending {
        found.reverse();
    }
    let asked_size = call.size("page_size")?.filter(|size| *size > 0).or(call.size("limit")?);
    let size = call.stage.settings.page_size("cluster_events", asked_size, 50, 500);
    let offset = call.size("offset")?.unwrap_or(0);
    let token = call.text("page_token");
    let page = paging::page(1..found.len() as u64 + 1, false, token.as_deref(), offset, size, false)?;
    let shown: Vec<Value> = page
        .keys
        .iter()
        .filter_map(|place| found.get(usize::try_from(*place).ok()? - 1))
        .map(|(at_ms, kind, details)| json!({"cluster_id": id, "timestamp": at_ms, "type": kind, "details": details}))
        .collect();
    let mut answer = json!({"events": shown, "total_count": found.len()});
    if let Some(next) = page.next {
        let mut again = call.document()?;
        again.remove("offset");
        again.insert("page_token".to_owned(), json!(next));
        answer["next_page"] = Value::Object(again);
        answer["next_page_token"] = json!(next);
    }
    if let Some(previous) = page.previous {
        answer["prev_page_token"] = json!(previous);
    }
    Ok(Reply::Json(answer))
}
