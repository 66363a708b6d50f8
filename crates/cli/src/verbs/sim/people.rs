//! The people of an estate, who exist in every workspace: accounts provision them from one directory.

use serde_json::{Value, json};

use crate::plain_http::PlainHttp;

/// Gives everybody who has a home folder at one workspace access to all others.
pub(crate) async fn share(control: &PlainHttp, from: &str) -> anyhow::Result<()> {
    let request = json!({
        "workspace": from, "method": "GET", "path": "/api/2.0/workspace/list?path=/Users", "actor": "control",
    });
    let homes = control.post("/act", &request).await?;
    let homes = homes["body"]["objects"].as_array().cloned().unwrap_or_default();
    let people: Vec<String> = homes
        .iter()
        .filter_map(|home| home["path"].as_str()?.strip_prefix("/Users/"))
        .filter(|name| name.contains('@'))
        .map(str::to_owned)
        .collect();
    let workspaces = control.get("/workspaces").await?;
    let others = workspaces.as_array().map_or(&[][..], Vec::as_slice).iter();
    for other in others.filter_map(|other| other["name"].as_str()).filter(|name| *name != from) {
        for person in &people {
            control.post("/users", &json!({ "workspace": other, "user_name": person })).await?;
        }
    }
    Ok(())
}

/// Fills a workspace with an estate, and says what was written.
pub(crate) async fn seed(
    control: &PlainHttp,
    workspace: &str,
    size: usize,
    seed: u64,
) -> anyhow::Result<Value> {
    let body = json!({ "workspace": workspace, "size": size, "seed": seed });
    let seeded = control.post("/seed", &body).await?;
    share(control, workspace).await?;
    Ok(seeded)
}
