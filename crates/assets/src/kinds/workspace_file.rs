//! Files of the workspace tree. API: <https://docs.databricks.com/api/workspace/workspace/import>.
//!
//! Imported raw: any other format would turn a file that begins like a notebook into one. Ten megabytes at most.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_databricks::Reader;
use twinlake_model::{Action, Call, Change, Pattern, RemoteId};

use super::tree::{self, Tree};
use crate::schema::{Fragment, IdShape, KeyRule, Schema};
use crate::{AssetKind, Error, Listing, Portrait};

/// The kind.
pub static KIND: WorkspaceFile = WorkspaceFile;

/// Files.
#[derive(Debug)]
pub struct WorkspaceFile;

static SCHEMA: Schema = Schema {
    name: "workspace_file",
    plural: "files",
    documentation: "https://docs.databricks.com/api/workspace/workspace/import",
    key: KeyRule::Path,
    id: (Pattern("/path"), IdShape::Text),
    holds_others: false,
    fragment: Fragment::EMPTY,
    sleeps: &[],
    coarse_fence: &[],
    tags: None,
    leaves_behind: &[],
    consistency: Duration::from_secs(5),
};

#[async_trait]
impl AssetKind for WorkspaceFile {
    fn schema(&self) -> &Schema {
        &SCHEMA
    }

    fn listing(&self) -> &dyn Listing {
        &Tree
    }

    fn portray(&self, raw: Value) -> Result<Portrait, Error> {
        tree::portray(&raw, json!({}))
    }

    async fn read(&self, reader: &Reader, remote: &RemoteId) -> Result<Option<Value>, Error> {
        tree::status(reader, remote, "FILE").await
    }

    async fn content(&self, reader: &Reader, remote: &RemoteId) -> Result<Option<Vec<u8>>, Error> {
        tree::export(reader, remote, "AUTO").await
    }

    fn has_content(&self) -> bool {
        true
    }

    fn calls(&self, change: &Change, _spec: &Value) -> Vec<Call> {
        match change.action {
            Action::Delete => vec![tree::delete(change)],
            Action::Adopt => Vec::new(),
            _ => vec![tree::import(change, json!({ "format": "RAW" }))],
        }
    }

    fn created(&self, _answer: &Value) -> Option<RemoteId> {
        None
    }
}
