//! Signing in, discovery, and what is not there.

use axum::body::Body;
use http::{Method, Request};
use serde_json::Value;
use tower::ServiceExt;
use twinlake_simulator::routes;

use crate::lab::{EAST, Lab, WEST, refused};

async fn with_token(lab: &Lab, token: Option<&str>, target: &str) -> (u16, Value) {
    let mut request = Request::get(target).header("host", "127.0.0.1:1234");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let response =
        lab.simulator.router(EAST).unwrap().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
    (status, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_token_opens_its_own_workspace_and_no_other() {
    let lab = Lab::new();
    let me = "/api/2.0/preview/scim/v2/Me";
    assert_eq!(with_token(&lab, None, me).await.0, 401);
    let west = lab.simulator.workspace(WEST).unwrap().token;
    assert_eq!(refused(with_token(&lab, Some(&west), me).await), (403, "PERMISSION_DENIED".to_owned()));
    let east = lab.simulator.workspace(EAST).unwrap();
    let (status, user) = with_token(&lab, Some(&east.token), me).await;
    assert_eq!((status, user["userName"].as_str().unwrap()), (200, "admin@acme.example"));
    let response = lab.send(EAST, Method::GET, me, None).await;
    assert_eq!(response.headers()["x-databricks-org-id"], east.id.to_string());
}

#[tokio::test(start_paused = true)]
async fn a_host_says_who_it_is_to_anybody() {
    let lab = Lab::new();
    let (_, config) = with_token(&lab, None, "/.well-known/databricks-config").await;
    assert_eq!(config["workspace_id"], lab.simulator.workspace(EAST).unwrap().id.to_string());
    assert_eq!(
        (config["cloud"].as_str().unwrap(), config["oidc_endpoint"].as_str().unwrap()),
        ("AWS", "http://127.0.0.1:1234/oidc")
    );
    let (_, oidc) = with_token(&lab, None, "/oidc/.well-known/oauth-authorization-server").await;
    assert_eq!(oidc["token_endpoint"], "http://127.0.0.1:1234/oidc/v1/token");
}

#[tokio::test(start_paused = true)]
async fn errors_come_in_an_envelope_with_a_request_id() {
    let lab = Lab::new();
    let (status, document) = lab.get("/api/2.0/no/such/thing").await;
    assert_eq!((status, document["error_code"].as_str().unwrap()), (404, "ENDPOINT_NOT_FOUND"));
    assert_eq!(document["details"][0]["@type"], "type.googleapis.com/google.rpc.RequestInfo");
    let (_, document) = lab.get("/api/2.2/jobs/get").await;
    assert_eq!(document["details"][0]["field_violations"][0]["field"], "job_id");
    let response = lab.simulator.router(EAST).unwrap();
    let token = lab.simulator.workspace(EAST).unwrap().token;
    let request = Request::post("/api/2.2/jobs/create")
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Body::from("{not json"))
        .unwrap();
    assert_eq!(response.oneshot(request).await.unwrap().status(), 400);
}

#[test]
fn no_two_routes_are_the_same() {
    let mut all: Vec<String> =
        routes().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
    assert!(routes().iter().all(|route| !route.service.is_empty()));
}
