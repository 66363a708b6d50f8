//! One simulated workspace, and what a person can do there.
//!
//! A person meets no limits, faults or outages: what is done here happens, so that a test can say what the world is like
//! before and what it is like afterwards while the product has a bad day.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::Method;
use serde_json::{Value, json};
use twinlake_base::Timestamp;
use twinlake_databricks::Client;
use twinlake_model::Place;
use twinlake_simulator::{Activity, Effect, EffectQuery, Fault, Simulator};

use crate::Estate;

/// Who acts, where a test does not care.
const PERSON: &str = "somebody@acme.example";

/// One workspace of the [`Fleet`](crate::Fleet).
#[derive(Clone)]
pub struct Site {
    /// Its name in the simulated account: `east`.
    pub name: String,
    /// What the product calls it.
    pub place: Place,
    /// The product's client, with limits, faults and outages.
    pub client: Client,
    pub(crate) simulator: Simulator,
}

impl Site {
    /// Sends a request as a person. `target` is a path, perhaps with a query.
    ///
    /// # Panics
    /// When the service refuses it.
    pub fn act(&self, method: &Method, target: &str, body: Option<Value>) -> Value {
        let acted = self.try_act(method, target, body.clone());
        let what = format!("{method} {target} at {}", self.name);
        acted
            .unwrap_or_else(|(status, answer)| panic!("{what} was refused with {status}: {answer}\n{body:?}"))
    }

    /// Sends a request as a person.
    ///
    /// # Errors
    /// The status and body of a refusal.
    pub fn try_act(&self, method: &Method, target: &str, body: Option<Value>) -> Result<Value, (u16, Value)> {
        let acted =
            self.simulator.act(&self.name, PERSON, method, target, body).expect("the site's own workspace");
        if acted.status == 200 { Ok(acted.body) } else { Err((acted.status, acted.body)) }
    }

    /// Reads as a person.
    pub fn get(&self, target: &str) -> Value {
        self.act(&Method::GET, target, None)
    }

    /// Writes as a person.
    pub fn post(&self, target: &str, body: Value) -> Value {
        self.act(&Method::POST, target, Some(body))
    }

    /// Every row of a list, whatever its pages.
    pub fn list(&self, target: &str, field: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut token = String::new();
        loop {
            let joint = if target.contains('?') { '&' } else { '?' };
            let page = match token.is_empty() {
                true => self.get(target),
                false => self.get(&format!("{target}{joint}page_token={token}")),
            };
            rows.extend(page[field].as_array().cloned().unwrap_or_default());
            token = page["next_page_token"].as_str().unwrap_or_default().to_owned();
            if token.is_empty() {
                return rows;
            }
        }
    }

    /// Creates a job. Returns its id.
    pub fn create_job(&self, settings: Value) -> i64 {
        self.post("/api/2.2/jobs/create", settings)["job_id"].as_i64().expect("a job's id")
    }

    /// A job in full, all pages of its arrays together: the settings, with `job_id` beside them.
    pub fn job(&self, id: i64) -> Value {
        let mut whole = self.get(&format!("/api/2.2/jobs/get?job_id={id}"));
        while let Some(token) = whole["next_page_token"].as_str().map(str::to_owned) {
            let page = self.get(&format!("/api/2.2/jobs/get?job_id={id}&page_token={token}"));
            for array in ["tasks", "job_clusters", "environments", "parameters"] {
                let more = page["settings"][array].as_array().cloned().unwrap_or_default();
                if let Some(items) = whole["settings"][array].as_array_mut() {
                    items.extend(more);
                } else if !more.is_empty() {
                    whole["settings"][array] = Value::Array(more);
                }
            }
            whole["next_page_token"] = page["next_page_token"].clone();
        }
        let mut settings = whole["settings"].take();
        settings["job_id"] = json!(id);
        settings
    }

    /// All jobs in full.
    #[must_use]
    pub fn jobs(&self) -> Vec<Value> {
        let rows = self.list("/api/2.2/jobs/list?limit=100", "jobs");
        rows.iter().map(|row| self.job(row["job_id"].as_i64().expect("a job's id"))).collect()
    }

    /// The jobs of this name in full.
    #[must_use]
    pub fn jobs_named(&self, name: &str) -> Vec<Value> {
        self.jobs().into_iter().filter(|job| job["name"] == name).collect()
    }

    /// Writes a Python notebook, and the folders above it.
    pub fn write_notebook(&self, path: &str, source: &str) {
        let text = format!("# Databricks notebook source\n{source}");
        self.import(path, json!({"format": "SOURCE", "language": "PYTHON"}), text.as_bytes());
    }

    /// Writes a file, and the folders above it.
    pub fn write_file(&self, path: &str, bytes: &[u8]) {
        self.import(path, json!({"format": "RAW"}), bytes);
    }

    /// Imports `bytes` with these other fields, and makes the folders above.
    pub fn import(&self, path: &str, fields: Value, bytes: &[u8]) {
        if let Some((parent, _)) = path.rsplit_once('/').filter(|(parent, _)| !parent.is_empty()) {
            self.post("/api/2.0/workspace/mkdirs", json!({"path": parent}));
        }
        let mut body = fields;
        body["path"] = json!(path);
        body["overwrite"] = json!(true);
        body["content"] = json!(BASE64.encode(bytes));
        self.post("/api/2.0/workspace/import", body);
    }

    /// The bytes of a file, or a notebook's source.
    #[must_use]
    pub fn export(&self, path: &str, format: &str) -> Vec<u8> {
        let answer = self.get(&format!("/api/2.0/workspace/export?path={}&format={format}", escape(path)));
        BASE64.decode(answer["content"].as_str().expect("an export's content")).expect("base64")
    }

    /// What this site holds, free of ids.
    #[must_use]
    pub fn estate(&self) -> Estate {
        Estate::of(self)
    }

    /// What this site holds, with ids called what `name` says, by kind and id.
    #[must_use]
    pub fn estate_named(&self, name: &dyn Fn(&str, &str) -> Option<String>) -> Estate {
        Estate::named(self, name)
    }

    /// Puts a fault in force between the product and this site. Returns its number.
    pub fn add_fault(&self, fault: Fault) -> u64 {
        self.simulator.add_fault(fault.at(&self.name))
    }

    /// What happened here after effect number `after`, oldest first.
    #[must_use]
    pub fn effects_after(&self, after: u64) -> Vec<Effect> {
        let query = EffectQuery { after, workspace: Some(self.name.clone()), ..EffectQuery::default() };
        self.simulator.effects(&query)
    }

    /// What went on here from `from` until now, other than changes of configuration.
    #[must_use]
    pub fn activity_since(&self, from: Timestamp) -> Activity {
        self.simulator.activity(&self.name, from, self.simulator.now()).expect("the site's own workspace")
    }
}

/// A path as a query's value.
#[must_use]
pub(crate) fn escape(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
