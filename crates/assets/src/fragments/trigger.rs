//! What starts a job: its one trigger, or each of its triggers, and the condition that a query puts on either.
//! Fields: <https://docs.databricks.com/api/workspace/jobs/create>.

use twinlake_model::{MappingTable, Pattern};

use crate::schema::{By, Embed, Field, Fragment, Missing, Reference};

const fn id(at: &'static str, to: &'static str) -> Reference {
    Reference { at: Pattern(at), to, by: By::Id, missing: Missing::Block }
}

const fn name(at: &'static str, to: &'static str) -> Reference {
    Reference { at: Pattern(at), to, by: By::Name, missing: Missing::Keep }
}

/// A trigger.
pub static TRIGGER: Fragment = Fragment {
    references: &[
        id("/job_completion/jobs/*/job_id", "job"),
        name("/table_update/table_names/*", "table"),
        name("/model/securable_name", "uc_registered_model"),
    ],
    fields: &[Field::SiteLocal(Pattern("/file_arrival/url"), MappingTable::Locations)],
    embeds: &[Embed::At(Pattern("/sql_condition"), &SQL_CONDITION)],
};

/// A query whose result decides whether a run starts.
pub static SQL_CONDITION: Fragment = Fragment {
    references: &[id("/warehouse_id", "sql_warehouse"), id("/sql_query_id", "query")],
    fields: &[],
    embeds: &[],
};
