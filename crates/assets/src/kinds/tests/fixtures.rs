//! The field rules and the documents know each other: every rule matches some document, and everything in the documents
//! that looks as if it could differ by site has a rule, or a reason here why it needs none.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};
use twinlake_model::Pattern;

use super::support::{fixtures, portable};
use crate::kinds::schemas;
use crate::schema::{Embed, Field, Fragment};
use crate::symbolize::TEXT;

/// What looks local and is the same everywhere, and why.
const SAME_EVERYWHERE: &[(&str, &str, &str)] = &[
    ("cluster", "/init_scripts/*/volumes/destination", "volumes are of the metastore, by name"),
    ("cluster", "/cluster_log_conf/dbfs/destination", "the workspace's own DBFS"),
    ("cluster", "/cluster_log_conf/volumes/destination", "volumes are of the metastore, by name"),
    ("cluster_policy", "/libraries/*/egg", "the workspace's own DBFS"),
    ("job", "/tasks/*/new_cluster/cluster_log_conf/dbfs/destination", "the workspace's own DBFS"),
    (
        "job",
        "/tasks/*/new_cluster/cluster_log_conf/volumes/destination",
        "volumes are of the metastore, by name",
    ),
    (
        "job",
        "/job_clusters/*/new_cluster/init_scripts/*/volumes/destination",
        "volumes are of the metastore, by name",
    ),
    ("job", "/deployment/metadata_file_path", "a note of the deployment tool's, read by nobody else"),
    ("job", "/git_source/git_url", "the repository is outside every site"),
    ("job", "/tasks/*/gen_ai_compute_task/mlflow_experiment_name", "a name, made where it is missing"),
];

/// A rule, as people find it in the code.
fn rules(fragment: &'static Fragment) -> Vec<(&'static str, String)> {
    let fields = fragment.fields.iter().map(|field| {
        let at = match field {
            Field::ServerOwned(at)
            | Field::ServerDefault(at)
            | Field::CreateOnly(at)
            | Field::Secret(at)
            | Field::Unordered(at)
            | Field::SiteLocal(at, _)
            | Field::FreeText(at, _)
            | Field::Keyed(at, _) => at,
        };
        (at.0, format!("{field:?}"))
    });
    let references = fragment.references.iter().map(|one| (one.at.0, format!("{one:?}")));
    let embeds = fragment.embeds.iter().map(|embed| {
        let (Embed::At(at, _) | Embed::InText(at, _)) = embed;
        (at.0, format!("embed at {}", at.0))
    });
    fields.chain(references).chain(embeds).collect()
}

