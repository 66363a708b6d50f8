//! The workspace tree.

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};
use tower::ServiceExt;
use twinlake_simulator::Settings;

use crate::lab::{EAST, HOME, Lab, base64, refused, unbase64};

const IMPORT: &str = "/api/2.0/workspace/import";
const SOURCE: &str =
    "# Databricks notebook source\nprint(1)\n\n# COMMAND ----------\n\n# MAGIC %sql\n# MAGIC select 1";

async fn status(lab: &Lab, path: &str) -> Value {
    lab.read(&format!("/api/2.0/workspace/get-status?path={path}")).await
}

async fn names(lab: &Lab, path: &str) -> Vec<String> {
    let listed = lab.read(&format!("/api/2.0/workspace/list?path={path}")).await;
    let objects = listed["objects"].as_array().cloned().unwrap_or_default();
    objects.iter().map(|object| object["path"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn every_format_and_language_comes_back_as_it_went() {
    let lab = Lab::new();
    for (language, header) in [("PYTHON", "#"), ("R", "#"), ("SCALA", "//"), ("SQL", "--")] {
        let source = SOURCE.replace("# ", &format!("{header} "));
        let path = format!("{HOME}/{language}");
        lab.write(
            IMPORT,
            json!({"path": path, "format": "SOURCE", "language": language, "content": base64(&source)}),
        )
        .await;
        assert_eq!(status(&lab, &path).await["language"], language);
        for format in ["JUPYTER", "HTML", "DBC", "R_MARKDOWN", "SOURCE"] {
            let exported = lab.read(&format!("/api/2.0/workspace/export?path={path}&format={format}")).await;
            let copy = format!("{path}_{format}");
            let mut body = json!({"path": copy, "format": format, "content": exported["content"]});
            if format == "SOURCE" {
                body["language"] = json!(language);
            }
            lab.write(IMPORT, body).await;
            let back = lab.read(&format!("/api/2.0/workspace/export?path={copy}")).await;
            assert_eq!(unbase64(&back["content"]), source, "{language} through {format}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn auto_turns_what_looks_like_a_notebook_into_one() {
    let lab = Lab::new();
    for (name, content) in [("etl.py", SOURCE), ("plain.py", "print(1)"), ("n.ipynb", r#"{"cells":[]}"#)] {
        lab.write(
            IMPORT,
            json!({"path": format!("{HOME}/{name}"), "format": "AUTO", "content": base64(content)}),
        )
        .await;
    }
    lab.write(IMPORT, json!({"path": format!("{HOME}/raw.py"), "format": "RAW", "content": base64(SOURCE)}))
        .await;
    assert_eq!(
        names(&lab, HOME).await,
        ["etl", "n", "plain.py", "raw.py"].map(|name| format!("{HOME}/{name}"))
    );
    assert_eq!(status(&lab, &format!("{HOME}/etl")).await["object_type"], "NOTEBOOK");
    let file = status(&lab, &format!("{HOME}/raw.py")).await;
    assert_eq!(
        (file["object_type"].as_str().unwrap(), file["size"].as_u64().unwrap()),
        ("FILE", SOURCE.len() as u64)
    );
}

#[tokio::test(start_paused = true)]
async fn a_path_may_be_said_with_its_alias() {
    let lab = Lab::new();
    lab.notebook(&format!("/Workspace{HOME}/a")).await;
    let found = status(&lab, &format!("{HOME}/a")).await;
    assert_eq!(found["path"], format!("{HOME}/a"));
    assert_eq!(status(&lab, &format!("/Workspace{HOME}/a")).await, found);
    assert_eq!(found["resource_id"], found["object_id"].as_i64().unwrap().to_string());
}

#[tokio::test(start_paused = true)]
async fn an_import_overwrites_only_when_told_and_keeps_the_id() {
    let lab = Lab::new();
    let path = format!("{HOME}/a");
    lab.notebook(&path).await;
    let before = status(&lab, &path).await;
    let mut again =
        json!({"path": path, "format": "SOURCE", "language": "SQL", "content": base64("select 2")});
    assert_eq!(refused(lab.post(IMPORT, again.clone()).await), (400, "RESOURCE_ALREADY_EXISTS".to_owned()));
    lab.seconds(60);
    again["overwrite"] = json!(true);
    lab.write(IMPORT, again).await;
    let after = status(&lab, &path).await;
    assert_eq!((&after["object_id"], &after["language"]), (&before["object_id"], &json!("SQL")));
    assert!(after["modified_at"].as_i64() >= before["modified_at"].as_i64().map(|at| at + 60_000));
    let file = json!({"path": path, "format": "RAW", "content": base64("x"), "overwrite": true});
    assert_eq!(refused(lab.post(IMPORT, file).await), (400, "INVALID_PARAMETER_VALUE".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_is_refused_with_its_own_code() {
    let lab = Lab::with(Settings { max_notebook_bytes: 10, ..Settings::default() });
    let import = |path: &str, format: &str| json!({"path": path, "format": format, "content": base64("x")});
    let too_large = json!({"path": format!("{HOME}/a"), "format": "RAW", "content": base64("more than ten")});
    for (body, code) in [
        (import("relative", "RAW"), "INVALID_PARAMETER_VALUE"),
        (import(&format!("{HOME}/no/parent"), "RAW"), "RESOURCE_DOES_NOT_EXIST"),
        (import(&format!("{HOME}/a"), "SOURCE"), "INVALID_PARAMETER_VALUE"),
        (import(&format!("{HOME}/a"), "WHAT"), "INVALID_PARAMETER_VALUE"),
        (too_large, "MAX_NOTEBOOK_SIZE_EXCEEDED"),
    ] {
        assert_eq!(refused(lab.post(IMPORT, body.clone()).await).1, code, "{body}");
    }
    let mkdirs = lab.post("/api/2.0/workspace/mkdirs", json!({"path": "/Users/nobody@acme.example/x"})).await;
    assert_eq!(refused(mkdirs).1, "DIRECTORY_PROTECTED");
    for path in ["/nowhere", "/Shared/x"] {
        let missing = lab.get(&format!("/api/2.0/workspace/list?path={path}")).await;
        assert_eq!(refused(missing), (404, "RESOURCE_DOES_NOT_EXIST".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_is_not_empty_goes_only_with_everything_in_it() {
    let lab = Lab::new();
    lab.write("/api/2.0/workspace/mkdirs", json!({"path": "/Shared/a/b/c"})).await;
    lab.notebook("/Shared/a/b/n").await;
    let body = json!({"path": "/Shared/a"});
    assert_eq!(refused(lab.post("/api/2.0/workspace/delete", body).await).1, "DIRECTORY_NOT_EMPTY");
    lab.write("/api/2.0/workspace/delete", json!({"path": "/Shared/a", "recursive": true})).await;
    assert!(names(&lab, "/Shared").await.is_empty());
    let home = json!({"path": HOME, "recursive": true});
    assert_eq!(refused(lab.post("/api/2.0/workspace/delete", home).await).1, "DIRECTORY_PROTECTED");
}

#[tokio::test(start_paused = true)]
async fn a_list_can_leave_out_notebooks_that_are_old() {
    let lab = Lab::new();
    lab.notebook(&format!("{HOME}/old")).await;
    lab.seconds(100);
    let since = lab.simulator.now().as_millisecond();
    lab.seconds(1);
    lab.notebook(&format!("{HOME}/new")).await;
    let listed =
        lab.read(&format!("/api/2.0/workspace/list?path={HOME}&notebooks_modified_after={since}")).await;
    assert_eq!(listed["objects"].as_array().unwrap().len(), 1);
    lab.simulator.change_settings(|settings| settings.notebooks_show_times = false);
    assert_eq!(status(&lab, &format!("{HOME}/new")).await.get("modified_at"), None);
}

#[tokio::test(start_paused = true)]
async fn a_form_and_a_raw_body_carry_content_too() {
    let lab = Lab::new();
    let token = lab.simulator.workspace(EAST).unwrap().token;
    let send = async |target: &str, kind: &str, body: String| {
        let request = Request::post(target)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", kind)
            .body(Body::from(body))
            .unwrap();
        lab.simulator.router(EAST).unwrap().oneshot(request).await.unwrap().status().as_u16()
    };
    let part = |name: &str, value: &str| {
        format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let file = "--edge\r\nContent-Disposition: form-data; name=\"content\"; filename=\"content\"\r\n\r\nhello\r\n--edge--\r\n";
    let form = format!("{}{}{file}", part("path", &format!("{HOME}/f.txt")), part("format", "AUTO"));
    assert_eq!(send(IMPORT, "multipart/form-data; boundary=edge", form).await, 200);
    let target = "/api/2.0/workspace-files/import-file/Users/admin%40acme.example/raw.bin?overwrite=true";
    assert_eq!(send(target, "application/octet-stream", "bytes".to_owned()).await, 200);
    for (name, content) in [("f.txt", "hello"), ("raw.bin", "bytes")] {
        let target = format!("/api/2.0/workspace/export?path={HOME}/{name}&direct_download=true");
        let response = lab.send(EAST, Method::GET, &target, None).await;
        let bytes = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
        assert_eq!(bytes, content);
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_travels_as_an_archive() {
    let lab = Lab::new();
    lab.write("/api/2.0/workspace/mkdirs", json!({"path": "/Shared/a/b"})).await;
    lab.notebook("/Shared/a/one").await;
    lab.notebook("/Shared/a/b/two").await;
    for format in ["DBC", "SOURCE"] {
        let archive = lab.read(&format!("/api/2.0/workspace/export?path=/Shared/a&format={format}")).await;
        let target = format!("/Shared/{format}");
        lab.write(IMPORT, json!({"path": target, "format": format, "content": archive["content"]})).await;
        assert_eq!(status(&lab, &format!("{target}/b/two")).await["language"], "PYTHON");
    }
}
