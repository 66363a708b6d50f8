//! What every test stands on: an account on a simulated clock, and a client without a socket.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Request, Response};
use serde_json::{Value, json};
use tower::ServiceExt;
use twinlake_base::{Clock, Entropy};
use twinlake_simulator::{Cloud, Settings, Simulator, WorkspaceSpec};

pub(crate) const EAST: &str = "east";
pub(crate) const WEST: &str = "west";
pub(crate) const HOME: &str = "/Users/admin@acme.example";
pub(crate) const SPARK: &str = "15.4.x-scala2.12";
pub(crate) const START: &str = "2026-01-05T00:00:00Z";

pub(crate) struct Lab {
    pub(crate) simulator: Simulator,
}

/// An answer: status and document.
pub(crate) type Answer = (u16, Value);

impl Lab {
    pub(crate) fn new() -> Self {
        Self::with(Settings::default())
    }

    pub(crate) fn with(settings: Settings) -> Self {
        let clock = Clock::simulated(START.parse().unwrap());
        let simulator = Simulator::new(clock, Entropy::seeded(1), settings);
        simulator.add_workspace(&WorkspaceSpec::new(EAST, Cloud::Aws, "us-east-1")).unwrap();
        simulator.add_workspace(&WorkspaceSpec::new(WEST, Cloud::Aws, "us-west-2")).unwrap();
        Self { simulator }
    }

    pub(crate) async fn send(
        &self,
        workspace: &str,
        method: Method,
        target: &str,
        body: Option<Value>,
    ) -> Response<Body> {
        let token = self.simulator.workspace(workspace).unwrap().token;
        let mut request =
            Request::builder().method(method).uri(target).header("authorization", format!("Bearer {token}"));
        let body = match body {
            Some(body) => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
            None => Body::empty(),
        };
        let router = self.simulator.router(workspace).unwrap();
        router.oneshot(request.body(body).unwrap()).await.unwrap()
    }

    pub(crate) async fn answer(
        &self,
        workspace: &str,
        method: Method,
        target: &str,
        body: Option<Value>,
    ) -> Answer {
        let response = self.send(workspace, method, target, body).await;
        let status = response.status().as_u16();
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    pub(crate) async fn get(&self, target: &str) -> Answer {
        self.answer(EAST, Method::GET, target, None).await
    }

    pub(crate) async fn post(&self, target: &str, body: Value) -> Answer {
        self.answer(EAST, Method::POST, target, Some(body)).await
    }

    /// A GET that must succeed.
    pub(crate) async fn read(&self, target: &str) -> Value {
        let (status, document) = self.get(target).await;
        assert_eq!(status, 200, "{target}: {document}");
        document
    }

    /// A POST that must succeed.
    pub(crate) async fn write(&self, target: &str, body: Value) -> Value {
        let (status, document) = self.post(target, body).await;
        assert_eq!(status, 200, "{target}: {document}");
        document
    }

    pub(crate) fn seconds(&self, seconds: u64) {
        self.simulator.jump(Duration::from_secs(seconds)).unwrap();
    }

    pub(crate) fn days(&self, days: u64) {
        self.seconds(days * 86_400);
    }

    pub(crate) async fn notebook(&self, path: &str) {
        let body =
            json!({"path": path, "format": "SOURCE", "language": "PYTHON", "content": base64("print(1)")});
        self.write("/api/2.0/workspace/import", body).await;
    }

    pub(crate) async fn cluster(&self, name: &str) -> String {
        let body = json!({"cluster_name": name, "spark_version": SPARK, "node_type_id": "i3.xlarge", "num_workers": 1});
        let answer = self.write("/api/2.1/clusters/create", body).await;
        answer["cluster_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn cluster_state(&self, id: &str) -> String {
        let cluster = self.read(&format!("/api/2.1/clusters/get?cluster_id={id}")).await;
        cluster["state"].as_str().unwrap().to_owned()
    }

    /// A job with one notebook task; `more` goes into its settings.
    pub(crate) async fn job(&self, name: &str, more: Value) -> i64 {
        let path = format!("{HOME}/notebook");
        if self.get(&format!("/api/2.0/workspace/get-status?path={path}")).await.0 != 200 {
            self.notebook(&path).await;
        }
        let mut settings =
            json!({"name": name, "tasks": [{"task_key": "one", "notebook_task": {"notebook_path": path}}]});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.write("/api/2.2/jobs/create", settings).await["job_id"].as_i64().unwrap()
    }

    pub(crate) async fn runs_of(&self, job: i64) -> Vec<Value> {
        let answer = self.read(&format!("/api/2.2/jobs/runs/list?job_id={job}&limit=25")).await;
        answer["runs"].as_array().cloned().unwrap_or_default()
    }
}

pub(crate) fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}

pub(crate) fn unbase64(text: &Value) -> String {
    use base64::Engine;
    String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text.as_str().unwrap()).unwrap())
        .unwrap()
}

/// The codes of an answer that must be a refusal.
pub(crate) fn refused((status, document): Answer) -> (u16, String) {
    assert_ne!(status, 200, "{document}");
    (status, document["error_code"].as_str().unwrap_or("").to_owned())
}
