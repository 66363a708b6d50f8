//! The identity tag: what a copy says of itself, where there is room.
//!
//! The id map is the truth; the tag is how a copy is found again after an answer was lost. A clone that somebody
//! made of a copy carries the tag too, so a tag alone proves nothing (see pairing in `sync`).
//!
//! Clusters hand their tags, and jobs those of their clusters, on to the cloud. AWS and Azure take the characters of an
//! identity; labels on Google Cloud do not take `/` and `@`.
//! TODO(design): a spelling for Google Cloud, once it was seen what Databricks makes of such tags there.

use serde_json::{Value, json};
use twinlake_model::AssetId;

use crate::Schema;
use crate::schema::{TagForm, Tags};

/// The key of the tag.
pub const TAG_KEY: &str = "twinlake_asset";

/// Takes the tag out of a document.
pub(crate) fn take(schema: &Schema, raw: &mut Value) -> Option<AssetId> {
    let Tags { at, .. } = schema.tags?;
    let tags = raw.pointer_mut(at.0)?;
    let tag = match tags {
        Value::Object(map) => map.remove(TAG_KEY),
        Value::Array(pairs) => {
            let index = pairs.iter().position(|pair| pair["key"] == TAG_KEY)?;
            pairs.remove(index).get("value").cloned()
        }
        _ => None,
    };
    if is_empty(tags) {
        remove(raw, at.0);
    }
    tag?.as_str()?.parse().ok()
}

/// Puts the tag into a document, if there is room.
pub(crate) fn put(schema: &Schema, asset: &AssetId, body: &mut Value) {
    let Some(Tags { at, room, form }) = schema.tags else { return };
    let empty = match form {
        TagForm::Map => json!({}),
        TagForm::Pairs => json!([]),
    };
    let Some(tags) = make(body, at.0, empty) else { return };
    match tags {
        Value::Object(map) if map.len() < room => {
            map.insert(TAG_KEY.to_owned(), json!(asset.to_string()));
        }
        Value::Array(pairs) if pairs.len() < room => {
            pairs.push(json!({ "key": TAG_KEY, "value": asset.to_string() }));
        }
        _ => {}
    }
}

/// Whether a portable document leaves room for the tag, so that its copy carries one.
#[must_use]
pub fn has_room(schema: &Schema, document: &Value) -> bool {
    schema.tags.is_some_and(|Tags { at, room, .. }| match document.pointer(at.0) {
        Some(Value::Object(map)) => map.len() < room,
        Some(Value::Array(pairs)) => pairs.len() < room,
        _ => true,
    })
}

fn is_empty(tags: &Value) -> bool {
    match tags {
        Value::Object(map) => map.is_empty(),
        Value::Array(pairs) => pairs.is_empty(),
        _ => false,
    }
}

/// Removes the value at a pointer, and the objects above it that become empty.
fn remove(raw: &mut Value, pointer: &str) {
    let Some((parent, field)) = pointer.rsplit_once('/') else { return };
    let Some(Value::Object(fields)) = raw.pointer_mut(parent) else { return };
    fields.remove(field);
    if fields.is_empty() && !parent.is_empty() {
        remove(raw, parent);
    }
}

/// The value at a pointer, made if it is absent.
fn make<'v>(body: &'v mut Value, pointer: &str, empty: Value) -> Option<&'v mut Value> {
    let mut here = body;
    let segments: Vec<&str> = pointer.split('/').skip(1).collect();
    for (depth, segment) in segments.iter().enumerate() {
        let fields = here.as_object_mut()?;
        let fill = if depth + 1 == segments.len() { empty.clone() } else { json!({}) };
        here = fields.entry((*segment).to_owned()).or_insert(fill);
    }
    Some(here)
}
