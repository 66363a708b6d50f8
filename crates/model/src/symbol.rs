//! References between assets, in symbolic space.
//!
//! In a portable document the id of another asset is replaced by a symbol, `{"$ref": "job/prod@east/123"}`. Plans
//! are made of such documents, so they are complete before the things in them exist; the symbol becomes a remote
//! id only in the call that sends it.

use serde_json::{Value, json};

use crate::AssetId;

const REF: &str = "$ref";

/// The symbol that stands for an asset.
#[must_use]
pub fn symbol(asset: &AssetId) -> Value {
    json!({ REF: asset.to_string() })
}

/// The asset that a value stands for, if the value is a symbol.
#[must_use]
pub fn reference(value: &Value) -> Option<AssetId> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    object.get(REF)?.as_str()?.parse().ok()
}

/// Every asset that a document refers to, in document order, repeats included.
#[must_use]
pub fn references_in(value: &Value) -> Vec<AssetId> {
    fn walk(value: &Value, found: &mut Vec<AssetId>) {
        if let Some(asset) = reference(value) {
            found.push(asset);
            return;
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| walk(item, found)),
            Value::Object(fields) => fields.values().for_each(|field| walk(field, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    walk(value, &mut found);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn symbols_are_found_wherever_they_stand() {
        let asset: AssetId = "job/prod@east/7".parse().unwrap();
        let document = json!({ "tasks": [{ "run_job_task": { "job_id": symbol(&asset) } }], "name": "x" });
        assert_eq!(references_in(&document), [asset]);
    }

    #[test]
    fn an_object_that_merely_has_such_a_key_among_others_is_no_symbol() {
        assert_eq!(reference(&json!({ "$ref": "job/prod@east/7", "more": 1 })), None);
    }
}
