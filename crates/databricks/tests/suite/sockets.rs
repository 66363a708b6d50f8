//! The transport over real sockets: what it takes for certainly not sent, and what for maybe.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use twinlake_base::Secret;
use twinlake_databricks::{
    Client, Error, Host, HttpOptions, HttpTransport, Policy, Share, Transport, Undelivered, Unguarded, Write,
};

/// What the listener does with a request.
#[derive(Clone, Copy)]
enum Act {
    Answer(&'static str),
    /// Writes this and closes.
    Cut(&'static str),
    Hole,
    /// Says something before it is asked, and closes: no TLS.
    Plain,
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";

struct Listener {
    address: String,
    connections: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

async fn listen(act: Act) -> Listener {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (accepted, received) = (connections.clone(), requests.clone());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            accepted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream, act, received.clone()));
        }
    });
    Listener { address, connections, requests }
}

async fn serve(mut stream: TcpStream, act: Act, requests: Arc<AtomicUsize>) {
    if matches!(act, Act::Plain) {
        let _ = stream.write_all(b"220 no TLS here\r\n").await;
        return;
    }
    loop {
        let mut request = Vec::new();
        while !request.windows(4).any(|window| window == b"\r\n\r\n") {
            if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                return;
            }
        }
        requests.fetch_add(1, Ordering::SeqCst);
        match act {
            Act::Answer(text) => stream.write_all(text.as_bytes()).await.unwrap(),
            Act::Cut(text) => {
                stream.write_all(text.as_bytes()).await.unwrap();
                return;
            }
            Act::Hole | Act::Plain => std::future::pending().await,
        }
    }
}

fn transport() -> HttpTransport {
    HttpTransport::new(&HttpOptions::default()).unwrap()
}

async fn send_with(
    transport: &HttpTransport,
    url: &str,
    within: Duration,
) -> Result<Response<Bytes>, Undelivered> {
    let request = Request::get(url).body(Bytes::new()).unwrap();
    transport.send(request, Instant::now() + within).await
}

async fn send(url: &str) -> Result<Response<Bytes>, Undelivered> {
    send_with(&transport(), url, Duration::from_secs(20)).await
}

#[tokio::test]
async fn a_refused_connection_is_certainly_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let undelivered = send(&format!("http://{address}/secret?token=x")).await.unwrap_err();
    let Undelivered::NotSent { reason } = undelivered else { panic!("{undelivered}") };
    assert!(reason.contains("refused") && !reason.contains("token=x"), "{reason}");
}

