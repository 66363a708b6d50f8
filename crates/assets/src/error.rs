//! What can go wrong between a kind and its service.

use twinlake_base::ErrorClass;
use twinlake_model::{AssetId, Place};

/// An error of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The service said no, or could not be understood.
    #[error(transparent)]
    Databricks(#[from] twinlake_databricks::Error),

    /// A document lacks what every document of its kind has.
    #[error("a {kind} came without `{field}`; it has {has}")]
    Unrecognizable {
        /// The kind.
        kind: &'static str,
        /// The missing or misshapen field.
        field: String,
        /// The names of the fields that it has. Not what they hold: that may be anything, a password too (P15).
        has: String,
    },

    /// A request was about to be sent that refers to something without an id there.
    #[error("{asset} has no counterpart in {place} yet")]
    Unresolved {
        /// What is referred to.
        asset: AssetId,
        /// Where.
        place: Place,
    },
}

impl Error {
    /// A document that lacks `field`.
    pub(crate) fn unrecognizable(kind: &'static str, field: &str, document: &serde_json::Value) -> Self {
        let has = document.as_object().map_or_else(
            || "no fields at all".to_owned(),
            |fields| fields.keys().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", "),
        );
        Self::Unrecognizable { kind, field: field.to_owned(), has }
    }

    /// What the error asks for.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Databricks(error) => error.class(),
            Self::Unrecognizable { .. } => ErrorClass::Invalid,
            Self::Unresolved { .. } => ErrorClass::Missing,
        }
    }

    /// The next command to run, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Databricks(error) => error.hint(),
            Self::Unrecognizable { .. } => None,
            Self::Unresolved { asset, .. } => Some(format!("twinlake id {asset}")),
        }
    }
}
