//! Error answers, in the shapes that the service uses.

use serde_json::{Value, json};

/// An error answer. Becomes `{"error_code", "message", "details"}` with its HTTP status.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) details: Vec<Value>,
    pub(crate) retry_after_seconds: Option<u64>,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: Vec::new(), retry_after_seconds: None }
    }

    /// The request says something that cannot be.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_PARAMETER_VALUE", message)
    }

    /// The same, and names the field in the details.
    pub(crate) fn bad_field(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let details = vec![json!({
            "@type": "type.googleapis.com/google.rpc.BadRequest",
            "field_violations": [{"field": field, "description": message}],
        })];
        Self { details, ..Self::invalid(message) }
    }

    /// The body is not what the endpoint can read.
    pub(crate) fn malformed(message: impl Into<String>) -> Self {
        Self::new(400, "MALFORMED_REQUEST", message)
    }

    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self::new(404, "RESOURCE_DOES_NOT_EXIST", message)
    }

    pub(crate) fn exists(message: impl Into<String>) -> Self {
        Self::new(400, "RESOURCE_ALREADY_EXISTS", message)
    }

    /// The newer APIs' way of saying that it exists.
    pub(crate) fn exists_409(message: impl Into<String>) -> Self {
        Self::new(409, "ALREADY_EXISTS", message)
    }

    pub(crate) fn state(message: impl Into<String>) -> Self {
        Self::new(400, "INVALID_STATE", message)
    }

    pub(crate) fn quota(message: impl Into<String>) -> Self {
        Self::new(400, "QUOTA_EXCEEDED", message)
    }

    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            401,
            "UNAUTHENTICATED",
            "Credential was not sent or was of an unsupported type for this API.",
        )
    }

    pub(crate) fn bad_token() -> Self {
        Self::new(403, "PERMISSION_DENIED", "Invalid access token.")
    }

    pub(crate) fn no_endpoint(method: &str, path: &str) -> Self {
        Self::new(404, "ENDPOINT_NOT_FOUND", format!("No API found for '{method} {path}'"))
    }

    pub(crate) fn too_many(family: &str, retry_after_seconds: Option<u64>) -> Self {
        let message =
            format!("Current request has to be retried later: the rate limit of {family} was exceeded.");
        Self { retry_after_seconds, ..Self::new(429, "REQUEST_LIMIT_EXCEEDED", message) }
    }

    /// The answer's document. Every error names the request, so that support can find it.
    pub(crate) fn document(&self, request_id: &str) -> Value {
        let mut details = self.details.clone();
        details.push(json!({
            "@type": "type.googleapis.com/google.rpc.RequestInfo",
            "request_id": request_id,
            "serving_data": "",
        }));
        json!({"error_code": self.code, "message": self.message, "details": details})
    }
}
