//! A transport that notes what passes through it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use tokio::time::Instant;
use twinlake_databricks::{Transport, Undelivered};

/// Requests, each method and path once, with every parameter and field that was ever sent with it.
#[derive(Clone, Default)]
pub(super) struct Record(Arc<Mutex<BTreeSet<Sent>>>);

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Sent {
    method: String,
    path: String,
    query: BTreeSet<String>,
    fields: BTreeSet<String>,
}

impl Record {
    /// All of it, for `routes_check.py`.
    pub(super) fn as_json(&self) -> Value {
        let sent = self.0.lock().unwrap();
        let show = |sent: &Sent| json!({"method": sent.method, "path": sent.path, "query": sent.query, "fields": sent.fields});
        sent.iter().map(show).collect()
    }
}

/// A transport in front of another one.
pub(super) struct Recorder<T> {
    pub(super) inner: T,
    pub(super) record: Record,
}

#[async_trait]
impl<T: Transport> Transport for Recorder<T> {
    async fn send(&self, request: Request<Bytes>, deadline: Instant) -> Result<Response<Bytes>, Undelivered> {
        let uri = request.uri();
        let parameters = uri.query().into_iter().flat_map(|query| query.split('&'));
        let mut fields = BTreeSet::new();
        if let Ok(body) = serde_json::from_slice::<Value>(request.body()) {
            collect(&body, "", &mut fields);
        }
        self.record.0.lock().unwrap().insert(Sent {
            method: request.method().to_string(),
            path: uri.path().to_owned(),
            query: parameters.filter_map(|pair| Some(pair.split_once('=')?.0.to_owned())).collect(),
            fields,
        });
        self.inner.send(request, deadline).await
    }
}

/// The pointers of everything that has a value, with `*` for items of lists.
fn collect(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().for_each(|(name, value)| collect(value, &format!("{at}/{name}"), found));
        }
        Value::Array(items) if !items.is_empty() => {
            items.iter().for_each(|item| collect(item, &format!("{at}/*"), found));
        }
        // A body without fields says nothing.
        _ if at.is_empty() => {}
        _ => drop(found.insert(at.to_owned())),
    }
}
