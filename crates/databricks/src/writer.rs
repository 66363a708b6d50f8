//! Changing something: one request, sent with a permit, and never sent again blindly.

use std::sync::Arc;

use http::Method;
use serde_json::Value;

use crate::call::Core;
use crate::{Answer, Body, Error, Permit, Policy};

/// Writes to one host. Cheap to clone.
#[derive(Clone)]
pub struct Writer {
    pub(crate) core: Arc<Core>,
    pub(crate) policy: Policy,
}

impl Writer {
    /// The same writer with another patience.
    #[must_use]
    pub fn with_policy(&self, policy: Policy) -> Self {
        Self { core: self.core.clone(), policy }
    }

    /// Sends a write.
    ///
    /// It is sent again only if the attempt certainly had no effect, or if the write says that it is
    /// [repeatable](Write::repeatable). The permit is asked before each attempt.
    ///
    /// # Errors
    /// [`Error::MaybeSent`] when the outcome is unknown (see [`Error::may_have_acted`]): settle it by reading.
    /// [`Error::PermitRefused`] when the permit does not hold up to the request's deadline.
    /// Otherwise as for reading.
    pub async fn send(&self, permit: &dyn Permit, write: &Write) -> Result<Answer, Error> {
        self.core.write(&self.policy, permit, write).await
    }
}

/// A request that changes something.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// Any but GET.
    pub method: Method,
    /// The path (`/api/2.2/jobs/create`).
    pub path: String,
    /// Query parameters.
    pub query: Vec<(String, String)>,
    /// What is sent.
    pub body: Body,
    /// Whether sending it twice does the same as sending it once, whatever happened in between: then an
    /// unknown outcome is retried. Creates are not; most deletes and whole replacements are.
    pub repeatable: bool,
}

impl Write {
    /// A write without query and body, not repeatable.
    #[must_use]
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), query: Vec::new(), body: Body::Empty, repeatable: false }
    }

    /// A POST with a JSON body, not repeatable.
    #[must_use]
    pub fn post(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::POST, path).body(Body::Json(body))
    }

    /// With one more query parameter.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.query.push((name.into(), value.into()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// Declares that sending it twice does the same as sending it once.
    #[must_use]
    pub const fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }
}
