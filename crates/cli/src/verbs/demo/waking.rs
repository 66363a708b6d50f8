//! What decides whether things run by themselves, by the names of things: whether a promoted site wakes as the lost one
//! was. Pure, and written for the demo alone.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::verbs::demo::reading::Reading;

/// What decides whether each job and pool runs. Names may repeat, so each has a list.
fn waking(reading: &Reading) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for job in reading.jobs.values() {
        let settings = &job["settings"];
        let paused = |starter: &str| match &settings[starter] {
            Value::Object(starter) => {
                starter.get("pause_status").cloned().unwrap_or_else(|| json!("UNPAUSED"))
            }
            _ => Value::Null,
        };
        let of_job = json!({
            "schedule": paused("schedule"), "trigger": paused("trigger"), "continuous": paused("continuous"),
            "at_once": settings["max_concurrent_runs"].as_i64().unwrap_or(1),
            "queue": settings["queue"]["enabled"] == true,
        });
        all.entry(name(settings, "name")).or_default().push(of_job.to_string());
    }
    for pool in reading.pools.values() {
        let of_pool = json!({
            "idle": pool["min_idle_instances"].as_i64().unwrap_or(0), "at_most": pool["max_capacity"],
        });
        all.entry(name(pool, "instance_pool_name")).or_default().push(of_pool.to_string());
    }
    all.values_mut().for_each(|list| list.sort());
    all
}

/// What runs otherwise there than here.
pub(crate) fn differences(here: &Reading, there: &Reading) -> Vec<String> {
    let (here, there) = (waking(here), waking(there));
    let differ = |(name, ours): (&String, &Vec<String>)| match there.get(name) {
        Some(theirs) if theirs == ours => None,
        Some(theirs) => Some(format!("{name}: {} here, {} there", ours.join(" "), theirs.join(" "))),
        None => Some(format!("{name} is missing")),
    };
    here.iter().filter_map(differ).collect()
}

/// How many jobs start by themselves, and how many would but are paused.
pub(crate) fn starters(reading: &Reading) -> (usize, usize) {
    let all = waking(reading);
    let jobs = || all.values().flatten();
    let awake = jobs().filter(|job| job.contains("\"UNPAUSED\"")).count();
    let paused = jobs().filter(|job| job.contains("\"PAUSED\"") && !job.contains("\"UNPAUSED\"")).count();
    (awake, paused)
}

fn name(item: &Value, field: &str) -> String {
    item[field].as_str().unwrap_or("?").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(pause: &str) -> Reading {
        let job = json!({ "settings": { "name": "nightly", "schedule": { "pause_status": pause } } });
        Reading { jobs: BTreeMap::from([("1".into(), job)]), ..Reading::default() }
    }

    #[test]
    fn a_job_that_was_paused_and_is_not_any_more_is_a_difference() {
        assert!(differences(&reading("PAUSED"), &reading("PAUSED")).is_empty());
        assert_eq!(differences(&reading("PAUSED"), &reading("UNPAUSED")).len(), 1);
        assert_eq!(differences(&reading("PAUSED"), &Reading::default()), ["nightly is missing"]);
        assert_eq!((starters(&reading("PAUSED")), starters(&reading("UNPAUSED"))), ((0, 1), (1, 0)));
    }
}
