//! A host in process that answers by a script, and clients of it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use tokio::time::Instant;
use twinlake_base::{Clock, Entropy, Secret};
use twinlake_databricks::{Budgets, Client, ClientBuilder, Host, Limits, Share, Transport, Undelivered};

pub(crate) const TOKEN: &str = "dapi0123456789abcdef0123456789abcdef";

/// What the host does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Answer(u16, Vec<(&'static str, String)>, String),
    NotSent,
    MaybeSent,
    /// Never answers.
    Hole,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &str) -> Self {
        Self::Answer(status, vec![("content-type", "application/json".to_owned())], body.to_owned())
    }

    pub(crate) fn ok(body: &str) -> Self {
        Self::json(200, body)
    }

    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, &serde_json::json!({"error_code": code, "message": message}).to_string())
    }

    pub(crate) fn with(self, name: &'static str, value: &str) -> Self {
        match self {
            Self::Answer(status, mut headers, body) => {
                headers.push((name, value.to_owned()));
                Self::Answer(status, headers, body)
            }
            other => other,
        }
    }
}

/// Answers one request after the other by the script; the last reply is repeated.
pub(crate) struct Script {
    replies: Mutex<VecDeque<Reply>>,
    pub(crate) seen: Mutex<Vec<(Instant, Request<Bytes>)>>,
}

impl Script {
    pub(crate) fn new(replies: impl IntoIterator<Item = Reply>) -> Arc<Self> {
        Arc::new(Self { replies: Mutex::new(replies.into_iter().collect()), seen: Mutex::default() })
    }

    /// Method, path and query of each request that arrived.
    pub(crate) fn requests(&self) -> Vec<String> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .map(|(_, request)| format!("{} {}", request.method(), request.uri().path_and_query().unwrap()))
            .collect()
    }

    pub(crate) fn times(&self) -> Vec<Instant> {
        self.seen.lock().unwrap().iter().map(|(time, _)| *time).collect()
    }

    fn next(&self) -> Reply {
        let mut replies = self.replies.lock().unwrap();
        if replies.len() > 1 { replies.pop_front().unwrap() } else { replies[0].clone() }
    }
}

#[async_trait]
impl Transport for Script {
    async fn send(&self, request: Request<Bytes>, _: Instant) -> Result<Response<Bytes>, Undelivered> {
        self.seen.lock().unwrap().push((Instant::now(), request));
        match self.next() {
            Reply::Answer(status, headers, body) => {
                let mut response = Response::builder().status(status);
                for (name, value) in headers {
                    response = response.header(name, value);
                }
                Ok(response.body(Bytes::from(body)).unwrap())
            }
            Reply::NotSent => Err(Undelivered::NotSent { reason: "connection refused".to_owned() }),
            Reply::MaybeSent => Err(Undelivered::MaybeSent { reason: "connection reset".to_owned() }),
            Reply::Hole => std::future::pending().await,
        }
    }
}

/// A client of a transport, all of each limit ours, seeded.
pub(crate) fn client_of(transport: Arc<dyn Transport>) -> ClientBuilder {
    let clock = Clock::simulated("2026-11-20T10:00:00Z".parse().unwrap());
    Client::builder(Host::parse("https://west.example").unwrap(), Secret::new(TOKEN.to_owned()))
        .transport(transport)
        .entropy(Entropy::seeded(1))
        .budgets(Budgets::new(Limits::shipped().unwrap(), clock.clone()))
        .share(Share::ALL)
        .clock(clock)
}

pub(crate) fn client(transport: Arc<dyn Transport>) -> Client {
    client_of(transport).build().unwrap()
}
