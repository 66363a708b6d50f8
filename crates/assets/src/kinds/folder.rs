//! Folders of the workspace tree. API: <https://docs.databricks.com/api/workspace/workspace/mkdirs>.
//!
//! Nothing but a path. A user's home exists once the user is in the workspace and cannot be made for somebody who
//! is not. A folder is deleted only when it is empty, so what somebody put into it on the standby keeps it.

use super::tree::{Made, TreeKind, schema};
use crate::Schema;

/// The kind.
pub static KIND: TreeKind = TreeKind {
    schema: Schema {
        holds_others: true,
        ..schema("folder", "folders", "https://docs.databricks.com/api/workspace/workspace/mkdirs")
    },
    object_type: "DIRECTORY",
    spec: &[],
    made: Made::AsFolders,
};
