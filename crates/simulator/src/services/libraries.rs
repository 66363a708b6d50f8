//! Libraries of clusters. API: <https://docs.databricks.com/api/workspace/libraries>
//!
//! On a running cluster an install takes a while; on a terminated one it waits for the next start. What is
//! uninstalled goes at the next start.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::agenda::Event;
use crate::call::{Call, Outcome, Reply};
use crate::effects::Deed;
use crate::refusal::Refusal;
use crate::services::cluster_api;
use crate::services::clusters::State;
use crate::stage::Stage;

/// Where a library of a cluster stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum Status {
    Pending,
    Installing,
    Installed,
    UninstallOnRestart,
}

/// A library of a cluster.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Installed {
    library: Value,
    status: Status,
}

const KINDS: &[&str] = &["jar", "egg", "whl", "requirements", "pypi", "maven", "cran"];

fn asked(call: &Call<'_, '_>) -> Result<(String, Vec<Value>), Refusal> {
    let id = call.need("cluster_id")?;
    cluster_api::find(call.stage, &id)?;
    let libraries = call.value("libraries").and_then(Value::as_array).cloned().unwrap_or_default();
    if libraries.is_empty() {
        return Err(Refusal::bad_field("libraries", "Missing required field: libraries"));
    }
    check(&libraries)?;
    Ok((id, libraries))
}

/// Refuses what is not a library.
pub(crate) fn check(libraries: &[Value]) -> Result<(), Refusal> {
    let known = |library: &Value| {
        library.as_object().is_some_and(|fields| fields.keys().any(|key| KINDS.contains(&key.as_str())))
    };
    match libraries.iter().find(|library| !known(library)) {
        Some(unknown) => Err(Refusal::bad_field("libraries", format!("Unknown library type: {unknown}"))),
        None => Ok(()),
    }
}

pub(crate) fn install(call: &mut Call<'_, '_>) -> Outcome {
    let (id, libraries) = asked(call)?;
    add(call.stage, &id, &libraries);
    Ok(Reply::empty())
}

/// Adds libraries to a cluster.
pub(crate) fn add(stage: &mut Stage<'_>, id: &str, libraries: &[Value]) {
    let Some(cluster) = stage.ws.clusters.get_mut(id) else { return };
    let running = cluster.state == State::Running;
    let status = if running { Status::Installing } else { Status::Pending };
    for library in libraries {
        match cluster.libraries.iter_mut().find(|known| known.library == *library) {
            Some(known) if known.status == Status::UninstallOnRestart => known.status = status,
            Some(_) => {}
            None => cluster.libraries.push(Installed { library: library.clone(), status }),
        }
    }
    stage.effect(Deed::Updated, "cluster_library", id, "installed");
    if running {
        stage.after_seconds(
            stage.settings.library_install_seconds,
            Event::LibrariesSettle { id: id.to_owned() },
        );
    }
}

pub(crate) fn uninstall(call: &mut Call<'_, '_>) -> Outcome {
    let (id, libraries) = asked(call)?;
    let Some(cluster) = call.stage.ws.clusters.get_mut(&id) else { return Ok(Reply::empty()) };
    let before = cluster.libraries.len();
    let mut marked = false;
    if cluster.state == State::Terminated {
        cluster.libraries.retain(|known| !libraries.contains(&known.library));
    } else {
        for known in cluster.libraries.iter_mut().filter(|known| libraries.contains(&known.library)) {
            known.status = Status::UninstallOnRestart;
            marked = true;
        }
    }
    if marked || cluster.libraries.len() != before {
        call.stage.effect(Deed::Updated, "cluster_library", &id, "uninstalled");
    }
    Ok(Reply::empty())
}

/// A cluster is up: what was to go is gone, the rest is installed.
pub(crate) fn cluster_started(stage: &mut Stage<'_>, id: &str) {
    let Some(cluster) = stage.ws.clusters.get_mut(id) else { return };
    cluster.libraries.retain(|known| known.status != Status::UninstallOnRestart);
    if cluster.libraries.is_empty() {
        return;
    }
    for known in &mut cluster.libraries {
        known.status = Status::Installing;
    }
    stage.after_seconds(stage.settings.library_install_seconds, Event::LibrariesSettle { id: id.to_owned() });
}

/// Installs are complete.
pub(crate) fn settle(stage: &mut Stage<'_>, id: &str) {
    let Some(cluster) = stage.ws.clusters.get_mut(id).filter(|cluster| cluster.state == State::Running)
    else {
        return;
    };
    for known in cluster.libraries.iter_mut().filter(|known| known.status == Status::Installing) {
        known.status = Status::Installed;
    }
}

fn statuses(libraries: &[Installed]) -> Vec<Value> {
    let (gone, here): (Vec<_>, Vec<_>) =
        libraries.iter().partition(|known| known.status == Status::UninstallOnRestart);
    here.into_iter()
        .chain(gone)
        .map(|known| json!({"library": known.library, "status": known.status, "is_library_for_all_clusters": false}))
        .collect()
}

pub(crate) fn cluster_status(call: &mut Call<'_, '_>) -> Outcome {
    let id = call.need("cluster_id")?;
    let libraries = statuses(&cluster_api::find(call.stage, &id)?.libraries);
    let mut answer = json!({"cluster_id": id});
    if !libraries.is_empty() {
        answer["library_statuses"] = Value::Array(libraries);
    }
    Ok(Reply::Json(answer))
}

pub(crate) fn all_cluster_statuses(call: &mut Call<'_, '_>) -> Outcome {
    let all: Vec<Value> = call
        .stage
        .ws
        .clusters
        .iter()
        .filter(|(_, cluster)| !cluster.libraries.is_empty())
        .map(|(_, cluster)| json!({"cluster_id": cluster.id, "library_statuses": statuses(&cluster.libraries)}))
        .collect();
    Ok(Reply::Json(json!({"statuses": all})))
}

/// The libraries that a cluster is to have.
pub(crate) fn of(cluster: &crate::services::clusters::Cluster) -> Vec<Value> {
    cluster
        .libraries
        .iter()
        .filter(|known| known.status != Status::UninstallOnRestart)
        .map(|known| known.library.clone())
        .collect()
}
