//! One call: a request with its turn, its permit, its gate and its retries.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, USER_AGENT};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use tokio::time::Instant;
use twinlake_base::{Clock, Entropy, Secret};

use crate::budget::HostBudget;
use crate::envelope::{self, Fault};
use crate::gated::{Gated, Unanswered};
use crate::retry::{self, Cause, Policy, Try, next_attempt};
use crate::scrub::scrub;
use crate::writer::Body;
use crate::{Answer, Error, Host, Permit, Undelivered, Write, url};

/// What all readers and writers of one client share.
pub(crate) struct Core {
    pub(crate) host: Host,
    pub(crate) token: Secret<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) gated: Gated,
    pub(crate) clock: Clock,
    pub(crate) entropy: Entropy,
    pub(crate) budget: Arc<HostBudget>,
}

/// One request, ready to be sent any number of times.
struct Call<'a> {
    policy: &'a Policy,
    /// `POST /api/2.2/jobs/create`.
    what: String,
    /// The same with the host, for errors.
    request: String,
    method: Method,
    path: &'a str,
    uri: String,
    content_type: Option<String>,
    body: Bytes,
    permit: Option<&'a dyn Permit>,
    repeatable: bool,
    download: bool,
}

/// What an attempt came to.
enum Outcome {
    Done(Answer),
    Final(Error),
    Failed { error: Error, cause: Cause, retry_after: Option<Duration>, effect: Effect },
}

/// Whether a failed attempt may have done something.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effect {
    None,
    Unknown,
}

impl Core {
    /// A GET. `download` says that the answer is a file, which may itself be a web page.
    pub(crate) async fn read(
        &self,
        policy: &Policy,
        path: &str,
        query: &[(&str, &str)],
        download: bool,
    ) -> Result<Answer, Error> {
        let query = url::query(query.iter().copied());
        let call = self.call(policy, Method::GET, path, &query);
        self.perform(Call { repeatable: true, download, ..call }).await
    }

    /// Any other request.
    pub(crate) async fn write(
        &self,
        policy: &Policy,
        permit: &dyn Permit,
        write: &Write,
    ) -> Result<Answer, Error> {
        let query = url::query(write.query.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let call = self.call(policy, write.method.clone(), &write.path, &query);
        if write.method == Method::GET {
            return Err(Error::Unsendable {
                request: call.request,
                reason: "a GET is a reader's".to_owned(),
            });
        }
        let (content_type, body) = write.body.encode(&self.entropy, &call.request)?;
        let call = Call { permit: Some(permit), repeatable: write.repeatable, content_type, body, ..call };
        let answer = self.perform(call).await?;
        if answer.body.is_empty() || serde_json::from_slice::<serde::de::IgnoredAny>(&answer.body).is_ok() {
            return Ok(answer);
        }
        // The effect is there, but what it made cannot be read: that is an unknown outcome, not a success.
        let reason = format!("it was answered with {} and something that is not JSON", answer.status);
        Err(Error::MaybeSent { request: answer.request, reason })
    }

    fn call<'a>(&self, policy: &'a Policy, method: Method, path: &'a str, query: &str) -> Call<'a> {
        let what = format!("{method} {path}");
        Call {
            policy,
            request: format!("{what} on {}", self.host.authority()),
            what,
            method,
            path,
            uri: format!("{}{path}{query}", self.host.origin()),
            content_type: None,
            body: Bytes::new(),
            permit: None,
            repeatable: false,
            download: false,
        }
    }

    async fn perform(&self, call: Call<'_>) -> Result<Answer, Error> {
        let mut first_send: Option<Instant> = None;
        let mut maybe_sent = false;
        let mut number = 0;
        let mut failures: Vec<Cause> = Vec::new();
        loop {
            number += 1;
            let request = self.request(&call)?;
            let turn = self.budget.turn(&call.method, call.path, number > 1).await?;
            let now = self.clock.instant();
            let start = *first_send.get_or_insert(now);
            let deadline = (now + call.policy.request).min(start + call.policy.total);
            self.check_permit(&call, deadline, maybe_sent)?;
            turn.sent(number > 1);
            let answered = self.gated.send(&call.what, request, deadline).await;
            let ended = self.clock.instant();
            let outcome = self.interpret(&call, answered);
            trace(&call, self.host.authority(), number, ended - now, &outcome);
            match &outcome {
                Outcome::Failed { cause: Cause::Throttled, retry_after, .. } => {
                    turn.refused(ended, *retry_after)
                }
                Outcome::Done(_) | Outcome::Final(Error::Api { .. }) => turn.accepted(),
                _ => {}
            }
            drop(turn);
            let (error, cause, retry_after, effect) = match outcome {
                Outcome::Done(answer) => return Ok(answer),
                Outcome::Final(error) => return Err(error),
                Outcome::Failed { error, cause, retry_after, effect } => (error, cause, retry_after, effect),
            };
            if effect == Effect::Unknown && call.permit.is_some() {
                maybe_sent = true;
                if !call.repeatable {
                    return Err(unknown(error));
                }
            }
            let spent = ended - start;
            failures.push(cause);
            let of_cause = failures.iter().filter(|other| **other == cause).count();
            let of_cause = u32::try_from(of_cause).unwrap_or(u32::MAX);
            let failed = Try { number: of_cause, cause, retry_after, spent };
            let Some(wait) = next_attempt(call.policy, &failed, self.entropy.fraction()) else {
                return Err(Error::BudgetSpent {
                    request: call.request,
                    attempts: number,
                    elapsed: spent,
                    maybe_sent,
                    last: Box::new(error),
                });
            };
            self.clock.sleep(wait).await;
        }
    }

    fn check_permit(&self, call: &Call<'_>, deadline: Instant, maybe_sent: bool) -> Result<(), Error> {
        let Some(permit) = call.permit else { return Ok(()) };
        permit.check(deadline).map_err(|refused| Error::PermitRefused {
            request: call.request.clone(),
            reason: refused.reason,
            hint: refused.hint,
            maybe_sent,
        })
    }

    fn request(&self, call: &Call<'_>) -> Result<Request<Bytes>, Error> {
        let unsendable = |reason: String| Error::Unsendable { request: call.request.clone(), reason };
        if !call.path.starts_with('/') {
            return Err(unsendable("its path does not begin with `/`".to_owned()));
        }
        let mut request = Request::builder().method(call.method.clone()).uri(&call.uri);
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
            if !call.download {
                headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
            }
            if let Some(content_type) = &call.content_type {
                let value =
                    HeaderValue::from_str(content_type).map_err(|error| unsendable(error.to_string()))?;
                headers.insert(CONTENT_TYPE, value);
            }
        }
        request.body(call.body.clone()).map_err(|error| unsendable(error.to_string()))
    }

