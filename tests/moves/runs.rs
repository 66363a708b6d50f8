//! What runs while production moves: it may end for a while, is then cancelled and listed, and is started again by nobody.

use std::time::Duration;

use serde_json::{Value, json};
use twinlake_base::Clock;
use twinlake_controller::Ended;
use twinlake_simulator::{Appearance, Deed, Outage, Settings};
use twinlake_tests::{Deployment, ONE_GROUP, Site};

use super::readings::{furnish_little, wish};

/// A deployment whose tasks take so long, with two minutes to end in.
async fn with_tasks_of(seed: u64, seconds: u64) -> Deployment {
    let start = "2026-03-02T09:30:00Z".parse().unwrap();
    let settings = Settings { task_seconds: seconds, cluster_start_seconds: 5, ..Settings::default() };
    let config = format!("{ONE_GROUP}    safety: {{ drain: 2m }}\n");
    let deployment = Deployment::under(Clock::simulated(start), seed, 2, &config, settings).await;
    furnish_little(deployment.site("east"));
    assert!(deployment.sync().await.is_complete());
    deployment
}

/// Three runs of a job that can have two, so that one is queued; and one that somebody submits.
fn bustle(site: &Site) {
    let job = site.jobs_named("critical-load")[0]["job_id"].clone();
    for day in 1..=3 {
        site.post("/api/2.2/jobs/run-now", json!({ "job_id": job, "jar_params": [day.to_string()] }));
    }
    site.post(
        "/api/2.2/jobs/runs/submit",
        json!({ "run_name": "by airflow", "tasks": [{ "task_key": "a",
            "spark_jar_task": { "main_class_name": "a.E" }, "new_cluster": {
                "spark_version": "15.4.x-scala2.12", "num_workers": 1, "node_type_id": "i3.xlarge" } }] }),
    );
}

fn active(site: &Site) -> usize {
    site.list("/api/2.2/jobs/runs/list?active_only=true", "runs").len()
}

/// How many runs ended in each way.
fn ends(site: &Site) -> Vec<String> {
    let runs = site.list("/api/2.2/jobs/runs/list?expand_tasks=false", "runs");
    let mut ends: Vec<String> = runs
        .iter()
        .map(|run| {
            format!(
                "{} {}",
                run["run_name"].as_str().unwrap(),
                run["state"]["result_state"].as_str().unwrap_or("-")
            )
        })
        .collect();
    ends.sort();
    ends
}

/// What the run lists for people to decide about.
fn listed(moved: &twinlake_controller::Moved) -> Vec<(String, String)> {
    let report = moved.report.as_ref().unwrap();
    let step = report.steps.iter().find(|step| step.planned.name == "list_unfinished").unwrap();
    let runs = step.evidence.as_ref().unwrap()["runs"].as_array().unwrap().clone();
    let mut listed: Vec<(String, String)> = runs
        .iter()
        .map(|run: &Value| {
            (run["name"].as_str().unwrap().to_owned(), run["outcome"].as_str().unwrap().to_owned())
        })
        .collect();
    listed.sort();
    listed
}

/// Nobody started anything at a site.
fn assert_nothing_ran(site: &Site, after: u64) {
    let ran: Vec<_> = site.effects_after(after).into_iter().filter(|one| one.deed == Deed::Ran).collect();
    assert!(ran.is_empty(), "{ran:#?}");
}

#[tokio::test(start_paused = true)]
async fn short_runs_may_end_and_what_was_queued_or_takes_longer_is_cancelled_listed_and_not_started_again() {
    let short = with_tasks_of(970, 60).await;
    bustle(short.site("east"));
    let after = short.simulator.effect_count();
    let moved = short.run("switchover").await;
    assert_eq!(moved.ended, Ended::Complete, "{:#?}", moved.report);
    assert_eq!(active(short.site("east")), 0);
    let ended = ends(short.site("east"));
    let succeeded = ended.iter().filter(|end| end.ends_with("SUCCESS")).count();
    assert!(succeeded >= 3, "what ran could end: {ended:?}");
    assert_eq!(listed(&moved).len(), 4 - succeeded, "{ended:?}");
    assert_nothing_ran(short.site("west"), after);

    let long = with_tasks_of(971, 4 * 3600).await;
    bustle(long.site("east"));
    let (after, began) = (long.simulator.effect_count(), long.clock.now());
    let moved = long.run("switchover").await;
    assert_eq!(moved.ended, Ended::Complete, "{:#?}", moved.report);
    let took = long.clock.now().duration_since(began).unsigned_abs();
    assert!(took < Duration::from_secs(600), "the drain has a limit: {took:?}");
    assert_eq!(active(long.site("east")), 0);
    let cancelled = |name: &str| (name.to_owned(), "cancelled".to_owned());
    let expected = ["by airflow", "critical-load", "critical-load", "critical-load"].map(cancelled);
    assert_eq!(listed(&moved), expected);
    assert_nothing_ran(long.site("west"), after);
}

#[tokio::test(start_paused = true)]
async fn what_ran_when_the_primary_was_lost_may_have_run_and_is_started_again_by_nobody() {
    let deployment = with_tasks_of(980, 4 * 3600).await;
    let (east, west) = (deployment.site("east"), deployment.site("west"));
    bustle(east);
    deployment.jump(Duration::from_secs(60));
    // The last look before the region is lost.
    assert!(deployment.sync().await.is_complete());
    deployment.lose("east", Outage::cut_off(Appearance::BlackHole));
    let after = deployment.simulator.effect_count();
    let proposal = deployment.propose(&wish("forced_failover")).await;
    let mut shown: Vec<&str> = proposal.loss.may_have_run.iter().map(|run| run.name.as_str()).collect();
    shown.sort_unstable();
    assert_eq!(shown, ["by airflow", "critical-load", "critical-load", "critical-load"]);
    let moved = deployment.run_as_wished(wish("forced_failover")).await;
    let expected = ["by airflow", "critical-load", "critical-load", "critical-load"]
        .map(|name| (name.to_owned(), "may have run".to_owned()));
    assert_eq!(listed(&moved), expected);
    assert_nothing_ran(west, after);

    // It is back, and they still run there: they are cancelled and named.
    deployment.restore("east");
    let report = deployment.sync().await;
    let visited = report.fences[0].visited.as_ref().unwrap();
    assert_eq!(visited.ran.len(), 4, "{visited:#?}");
    assert!(report.fences[0].is_fenced(), "{:#?}", report.fences);
    assert_eq!(active(east), 0);
    assert_nothing_ran(west, after);
}
