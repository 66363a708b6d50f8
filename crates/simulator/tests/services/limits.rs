//! Limits per API family.

use http::Method;
use serde_json::json;
use twinlake_simulator::{Limits, Settings};

use crate::lab::{EAST, Lab, WEST};

#[tokio::test(start_paused = true)]
async fn the_published_limits_hold_per_workspace_and_say_when_to_come_back() {
    let lab = Lab::with(Settings { limits: Limits::published(), ..Settings::default() });
    for _ in 0..20 {
        lab.write("/api/2.2/jobs/create", json!({"name": "j"})).await;
    }
    let refused = lab.send(EAST, Method::POST, "/api/2.2/jobs/create", Some(json!({"name": "j"}))).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "1"));
    assert_eq!(lab.answer(WEST, Method::POST, "/api/2.2/jobs/create", Some(json!({}))).await.0, 200);
    lab.seconds(1);
    lab.write("/api/2.2/jobs/create", json!({"name": "j"})).await;
}

#[tokio::test(start_paused = true)]
async fn the_time_to_come_back_can_be_left_out() {
    let limits = Limits { retry_after: false, ..Limits::off().and_everything_else(1.0) };
    let lab = Lab::with(Settings { limits, ..Settings::default() });
    lab.read("/api/2.2/jobs/list").await;
    let refused = lab.send(EAST, Method::GET, "/api/2.2/jobs/list", None).await;
    assert_eq!((refused.status().as_u16(), refused.headers().get("retry-after")), (429, None));
}
