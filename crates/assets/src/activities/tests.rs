//! What holds for every activity, and how rows of lists are read.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use twinlake_base::Timestamp;
use twinlake_model::{IdMap, RemoteId};

use crate::activities::{ACTIVITIES, find};
use crate::kinds::tests::support::{Service, east};
use crate::{Activity, Running, kinds};

#[test]
fn every_file_of_the_folder_is_in_the_table_and_every_row_has_a_file() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/activities");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| !["mod", "tests"].contains(&name.as_str()))
        .collect();
    let rows: BTreeSet<String> = ACTIVITIES.iter().map(|row| row.plural().to_owned()).collect();
    assert_eq!(files, rows);
    for row in ACTIVITIES {
        assert!(kinds::find(row.of()).is_some(), "{} runs what is no kind", row.name());
        assert!(find(row.name()).is_some());
    }
}

fn runs() -> &'static dyn Activity {
    find("job_run").unwrap()
}

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap()
}

fn row(id: i64, kind: &str, life: &str, more: Value) -> Value {
    let mut row = json!({
        "run_id": id, "job_id": id + 1000, "run_type": kind, "run_name": format!("run {id}"),
        "start_time": id, "end_time": 0, "state": {"life_cycle_state": life}, "creator_user_name": "ana",
    });
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    row
}

/// A service that shows a page per type, and only what it is asked for.
fn service(rows: Vec<Value>) -> std::sync::Arc<Service> {
    Service::new(move |asked| {
        let is_asked = |row: &&Value| match asked.split("run_type=").nth(1) {
            Some(filter) => filter.starts_with(row["run_type"].as_str().unwrap()),
            None => row["run_type"] == "JOB_RUN",
        };
        Some(json!({ "runs": rows.iter().filter(is_asked).collect::<Vec<_>>() }))
    })
}

