//! One request to the wire, and what came of it.
//!
//! A transport does not retry, follow redirects, pace or interpret: it says what happened. The distinction
//! that everything above depends on is between a request that certainly never left and one of which we do not know.

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use tokio::time::Instant;

/// Carries one request. Implementations: sockets ([`HttpTransport`](crate::HttpTransport)), or a router in process.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends `request`, whose URI is absolute, and reads the whole answer. Any status is an answer.
    ///
    /// # Errors
    /// [`Undelivered`]; in doubt it is [`Undelivered::MaybeSent`]. It returns by `deadline` at the latest
    /// (the client also enforces that, for every transport).
    async fn send(&self, request: Request<Bytes>, deadline: Instant) -> Result<Response<Bytes>, Undelivered>;
}

/// There is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Undelivered {
    /// The request certainly had no effect: no connection stood that could have carried it.
    #[error("not sent: {reason}")]
    NotSent {
        /// What went wrong.
        reason: String,
    },
    /// The request may have had its effect: it was cut, timed out, or its answer was lost.
    #[error("no answer: {reason}")]
    MaybeSent {
        /// What went wrong.
        reason: String,
    },
}
