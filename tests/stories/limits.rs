//! What a workspace has only so much of.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use twinlake_simulator::Deed;
use twinlake_tests::{Fleet, Site};

use super::house::{
    DAY, assert_everything_is_told, create_cluster, fleet, job_with_notebook, notable, reset_job, verdict,
};

fn pinned(site: &Site) -> Vec<Value> {
    site.list("/api/2.1/clusters/list?filter_by.is_pinned=true&page_size=100", "clusters")
}

fn clusters(site: &Site) -> Vec<Value> {
    site.list("/api/2.1/clusters/list?page_size=100", "clusters")
}

/// A job on this cluster.
fn job_on(site: &Site, name: &str, cluster: &Value) -> i64 {
    let mut job = job_with_notebook(name, "relative/path");
    job["tasks"][0]["existing_cluster_id"] = cluster.clone();
    site.create_job(job)
}

/// 130 clusters that run for ever, of which jobs use the last twenty. At the standby somebody pinned ten of their own.
async fn beyond_the_pins(seed: u64) -> Fleet {
    let fleet = fleet(seed).await;
    for number in 0..10 {
        let id = create_cluster(fleet.west(), &format!("own {number}"), json!({}));
        fleet.west().post("/api/2.1/clusters/pin", json!({"cluster_id": id}));
    }
    for number in 0..130 {
        let id = create_cluster(
            fleet.east(),
            &format!("cluster {number:03}"),
            json!({"autotermination_minutes": 0}),
        );
        if number >= 110 {
            job_on(fleet.east(), &format!("job {number}"), &id);
        }
    }
    fleet
}

#[tokio::test(start_paused = true)]
async fn of_130_clusters_those_that_jobs_need_are_pinned_first_and_the_rest_is_told_what_it_lacks() {
    let fleet = beyond_the_pins(401).await;
    let report = fleet.sync().await;
    assert_everything_is_told(&report, fleet.east());
    assert_eq!(report.tally().get("partial"), Some(&40), "{:#?}", notable(&report));
    assert_eq!(report.tally().get("failed"), None);
    let pins = pinned(fleet.west());
    assert_eq!(pins.len(), 100);
    let names: BTreeSet<&str> = pins.iter().map(|row| row["cluster_name"].as_str().unwrap()).collect();
    assert!((110..130).all(|number| names.contains(format!("cluster {number:03}").as_str())));
    assert!(
        (0..10).all(|number| names.contains(format!("own {number}").as_str())),
        "nobody's pin is taken away"
    );
    for round in 0..2 {
        let report = fleet.sync().await;
        assert_eq!(report.writes, 0, "round {round}: {:#?}", notable(&report));
        assert_eq!(report.tally().get("partial"), Some(&40));
    }
    let lacking = notable(&report);
    assert!(
        lacking
            .iter()
            .all(|line| line
                .ends_with("partial(pinned: expires 30 days after it last ran and is then made anew)")),
        "{lacking:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_expired_without_a_pin_is_made_anew_once() {
    let fleet = beyond_the_pins(402).await;
    fleet.sync().await;
    fleet.jump(29 * DAY);
    assert_eq!(fleet.sync().await.writes, 0);
    fleet.jump(2 * DAY);
    let gone = 140 - clusters(fleet.west()).len();
    assert_eq!(gone, 40);
    let before = fleet.effect_count();
    let report = fleet.sync().await;
    assert_eq!(report.tally().get("partial"), Some(&40), "{:#?}", notable(&report));
    let effects = fleet.west().effects_after(before);
    let made = effects.iter().filter(|effect| effect.deed == Deed::Created).count();
    assert_eq!((made, clusters(fleet.west()).len()), (40, 140));
    fleet.jump(DAY);
    assert_eq!(fleet.sync().await.writes, 0);
    let names: BTreeSet<String> =
        clusters(fleet.west()).iter().map(|row| row["cluster_name"].to_string()).collect();
    assert_eq!(names.len(), 140, "no cluster is there twice");
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_a_job_begins_to_need_takes_a_pin_from_one_that_nobody_needs() {
    let fleet = beyond_the_pins(403).await;
    fleet.sync().await;
    let before: BTreeSet<String> =
        pinned(fleet.west()).iter().map(|row| row["cluster_name"].to_string()).collect();
    let all = clusters(fleet.east());
    let without = all.iter().find(|row| !before.contains(&row["cluster_name"].to_string())).unwrap();
    job_on(fleet.east(), "needs it", &without["cluster_id"]);
    let name = without["cluster_name"].as_str().unwrap();
    // A pin must be given back before it can be handed on.
    let report = fleet.sync().await;
    assert_eq!(report.tally().get("failed"), None, "{:#?}", notable(&report));
    assert!(verdict(&report, "cluster", name).starts_with("partial(pinned"));
    let report = fleet.sync().await;
    assert_eq!(report.tally().get("failed"), None, "{:#?}", notable(&report));
    assert_eq!(verdict(&report, "cluster", name), "in-sync");
    let after: BTreeSet<String> =
        pinned(fleet.west()).iter().map(|row| row["cluster_name"].to_string()).collect();
    assert_eq!((after.len(), after.contains(&without["cluster_name"].to_string())), (100, true));
    assert_eq!(fleet.sync().await.writes, 0);
}

#[tokio::test(start_paused = true)]
async fn a_workspace_that_takes_no_more_jobs_is_told_of_and_the_rest_arrives() {
    let fleet = fleet(404).await;
    let ids: Vec<i64> =
        (0..8).map(|n| fleet.east().create_job(json!({"name": format!("job {n}"), "tasks": []}))).collect();
    fleet.simulator.change_settings(|settings| settings.max_jobs = 5);
    for _ in 0..2 {
        let report = fleet.sync().await;
        assert_eq!(
            (report.tally().get("failed"), fleet.west().jobs().len()),
            (Some(&3), 5),
            "{:#?}",
            notable(&report)
        );
        assert_everything_is_told(&report, fleet.east());
    }
    fleet.simulator.change_settings(|settings| settings.max_jobs = 100);
    reset_job(fleet.east(), ids[0], json!({"name": "job 0", "tasks": [], "timeout_seconds": 5}));
    fleet.sync().await;
    super::house::assert_in_step(&fleet).await;
}
