//! The workspace tree: one walk that finds folders, notebooks and files together.
//! API: <https://docs.databricks.com/api/workspace/workspace>.
//!
//! - A list shows one folder and is not paged; the recursion is ours. Folders are listed side by side.
//! - A path is an identity here: it is the same on every site, and what is deleted and made again under a path is
//!   the same asset to everybody who refers to it.
//! - `/Users/*/.ide/` and the trash are machinery. Git folders, dashboards and other kinds that live in the tree are
//!   found and reported, but not entered.
//! - Modification times are documented for files only and seen on notebooks too. Where a row has none, its bytes
//!   are read each time. A time as young as the listing itself does not count: another change in the same
//!   moment would go unseen.

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};
use twinlake_base::ErrorClass;
use twinlake_databricks::{Complete, ListCall, Paging, Reader};
use twinlake_model::{Call, CallBody, Change, Key, Mark, Method, Posture, Purpose, RemoteId};

use crate::rest::{self, walk};
use crate::{Body, Error, Listed, Listing, Portrait, Scope, kinds};

/// How many folders are listed at once. The budget of the host paces them; this bounds what waits in memory.
const SIDE_BY_SIDE: usize = 32;

/// The largest content that an import or export takes, in bytes.
const MAX_CONTENT_BYTES: u64 = 10 * 1024 * 1024;

/// The youngest modification time, in milliseconds before the listing, that is trusted to be the last one.
const SETTLED_MS: i64 = 2_000;

/// Finds everything that lives in the workspace tree.
#[derive(Debug)]
pub(super) struct Tree;

/// Folders that every workspace has and nobody may write.
const GIVEN: &[&str] = &["/", "/Users", "/Shared", "/Repos", "/Workspace"];

#[async_trait]
impl Listing for Tree {
    fn name(&self) -> &'static str {
        "workspace_tree"
    }

    async fn list(
        &self,
        reader: &Reader,
        scope: &Scope,
        found: &mut (dyn FnMut(Listed) -> Result<(), Error> + Send),
    ) -> Result<Complete, Error> {
        let kinds: Vec<&str> =
            kinds::schemas().filter(|schema| schema.is_tree()).map(|schema| schema.plural).collect();
        let roots = scope.selection.roots(&kinds);
        let mut waiting = Vec::new();
        for root in &roots {
            for folder in ancestors(root) {
                found(folder_row(folder))?;
            }
            waiting.push(root.clone());
        }
        let mut under_way = FuturesUnordered::new();
        let mut proofs = Vec::new();
        while !waiting.is_empty() || !under_way.is_empty() {
            while under_way.len() < SIDE_BY_SIDE
                && let Some(path) = waiting.pop()
            {
                under_way.push(list_folder(reader, path));
            }
            let Some(listed) = under_way.next().await else { break };
            let (rows, proof) = listed?;
            let listed_ms = proof.started_at().as_millisecond();
            proofs.push(proof);
            for row in rows {
                let row = Row::of(&row)?;
                if row.is_machinery() {
                    continue;
                }
                if row.object_type == "DIRECTORY" {
                    waiting.push(row.path.to_owned());
                }
                if let Some(listed) = row.listed(listed_ms) {
                    found(listed)?;
                }
            }
        }
        match Complete::all(proofs) {
            Some(proof) => Ok(proof),
            // Nothing of the tree is asked for: the list of what lies above it is proof enough.
            None => Ok(list_folder(reader, "/".to_owned()).await?.1),
        }
    }
}

async fn list_folder(reader: &Reader, path: String) -> Result<(Vec<Value>, Complete), Error> {
    let mut rows = Vec::new();
    let call = ListCall::new("/api/2.0/workspace/list", "objects", Paging::None).query("path", path);
    let proof = walk(reader, &call, &mut |row| {
        rows.push(row);
        Ok(())
    })
    .await?;
    Ok((rows, proof))
}

/// The folders on the way to a root that must exist for anything to exist in it, the root included.
fn ancestors(root: &str) -> impl Iterator<Item = &str> {
    root.match_indices('/')
        .map(|(at, _)| at)
        .chain([root.len()])
        .filter(|end| *end > 0)
        .map(move |end| &root[..end])
        .filter(|path| !GIVEN.contains(path))
}

fn folder_row(path: &str) -> Listed {
    Row { path, object_type: "DIRECTORY", language: None, modified_at: None, size: None }
        .listed(0)
        .unwrap_or_else(|| Listed {
            kind: "folder",
            remote: RemoteId::new(path),
            key: Key::new(path),
            body: Body::Skipped(String::new()),
            posture: Posture::none(),
        })
}

