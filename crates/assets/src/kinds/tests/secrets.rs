//! No secret leaves the document that it stands in (P15).

use serde_json::Value;
use twinlake_model::Action;

use super::support::{asset, change, fixtures, paired_in_west, portable, west};
use crate::kinds::{KINDS, schemas};
use crate::{Body, Listed, resolve};

/// What stands in plain text in fields that are made for passwords.
const PASSWORDS: &[&str] = &["plain-docker-password", "plain-log-analytics-key"];

/// What somebody wrote into a field of their own.
const TYPED: &str = "plain-feed-token";

#[test]
fn a_password_in_plain_text_is_in_no_portable_document_and_in_no_request() {
    let mut withheld = 0;
    for kind in KINDS {
        let name = kind.schema().name;
        for raw in fixtures(name) {
            let held = |text: &str| PASSWORDS.iter().filter(|password| text.contains(**password)).count();
            let portrait = portable(name, raw.clone());
            assert_eq!(held(&portrait.spec.to_string()), 0, "{name}");
            withheld += portrait.spec.to_string().matches("$secret").count();
            let change = change(name, Action::Create, &portrait, kind.asleep(&portrait.posture));
            let ids = paired_in_west(&asset(name, &portrait), &[&portrait.spec]);
            for call in kind.calls(&change, &portrait.spec) {
                let write = resolve::request(&call, &change.asset, &west(), &ids, None).unwrap();
                let twinlake_databricks::Body::Json(body) = write.body else { continue };
                assert!(held(&body.to_string()) == 0 && !body.to_string().contains("$secret"), "{name}");
            }
        }
    }
    assert!(withheld >= 6, "the fixtures have passwords in clusters, jobs, pools and policies");
}

#[test]
fn a_password_by_reference_is_carried() {
    let mut raw = fixtures("cluster")[0].clone();
    raw["spec"]["docker_image"]["basic_auth"]["password"] = "{{secrets/docker/password}}".into();
    let password = portable("cluster", raw).spec["docker_image"]["basic_auth"]["password"].clone();
    assert_eq!(password, "{{secrets/docker/password}}");
}

#[test]
fn what_people_type_into_their_own_fields_is_carried_and_printed_nowhere() {
    let mut carried = 0;
    for kind in KINDS {
        let name = kind.schema().name;
        for raw in fixtures(name) {
            let portrait = portable(name, raw);
            carried += usize::from(portrait.spec.to_string().contains(TYPED));
            let change = change(name, Action::Create, &portrait, portrait.posture.clone());
            let calls = kind.calls(&change, &portrait.spec);
            let listed = Listed::whole(name, portrait.clone(), portrait.posture.clone());
            let Body::Whole(body) = &listed.body else { panic!() };
            let printed = format!("{portrait:?} {portrait:#?} {calls:?} {listed:?} {body:?} {change:?}");
            assert!(!printed.contains(TYPED), "{name}: {printed}");
            assert!(!printed.contains("us-east-1"), "{name}: {printed}");
        }
    }
    assert!(carried >= 2, "without it the copy would not run");
}

#[test]
fn an_error_over_a_document_shows_none_of_its_values() {
    for schema in schemas() {
        let mut raw = fixtures(schema.name)[0].clone();
        for id in ["job_id", "cluster_id", "policy_id", "instance_pool_id", "id", "path"] {
            raw.as_object_mut().unwrap().remove(id);
        }
        let error = crate::kinds::find(schema.name).unwrap().portray(raw.clone()).unwrap_err();
        let shown = format!("{error} {error:?} {:?}", error.hint());
        let mut values = Vec::new();
        texts(&raw, &mut values);
        // Field names are shown, and a few values are called as fields are.
        let leaked =
            values.iter().find(|text| text.len() > 6 && text.contains(['-', ':']) && shown.contains(*text));
        assert_eq!(leaked, None, "{shown}");
    }
}

fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, found)),
        _ => {}
    }
}
