//! From symbols to a request and back again: what is sent, read back, is what was meant.

use serde_json::{Value, json};
use twinlake_databricks::Body;
use twinlake_model::{Action, AssetId, Call, CallBody, IdMap, Method, Purpose, symbol};

use super::support::{asset, change, fixtures, paired_in_west, portable, west};
use crate::kinds::KINDS;
use crate::{Error, Portrait, resolve, secret, symbolize};

/// A body that was sent as a whole object, as the service would show the object then.
fn as_shown(name: &str, body: &Value, remote: &str) -> Value {
    match name {
        "job" => json!({ "job_id": remote.parse::<i64>().unwrap(), "settings": body }),
        "cluster" => json!({ "cluster_id": remote, "spec": body }),
        "cluster_policy" => with(body, "policy_id", remote),
        "instance_pool" => with(body, "instance_pool_id", remote),
        _ => with(body, "id", remote),
    }
}

fn with(body: &Value, field: &str, remote: &str) -> Value {
    let mut shown = body.clone();
    shown[field] = remote.into();
    shown
}

/// A document without the marks of secrets that were not carried.
fn without_withheld(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(_, field)| !secret::is_withheld(field))
            .map(|(key, field)| (key.clone(), without_withheld(field)))
            .collect(),
        Value::Array(items) => items.iter().map(without_withheld).collect(),
        plain => plain.clone(),
    }
}

/// Creates the copy in west, and takes apart what west would then show.
fn created_and_read_back(name: &str, original: &Portrait) -> Portrait {
    let kind = crate::kinds::find(name).unwrap();
    let change = change(name, Action::Create, original, kind.asleep(&original.posture));
    let ids = paired_in_west(&change.asset, &[&original.spec]);
    let calls = kind.calls(&change, &original.spec);
    let write = resolve::request(&calls[0], &change.asset, &west(), &ids, None).unwrap();
    assert!(!write.repeatable, "a create is never sent twice");
    let Body::Json(body) = write.body else { panic!("{name} is created by JSON") };
    let remote = ids.remote(&change.asset, &west()).unwrap().as_str().to_owned();
    let mut shown = kind.portray(as_shown(name, &body, &remote)).unwrap();
    symbolize::symbolize(&kind.schema().fragment, &mut shown.spec, &west(), &ids);
    shown
}

#[test]
fn what_is_created_reads_back_as_what_was_meant_asleep_and_tagged() {
    for kind in KINDS.iter().filter(|kind| !kind.schema().is_tree()) {
        let name = kind.schema().name;
        for raw in fixtures(name) {
            let original = portable(name, raw);
            let shown = created_and_read_back(name, &original);
            assert_eq!(shown.spec, without_withheld(&original.spec), "{name} {}", original.key);
            // Run states are no fields: the calls after the create see to them.
            let asleep = kind.asleep(&original.posture);
            let fields = asleep.iter().filter(|(at, _)| at.starts_with('/'));
            let fields = fields.map(|(at, value)| (at.to_owned(), value.clone())).collect();
            assert_eq!(shown.posture, fields, "{name} {}", original.key);
            assert_eq!(shown.tag, kind.schema().tags.map(|_| asset(name, &original)), "{name}");
            assert_eq!(shown.key, original.key);
        }
    }
}

fn request(body: Value, ids: &IdMap, content: Option<&[u8]>) -> Result<Value, Error> {
    let asset: AssetId = "job/prod@east/1".parse().unwrap();
    let call = Call::post(Purpose::Update, "/api/2.2/jobs/reset", body);
    let call = match content {
        Some(_) => Call {
            body: match call.body {
                CallBody::Json(body) => CallBody::WithContent(body, "content"),
                other => other,
            },
            ..call
        },
        None => call,
    };
    match resolve::request(&call, &asset, &west(), ids, content)?.body {
        Body::Json(body) => Ok(body),
        other => panic!("{other:?}"),
    }
}

#[test]
fn ids_are_numbers_where_the_kinds_ids_are_and_text_elsewhere() {
    let (job, cluster): (AssetId, AssetId) =
        ("job/prod@east/1".parse().unwrap(), "cluster/prod@east/1".parse().unwrap());
    let ids =
        IdMap::of([(job.clone(), west(), "9007199254740993".into()), (cluster.clone(), west(), "77".into())]);
    let sent = request(json!({ "job_id": symbol(&job), "at": [symbol(&cluster)] }), &ids, None).unwrap();
    assert_eq!(sent, json!({ "job_id": 9_007_199_254_740_993_i64, "at": ["77"] }));
}

#[test]
fn text_that_holds_json_is_closed_after_the_symbols_in_it_were_resolved() {
    let pool: AssetId = "instance_pool/prod@east/p1".parse().unwrap();
    let ids = IdMap::of([(pool.clone(), west(), "p9".into())]);
    let body = json!({ "definition": { "$text": { "instance_pool_id": { "type": "fixed", "value": symbol(&pool) } } } });
    let sent = request(body, &ids, None).unwrap();
    assert_eq!(sent["definition"], "{\"instance_pool_id\":{\"type\":\"fixed\",\"value\":\"p9\"}}");
}

#[test]
fn bytes_go_in_as_base64() {
    let sent = request(json!({ "path": "/a" }), &IdMap::default(), Some(b"\x00\xffprint")).unwrap();
    assert_eq!(sent, json!({ "path": "/a", "content": "AP9wcmludA==" }));
}

