//! A raw document, taken apart: what it is, whether it runs, whose copy it says it is.

use serde_json::{Value, json};
use twinlake_model::{AssetId, Key, Posture, RemoteId};

use crate::schema::{Embed, Field, Fragment, IdShape, KeyRule};
use crate::symbolize::TEXT;
use crate::{Error, RunState, Schema, tag};

/// The parts of a raw document. The spec still has the place's own ids.
#[derive(Clone, Debug, PartialEq)]
pub struct Portrait {
    /// What the place calls it.
    pub remote: RemoteId,
    /// What people call it.
    pub key: Key,
    /// What it is.
    pub spec: Value,
    /// Whether it runs.
    pub posture: Posture,
    /// The identity tag that it carries.
    pub tag: Option<AssetId>,
}

impl Portrait {
    /// Takes a document apart by the kind's schema: id and key are read, what the service owns is dropped, posture
    /// and tag are set apart, JSON inside strings is opened, and lists without an order are put into one.
    ///
    /// # Errors
    /// When the document has no id or no key.
    pub fn of(schema: &Schema, mut raw: Value) -> Result<Self, Error> {
        let remote = remote_id(schema, &raw)?;
        let key = match schema.key {
            KeyRule::Path => Key::new(remote.as_str()),
            KeyRule::UniqueName(at) | KeyRule::Name(at) => {
                // A job without a name is shown as "Untitled" and stored without one.
                Key::new(raw.pointer(at.0).and_then(Value::as_str).unwrap_or_default())
            }
        };
        open(&schema.fragment, &mut raw);
        let tag = tag::take(schema, &mut raw);
        let posture = take_posture(schema, &mut raw);
        Ok(Self { remote, key, spec: raw, posture, tag })
    }
}

/// The remote id that a raw document carries.
pub(crate) fn remote_id(schema: &Schema, raw: &Value) -> Result<RemoteId, Error> {
    let (at, _) = schema.id;
    match raw.pointer(at.0) {
        Some(Value::String(text)) if !text.is_empty() => Ok(RemoteId::new(text.as_str())),
        Some(Value::Number(number)) => Ok(RemoteId::new(number.to_string())),
        _ => Err(Error::Unrecognizable {
            kind: schema.name,
            field: at.0.to_owned(),
            shown: raw.to_string().chars().take(120).collect(),
        }),
    }
}

/// A remote id as JSON, in the shape of its kind.
#[must_use]
pub(crate) fn id_value(shape: IdShape, remote: &RemoteId) -> Value {
    match shape {
        IdShape::Text => Value::from(remote.as_str()),
        IdShape::Int64 => {
            remote.as_str().parse::<i64>().map_or_else(|_| Value::from(remote.as_str()), Value::from)
        }
    }
}

/// Drops what the service owns, opens JSON inside strings, and orders lists without an order.
fn open(fragment: &Fragment, value: &mut Value) {
    for field in fragment.fields {
        match field {
            Field::ServerOwned(at) => drop(at.take(value)),
            Field::Unordered(at) => at.visit_mut(value, |_, list| sort(list, None)),
            Field::Keyed(at, key) => at.visit_mut(value, |_, list| sort(list, Some(key))),
            _ => {}
        }
    }
    for embed in fragment.embeds {
        match embed {
            Embed::At(at, inner) => at.visit_mut(value, |_, part| open(inner, part)),
            Embed::InText(at, inner) => at.visit_mut(value, |_, text| {
                // Text that is not JSON stays text, and is carried as it is.
                if let Some(mut part) =
                    text.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok())
                {
                    open(inner, &mut part);
                    *text = json!({ TEXT: part });
                }
            }),
        }
    }
}

fn sort(list: &mut Value, key: Option<&str>) {
    if let Value::Array(items) = list {
        items.sort_by_cached_key(|item| match key {
            Some(key) => item.get(key).map(Value::to_string).unwrap_or_default(),
            None => item.to_string(),
        });
    }
}

fn take_posture(schema: &Schema, raw: &mut Value) -> Posture {
    let mut posture = Posture::none();
    for sleeps in schema.sleeps {
        let (holders, field) = holders(sleeps.at.0, raw);
        for holder in holders {
            let Some(Value::Object(fields)) = raw.pointer_mut(&holder) else { continue };
            let value = fields.remove(&field).unwrap_or_else(|| sleeps.absent.value());
            posture.set(format!("{holder}/{field}"), value);
        }
    }
    posture
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

/// Puts posture fields back into a spec. Words of the kind that are no pointers are left out.
pub(crate) fn put_posture(spec: &mut Value, posture: &Posture) {
    for (at, value) in posture.iter().filter(|(at, _)| at.starts_with('/')) {
        let Some((holder, field)) = at.rsplit_once('/') else { continue };
        if let Some(Value::Object(fields)) = spec.pointer_mut(holder) {
            fields.insert(field.to_owned(), value.clone());
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
