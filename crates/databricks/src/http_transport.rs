//! The transport over sockets.
//!
//! It tells a connection that could not be made (nothing was sent) from everything later (something may have
//! been). It follows no redirect, because the API sends none and a token must not travel to where one points;
//! it retries nothing on its own.

use std::error::Error as _;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use tokio::time::Instant;
use twinlake_base::Env;

use crate::{Error, Transport, Undelivered};

/// How sockets are used.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// How long the making of a connection may take, from name to TLS. Short, because an unreachable region
    /// must be known as such within seconds.
    pub connect_timeout: Duration,
    /// Idle connections that are kept per host.
    pub idle_connections_per_host: usize,
    /// How long an idle connection is kept: shorter than the 60 s after which common load balancers drop it,
    /// because a request on a dropped connection has an unknown outcome.
    pub idle_timeout: Duration,
    /// Where https requests go through (`HTTPS_PROXY`). Never for loopback addresses.
    pub proxy: Option<String>,
    /// Hosts that are reached without the proxy, in the form of `NO_PROXY`.
    pub no_proxy: Option<String>,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            idle_connections_per_host: 32,
            idle_timeout: Duration::from_secs(30),
            proxy: None,
            no_proxy: None,
        }
    }
}

impl HttpOptions {
    /// The default, with the proxy that the environment names (`HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY`, in either case).
    #[must_use]
    pub fn from_env(env: &Env) -> Self {
        let either =
            |name: &str| env.get(name).or_else(|| env.get(&name.to_ascii_lowercase())).map(str::to_owned);
        Self {
            proxy: either("HTTPS_PROXY").or_else(|| either("ALL_PROXY")),
            no_proxy: either("NO_PROXY"),
            ..Self::default()
        }
    }
}

/// Sockets, with a pool of connections. Make one and share it among all clients.
#[derive(Clone, Debug)]
pub struct HttpTransport {
    client: reqwest::Client,
    no_roots: bool,
}

impl HttpTransport {
    /// Sets up TLS and the pool.
    ///
    /// # Errors
    /// [`Error::Setup`], for a proxy that is none or a machine whose TLS cannot be set up.
    pub fn new(options: &HttpOptions) -> Result<Self, Error> {
        // Another part of the process may have installed a provider first; then that one is used.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let setup = |error: reqwest::Error| Error::Setup { reason: chain(&error) };
        match builder(options)?.build() {
            Ok(client) => Ok(Self { client, no_roots: false }),
            // A machine without CA certificates can still reach loopback hosts. To others it says why not.
            Err(_) => {
                let client = builder(options)?.tls_certs_only([]).build().map_err(setup)?;
                Ok(Self { client, no_roots: true })
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the home of HTTP")]
fn builder(options: &HttpOptions) -> Result<reqwest::ClientBuilder, Error> {
    let mut builder = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        // The environment has one home; what it says about proxies arrives in the options.
        .no_proxy()
        .http1_only()
        .tcp_nodelay(true)
        .connect_timeout(options.connect_timeout)
        .pool_idle_timeout(options.idle_timeout)
        .pool_max_idle_per_host(options.idle_connections_per_host);
    if let Some(proxy) = &options.proxy {
        let never = format!("localhost,127.0.0.0/8,::1,{}", options.no_proxy.as_deref().unwrap_or_default());
        let proxy = reqwest::Proxy::https(proxy).map_err(|error| Error::Setup {
            reason: format!("the proxy: {}", chain(&error.without_url())),
        })?;
        builder = builder.proxy(proxy.no_proxy(reqwest::NoProxy::from_string(&never)));
    }
    Ok(builder)
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: Request<Bytes>, deadline: Instant) -> Result<Response<Bytes>, Undelivered> {
        if self.no_roots && request.uri().scheme_str() == Some("https") {
            let reason =
                "this machine has no CA certificates (install the package ca-certificates)".to_owned();
            return Err(Undelivered::NotSent { reason });
        }
        let request = reqwest::Request::try_from(request)
            .map_err(|error| Undelivered::NotSent { reason: chain(&error.without_url()) })?;
        match tokio::time::timeout_at(deadline, self.exchange(request)).await {
            Ok(result) => result,
            Err(_) => {
                Err(Undelivered::MaybeSent { reason: "no answer within the time for one request".to_owned() })
            }
        }
    }
}

impl HttpTransport {
    async fn exchange(&self, request: reqwest::Request) -> Result<Response<Bytes>, Undelivered> {
        let answer = self.client.execute(request).await.map_err(undelivered)?;
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        // An answer that is cut is no answer, although its status is known.
        *response.body_mut() = answer.bytes().await.map_err(|error| Undelivered::MaybeSent {
            reason: format!("the answer was cut: {}", chain(&error.without_url())),
        })?;
        Ok(response)
    }
}

fn undelivered(error: reqwest::Error) -> Undelivered {
    let unsent = error.is_connect() || error.is_builder();
    let reason = chain(&error.without_url());
    if unsent { Undelivered::NotSent { reason } } else { Undelivered::MaybeSent { reason } }
}

/// The error with its causes: reqwest's own text says little.
fn chain(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let next = inner.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = inner.source();
    }
    text
}
