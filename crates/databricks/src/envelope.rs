//! Reads error bodies, whichever of the service's shapes they have, and says what they mean. Pure.
//!
//! Shapes: the usual envelope (`error_code`, `message`), API 1.2 and OAuth (`error`), SCIM (`detail`,
//! `scimType`, `status`), text (`CODE: message`), a proxy's page, nothing at all.
//! The code is trusted before the status. A "not found" comes as 400 from a few calls, and a 404 that does not
//! come from the API is no "not found": it must not confirm that something was deleted.

use http::StatusCode;
use serde_json::Value;
use twinlake_base::ErrorClass;

/// What an error body says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The API's code; empty when there is none.
    pub(crate) code: String,
    /// The message, or the status's name.
    pub(crate) message: String,
    /// Whether the API itself said so, rather than something in front of it.
    pub(crate) from_api: bool,
}

/// Messages that the service's own clients treat as temporary, whatever their code and status.
const TEMPORARY: &[&str] = &[
    "com.databricks.backend.manager.util.UnknownWorkerEnvironmentException",
    "does not have any associated worker environments",
    "There is no worker environment with id",
    "Unknown worker environment",
    "ClusterNotReadyException",
    "Unexpected error",
    "Please try again later or try a faster operation.",
];
/// The one among them that says "too many requests" (so that nothing was done).
const OUT_OF_TOKENS: &str = "RPC token bucket limit has been exceeded";

/// Calls whose "not found" is a 400 `INVALID_PARAMETER_VALUE`: method, the path's end, and what the message then contains.
const DISGUISED: &[(&str, &str, Texts)] = &[
    (
        "GET",
        "/clusters/get",
        &[("Cluster ", " does not exist"), ("Cannot access cluster ", "unpinned more than")],
    ),
    ("GET", "/jobs/get", &[("Job ", " does not exist")]),
    ("GET", "/jobs/runs/get", &[("Run ", " does not exist"), ("Run: ", "doesn't exist")]),
    ("POST", "/jobs/runs/cancel", &[("Run ", " does not exist"), ("Run: ", "doesn't exist")]),
    ("POST", "/jobs/runs/cancel-all", &[("Job ", " does not exist")]),
];

/// Texts that a message contains, the second behind the first.
type Texts = &'static [(&'static str, &'static str)];

/// Reads a body.
pub(crate) fn read(status: StatusCode, body: &[u8]) -> Fault {
    let reason = status.canonical_reason().unwrap_or("no reason given");
    if let Ok(Value::Object(fields)) = serde_json::from_slice::<Value>(body) {
        return read_json(&fields, status, reason);
    }
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    if is_html(text) {
        let message = between(text, "<pre>", "</pre>").or_else(|| between(text, "<title>", "</title>"));
        return Fault { code: String::new(), message: message.unwrap_or(reason).to_owned(), from_api: false };
    }
    if let Some((code, message)) = text.split_once(": ")
        && !code.is_empty()
        && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    {
        return Fault { code: code.to_owned(), message: message.to_owned(), from_api: true };
    }
    let message = if text.is_empty() { reason } else { text };
    Fault { code: String::new(), message: message.to_owned(), from_api: false }
}

fn read_json(fields: &serde_json::Map<String, Value>, status: StatusCode, reason: &str) -> Fault {
    let text = |name: &str| fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(detail) = text("detail") {
        // SCIM gives its status as text or as a number, and "null" for a detail that it does not have.
        let status = fields.get("status").map_or_else(|| status.as_u16().to_string(), plain);
        let detail = if detail == "null" { "SCIM API Internal Error" } else { detail };
        let message = text("scimType").map_or_else(|| detail.to_owned(), |kind| format!("{kind}: {detail}"));
        return Fault { code: format!("SCIM_{status}"), message, from_api: true };
    }
    let code = fields.get("error_code").map(plain).unwrap_or_default();
    let message = text("message").or_else(|| text("error_description")).or_else(|| text("error"));
    let from_api = !code.is_empty() || message.is_some();
    Fault { code, message: message.unwrap_or(reason).to_owned(), from_api }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn between<'t>(text: &'t str, open: &str, close: &str) -> Option<&'t str> {
    let start = text.find(open)? + open.len();
    let end = text[start..].find(close)? + start;
    Some(text[start..end].trim()).filter(|inner| !inner.is_empty())
}

/// Whether a body is a web page.
pub(crate) fn is_html(text: &str) -> bool {
    let head: String = text.trim_start().chars().take(15).collect::<String>().to_ascii_lowercase();
    head.starts_with("<!doctype html") || head.starts_with("<html")
}

/// What an error means.
pub(crate) fn class(method: &str, path: &str, status: u16, fault: &Fault) -> ErrorClass {
    if is_out_of_tokens(&fault.message) || is_temporary(&fault.message) {
        return ErrorClass::Retryable;
    }
    if is_disguised_missing(method, path, status, fault) {
        return ErrorClass::Missing;
    }
    by_code(&fault.code).unwrap_or_else(|| by_status(status, fault.from_api))
}

