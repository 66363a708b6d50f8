//! Files of the workspace tree. API: <https://docs.databricks.com/api/workspace/workspace/import>.
//!
//! Imported raw: any other format would turn a file that begins like a notebook into one. Ten megabytes at most.

use super::tree::{Made, TreeKind, schema};

/// The kind.
pub static KIND: TreeKind = TreeKind {
    schema: schema("workspace_file", "files", "https://docs.databricks.com/api/workspace/workspace/import"),
    object_type: "FILE",
    spec: &[],
    made: Made::FromBytes { import: "RAW", export: "AUTO" },
};
