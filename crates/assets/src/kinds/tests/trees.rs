//! Walking the workspace tree.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use twinlake_base::Timestamp;

use super::support::Service;
use crate::{Body, Listed};

/// Folders by path, each with its rows. A path that is not here does not exist, unless it is a row of its parent.
fn tree(folders: &[(&str, Value)]) -> impl Fn(&str) -> Option<Value> + Send + Sync + use<> {
    let folders: BTreeMap<String, Value> =
        folders.iter().map(|(path, rows)| ((*path).to_owned(), rows.clone())).collect();
    move |asked| {
        let path = asked.split("path=").nth(1)?.replace("%2F", "/").replace("%40", "@");
        let own = || {
            let parent =
                path.rsplit_once('/').map(|(parent, _)| if parent.is_empty() { "/" } else { parent })?;
            folders.get(parent)?.as_array()?.iter().find(|row| row["path"] == path.as_str()).cloned()
        };
        if asked.starts_with("/api/2.0/workspace/get-status") {
            return own();
        }
        match (folders.get(&path), own()) {
            (Some(rows), _) if rows.is_array() => Some(json!({ "objects": rows })),
            (None, Some(row)) if row["object_type"] != "DIRECTORY" => Some(json!({ "objects": [row] })),
            _ => None,
        }
    }
}

fn folder(path: &str) -> Value {
    json!({ "object_type": "DIRECTORY", "path": path })
}

fn notebook(path: &str) -> Value {
    json!({ "object_type": "NOTEBOOK", "path": path, "language": "PYTHON" })
}

fn file(path: &str, size: u64) -> Value {
    json!({ "object_type": "FILE", "path": path, "size": size, "modified_at": 1_700_000_000_000_i64 })
}

fn told(found: &[Listed]) -> Vec<String> {
    let mut told: Vec<String> = found
        .iter()
        .map(|row| match &row.body {
            Body::Unsupported(why) | Body::Skipped(why) => format!("{} {}: {why}", row.kind, row.key),
            _ => format!("{} {}", row.kind, row.key),
        })
        .collect();
    told.sort();
    told
}

#[tokio::test(start_paused = true)]
async fn the_whole_tree_is_found_machinery_apart_and_git_folders_are_told_and_not_entered() {
    let service = Service::new(tree(&[
        ("/", json!([folder("/Users"), folder("/Shared"), folder("/Repos")])),
        ("/Users", json!([folder("/Users/ana@acme.example")])),
        (
            "/Users/ana@acme.example",
            json!([
                folder("/Users/ana@acme.example/.ide"),
                folder("/Users/ana@acme.example/Trash"),
                folder("/Users/ana@acme.example/.bundle"),
            ]),
        ),
        ("/Users/ana@acme.example/.bundle", json!([file("/Users/ana@acme.example/.bundle/state.json", 3)])),
        (
            "/Shared",
            json!([
                folder("/Shared/etl"), { "object_type": "DASHBOARD", "path": "/Shared/sales.lvdash.json" },
                { "object_type": "DIRECTORY", "path": "/Shared/lake", "directory_info": { "is_git_folder": true } },
            ]),
        ),
        ("/Shared/etl", json!([notebook("/Shared/etl/load"), file("/Shared/etl/clean.py", 10)])),
        ("/Repos", json!([folder("/Repos/ana@acme.example")])),
        (
            "/Repos/ana@acme.example",
            json!([{ "object_type": "REPO", "path": "/Repos/ana@acme.example/lake" }]),
        ),
    ]));
    let (found, proof) = service.list("notebook", &[]).await;
    assert_eq!(
        told(&found),
        [
            "folder /Shared/etl",
            "folder /Users/ana@acme.example",
            "folder /Users/ana@acme.example/.bundle",
            "notebook /Shared/etl/load",
            "repo /Repos/ana@acme.example/lake: Git folders are not kept yet",
            "repo /Shared/lake: Git folders are not kept yet",
            "workspace_file /Shared/etl/clean.py",
            "workspace_file /Users/ana@acme.example/.bundle/state.json",
            "workspace_object /Shared/sales.lvdash.json: objects of type DASHBOARD are not kept yet",
        ]
    );
    assert_eq!(proof.unwrap().requests(), 8);
}

#[tokio::test(start_paused = true)]
async fn only_what_is_asked_for_is_walked_and_what_lies_above_it_is_found() {
    let service =
        Service::new(tree(&[("/Shared/finance/etl", json!([notebook("/Shared/finance/etl/load")]))]));
    let (found, proof) =
        service.list("notebook", &["notebooks:/Workspace/Shared/finance/etl/**", "jobs:*"]).await;
    assert_eq!(
        told(&found),
        ["folder /Shared/finance", "folder /Shared/finance/etl", "notebook /Shared/finance/etl/load"]
    );
    assert_eq!(proof.unwrap().requests(), 1);
}

