//! Taking raw documents apart, and putting them together again.

use serde_json::{Value, json};
use twinlake_model::Posture;

use super::support::{asset, fixtures, key, kind, portrait, posture};
use crate::schema::{Field, Fragment, IdShape, KeyRule, Schema, TagForm, Tags};
use crate::{Error, Portrait, TAG_KEY, tag};

fn job(settings: Value) -> Portrait {
    portrait("job", json!({ "job_id": 9, "creator_user_name": "ana", "settings": settings }))
}

#[test]
fn a_job_is_its_settings_and_its_id_is_a_number_of_64_bits() {
    let raw = json!({
        "job_id": 9_007_199_254_740_993_i64, "created_time": 1, "creator_user_name": "ana", "run_as_user_name": "ana",
        "trigger_state": {}, "has_more": false, "effective_budget_policy_id": "b",
        "settings": { "name": "nightly", "format": "MULTI_TASK", "never_heard_of": { "x": [1] } },
    });
    let Portrait { remote, key: name, spec, posture: waking, tag } = portrait("job", raw);
    assert_eq!((remote.as_str(), name, tag), ("9007199254740993", key("nightly"), None));
    assert_eq!(spec, json!({ "name": "nightly", "never_heard_of": { "x": [1] } }));
    assert_eq!(waking, posture(json!({ "/max_concurrent_runs": 1 })));
}

#[test]
fn a_cluster_is_what_was_asked_for_and_not_what_became_of_it() {
    let [running, ..] = &fixtures("cluster")[..] else { panic!() };
    let Portrait { remote, key: name, spec, .. } = portrait("cluster", running.clone());
    assert_eq!((remote.as_str(), name), ("1124-141523-analysts0", key("analysts")));
    assert_eq!(spec["apply_policy_default_values"], true);
    for owned in ["state", "driver", "executors", "start_time", "cluster_id", "creator_user_name", "spec"] {
        assert_eq!(spec.get(owned), None, "{owned}");
    }
    let mut row = running.clone();
    row.as_object_mut().unwrap().remove("spec");
    let from_row = portrait("cluster", row).spec;
    assert_eq!(from_row["node_type_id"], "i3.xlarge");
    for owned in
        ["state", "driver", "executors", "start_time", "cluster_id", "cluster_source", "creator_user_name"]
    {
        assert_eq!(from_row.get(owned), None, "{owned}");
    }
}

#[test]
fn a_policy_of_a_family_is_the_family_and_its_overrides() {
    let [.., of_family] = &fixtures("cluster_policy")[..] else { panic!() };
    let Portrait { spec, .. } = portrait("cluster_policy", of_family.clone());
    assert_eq!(spec.get("definition"), None);
    let overrides = json!({ "$text": { "node_type_id": { "type": "fixed", "value": "i3.xlarge" } } });
    assert_eq!(spec["policy_family_definition_overrides"], overrides);
}

#[test]
fn an_absent_pause_status_counts_as_awake_where_there_is_something_to_pause() {
    let waking = |settings| job(settings).posture;
    assert_eq!(waking(json!({})), posture(json!({ "/max_concurrent_runs": 1 })));
    for trigger in ["schedule", "trigger", "continuous"] {
        for absent in [json!({}), json!({ "pause_status": null })] {
            let at = format!("/{trigger}/pause_status");
            assert_eq!(waking(json!({ trigger: absent })).get(&at), Some(&json!("UNPAUSED")));
        }
    }
    let several = json!({ "triggers": [{ "pause_status": "PAUSED" }, { "periodic": {} }], "queue": { "enabled": true } });
    let all = json!({
        "/max_concurrent_runs": 1, "/queue/enabled": true,
        "/triggers/0/pause_status": "PAUSED", "/triggers/1/pause_status": "UNPAUSED",
    });
    assert_eq!(waking(several), posture(all));
}