async fn active(rows: Vec<Value>) -> Vec<Running> {
    runs().active(&service(rows).reader()).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn runs_of_all_types_are_found_although_a_plain_list_shows_one() {
    let found = active(vec![
        row(1, "JOB_RUN", "RUNNING", json!({})),
        row(2, "SUBMIT_RUN", "QUEUED", json!({})),
        row(3, "WORKFLOW_RUN", "PENDING", json!({})),
        row(4, "JOB_RUN", "TERMINATED", json!({"end_time": 9})),
    ])
    .await;
    let told: Vec<(&str, Option<&str>)> =
        found.iter().map(|run| (run.state.as_str(), run.of.as_ref().map(RemoteId::as_str))).collect();
    assert_eq!(told, [("RUNNING", Some("1001")), ("QUEUED", None), ("PENDING", None)]);
    assert!(found.iter().all(Running::is_active));
}

#[tokio::test(start_paused = true)]
async fn a_row_that_says_neither_when_it_began_nor_how_it_stands_is_active_and_one_without_an_id_is_an_error()
{
    let odd = json!({ "run_id": 1, "run_type": "JOB_RUN", "start_time": 0 });
    let found = active(vec![odd]).await;
    assert_eq!((found[0].state.as_str(), found[0].is_active()), ("UNKNOWN", true));
    assert_eq!(found[0].began_at, "2026-03-01T00:00:00Z".parse::<Timestamp>().unwrap());
    let nameless = service(vec![json!({ "run_type": "JOB_RUN", "start_time": 1 })]);
    runs().active(&nameless.reader()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_run_that_two_lists_show_counts_once_and_a_list_that_breaks_off_proves_nothing() {
    let service = Service::new(|_| Some(json!({ "runs": [row(1, "SUBMIT_RUN", "RUNNING", json!({}))] })));
    assert_eq!(runs().active(&service.reader()).await.unwrap().len(), 1);
    let service = Service::new(|asked| {
        let is_broken = asked.contains("WORKFLOW_RUN");
        Some(if is_broken { json!({ "runs": 1 }) } else { json!({}) })
    });
    runs().active(&service.reader()).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_run_tells_what_it_was_given_and_what_it_uses_and_no_secret() {
    let of_job = json!({
        "job_parameters": [{"name": "day", "default": "d", "value": "2026-01-05"}, {"name": "token", "value": "hunter2"}],
        "overriding_parameters": {"notebook_params": {"db_password": "hunter2"}},
        "tasks": [{"task_key": "a", "notebook_task": {"notebook_path": "/Workspace/Shared/a"}, "existing_cluster_id": "c-1"}],
    });
    let submitted = json!({
        "tasks": [{
            "task_key": "b", "spark_python_task": {"python_file": "/Shared/b.py", "parameters": ["--password=hunter2"]},
            "new_cluster": {"instance_pool_id": "p-1", "num_workers": 1}, "cluster_instance": {"cluster_id": "c-9"},
        }, {"task_key": "c", "sql_task": {"warehouse_id": "w-1", "query": {"query_id": "q"}}}],
        "job_clusters": [{"job_cluster_key": "k", "new_cluster": {"policy_id": "A1"}}],
    });
    let found =
        active(vec![row(1, "JOB_RUN", "RUNNING", of_job), row(2, "SUBMIT_RUN", "RUNNING", submitted)]).await;
    let uses = |run: &Running| -> Vec<String> {
        run.uses.iter().map(|used| format!("{} {}", used.kind, used.remote)).collect()
    };
    assert_eq!(uses(&found[0]), ["cluster c-1", "notebook /Shared/a"]);
    let expected = [
        "cluster c-9",
        "cluster_policy A1",
        "instance_pool p-1",
        "query q",
        "sql_warehouse w-1",
        "workspace_file /Shared/b.py",
    ];
    assert_eq!(uses(&found[1]), expected);
    let given = found[0].parameters.clone().unwrap() + &found[1].parameters.clone().unwrap();
    assert!(given.contains("2026-01-05") && given.contains("/Shared/b.py"), "{given}");
    assert!(!given.contains("hunter2"), "{given}");
    let seen = found[0].clone().seen(runs(), &east(), &IdMap::default(), at(77));
    assert_eq!(
        (seen.of.as_ref().unwrap().to_string(), seen.is_active()),
        ("job/prod@east/1001".to_owned(), true)
    );
}

#[tokio::test(start_paused = true)]
async fn a_submitted_run_of_many_tasks_is_read_whole_to_tell_whose_it_is() {
    let task = |n: i64| json!({"task_key": format!("t{n}"), "existing_cluster_id": format!("c-{n}")});
    let service = Service::new(move |asked| {
        let mut run = row(7, "SUBMIT_RUN", "RUNNING", json!({"tasks": [task(1)]}));
        if asked.contains("/runs/list") {
            run["has_more"] = json!(true);
            return Some(json!({ "runs": [run] }));
        }
        if asked.contains("page_token=n") {
            return Some(json!({ "tasks": [task(2)] }));
        }
        run["next_page_token"] = json!("n");
        Some(run)
    });
    let found = runs().active(&service.reader()).await.unwrap();
    assert_eq!(found[0].uses.iter().map(|used| used.remote.as_str()).collect::<Vec<_>>(), ["c-1", "c-2"]);
}

#[tokio::test(start_paused = true)]
async fn the_past_is_walked_so_far_and_says_how_far() {
    let rows = vec![
        row(
            5_000,
            "JOB_RUN",
            "TERMINATED",
            json!({"end_time": 5_400, "state": {"life_cycle_state": "TERMINATED", "result_state": "SUCCESS"}}),
        ),
        row(6_000, "SUBMIT_RUN", "SKIPPED", json!({})),
    ];
    let history = runs().since(&service(rows).reader(), at(4_000)).await.unwrap();
    assert_eq!(history.from, at(4_000));
    let first = &history.runs[0];
    assert_eq!((first.ended_at, first.result.as_deref()), (Some(at(5_400)), Some("SUCCESS")));
    // What says no end has ended when it began.
    assert_eq!(history.runs[1].ended_at, Some(at(6_000)));

    // More than may be walked, newest first.
    let page = |asked: &str| -> i64 {
        asked.split("page_token=").nth(1).and_then(|rest| rest.split('&').next()?.parse().ok()).unwrap_or(0)
    };
    let endless = Service::new(move |asked| {
        let page = page(asked);
        let rows: Vec<Value> = (0..24)
            .map(|n| row(1_000_000 - page * 24 - n, "JOB_RUN", "TERMINATED", json!({"end_time": 1_000_001})))
            .collect();
        Some(if asked.contains("run_type") {
            json!({})
        } else {
            json!({ "runs": rows, "next_page_token": (page + 1).to_string() })
        })
    });
    let history = runs().since(&endless.reader(), at(4_000)).await.unwrap();
    assert_eq!(history.runs.len(), 4_999);
    assert_eq!(history.from, at(1_000_000 - 4_998));
    assert!(endless.asked().len() < 215);
}
