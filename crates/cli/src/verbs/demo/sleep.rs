//! Whether a workspace sleeps, by what its API shows. Pure, and written for the demo alone.

use serde_json::Value;

use crate::verbs::demo::reading::Reading;

/// What must be so of a standby, and what is not.
pub(crate) fn awake(reading: &Reading) -> Vec<(String, Vec<String>)> {
    let jobs: Vec<&Value> = reading.jobs.values().map(|job| &job["settings"]).collect();
    let starters: usize = jobs.iter().map(|job| starters(job).len()).sum();
    let name = |item: &Value, field: &str| item[field].as_str().unwrap_or("?").to_owned();
    let running =
        |states: &[&str], item: &Value| !states.contains(&item["state"].as_str().unwrap_or_default());
    let idle = |pool: &&Value| pool["min_idle_instances"].as_i64().unwrap_or(0) > 0;
    let clusters = reading.clusters.values();
    vec![
        (
            format!("all {starters} schedules and triggers are paused"),
            jobs.iter()
                .filter(|job| starters_awake(job))
                .map(|job| format!("{} would start by itself", name(job, "name")))
                .collect(),
        ),
        (
            format!("all {} jobs refuse to run: at most 0 at once, and no queue", jobs.len()),
            jobs.iter()
                .filter(|job| job["max_concurrent_runs"] != 0 || job["queue"]["enabled"] == true)
                .map(|job| format!("{} would run when somebody asks", name(job, "name")))
                .collect(),
        ),
        (
            format!(
                "all {} clusters are terminated, and pinned so that they are not forgotten",
                reading.clusters.len()
            ),
            clusters
                .filter(|cluster| {
                    // What a run started for itself is forgotten with the run, and needs no pin.
                    running(&["TERMINATED", "TERMINATING"], cluster)
                        || (cluster["cluster_source"] != "JOB"
                            && !reading.pinned.contains(&name(cluster, "cluster_id")))
                })
                .map(|cluster| format!("{} is {}", name(cluster, "cluster_name"), name(cluster, "state")))
                .collect(),
        ),
        (
            format!("all {} SQL warehouses are stopped", reading.warehouses.len()),
            reading
                .warehouses
                .values()
                .filter(|warehouse| running(&["STOPPED", "STOPPING"], warehouse))
                .map(|warehouse| format!("{} is {}", name(warehouse, "name"), name(warehouse, "state")))
                .collect(),
        ),
        (
            format!("all {} instance pools keep no idle machine", reading.pools.len()),
            reading.pools.values().filter(idle).map(|pool| name(pool, "instance_pool_name")).collect(),
        ),
    ]
}

/// Everything by which a job starts by itself.
fn starters(job: &Value) -> Vec<&Value> {
    let single = ["schedule", "trigger", "continuous"].iter().map(|field| &job[*field]);
    let many = job["triggers"].as_array().into_iter().flatten();
    single.chain(many).filter(|starter| starter.is_object()).collect()
}

fn starters_awake(job: &Value) -> bool {
    starters(job).iter().any(|starter| starter["pause_status"] != "PAUSED")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_schedule_that_says_nothing_of_a_pause_is_awake() {
        let job = json!({ "settings": { "name": "n", "max_concurrent_runs": 0, "schedule": { "quartz_cron_expression": "x" } } });
        let reading = Reading { jobs: BTreeMap::from([("1".into(), job)]), ..Reading::default() };
        let found = awake(&reading);
        assert_eq!(found[0].1, ["n would start by itself"]);
        assert!(found[1..].iter().all(|(_, awake)| awake.is_empty()));
    }
}
