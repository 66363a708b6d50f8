//! An asset's JSON, carried whole.
//!
//! A replicator must preserve fields that it has never heard of (P13), so documents are JSON and only the fields
//! that a kind names are touched. A [`Document`] is kept as canonical text: keys sorted, no spaces. Equal
//! documents have equal text and so equal digests, and twenty thousand of them fit in memory.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::Digest;

/// An immutable JSON value in canonical form.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Document(Arc<str>);

/// Text that is not JSON.
#[derive(Debug, thiserror::Error)]
#[error("not a JSON document: {source}")]
pub struct MalformedDocument {
    #[from]
    source: serde_json::Error,
}

impl Document {
    /// The document of a value.
    #[must_use]
    pub fn new(value: &Value) -> Self {
        // `serde_json` sorts the keys of a map as long as nobody turns on `preserve_order`; a test holds that.
        Self(value.to_string().into())
    }

    /// Reads canonical or other JSON text.
    ///
    /// # Errors
    /// When the bytes are not JSON.
    pub fn parse(bytes: &[u8]) -> Result<Self, MalformedDocument> {
        Ok(Self::new(&serde_json::from_slice(bytes)?))
    }

    /// The canonical text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// The value, parsed anew.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or(Value::Null)
    }

    /// The digest of the canonical text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

impl From<Value> for Document {
    fn from(value: Value) -> Self {
        Self::new(&value)
    }
}

/// Which document it is, and not what it says: people write passwords into settings (P15).
impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({}, {} bytes)", self.digest().short(), self.0.len())
    }
}

impl serde::Serialize for Document {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Document {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| Self::new(&value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_keys_does_not_make_another_document() {
        let one = Document::parse(br#"{ "b": 1, "a": {"d": [1, 2], "c": null} }"#).unwrap();
        let two = Document::parse(br#"{"a":{"c":null,"d":[1,2]},"b":1}"#).unwrap();
        assert_eq!(one, two);
        assert_eq!(one.text(), r#"{"a":{"c":null,"d":[1,2]},"b":1}"#);
        assert_eq!(one.digest(), two.digest());
    }

    #[test]
    fn printing_a_document_for_debugging_does_not_print_what_it_says() {
        let document = Document::new(&serde_json::json!({ "spark_env_vars": { "DB_PASSWORD": "hunter2" } }));
        let printed = format!("{document:?} {document:#?}");
        assert!(!printed.contains("hunter2") && !printed.contains("DB_PASSWORD"), "{printed}");
    }

    #[test]
    fn int64_ids_survive() {
        let document = Document::parse(br#"{"job_id":9007199254740993}"#).unwrap();
        assert_eq!(document.value()["job_id"].as_i64(), Some(9_007_199_254_740_993));
    }
}
