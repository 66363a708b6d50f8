//! Jobs of the estate: of every shape that a real one has.

use serde_json::{Value, json};

use super::compute::{Compute, SPARK_VERSION, node_type};
use super::people::user_name;
use super::tree::Places;
use super::{Gardener, words};
use crate::error::Error;

pub(super) fn seed(
    gardener: &mut Gardener<'_>,
    count: usize,
    places: &Places,
    compute: &Compute,
) -> Result<(), Error> {
    let mut ids: Vec<i64> = Vec::new();
    for number in 0..count {
        let settings = settings(gardener, number, places, compute, &ids);
        let answer = gardener.post("/api/2.2/jobs/create", settings)?;
        ids.push(answer.get("job_id").and_then(Value::as_i64).unwrap_or(0));
        gardener.done.jobs += 1;
        if number % 400 == 41
            && let [.., first, second] = ids.as_slice()
        {
            // Two jobs that run each other: the newer one refers to the older one, which learns of it now.
            let (first, second) = (*first, *second);
            let call = |job: i64| json!([{"task_key": "call", "run_job_task": {"job_id": job}}]);
            gardener.post(
                "/api/2.2/jobs/update",
                json!({"job_id": second, "new_settings": {"tasks": call(first)}}),
            )?;
            gardener.post(
                "/api/2.2/jobs/update",
                json!({"job_id": first, "new_settings": {"tasks": call(second)}}),
            )?;
        }
    }
    Ok(())
}

fn settings(
    gardener: &Gardener<'_>,
    number: usize,
    places: &Places,
    compute: &Compute,
    earlier: &[i64],
) -> Value {
    let team = gardener.word(words::TEAMS);
    let (verb, subject) = (gardener.word(words::VERBS), gardener.word(words::SUBJECTS));
    // Some names are everybody's favourites.
    let name = if number % 25 == 7 {
        format!("{team}-nightly-load")
    } else {
        format!("{team}-{verb}-{subject}-{number}")
    };
    let mut settings = json!({
        "name": name,
        "tags": {"team": team, "layer": gardener.word(words::LAYERS)},
        "max_concurrent_runs": if number.is_multiple_of(9) { 3 } else { 1 },
        "email_notifications": {"on_failure": [user_name(gardener.word(words::PEOPLE))]},
    });
    let count = match number % 100 {
        99 if number % 1000 == 99 => 150,
        90..=97 => 8 + gardener.below(12),
        60..=89 => 2 + gardener.below(4),
        _ => 1,
    };
    settings["tasks"] =
        (0..count).map(|task| self::task(gardener, number, task, places, compute, earlier)).collect();
    let shares_cluster =
        settings["tasks"].as_array().into_iter().flatten().any(|task| task.get("job_cluster_key").is_some());
    if shares_cluster {
        settings["job_clusters"] =
            json!([{"job_cluster_key": "main", "new_cluster": new_cluster(gardener, number, compute)}]);
    }
    if number % 3 == 1 {
        settings["queue"] = json!({"enabled": true});
    }
    if number % 4 == 2 {
        settings["parameters"] =
            json!([{"name": "day", "default": "2026-01-01"}, {"name": "mode", "default": "full"}]);
    }
    if number % 7 == 3 {
        settings["description"] = json!(format!("{verb} {subject} for the {team} team"));
        settings["timeout_seconds"] = json!(7200);
    }
    add_trigger(gardener, number, subject, &mut settings);
    settings
}

fn new_cluster(gardener: &Gardener<'_>, number: usize, compute: &Compute) -> Value {
    let mut cluster = json!({"spark_version": SPARK_VERSION, "num_workers": 1 + gardener.below(8)});
    match number % 3 {
        0 => cluster["instance_pool_id"] = json!(gardener.pick(&compute.pools)),
        1 => {
            cluster["node_type_id"] = json!(node_type(gardener));
            cluster["policy_id"] = json!(gardener.pick(&compute.policies));
        }
        _ => cluster["node_type_id"] = json!(node_type(gardener)),
    }
    cluster
}

fn task(
    gardener: &Gardener<'_>,
    number: usize,
    index: usize,
    places: &Places,
    compute: &Compute,
    earlier: &[i64],
) -> Value {
    let mut task = json!({"task_key": format!("step_{index:03}")});
    if index > 0 {
        // A chain with forks: after the step before, or the one before that.
        let on = index - 1 - usize::from(index > 1 && gardener.percent(30));
        task["depends_on"] = json!([{"task_key": format!("step_{on:03}")}]);
    }
    if index == 0 && number % 20 == 13 && !earlier.is_empty() {
        task["run_job_task"] = json!({"job_id": gardener.pick(earlier)});
        return task;
    }
    if number % 8 == 5
        && let Some(path) = gardener.pick(&places.sql_files)
    {
        task["sql_task"] = json!({"warehouse_id": gardener.pick(&compute.warehouses), "file": {"path": path, "source": "WORKSPACE"}});
        return task;
    }
    let path = gardener.pick(&places.notebooks).cloned().unwrap_or_else(|| "/Shared/none".to_owned());
    task["notebook_task"] =
        json!({"notebook_path": path, "base_parameters": {"layer": gardener.word(words::LAYERS)}});
    match number % 5 {
        0 => task["existing_cluster_id"] = json!(gardener.pick(&compute.clusters)),
        1 | 2 => task["job_cluster_key"] = json!("main"),
        3 => task["new_cluster"] = new_cluster(gardener, number, compute),
        // Serverless.
        _ => {}
    }
    if gardener.percent(20) {
        task["max_retries"] = json!(1);
    }
    task
}

fn add_trigger(gardener: &Gardener<'_>, number: usize, subject: &str, settings: &mut Value) {
    let (hour, minute) = (gardener.below(24), gardener.below(60));
    let zone = ["UTC", "Europe/Berlin", "America/New_York", "America/Chicago"][number % 4];
    let expression = match number % 10 {
        0 => format!("0 {minute} * * * ?"),
        1..=6 => format!("0 {minute} {hour} * * ?"),
        7 | 8 => format!("0 {minute} {hour} ? * MON-FRI"),
        _ => format!("0 {minute} {hour} 1 * ?"),
    };
    let schedule = |paused: bool| json!({"quartz_cron_expression": expression, "timezone_id": zone, "pause_status": if paused { "PAUSED" } else { "UNPAUSED" }});
    match number % 50 {
        0..=24 => settings["schedule"] = schedule(false),
        25..=31 => settings["schedule"] = schedule(true),
        32 | 33 => {
            settings["trigger"] =
                json!({"periodic": {"interval": 4, "unit": "HOURS"}, "pause_status": "UNPAUSED"})
        }
        34..=36 => {
            let url = format!("s3://acme-landing/{subject}/");
            settings["trigger"] = json!({"file_arrival": {"url": url}, "pause_status": "UNPAUSED"});
        }
        37 => {
            let table = format!("silver.{}", subject.replace('-', "_"));
            settings["trigger"] =
                json!({"table_update": {"table_names": [table]}, "pause_status": "UNPAUSED"});
        }
        38 => {
            settings["continuous"] =
                json!({"pause_status": if number % 100 == 38 { "UNPAUSED" } else { "PAUSED" }});
            settings["max_concurrent_runs"] = json!(1);
        }
        39 => {
            settings["triggers"] = json!([
                {"schedule": {"quartz_cron_expression": expression, "timezone_id": zone}, "pause_status": "UNPAUSED"},
                {"periodic": {"interval": 1, "unit": "DAYS"}, "pause_status": "PAUSED"},
            ]);
        }
        _ => {}
    }
}
