//! Notebooks. API: <https://docs.databricks.com/api/workspace/workspace/import>.
//!
//! Carried as source, in their language. An import of source needs the language, and overwrites only when told to.
//! The path has no extension. Ten megabytes at most.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_databricks::Reader;
use twinlake_model::{Action, Call, Change, Pattern, RemoteId};

use super::tree::{self, Tree};
use crate::schema::{Fragment, IdShape, KeyRule, Schema};
use crate::{AssetKind, Error, Listing, Portrait};

/// The kind.
pub static KIND: Notebook = Notebook;

/// Notebooks.
#[derive(Debug)]
pub struct Notebook;

static SCHEMA: Schema = Schema {
    name: "notebook",
    plural: "notebooks",
    documentation: "https://docs.databricks.com/api/workspace/workspace/import",
    key: KeyRule::Path,
    id: (Pattern("/path"), IdShape::Text),
    holds_others: false,
    fragment: Fragment::EMPTY,
    sleeps: &[],
    coarse_fence: &[],
    tags: None,
    leaves_behind: &[
        "revision history",
        "comments",
        "results of cells",
        "state of widgets",
        "the environment of its side panel",
    ],
    consistency: Duration::from_secs(5),
};

#[async_trait]
impl AssetKind for Notebook {
    fn schema(&self) -> &Schema {
        &SCHEMA
    }

    fn listing(&self) -> &dyn Listing {
        &Tree
    }

    fn portray(&self, raw: Value) -> Result<Portrait, Error> {
        tree::portray(&raw, json!({ "language": raw["language"] }))
    }

    async fn read(&self, reader: &Reader, remote: &RemoteId) -> Result<Option<Value>, Error> {
        tree::status(reader, remote, "NOTEBOOK").await
    }

    async fn content(&self, reader: &Reader, remote: &RemoteId) -> Result<Option<Vec<u8>>, Error> {
        tree::export(reader, remote, "SOURCE").await
    }

    fn has_content(&self) -> bool {
        true
    }

    fn calls(&self, change: &Change, spec: &Value) -> Vec<Call> {
        match change.action {
            Action::Delete => vec![tree::delete(change)],
            Action::Adopt => Vec::new(),
            _ => vec![tree::import(change, json!({ "format": "SOURCE", "language": spec["language"] }))],
        }
    }

    fn created(&self, _answer: &Value) -> Option<RemoteId> {
        None
    }
}
