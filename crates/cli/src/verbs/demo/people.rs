//! Somebody works at the primary: edits a job and a notebook, deletes a job.

use anyhow::Context;
use serde_json::{Value, json};

use crate::plain_http::PlainHttp;
use crate::verbs::demo::reading::Reading;

/// What somebody did.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// The job that was edited, by name.
    pub(crate) edited_job: String,
    /// The notebook that was edited.
    pub(crate) edited_notebook: String,
    /// The job that was deleted, by name.
    pub(crate) deleted_job: String,
}

/// Works at a workspace: picks two jobs that have schedules and that no other job runs, and a notebook.
pub(crate) async fn work(http: &PlainHttp, before: &Reading) -> anyhow::Result<Work> {
    let (edited, deleted) = pick_jobs(before).context("the estate has too few jobs")?;
    let changes = json!({ "timeout_seconds": 5400, "description": "must be done before the shops open" });
    let edit = json!({ "job_id": edited["job_id"], "new_settings": changes });
    http.post("/api/2.2/jobs/update", &edit).await?;
    let notebook = pick_notebook(before).context("the estate has no notebook in SQL or Python")?;
    edit_notebook(http, &before.tree[notebook], notebook).await?;
    http.post("/api/2.2/jobs/delete", &json!({ "job_id": deleted["job_id"] })).await?;
    let name = |job: &Value| job["settings"]["name"].as_str().unwrap_or_default().to_owned();
    Ok(Work { edited_job: name(edited), edited_notebook: notebook.to_owned(), deleted_job: name(deleted) })
}

/// Two jobs of names that are theirs alone, that start by schedule and that nobody else runs.
fn pick_jobs(before: &Reading) -> Option<(&Value, &Value)> {
    let name = |job: &Value| job["settings"]["name"].as_str().unwrap_or_default().to_owned();
    let others: Vec<String> = before.jobs.values().map(name).collect();
    let all: String = before.jobs.values().map(|job| job["settings"]["tasks"].to_string()).collect();
    let mut fit = before.jobs.values().filter(|job| {
        let id = job["job_id"].to_string();
        job["settings"]["schedule"].is_object()
            && others.iter().filter(|other| **other == name(job)).count() == 1
            && !all.contains(&format!("\"job_id\":{id}"))
    });
    Some((fit.next()?, fit.next()?))
}

fn pick_notebook(before: &Reading) -> Option<&str> {
    let is_text = |object: &&Value| object["object_type"] == "NOTEBOOK" && object["language"] == "PYTHON";
    before.tree.values().find(is_text)?["path"].as_str()
}

async fn edit_notebook(http: &PlainHttp, object: &Value, path: &str) -> anyhow::Result<()> {
    // "print('checked')\n" behind a first line that makes it a notebook.
    let source = "# Databricks notebook source\nprint('checked by hand')\n";
    let import = json!({
        "path": path, "format": "SOURCE", "language": object["language"], "overwrite": true,
        "content": base64(source.as_bytes()),
    });
    http.post("/api/2.0/workspace/import", &import).await?;
    Ok(())
}

/// Base64 with padding (RFC 4648), for the one notebook that the demo writes.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let group =
            three.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let known = digit <= three.len();
            let index = (group >> (18 - 6 * digit)) & 63;
            text.push(if known { char::from(DIGITS[index as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notebooks_are_sent_in_base64() {
        let coded = ["", "f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(coded, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"]);
    }
}
