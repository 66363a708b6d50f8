//! A library to install: for a task, by a policy.
//! Fields: <https://docs.databricks.com/api/workspace/libraries/install>.

use twinlake_model::{MappingTable, Pattern};

use crate::schema::{By, Field, Fragment, Missing, Reference};

const fn file(at: &'static str) -> Reference {
    Reference { at: Pattern(at), to: "workspace_file", by: By::Path, missing: Missing::Block }
}

/// One library. Files are workspace paths, volume paths or URLs of storage; packages come from a repository, which may
/// be a mirror in the region (`maven`, `pypi`, `cran`).
pub static LIBRARY: Fragment = Fragment {
    references: &[file("/jar"), file("/whl"), file("/egg"), file("/requirements")],
    fields: &[
        Field::SiteLocal(Pattern("/jar"), MappingTable::Locations),
        Field::SiteLocal(Pattern("/whl"), MappingTable::Locations),
        Field::SiteLocal(Pattern("/egg"), MappingTable::Locations),
        Field::SiteLocal(Pattern("/requirements"), MappingTable::Locations),
        Field::FreeText(Pattern("/*/repo"), "repositories"),
    ],
    embeds: &[],
};
