//! Large estates, names that repeat, and references that go in circles.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use twinlake_simulator::Deed;

use super::house::{
    assert_everything_is_told, assert_in_step, fleet, job_that_runs, job_with_notebook, reset_job,
};

#[tokio::test(start_paused = true)]
async fn of_1101_jobs_of_which_300_share_names_each_has_exactly_one_copy() {
    let fleet = fleet(2).await;
    let east = fleet.east();
    east.write_notebook("/Shared/main", "pass");
    for number in 0..801 {
        east.create_job(job_with_notebook(&format!("job {number}"), "/Shared/main"));
    }
    // Three hundred in thirty names; some of them differ in nothing at all.
    for number in 0..300 {
        let mut job = job_with_notebook(&format!("shared name {}", number % 30), "/Shared/main");
        job["timeout_seconds"] = json!(number / 60);
        east.create_job(job);
    }
    let report = fleet.sync().await;
    assert_eq!(report.tally().get("in-sync"), Some(&(1101 + 5 + 1 + 1 + 1)), "{:?}", report.tally());
    assert_everything_is_told(&report, east);
    assert_eq!(fleet.west().jobs().len(), 1101);
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_job_of_150_tasks_arrives_whole_and_a_change_beyond_the_first_page_is_seen() {
    let fleet = fleet(3).await;
    let east = fleet.east();
    east.write_notebook("/Shared/main", "pass");
    let numbered = |make: fn(usize) -> Value| (0..150).map(make).collect::<Vec<Value>>();
    let mut job = json!({
        "name": "wide",
        "tasks": numbered(|number| json!({
            "task_key": format!("task_{number:03}"), "job_cluster_key": format!("cluster_{number:03}"),
            "notebook_task": {"notebook_path": "/Shared/main"}})),
        "job_clusters": numbered(|number| json!({
            "job_cluster_key": format!("cluster_{number:03}"),
            "new_cluster": {"spark_version": "15.4.x-scala2.12", "node_type_id": "i3.xlarge", "num_workers": number % 5 + 1}})),
        "parameters": numbered(|number| json!({"name": format!("p{number:03}"), "default": number.to_string()})),
    });
    let id = east.create_job(job.clone());
    fleet.sync().await;
    assert_in_step(&fleet).await;
    assert_eq!(fleet.west().jobs_named("wide")[0]["tasks"].as_array().unwrap().len(), 150);

    job["tasks"][149]["max_retries"] = json!(3);
    job["parameters"][120]["default"] = json!("changed");
    reset_job(east, id, job);
    let report = fleet.sync().await;
    assert_eq!(report.writes, 1);
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn jobs_that_run_each_other_in_pairs_in_rings_and_by_themselves_are_closed_by_as_few_stubs_as_needed() {
    let fleet = fleet(4).await;
    let east = fleet.east();
    let later = json!({"name": "later", "tasks": []});
    let make = |name: &str| {
        let mut settings = later.clone();
        settings["name"] = json!(name);
        east.create_job(settings)
    };
    let ids: BTreeMap<&str, i64> =
        ["a", "b", "ring 1", "ring 2", "ring 3", "self"].map(|name| (name, make(name))).into();
    let runs = [
        ("a", "b"),
        ("b", "a"),
        ("ring 1", "ring 2"),
        ("ring 2", "ring 3"),
        ("ring 3", "ring 1"),
        ("self", "self"),
    ];
    for (name, other) in runs {
        reset_job(east, ids[name], job_that_runs(name, &json!(ids[other])));
    }
    // And one that merely hangs on to the ring.
    east.create_job(job_that_runs("follower", &json!(ids["ring 2"])));

    let before = fleet.effect_count();
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", report.outcomes);
    assert_everything_is_told(&report, east);
    let jobs = |deed: Deed| {
        let effects = fleet.west().effects_after(before);
        effects.iter().filter(|effect| effect.deed == deed && effect.kind == "job").count()
    };
    assert_eq!((jobs(Deed::Created), jobs(Deed::Updated)), (7, 3), "one stub per circle is filled");
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_circle_that_is_closed_later_through_a_job_that_stands_already_needs_no_second_copy() {
    let fleet = fleet(5).await;
    let east = fleet.east();
    let old = east.create_job(json!({"name": "old", "tasks": []}));
    fleet.sync().await;
    let new = east.create_job(job_that_runs("new", &json!(old)));
    reset_job(east, old, job_that_runs("old", &json!(new)));
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", report.outcomes);
    assert_in_step(&fleet).await;
}
