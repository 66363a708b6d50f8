//! What the client tells a log: enough to follow a call, and no secret.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use twinlake_databricks::{Unguarded, Write};

use crate::host::{Reply, Script, TOKEN, client};

/// Writes down every field of every event of ours.
#[derive(Clone, Default)]
struct Ear(Arc<Mutex<String>>);

impl Visit for Ear {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl Subscriber for Ear {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("twinlake")
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn the_log_follows_a_call_and_holds_no_secret_and_no_body() {
    let ear = Ear::default();
    let _listening = tracing::subscriber::set_default(ear.clone());
    let replies = [
        Reply::json(429, ""),
        Reply::ok("{\"value\":\"secret-answer\"}"),
        Reply::error(401, "UNAUTHENTICATED", &format!("bad token {TOKEN}")),
    ];
    let client = client(Script::new(replies));
    let write = Write::post("/api/2.0/secrets/put", json!({"string_value": "secret-question"}));
    client.writer().send(&Unguarded, &write).await.unwrap();
    client.reader().get_json("/api/2.2/jobs/get", &[("token", "secret-parameter")]).await.unwrap_err();
    let heard = ear.0.lock().unwrap().clone();
    for part in [
        "http.path=\"/api/2.0/secrets/put\"",
        "http.status=200",
        "attempt=2",
        "api.family=\"secrets\"",
        "401",
    ] {
        assert!(heard.contains(part), "{part} in {heard}");
    }
    assert!(!heard.contains("secret-") && !heard.contains(TOKEN), "{heard}");
}
