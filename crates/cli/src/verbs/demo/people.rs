//! Somebody works: edits jobs and notebooks, makes and deletes jobs, starts and wakes them.

use anyhow::{Context, bail};
use serde_json::{Value, json};

use crate::plain_http::{PlainHttp, query_escaped};
use crate::verbs::demo::reading::Reading;
use crate::verbs::demo::stage::Stage;

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
    let mut fit = fit(before);
    let few = "the estate has too few jobs";
    let (edited, deleted) = (fit.next().context(few)?, fit.next().context(few)?);
    let changes = json!({ "timeout_seconds": 5400, "description": "must be done before the shops open" });
    let edit = json!({ "job_id": edited["job_id"], "new_settings": changes });
    http.post("/api/2.2/jobs/update", &edit).await?;
    let notebook = pick_notebook(before).context("the estate has no notebook in SQL or Python")?;
    let source = "# Databricks notebook source\nprint('checked by hand')\n";
    http.post("/api/2.0/workspace/import", &self::notebook(notebook, source)).await?;
    http.post("/api/2.2/jobs/delete", &json!({ "job_id": deleted["job_id"] })).await?;
    Ok(Work { edited_job: name(edited), edited_notebook: notebook.to_owned(), deleted_job: name(deleted) })
}

/// A job, as people know it.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Its name.
    pub(crate) name: String,
    id: Value,
}

/// What people do something with, each with another thing.
pub(crate) struct Picks {
    /// Jobs that are started by hand.
    pub(crate) long_runs: Vec<Job>,
    /// A job that is edited before the disaster, too late to be carried.
    pub(crate) edited_late: Job,
    /// A job that is edited at the other site.
    pub(crate) edited_away: Job,
    /// A job that somebody wakes where it must sleep.
    pub(crate) woken: Job,
    /// A notebook that is edited at the other site.
    pub(crate) notebook: String,
}

impl Picks {
    /// None: there are too few things.
    pub(crate) fn of(before: &Reading) -> Option<Self> {
        let mut fit = fit(before).map(Job::of);
        Some(Self {
            edited_late: fit.next()?,
            edited_away: fit.next()?,
            woken: fit.next()?,
            long_runs: fit.take(3).collect(),
            notebook: pick_notebook(before)?.to_owned(),
        })
    }
}

impl Job {
    fn of(job: &Value) -> Self {
        Self { name: name(job), id: job["job_id"].clone() }
    }
}

/// Where somebody sits and works: at one workspace, through the control of the simulation, so that they also work where
/// nobody gets in from outside.
pub(crate) struct Desk {
    control: PlainHttp,
    workspace: &'static str,
}

impl Desk {
    pub(crate) fn at(stage: &Stage, workspace: &'static str) -> anyhow::Result<Self> {
        Ok(Self { control: stage.control()?, workspace })
    }

    /// Any request of the API. Anything but a 200 is an error.
    async fn act(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<Value> {
        let act = json!({
            "workspace": self.workspace, "method": method, "path": path, "body": body, "actor": "emil",
        });
        let acted = self.control.post("/act", &act).await?;
        if acted["status"] != 200 {
            bail!("{method} {path} at {} was answered with {acted}", self.workspace);
        }
        Ok(acted["body"].clone())
    }

    /// Starts jobs; says how many.
    pub(crate) async fn run_now(&self, jobs: &[Job]) -> anyhow::Result<usize> {
        for job in jobs {
            self.act("POST", "/api/2.2/jobs/run-now", &json!({ "job_id": job.id })).await?;
        }
        Ok(jobs.len())
    }

    /// Edits what people read of a job.
    pub(crate) async fn edit_job(&self, job: &Job, word: &str) -> anyhow::Result<()> {
        let edit = json!({ "job_id": job.id, "new_settings": { "description": word } });
        self.act("POST", "/api/2.2/jobs/update", &edit).await?;
        Ok(())
    }

    /// Unpauses a job, and lets it run once at a time.
    pub(crate) async fn wake(&self, job: &Job) -> anyhow::Result<()> {
        let whole = self.act("GET", &format!("/api/2.2/jobs/get?job_id={}", job.id), &Value::Null).await?;
        let mut schedule = whole["settings"]["schedule"].clone();
        schedule["pause_status"] = json!("UNPAUSED");
        let edit =
            json!({ "job_id": job.id, "new_settings": { "schedule": schedule, "max_concurrent_runs": 1 } });
        self.act("POST", "/api/2.2/jobs/update", &edit).await?;
        Ok(())
    }

    /// Makes a job that nothing starts.
    pub(crate) async fn create(&self, name: &str) -> anyhow::Result<()> {
        self.act("POST", "/api/2.2/jobs/create", &json!({ "name": name })).await?;
        Ok(())
    }

    /// Makes a job that starts every minute.
    pub(crate) async fn create_unseen(&self, name: &str) -> anyhow::Result<()> {
        let schedule = json!({ "quartz_cron_expression": "0 * * * * ?", "timezone_id": "UTC" });
        self.act("POST", "/api/2.2/jobs/create", &json!({ "name": name, "schedule": schedule })).await?;
        Ok(())
    }

    /// Writes a notebook anew.
    pub(crate) async fn edit_notebook(&self, path: &str, word: &str) -> anyhow::Result<()> {
        let source = format!("# Databricks notebook source\nprint('{word}')\n");
        self.act("POST", "/api/2.0/workspace/import", &notebook(path, &source)).await?;
        Ok(())
    }

    /// The job of a name that is its alone.
    pub(crate) async fn find(&self, name: &str) -> anyhow::Result<Job> {
        let found = self
            .act("GET", &format!("/api/2.2/jobs/list?name={}", query_escaped(name)), &Value::Null)
            .await?;
        let job = found["jobs"].as_array().and_then(|jobs| jobs.first());
        Ok(Job::of(job.with_context(|| format!("there is no job {name} at {}", self.workspace))?))
    }
}

fn notebook(path: &str, source: &str) -> Value {
    json!({
        "path": path, "format": "SOURCE", "language": "PYTHON", "overwrite": true,
        "content": base64(source.as_bytes()),
    })
}

fn name(job: &Value) -> String {
    job["settings"]["name"].as_str().unwrap_or_default().to_owned()
}

/// Jobs of names that are theirs alone, that start by schedule and that nobody else runs.
fn fit(before: &Reading) -> impl Iterator<Item = &Value> {
    let others: Vec<String> = before.jobs.values().map(name).collect();
    let all: String = before.jobs.values().map(|job| job["settings"]["tasks"].to_string()).collect();
    before.jobs.values().filter(move |job| {
        let id = job["job_id"].to_string();
        job["settings"]["schedule"].is_object()
            && others.iter().filter(|other| **other == name(job)).count() == 1
            && !all.contains(&format!("\"job_id\":{id}"))
    })
}

fn pick_notebook(before: &Reading) -> Option<&str> {
    let is_text = |object: &&Value| object["object_type"] == "NOTEBOOK" && object["language"] == "PYTHON";
    before.tree.values().find(is_text)?["path"].as_str()
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
