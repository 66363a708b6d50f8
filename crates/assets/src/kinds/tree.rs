//! The workspace tree: one walk that finds folders, notebooks and files together, and what these kinds share.
//! API: <https://docs.databricks.com/api/workspace/workspace>.
//!
//! - A list shows one folder and is not paged; the recursion is ours. Folders are listed side by side.
//! - A path is an identity here: it is the same on every site, and what is deleted and made again under a path is
//!   the same asset to everybody who refers to it.
//! - What is asked for need not exist: a standby does not have it yet. A folder that is listed and then is not there went
//!   away meanwhile, if a second look says so, too.
//! - Git folders, dashboards and other kinds that live in the tree are found and reported, but not entered.

use std::time::Duration;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::{Value, json};
use twinlake_base::ErrorClass;
use twinlake_databricks::{Complete, ListCall, Paging, Reader};
use twinlake_model::{Action, Call, CallBody, Change, Method, Pattern, Purpose, RemoteId};

use crate::rest::{self, walk};
use crate::schema::{Fragment, IdShape, KeyRule, Schema};
use crate::{AssetKind, Error, Listed, Listing, Portrait, Scope, kinds};

mod row;

use row::Row;

/// How many folders are listed at once. The budget of the host paces them; this bounds what waits in memory.
const SIDE_BY_SIDE: usize = 32;

/// A kind whose objects live in the workspace tree: only a constant.
#[derive(Debug)]
pub struct TreeKind {
    /// What is true of the kind.
    pub schema: Schema,
    /// The service's word for its objects.
    pub object_type: &'static str,
    /// The fields of a row that say what an object is. The rest is its path and its bytes.
    pub spec: &'static [&'static str],
    /// How its objects are made.
    pub made: Made,
}

/// How objects of the tree are made.
#[derive(Clone, Copy, Debug)]
pub enum Made {
    /// Empty. Making what exists already does nothing.
    AsFolders,
    /// From bytes: the formats in which these are imported and exported.
    FromBytes {
        /// In which they are sent.
        import: &'static str,
        /// In which they are asked for.
        export: &'static str,
    },
}

/// What the schemas of all kinds of the tree have in common.
pub(super) const fn schema(name: &'static str, plural: &'static str, documentation: &'static str) -> Schema {
    Schema {
        name,
        plural,
        documentation,
        key: KeyRule::Path,
        id: (Pattern("/path"), IdShape::Text),
        holds_others: false,
        fragment: Fragment::EMPTY,
        sleeps: &[],
        coarse_fence: &[],
        tags: None,
        leaves_behind: &[],
        consistency: Duration::from_secs(5),
    }
}

impl TreeKind {
    /// What the row of an object says that it is.
    fn spec(&self, row: &Value) -> Value {
        self.spec.iter().map(|field| ((*field).to_owned(), row[*field].clone())).collect()
    }

    /// The import of an object's bytes. One that is new must not write over what somebody else put there meanwhile.
    fn import(change: &Change, format: &str, spec: &Value) -> Call {
        let is_new = change.action == Action::Create;
        let mut body = spec.clone();
        body["format"] = Value::from(format);
        body["path"] = Value::from(change.key.as_str());
        body["overwrite"] = Value::from(!is_new);
        Call {
            method: Method::Post,
            path: "/api/2.0/workspace/import".to_owned(),
            body: CallBody::WithContent(body, "content"),
            purpose: if is_new { Purpose::Create } else { Purpose::Update },
        }
    }
}

#[async_trait]
impl AssetKind for TreeKind {
    fn schema(&self) -> &Schema {
        &self.schema
    }

    fn listing(&self) -> &dyn Listing {
        &Tree
    }

    fn portray(&self, raw: Value) -> Result<Portrait, Error> {
        Ok(Row::of(&raw)?.portrait(self.spec(&raw)))
    }

    /// None also where something of another type stands at the path: that is another asset.
    async fn read(&self, reader: &Reader, remote: &RemoteId) -> Result<Option<Value>, Error> {
        Ok(object(reader, remote.as_str()).await?.filter(|row| row["object_type"] == self.object_type))
    }

    async fn content(&self, reader: &Reader, remote: &RemoteId) -> Result<Option<Vec<u8>>, Error> {
        let Made::FromBytes { export, .. } = self.made else { return Ok(None) };
        let query = [("path", remote.as_str()), ("format", export), ("direct_download", "true")];
        match reader.get_bytes("/api/2.0/workspace/export", &query).await {
            Ok(bytes) => Ok(Some(bytes.to_vec())),
            Err(error) if error.class() == ErrorClass::Missing => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn has_content(&self) -> bool {
        matches!(self.made, Made::FromBytes { .. })
    }

    fn calls(&self, change: &Change, spec: &Value) -> Vec<Call> {
        let path = change.key.as_str();
        match (change.action, self.made) {
            // Only an empty folder goes.
            (Action::Delete, _) => {
                let body = json!({ "path": path, "recursive": false });
                vec![Call::post(Purpose::Delete, "/api/2.0/workspace/delete", body)]
            }
            (Action::Adopt, _) => Vec::new(),
            (_, Made::FromBytes { import, .. }) => vec![Self::import(change, import, spec)],
            // It may be repeated, so it counts as no create.
            (Action::Create | Action::CreateStub, Made::AsFolders) => {
                vec![Call::post(Purpose::Update, "/api/2.0/workspace/mkdirs", json!({ "path": path }))]
            }
            (Action::Update | Action::Fill, Made::AsFolders) => Vec::new(),
        }
    }

    fn created(&self, _answer: &Value) -> Option<RemoteId> {
        None
    }
}

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

/// The row of whatever stands at a path.
async fn object(reader: &Reader, path: &str) -> Result<Option<Value>, Error> {
    rest::read(reader, "/api/2.0/workspace/get-status", &[("path", path)]).await
}
