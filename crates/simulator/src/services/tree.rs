//! The workspace tree: folders, notebooks, files. API: <https://docs.databricks.com/api/workspace/workspace>
//!
//! Paths are kept without the alias `/Workspace`. `list` is neither recursive nor paged.
//! What may be imported in which form is in `import`; here is where things are.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::call::{Call, Outcome, Reply};
use crate::effects::Deed;
use crate::notebook::Notebook;
use crate::refusal::Refusal;
use crate::stage::Stage;
use crate::stored_bytes;

/// Everything in a workspace's tree, by path.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tree {
    nodes: BTreeMap<String, Node>,
}

/// One object of the tree.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Node {
    pub(crate) id: i64,
    pub(crate) what: What,
    pub(crate) created_ms: i64,
    pub(crate) modified_ms: i64,
}

/// What an object is, with its content.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum What {
    Directory {
        children: BTreeSet<String>,
    },
    Notebook(Notebook),
    File {
        #[serde(with = "stored_bytes")]
        content: Bytes,
    },
}

impl What {
    pub(crate) const fn type_name(&self) -> &'static str {
        match self {
            Self::Directory { .. } => "DIRECTORY",
            Self::Notebook(_) => "NOTEBOOK",
            Self::File { .. } => "FILE",
        }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Directory { .. } => "folder",
            Self::Notebook(_) => "notebook",
            Self::File { .. } => "workspace_file",
        }
    }
}

impl Tree {
    pub(crate) fn get(&self, path: &str) -> Option<&Node> {
        self.nodes.get(path)
    }

    pub(crate) fn is_notebook(&self, path: &str) -> bool {
        matches!(self.get(path), Some(Node { what: What::Notebook(_), .. }))
    }

    /// What lies below a folder at any depth, by path relative to it.
    pub(crate) fn below<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'a str, &'a Node)> {
        let prefix = if path == "/" { "/".to_owned() } else { format!("{path}/") };
        let length = prefix.len();
        let from = prefix.clone();
        self.nodes
            .range(from..)
            .take_while(move |(found, _)| found.starts_with(&prefix))
            .filter(move |(found, _)| found.len() > length)
            .map(move |(found, node)| (&found[length..], node))
    }

    fn children(&self, path: &str) -> Option<&BTreeSet<String>> {
        match &self.nodes.get(path)?.what {
            What::Directory { children } => Some(children),
            _ => None,
        }
    }

    fn insert(&mut self, path: &str, node: Node) {
        if let Some((parent, name)) = split(path)
            && let Some(Node { what: What::Directory { children }, .. }) = self.nodes.get_mut(parent)
        {
            children.insert(name.to_owned());
        }
        self.nodes.insert(path.to_owned(), node);
    }

    fn remove(&mut self, path: &str) {
        let doomed: Vec<String> =
            self.below(path).map(|(relative, _)| format!("{path}/{relative}")).collect();
        for path in doomed {
            self.nodes.remove(&path);
        }
        if let Some((parent, name)) = split(path)
            && let Some(Node { what: What::Directory { children }, .. }) = self.nodes.get_mut(parent)
        {
            children.remove(name);
        }
        self.nodes.remove(path);
    }
}

/// Parent and name of a path; nothing for the root.
pub(crate) fn split(path: &str) -> Option<(&str, &str)> {
    let (parent, name) = path.rsplit_once('/').filter(|(_, name)| !name.is_empty())?;
    Some((if parent.is_empty() { "/" } else { parent }, name))
}

/// A path as it is kept: without the alias, without a slash at the end.
pub(crate) fn normalized(path: &str) -> Result<String, Refusal> {
    if !path.starts_with('/') {
        return Err(Refusal::invalid(format!("Path ({path}) doesn't start with '/'")));
    }
    let path = match path.strip_prefix("/Workspace") {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => path,
    };
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return Ok("/".to_owned());
    }
    if path[1..].split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return Err(Refusal::invalid(format!("Path ({path}) is not an absolute path in normal form")));
    }
    Ok(path.to_owned())
}

