//! What the product sends, and to whom: every request by its host, kept for whoever judges.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use tokio::time::Instant;
use twinlake_base::{Clock, Timestamp};
use twinlake_databricks::{Transport, Undelivered};

use crate::InProcess;

/// What the product sent, in order, and what webhooks are answered.
#[derive(Debug)]
pub struct Traffic {
    sent: Mutex<Vec<Sent>>,
    hooks_answer: AtomicU16,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Sent {
    /// When, by the deployment's clock.
    pub at: Timestamp,
    /// To whom: `east.example`.
    pub host: String,
    /// `POST /api/2.2/jobs/create`.
    pub what: String,
    /// Its body.
    pub body: Bytes,
    /// What was answered. None: nothing.
    pub status: Option<u16>,
}

impl Default for Traffic {
    fn default() -> Self {
        Self { sent: Mutex::default(), hooks_answer: AtomicU16::new(200) }
    }
}

impl Traffic {
    /// How many requests there were so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// What was sent to a host, or any, since there were so many requests.
    #[must_use]
    pub fn since(&self, count: usize, host: Option<&str>) -> Vec<Sent> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent[count..].iter().filter(|one| host.is_none_or(|host| one.host == host)).cloned().collect()
    }

    /// What webhooks are answered from now on.
    pub fn answer_hooks_with(&self, status: u16) {
        self.hooks_answer.store(status, Ordering::SeqCst);
    }

    fn keep(&self, sent: Sent) -> usize {
        let mut all = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(sent);
        all.len() - 1
    }

    fn answered(&self, number: usize, status: u16) {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)[number].status = Some(status);
    }
}

/// The host of webhooks.
const HOOKS: &str = "hooks.example";

/// Into the router of the workspace whose host is asked.
pub(crate) struct ByHost {
    pub(crate) workspaces: BTreeMap<String, InProcess>,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) clock: Clock,
}

#[async_trait]
impl Transport for ByHost {
    async fn send(&self, request: Request<Bytes>, deadline: Instant) -> Result<Response<Bytes>, Undelivered> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let number = self.traffic.keep(Sent {
            at: self.clock.now(),
            host: host.clone(),
            what: format!("{} {}", request.method(), request.uri().path()),
            body: request.body().clone(),
            status: None,
        });
        let answer = match self.workspaces.get(&host) {
            Some(workspace) => workspace.send(request, deadline).await?,
            None if host == HOOKS => {
                let mut answer = Response::new(Bytes::new());
                let status = self.traffic.hooks_answer.load(Ordering::SeqCst);
                *answer.status_mut() = status.try_into().expect("a status");
                answer
            }
            None => return Err(Undelivered::NotSent { reason: format!("there is no host {host}") }),
        };
        self.traffic.answered(number, answer.status().as_u16());
        Ok(answer)
    }
}
