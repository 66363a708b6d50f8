//! Whether it runs, taken out of a document and put back.
//!
//! An absent field counts as what its absence means (P7): a schedule without `pause_status` is awake. What is put back
//! says so in words, which means the same to the service.

use serde_json::Value;
use twinlake_model::Posture;

use crate::{RunState, Schema};

/// Takes the posture fields out of a document.
pub(crate) fn take(schema: &Schema, raw: &mut Value) -> Posture {
    let mut posture = Posture::none();
    for sleeps in schema.sleeps {
        let (holders, field) = holders(sleeps.at.0, raw);
        for holder in holders {
            let Some(Value::Object(fields)) = raw.pointer_mut(&holder) else { continue };
            let value = fields.remove(&field).filter(|value| !value.is_null());
            posture.set(format!("{holder}/{field}"), value.unwrap_or_else(|| sleeps.absent.value()));
        }
    }
    posture
}

/// Puts a posture into a document. What the posture does not speak of sleeps (P6): it cannot be known whether it
/// was awake, as when the document is an older one than the posture. Words of the kind that are no pointers are left out.
pub(crate) fn put(schema: &Schema, spec: &mut Value, posture: &Posture) {
    for sleeps in schema.sleeps {
        let (holders, field) = holders(sleeps.at.0, spec);
        for holder in holders {
            let Some(Value::Object(fields)) = spec.pointer_mut(&holder) else { continue };
            let value = posture.get(&format!("{holder}/{field}")).cloned();
            fields.insert(field.clone(), value.unwrap_or_else(|| sleeps.asleep.value()));
        }
    }
}

/// What a posture is on a standby: by the schema's fields, and whatever runs as a whole does not.
pub(crate) fn asleep(schema: &Schema, waking: &Posture) -> Posture {
    let asleep = |at: &str, value: &Value| match schema.sleeps.iter().find(|sleeps| sleeps.at.matches(at)) {
        Some(rule) => rule.asleep.value(),
        None if at == RunState::WORD => Value::Bool(false),
        None => value.clone(),
    };
    waking.iter().map(|(at, value)| (at.to_owned(), asleep(at, value))).collect()
}

/// The objects that hold (or would hold) a field: their concrete pointers, and the field's name.
fn holders(at: &str, raw: &Value) -> (Vec<String>, String) {
    let (parent, field) = at.rsplit_once('/').unwrap_or(("", at));
    let mut holders = Vec::new();
    let parts: Vec<&str> = parent.split('/').skip(1).collect();
    descend(raw, &parts, String::new(), &mut holders);
    (holders, field.to_owned())
}

fn descend(value: &Value, rest: &[&str], pointer: String, found: &mut Vec<String>) {
    match (rest.split_first(), value) {
        (None, Value::Object(_)) => found.push(pointer),
        (Some((&"*", rest)), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                descend(item, rest, format!("{pointer}/{index}"), found);
            }
        }
        (Some((&key, rest)), Value::Object(fields)) => {
            if let Some(child) = fields.get(key) {
                descend(child, rest, format!("{pointer}/{key}"), found);
            }
        }
        _ => {}
    }
}