/// Folders that belong to the workspace itself.
fn is_protected(path: &str) -> bool {
    matches!(path, "/" | "/Users" | "/Shared" | "/Repos")
        || split(path).is_some_and(|(parent, _)| parent == "/Users")
}

/// Puts the folders that every workspace has, once.
pub(crate) fn lay_out(stage: &mut Stage<'_>) {
    for path in ["/", "/Users", "/Shared", "/Repos"] {
        add_folder(stage, path);
    }
    for user in stage.ws.users.clone() {
        add_folder(stage, &format!("/Users/{user}"));
    }
}

fn add_folder(stage: &mut Stage<'_>, path: &str) {
    if stage.ws.tree.get(path).is_none() {
        let what = What::Directory { children: BTreeSet::new() };
        let node = Node { id: stage.mint_int64(), what, created_ms: stage.now, modified_ms: stage.now };
        stage.ws.tree.insert(path, node);
    }
}

/// Gives somebody access: the home folder appears.
pub(crate) fn add_user(stage: &mut Stage<'_>, user: &str) {
    if stage.ws.users.insert(user.to_owned()) {
        add_folder(stage, &format!("/Users/{user}"));
        stage.effect(Deed::Created, "user", user, "");
    }
}

/// Writes an object at a path whose parent exists. One that stands there is replaced only if `overwrite`.
pub(crate) fn put(stage: &mut Stage<'_>, path: &str, what: What, overwrite: bool) -> Result<(), Refusal> {
    let (parent, name) = split(path).ok_or_else(|| Refusal::invalid("The root cannot be replaced"))?;
    match stage.ws.tree.get(parent).map(|node| &node.what) {
        None => return Err(Refusal::missing(format!("The parent folder ({parent}) does not exist."))),
        Some(What::Directory { .. }) => {}
        Some(_) => return Err(Refusal::invalid(format!("The parent ({parent}) is not a folder."))),
    }
    if parent == "/Users" || parent == "/" && matches!(name, "Users" | "Shared" | "Repos") {
        return Err(Refusal::bad_request("DIRECTORY_PROTECTED", format!("Folder {parent} is protected")));
    }
    let kind = what.kind();
    let (id, created_ms, deed) = match stage.ws.tree.get(path) {
        None => (stage.mint_int64(), stage.now, Deed::Created),
        Some(_) if !overwrite => {
            return Err(Refusal::exists(format!("Path ({path}) already exists.")));
        }
        Some(node) if node.what.type_name() != what.type_name() => {
            return Err(Refusal::invalid(format!(
                "Cannot overwrite the asset at {path} due to type mismatch (asked: {}, actual: {})",
                what.type_name(),
                node.what.type_name()
            )));
        }
        Some(node) => (node.id, node.created_ms, Deed::Updated),
    };
    stage.ws.tree.insert(path, Node { id, what, created_ms, modified_ms: stage.now });
    stage.effect(deed, kind, path, "");
    Ok(())
}

fn asked_path(call: &Call<'_, '_>) -> Result<String, Refusal> {
    normalized(&call.need("path")?)
}

fn absent(path: &str) -> Refusal {
    Refusal::missing(format!("Path ({path}) doesn't exist."))
}

/// An object's row, as `list` and `get-status` show it.
fn row(stage: &Stage<'_>, path: &str, node: &Node) -> Value {
    let mut row = json!({
        "object_type": node.what.type_name(),
        "path": path,
        "object_id": node.id,
        "resource_id": node.id.to_string(),
    });
    match &node.what {
        What::Directory { .. } => {}
        What::Notebook(notebook) => {
            row["language"] = json!(notebook.language.name());
            if stage.settings.notebooks_show_times {
                row["created_at"] = json!(node.created_ms);
                row["modified_at"] = json!(node.modified_ms);
            }
        }
        What::File { content } => {
            row["created_at"] = json!(node.created_ms);
            row["modified_at"] = json!(node.modified_ms);
            row["size"] = json!(content.len());
        }
    }
    row
}

