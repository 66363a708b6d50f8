//! From the client straight into the simulator's router: the same protocol, no sockets, no threads.
//!
//! Latency, black holes and faults are the simulator's; they pass in the time of the clock that the test owns. What was
//! sent cannot be called back: a request goes on at the service also when whoever sent it gives up, or crashes.

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use tokio::time::Instant;
use tower::ServiceExt;
use twinlake_databricks::{Transport, Undelivered};
use twinlake_simulator::{Disconnected, Simulator};

/// A transport to one simulated workspace.
#[derive(Clone)]
pub struct InProcess(Router);

impl InProcess {
    /// To the workspace of this name.
    ///
    /// # Panics
    /// When the account has no such workspace.
    #[must_use]
    pub fn new(simulator: &Simulator, workspace: &str) -> Self {
        Self(simulator.router(workspace).expect("a workspace of the simulated account"))
    }
}

#[async_trait]
impl Transport for InProcess {
    async fn send(&self, request: Request<Bytes>, deadline: Instant) -> Result<Response<Bytes>, Undelivered> {
        let answered = tokio::spawn(self.0.clone().oneshot(request.map(Body::from)));
        let response = match tokio::time::timeout_at(deadline, answered).await {
            Ok(Ok(response)) => response.unwrap_or_else(|never| match never {}),
            Ok(Err(gone)) => return Err(maybe_sent(&gone.to_string())),
            Err(_) => return Err(maybe_sent("no answer before the deadline")),
        };
        if let Some(broken) = response.extensions().get::<Disconnected>() {
            let reason = "the simulated connection broke".to_owned();
            return Err(match broken.sent {
                true => Undelivered::MaybeSent { reason },
                false => Undelivered::NotSent { reason },
            });
        }
        let (head, body) = response.into_parts();
        match tokio::time::timeout_at(deadline, axum::body::to_bytes(body, usize::MAX)).await {
            Ok(Ok(body)) => Ok(Response::from_parts(head, body)),
            Ok(Err(error)) => Err(maybe_sent(&error.to_string())),
            Err(_) => Err(maybe_sent("the answer did not end before the deadline")),
        }
    }
}

fn maybe_sent(reason: &str) -> Undelivered {
    Undelivered::MaybeSent { reason: reason.to_owned() }
}