    fn interpret(&self, call: &Call<'_>, answered: Result<Response<Bytes>, Unanswered>) -> Outcome {
        let request = call.request.clone();
        let own = Some(self.token.expose().as_str());
        match answered {
            Ok(response) => self.interpret_answer(call, response),
            Err(Unanswered::Crashed) => Outcome::Final(Error::Crashed { request }),
            Err(Unanswered::Undelivered(Undelivered::NotSent { reason })) => Outcome::Failed {
                error: Error::NotSent { request, reason: scrub(&reason, own) },
                cause: Cause::Undelivered,
                retry_after: None,
                effect: Effect::None,
            },
            Err(Unanswered::Undelivered(Undelivered::MaybeSent { reason })) => Outcome::Failed {
                error: match call.permit {
                    Some(_) => Error::MaybeSent { request, reason: scrub(&reason, own) },
                    None => Error::NoAnswer { request, reason: scrub(&reason, own) },
                },
                cause: Cause::Undelivered,
                retry_after: None,
                effect: Effect::Unknown,
            },
        }
    }

    fn interpret_answer(&self, call: &Call<'_>, response: Response<Bytes>) -> Outcome {
        let (parts, body) = response.into_parts();
        let status = parts.status;
        if is_web_page(status, &parts.headers, &body, call.download) {
            let location =
                parts.headers.get(LOCATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
            let location = location.split(['?', '#']).next().unwrap_or_default();
            let location = if location.is_empty() { String::new() } else { format!("→ {location}") };
            let location = scrub(&location, Some(self.token.expose()));
            return Outcome::Final(Error::LoginPage {
                request: call.request.clone(),
                status: status.as_u16(),
                location,
            });
        }
        if status.is_success() {
            let request = call.request.clone();
            return Outcome::Done(Answer { request, status: status.as_u16(), headers: parts.headers, body });
        }
        let fault = envelope::read(status, &body);
        let error = Error::Api {
            request: call.request.clone(),
            status: status.as_u16(),
            class: envelope::class(call.method.as_str(), call.path, status.as_u16(), &fault),
            code: scrub(&fault.code, Some(self.token.expose())),
            message: scrub(&fault.message, Some(self.token.expose())),
        };
        match verdict(status, &parts.headers, &fault) {
            None => Outcome::Final(error),
            Some((cause, effect)) => {
                let retry_after = retry::retry_after(&parts.headers, self.clock.now());
                Outcome::Failed { error, cause, retry_after, effect }
            }
        }
    }
}

/// Whether an error answer is worth another attempt, and whether this one may have done something.
fn verdict(status: StatusCode, headers: &HeaderMap, fault: &Fault) -> Option<(Cause, Effect)> {
    if envelope::is_throttled(status.as_u16(), fault) {
        return Some((Cause::Throttled, Effect::None));
    }
    match status.as_u16() {
        // The service's own "come back later" is said before it does anything. A 503 that a proxy in front of
        // it makes up (no envelope) also stands for a connection that broke while the service was at work.
        503 if fault.code == "TEMPORARILY_UNAVAILABLE" && headers.contains_key(http::header::RETRY_AFTER) => {
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
fn is_web_page(status: StatusCode, headers: &HeaderMap, body: &[u8], download: bool) -> bool {
    if status.is_redirection() {
        return true;
    }
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return false;
    }
    let html_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/html"));
    if download && status.is_success() {
        // A file may be a web page. Files come as attachments or as plain bytes.
        return html_type && !headers.contains_key(http::header::CONTENT_DISPOSITION);
    }
    let head = &body[..body.len().min(64)];
    html_type || envelope::is_html(&String::from_utf8_lossy(head))
}

/// A failed attempt of a write that must not be sent again.
fn unknown(error: Error) -> Error {
    match error {
        Error::Api { request, status, code, message, .. } => {
            let code = if code.is_empty() { String::new() } else { format!(" {code}") };
            Error::MaybeSent { request, reason: format!("it was answered with {status}{code}: {message}") }
        }
        other => other,
    }
}

fn trace(call: &Call<'_>, host: &str, number: u32, elapsed: Duration, outcome: &Outcome) {
    let elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
    let (method, path) = (call.method.as_str(), call.path);
    match outcome {
        Outcome::Done(answer) => tracing::debug!(
            http.method = method,
            http.path = path,
            http.host = host,
            http.status = answer.status,
            attempt = number,
            elapsed_ms,
            "request answered"
        ),
        Outcome::Final(error) => tracing::debug!(
            http.method = method, http.path = path, http.host = host,
            attempt = number, elapsed_ms, %error, "request failed"
        ),
        Outcome::Failed { error, .. } => tracing::debug!(
            http.method = method, http.path = path, http.host = host,
            attempt = number, elapsed_ms, %error, "attempt failed"
        ),
    }
}

/// The headers that go with every request.
pub(crate) fn standing_headers(token: &str, workspace_id: Option<&str>) -> Result<HeaderMap, Error> {
    let setup =
        |what: &str| Error::Setup { reason: format!("the {what} has characters that no header can carry") };
    let mut headers = HeaderMap::new();
    let mut authorization = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| setup("token"))?;
    authorization.set_sensitive(true);
    headers.insert(AUTHORIZATION, authorization);
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("twinlake/", env!("CARGO_PKG_VERSION"))));
    if let Some(id) = workspace_id {
        // On a host that serves several workspaces this chooses one; elsewhere it changes nothing.
        headers.insert(
            "x-databricks-workspace-id",
            HeaderValue::from_str(id).map_err(|_| setup("workspace id"))?,
        );
    }
    Ok(headers)
}

