//! The workspace tree: one walk that finds folders, notebooks and files together.
//! API: <https://docs.databricks.com/api/workspace/workspace>.
//!
//! - A list shows one folder and is not paged; the recursion is ours. Folders are listed side by side.
//! - A path is an identity here: it is the same on every site, and what is deleted and made again under a path is
//!   the same asset to everybody who refers to it.
//! - What is asked for need not exist: a standby does not have it yet. A folder that is listed and then is not there went
//!   away meanwhile, if a second look says so, too.
//! - Git folders, dashboards and other kinds that live in the tree are found and reported, but not entered.

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};
use twinlake_base::ErrorClass;
use twinlake_databricks::{Complete, ListCall, Paging, Reader};
use twinlake_model::{Call, CallBody, Change, Method, Purpose, RemoteId};

use crate::rest::{self, walk};
use crate::{Error, Listed, Listing, Portrait, Scope, kinds};

mod row;

use row::Row;

/// How many folders are listed at once. The budget of the host paces them; this bounds what waits in memory.
const SIDE_BY_SIDE: usize = 32;

/// Finds everything that lives in the workspace tree.
#[derive(Debug)]
pub(super) struct Tree;

/// A folder to list.
struct Folder {
    path: String,
    /// Whether the operator asked for it. Then it need not exist, and need not be a folder.
    is_root: bool,
}

/// What came of listing one.
enum Found {
    /// Its rows.
    Rows(Vec<Value>, Complete),
    /// It is not there.
    Nothing,
}

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
        let mut waiting: Vec<Folder> = roots.into_iter().map(|path| Folder { path, is_root: true }).collect();
        let mut under_way = FuturesUnordered::new();
        let mut proofs = Vec::new();
        while !waiting.is_empty() || !under_way.is_empty() {
            while under_way.len() < SIDE_BY_SIDE
                && let Some(folder) = waiting.pop()
            {
                under_way.push(async move {
                    let listed = list_folder(reader, &folder).await;
                    (folder, listed)
                });
            }
            let Some((folder, listed)) = under_way.next().await else { break };
            match listed? {
                Found::Nothing if folder.is_root => show_what_exists(reader, &folder.path, found).await?,
                Found::Nothing => {}
                Found::Rows(rows, proof) => {
                    let inside = show(&folder, &rows, proof.started_at().as_millisecond(), found)?;
                    waiting.extend(inside.into_iter().map(|path| Folder { path, is_root: false }));
                    proofs.push(proof);
                }
            }
        }
        match Complete::all(proofs) {
            Some(proof) => Ok(proof),
            // Nothing of the tree is asked for, or none of it exists: the list of what lies above is proof enough.
            None => {
                let above = ListCall::new(LIST, "objects", Paging::None).query("path", "/");
                walk(reader, &above, &mut |_| Ok(())).await
            }
        }
    }
}

const LIST: &str = "/api/2.0/workspace/list";

async fn list_folder(reader: &Reader, folder: &Folder) -> Result<Found, Error> {
    let mut rows = Vec::new();
    let call = ListCall::new(LIST, "objects", Paging::None).query("path", &folder.path);
    let proof = walk(reader, &call, &mut |row| {
        rows.push(row);
        Ok(())
    })
    .await;
    match proof {
        Ok(proof) => Ok(Found::Rows(rows, proof)),
        Err(error) if error.class() == ErrorClass::Missing => match object(reader, &folder.path).await? {
            None => Ok(Found::Nothing),
            Some(_) => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// Hands on what a folder holds, and returns the folders in it that are to be listed.
fn show(
    folder: &Folder,
    rows: &[Value],
    listed_ms: i64,
    found: &mut (dyn FnMut(Listed) -> Result<(), Error> + Send),
) -> Result<Vec<String>, Error> {
    let rows: Vec<Row<'_>> = rows.iter().map(Row::of).collect::<Result<_, _>>()?;
    if folder.is_root {
        // The list of what is no folder shows the thing itself.
        let is_itself = rows.iter().any(|row| row.path == folder.path);
        let above = ancestors(&folder.path).filter(|path| !is_itself || *path != folder.path);
        above.filter_map(|path| Row::folder(path).listed(listed_ms)).try_for_each(&mut *found)?;
    }
    let mut inside = Vec::new();
    for row in rows.iter().filter(|row| !row.is_machinery()) {
        if row.is_entered() {
            inside.push(row.path.to_owned());
        }
        if let Some(listed) = row.listed(listed_ms) {
            found(listed)?;
        }
    }
    Ok(inside)
}

/// Hands on those of the folders above a root that exist, although the root does not.
async fn show_what_exists(
    reader: &Reader,
    root: &str,
    found: &mut (dyn FnMut(Listed) -> Result<(), Error> + Send),
) -> Result<(), Error> {
    for path in ancestors(root).filter(|path| *path != root) {
        let Some(row) = object(reader, path).await? else { return Ok(()) };
        let row = Row::of(&row)?;
        if row.is_entered()
            && let Some(listed) = row.listed(0)
        {
            found(listed)?;
        }
    }
    Ok(())
}

/// The folders on the way to a root, the root included.
fn ancestors(root: &str) -> impl Iterator<Item = &str> {
    root.match_indices('/')
        .map(|(at, _)| at)
        .chain([root.len()])
        .filter(|end| *end > 0)
        .map(move |end| &root[..end])
}

/// One object's row. None where something of another type stands at the path: that is another asset.
pub(super) async fn status(
    reader: &Reader,
    remote: &RemoteId,
    object_type: &str,
) -> Result<Option<Value>, Error> {
    Ok(object(reader, remote.as_str()).await?.filter(|row| row["object_type"] == object_type))
}

/// The row of whatever stands at a path.
async fn object(reader: &Reader, path: &str) -> Result<Option<Value>, Error> {
    rest::read(reader, "/api/2.0/workspace/get-status", &[("path", path)]).await
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