#[test]
fn a_standby_sleeps_in_every_way_in_which_its_kind_can_run() {
    let [full, on_arrival, several, stream, ..] = &fixtures("job")[..] else { panic!() };
    for raw in [full, on_arrival, several, stream] {
        let waking = portrait("job", raw.clone()).posture;
        for (at, value) in kind("job").asleep(&waking).iter() {
            let expected = match at {
                "/max_concurrent_runs" => json!(0),
                "/queue/enabled" => json!(false),
                _ => json!("PAUSED"),
            };
            assert_eq!(*value, expected, "{at}");
        }
    }
    let runs = posture(json!({ "running": true }));
    assert_eq!(kind("sql_warehouse").asleep(&runs), posture(json!({ "running": false })));
    assert_eq!(kind("cluster").asleep(&runs), posture(json!({ "running": false, "pinned": true })));
    let idle = portrait("instance_pool", fixtures("instance_pool")[0].clone()).posture;
    assert_eq!(idle, posture(json!({ "/min_idle_instances": 3 })));
    assert_eq!(kind("instance_pool").asleep(&idle), posture(json!({ "/min_idle_instances": 0 })));
}

#[test]
fn what_slept_wakes_as_it_was_and_what_was_said_by_silence_is_said_in_words() {
    let settings = json!({ "triggers": [{ "pause_status": "PAUSED" }, { "periodic": {} }], "queue": { "enabled": true } });
    let Portrait { mut spec, posture: waking, .. } = job(settings);
    crate::posture::put(kind("job").schema(), &mut spec, &waking);
    let awake = json!({
        "triggers": [{ "pause_status": "PAUSED" }, { "periodic": {}, "pause_status": "UNPAUSED" }],
        "queue": { "enabled": true }, "max_concurrent_runs": 1,
    });
    assert_eq!(spec, awake);
    let again = job(spec);
    assert_eq!(again.posture, waking);
}

#[test]
fn what_a_posture_does_not_speak_of_is_put_to_sleep() {
    let mut older = json!({ "schedule": { "quartz_cron_expression": "0 0 2 * * ?" }, "triggers": [{}, {}] });
    let waking = posture(json!({ "/triggers/0/pause_status": "UNPAUSED", "/max_concurrent_runs": 2 }));
    crate::posture::put(kind("job").schema(), &mut older, &waking);
    assert_eq!(older["schedule"]["pause_status"], "PAUSED");
    assert_eq!(older["triggers"], json!([{ "pause_status": "UNPAUSED" }, { "pause_status": "PAUSED" }]));
    assert_eq!(older["max_concurrent_runs"], 2);
    let mut bare = json!({});
    crate::posture::put(kind("job").schema(), &mut bare, &Posture::none());
    assert_eq!(bare, json!({ "max_concurrent_runs": 0 }));
}

#[test]
fn json_inside_text_is_opened_and_text_that_is_none_stays_text() {
    let policy = |definition: &str| {
        portrait("cluster_policy", json!({ "policy_id": "A", "name": "p", "definition": definition })).spec
    };
    assert_eq!(policy("{\"b\": 1, \"a\": [1.5]}")["definition"], json!({ "$text": { "a": [1.5], "b": 1 } }));
    assert_eq!(policy("null")["definition"], json!({ "$text": null }));
    assert_eq!(policy("not JSON {")["definition"], "not JSON {");
    assert_eq!(policy("")["definition"], "");
}

#[test]
fn tasks_are_carried_in_the_order_in_which_they_stand() {
    let settings = json!({ "tasks": [
        { "task_key": "b", "depends_on": [{ "task_key": "y" }, { "task_key": "x" }] }, { "task_key": "a" },
    ] });
    assert_eq!(job(settings.clone()).spec["tasks"], settings["tasks"]);
}

