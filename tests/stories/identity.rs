//! Whose is it? Clones that carry our tag, strangers that have our names, things that the service made, references to
//! what is not there.

use serde_json::{Value, json};
use twinlake_assets::TAG_KEY;
use twinlake_simulator::{Caller, CallerAction, Fault, FaultAct};
use twinlake_tests::{Fleet, Site};

use super::house::{
    assert_everything_is_told, assert_in_step, create_cluster, create_policy, create_pool, create_warehouse,
    delete_job, fleet, furnish, job_that_runs, job_with_notebook, notable, reset_job, verdict,
};

/// A copy's settings as somebody would clone them, tag and all, under another name.
fn clone_of(site: &Site, name: &str, new_name: &str) -> i64 {
    let mut job = site.jobs_named(name).remove(0);
    job.as_object_mut().unwrap().remove("job_id");
    job["name"] = json!(new_name);
    site.create_job(job)
}

fn has_job(site: &Site, id: i64) -> bool {
    site.jobs().iter().any(|job| job["job_id"] == id)
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_carries_our_tag_is_reported_and_never_adopted() {
    let fleet = fleet(301).await;
    let (east, west) = (fleet.east(), fleet.west());
    let original = east.create_job(job_with_notebook("nightly", "relative/path"));
    fleet.sync().await;
    let same_name = clone_of(west, "nightly", "nightly");
    let other_name = clone_of(west, "nightly", "Clone of nightly");
    let copy = west.jobs_named("nightly").into_iter().find(|job| job["job_id"] != same_name).unwrap();
    let before = fleet.effect_count();

    let report = fleet.sync().await;
    assert!(fleet.west().effects_after(before).is_empty());
    let note = format!(
        "unmanaged(it carries the tag of job/prod@east/{original} but is not its copy: somebody cloned it)"
    );
    let notes: Vec<String> = notable(&report);
    assert_eq!(
        notes,
        [format!("job nightly: {note}"), format!("job Clone of nightly: {note}")]
            .into_iter()
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .rev()
            .collect::<Vec<_>>()
    );

    // The copy itself is deleted: it is made anew. The clones are nobody's still.
    delete_job(west, copy["job_id"].as_i64().unwrap());
    let report = fleet.sync().await;
    assert_eq!(west.jobs().len(), 3);
    assert_eq!(report.tally().get("unmanaged").copied().unwrap_or(0) - unmanaged_of_birth(), 2);
    assert!(has_job(west, same_name) && has_job(west, other_name));
    let quiet = fleet.sync().await;
    assert_eq!(quiet.writes, 0);
}

/// What a new workspace holds that the other one holds, too, is adopted, so nothing is unmanaged from birth.
const fn unmanaged_of_birth() -> usize {
    0
}

#[tokio::test(start_paused = true)]
async fn a_clone_that_appears_while_an_answer_is_lost_is_not_taken_for_the_copy() {
    let fleet = fleet(302).await;
    let (east, west) = (fleet.east(), fleet.west());
    let original = east.create_job(job_with_notebook("nightly", "relative/path"));
    let mut body = job_with_notebook("Clone of nightly", "relative/path");
    body["tags"] = json!({TAG_KEY: format!("job/prod@east/{original}")});
    body["schedule"] =
        json!({"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC", "pause_status": "PAUSED"});
    let action = CallerAction::Request {
        method: "POST".into(),
        path: "/api/2.2/jobs/create".into(),
        body: Some(body),
    };
    let caller = Caller {
        name: "somebody".into(),
        workspace: "west".into(),
        schedule: "20 * * * * ?".into(),
        action,
        times: Some(1),
    };
    fleet.simulator.add_caller(caller).unwrap();
    west.add_fault(Fault::new(FaultAct::Cut).path("/api/2.2/jobs/create").after_effect().times(1));

    let report = fleet.sync().await;
    assert_eq!(verdict(&report, "job", "nightly"), "in-sync");
    assert_eq!((west.jobs_named("nightly").len(), west.jobs_named("Clone of nightly").len()), (1, 1));
    let quiet = fleet.sync().await;
    assert_eq!(quiet.writes, 0, "{:#?}", notable(&quiet));
    assert!(verdict(&quiet, "job", "Clone of nightly").starts_with("unmanaged(it carries the tag"));
}

#[tokio::test(start_paused = true)]
async fn an_equal_job_that_somebody_made_is_not_taken_for_the_copy_whose_answer_was_lost() {
    let fleet = fleet(303).await;
    let (east, west) = (fleet.east(), fleet.west());
    let by_hand = west.create_job(job_with_notebook("nightly", "relative/path"));
    east.create_job(job_with_notebook("nightly", "relative/path"));
    // Once the create takes effect and its answer is lost; once it does not even arrive.
    west.add_fault(Fault::new(FaultAct::Cut).path("/api/2.2/jobs/create").times(1));
    west.add_fault(Fault::new(FaultAct::Cut).path("/api/2.2/jobs/create").after(1).after_effect().times(1));
    let report = fleet.sync().await;
    assert_eq!(report.tally().get("unmanaged"), Some(&1), "{:#?}", notable(&report));
    assert_eq!(west.jobs_named("nightly").len(), 2);
    assert_eq!(west.job(by_hand)["max_concurrent_runs"], 1, "it is left as it was");
    assert_eq!(fleet.sync().await.writes, 0);
}

#[tokio::test(start_paused = true)]
async fn what_people_made_by_hand_at_the_standby_is_left_alone_and_reported() {
    let fleet = fleet(304).await;
    furnish(fleet.east());
    fleet.sync().await;
    fleet.jump(super::house::HOUR);
    let west = fleet.west();
    west.write_notebook("/Shared/mine/analysis", "1 + 1");
    create_pool(west, "mine", json!({"min_idle_instances": 1, "max_capacity": 3}));
    create_policy(west, "mine", "{}");
    create_cluster(west, "mine", json!({}));
    create_warehouse(west, "mine");
    west.create_job(json!({"name": "mine", "tasks": [], "schedule": {"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC"}}));
    let (before, by_hand) = (fleet.effect_count(), west.estate());
    for _ in 0..3 {
        let report = fleet.sync().await;
        assert_eq!(report.writes, 0);
        assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
        assert_everything_is_told(&report, fleet.east());
        for kind in ["instance_pool", "cluster_policy", "cluster", "sql_warehouse", "job"] {
            assert_eq!(verdict(&report, kind, "mine"), "unmanaged");
        }
        assert_eq!(verdict(&report, "notebook", "/Shared/mine/analysis"), "unmanaged");
        assert_eq!(verdict(&report, "folder", "/Shared/mine"), "unmanaged");
        fleet.jump(3 * super::house::DAY);
    }
    let ours: Vec<_> =
        west.effects_after(before).into_iter().filter(|effect| effect.actor.contains('@')).collect();
    assert!(ours.is_empty(), "{ours:#?}");
    west.estate().assert_equals(&by_hand, ("after", "by hand"));
}

#[tokio::test(start_paused = true)]
async fn an_equal_stranger_is_adopted_and_a_different_one_is_not_overwritten() {
    let fleet = fleet(305).await;
    let (east, west) = (fleet.east(), fleet.west());
    for site in [east, west] {
        create_pool(site, "equal", json!({"max_capacity": 5}));
        create_policy(site, "equal", r#"{"num_workers": {"type": "fixed", "value": 1}}"#);
        site.write_notebook("/Shared/equal", "same");
        site.write_file("/Shared/equal.bin", b"same");
    }
    let stop = create_warehouse(west, "equal").as_str().unwrap().to_owned();
    create_warehouse(east, "equal");
    west.post(&format!("/api/2.0/sql/warehouses/{stop}/stop"), json!({}));
    fleet.jump(super::house::HOUR);
    let pool = create_pool(east, "different", json!({"max_capacity": 5}));
    create_pool(west, "different", json!({"max_capacity": 6, "idle_instance_autotermination_minutes": 11}));
    create_policy(east, "different", "{}");
    west.post(
        "/api/2.0/policies/clusters/create",
        json!({"name": "different", "definition": "{}", "max_clusters_per_user": 3}),
    );
    east.write_notebook("/Shared/different", "ours");
    west.write_notebook("/Shared/different", "theirs");
    west.write_file("/Shared/other-kind", b"theirs");
    east.write_notebook("/Shared/other-kind", "ours");
    let cluster = create_cluster(east, "on a pool that is not ours", json!({"instance_pool_id": pool}));
    let mut job = job_with_notebook("on that cluster", "relative/path");
    job["tasks"][0]["existing_cluster_id"] = cluster;
    east.create_job(job);
    let (before, theirs) = (fleet.effect_count(), west.estate());

    let report = fleet.sync().await;
    assert_everything_is_told(&report, east);
    assert!(west.effects_after(before).is_empty(), "{:#?}", west.effects_after(before));
    west.estate().assert_equals(&theirs, ("after", "before"));
    for (kind, key) in [
        ("instance_pool", "equal"),
        ("cluster_policy", "equal"),
        ("notebook", "/Shared/equal"),
        ("workspace_file", "/Shared/equal.bin"),
        ("sql_warehouse", "equal"),
    ] {
        assert_eq!(verdict(&report, kind, key), "in-sync");
    }
    let told = |kind: &str, key: &str| {
        let ours = report.outcomes.iter().filter(|outcome| outcome.asset.origin == east.place);
        let mine = ours.filter(|outcome| outcome.asset.kind.as_str() == kind && outcome.key.as_str() == key);
        mine.map(|outcome| outcome.verdict.to_string()).collect::<String>()
    };
    assert!(
        told("instance_pool", "different")
            .contains("differs in /idle_instance_autotermination_minutes, /max_capacity;"),
        "{}",
        told("instance_pool", "different")
    );
    assert!(
        told("cluster_policy", "different").contains("differs in /max_clusters_per_user;"),
        "{}",
        told("cluster_policy", "different")
    );
    assert!(told("notebook", "/Shared/different").starts_with("diverged("));
    assert_eq!(
        told("notebook", "/Shared/other-kind"),
        "diverged(its name is taken at west by workspace_file /Shared/other-kind, which was not made by us)"
    );
    assert!(told("cluster", "on a pool that is not ours").starts_with("unmapped(instance_pool"));
    assert!(told("job", "on that cluster").starts_with("unmapped(cluster"));
    let quiet = fleet.sync().await;
    assert_eq!(quiet.writes, 0);
    assert_everything_is_told(&quiet, east);
}

#[tokio::test(start_paused = true)]
async fn what_every_workspace_is_born_with_is_adopted_and_brought_into_step() {
    let fleet = fleet(306).await;
    let east = fleet.east();
    let starter = &east.list("/api/2.0/sql/warehouses", "warehouses")[0];
    let id = starter["id"].as_str().unwrap();
    east.post(&format!("/api/2.0/sql/warehouses/{id}/edit"), json!({"auto_stop_mins": 45}));
    let personal = east
        .list("/api/2.0/policies/clusters/list", "policies")
        .into_iter()
        .find(|policy| policy["name"] == "Personal Compute")
        .unwrap();
    east.post("/api/2.0/policies/clusters/edit", json!({"policy_id": personal["policy_id"], "name": "Personal Compute",
        "policy_family_id": personal["policy_family_id"],
        "policy_family_definition_overrides": r#"{"autotermination_minutes": {"type": "fixed", "value": 33}}"#}));
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert_eq!(report.writes, 2);
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_reference_to_what_is_not_kept_blocks_and_cascades_until_it_is_removed() {
    let fleet = fleet(307).await;
    let (east, west) = (fleet.east(), fleet.west());
    let task = |kind: &str, body: Value| json!({"task_key": "main", kind: body});
    let make = |name: &str, settings: Value| {
        let mut settings = settings;
        settings["name"] = json!(name);
        east.create_job(settings)
    };
    let pipeline =
        make("pipeline", json!({"tasks": [task("pipeline_task", json!({"pipeline_id": "abc-1"}))]}));
    make("alerting", json!({"tasks": [], "webhook_notifications": {"on_failure": [{"id": "hook-1"}]}}));
    make(
        "query",
        json!({"tasks": [task("sql_task", json!({"query": {"query_id": "q-1"}, "warehouse_id": create_warehouse(east, "bi")}))]}),
    );
    let caller = east.create_job(job_that_runs("caller", &json!(pipeline)));
    east.create_job(job_that_runs("caller of the caller", &json!(caller)));
    east.create_job(json!({"name": "free", "tasks": []}));

    let report = fleet.sync().await;
    assert_everything_is_told(&report, east);
    let told = |name: &str| verdict(&report, "job", name);
    assert_eq!(told("pipeline"), "unmapped(pipeline abc-1: pipelines are not kept yet)");
    assert_eq!(
        told("alerting"),
        "unmapped(notification_destination hook-1: notification destinations are not kept yet)"
    );
    assert_eq!(told("query"), "unmapped(query q-1: queries are not kept yet)");
    assert_eq!(told("caller"), format!("unmapped(job {pipeline}: it has no copy)"));
    assert_eq!(told("caller of the caller"), format!("unmapped(job {caller}: it has no copy)"));
    assert_eq!(told("free"), "in-sync");
    assert_eq!(west.jobs().len(), 1);
    assert_eq!(fleet.sync().await.writes, 0);

    for job in east.jobs() {
        let name = job["name"].as_str().unwrap();
        if ["pipeline", "alerting", "query"].contains(&name) {
            reset_job(east, job["job_id"].as_i64().unwrap(), json!({"name": name, "tasks": []}));
        }
    }
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_whose_original_becomes_unmapped_stays_what_it_was_and_asleep() {
    let fleet: Fleet = fleet(308).await;
    let (east, west) = (fleet.east(), fleet.west());
    let mut job = job_with_notebook("nightly", "relative/path");
    job["schedule"] = json!({"quartz_cron_expression": "0 0 * * * ?", "timezone_id": "UTC"});
    let id = east.create_job(job.clone());
    fleet.sync().await;
    job["tasks"][0] = json!({"task_key": "main", "pipeline_task": {"pipeline_id": "abc-1"}});
    reset_job(east, id, job);
    let report = fleet.sync().await;
    assert_eq!(report.writes, 0);
    assert!(verdict(&report, "job", "nightly").starts_with("unmapped(pipeline"));
    // Somebody wakes it at the standby: it is put back to sleep, although its document cannot be sent.
    let copy = west.jobs()[0]["job_id"].as_i64().unwrap();
    west.post("/api/2.2/jobs/update", json!({"job_id": copy, "new_settings": {"max_concurrent_runs": 3}}));
    let report = fleet.sync().await;
    assert_everything_is_told(&report, east);
    assert!(!report.is_complete(|_| false));
    west.estate().assert_asleep();
    assert_eq!(west.jobs()[0]["tasks"][0]["notebook_task"]["notebook_path"], "relative/path");
}

#[tokio::test(start_paused = true)]
async fn what_refers_to_something_outside_the_selection_waits_until_it_is_selected() {
    let mut fleet = fleet(309).await;
    let east = fleet.east();
    let cluster = create_cluster(east, "shared", json!({}));
    let mut job = job_with_notebook("finance-a", "/Shared/other/notebook");
    job["tasks"][0]["existing_cluster_id"] = cluster.clone();
    east.create_job(job);
    east.write_notebook("/Shared/other/notebook", "pass");
    east.write_notebook("/Shared/finance/notebook", "pass");
    fleet.selection.include =
        vec!["jobs:finance-*".parse().unwrap(), "notebooks:/Shared/finance/**".parse().unwrap()];
    let report = fleet.sync().await;
    let told = verdict(&report, "job", "finance-a");
    assert!(
        told.contains(&format!("cluster {}: it is not in the selection", cluster.as_str().unwrap())),
        "{told}"
    );
    assert!(told.contains("/Shared/other/notebook: it is not in the selection"), "{told}");
    assert!(fleet.west().jobs().is_empty());

    fleet
        .selection
        .include
        .extend(["clusters:*".parse().unwrap(), "notebooks:/Shared/other/**".parse().unwrap()]);
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert_eq!(fleet.west().jobs().len(), 1);
    assert_eq!(fleet.sync().await.writes, 0);
}
