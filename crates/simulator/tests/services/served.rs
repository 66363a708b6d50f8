//! The account over HTTP.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use twinlake_base::{Clock, Entropy};
use twinlake_simulator::{Cloud, Error, Fault, FaultAct, ServeOptions, Settings, Simulator, WorkspaceSpec};

fn account() -> Simulator {
    let simulator = Simulator::new(Clock::system(), Entropy::seeded(1), Settings::quick());
    simulator.add_workspace(&WorkspaceSpec::new("east", Cloud::Aws, "us-east-1")).unwrap();
    simulator.add_workspace(&WorkspaceSpec::new("west", Cloud::Azure, "westeurope")).unwrap();
    simulator
}

/// Sends one request and reads until the connection ends.
async fn send(url: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    let request = format!(
        "{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // A connection that is cut may end in an error; what came before it is what counts.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

#[tokio::test]
async fn each_workspace_has_a_port_and_the_control_another() {
    let simulator = account();
    let served = simulator.serve(ServeOptions::default()).await.unwrap();
    let east = send(&served.workspaces[0].url, "GET /.well-known/databricks-config", "").await;
    assert!(east.contains(&served.workspaces[0].info.id.to_string()) && east.contains("\"AWS\""), "{east}");
    let west = send(&served.workspaces[1].url, "GET /.well-known/databricks-config", "").await;
    assert!(west.contains("\"AZURE\""));
    let listed = send(&served.control_url, "GET /workspaces", "").await;
    assert!(listed.contains(&served.workspaces[1].info.token));
    served.stop().await.unwrap();
}

#[tokio::test]
async fn a_cut_connection_is_dropped_and_a_black_hole_ends_with_the_simulation() {
    let simulator = account();
    let served = simulator.serve(ServeOptions::default()).await.unwrap();
    let url = served.workspaces[0].url.clone();
    simulator.add_fault(Fault::new(FaultAct::Cut).times(1));
    assert_eq!(send(&url, "GET /.well-known/databricks-config", "").await, "");
    simulator.add_fault(Fault::new(FaultAct::BlackHole));
    let waiting = tokio::spawn(async move { send(&url, "GET /.well-known/databricks-config", "").await });
    while simulator.faults()[&2].1 == 0 {
        tokio::task::yield_now().await;
    }
    served.stop().await.unwrap();
    assert_eq!(waiting.await.unwrap(), "");
}

#[tokio::test]
async fn the_control_works_over_http_and_stops_the_serving() {
    let simulator = account();
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("account.json");
    let options = ServeOptions { state: Some(state.clone()), ..ServeOptions::default() };
    let served = simulator.serve(options).await.unwrap();
    let control = served.control_url.clone();
    let fault =
        r#"{"match": {"paths": ["/api/2.2/jobs/*"]}, "times": 1, "act": {"answer": {"status": 500}}}"#;
    for (head, body, wanted) in [
        ("POST /faults", fault, "\"number\":1"),
        ("GET /faults", "", "/api/2.2/jobs/*"),
        ("DELETE /faults", "", "200 OK"),
        ("POST /clock/jump", r#"{"seconds": 5}"#, "cannot be moved"),
        ("GET /clock", "", "now_ms"),
        ("PATCH /settings", r#"{"task_seconds": 7}"#, "\"task_seconds\":7"),
        ("PATCH /settings", r#"{"no_such_setting": 7}"#, "no_such_setting"),
        ("POST /users", r#"{"workspace": "east", "user_name": "ana@acme.example"}"#, "200 OK"),
        ("POST /users", r#"{"workspace": "north", "user_name": "ana@acme.example"}"#, "404"),
        (
            "POST /act",
            r#"{"workspace": "east", "method": "GET", "path": "/api/2.0/workspace/list?path=/Users"}"#,
            "ana@acme.example",
        ),
        ("POST /seed", r#"{"workspace": "east", "size": 40, "seed": 1}"#, "\"notebooks\":16"),
        ("POST /arrivals", r#"{"workspace": "east", "url": "s3://x/"}"#, "\"fired\":0"),
        ("POST /regions/us-east-1/down", r#"{"appearance": "black_hole"}"#, "200 OK"),
        ("GET /regions", "", "black_hole"),
        ("POST /regions/us-east-1/lose-machines", "", "200 OK"),
        ("POST /regions/mars/lose-machines", "", "404"),
        ("POST /regions/us-east-1/up", "", "200 OK"),
        ("POST /notebook-runs", r#"{"workspace": "east", "path": "/Shared/n"}"#, "run_id"),
        (
            "POST /callers",
            r#"{"name": "ana", "workspace": "east", "schedule": "0 0 * * * ?", "action": {"run_notebook": {"path": "/Shared/n"}}}"#,
            "\"number\"",
        ),
        ("GET /effects?kind=user", "", "ana@acme.example"),
        ("GET /activity?workspace=west&from_ms=0&to_ms=9999999999999", "", "\"is_asleep\":true"),
        ("GET /callers", "", "200 OK"),
        ("POST /stop", "", "200 OK"),
    ] {
        let answer = send(&control, head, body).await;
        assert!(answer.contains(wanted), "{head}: {answer}");
    }
    served.asked_to_stop().await;
    served.stop().await.unwrap();
    assert!(state.exists());
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let simulator = account();
    let served = simulator.serve(ServeOptions::default()).await.unwrap();
    let port = served.control_url.rsplit(':').next().unwrap().parse().unwrap();
    let options = ServeOptions { control_port: Some(port), ..ServeOptions::default() };
    let error = simulator.serve(options).await.unwrap_err();
    assert!(matches!(&error, Error::Listen { port: taken, .. } if *taken == port));
    assert!(error.hint().is_some());
    served.stop().await.unwrap();
}
