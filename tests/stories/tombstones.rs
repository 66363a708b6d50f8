//! Deletions: what waits, what is spared, what is released by an approval, what is forgotten (P8).

use serde_json::{Value, json};
use twinlake_databricks::Unguarded;
use twinlake_simulator::Fault;
use twinlake_sync::Approval;
use twinlake_tests::Fleet;

use super::house::{
    DAY, HOUR, assert_everything_is_told, assert_in_step, assert_quiet, create_cluster, create_policy,
    create_pool, create_warehouse, delete_job, delete_path, deletions, fleet, furnish, job_with_notebook,
    notable, reset_job, verdict,
};

fn exists(fleet: &Fleet, path: &str) -> bool {
    let query = format!("/api/2.0/workspace/get-status?path={path}");
    fleet.west().try_act(&http::Method::GET, &query, None).is_ok()
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_at_the_primary_waits_out_its_grace_and_then_goes() {
    let mut fleet = fleet(11).await;
    fleet.guards.max_deleted_percent = 100;
    let furniture = furnish(fleet.east());
    fleet.sync().await;
    let (east, before) = (fleet.east(), fleet.effect_count());
    delete_path(east, "/Shared/etl/deep");
    delete_job(east, furniture.jobs[0]);

    let report = fleet.sync().await;
    assert!(deletions(fleet.west(), before).is_empty());
    assert_eq!(report.tally().get("lagging"), Some(&4), "{:#?}", notable(&report));
    let waits = verdict(&report, "notebook", "/Shared/etl/deep/er/transform");
    assert!(waits.starts_with("lagging(gone at east since 2026-03-02 09:30:"), "{waits}");
    assert!(waits.contains("; its copy is deleted after 2026-03-03 09:30:"), "{waits}");

    fleet.jump(DAY - HOUR);
    fleet.sync().await;
    assert!(deletions(fleet.west(), before).is_empty(), "an hour too early");

    fleet.jump(HOUR);
    let report = fleet.sync().await;
    assert_eq!(deletions(fleet.west(), before).len(), 4, "a job, a notebook and the folders above it");
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn every_kind_is_deleted_in_an_order_in_which_nothing_is_in_the_way() {
    let mut fleet = fleet(12).await;
    fleet.guards.max_deleted_percent = 100;
    let furniture = furnish(fleet.east());
    fleet.sync().await;
    let east = fleet.east();
    furniture.jobs.iter().for_each(|job| delete_job(east, *job));
    east.post("/api/2.1/clusters/permanent-delete", json!({"cluster_id": furniture.cluster}));
    east.post("/api/2.0/policies/clusters/delete", json!({"policy_id": furniture.policy}));
    east.post("/api/2.0/instance-pools/delete", json!({"instance_pool_id": furniture.pool}));
    let warehouse = furniture.warehouse.as_str().unwrap();
    east.act(&http::Method::DELETE, &format!("/api/2.0/sql/warehouses/{warehouse}"), None);
    delete_path(east, "/Shared/etl");
    delete_path(east, "/Shared/lib");
    fleet.sync().await;
    fleet.jump(DAY);
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_back_in_time_keeps_its_copy_and_a_later_deletion_waits_anew() {
    let fleet = fleet(13).await;
    furnish(fleet.east());
    fleet.sync().await;
    let (east, before) = (fleet.east(), fleet.effect_count());
    delete_path(east, "/Shared/etl/load");
    fleet.sync().await;
    fleet.jump(DAY - HOUR);
    east.write_notebook("/Shared/etl/load", "print('load')");
    fleet.jump(HOUR);
    fleet.sync().await;
    assert_in_step(&fleet).await;

    delete_path(east, "/Shared/etl/load");
    fleet.sync().await;
    fleet.jump(DAY - HOUR);
    fleet.sync().await;
    assert!(deletions(fleet.west(), before).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_get_that_still_finds_it_spares_it_and_starts_its_grace_anew() {
    let fleet = fleet(14).await;
    let furniture = furnish(fleet.east());
    fleet.sync().await;
    let before = fleet.effect_count();
    delete_job(fleet.east(), furniture.jobs[0]);
    fleet.sync().await;
    // The deletion turns out to have been an answer that was wrong: a GET finds the job again.
    let job = json!({"job_id": furniture.jobs[0], "settings": {"name": "nightly"}});
    let fault = Fault::new(twinlake_simulator::FaultAct::Answer {
        status: 200,
        body: job,
        headers: Default::default(),
    });
    let found = fleet.east().add_fault(fault.method("GET").path("/api/2.2/jobs/get"));
    fleet.jump(DAY + HOUR);
    let report = fleet.sync().await;
    assert!(deletions(fleet.west(), before).is_empty());
    assert_eq!(report.tally().get("unknown"), Some(&1), "{:#?}", notable(&report));
    assert_everything_is_told(&report, fleet.east());

    fleet.simulator.remove_fault(found);
    fleet.sync().await;
    assert!(deletions(fleet.west(), before).is_empty(), "its grace begins anew");
    fleet.jump(DAY);
    fleet.sync().await;
    assert_eq!(deletions(fleet.west(), before).len(), 1);
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_get_that_is_denied_confirms_nothing() {
    let fleet = fleet(15).await;
    let furniture = furnish(fleet.east());
    fleet.sync().await;
    let before = fleet.effect_count();
    delete_job(fleet.east(), furniture.jobs[0]);
    let denied = Fault::error(403, "PERMISSION_DENIED", "User does not have permission to view the job.");
    let denied = fleet.east().add_fault(denied.method("GET").path("/api/2.2/jobs/get"));
    for _ in 0..3 {
        let report = fleet.sync().await;
        assert_eq!(report.tally().get("unknown"), Some(&1), "{:#?}", notable(&report));
        fleet.jump(DAY);
    }
    assert!(deletions(fleet.west(), before).is_empty());
    fleet.simulator.remove_fault(denied);
    fleet.sync().await;
    assert!(deletions(fleet.west(), before).is_empty(), "the grace begins with the first confirmation");
    fleet.jump(DAY);
    fleet.sync().await;
    assert_in_step(&fleet).await;
}

/// A hundred jobs of which `deleted` are deleted, a day ago.
async fn a_hundred_jobs_less(deleted: usize) -> Fleet {
    let fleet = fleet(16).await;
    let ids: Vec<i64> =
        (0..100).map(|n| fleet.east().create_job(json!({"name": format!("job {n}"), "tasks": []}))).collect();
    fleet.sync().await;
    ids.iter().take(deleted).for_each(|id| delete_job(fleet.east(), *id));
    fleet.sync().await;
    fleet.jump(DAY);
    fleet
}

#[tokio::test(start_paused = true)]
async fn more_than_five_percent_of_deletions_are_held_while_the_rest_goes_on() {
    let fleet = a_hundred_jobs_less(7).await;
    let before = fleet.effect_count();
    fleet.east().create_job(json!({"name": "new", "tasks": []}));
    let report = fleet.sync().await;
    assert!(deletions(fleet.west(), before).is_empty());
    assert_eq!(fleet.west().jobs_named("new").len(), 1, "what is not a deletion is done");
    let (why, digest) = report.held.clone().expect("held");
    assert_eq!(why, "7 of 107 copies would be deleted; more than 5 % wait for an approval");
    assert_eq!(report.tally().get("lagging"), Some(&7));
    assert!(!report.is_complete(|_| true), "a held plan is never complete");
    assert_everything_is_told(&report, fleet.east());

    // The approval that the report asks for releases exactly what was held.
    let report = fleet.sync_with(&Unguarded, Approval::Plan(digest)).await.unwrap();
    assert_eq!(deletions(fleet.west(), before).len(), 7);
    assert!(report.held.is_none());
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn an_approval_is_good_for_one_plan_and_no_other() {
    let fleet = a_hundred_jobs_less(7).await;
    let before = fleet.effect_count();
    let approved = fleet.plan().await.digest();
    fleet.east().create_job(json!({"name": "meanwhile", "tasks": []}));
    let error = fleet.sync_with(&Unguarded, Approval::Plan(approved)).await.unwrap_err();
    assert!(error.to_string().contains("no longer the one that was approved"), "{error}");
    assert!(fleet.west().effects_after(before).is_empty(), "nothing is written");

    let approved = fleet.plan().await.digest();
    fleet.sync_with(&Unguarded, Approval::Plan(approved)).await.unwrap();
    assert_eq!(deletions(fleet.west(), before).len(), 7);
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn five_percent_go_without_being_asked_about() {
    let fleet = a_hundred_jobs_less(5).await;
    let before = fleet.effect_count();
    let report = fleet.sync().await;
    assert!(report.held.is_none());
    assert_eq!(deletions(fleet.west(), before).len(), 5);
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_holds_what_somebody_made_at_the_standby_stays_with_it() {
    let fleet = fleet(17).await;
    furnish(fleet.east());
    fleet.sync().await;
    fleet.west().write_notebook("/Shared/etl/deep/by-hand", "mine");
    delete_path(fleet.east(), "/Shared/etl/deep");
    fleet.sync().await;
    fleet.jump(DAY);
    let report = fleet.sync().await;
    assert!(exists(&fleet, "/Shared/etl/deep/by-hand") && exists(&fleet, "/Shared/etl/deep"));
    assert!(!exists(&fleet, "/Shared/etl/deep/er"), "what is empty is deleted");
    let kept = verdict(&report, "folder", "/Shared/etl/deep");
    assert_eq!(kept, "unmanaged(gone at east; kept because it holds what was made here)");
    assert_eq!(verdict(&report, "notebook", "/Shared/etl/deep/by-hand"), "unmanaged");
    assert_quiet(&fleet).await;

    // Once it is empty, it goes like the rest.
    delete_path(fleet.west(), "/Shared/etl/deep/by-hand");
    fleet.sync().await;
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_and_made_again_under_a_unique_name_is_the_same_thing_to_whatever_refers_to_it() {
    let fleet = fleet(18).await;
    let furniture = furnish(fleet.east());
    fleet.sync().await;
    fleet.jump(HOUR);
    let (east, before) = (fleet.east(), fleet.effect_count());
    let spec = |id: &Value| {
        json!({"cluster_id": id, "cluster_name": "adhoc", "spark_version": "15.4.x-scala2.12",
        "node_type_id": "i3.xlarge", "num_workers": 1})
    };
    // Pool, policy, warehouse and notebook are made anew, and what refers to them is pointed to the new ones.
    east.post("/api/2.1/clusters/edit", spec(&furniture.cluster));
    fleet.jump(HOUR);
    east.post("/api/2.0/policies/clusters/delete", json!({"policy_id": furniture.policy}));
    east.post("/api/2.0/instance-pools/delete", json!({"instance_pool_id": furniture.pool}));
    let pool = create_pool(east, "shared-pool", json!({"min_idle_instances": 5, "max_capacity": 10}));
    let definition = json!({"instance_pool_id": {"type": "fixed", "value": pool}}).to_string();
    let policy = create_policy(east, "pooled", &definition);
    let mut edited = spec(&furniture.cluster);
    edited["policy_id"] = policy;
    edited["instance_pool_id"] = pool;
    edited.as_object_mut().unwrap().remove("node_type_id");
    east.post("/api/2.1/clusters/edit", edited);
    let warehouse = furniture.warehouse.as_str().unwrap();
    let jobs = east.jobs();
    east.act(&http::Method::DELETE, &format!("/api/2.0/sql/warehouses/{warehouse}"), None);
    let warehouse = create_warehouse(east, "bi");
    for mut job in jobs {
        let id = job.as_object_mut().unwrap().remove("job_id").unwrap().as_i64().unwrap();
        job["tasks"][1]["sql_task"]["warehouse_id"] = warehouse.clone();
        reset_job(east, id, job);
    }
    delete_path(east, "/Shared/etl/load");
    east.write_notebook("/Shared/etl/load", "print('again')");

    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert!(deletions(fleet.west(), before).is_empty(), "copies are taken over, not replaced");
    assert_in_step(&fleet).await;
    fleet.jump(2 * DAY);
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_cluster_or_job_made_again_under_its_old_name_gets_a_copy_beside_the_old_one_which_then_goes() {
    let mut fleet = fleet(19).await;
    fleet.guards.max_deleted_percent = 100;
    let furniture = furnish(fleet.east());
    fleet.sync().await;
    let east = fleet.east();
    let jobs = east.jobs();
    let cluster = create_cluster(east, "adhoc", json!({"num_workers": 4}));
    east.post("/api/2.1/clusters/permanent-delete", json!({"cluster_id": furniture.cluster}));
    furniture.jobs.iter().for_each(|job| delete_job(east, *job));
    for mut job in jobs {
        job.as_object_mut().unwrap().remove("job_id");
        job["tasks"][0]["existing_cluster_id"] = cluster.clone();
        east.create_job(job);
    }
    fleet.sync().await;
    assert_eq!(fleet.west().jobs_named("nightly").len(), 6, "the old copies wait out their grace");
    fleet.west().estate().assert_asleep();
    fleet.jump(DAY);
    fleet.sync().await;
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_notebook_that_becomes_a_file_of_the_same_path_arrives_when_the_old_copy_has_had_its_grace() {
    let fleet = fleet(20).await;
    furnish(fleet.east());
    fleet.sync().await;
    delete_path(fleet.east(), "/Shared/etl/load");
    fleet.east().write_file("/Shared/etl/load", b"not a notebook any more");
    let report = fleet.sync().await;
    assert!(
        verdict(&report, "workspace_file", "/Shared/etl/load").starts_with("lagging("),
        "{:#?}",
        notable(&report)
    );
    assert_everything_is_told(&report, fleet.east());
    fleet.jump(DAY);
    fleet.sync().await;
    fleet.sync().await;
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_somebody_deleted_at_the_standby_is_made_again_once_and_others_find_it() {
    let fleet = fleet(21).await;
    let furniture = furnish(fleet.east());
    let caller = fleet.east().create_job(super::house::job_that_runs("caller", &json!(furniture.jobs[1])));
    fleet.sync().await;
    let west = fleet.west();
    let id = |job: &Value| job["job_id"].as_i64().unwrap();
    west.jobs_named("nightly").iter().for_each(|job| delete_job(west, id(job)));
    delete_path(west, "/Shared/etl");
    let cluster = west.list("/api/2.1/clusters/list", "clusters")[0]["cluster_id"].clone();
    west.post("/api/2.1/clusters/unpin", json!({"cluster_id": cluster}));
    west.post("/api/2.1/clusters/permanent-delete", json!({"cluster_id": cluster}));
    assert!(caller > 0);

    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert_eq!(west.jobs_named("nightly").len(), 3);
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_deleted_on_both_sides_is_forgotten() {
    let fleet = fleet(22).await;
    let furniture = furnish(fleet.east());
    fleet.sync().await;
    delete_job(fleet.east(), furniture.jobs[0]);
    let copy = fleet.west().jobs_named("nightly")[0]["job_id"].as_i64().unwrap();
    // Which copy it is does not show; all three go, and two are made again.
    fleet
        .west()
        .jobs_named("nightly")
        .iter()
        .for_each(|job| delete_job(fleet.west(), job["job_id"].as_i64().unwrap()));
    assert!(copy > 0);
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert_in_step(&fleet).await;
    fleet.jump(2 * DAY);
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn what_leaves_the_selection_keeps_its_copy_however_it_leaves() {
    let mut fleet = fleet(23).await;
    let ids: Vec<i64> = ["finance-a", "finance-b", "finance-c"]
        .map(|name| fleet.east().create_job(job_with_notebook(name, "relative/path")))
        .into();
    fleet.selection.include = vec!["jobs:finance-*".parse().unwrap()];
    fleet.sync().await;
    let before = fleet.effect_count();
    // One is renamed out of it, one is excluded by the config.
    reset_job(fleet.east(), ids[0], job_with_notebook("other-a", "relative/path"));
    fleet.selection.exclude = vec!["jobs:finance-b".parse().unwrap()];
    for _ in 0..3 {
        let report = fleet.sync().await;
        let note = "unmanaged(no longer in the selection; its copy is left alone)";
        assert_eq!(verdict(&report, "job", "finance-a"), note);
        assert_eq!(verdict(&report, "job", "finance-b"), note);
        assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
        fleet.jump(2 * DAY);
    }
    assert!(fleet.west().effects_after(before).is_empty());

    // And back again.
    reset_job(fleet.east(), ids[0], job_with_notebook("finance-a", "relative/other"));
    fleet.selection.exclude.clear();
    fleet.sync().await;
    assert_eq!(fleet.west().jobs().len(), 3);
    assert_in_step_of_jobs(&fleet).await;
}

async fn assert_in_step_of_jobs(fleet: &Fleet) {
    let report = fleet.sync().await;
    assert_eq!(report.writes, 0, "{:#?}", notable(&report));
    assert_eq!(fleet.east().estate().kinds["job"], fleet.west().estate().kinds["job"]);
}

#[tokio::test(start_paused = true)]
async fn who_is_no_administrator_any_more_learns_so_before_anything_is_concluded() {
    let fleet = fleet(24).await;
    furnish(fleet.east());
    fleet.sync().await;
    let before = fleet.effect_count();
    let me = json!({"userName": "svc@acme.example", "groups": [{"display": "users"}]});
    let demoted = twinlake_simulator::FaultAct::Answer { status: 200, body: me, headers: Default::default() };
    fleet.east().add_fault(Fault::new(demoted).path("/api/2.0/preview/scim/v2/Me"));
    let empty =
        twinlake_simulator::FaultAct::Answer { status: 200, body: json!({}), headers: Default::default() };
    fleet.east().add_fault(Fault::new(empty).path("/api/2.2/jobs/list"));
    for _ in 0..2 {
        let error = fleet.try_sync().await.unwrap_err();
        assert!(
            error.to_string().contains("svc@acme.example is not an administrator of prod@east"),
            "{error}"
        );
        fleet.jump(2 * DAY);
    }
    assert!(fleet.west().effects_after(before).is_empty());
    fleet.simulator.clear_faults();
    assert_in_step(&fleet).await;
}
