//! Odd names, odd contents, odd moments.

use serde_json::json;
use twinlake_databricks::Unguarded;
use twinlake_model::{Action, Change};
use twinlake_simulator::{Fault, FaultAct, Staleness};
use twinlake_sync::Approval;

use super::house::{
    HOUR, assert_everything_is_told, assert_everything_is_told_once, assert_in_step, create_cluster,
    create_policy, create_pool, create_warehouse, fleet, furnish, job_that_runs, job_with_notebook, notable,
    reset_job, verdict,
};

const NAMES: &[&str] = &[
    "with space",
    "per%20cent",
    "plus+and&question?mark",
    "hash#",
    "quote\"'s",
    "back\\slash",
    "ünïcödé 文字 🌊",
    "{curly}[square]*star",
    "a:b;c,d=e",
    "..dots..",
    "trailing.",
];

#[tokio::test(start_paused = true)]
async fn names_of_every_sort_survive() {
    let fleet = fleet(801).await;
    let east = fleet.east();
    for (number, name) in NAMES.iter().enumerate() {
        east.write_notebook(&format!("/Shared/{name}/{name}"), name);
        east.write_file(&format!("/Shared/{name}/{name}.txt"), name.as_bytes());
        create_pool(east, name, json!({"max_capacity": 5}));
        create_policy(east, name, "{}");
        create_cluster(east, name, json!({"spark_conf": {"a/b~c": name, "~1": "x"}}));
        create_warehouse(east, name);
        let mut job = job_with_notebook(name, &format!("/Shared/{name}/{name}"));
        job["tags"] = json!({"a/b": number.to_string()});
        east.create_job(job);
    }
    east.create_job(json!({"tasks": []}));
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert_everything_is_told(&report, east);
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn contents_of_every_sort_arrive_as_they_are() {
    let fleet = fleet(802).await;
    let east = fleet.east();
    for (language, comment) in [("PYTHON", "#"), ("SQL", "--"), ("SCALA", "//"), ("R", "#")] {
        let cell = format!(
            "{comment} Databricks notebook source\nselect 1\r\n\n{comment} COMMAND ----------\n\n{comment} MAGIC %md ü\n"
        );
        east.import(
            &format!("/Shared/{language}"),
            json!({"format": "SOURCE", "language": language}),
            cell.as_bytes(),
        );
    }
    east.import("/Shared/empty notebook", json!({"format": "SOURCE", "language": "PYTHON"}), b"");
    east.write_file("/Shared/empty", b"");
    east.write_file("/Shared/looks like a notebook.py", b"# Databricks notebook source\nprint(1)\n");
    east.write_file("/Shared/looks like a page.html", b"<!DOCTYPE html><html><body>Sign In</body></html>");
    east.write_file(
        "/Shared/looks like an error.json",
        br#"{"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "x"}"#,
    );
    east.write_file("/Shared/bytes.bin", &(0..=255).cycle().take(300_000).collect::<Vec<u8>>());
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert_in_step(&fleet).await;
    assert_eq!(fleet.west().export("/Shared/bytes.bin", "AUTO").len(), 300_000);
}

#[tokio::test(start_paused = true)]
async fn an_edit_in_the_very_moment_of_a_cycle_is_not_missed_on_either_side() {
    for show_times in [true, false] {
        let fleet = fleet(803).await;
        fleet.simulator.change_settings(|settings| settings.notebooks_show_times = show_times);
        for round in 0..6 {
            fleet.east().write_notebook("/Shared/notebook", &format!("{round}"));
            fleet.east().write_file("/Shared/file", format!("{round}").as_bytes());
            fleet.sync().await;
            fleet.east().write_notebook("/Shared/notebook", &format!("{round}!"));
            fleet.east().write_file("/Shared/file", format!("{round}!").as_bytes());
            fleet.sync().await;
            fleet.east().estate().assert_equals(&fleet.west().estate(), ("east", "west"));
            fleet.west().write_notebook("/Shared/notebook", &format!("{round}?"));
            fleet.west().write_file("/Shared/file", format!("{round}?").as_bytes());
            let report = fleet.sync().await;
            assert_eq!(verdict(&report, "notebook", "/Shared/notebook"), "drifted(content)");
            assert_eq!(verdict(&report, "workspace_file", "/Shared/file"), "drifted(content)");
            assert_in_step(&fleet).await;
        }
        fleet.jump(HOUR);
        assert_in_step(&fleet).await;
    }
}

#[tokio::test(start_paused = true)]
async fn jobs_whose_tags_leave_no_room_for_ours_are_found_again_after_a_lost_answer() {
    let fleet = fleet(804).await;
    let tags: serde_json::Map<String, serde_json::Value> =
        (0..25).map(|n| (format!("tag {n}"), json!("x"))).collect();
    for number in 0..3 {
        let mut job = job_with_notebook("full of tags", "relative/path");
        job["tags"] = json!(tags);
        job["timeout_seconds"] = json!(number / 2);
        fleet.east().create_job(job);
    }
    fleet.west().add_fault(Fault::new(FaultAct::Cut).path("/api/2.2/jobs/create").after_effect().times(3));
    fleet.sync().await;
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_circle_of_jobs_whose_answers_are_lost_or_whose_filling_is_refused_is_closed_by_the_next_cycle() {
    for bad_day in [
        Fault::new(FaultAct::Cut).path("/api/2.2/jobs/create").after_effect().times(3),
        Fault::error(400, "INVALID_PARAMETER_VALUE", "not today").path("/api/2.2/jobs/reset").times(2),
        Fault::error(400, "INVALID_PARAMETER_VALUE", "not today").path("/api/2.2/jobs/create").times(1),
        Fault::error(500, "INTERNAL_ERROR", "not today").path("/api/2.2/jobs/create").times(1),
    ] {
        let fleet = fleet(805).await;
        let east = fleet.east();
        let ids: Vec<i64> =
            (0..4).map(|n| east.create_job(json!({"name": format!("ring {n}"), "tasks": []}))).collect();
        for (n, id) in ids.iter().enumerate() {
            reset_job(east, *id, job_that_runs(&format!("ring {n}"), &json!(ids[(n + 1) % ids.len()])));
        }
        println!("{bad_day:?}");
        fleet.west().add_fault(bad_day);
        let report = fleet.sync().await;
        assert_everything_is_told(&report, east);
        fleet.simulator.clear_faults();
        fleet.sync().await;
        assert_in_step(&fleet).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_that_was_sent_minutes_after_its_intent_is_still_found_before_it_is_repeated() {
    let fleet = fleet(806).await;
    fleet.east().create_job(job_with_notebook("nightly", "relative/path"));
    let body = json!({"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "slow down"});
    let wait = [("Retry-After".to_owned(), "40".to_owned())].into();
    let storm = Fault::new(FaultAct::Answer { status: 429, body, headers: wait });
    let create = "/api/2.2/jobs/create";
    fleet.west().add_fault(storm.path(create).times(5));
    fleet.west().add_fault(Fault::new(FaultAct::Cut).path(create).after(5).times(1).after_effect());
    fleet.west().add_fault(Fault::new(FaultAct::Stale(Staleness::UntilQuietSeconds(9))).method("read"));
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    assert_eq!(fleet.west().jobs().len(), 1);
    fleet.simulator.clear_faults();
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_cycle_right_after_another_one_makes_nothing_twice_although_nothing_can_be_seen_yet() {
    let fleet = fleet(807).await;
    furnish(fleet.east());
    fleet.west().add_fault(Fault::new(FaultAct::Stale(Staleness::UntilQuietSeconds(30))).method("read"));
    let copies = |fleet: &twinlake_tests::Fleet| fleet.west().estate().len();
    fleet.sync().await;
    let made = copies(&fleet);
    for _ in 0..3 {
        let report = fleet.sync().await;
        assert_everything_is_told(&report, fleet.east());
        assert_eq!(copies(&fleet), made);
    }
    fleet.simulator.clear_faults();
    fleet.jump(HOUR);
    fleet.sync().await;
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_plan_changes_nothing_and_two_plans_are_one() {
    let fleet = fleet(808).await;
    furnish(fleet.east());
    // Bytes that changed in the very moment of a plan make it another plan in the next moment.
    fleet.jump(HOUR);
    let before = fleet.effect_count();
    let (one, two) = (fleet.plan().await, fleet.plan().await);
    assert_eq!(one.digest(), two.digest());
    assert_eq!(fleet.effect_count(), before);
    let report = fleet.sync_with(&Unguarded, Approval::Plan(one.digest())).await.unwrap();
    let adopts = |change: &&Change| change.action == Action::Adopt;
    assert_eq!(report.changes, one.changes.len() - one.changes.iter().filter(adopts).count());
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_kept_yet_is_told_of_where_it_is_selected() {
    for (include, told) in
        [(vec![], true), (vec!["*:/Shared/**"], true), (vec!["notebooks:/Shared/**"], false)]
    {
        let mut fleet = fleet(809).await;
        fleet.selection.include = include.iter().map(|selector| selector.parse().unwrap()).collect();
        let rows = json!({"objects": [
            {"object_type": "DASHBOARD", "path": "/Shared/sales.lvdash.json", "object_id": 1},
            {"object_type": "REPO", "path": "/Shared/git", "object_id": 2},
        ]});
        let tree = FaultAct::Answer { status: 200, body: rows, headers: std::collections::BTreeMap::new() };
        fleet.east().add_fault(Fault::new(tree).path("/api/2.0/workspace/list").times(1));
        let report = fleet.sync().await;
        let unsupported = report.tally().get("unsupported").copied().unwrap_or_default();
        assert_eq!(
            (unsupported, report.is_complete(|_| false)),
            (if told { 2 } else { 0 }, !told),
            "{include:?}"
        );
        assert_everything_is_told_once(&report);
    }
}

#[tokio::test(start_paused = true)]
async fn what_left_the_selection_and_lost_its_copy_is_forgotten() {
    let mut fleet = fleet(810).await;
    let job = fleet.east().create_job(job_with_notebook("finance-a", "relative/path"));
    fleet.selection.include = vec!["jobs:finance-*".parse().unwrap()];
    fleet.sync().await;
    reset_job(fleet.east(), job, job_with_notebook("other", "relative/path"));
    let report = fleet.sync().await;
    assert!(verdict(&report, "job", "finance-a").starts_with("unmanaged(no longer in the selection"));
    super::house::delete_job(fleet.west(), fleet.west().jobs()[0]["job_id"].as_i64().unwrap());
    for _ in 0..2 {
        let report = fleet.sync().await;
        assert_eq!((report.outcomes.len(), report.writes), (0, 0), "{:#?}", report.outcomes);
    }
}
