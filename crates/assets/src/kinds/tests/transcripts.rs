//! Every kind's requests for every change, as a transcript that people can read and review (`fixtures/transcripts/`).

use std::fmt::Write as _;

use serde_json::{Value, json};
use twinlake_databricks::Body;
use twinlake_model::{Action, AssetId, Call, Change, Digest, IdMap, Posture, Version};

use super::support::{asset, change, kind, paired_in_west, portable, posture, west};
use crate::kinds::schemas;
use crate::{Portrait, resolve};

/// A small document of a kind, and what its copy is when it is awake.
fn original(name: &str) -> (Portrait, Posture) {
    let raw = match name {
        "folder" => json!({ "object_type": "DIRECTORY", "path": "/Shared/etl" }),
        "notebook" => json!({ "object_type": "NOTEBOOK", "path": "/Shared/etl/load", "language": "SQL" }),
        "workspace_file" => json!({ "object_type": "FILE", "path": "/Shared/etl/clean.py" }),
        "cluster_policy" => json!({
            "policy_id": "A1", "name": "etl", "creator_user_name": "ana",
            "definition": "{\"instance_pool_id\": {\"type\": \"fixed\", \"value\": \"pool-1\"}}",
        }),
        "instance_pool" => json!({
            "instance_pool_id": "pool-1", "instance_pool_name": "etl", "node_type_id": "i3.xlarge",
            "min_idle_instances": 3, "max_capacity": 9, "state": "ACTIVE",
            "aws_attributes": { "zone_id": "us-east-1a" },
        }),
        "cluster" => json!({ "cluster_id": "c-1", "state": "RUNNING", "spec": {
            "cluster_name": "analysts", "num_workers": 2, "instance_pool_id": "pool-1", "custom_tags": { "team": "bi" },
        } }),
        "sql_warehouse" => json!({ "id": "w-1", "name": "bi", "cluster_size": "Small", "state": "RUNNING" }),
        "job" => json!({ "job_id": 11, "settings": {
            "name": "nightly", "schedule": { "quartz_cron_expression": "0 0 2 * * ?", "timezone_id": "UTC" },
            "queue": { "enabled": true }, "max_concurrent_runs": 2,
            "tasks": [{ "task_key": "again", "run_job_task": { "job_id": 11 } }],
        } }),
        other => panic!("{other} has no story yet"),
    };
    let portrait = portable(name, raw);
    let mut waking = portrait.posture.clone();
    match name {
        "cluster" => waking.overlay(&posture(json!({ "running": true, "pinned": false }))),
        "sql_warehouse" => waking.overlay(&posture(json!({ "running": true }))),
        _ => {}
    }
    (portrait, waking)
}

/// The requests of a change, resolved for west.
fn told(title: &str, change: &Change, spec: &Value, transcript: &mut String) {
    let ids = paired_in_west(&change.asset, &[spec]);
    writeln!(transcript, "{title}").unwrap();
    let calls = kind(change.asset.kind.as_str()).calls(change, spec);
    if calls.is_empty() {
        writeln!(transcript, "  nothing").unwrap();
    }
    for call in calls {
        write_call(&call, &change.asset, &ids, transcript);
    }
}

fn write_call(call: &Call, asset: &AssetId, ids: &IdMap, transcript: &mut String) {
    let write = resolve::request(call, asset, &west(), ids, Some(b"SELECT 1")).unwrap();
    let repeat = if write.repeatable { "" } else { "   (sent once)" };
    writeln!(transcript, "  {} {}{repeat}", write.method, write.path).unwrap();
    if let Body::Json(body) = &write.body {
        writeln!(transcript, "    {body}").unwrap();
    }
}