#[tokio::test(start_paused = true)]
async fn where_nothing_of_the_tree_is_asked_for_nothing_is_found_and_that_is_proven() {
    let service = Service::new(tree(&[("/", json!([folder("/Shared")]))]));
    let (found, proof) = service.list("notebook", &["jobs:*"]).await;
    assert!(found.is_empty() && proof.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_standby_that_does_not_have_the_folder_yet_is_listed_to_its_end() {
    let service = Service::new(tree(&[
        ("/", json!([folder("/Shared")])),
        ("/Shared", json!([folder("/Shared/finance")])),
        ("/Shared/finance", json!([])),
    ]));
    let (found, proof) = service.list("notebook", &["notebooks:/Shared/finance/etl/night/**"]).await;
    assert_eq!(told(&found), ["folder /Shared/finance"], "what exists of the way there");
    assert!(proof.is_ok());
}

#[tokio::test(start_paused = true)]
async fn one_notebook_may_be_asked_for_and_is_no_folder() {
    let service = Service::new(tree(&[("/Shared/etl", json!([notebook("/Shared/etl/load")]))]));
    let (found, proof) = service.list("notebook", &["notebooks:/Shared/etl/load"]).await;
    assert_eq!(told(&found), ["folder /Shared/etl", "notebook /Shared/etl/load"]);
    assert!(proof.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_goes_away_during_the_walk_is_gone_and_one_that_only_seems_to_ends_the_walk() {
    let rows = [
        ("/", json!([folder("/Shared")])),
        ("/Shared", json!([folder("/Shared/tmp"), notebook("/Shared/a")])),
    ];
    let walk = tree(&rows);
    let service = Service::new(move |asked| walk(asked).filter(|_| !asked.contains("get-status")));
    let (found, proof) = service.list("notebook", &[]).await;
    assert_eq!(told(&found), ["folder /Shared/tmp", "notebook /Shared/a"]);
    assert!(proof.is_ok());

    let service = Service::new(tree(&rows));
    let (_, proof) = service.list("notebook", &[]).await;
    assert!(proof.is_err(), "a second look finds it");
}

#[tokio::test(start_paused = true)]
async fn a_broken_page_anywhere_ends_the_walk() {
    for broken in [json!([{ "object_type": "FILE" }]), json!([{ "path": "/Shared/a" }])] {
        let service = Service::new(tree(&[("/", json!([folder("/Shared")])), ("/Shared", broken)]));
        assert!(service.list("notebook", &[]).await.1.is_err());
    }
    let service = Service::new(tree(&[("/", json!([folder("/Shared")])), ("/Shared", json!(null))]));
    assert!(service.list("notebook", &[]).await.1.is_err());
}

#[tokio::test(start_paused = true)]
async fn an_alias_in_a_row_is_the_same_path() {
    let service = Service::new(tree(&[("/Shared", json!([notebook("/Workspace/Shared/a")]))]));
    let (found, _) = service.list("notebook", &["notebooks:/Shared/**"]).await;
    assert_eq!(told(&found), ["notebook /Shared/a"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_larger_than_an_import_takes_is_told() {
    let limit = 10 * 1024 * 1024;
    let mut large = notebook("/Shared/n");
    large["size"] = (limit + 1).into();
    let rows = json!([file("/Shared/a", limit), file("/Shared/b", limit + 1), large]);
    let service = Service::new(tree(&[("/Shared", rows)]));
    let (found, _) = service.list("notebook", &["files:/Shared/**"]).await;
    assert_eq!(
        told(&found),
        [
            "notebook /Shared/n: larger than 10 MB",
            "workspace_file /Shared/a",
            "workspace_file /Shared/b: larger than 10 MB"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn only_a_time_that_has_settled_marks_a_version() {
    let now = "2026-03-01T00:00:00Z".parse::<Timestamp>().unwrap().as_millisecond();
    let marked = async |modified: Value| {
        let mut row = file("/Shared/a", 7);
        row["modified_at"] = modified;
        let service = Service::new(tree(&[("/Shared", json!([row]))]));
        let (found, _) = service.list("workspace_file", &["files:/Shared/**"]).await;
        let Body::WithoutContent(_, mark) = &found[0].body else { panic!() };
        mark.as_ref().map(|mark| mark.as_str().to_owned())
    };
    assert_eq!(marked(json!(now - 60_000)).await, Some(format!("{}/7", now - 60_000)));
    assert_eq!(marked(json!(now - 1_000)).await, None, "another change in the same moment would go unseen");
    assert_eq!(marked(json!(now + 60_000)).await, None, "the service's clock is ahead of ours");
    assert_eq!(marked(Value::Null).await, None);
}