/// One row of a folder's list.
struct Row<'r> {
    path: &'r str,
    object_type: &'r str,
    language: Option<&'r str>,
    modified_at: Option<i64>,
    size: Option<u64>,
}

impl<'r> Row<'r> {
    fn of(row: &'r Value) -> Result<Self, Error> {
        let text = |field: &str| {
            row[field]
                .as_str()
                .ok_or_else(|| Error::unrecognizable("workspace object", &format!("/{field}"), row))
        };
        Ok(Self {
            path: text("path")?,
            object_type: text("object_type")?,
            language: row["language"].as_str(),
            modified_at: row["modified_at"].as_i64(),
            size: row["size"].as_u64(),
        })
    }

    fn is_machinery(&self) -> bool {
        let mut parts = self.path.split('/').skip(1);
        match (parts.next(), parts.next(), parts.next()) {
            (Some("Users"), Some(_), Some(".ide" | "Trash")) => true,
            (Some("Repos"), ..) => self.object_type == "DIRECTORY" && self.path.matches('/').count() <= 2,
            _ => false,
        }
    }

    fn listed(&self, listed_ms: i64) -> Option<Listed> {
        let (kind, body) = match self.object_type {
            "DIRECTORY" if GIVEN.contains(&self.path) => return None,
            "DIRECTORY" => ("folder", Body::Whole(self.portrait(json!({})))),
            "NOTEBOOK" => ("notebook", self.with_content(json!({ "language": self.language }), listed_ms)),
            "FILE" => ("workspace_file", self.file(listed_ms)),
            "REPO" => ("repo", Body::Unsupported("Git folders are not kept yet".to_owned())),
            other => {
                ("workspace_object", Body::Unsupported(format!("objects of type {other} are not kept yet")))
            }
        };
        Some(Listed {
            kind,
            remote: RemoteId::new(self.path),
            key: Key::new(self.path),
            body,
            posture: Posture::none(),
        })
    }

    fn file(&self, listed_ms: i64) -> Body {
        if self.size.is_some_and(|size| size > MAX_CONTENT_BYTES) {
            return Body::Unsupported(format!("larger than {} MB", MAX_CONTENT_BYTES / 1024 / 1024));
        }
        self.with_content(json!({}), listed_ms)
    }

    fn with_content(&self, spec: Value, listed_ms: i64) -> Body {
        let settled = self.modified_at.filter(|modified| *modified + SETTLED_MS < listed_ms);
        let mark = settled.map(|modified| Mark::new(format!("{modified}/{}", self.size.unwrap_or_default())));
        Body::WithoutContent(self.portrait(spec), mark)
    }

    fn portrait(&self, spec: Value) -> Portrait {
        Portrait {
            remote: RemoteId::new(self.path),
            key: Key::new(self.path),
            spec,
            posture: Posture::none(),
            tag: None,
        }
    }
}

/// One object's row.
pub(super) async fn status(reader: &Reader, remote: &RemoteId) -> Result<Option<Value>, Error> {
    rest::read(reader, "/api/2.0/workspace/get-status", &[("path", remote.as_str())]).await
}

/// A row as a portrait, for an object that was read by itself.
pub(super) fn portray(raw: &Value, spec: Value) -> Result<Portrait, Error> {
    Ok(Row::of(raw)?.portrait(spec))
}

/// An object's bytes, as they are.
pub(super) async fn export(
    reader: &Reader,
    remote: &RemoteId,
    format: &str,
) -> Result<Option<Vec<u8>>, Error> {
    let query = [("path", remote.as_str()), ("format", format), ("direct_download", "true")];
    match reader.get_bytes("/api/2.0/workspace/export", &query).await {
        Ok(bytes) => Ok(Some(bytes.to_vec())),
        Err(error) if error.class() == ErrorClass::Missing => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The import of an object. One that is new must not write over what somebody else put there meanwhile.
pub(super) fn import(change: &Change, mut body: Value) -> Call {
    let is_new = change.action == twinlake_model::Action::Create;
    body["path"] = Value::from(change.key.as_str());
    body["overwrite"] = Value::from(!is_new);
    Call {
        method: Method::Post,
        path: "/api/2.0/workspace/import".to_owned(),
        body: CallBody::WithContent(body, "content"),
        purpose: if is_new { Purpose::Create } else { Purpose::Update },
    }
}

/// The removal of an object; of a folder only if it is empty.
pub(super) fn delete(change: &Change) -> Call {
    let body = json!({ "path": change.key.as_str(), "recursive": false });
    Call::post(Purpose::Delete, "/api/2.0/workspace/delete", body)
}
