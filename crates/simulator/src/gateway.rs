//! The way in: from an HTTP request to a service and back, past latency, outages, faults, sign-in and limits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Body as HttpBody;
use axum::extract::{ConnectInfo, DefaultBodyLimit, FromRequest, Multipart};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::Value;
use tokio::sync::watch;
use twinlake_base::Clock;

use crate::account::Account;
use crate::call::{Body, Reply, Request, parse_query, percent_decode};
use crate::connection::Connection;
use crate::faults::{Fate, FaultAct};
use crate::limits::TooMany;
use crate::outage::Appearance;
use crate::refusal::Refusal;
use crate::router;

/// The largest request that is read.
const MAX_BODY_BYTES: usize = 512 * 1024 * 1024;

/// Marks a response that a client never gets to see, because the connection broke. A transport that calls a router in
/// process finds it among the response's extensions; over HTTP the connection is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnected {
    /// Whether the request had left the client, so that its effect may have happened.
    pub sent: bool,
}

/// What a client is answered.
struct Answer {
    status: u16,
    headers: Vec<(HeaderName, String)>,
    body: Bytes,
    disconnected: Option<Disconnected>,
}

/// What becomes of a request before it reaches a service.
enum Way {
    Through,
    Instead(Box<Answer>),
    Nowhere,
}

/// The account, shared by all that come in.
#[derive(Clone)]
pub(crate) struct Gateway {
    pub(crate) account: Arc<Mutex<Account>>,
    /// Turns true when the simulation stops: requests that would never be answered end then.
    pub(crate) stopping: watch::Sender<bool>,
}

impl Gateway {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the account, or changes it. Nothing waits while it is held.
    fn with<T>(&self, act: impl FnOnce(&mut Account) -> T) -> T {
        act(&mut self.lock())
    }

    /// Answers one HTTP request at a workspace.
    pub(crate) async fn handle(self, at: usize, request: axum::extract::Request) -> Response<HttpBody> {
        let connection = request.extensions().get::<ConnectInfo<Connection>>().map(|info| info.0.clone());
        let answer = match read(request).await {
            Ok((headers, request)) => self.pass(at, &headers, &request).await,
            Err(refusal) => self.with(|account| account.refused(&refusal)),
        };
        if answer.disconnected.is_some()
            && let Some(connection) = connection
        {
            connection.cut();
        }
        answer.into_response()
    }

    async fn pass(&self, at: usize, headers: &HeaderMap, request: &Request) -> Answer {
        let (clock, latency_ms) =
            self.with(|account| (account.clock.clone(), account.world.settings.latency_ms));
        wait(&clock, latency_ms / 2).await;
        let (fate, way, slow_ms) = self.with(|account| account.meet(at, request));
        wait(&clock, fate.slow_before_ms + slow_ms).await;
        let answer = match way {
            Way::Through => self.with(|account| account.serve(at, headers, request, &fate)),
            Way::Instead(answer) => *answer,
            Way::Nowhere => return self.never().await,
        };
        let answer = match &fate.after {
            None => answer,
            Some(FaultAct::BlackHole) => return self.never().await,
            Some(act) => instead(act),
        };
        wait(&clock, fate.slow_after_ms + latency_ms - latency_ms / 2).await;
        answer
    }

    /// Does not answer while the simulation lives.
    async fn never(&self) -> Answer {
        let mut stopping = self.stopping.subscribe();
        // An error means that the account is gone, which is an end as well.
        let _ = stopping.wait_for(|stopping| *stopping).await;
        Answer::broken(true)
    }
}

impl Account {
    /// What faults and outages make of a request.
    fn meet(&mut self, at: usize, request: &Request) -> (Fate, Way, u64) {
        self.settle();
        let (service, writes) = router::route(&request.method, &request.path)
            .map_or(("", request.method != http::Method::GET), |(route, _)| (route.service, route.writes()));
        let workspace = Arc::clone(&self.world.workspaces[at].name);
        if let Some(outage) = self.outage(at).copied()
            && !outage.lets_through(service, writes)
        {
            let (way, slow_ms) = match outage.appearance {
                Appearance::BlackHole => (Way::Nowhere, 0),
                Appearance::Refused => (Way::Instead(Box::new(Answer::broken(false))), 0),
                Appearance::LoginPage => (Way::Instead(Box::new(Answer::login_page())), 0),
                Appearance::Unavailable { after_ms } => {
                    (Way::Instead(Box::new(self.unavailable())), after_ms)
                }
                Appearance::ReadsOnly | Appearance::HalfTheApis | Appearance::Reachable => {
                    (Way::Instead(Box::new(self.unavailable())), 0)
                }
            };
            return (Fate::default(), way, slow_ms);
        }
        let fate = self.faults.meet(&workspace, &request.method, writes, &request.path);
        let way = match &fate.before {
            None => Way::Through,
            Some(FaultAct::BlackHole) => Way::Nowhere,
            Some(act) => Way::Instead(Box::new(instead(act))),
        };
        (fate, way, 0)
    }

