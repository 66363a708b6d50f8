//! Lists of kinds that do not live in the tree.

use serde_json::{Value, json};

use super::support::{Service, fixtures, kind, posture};
use crate::Body;

fn tasks(range: std::ops::Range<usize>) -> Value {
    range.map(|n| json!({ "task_key": format!("t{n:03}") })).collect()
}

/// A job of 250 tasks, 120 job clusters and one parameter, a hundred at a time.
fn page(asked: &str) -> Option<Value> {
    let job = |settings: Value, next: Option<&str>| {
        let mut page = json!({ "job_id": 9, "settings": settings });
        if let Some(next) = next {
            page["next_page_token"] = next.into();
        }
        Some(page)
    };
    let clusters = |range: std::ops::Range<usize>| -> Value {
        range.map(|n| json!({ "job_cluster_key": format!("c{n:03}") })).collect()
    };
    if !asked.starts_with("/api/2.2/jobs/get?job_id=9") {
        return None;
    }
    match asked.split("page_token=").nth(1) {
        None => job(
            json!({ "name": "big", "tasks": tasks(0..100), "job_clusters": clusters(0..100), "parameters": [{ "name": "p" }] }),
            Some("one"),
        ),
        Some("one") => {
            job(json!({ "tasks": tasks(100..200), "job_clusters": clusters(100..120) }), Some("two"))
        }
        Some("two") => job(json!({ "tasks": tasks(200..250) }), Some("")),
        Some(_) => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_of_many_tasks_is_read_page_by_page_and_put_together() {
    let service = Service::new(page);
    let whole = kind("job").read(&service.reader(), &"9".into()).await.unwrap().unwrap();
    assert_eq!(whole["settings"]["tasks"], tasks(0..250));
    assert_eq!(whole["settings"]["job_clusters"].as_array().unwrap().len(), 120);
    assert_eq!(whole["settings"]["parameters"], json!([{ "name": "p" }]));
    assert_eq!(whole.get("next_page_token"), None);
    assert_eq!(service.asked().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_vanishes_between_two_pages_does_not_exist() {
    let service = Service::new(|asked| page(asked).filter(|_| !asked.contains("two")));
    assert_eq!(kind("job").read(&service.reader(), &"9".into()).await.unwrap(), None);
    assert_eq!(kind("job").read(&service.reader(), &"10".into()).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_jobs_pages_that_go_in_a_circle_are_an_error() {
    let service = Service::new(|_| Some(json!({ "job_id": 9, "settings": {}, "next_page_token": "again" })));
    let error = kind("job").read(&service.reader(), &"9".into()).await.unwrap_err();
    assert!(error.to_string().contains("circle"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_row_that_has_more_is_read_and_a_job_of_the_services_own_is_left_alone() {
    let service = Service::new(|asked| {
        let first = json!({ "jobs": [
            { "job_id": 1, "settings": { "name": "small", "tasks": [] } },
            { "job_id": 2, "settings": { "name": "big" }, "has_more": true },
        ], "next_page_token": "n", "has_more": true });
        let second = json!({ "jobs": [
            { "job_id": 3, "settings": { "name": "monitor", "deployment": { "kind": "SYSTEM_MANAGED" } }, "has_more": true },
            { "job_id": 4, "settings": { "name": "bundle", "deployment": { "kind": "BUNDLE" } } },
        ] });
        Some(if asked.contains("page_token=n") { second } else { first })
    });
    let (found, proof) = service.list("job", &[]).await;
    let told: Vec<String> = found
        .iter()
        .map(|row| {
            let body = match &row.body {
                Body::Whole(_) => "whole".to_owned(),
                Body::Unread(None) => "to be read each time".to_owned(),
                Body::Skipped(why) => why.clone(),
                other => format!("{other:?}"),
            };
            format!("{} {} {body}", row.remote, row.key)
        })
        .collect();
    assert_eq!(
        told,
        [
            "1 small whole",
            "2 big to be read each time",
            "3 monitor the service manages this job itself",
            "4 bundle whole"
        ]
    );
    assert_eq!(proof.unwrap().items(), 4);
    assert!(service.asked()[0].contains("expand_tasks=true") && service.asked()[0].contains("limit=100"));
}

#[tokio::test(start_paused = true)]
async fn a_row_without_an_id_ends_the_listing() {
    let service = Service::new(|_| Some(json!({ "jobs": [{ "settings": {} }] })));
    let (found, proof) = service.list("job", &[]).await;
    assert!(found.is_empty() && proof.is_err());
}

fn row(state: &str) -> Value {
    let mut row = fixtures("cluster")[0].clone();
    row.as_object_mut().unwrap().remove("spec");
    row["state"] = state.into();
    row
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_marked_by_what_was_asked_for_and_shows_whether_it_runs_and_is_pinned() {
    let service = Service::new(|asked| {
        assert!(
            asked.contains("filter_by.cluster_sources=UI") && asked.contains("filter_by.cluster_sources=API")
        );
        let other = json!({ "cluster_id": "c2", "cluster_name": "analysts", "state": "TERMINATED" });
        let pinned = asked.contains("filter_by.is_pinned=true");
        Some(
            json!({ "clusters": if pinned { json!([row("RUNNING")]) } else { json!([row("RUNNING"), other]) } }),
        )
    });
    let (found, proof) = service.list("cluster", &[]).await;
    assert!(proof.is_ok());
    assert_eq!(found[0].posture, posture(json!({ "running": true, "pinned": true })));
    assert_eq!(found[1].posture, posture(json!({ "running": false, "pinned": false })));

    let mark = |row: Value| {
        let service = Service::new(move |_| Some(json!({ "clusters": [row.clone()] })));
        async move {
            let (found, _) = service.list("cluster", &[]).await;
            let Body::Unread(Some(mark)) = &found[0].body else { panic!() };
            mark.clone()
        }
    };
    let mut stopped = row("TERMINATED");
    stopped["terminated_time"] = 5.into();
    stopped["last_activity_time"] = 6.into();
    assert_eq!(mark(row("RUNNING")).await, mark(stopped).await, "it merely ran");
    let mut edited = row("RUNNING");
    edited["autotermination_minutes"] = 46.into();
    assert_ne!(mark(row("RUNNING")).await, mark(edited).await, "it was edited");
}

#[tokio::test(start_paused = true)]
async fn a_listing_of_clusters_whose_pins_cannot_be_learnt_proves_nothing() {
    let service =
        Service::new(|asked| (!asked.contains("is_pinned")).then(|| json!({ "clusters": [row("RUNNING")] })));
    assert!(service.list("cluster", &[]).await.1.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_warehouse_runs_from_the_moment_it_starts() {
    for (state, runs) in [("RUNNING", true), ("STARTING", true), ("STOPPING", false), ("STOPPED", false)] {
        let service = Service::new(move |_| {
            Some(json!({ "warehouses": [{ "id": "w", "name": "bi", "state": state }] }))
        });
        let (found, _) = service.list("sql_warehouse", &[]).await;
        assert_eq!(found[0].posture, posture(json!({ "running": runs })), "{state}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_policy_of_a_family_is_listed_without_the_familys_definition() {
    let service = Service::new(|_| Some(json!({ "policies": fixtures("cluster_policy") })));
    let (found, proof) = service.list("cluster_policy", &[]).await;
    let Body::Whole(portrait) = &found.last().unwrap().body else { panic!() };
    assert_eq!(portrait.spec.get("definition"), None);
    assert_eq!(proof.unwrap().items(), 4);
}
