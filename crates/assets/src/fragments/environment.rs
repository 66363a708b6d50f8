//! What serverless compute installs before it runs a task.
//! Fields: <https://docs.databricks.com/api/workspace/jobs/create>.

use twinlake_model::{MappingTable, Pattern};

use crate::schema::{By, Field, Fragment, Missing, Reference};

const fn file(at: &'static str) -> Reference {
    Reference { at: Pattern(at), to: "workspace_file", by: By::Path, missing: Missing::Block }
}

/// One environment. A dependency is a line of a pip requirements file: mostly a package, sometimes a path or a URL. The
/// base environment is a path, or an id of one that Databricks provides everywhere.
pub static ENVIRONMENT: Fragment = Fragment {
    references: &[
        file("/base_environment"),
        file("/dependencies/*"),
        file("/java_dependencies/*"),
        file("/project_environment"),
    ],
    fields: &[
        Field::SiteLocal(Pattern("/dependencies/*"), MappingTable::Locations),
        Field::SiteLocal(Pattern("/java_dependencies/*"), MappingTable::Locations),
    ],
    embeds: &[],
};