    fn unavailable(&self) -> Answer {
        let refusal = Refusal {
            status: 503,
            code: "TEMPORARILY_UNAVAILABLE",
            message: "The service is temporarily unavailable.".to_owned(),
            details: Vec::new(),
            retry_after_seconds: None,
        };
        self.refused(&refusal)
    }

    /// Signs a request in, counts it, and has it answered.
    fn serve(&mut self, at: usize, headers: &HeaderMap, request: &Request, fate: &Fate) -> Answer {
        self.settle();
        let Some((route, captured)) = router::route(&request.method, &request.path) else {
            return self.refused(&Refusal::no_endpoint(request.method.as_str(), &request.path));
        };
        if route.service != "wellknown"
            && let Err(refusal) = self.sign_in(at, headers)
        {
            return self.refused(&refusal);
        }
        let now_ms = self.world.now_ms;
        let asked = (&request.method, request.path.as_str());
        if let Err(TooMany { family, retry_after_seconds }) =
            self.buckets.take(&self.world.settings.limits, at, asked, now_ms)
        {
            return self.refused(&Refusal::too_many(&family, retry_after_seconds));
        }
        if !route.writes()
            && let Some(staleness) = fate.stale
            && let Some(past) = self.shadows.past(at, route.service, staleness, now_ms)
        {
            // The past stands in for the present while this one request is answered. Nothing that is read changes it.
            let present = std::mem::replace(&mut self.world.workspaces[at], past);
            let mut stage = self.stage(at, "api");
            let outcome = route.answer(&mut crate::call::Call { stage: &mut stage, request, captured });
            self.world.workspaces[at] = present;
            return self.answered(at, outcome);
        }
        let actor = Arc::clone(&self.world.workspaces[at].user);
        let outcome = self.dispatch(at, request, &actor);
        self.answered(at, outcome)
    }

    fn sign_in(&self, at: usize, headers: &HeaderMap) -> Result<(), Refusal> {
        let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token =
            sent.and_then(|sent| sent.strip_prefix("Bearer ")).ok_or_else(Refusal::unauthenticated)?;
        if token == self.world.workspaces[at].token { Ok(()) } else { Err(Refusal::bad_token()) }
    }

    fn answered(&self, at: usize, outcome: Result<Reply, Refusal>) -> Answer {
        let org = (HeaderName::from_static("x-databricks-org-id"), self.world.workspaces[at].id.to_string());
        match outcome {
            Ok(Reply::Json(value)) => Answer {
                status: 200,
                headers: vec![(header::CONTENT_TYPE, "application/json".to_owned()), org],
                body: Bytes::from(serde_json::to_vec(&value).unwrap_or_default()),
                disconnected: None,
            },
            Ok(Reply::Raw { bytes, content_type, file_name }) => {
                let disposition = format!("attachment; filename=\"{}\"", file_name.replace('"', "'"));
                Answer {
                    status: 200,
                    headers: vec![
                        (header::CONTENT_TYPE, content_type.to_owned()),
                        (header::CONTENT_DISPOSITION, disposition),
                        org,
                    ],
                    body: bytes,
                    disconnected: None,
                }
            }
            Err(refusal) => {
                let mut answer = self.refused(&refusal);
                answer.headers.push(org);
                answer
            }
        }
    }

    fn refused(&self, refusal: &Refusal) -> Answer {
        let request_id = self.entropy.hex(32);
        let mut headers = vec![
            (header::CONTENT_TYPE, "application/json".to_owned()),
            (HeaderName::from_static("x-request-id"), request_id.clone()),
        ];
        if let Some(seconds) = refusal.retry_after_seconds {
            headers.push((header::RETRY_AFTER, seconds.to_string()));
        }
        Answer {
            status: refusal.status,
            headers,
            body: Bytes::from(refusal.document(&request_id).to_string()),
            disconnected: None,
        }
    }
}

