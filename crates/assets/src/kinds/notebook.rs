//! Notebooks. API: <https://docs.databricks.com/api/workspace/workspace/import>.
//!
//! Carried as source, in their language. An import of source needs the language, and overwrites only when told to.
//! The path has no extension. Ten megabytes at most.

use super::tree::{Made, TreeKind, schema};
use crate::Schema;

/// The kind.
pub static KIND: TreeKind = TreeKind {
    schema: Schema {
        leaves_behind: &[
            "revision history",
            "comments",
            "results of cells",
            "state of widgets",
            "the environment of its side panel",
        ],
        ..schema("notebook", "notebooks", "https://docs.databricks.com/api/workspace/workspace/import")
    },
    object_type: "NOTEBOOK",
    spec: &["language"],
    made: Made::FromBytes { import: "SOURCE", export: "SOURCE" },
};