impl Body {
    /// The media type and the bytes.
    fn encode(&self, entropy: &Entropy, request: &str) -> Result<(Option<String>, Bytes), Error> {
        match self {
            Self::Empty => Ok((None, Bytes::new())),
            Self::Json(value) => {
                let unsendable = |error: serde_json::Error| Error::Unsendable {
                    request: request.to_owned(),
                    reason: error.to_string(),
                };
                let bytes = serde_json::to_vec(value).map_err(unsendable)?;
                Ok((Some("application/json".to_owned()), bytes.into()))
            }
            Self::Bytes { content_type, bytes } => Ok((Some(content_type.clone()), bytes.clone())),
            Self::Multipart(parts) => Ok(multipart(parts, &entropy.hex(32))),
        }
    }
}

fn multipart(parts: &[crate::Part], boundary: &str) -> (Option<String>, Bytes) {
    // As browsers do (HTML standard, multipart/form-data): quotes and line breaks are percent-encoded.
    let quoted = |text: &str| text.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
    let mut body = Vec::new();
    for part in parts {
        body.extend_from_slice(
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", quoted(&part.name))
                .as_bytes(),
        );
        if let Some(file_name) = &part.file_name {
            let file =
                format!("; filename=\"{}\"\r\nContent-Type: application/octet-stream", quoted(file_name));
            body.extend_from_slice(file.as_bytes());
        }
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(&part.bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (Some(format!("multipart/form-data; boundary={boundary}")), body.into())
}
