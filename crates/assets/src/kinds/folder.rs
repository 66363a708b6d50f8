//! Folders of the workspace tree. API: <https://docs.databricks.com/api/workspace/workspace/mkdirs>.
//!
//! Nothing but a path. A user's home exists once the user is in the workspace and cannot be made for somebody who
//! is not. A folder is deleted only when it is empty, so what somebody put into it on the standby keeps it.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use twinlake_databricks::Reader;
use twinlake_model::{Action, Call, Change, Pattern, Purpose, RemoteId};

use super::tree::{self, Tree};
use crate::schema::{Fragment, IdShape, KeyRule, Schema};
use crate::{AssetKind, Error, Listing, Portrait};

/// The kind.
pub static KIND: Folder = Folder;

/// Folders.
#[derive(Debug)]
pub struct Folder;

static SCHEMA: Schema = Schema {
    name: "folder",
    plural: "folders",
    documentation: "https://docs.databricks.com/api/workspace/workspace/mkdirs",
    key: KeyRule::Path,
    id: (Pattern("/path"), IdShape::Text),
    holds_others: true,
    fragment: Fragment::EMPTY,
    sleeps: &[],
    coarse_fence: &[],
    tags: None,
    leaves_behind: &[],
    consistency: Duration::from_secs(5),
};

#[async_trait]
impl AssetKind for Folder {
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
        tree::status(reader, remote, "DIRECTORY").await
    }

    fn calls(&self, change: &Change, _spec: &Value) -> Vec<Call> {
        let path = change.key.as_str();
        match change.action {
            // Making a folder that exists already does nothing, so this may be repeated.
            Action::Create | Action::CreateStub => {
                vec![Call::post(Purpose::Update, "/api/2.0/workspace/mkdirs", json!({ "path": path }))]
            }
            Action::Delete => vec![tree::delete(change)],
            Action::Update | Action::Fill | Action::Adopt => Vec::new(),
        }
    }

    fn created(&self, _answer: &Value) -> Option<RemoteId> {
        None
    }
}