#[tokio::test]
async fn a_host_that_does_not_speak_tls_is_certainly_not_sent_to() {
    let listener = listen(Act::Plain).await;
    let undelivered = send(&format!("https://{}/", listener.address)).await.unwrap_err();
    assert!(matches!(undelivered, Undelivered::NotSent { .. }), "{undelivered}");
    assert_eq!(listener.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_connection_that_is_cut_before_or_within_the_answer_is_maybe_sent() {
    let within_headers = "HTTP/1.1 200 OK\r\nContent-";
    let within_body = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"jobs\":[";
    let within_chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{\"jobs\"";
    for text in ["", within_headers, within_body, within_chunk] {
        let listener = listen(Act::Cut(text)).await;
        let undelivered = send(&format!("http://{}/", listener.address)).await.unwrap_err();
        assert!(matches!(undelivered, Undelivered::MaybeSent { .. }), "{text:?}: {undelivered}");
        assert_eq!(listener.requests.load(Ordering::SeqCst), 1, "nothing is retried down here");
    }
}

#[tokio::test]
async fn a_black_hole_ends_at_the_deadline() {
    let listener = listen(Act::Hole).await;
    let start = Instant::now();
    let sent =
        send_with(&transport(), &format!("http://{}/", listener.address), Duration::from_millis(200)).await;
    assert!(matches!(sent, Err(Undelivered::MaybeSent { .. })));
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn a_redirect_is_handed_back_and_not_followed() {
    let redirect = "HTTP/1.1 302 Found\r\nLocation: /login.html\r\nContent-Length: 0\r\n\r\n";
    let listener = listen(Act::Answer(redirect)).await;
    assert_eq!(send(&format!("http://{}/api", listener.address)).await.unwrap().status(), 302);
    assert_eq!(listener.requests.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let listener = listen(Act::Answer(OK)).await;
    let transport = transport();
    for _ in 0..20 {
        let url = format!("http://{}/", listener.address);
        assert_eq!(send_with(&transport, &url, Duration::from_secs(20)).await.unwrap().body(), "{}");
    }
    assert_eq!(listener.connections.load(Ordering::SeqCst), 1);
    assert_eq!(listener.requests.load(Ordering::SeqCst), 20);
}

#[tokio::test]
async fn loopback_is_never_reached_through_the_proxy() {
    let (proxy, host, plain) =
        (listen(Act::Hole).await, listen(Act::Answer(OK)).await, listen(Act::Plain).await);
    let options = HttpOptions { proxy: Some(format!("http://{}", proxy.address)), ..HttpOptions::default() };
    let transport = HttpTransport::new(&options).unwrap();
    send_with(&transport, &format!("http://{}/", host.address), Duration::from_secs(20)).await.unwrap();
    // TLS to a plain port fails, but at the host and not at the proxy.
    let _ = send_with(&transport, &format!("https://{}/", plain.address), Duration::from_secs(20)).await;
    assert_eq!((plain.connections.load(Ordering::SeqCst), proxy.connections.load(Ordering::SeqCst)), (1, 0));
    let _ = send_with(&transport, "https://west.example/", Duration::from_millis(500)).await;
    assert_eq!(proxy.connections.load(Ordering::SeqCst), 1);
}

#[test]
fn a_proxy_that_is_none_is_said_so() {
    let options = HttpOptions { proxy: Some("not a url".to_owned()), ..HttpOptions::default() };
    assert!(matches!(HttpTransport::new(&options), Err(Error::Setup { .. })));
}

fn client(address: &str) -> Client {
    let host = Host::parse(&format!("http://{address}")).unwrap();
    Client::builder(host, Secret::new("dapi-test".to_owned()))
        .transport(Arc::new(transport()))
        .share(Share::ALL)
        .policy(Policy {
            request: Duration::from_millis(300),
            total: Duration::from_millis(900),
            flaky_attempts: 2,
        })
        .build()
        .unwrap()
}

#[tokio::test]
async fn over_sockets_too_a_create_into_the_dark_is_sent_once() {
    for act in [Act::Cut(""), Act::Hole] {
        let listener = listen(act).await;
        let write = Write::post("/api/2.2/jobs/create", json!({}));
        let error = client(&listener.address).writer().send(&Unguarded, &write).await.unwrap_err();
        assert!(matches!(error, Error::MaybeSent { .. }), "{error}");
        assert_eq!(listener.requests.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn over_sockets_too_a_login_page_is_a_denial() {
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 20\r\n\r\n<html>sign in</html>";
    let redirect = "HTTP/1.1 303 See Other\r\nLocation: https://login.example/\r\nContent-Length: 0\r\n\r\n";
    for text in [page, redirect] {
        let listener = listen(Act::Answer(text)).await;
        let error = client(&listener.address).reader().get_json("/api/2.2/jobs/list", &[]).await.unwrap_err();
        assert!(matches!(error, Error::LoginPage { .. }), "{error}");
    }
}

#[tokio::test]
async fn over_sockets_too_a_dead_host_is_given_up_within_the_budget() {
    let listener = listen(Act::Hole).await;
    let start = Instant::now();
    let error = client(&listener.address).reader().get_json("/api/2.2/jobs/list", &[]).await.unwrap_err();
    assert!(matches!(error, Error::BudgetSpent { .. }), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
}
