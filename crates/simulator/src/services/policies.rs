//! Cluster policies. API: <https://docs.databricks.com/api/workspace/clusterpolicies>
//!
//! A definition is a JSON document inside a string. A policy has one of its own, or it inherits a family's and
//! overrides parts of it. Every workspace is born with a default policy for each family; those cannot be deleted and
//! keep their family.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use crate::call::Call;
use crate::collections::{self, Document, Item, Row, Verb};
use crate::refusal::Refusal;
use crate::services::policy_families::{FAMILIES, definition as family_definition};
use crate::stage::Stage;

pub(crate) const ROW: Row = Row {
    kind: "cluster_policy",
    title: "Cluster policy",
    routes: &[
        (Verb::List, Method::GET, "/api/2.0/policies/clusters/list"),
        (Verb::Get, Method::GET, "/api/2.0/policies/clusters/get"),
        (Verb::Create, Method::POST, "/api/2.0/policies/clusters/create"),
        (Verb::Edit, Method::POST, "/api/2.0/policies/clusters/edit"),
        (Verb::Delete, Method::POST, "/api/2.0/policies/clusters/delete"),
    ],
    id_field: "policy_id",
    list_field: "policies",
    mint: |stage| stage.entropy.hex(16).to_uppercase(),
    accept,
    show,
    order,
    deletable: |item| match item.built_in {
        true => Err(Refusal::invalid(format!("Default policy {} cannot be deleted.", item.id))),
        false => Ok(()),
    },
    ..Row::PLAIN
};

const FIELDS: &[&str] = &[
    "name",
    "definition",
    "description",
    "libraries",
    "max_clusters_per_user",
    "policy_family_id",
    "policy_family_definition_overrides",
];

/// The default policies of a new workspace.
pub(crate) fn lay_out(stage: &mut Stage<'_>) -> Result<(), Refusal> {
    for family in FAMILIES {
        if let Some(name) = family.default_policy {
            let mut document = Document::new();
            document.insert("name".to_owned(), json!(name));
            document.insert("policy_family_id".to_owned(), json!(family.id));
            collections::create(stage, &ROW, document, true)?;
        }
    }
    Ok(())
}

fn accept(stage: &Stage<'_>, mut document: Document, old: Option<&Document>) -> Result<Document, Refusal> {
    document.retain(|key, value| FIELDS.contains(&key.as_str()) && !value.is_null());
    let text = |key: &str| document.get(key).and_then(Value::as_str);
    let old_family = old.and_then(|old| old.get("policy_family_id"));
    if let Some(family) = text("policy_family_id") {
        if document.contains_key("definition") {
            let message =
                "definition cannot be used with policy_family_id; use policy_family_definition_overrides.";
            return Err(Refusal::bad_field("definition", message));
        }
        if family_definition(family, stage.ws.cloud).is_none() {
            return Err(Refusal::bad_field(
                "policy_family_id",
                format!("Policy family {family} does not exist."),
            ));
        }
        if let Some(overrides) = text("policy_family_definition_overrides") {
            rules(overrides, "policy_family_definition_overrides")?;
        }
    } else if text("policy_family_definition_overrides").is_some() {
        let message = "policy_family_definition_overrides needs policy_family_id.";
        return Err(Refusal::bad_field("policy_family_definition_overrides", message));
    } else if let (Some(old), true) = (old, old_family.is_some() && !document.contains_key("definition")) {
        for key in ["policy_family_id", "policy_family_definition_overrides"] {
            if let Some(kept) = old.get(key) {
                document.insert(key.to_owned(), kept.clone());
            }
        }
    } else {
        rules(text("definition").unwrap_or("{}"), "definition")?;
        document.entry("definition").or_insert_with(|| json!("{}"));
    }
    if document.get("libraries").and_then(Value::as_array).is_some_and(|libraries| libraries.len() > 500) {
        return Err(Refusal::bad_field("libraries", "A policy can have at most 500 libraries."));
    }
    Ok(document)
}

/// Reads a definition.
fn rules(text: &str, field: &str) -> Result<Document, Refusal> {
    let wrong = |why: String| Refusal::bad_field(field, format!("{field} is not a policy definition: {why}"));
    let document: Document = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    for (path, rule) in &document {
        let kind = rule.get("type").and_then(Value::as_str).unwrap_or("");
        let needed = match kind {
            "fixed" => Some("value"),
            "allowlist" | "blocklist" => Some("values"),
            "regex" => Some("pattern"),
            "forbidden" | "range" | "unlimited" => None,
            other => return Err(wrong(format!("rule of {path} has the unknown type '{other}'"))),
        };
        if let Some(needed) = needed.filter(|needed| rule.get(needed).is_none()) {
            return Err(wrong(format!("rule of {path} has no {needed}")));
        }
    }
    Ok(document)
}

/// The rules that a policy comes to, its family's included.
pub(crate) fn effective_rules(stage: &Stage<'_>, policy: &Document) -> Document {
    let own = |key: &str| {
        policy
            .get(key)
            .and_then(Value::as_str)
            .and_then(|text| serde_json::from_str::<Document>(text).ok())
            .unwrap_or_default()
    };
    let Some(family) = policy.get("policy_family_id").and_then(Value::as_str) else {
        return own("definition");
    };
    let mut rules = match family_definition(family, stage.ws.cloud) {
        Some(Value::Object(rules)) => rules,
        _ => Document::new(),
    };
    rules.extend(own("policy_family_definition_overrides"));
    rules
}

fn show(stage: &Stage<'_>, item: &Item) -> Document {
    let mut shown = item.document.clone();
    if shown.contains_key("policy_family_id") {
        let rules = Value::Object(effective_rules(stage, &item.document)).to_string();
        shown.insert("definition".to_owned(), Value::String(rules));
    }
    shown.insert("policy_id".to_owned(), json!(item.id));
    shown.insert("created_at_timestamp".to_owned(), json!(item.created_ms));
    shown.insert("is_default".to_owned(), json!(item.built_in));
    if !item.built_in {
        shown.insert("creator_user_name".to_owned(), json!(&*item.creator));
    }
    shown
}

fn order(call: &Call<'_, '_>, items: &mut [Arc<Item>]) {
    if call.text("sort_column").as_deref() == Some("POLICY_NAME") {
        let name = |item: &Item| item.document.get("name").and_then(Value::as_str).map(str::to_owned);
        items.sort_by_cached_key(|item| name(item));
    }
    if call.text("sort_order").as_deref() == Some("DESC") {
        items.reverse();
    }
}
