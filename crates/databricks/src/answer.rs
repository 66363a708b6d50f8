//! What a host answered, once it is known to be an answer of the API.

use std::fmt;

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;

use crate::Error;

/// A successful answer (2xx) of the API.
#[derive(Clone)]
pub struct Answer {
    pub(crate) request: String,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The HTTP status, 200 to 299.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// A header's value, if it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as it came.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.body
    }

    /// The body as JSON. An empty body reads as `{}`: several calls answer with either.
    ///
    /// # Errors
    /// [`Error::Malformed`] if it is something else.
    pub fn json(&self) -> Result<Value, Error> {
        if self.body.is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        serde_json::from_slice(&self.body).map_err(|error| Error::Malformed {
            request: self.request.clone(),
            reason: format!("not JSON: {error}"),
        })
    }
}

/// Without header values and body: they may hold secrets.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({} → {}, {} bytes)", self.request, self.status, self.body.len())
    }
}