/// Visits every fragment that a document has, each with the pointer at which it stands.
fn parts(
    fragment: &'static Fragment,
    value: &Value,
    at: &str,
    visit: &mut dyn FnMut(&'static Fragment, &Value, &str),
) {
    visit(fragment, value, at);
    for embed in fragment.embeds {
        match embed {
            Embed::At(pattern, inner) => pattern.visit(value, |pointer, part| {
                parts(inner, part, &format!("{at}{pointer}"), visit);
            }),
            Embed::InText(pattern, inner) => pattern.visit(value, |pointer, text| {
                let parsed = text.as_str().and_then(|text| serde_json::from_str(text).ok());
                if let Some(part) = text.get(TEXT).or(parsed.as_ref()) {
                    parts(inner, part, &format!("{at}{pointer}/{TEXT}"), visit);
                }
            }),
        }
    }
}

/// A raw document in every shape in which a kind may read it: as it stands, and with what it wraps at the top.
fn shapes(raw: &Value) -> Vec<Value> {
    let top = raw.as_object().unwrap();
    let wrapped = ["settings", "spec"].iter().filter_map(|field| raw.get(*field)?.as_object());
    let unwrapped = wrapped.map(|inner| {
        let all: Map<String, Value> =
            top.iter().chain(inner).map(|(key, value)| (key.clone(), value.clone())).collect();
        Value::Object(all)
    });
    std::iter::once(raw.clone()).chain(unwrapped).collect()
}

fn address(fragment: &'static Fragment) -> usize {
    std::ptr::from_ref(fragment).addr()
}

#[test]
fn every_rule_of_every_kind_matches_some_document() {
    let mut unmatched: BTreeMap<(usize, String), &str> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for schema in schemas() {
        for raw in fixtures(schema.name).iter().flat_map(shapes) {
            parts(&schema.fragment, &raw, "", &mut |fragment, value, _| {
                for (at, rule) in rules(fragment) {
                    let mut matches = false;
                    Pattern(at).visit(value, |_, _| matches = true);
                    let name = (address(fragment), rule);
                    if matches {
                        unmatched.remove(&name);
                        seen.insert(name);
                    } else if !seen.contains(&name) {
                        unmatched.insert(name, schema.name);
                    }
                }
            });
        }
    }
    let unmatched: BTreeSet<String> =
        unmatched.into_iter().map(|((_, rule), kind)| format!("{kind}: {rule}")).collect();
    assert!(unmatched.is_empty(), "rules that no document shows:\n{}", Vec::from_iter(unmatched).join("\n"));
}

#[test]
fn every_posture_tag_id_and_key_stands_in_some_document() {
    for schema in schemas() {
        let documents: Vec<Value> = fixtures(schema.name).iter().flat_map(shapes).collect();
        let key = match schema.key {
            crate::KeyRule::Path => schema.id.0,
            crate::KeyRule::UniqueName(at) | crate::KeyRule::Name(at) => at,
        };
        let postures = schema.sleeps.iter().map(|sleeps| sleeps.at);
        for at in postures.chain(schema.tags.map(|tags| tags.at)).chain([schema.id.0, key]) {
            let mut matches = false;
            documents.iter().for_each(|document| at.visit(document, |_, _| matches = true));
            assert!(matches, "{}: {} stands nowhere", schema.name, at.0);
        }
    }
}

/// Whether a text may mean something else, or nothing, at another site. In the fixtures everything regional is east's.
fn looks_local(text: &str) -> bool {
    let is_hex = |part: &str| part.len() >= 8 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_id = text.split('-').next().is_some_and(is_hex) || text.contains("-pool-");
    text.contains("east") || text.contains(":/") || text.starts_with('/') || text.starts_with("arn:") || is_id
}

/// The pointers of everything that a rule speaks of, less what it speaks of only to compare.
fn spoken_of(fragment: &'static Fragment, document: &Value) -> Vec<String> {
    let mut spoken_of = Vec::new();
    parts(fragment, document, "", &mut |fragment, value, at| {
        let fields = fragment.fields.iter().filter_map(|field| match field {
            Field::SiteLocal(pattern, _) | Field::FreeText(pattern, _) | Field::Secret(pattern) => {
                Some(*pattern)
            }
            _ => None,
        });
        for pattern in fields.chain(fragment.references.iter().map(|reference| reference.at)) {
            pattern.visit(value, |pointer, _| spoken_of.push(format!("{at}{pointer}")));
        }
    });
    spoken_of
}

fn texts(value: &Value, at: String, found: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => found.push((at, text.clone())),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| texts(item, format!("{at}/{index}"), found));
        }
        Value::Object(fields) => fields.iter().for_each(|(key, field)| {
            texts(field, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), found);
        }),
        _ => {}
    }
}

#[test]
fn everything_that_looks_as_if_it_differed_by_site_has_a_rule_or_a_reason() {
    let mut silent = BTreeSet::new();
    let mut used = BTreeSet::new();
    for schema in schemas().filter(|schema| !schema.is_tree()) {
        for raw in fixtures(schema.name) {
            let spec = portable(schema.name, raw).spec;
            let spoken_of = spoken_of(&schema.fragment, &spec);
            let mut all = Vec::new();
            texts(&spec, String::new(), &mut all);
            for (at, text) in all.into_iter().filter(|(_, text)| looks_local(text)) {
                let is_spoken_of =
                    spoken_of.iter().any(|ruled| at == *ruled || at.starts_with(&format!("{ruled}/")));
                let reason = SAME_EVERYWHERE
                    .iter()
                    .find(|(kind, pattern, _)| *kind == schema.name && Pattern(pattern).matches(&at));
                used.extend(reason.map(|(kind, pattern, _)| (*kind, *pattern)));
                if !is_spoken_of && reason.is_none() {
                    silent.insert(format!("{} {at}: {text}", schema.name));
                }
            }
        }
    }
    assert!(silent.is_empty(), "no rule speaks of\n{}", Vec::from_iter(silent).join("\n"));
    let idle: Vec<_> =
        SAME_EVERYWHERE.iter().filter(|(kind, pattern, _)| !used.contains(&(*kind, *pattern))).collect();
    assert!(idle.is_empty(), "reasons that nothing needs: {idle:#?}");
}