fn transcript(name: &str) -> String {
    let (original, waking) = original(name);
    let kind = kind(name);
    let asleep = kind.asleep(&waking);
    let spec = &original.spec;
    let version =
        |posture: &Posture| Version { spec: Digest::of(b"s"), posture: posture.clone(), content: None };
    let on = |action, posture: &Posture, observed: Option<&Posture>, rewrites| {
        let mut change = change(name, action, &original, posture.clone());
        change.observed = observed.map(version);
        change.rewrites = rewrites;
        change
    };
    let mut text = String::new();
    told("create on a standby", &on(Action::Create, &asleep, None, true), spec, &mut text);
    told("create on a primary", &on(Action::Create, &waking, None, true), spec, &mut text);
    let stub = kind.stub(spec);
    told("begin as a stub", &on(Action::CreateStub, &asleep, None, true), &stub, &mut text);
    told("fill the stub", &on(Action::Fill, &asleep, Some(&asleep), true), spec, &mut text);
    told("update what sleeps", &on(Action::Update, &asleep, Some(&asleep), true), spec, &mut text);
    told("update what somebody woke", &on(Action::Update, &asleep, Some(&waking), true), spec, &mut text);
    told("put to sleep", &on(Action::Update, &asleep, Some(&waking), false), spec, &mut text);
    told("wake", &on(Action::Update, &waking, Some(&asleep), false), spec, &mut text);
    told("adopt", &on(Action::Adopt, &asleep, Some(&asleep), false), spec, &mut text);
    told("delete", &on(Action::Delete, &asleep, Some(&asleep), false), spec, &mut text);
    let original = asset(name, &original);
    if let Some(fence) = kind.coarse_fence(&original, spec) {
        writeln!(text, "coarse fence").unwrap();
        write_call(&fence, &original, &paired_in_west(&original, &[spec]), &mut text);
    }
    text
}

#[test]
fn every_kind_sends_what_its_transcript_says() {
    for schema in schemas() {
        let file = format!("{}/fixtures/transcripts/{}.txt", env!("CARGO_MANIFEST_DIR"), schema.name);
        let told = transcript(schema.name);
        let reviewed = std::fs::read_to_string(&file).unwrap_or_default();
        assert!(told == reviewed, "{file} should say\n{told}");
    }
}

#[test]
fn where_a_create_starts_something_the_very_next_call_stops_it() {
    for name in ["cluster", "sql_warehouse"] {
        let (original, waking) = original(name);
        let kind = kind(name);
        // A posture that says nothing is no reason to leave it running.
        for posture in [kind.asleep(&waking), Posture::none()] {
            let change = change(name, Action::Create, &original, posture);
            let calls = kind.calls(&change, &original.spec);
            assert!(
                calls[1].path.ends_with("/delete") || calls[1].path.ends_with("/stop"),
                "{}",
                calls[1].path
            );
        }
    }
}

#[test]
fn nothing_is_pinned_that_gets_no_pin() {
    let (original, waking) = original("cluster");
    let mut asleep = kind("cluster").asleep(&waking);
    asleep.set("pinned", json!(false));
    let change = change("cluster", Action::Create, &original, asleep);
    let paths: Vec<String> =
        kind("cluster").calls(&change, &original.spec).into_iter().map(|call| call.path).collect();
    assert_eq!(paths, ["/api/2.1/clusters/create", "/api/2.1/clusters/delete"]);
}

#[test]
fn a_policy_of_a_family_sends_no_definition() {
    let raw = super::support::fixtures("cluster_policy").pop().unwrap();
    let original = portable("cluster_policy", raw);
    let change = change("cluster_policy", Action::Create, &original, Posture::none());
    let calls = kind("cluster_policy").calls(&change, &original.spec);
    let ids = paired_in_west(&asset("cluster_policy", &original), &[&original.spec]);
    let write = resolve::request(&calls[0], &change.asset, &west(), &ids, None).unwrap();
    let Body::Json(body) = write.body else { panic!() };
    assert_eq!(body.get("definition"), None);
    assert_eq!(body["policy_family_id"], "shared-compute");
}