/// Whether the message says that the host had too many requests.
pub(crate) fn is_out_of_tokens(message: &str) -> bool {
    message.contains(OUT_OF_TOKENS)
}

/// Whether the service's own clients would try again on this message.
pub(crate) fn is_temporary(message: &str) -> bool {
    TEMPORARY.iter().any(|text| message.contains(text))
}

/// Whether an answer means "too many requests", so that nothing was done.
pub(crate) fn is_throttled(status: u16, fault: &Fault) -> bool {
    let permanent = by_code(&fault.code) == Some(ErrorClass::Invalid);
    matches!(fault.code.as_str(), "REQUEST_LIMIT_EXCEEDED" | "RESOURCE_EXHAUSTED")
        || (status == 429 && !permanent)
        || is_out_of_tokens(&fault.message)
}

fn is_disguised_missing(method: &str, path: &str, status: u16, fault: &Fault) -> bool {
    let of_call = DISGUISED.iter().filter(|(of, end, _)| *of == method && path.ends_with(end));
    status == 400
        && fault.code == "INVALID_PARAMETER_VALUE"
        && of_call.flat_map(|(_, _, texts)| texts.iter()).any(|(before, after)| {
            fault.message.find(before).is_some_and(|at| fault.message[at..].contains(after))
        })
}

fn by_code(code: &str) -> Option<ErrorClass> {
    Some(match code {
        "RESOURCE_DOES_NOT_EXIST" | "NOT_FOUND" | "SCIM_404" => ErrorClass::Missing,
        "RESOURCE_ALREADY_EXISTS"
        | "ALREADY_EXISTS"
        | "RESOURCE_CONFLICT"
        | "ABORTED"
        | "INVALID_STATE"
        | "SCIM_409"
        | "SCIM_412" => ErrorClass::Conflict,
        "PERMISSION_DENIED"
        | "UNAUTHENTICATED"
        | "CUSTOMER_UNAUTHORIZED"
        | "INVALID_TOKEN"
        | "PRIVATE_LINK_VALIDATION_ERROR"
        | "invalid_client"
        | "SCIM_401"
        | "SCIM_403" => ErrorClass::Denied,
        "REQUEST_LIMIT_EXCEEDED"
        | "RESOURCE_EXHAUSTED"
        | "TEMPORARILY_UNAVAILABLE"
        | "DEADLINE_EXCEEDED"
        | "INTERNAL_ERROR"
        | "UNKNOWN"
        | "SCIM_429"
        | "SCIM_500"
        | "SCIM_503" => ErrorClass::Retryable,
        // A call that does not exist is not an asset that does not exist, and a full quota stays full.
        "ENDPOINT_NOT_FOUND"
        | "FEATURE_DISABLED"
        | "NOT_IMPLEMENTED"
        | "QUOTA_EXCEEDED"
        | "RESOURCE_LIMIT_EXCEEDED"
        | "INVALID_PARAMETER_VALUE"
        | "BAD_REQUEST"
        | "MALFORMED_REQUEST"
        | "DATA_LOSS" => ErrorClass::Invalid,
        // Unity Catalog names what is missing: CATALOG_DOES_NOT_EXIST, TABLE_DOES_NOT_EXIST, …
        other if other.ends_with("_DOES_NOT_EXIST") => ErrorClass::Missing,
        other if other.ends_with("_ALREADY_EXISTS") => ErrorClass::Conflict,
        _ => return None,
    })
}

