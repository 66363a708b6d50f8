//! The compute of tasks: finding it, starting it, making it.

use std::sync::Arc;

use serde_json::Value;

use crate::collections::Document;
use crate::services::clusters::{Specified, State as ClusterState};
use crate::services::runs::Described;
use crate::services::tasks::set;
use crate::services::warehouses::State as WarehouseState;
use crate::services::{cluster_spec, clusters, libraries, warehouses};
use crate::stage::{Stage, seconds_ms};

/// When the compute that a task needs will be there; starts what must be started.
pub(crate) fn compute(
    stage: &mut Stage<'_>,
    run_id: i64,
    index: usize,
    work: &Value,
) -> Result<i64, (&'static str, String)> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let warehouse = work.as_object().into_iter().flatten().find_map(|(_, kind)| text(kind, "warehouse_id"));
    if let Some(id) = warehouse {
        let state = stage.ws.warehouses.get(&id).map(|warehouse| warehouse.state);
        let wait = match state {
            None => return Err(("RESOURCE_NOT_FOUND", format!("SQL warehouse {id} does not exist."))),
            Some(WarehouseState::Running) => 0,
            Some(_) => stage.settings.warehouse_start_seconds,
        };
        warehouses::begin(stage, &id);
        warehouses::occupy(stage, &id, 1);
        set(stage, run_id, index, |task| task.warehouse = Some(id));
        return Ok(stage.now + seconds_ms(wait));
    }
    let cluster = if let Some(id) = text(work, "existing_cluster_id") {
        Some((id, false))
    } else if let Some(key) = text(work, "job_cluster_key") {
        Some((shared_cluster(stage, run_id, &key)?, false))
    } else if let Some(spec) = work.get("new_cluster") {
        let place =
            stage.ws.runs.get(run_id).and_then(|run| run.tasks.get(index)).map_or(0, |task| task.place);
        Some((own_cluster(stage, run_id, format!("tasks/{place}"), spec)?, true))
    } else {
        None
    };
    let Some((id, owned)) = cluster else { return Ok(stage.now) };
    let wait = match stage.ws.clusters.get(&id).map(|cluster| cluster.state) {
        None => return Err(("INVALID_CLUSTER_REQUEST", format!("Cluster {id} does not exist"))),
        Some(ClusterState::Running) => 0,
        Some(ClusterState::Terminating) => {
            return Err(("CLUSTER_ERROR", format!("Cluster {id} is being terminated")));
        }
        Some(_) => stage.settings.cluster_start_seconds,
    };
    clusters::start(stage, &id, "STARTING");
    clusters::occupy(stage, &id, 1);
    let wanted = work.get("libraries").and_then(Value::as_array).cloned().unwrap_or_default();
    if !wanted.is_empty() {
        libraries::add(stage, &id, &wanted);
    }
    set(stage, run_id, index, |task| {
        task.cluster = Some(id);
        task.owns_cluster = owned;
    });
    Ok(stage.now + seconds_ms(wait))
}

fn shared_cluster(stage: &mut Stage<'_>, run_id: i64, key: &str) -> Result<String, (&'static str, String)> {
    let run = stage.ws.runs.get(run_id).ok_or(("INTERNAL_ERROR", String::new()))?;
    if let Some(id) = run.clusters.get(key) {
        return Ok(id.clone());
    }
    let of_key = |cluster: &&Value| cluster.get("job_cluster_key").and_then(Value::as_str) == Some(key);
    let described =
        run.settings.get("job_clusters").and_then(Value::as_array).into_iter().flatten().find(of_key);
    let spec = described.and_then(|cluster| cluster.get("new_cluster")).cloned();
    let spec =
        spec.ok_or_else(|| ("INVALID_RUN_CONFIGURATION", format!("Job cluster {key} is not defined")))?;
    let id = own_cluster(stage, run_id, format!("job_clusters/{key}"), &spec)?;
    if let Some(run) = stage.ws.runs.get_mut(run_id) {
        run.clusters.insert(key.to_owned(), id.clone());
    }
    Ok(id)
}

/// Makes a cluster for a run. Runs with the same settings share what their clusters are described by, as long as no
/// pool or policy has changed.
fn own_cluster(
    stage: &mut Stage<'_>,
    run_id: i64,
    place: String,
    spec: &Value,
) -> Result<String, (&'static str, String)> {
    let run = stage.ws.runs.get(run_id).ok_or(("INTERNAL_ERROR", String::new()))?;
    let (job_id, settings) = (run.job_id, Arc::clone(&run.settings));
    let revision = stage.ws.revision;
    let known = stage.ws.runs.described.get(&(job_id, place.clone()));
    let spec =
        match known.filter(|known| known.revision == revision && Arc::ptr_eq(&known.settings, &settings)) {
            Some(known) => known.spec.clone(),
            None => {
                let sent = cluster_spec::kept(spec.as_object().unwrap_or(&Document::new()));
                let filled = cluster_spec::completed(stage, &sent)
                    .map_err(|refusal| ("INVALID_CLUSTER_REQUEST", refusal.message))?;
                let spec = Specified { sent: Arc::new(sent), filled: Arc::new(filled) };
                let described = Described { revision, settings, spec: spec.clone() };
                stage.ws.runs.described.insert((job_id, place), described);
                spec
            }
        };
    Ok(clusters::create(stage, spec, Some(format!("job-{job_id}-run-{run_id}"))))
}
