//! A raw document, taken apart: what it is, whether it runs, whose copy it says it is.

use std::fmt;

use serde_json::{Value, json};
use twinlake_model::{AssetId, Document, Key, Posture, RemoteId};

use crate::schema::{Embed, Field, Fragment, IdShape, KeyRule};
use crate::symbolize::TEXT;
use crate::{Error, Schema, posture, secret, tag};

/// The parts of a raw document. The spec still has the place's own ids.
#[derive(Clone, PartialEq)]
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

/// Names the spec by its digest: what it says may hold anything, a password too (P15).
impl fmt::Debug for Portrait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Portrait")
            .field("remote", &self.remote)
            .field("key", &self.key)
            .field("spec", &Document::new(&self.spec))
            .field("posture", &self.posture)
            .field("tag", &self.tag)
            .finish()
    }
}

impl Portrait {
    /// Takes a document apart by the kind's schema: id and key are read, what the service owns is dropped, secrets in
    /// plain text are taken out, posture and tag are set apart, JSON inside strings is opened, and lists without an
    /// order are put into one.
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
        let posture = posture::take(schema, &mut raw);
        Ok(Self { remote, key, spec: raw, posture, tag })
    }
}

/// The remote id that a raw document carries.
pub(crate) fn remote_id(schema: &Schema, raw: &Value) -> Result<RemoteId, Error> {
    let (at, _) = schema.id;
    match raw.pointer(at.0) {
        Some(Value::String(text)) if !text.is_empty() => Ok(RemoteId::new(text.as_str())),
        Some(Value::Number(number)) => Ok(RemoteId::new(number.to_string())),
        _ => Err(Error::unrecognizable(schema.name, at.0, raw)),
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

/// Drops what the service owns, takes out secrets, opens JSON inside strings, and orders lists without an order.
fn open(fragment: &Fragment, value: &mut Value) {
    for field in fragment.fields {
        match field {
            Field::ServerOwned(at) => drop(at.take(value)),
            Field::Secret(at) => at.visit_mut(value, |_, secret| secret::withhold(secret)),
            Field::Unordered(at) => at.visit_mut(value, |_, list| sort(list)),
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

fn sort(list: &mut Value) {
    if let Value::Array(items) = list {
        items.sort_by_cached_key(Value::to_string);
    }
}