#[test]
fn a_list_without_an_order_is_put_into_one() {
    static FRAGMENT: Fragment =
        Fragment { fields: &[Field::Unordered(twinlake_model::Pattern("/hosts"))], ..Fragment::EMPTY };
    let schema = Schema {
        name: "thing",
        plural: "things",
        documentation: "",
        key: KeyRule::Path,
        id: (twinlake_model::Pattern("/id"), IdShape::Text),
        holds_others: false,
        sleeps: &[],
        coarse_fence: &[],
        tags: None,
        leaves_behind: &[],
        consistency: std::time::Duration::ZERO,
        fragment: Fragment { fields: FRAGMENT.fields, ..Fragment::EMPTY },
    };
    let spec = |hosts: Value| Portrait::of(&schema, json!({ "id": "1", "hosts": hosts })).unwrap().spec;
    assert_eq!(spec(json!(["b", 2, { "c": 1 }, "a"])), spec(json!([{ "c": 1 }, "a", "b", 2])));
}

#[test]
fn a_document_without_its_id_is_an_error_that_names_fields_and_shows_none() {
    let raw = json!({ "settings": { "name": "nightly", "tasks": "hunter2" } });
    let error = kind("job").portray(raw).unwrap_err();
    assert!(matches!(error, Error::Unrecognizable { .. }));
    assert_eq!(error.to_string(), "a job came without `/job_id`; it has `job_id`, `name`, `tasks`");
}

#[test]
fn the_tag_is_taken_out_and_put_in_wherever_tags_stand() {
    for (name, at) in [("job", "/tags"), ("cluster", "/custom_tags"), ("instance_pool", "/custom_tags")] {
        let schema = kind(name).schema();
        let portrait = portrait(name, fixtures(name)[0].clone());
        let asset = asset(name, &portrait);
        let mut body = json!({});
        tag::put(schema, &asset, &mut body);
        assert_eq!(body.pointer(at).unwrap(), &json!({ TAG_KEY: asset.to_string() }));
        assert_eq!(tag::take(schema, &mut body), Some(asset));
        assert_eq!(body, json!({}), "nothing is left of an empty map");
    }
    let schema = kind("sql_warehouse").schema();
    let asset = asset("sql_warehouse", &portrait("sql_warehouse", fixtures("sql_warehouse")[0].clone()));
    let mut body = json!({ "tags": { "custom_tags": [{ "key": "team", "value": "bi" }] } });
    tag::put(schema, &asset, &mut body);
    assert_eq!(body["tags"]["custom_tags"][1], json!({ "key": TAG_KEY, "value": asset.to_string() }));
    assert_eq!(tag::take(schema, &mut body), Some(asset.clone()));
    assert_eq!(body, json!({ "tags": { "custom_tags": [{ "key": "team", "value": "bi" }] } }));
    let mut bare = json!({});
    tag::put(schema, &asset, &mut bare);
    assert_eq!(tag::take(schema, &mut bare), Some(asset));
    assert_eq!(bare, json!({}));
}

#[test]
fn where_there_is_no_room_there_is_no_tag_and_nobody_elses_is_pushed_out() {
    for schema in crate::kinds::schemas().filter(|schema| schema.tags.is_some()) {
        let Some(Tags { at, room, form }) = schema.tags else { continue };
        let full: Value = match form {
            TagForm::Map => {
                (0..room).map(|n| (format!("k{n}"), json!("v"))).collect::<serde_json::Map<_, _>>().into()
            }
            TagForm::Pairs => (0..room).map(|n| json!({ "key": format!("k{n}"), "value": "v" })).collect(),
        };
        let mut body = json!({});
        for (depth, field) in at.0.split('/').skip(1).collect::<Vec<_>>().iter().rev().enumerate() {
            body = json!({ *field: if depth == 0 { full.clone() } else { body } });
        }
        let before = body.clone();
        tag::put(schema, &format!("{}/prod@east/1", schema.name).parse().unwrap(), &mut body);
        assert_eq!(body, before, "{}", schema.name);
        assert!(!tag::has_room(schema, &body));
    }
}

#[test]
fn something_else_under_the_tags_key_is_no_tag() {
    assert_eq!(job(json!({ "tags": { TAG_KEY: "somebody's own", "team": "a" } })).tag, None);
}