pub(crate) fn list(call: &mut Call<'_, '_>) -> Outcome {
    let path = asked_path(call)?;
    let modified_after = call.number("notebooks_modified_after")?;
    let node = call.stage.ws.tree.get(&path).ok_or_else(|| absent(&path))?;
    let What::Directory { children } = &node.what else {
        return Ok(Reply::Json(json!({"objects": [row(call.stage, &path, node)]})));
    };
    let at = if path == "/" { "" } else { path.as_str() };
    let objects: Vec<Value> = children
        .iter()
        .filter_map(|name| {
            let path = format!("{at}/{name}");
            let node = call.stage.ws.tree.get(&path)?;
            let old = matches!(node.what, What::Notebook(_))
                && modified_after.is_some_and(|after| node.modified_ms <= after);
            (!old).then(|| row(call.stage, &path, node))
        })
        .collect();
    if objects.is_empty() {
        return Ok(Reply::empty());
    }
    Ok(Reply::Json(json!({"objects": objects})))
}

pub(crate) fn get_status(call: &mut Call<'_, '_>) -> Outcome {
    let path = asked_path(call)?;
    let node = call.stage.ws.tree.get(&path).ok_or_else(|| absent(&path))?;
    Ok(Reply::Json(row(call.stage, &path, node)))
}

pub(crate) fn mkdirs(call: &mut Call<'_, '_>) -> Outcome {
    make_folders(call.stage, &asked_path(call)?)?;
    Ok(Reply::empty())
}

/// Makes a folder and those above it that are missing.
pub(crate) fn make_folders(stage: &mut Stage<'_>, path: &str) -> Result<(), Refusal> {
    let mut missing = Vec::new();
    let mut at = path;
    loop {
        match stage.ws.tree.get(at).map(|node| &node.what) {
            Some(What::Directory { .. }) => break,
            Some(_) => {
                return Err(Refusal::exists(format!("An object that is not a folder exists at {at}.")));
            }
            None => missing.push(at),
        }
        let Some((parent, _)) = split(at) else { break };
        if parent == "/Users" {
            return Err(Refusal::bad_request("DIRECTORY_PROTECTED", "Folder Users is protected"));
        }
        at = parent;
    }
    for path in missing.into_iter().rev() {
        add_folder(stage, path);
        stage.effect(Deed::Created, "folder", path, "");
    }
    Ok(())
}

pub(crate) fn delete(call: &mut Call<'_, '_>) -> Outcome {
    let path = asked_path(call)?;
    let recursive = call.flag("recursive");
    let node = call.stage.ws.tree.get(&path).ok_or_else(|| absent(&path))?;
    let kind = node.what.kind();
    if is_protected(&path) {
        return Err(Refusal::bad_request("DIRECTORY_PROTECTED", format!("Folder {path} is protected")));
    }
    if !recursive && call.stage.ws.tree.children(&path).is_some_and(|children| !children.is_empty()) {
        return Err(Refusal::bad_request("DIRECTORY_NOT_EMPTY", format!("Folder ({path}) is not empty")));
    }
    let below: Vec<(String, &'static str)> = call
        .stage
        .ws
        .tree
        .below(&path)
        .map(|(relative, node)| (format!("{path}/{relative}"), node.what.kind()))
        .collect();
    call.stage.ws.tree.remove(&path);
    for (path, kind) in below.into_iter().rev() {
        call.stage.effect(Deed::Deleted, kind, path, "with its folder");
    }
    call.stage.effect(Deed::Deleted, kind, path, "");
    Ok(Reply::empty())
}

/// The raw content of a file, of any size.
pub(crate) fn read_file(call: &mut Call<'_, '_>) -> Outcome {
    let path = normalized(&format!("/{}", call.need("path")?.trim_start_matches('/')))?;
    match call.stage.ws.tree.get(&path).map(|node| &node.what) {
        None => Err(absent(&path)),
        Some(What::File { content }) => Ok(Reply::Raw {
            bytes: content.clone(),
            content_type: "application/octet-stream",
            file_name: split(&path).map_or("", |(_, name)| name).to_owned(),
        }),
        Some(_) => Err(Refusal::invalid(format!("{path} is not a file"))),
    }
}
