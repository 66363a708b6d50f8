//! What an attempt came to: an answer, an error for good, or a failure that may be tried again. Pure.
//!
//! For a write the question behind every line is whether it may have had its effect.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};
use twinlake_base::Timestamp;

use crate::envelope::{self, Fault};
use crate::gated::Unanswered;
use crate::retry::{self, Cause};
use crate::scrub::scrub;
use crate::{Answer, Error, Undelivered};

/// What was asked, as far as reading the answer depends on it.
pub(crate) struct Asked<'a> {
    /// Method, path and host, for errors.
    pub(crate) request: &'a str,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Whether it is to change something.
    pub(crate) is_write: bool,
    /// Whether the answer is a file, which may itself be a web page.
    pub(crate) is_download: bool,
    /// Our token, to keep it out of errors.
    pub(crate) token: &'a str,
}

/// What an attempt came to.
#[derive(Debug)]
pub(crate) enum Outcome {
    Done(Answer),
    Final(Error),
    Failed { error: Error, cause: Cause, retry_after: Option<Duration>, effect: Effect },
}

/// Whether a failed attempt may have done something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    Unknown,
}

impl Outcome {
    /// Reads what came back, or did not. `now` is for a `Retry-After` that is a date.
    pub(crate) fn read(
        asked: &Asked<'_>,
        answered: Result<Response<Bytes>, Unanswered>,
        now: Timestamp,
    ) -> Self {
        let request = asked.request.to_owned();
        let undelivered =
            |error, effect| Self::Failed { error, cause: Cause::Undelivered, retry_after: None, effect };
        match answered {
            Ok(response) => Self::read_answer(asked, response, now),
            Err(Unanswered::Crashed) => Self::Final(Error::Crashed { request }),
            Err(Unanswered::Undelivered(Undelivered::NotSent { reason })) => {
                let reason = scrub(&reason, Some(asked.token));
                undelivered(Error::NotSent { request, reason }, Effect::None)
            }
            Err(Unanswered::Undelivered(Undelivered::MaybeSent { reason })) => {
                let reason = scrub(&reason, Some(asked.token));
                let error = if asked.is_write {
                    Error::MaybeSent { request, reason }
                } else {
                    Error::NoAnswer { request, reason }
                };
                undelivered(error, Effect::Unknown)
            }
        }
    }

    fn read_answer(asked: &Asked<'_>, response: Response<Bytes>, now: Timestamp) -> Self {
        let (parts, body) = response.into_parts();
        let (status, headers) = (parts.status, parts.headers);
        if is_web_page(status, &headers, &body, asked.is_download) {
            return Self::Final(login_page(asked, status, &headers));
        }
        if status.is_success() {
            let request = asked.request.to_owned();
            return Self::Done(Answer { request, status: status.as_u16(), headers, body });
        }
        let fault = envelope::read(status, &body);
        let error = Error::Api {
            request: asked.request.to_owned(),
            status: status.as_u16(),
            class: envelope::class(asked.method, asked.path, status.as_u16(), &fault),
            code: scrub(&fault.code, Some(asked.token)),
            message: scrub(&fault.message, Some(asked.token)),
        };
        match temporary(status, &headers, &fault) {
            None => Self::Final(error),
            Some((cause, effect)) => {
                Self::Failed { error, cause, retry_after: retry::retry_after(&headers, now), effect }
            }
        }
    }
}

/// Whether an error answer is worth another attempt, and whether this one may have done something.
fn temporary(status: StatusCode, headers: &HeaderMap, fault: &Fault) -> Option<(Cause, Effect)> {
    if envelope::is_throttled(status.as_u16(), fault) {
        return Some((Cause::Throttled, Effect::None));
    }
    match status.as_u16() {
        // The service's own "come back later" is said before it does anything. A 503 that a proxy in front of
        // it makes up (no envelope, no time) also stands for a connection that broke while the service worked.
        503 if fault.code == "TEMPORARILY_UNAVAILABLE" && headers.contains_key(RETRY_AFTER) => {
            Some((Cause::Unavailable, Effect::None))
        }
        503 => Some((Cause::Unavailable, Effect::Unknown)),
        408 | 500 | 502 | 504 => Some((Cause::Flaky, Effect::Unknown)),
        _ if envelope::is_temporary(&fault.message) => Some((Cause::Flaky, Effect::Unknown)),
        _ => None,
    }
}

/// Whether something other than the API answered: the API neither redirects nor speaks HTML. Server errors are
/// left out: there a proxy's page is an answer to be read, and worth another attempt.
fn is_web_page(status: StatusCode, headers: &HeaderMap, body: &[u8], is_download: bool) -> bool {
    if status.is_redirection() {
        return true;
    }
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return false;
    }
    let is_html_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/html"));
    if is_download && status.is_success() {
        // A file may be a web page. Files come as attachments or as plain bytes.
        return is_html_type && !headers.contains_key(CONTENT_DISPOSITION);
    }
    let head = &body[..body.len().min(64)];
    is_html_type || envelope::is_html(&String::from_utf8_lossy(head))
}

fn login_page(asked: &Asked<'_>, status: StatusCode, headers: &HeaderMap) -> Error {
    let target = headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // What follows the path of a redirect can hold a session.
    let target = scrub(target.split(['?', '#']).next().unwrap_or_default(), Some(asked.token));
    Error::LoginPage {
        request: asked.request.to_owned(),
        status: status.as_u16(),
        location: if target.is_empty() { target } else { format!("→ {target}") },
        // A success with the wrong face: whether the API was reached behind it, nobody can tell.
        maybe_sent: asked.is_write && status.is_success(),
    }
}

/// How a failed attempt ends a write that must not be sent again although it may have had its effect.
pub(crate) fn unknown(error: Error) -> Error {
    match error {
        Error::Api { request, status, code, message, .. } => {
            let code = if code.is_empty() { String::new() } else { format!(" {code}") };
            Error::MaybeSent { request, reason: format!("it was answered with {status}{code}: {message}") }
        }
        other => other,
    }
}