#[test]
fn an_asset_of_this_very_place_needs_no_pair() {
    let here: AssetId = "cluster/prod@west/c5".parse().unwrap();
    assert_eq!(
        request(json!({ "c": symbol(&here) }), &IdMap::default(), None).unwrap(),
        json!({ "c": "c5" })
    );
}

#[test]
fn something_without_an_id_there_is_named_and_nothing_is_sent() {
    let other: AssetId = "cluster/prod@east/c5".parse().unwrap();
    let error = request(json!({ "tasks": [{ "c": symbol(&other) }] }), &IdMap::default(), None).unwrap_err();
    assert_eq!(error.to_string(), "cluster/prod@east/c5 has no counterpart in prod@west yet");
    let own = Call {
        method: Method::Delete,
        path: "/api/2.0/sql/warehouses/{id}".into(),
        body: CallBody::Empty,
        purpose: Purpose::Delete,
    };
    let asset: AssetId = "sql_warehouse/prod@east/w1".parse().unwrap();
    let error = resolve::request(&own, &asset, &west(), &IdMap::default(), None).unwrap_err();
    assert!(matches!(error, Error::Unresolved { asset, .. } if asset.minted.as_str() == "w1"));
    let ids = IdMap::of([(asset.clone(), west(), "w/9".into())]);
    let write = resolve::request(&own, &asset, &west(), &ids, None).unwrap();
    assert_eq!(write.path, "/api/2.0/sql/warehouses/w%2F9");
    assert!(write.repeatable);
}

#[test]
fn an_id_becomes_the_asset_that_it_is_paired_with_or_one_of_its_own() {
    let fragment = &super::support::kind("job").schema().fragment;
    let twin: AssetId = "cluster/prod@east/c1".parse().unwrap();
    let ids = IdMap::of([(twin.clone(), west(), "w1".into())]);
    let mut spec = json!({ "tasks": [
        { "existing_cluster_id": "w1" }, { "existing_cluster_id": "w2" }, { "existing_cluster_id": "" },
        { "existing_cluster_id": "{{job.parameters.cluster}}" }, { "run_job_task": { "job_id": 5 } },
        { "for_each_task": { "task": { "for_each_task": { "task": { "existing_cluster_id": "w1" } } } } },
    ] });
    symbolize::symbolize(fragment, &mut spec, &west(), &ids);
    let own = |text: &str| symbol(&text.parse().unwrap());
    assert_eq!(spec["tasks"][0]["existing_cluster_id"], symbol(&twin));
    assert_eq!(spec["tasks"][1]["existing_cluster_id"], own("cluster/prod@west/w2"));
    assert_eq!(spec["tasks"][2]["existing_cluster_id"], "");
    assert_eq!(spec["tasks"][3]["existing_cluster_id"], "{{job.parameters.cluster}}");
    assert_eq!(spec["tasks"][4]["run_job_task"]["job_id"], own("job/prod@west/5"));
    let inner = spec.pointer("/tasks/5/for_each_task/task/for_each_task/task/existing_cluster_id");
    assert_eq!(inner, Some(&symbol(&twin)));
    let once = spec.clone();
    symbolize::symbolize(fragment, &mut spec, &west(), &ids);
    assert_eq!(spec, once, "a symbol stays what it is");
}

#[test]
fn an_asset_that_was_paired_since_goes_by_its_present_name() {
    let ids = IdMap::of([("job/prod@east/1".parse().unwrap(), west(), "71".into())]);
    let mut spec = json!({ "a": symbol(&"job/prod@west/71".parse().unwrap()), "b": [symbol(&"job/prod@west/72".parse().unwrap())] });
    symbolize::refresh(&mut spec, &ids);
    assert_eq!(spec["a"], symbol(&"job/prod@east/1".parse().unwrap()));
    assert_eq!(spec["b"][0], symbol(&"job/prod@west/72".parse().unwrap()));
}

#[test]
fn every_workspace_path_of_a_job_is_waited_for_and_nothing_else_is() {
    let spec = portable("job", fixtures("job")[0].clone()).spec;
    let paths = symbolize::paths_in(&super::support::kind("job").schema().fragment, &spec);
    let mut told: Vec<String> = paths.iter().map(|(path, to)| format!("{to} {path}")).collect();
    told.sort();
    told.dedup();
    let expected = [
        "alert_v2 /Shared/alerts/stock.dbalert.json",
        "folder /Shared/dbt",
        "folder /Shared/dbt/profiles",
        "folder /Shared/experiments",
        "folder /Shared/jobs",
        "notebook /Shared/etl/ingest",
        "notebook /Shared/etl/one",
        "workspace_file /Shared/env/common.env",
        "workspace_file /Shared/environments/base.yaml",
        "workspace_file /Shared/etl/clean.py",
        "workspace_file /Shared/init/install-agent.sh",
        "workspace_file /Shared/libs/acme-1.0-py3-none-any.whl",
        "workspace_file /Shared/libs/requirements.txt",
        "workspace_file /Shared/project/pyproject.toml",
        "workspace_file /Shared/train/code.tar.gz",
        "workspace_file /Shared/train/params.yaml",
        "workspace_file /Shared/train/run.sh",
        "workspace_file /Shared/train/train.py",
        "workspace_file|notebook /Shared/sql/report.sql",
    ];
    assert_eq!(told, expected);
}
