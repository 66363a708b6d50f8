//! One object that cannot be read, beside many that can.

use serde_json::json;
use twinlake_databricks::Unguarded;
use twinlake_simulator::{Fault, FaultAct};
use twinlake_sync::Approval;
use twinlake_tests::Fleet;

use super::house::{
    DAY, HOUR, assert_everything_is_told, assert_in_step, create_cluster, deletions, fleet, furnish,
    job_with_notebook, notable, reset_job, verdict,
};

fn refuse(path: &str) -> Fault {
    Fault::error(400, "INVALID_PARAMETER_VALUE", "this one is broken").method("GET").path(path)
}

/// A job so large that each look at it is a read of its own, and a small one.
fn make_large(fleet: &Fleet) -> i64 {
    let tasks: Vec<_> = (0..120)
        .map(|n| json!({"task_key": format!("t{n:03}"), "notebook_task": {"notebook_path": "relative/path"}}))
        .collect();
    fleet.east().create_job(job_with_notebook("small", "relative/path"));
    fleet.east().create_job(json!({"name": "large", "tasks": tasks}))
}

#[tokio::test(start_paused = true)]
async fn one_job_that_cannot_be_read_at_the_source_fails_alone_and_keeps_its_copy() {
    let fleet = fleet(701).await;
    let large = make_large(&fleet);
    fleet.sync().await;
    let before = fleet.effect_count();
    fleet.east().create_job(job_with_notebook("new", "relative/path"));
    let broken = fleet.east().add_fault(refuse("/api/2.2/jobs/get"));
    for round in 0..3 {
        let report = fleet.sync().await;
        assert_everything_is_told(&report, fleet.east());
        assert!(verdict(&report, "job", "large").contains("this one is broken"), "{:#?}", notable(&report));
        assert_eq!((report.tally().get("failed"), report.writes), (Some(&1), usize::from(round == 0)));
        fleet.jump(DAY);
    }
    assert!(deletions(fleet.west(), before).is_empty());
    // What is known of it is kept, for the day on which the source cannot be asked at all.
    let kept = fleet.store.latest_snapshot(&fleet.east().place).await.unwrap().unwrap();
    let manifest = fleet.store.manifest(kept.manifests[&"job".into()]).await.unwrap();
    assert!(manifest.entries.iter().any(|entry| entry.remote.as_str() == large.to_string()));
    fleet.simulator.remove_fault(broken);
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn what_refers_to_something_that_was_never_read_waits_for_it() {
    let fleet = fleet(702).await;
    let large = make_large(&fleet);
    fleet.east().create_job(super::house::job_that_runs("caller", &json!(large)));
    let broken = fleet.east().add_fault(refuse("/api/2.2/jobs/get"));
    let report = fleet.sync().await;
    assert_everything_is_told(&report, fleet.east());
    assert_eq!(verdict(&report, "job", "small"), "in-sync");
    assert!(verdict(&report, "job", "caller").starts_with("unmapped(job"), "{:#?}", notable(&report));
    fleet.simulator.remove_fault(broken);
    fleet.sync().await;
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn one_notebook_that_cannot_be_exported_fails_alone_on_either_side() {
    let fleet = fleet(703).await;
    fleet.simulator.change_settings(|settings| settings.notebooks_show_times = false);
    furnish(fleet.east());
    fleet.sync().await;
    fleet.jump(HOUR);
    for site in [fleet.west(), fleet.east()] {
        let broken = site.add_fault(refuse("/api/2.0/workspace/export").times(1));
        fleet.east().write_file("/Shared/lib/helper.py", format!("for {}", site.name).as_bytes());
        let report = fleet.sync().await;
        assert_everything_is_told(&report, fleet.east());
        let bad: Vec<String> = notable(&report);
        assert_eq!(bad.len(), 1, "{bad:#?}");
        assert!(bad[0].contains("this one is broken"), "{bad:#?}");
        fleet.simulator.remove_fault(broken);
        fleet.sync().await;
        assert_in_step(&fleet).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_copy_that_cannot_be_read_is_unknown_and_is_not_made_again() {
    let fleet = fleet(704).await;
    make_large(&fleet);
    create_cluster(fleet.east(), "shared", json!({}));
    fleet.sync().await;
    fleet.jump(HOUR);
    fleet.west().add_fault(refuse("/api/2.2/jobs/get"));
    let report = fleet.sync().await;
    assert_everything_is_told(&report, fleet.east());
    assert!(verdict(&report, "job", "large").starts_with("unknown("), "{:#?}", notable(&report));
    assert_eq!(fleet.west().jobs().len(), 2);
    fleet.simulator.clear_faults();
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn what_was_written_and_cannot_be_read_back_is_told_so_and_nothing_is_written_again() {
    let fleet = fleet(705).await;
    let furniture = furnish(fleet.east());
    fleet.sync().await;
    fleet.jump(HOUR);
    let mut job = fleet.east().job(furniture.jobs[0]);
    job.as_object_mut().unwrap().remove("job_id");
    job["timeout_seconds"] = json!(99);
    reset_job(fleet.east(), furniture.jobs[0], job);
    fleet.west().add_fault(Fault::new(FaultAct::Cut).path("/api/2.2/jobs/list").after(1));
    let report = fleet.sync_with(&Unguarded, Approval::Routine).await.unwrap();
    assert_everything_is_told(&report, fleet.east());
    let open: Vec<String> = notable(&report);
    assert_eq!(open.len(), 1, "{open:#?}");
    assert!(open[0].starts_with("job nightly: lagging(written, and not read back yet: "), "{open:#?}");
    fleet.simulator.clear_faults();
    assert_in_step(&fleet).await;
}

#[tokio::test(start_paused = true)]
async fn a_selection_that_becomes_narrower_leaves_folders_alone_and_says_so() {
    let mut fleet = fleet(706).await;
    let east = fleet.east();
    east.write_notebook("/Shared/finance/a", "a");
    east.write_notebook("/Shared/other/deep/b", "b");
    fleet.selection.include = vec!["notebooks:/Shared/**".parse().unwrap()];
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    let before = fleet.effect_count();
    fleet.selection.include = vec!["notebooks:/Shared/finance/**".parse().unwrap()];
    for _ in 0..3 {
        let report = fleet.sync().await;
        assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
        assert_eq!(report.writes, 0);
        fleet.jump(2 * DAY);
    }
    assert!(fleet.west().effects_after(before).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_is_kept_only_for_what_it_holds_goes_with_it() {
    let mut fleet = fleet(707).await;
    fleet.east().write_notebook("/Shared/finance/sub/a", "a");
    fleet.east().write_notebook("/Shared/finance/b", "b");
    fleet.selection.include = vec!["notebooks:/Shared/finance/**".parse().unwrap()];
    fleet.sync().await;
    super::house::delete_path(fleet.east(), "/Shared/finance/sub");
    fleet.sync().await;
    // Somebody is in the way at first: the notebook goes, the folder stays a while.
    fleet.west().write_file("/Shared/finance/sub/by-hand", b"mine");
    fleet.jump(DAY);
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    super::house::delete_path(fleet.west(), "/Shared/finance/sub/by-hand");
    let report = fleet.sync().await;
    assert!(report.is_complete(|_| false), "{:#?}", notable(&report));
    let gone = fleet.west().try_act(
        &http::Method::GET,
        "/api/2.0/workspace/get-status?path=/Shared/finance/sub",
        None,
    );
    assert_eq!(gone.map_err(|(status, _)| status), Err(404));
}