impl Answer {
    fn broken(sent: bool) -> Self {
        Self {
            status: 502,
            headers: Vec::new(),
            body: Bytes::new(),
            disconnected: Some(Disconnected { sent }),
        }
    }

    fn login_page() -> Self {
        let page = "<!DOCTYPE html>\n<html><head><title>Databricks - Sign In</title></head>\n\
                    <body><form action=\"/login.html\"><input name=\"email\"></form></body></html>\n";
        Self {
            status: 200,
            headers: vec![(header::CONTENT_TYPE, "text/html;charset=utf-8".to_owned())],
            body: Bytes::from(page),
            disconnected: None,
        }
    }

    fn into_response(self) -> Response<HttpBody> {
        let mut response = Response::new(HttpBody::from(self.body));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        if let Some(disconnected) = self.disconnected {
            response.extensions_mut().insert(disconnected);
        }
        response
    }
}

/// What a fault answers.
fn instead(act: &FaultAct) -> Answer {
    match act {
        FaultAct::Answer { status, body, headers } => {
            let (body, kind) = match body {
                Value::Null => (Bytes::new(), "text/plain"),
                Value::String(text) if text.trim_start().starts_with('<') => {
                    (Bytes::from(text.clone()), "text/html")
                }
                Value::String(text) => (Bytes::from(text.clone()), "text/plain"),
                other => (Bytes::from(other.to_string()), "application/json"),
            };
            let mut all = vec![(header::CONTENT_TYPE, kind.to_owned())];
            all.extend(headers.iter().filter_map(|(name, value)| Some((name.parse().ok()?, value.clone()))));
            Answer { status: *status, headers: all, body, disconnected: None }
        }
        FaultAct::LoginPage => Answer::login_page(),
        FaultAct::Cut | FaultAct::BlackHole | FaultAct::Slow { .. } | FaultAct::Stale(_) => {
            Answer::broken(true)
        }
    }
}

async fn wait(clock: &Clock, milliseconds: u64) {
    if milliseconds > 0 {
        clock.sleep(Duration::from_millis(milliseconds)).await;
    }
}

/// Reads a request whole.
async fn read(request: axum::extract::Request) -> Result<(HeaderMap, Request), Refusal> {
    let headers = request.headers().clone();
    let text =
        |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    let (kind, host) = (text(header::CONTENT_TYPE), text(header::HOST));
    let host = if host.is_empty() {
        request.uri().authority().map_or("localhost", |authority| authority.as_str()).to_owned()
    } else {
        host
    };
    let method = request.method().clone();
    let path = percent_decode(request.uri().path(), false);
    let query = parse_query(request.uri().query().unwrap_or(""));
    let body = if kind.starts_with("multipart/form-data") {
        form(request).await?
    } else {
        plain(request, &kind).await?
    };
    Ok((headers, Request { method, path, query, body, host }))
}

async fn form(mut request: axum::extract::Request) -> Result<Body, Refusal> {
    let malformed =
        |error: &dyn std::fmt::Display| Refusal::malformed(format!("The form cannot be read: {error}"));
    DefaultBodyLimit::max(MAX_BODY_BYTES).apply(&mut request);
    let mut parts = Multipart::from_request(request, &()).await.map_err(|error| malformed(&error))?;
    let mut fields = std::collections::BTreeMap::new();
    while let Some(part) = parts.next_field().await.map_err(|error| malformed(&error))? {
        let name = part.name().unwrap_or("").to_owned();
        fields.insert(name, part.bytes().await.map_err(|error| malformed(&error))?);
    }
    Ok(Body::Form(fields))
}

async fn plain(request: axum::extract::Request, kind: &str) -> Result<Body, Refusal> {
    let is_file = request.uri().path().starts_with("/api/2.0/workspace-files/");
    let bytes = axum::body::to_bytes(request.into_body(), MAX_BODY_BYTES)
        .await
        .map_err(|error| Refusal::malformed(format!("The request body cannot be read: {error}")))?;
    if is_file {
        return Ok(Body::Raw(bytes));
    }
    if bytes.is_empty() {
        return Ok(Body::Empty);
    }
    match serde_json::from_slice(&bytes) {
        Ok(value) => Ok(Body::Json(value)),
        Err(_) if !kind.contains("json") && !kind.is_empty() => Ok(Body::Raw(bytes)),
        Err(error) => Err(Refusal::malformed(format!("Could not parse request object: {error}"))),
    }
}