const fn by_status(status: u16, from_api: bool) -> ErrorClass {
    match status {
        401 | 403 | 407 => ErrorClass::Denied,
        404 | 410 if from_api => ErrorClass::Missing,
        409 | 412 => ErrorClass::Conflict,
        408 | 425 | 429 | 500 | 502 | 503 | 504 => ErrorClass::Retryable,
        _ => ErrorClass::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class_of(method: &str, path: &str, status: u16, body: &str) -> (ErrorClass, Fault) {
        let fault = read(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        (class(method, path, status, &fault), fault)
    }

    fn class_at(status: u16, body: &str) -> ErrorClass {
        class_of("POST", "/api/2.0/x", status, body).0
    }

    #[test]
    fn the_code_is_trusted_before_the_status() {
        assert_eq!(
            class_at(400, r#"{"error_code":"RESOURCE_ALREADY_EXISTS","message":"x"}"#),
            ErrorClass::Conflict
        );
        assert_eq!(
            class_at(400, r#"{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"x"}"#),
            ErrorClass::Missing
        );
        assert_eq!(
            class_at(403, r#"{"error_code":"REQUEST_LIMIT_EXCEEDED","message":"x"}"#),
            ErrorClass::Retryable
        );
        assert_eq!(class_at(429, r#"{"error_code":"QUOTA_EXCEEDED","message":"x"}"#), ErrorClass::Invalid);
        assert_eq!(
            class_at(404, r#"{"error_code":"CATALOG_DOES_NOT_EXIST","message":"x"}"#),
            ErrorClass::Missing
        );
    }

    #[test]
    fn a_not_found_in_disguise_is_recognised_only_where_it_is_documented() {
        let body =
            |message: &str| format!(r#"{{"error_code":"INVALID_PARAMETER_VALUE","message":"{message}"}}"#);
        for (path, message) in [
            ("/api/2.1/clusters/get", "Cluster 1-2-x does not exist"),
            (
                "/api/2.1/clusters/get",
                "Cannot access cluster 1-2-x that was terminated or unpinned more than 30 days ago.",
            ),
            ("/api/2.2/jobs/get", "Job 7 does not exist."),
            ("/api/2.2/jobs/runs/get", "Run 7 does not exist."),
            ("/api/2.2/jobs/runs/get", "Run: 7 in job: 8 doesn't exist"),
        ] {
            assert_eq!(class_of("GET", path, 400, &body(message)).0, ErrorClass::Missing, "{message}");
        }
        for (path, message) in [
            ("/api/2.2/jobs/runs/cancel", "Run 7 does not exist."),
            ("/api/2.2/jobs/runs/cancel-all", "Job 7 does not exist."),
        ] {
            assert_eq!(class_of("POST", path, 400, &body(message)).0, ErrorClass::Missing, "{message}");
        }
        assert_eq!(
            class_of("POST", "/api/2.2/jobs/reset", 400, &body("Job 7 does not exist.")).0,
            ErrorClass::Invalid
        );
        assert_eq!(
            class_of("GET", "/api/2.2/jobs/get", 400, &body("Field x is missing")).0,
            ErrorClass::Invalid
        );
    }

    #[test]
    fn a_404_that_the_api_did_not_say_is_no_not_found() {
        assert_eq!(class_at(404, "<html><title>404</title></html>"), ErrorClass::Invalid);
        assert_eq!(class_at(404, ""), ErrorClass::Invalid);
        assert_eq!(
            class_at(404, r#"{"error_code":"ENDPOINT_NOT_FOUND","message":"no such API"}"#),
            ErrorClass::Invalid
        );
        assert_eq!(class_at(404, r#"{"message":"gone"}"#), ErrorClass::Missing);
    }

    #[test]
    fn every_shape_of_body_gives_a_code_and_a_message() {
        let (class, fault) = class_of(
            "GET",
            "/x",
            409,
            r#"{"schemas":["e"],"detail":"User exists","status":"409","scimType":"uniqueness"}"#,
        );
        assert_eq!(
            (class, fault.code.as_str(), fault.message.as_str()),
            (ErrorClass::Conflict, "SCIM_409", "uniqueness: User exists")
        );
        assert_eq!(
            class_of("GET", "/x", 500, r#"{"detail":"null","status":500}"#).1.message,
            "SCIM API Internal Error"
        );
        assert_eq!(class_of("GET", "/x", 400, r#"{"error":"old style"}"#).1.message, "old style");
        let text = class_of("GET", "/x", 400, "MALFORMED_REQUEST: no body").1;
        assert_eq!((text.code.as_str(), text.message.as_str()), ("MALFORMED_REQUEST", "no body"));
        assert_eq!(
            class_of("GET", "/x", 502, "<html><pre> upstream died </pre></html>").1.message,
            "upstream died"
        );
        assert_eq!(class_of("GET", "/x", 503, "").1.message, "Service Unavailable");
        assert_eq!(class_of("GET", "/x", 400, "[1]").1.message, "[1]");
    }

    #[test]
    fn temporary_messages_are_recognised_whatever_their_status() {
        for text in TEMPORARY {
            let body = serde_json::json!({"error_code": "INVALID_PARAMETER_VALUE", "message": format!("x {text} y")});
            assert_eq!(class_at(400, &body.to_string()), ErrorClass::Retryable, "{text}");
        }
        let fault = read(
            StatusCode::BAD_REQUEST,
            br#"{"error_code":"X","message":"RPC token bucket limit has been exceeded"}"#,
        );
        assert!(is_throttled(400, &fault));
    }

    proptest::proptest! {
        #[test]
        fn no_body_breaks_it(status in 300u16..600, body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let fault = read(StatusCode::from_u16(status).unwrap(), &body);
            let _ = class("GET", "/api/2.2/jobs/get", status, &fault);
        }

        #[test]
        fn no_text_in_an_envelope_breaks_it(status in 300u16..600, code in ".{0,20}", message in ".{0,60}") {
            let body = serde_json::json!({"error_code": code, "message": message, "detail": message, "status": status});
            let fault = read(StatusCode::from_u16(status).unwrap(), body.to_string().as_bytes());
            let _ = class("GET", "/api/2.2/jobs/get", status, &fault);
        }
    }
}
