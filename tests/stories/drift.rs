//! Somebody changes something at the standby; and what a service makes of what it is sent.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use twinlake_simulator::{Fault, FaultAct};
use twinlake_tests::Site;

use super::house::{
    HOUR, assert_everything_is_told, assert_in_step, create_pool, fleet, furnish, notable, outcome,
    reset_job, verdict,
};

fn pools(site: &Site) -> Vec<Value> {
    site.list("/api/2.0/instance-pools/list", "instance_pools")
}

#[tokio::test(start_paused = true)]
async fn whatever_somebody_does_to_a_sleeping_copy_is_put_back_and_named() {
    let fleet = fleet(31).await;
    furnish(fleet.east());
    let lone = fleet.east().create_job(json!({"name": "lone", "continuous": {"pause_status": "UNPAUSED"},
        "tasks": [{"task_key": "main", "notebook_task": {"notebook_path": "/Shared/etl/load"}}]}));
    assert!(lone > 0);
    fleet.sync().await;
    fleet.jump(HOUR);
    let west = fleet.west();

    let mut job = west.jobs_named("lone")[0].clone();
    let id = job.as_object_mut().unwrap().remove("job_id").unwrap().as_i64().unwrap();
    job["continuous"]["pause_status"] = json!("UNPAUSED");
    job["max_concurrent_runs"] = json!(1);
    job["tasks"][0]["timeout_seconds"] = json!(77);
    reset_job(west, id, job);
    let warehouse = |site: &Site| {
        let all = site.list("/api/2.0/sql/warehouses", "warehouses");
        all.into_iter().find(|warehouse| warehouse["name"] == "bi").unwrap()
    };
    let started = warehouse(west)["id"].as_str().unwrap().to_owned();
    west.post(&format!("/api/2.0/sql/warehouses/{started}/start"), json!({}));
    west.write_notebook("/Shared/etl/load", "print('edited at the standby')");
    west.write_file("/Shared/lib/helper.py", b"edited");
    let mut pool = pools(west).remove(0);
    pool["min_idle_instances"] = json!(3);
    west.post("/api/2.0/instance-pools/edit", json!({"instance_pool_id": pool["instance_pool_id"],
        "instance_pool_name": "renamed by hand", "node_type_id": pool["node_type_id"], "min_idle_instances": 3,
        "max_capacity": 10, "custom_tags": pool["custom_tags"]}));
    let cluster = west.list("/api/2.1/clusters/list", "clusters")[0]["cluster_id"].clone();
    west.post("/api/2.1/clusters/start", json!({"cluster_id": cluster}));

    let report = fleet.sync().await;
    assert_everything_is_told(&report, fleet.east());
    let expected = [
        ("job", "lone", "drifted(/continuous/pause_status, /max_concurrent_runs, /tasks/0/timeout_seconds)"),
        ("sql_warehouse", "bi", "drifted(running)"),
        ("notebook", "/Shared/etl/load", "drifted(content)"),
        ("workspace_file", "/Shared/lib/helper.py", "drifted(content)"),
        ("instance_pool", "shared-pool", "drifted(/instance_pool_name, /min_idle_instances)"),
        ("cluster", "adhoc", "drifted(running)"),
    ];
    for (kind, key, told) in expected {
        assert_eq!(verdict(&report, kind, key), told);
    }
    assert_eq!(report.tally().get("drifted"), Some(&expected.len()), "{:#?}", notable(&report));
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_was_renamed_out_of_the_selection_is_found_and_put_back() {
    let mut fleet = fleet(32).await;
    fleet.east().create_job(json!({"name": "finance-a", "tasks": []}));
    fleet.selection.include = vec!["jobs:finance-*".parse().unwrap()];
    fleet.sync().await;
    let copy = fleet.west().jobs()[0]["job_id"].as_i64().unwrap();
    fleet.west().post("/api/2.2/jobs/update", json!({"job_id": copy, "new_settings": {"name": "mine now"}}));
    let report = fleet.sync().await;
    assert_eq!(verdict(&report, "job", "finance-a"), "drifted(/name)");
    assert_eq!(fleet.west().jobs().len(), 1);
    assert_eq!(fleet.west().jobs_named("finance-a").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_change_at_the_source_is_no_drift() {
    let fleet = fleet(33).await;
    let furniture = furnish(fleet.east());
    fleet.sync().await;
    let mut job = fleet.east().job(furniture.jobs[0]);
    job.as_object_mut().unwrap().remove("job_id");
    job["trigger"] = json!({"periodic": {"interval": 1, "unit": "DAYS"}});
    job.as_object_mut().unwrap().remove("schedule");
    reset_job(fleet.east(), furniture.jobs[0], job);
    fleet.east().write_notebook("/Shared/etl/load", "print('edited at the primary')");
    let report = fleet.sync().await;
    assert_eq!(report.tally().get("drifted"), None, "{:#?}", notable(&report));
    assert_eq!(report.writes, 2);
    assert_in_step(&fleet).await;
}

/// Lets a site's list of jobs show what the simulated service would not: every job with these settings as well.
fn show_in_every_job(site: &Site, more: &Value) -> Fault {
    let mut rows: Vec<Value> = site.list("/api/2.2/jobs/list?limit=100&expand_tasks=true", "jobs");
    for row in &mut rows {
        let (Value::Object(settings), Value::Object(more)) = (&mut row["settings"], more) else { continue };
        settings.extend(more.clone());
    }
    let body = json!({"jobs": rows});
    Fault::new(FaultAct::Answer { status: 200, body, headers: BTreeMap::new() }).path("/api/2.2/jobs/list")
}

#[tokio::test(start_paused = true)]
async fn a_field_that_nobody_has_heard_of_travels_and_one_that_the_target_does_not_keep_is_named() {
    let fleet = fleet(34).await;
    let (east, west) = (fleet.east(), fleet.west());
    east.create_job(json!({"name": "modern", "tasks": [
        {"task_key": "main", "brand_new": {"option": [1, {"x": "y"}]}, "notebook_task": {"notebook_path": "a/b", "newer": true}}]}));
    fleet.sync().await;
    assert_in_step(&fleet).await;
    assert_eq!(west.jobs()[0]["tasks"][0]["brand_new"], json!({"option": [1, {"x": "y"}]}));

    // The service at the source now has a setting that the one at the target drops.
    east.add_fault(show_in_every_job(east, &json!({"shiny": {"level": 3}})));
    let report = fleet.sync().await;
    assert_eq!(verdict(&report, "job", "modern"), "partial(/shiny: not kept by the service)");
    assert!(!report.is_complete(|_| false));
    let before = fleet.effect_count();
    for _ in 0..3 {
        let report = fleet.sync().await;
        assert_eq!((report.changes, report.writes), (0, 0), "it is not written again and again");
        assert_eq!(verdict(&report, "job", "modern"), "partial(/shiny: not kept by the service)");
    }
    assert!(fleet.west().effects_after(before).is_empty());

    // Once the source has it no more, all is well.
    fleet.simulator.clear_faults();
    fleet.sync().await;
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_late_is_not_taken_for_a_service_that_does_not_keep_what_it_is_sent() {
    let fleet = fleet(35).await;
    let furniture = furnish(fleet.east());
    fleet.sync().await;
    let stale = FaultAct::Stale(twinlake_simulator::Staleness::UntilQuietSeconds(8));
    fleet.west().add_fault(Fault::new(stale).method("read"));
    for (round, id) in furniture.jobs.iter().enumerate() {
        let mut job = fleet.east().job(*id);
        job.as_object_mut().unwrap().remove("job_id");
        job["timeout_seconds"] = json!(1000 + round);
        reset_job(fleet.east(), *id, job);
    }
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert_eq!(report.writes, 3);
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_fixed_when_a_pool_is_created_is_named_and_not_written_again_and_again() {
    let fleet = fleet(36).await;
    let (east, west) = (fleet.east(), fleet.west());
    let id = create_pool(
        east,
        "shared",
        json!({"max_capacity": 5, "preloaded_spark_versions": ["15.4.x-scala2.12"]}),
    );
    fleet.sync().await;
    // The pool is made again under its name with another node type; its copy stays what it was.
    east.post("/api/2.0/instance-pools/delete", json!({"instance_pool_id": id}));
    let id = create_pool(
        east,
        "shared",
        json!({"node_type_id": "i3.2xlarge", "max_capacity": 5,
        "preloaded_spark_versions": ["15.4.x-scala2.12"]}),
    );
    for round in 0..3 {
        let report = fleet.sync().await;
        assert_eq!(
            verdict(&report, "instance_pool", "shared"),
            "partial(/node_type_id: fixed when it was created)"
        );
        assert_everything_is_told(&report, east);
        assert!(round == 0 || report.writes == 0, "round {round}");
    }
    assert_eq!(pools(west).len(), 1);
    // What can be edited still is.
    east.post(
        "/api/2.0/instance-pools/edit",
        json!({"instance_pool_id": id, "instance_pool_name": "shared",
        "node_type_id": "i3.2xlarge", "max_capacity": 9}),
    );
    let report = fleet.sync().await;
    assert_eq!((report.writes, &pools(west)[0]["max_capacity"]), (1, &json!(9)));
    assert_eq!(
        verdict(&report, "instance_pool", "shared"),
        "partial(/node_type_id: fixed when it was created)"
    );
    let report = fleet.sync().await;
    assert_eq!(report.writes, 0);
    assert_eq!(
        verdict(&report, "instance_pool", "shared"),
        "partial(/node_type_id: fixed when it was created)"
    );
}

#[tokio::test(start_paused = true)]
async fn drift_that_is_found_while_a_lost_answer_is_settled_is_still_told() {
    let fleet = fleet(37).await;
    furnish(fleet.east());
    fleet.sync().await;
    fleet.west().write_notebook("/Shared/etl/load", "drifted");
    fleet.east().create_job(json!({"name": "new", "tasks": []}));
    fleet.west().add_fault(Fault::new(FaultAct::Cut).path("/api/2.2/jobs/create").after_effect().times(1));
    let report = fleet.sync().await;
    assert_eq!(verdict(&report, "notebook", "/Shared/etl/load"), "drifted(content)");
    assert_eq!(outcome(&report, "job", "new").verdict, twinlake_model::Verdict::InSync);
    assert_in_step(&fleet).await;
}

fn rename_pool(site: &Site, id: &Value, name: &str) {
    let pool = json!({"instance_pool_id": id, "instance_pool_name": name, "node_type_id": "i3.xlarge", "max_capacity": 5});
    site.post("/api/2.0/instance-pools/edit", pool);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_passes_from_one_pool_to_the_next_and_to_a_new_one_is_free_in_time() {
    let fleet = fleet(38).await;
    let east = fleet.east();
    let ids = ["a", "b", "c"].map(|name| create_pool(east, name, json!({"max_capacity": 5})));
    fleet.sync().await;
    rename_pool(east, &ids[2], "d");
    rename_pool(east, &ids[1], "c");
    rename_pool(east, &ids[0], "b");
    create_pool(east, "a", json!({"max_capacity": 5}));
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert_everything_is_told(&report, east);
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn pools_that_swap_names_are_told_of_and_swap_once_somebody_breaks_the_circle() {
    let fleet = fleet(39).await;
    let (east, west) = (fleet.east(), fleet.west());
    let ids = ["a", "b"].map(|name| create_pool(east, name, json!({"max_capacity": 5})));
    fleet.sync().await;
    rename_pool(east, &ids[0], "for a moment");
    rename_pool(east, &ids[1], "a");
    rename_pool(east, &ids[0], "b");
    for _ in 0..2 {
        let report = fleet.sync().await;
        assert_eq!((report.writes, report.tally().get("diverged")), (0, Some(&2)), "{:#?}", notable(&report));
        assert!(verdict(&report, "instance_pool", "a").contains("its name passes in a circle"));
        assert_everything_is_told(&report, east);
    }
    let copy = pools(west).into_iter().find(|pool| pool["instance_pool_name"] == "a").unwrap();
    rename_pool(west, &copy["instance_pool_id"], "any name");
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert_in_step(&fleet).await;
}
