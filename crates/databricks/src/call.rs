//! One call: a request with its turn, its permit, its gate and its retries.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request};
use tokio::time::Instant;
use twinlake_base::{Clock, Entropy, Secret};

use crate::budget::HostBudget;
use crate::gated::Gated;
use crate::outcome::{Asked, Effect, Outcome, unknown};
use crate::retry::{Cause, Policy, Try, next_attempt};
use crate::{Answer, Error, Host, Permit, Write, url};

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
            let asked = Asked {
                request: &call.request,
                method: call.method.as_str(),
                path: call.path,
                is_write: call.permit.is_some(),
                is_download: call.download,
                token: self.token.expose(),
            };
            let outcome = Outcome::read(&asked, answered, self.clock.now());
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

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::sync::Mutex;

    use async_trait::async_trait;
    use http::Response;
    use serde_json::json;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;
    use crate::{Client, Transport, Undelivered, Unguarded};

    const TOKEN: &str = "dapi0123456789abcdef0123456789abcdef";

    /// Writes down every field of every event of ours.
    #[derive(Clone, Default)]
    struct Ear(Arc<Mutex<String>>);

    impl Visit for Ear {
        fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
            writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
        }
    }

    impl Subscriber for Ear {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target().starts_with("twinlake")
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            event.record(&mut self.clone());
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }
    /// Refuses once, answers once, then denies.
    struct Script(Mutex<Vec<(u16, String)>>);

    #[async_trait]
    impl Transport for Script {
        async fn send(&self, _: Request<Bytes>, _: Instant) -> Result<Response<Bytes>, Undelivered> {
            let (status, body) = self.0.lock().unwrap().remove(0);
            Ok(Response::builder().status(status).body(Bytes::from(body)).unwrap())
        }
    }

    // It stands here and not with the other calls because which events are wanted is cached for the whole
    // process: beside tests that make the same calls unheard it would miss some.
    #[tokio::test(start_paused = true)]
    async fn the_log_follows_a_call_and_holds_no_secret_and_no_body() {
        let ear = Ear::default();
        let _listening = tracing::subscriber::set_default(ear.clone());
        let denied = format!("{{\"error_code\":\"UNAUTHENTICATED\",\"message\":\"bad token {TOKEN}\"}}");
        let answered = "{\"value\":\"secret-answer\"}".to_owned();
        let script = Script(Mutex::new(vec![(429, String::new()), (200, answered), (401, denied)]));
        let host = Host::parse("https://west.example").unwrap();
        let client =
            Client::builder(host, Secret::new(TOKEN.to_owned())).transport(Arc::new(script)).build().unwrap();
        let write = Write::post("/api/2.0/secrets/put", json!({"string_value": "secret-question"}));
        client.writer().send(&Unguarded, &write).await.unwrap();
        client.reader().get_json("/api/2.2/jobs/get", &[("token", "secret-parameter")]).await.unwrap_err();
        let heard = ear.0.lock().unwrap().clone();
        let path = "http.path=\"/api/2.0/secrets/put\"";
        for part in [path, "http.status=200", "attempt=2", "api.family=\"secrets\"", "401"] {
            assert!(heard.contains(part), "{part} in {heard}");
        }
        assert!(!heard.contains("secret-") && !heard.contains(TOKEN), "{heard}");
    }
}
