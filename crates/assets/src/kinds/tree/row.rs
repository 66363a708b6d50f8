//! One row of a folder's list: what it is, and what of it is kept.
//!
//! - `/Users/*/.ide/` and the trash are machinery. `/Repos` and the users' folders in it exist for Git folders alone: they
//!   are looked into, but nobody can make them.
//! - A Git folder is a `REPO`, or a `DIRECTORY` that says so of itself.
//! - Modification times are documented for files only and seen on notebooks too. Where a row has none, its bytes
//!   are read each time. A time as young as the listing itself does not count: another change in the same
//!   moment would go unseen.

use serde_json::{Value, json};
use twinlake_model::{Key, Mark, Posture, RemoteId};

use crate::symbolize::unaliased;
use crate::{Body, Error, Listed, Portrait};

/// The largest content that an import or export takes, in bytes.
const MAX_CONTENT_BYTES: u64 = 10 * 1024 * 1024;

/// The youngest modification time, in milliseconds before the listing, that is trusted to be the last one.
const SETTLED_MS: i64 = 2_000;

/// Folders that every workspace has and nobody may write.
const GIVEN: &[&str] = &["/", "/Users", "/Shared", "/Repos", "/Workspace"];

/// One row.
pub(super) struct Row<'r> {
    /// The path, without its alias.
    pub(super) path: &'r str,
    object_type: &'r str,
    is_git_folder: bool,
    language: Option<&'r str>,
    modified_at: Option<i64>,
    size: Option<u64>,
}

impl<'r> Row<'r> {
    /// Reads a row.
    ///
    /// # Errors
    /// When it has no path or no type.
    pub(super) fn of(row: &'r Value) -> Result<Self, Error> {
        let text = |field: &str| {
            row[field]
                .as_str()
                .ok_or_else(|| Error::unrecognizable("workspace object", &format!("/{field}"), row))
        };
        Ok(Self {
            path: unaliased(text("path")?),
            object_type: text("object_type")?,
            is_git_folder: row["directory_info"]["is_git_folder"].as_bool().unwrap_or(false),
            language: row["language"].as_str(),
            modified_at: row["modified_at"].as_i64(),
            size: row["size"].as_u64(),
        })
    }

    /// The row of a folder that is known to exist.
    pub(super) const fn folder(path: &'r str) -> Self {
        Self {
            path,
            object_type: "DIRECTORY",
            is_git_folder: false,
            language: None,
            modified_at: None,
            size: None,
        }
    }

    /// Whether nobody wants to know of it.
    pub(super) fn is_machinery(&self) -> bool {
        let mut parts = self.path.split('/').skip(1);
        matches!((parts.next(), parts.next(), parts.next()), (Some("Users"), Some(_), Some(".ide" | "Trash")))
    }

    /// Whether what lies in it is to be found.
    pub(super) fn is_entered(&self) -> bool {
        self.object_type == "DIRECTORY" && !self.is_git_folder
    }

    /// What the walk says of it; nothing of folders that are there anyway.
    pub(super) fn listed(&self, listed_ms: i64) -> Option<Listed> {
        let repo = || ("repo", Body::Unsupported("Git folders are not kept yet".to_owned()));
        let (kind, body) = match self.object_type {
            "DIRECTORY" if self.is_git_folder => repo(),
            "DIRECTORY" if self.is_given() => return None,
            "DIRECTORY" => ("folder", Body::Whole(self.portrait(json!({})))),
            "NOTEBOOK" => ("notebook", self.with_content(json!({ "language": self.language }), listed_ms)),
            "FILE" => ("workspace_file", self.with_content(json!({}), listed_ms)),
            "REPO" => repo(),
            other => {
                ("workspace_object", Body::Unsupported(format!("objects of type {other} are not kept yet")))
            }
        };
        let (remote, key) = (RemoteId::new(self.path), Key::new(self.path));
        Some(Listed { kind, remote, key, body, posture: Posture::none() })
    }

    /// Whether it is there without anybody having made it.
    fn is_given(&self) -> bool {
        let is_users_repos = self.path.strip_prefix("/Repos/").is_some_and(|rest| !rest.contains('/'));
        GIVEN.contains(&self.path) || is_users_repos
    }

    fn with_content(&self, spec: Value, listed_ms: i64) -> Body {
        if self.size.is_some_and(|size| size > MAX_CONTENT_BYTES) {
            return Body::Unsupported(format!("larger than {} MB", MAX_CONTENT_BYTES / 1024 / 1024));
        }
        let settled = self.modified_at.filter(|modified| *modified + SETTLED_MS < listed_ms);
        let mark = settled.map(|modified| Mark::new(format!("{modified}/{}", self.size.unwrap_or_default())));
        Body::WithoutContent(self.portrait(spec), mark)
    }

    /// What the row alone says of the object.
    pub(super) fn portrait(&self, spec: Value) -> Portrait {
        Portrait {
            remote: RemoteId::new(self.path),
            key: Key::new(self.path),
            spec,
            posture: Posture::none(),
            tag: None,
        }
    }
}
