//! A task of a job, and the task inside a for-each task.
//! Fields: <https://docs.databricks.com/api/workspace/jobs/create>.

use twinlake_model::{MappingTable, Pattern};

use super::{CLUSTER_SPEC, LIBRARY};
use crate::schema::{By, Embed, Field, Fragment, Missing, Reference};

const fn id(at: &'static str, to: &'static str) -> Reference {
    Reference { at: Pattern(at), to, by: By::Id, missing: Missing::Block }
}

const fn path(at: &'static str, to: &'static str) -> Reference {
    Reference { at: Pattern(at), to, by: By::Path, missing: Missing::Block }
}

/// One task. Paths count only where they are absolute: with a Git source they are relative to the repository.
pub static TASK: Fragment = Fragment {
    references: &[
        id("/existing_cluster_id", "cluster"),
        id("/run_job_task/job_id", "job"),
        id("/pipeline_task/pipeline_id", "pipeline"),
        id("/notebook_task/warehouse_id", "sql_warehouse"),
        id("/sql_task/warehouse_id", "sql_warehouse"),
        id("/sql_task/query/query_id", "query"),
        id("/sql_task/alert/alert_id", "alert_v1"),
        id("/sql_task/dashboard/dashboard_id", "legacy_dashboard"),
        id("/alert_task/alert_id", "alert_v2"),
        id("/alert_task/warehouse_id", "sql_warehouse"),
        id("/dashboard_task/dashboard_id", "lakeview_dashboard"),
        id("/dashboard_task/warehouse_id", "sql_warehouse"),
        id("/dbt_task/warehouse_id", "sql_warehouse"),
        id("/power_bi_task/warehouse_id", "sql_warehouse"),
        id("/webhook_notifications/*/*/id", "notification_destination"),
        path("/notebook_task/notebook_path", "notebook"),
        path("/spark_python_task/python_file", "workspace_file"),
        path("/sql_task/file/path", "workspace_file|notebook"),
        path("/dbt_task/project_directory", "folder"),
        path("/gen_ai_compute_task/training_script_path", "workspace_file"),
        path("/gen_ai_compute_task/yaml_parameters_file_path", "workspace_file"),
        path("/alert_task/workspace_path", "alert_v2"),
    ],
    fields: &[
        Field::SiteLocal(Pattern("/spark_python_task/python_file"), MappingTable::Locations),
        Field::SiteLocal(Pattern("/spark_jar_task/jar_uri"), MappingTable::Locations),
        Field::FreeText(Pattern("/notebook_task/base_parameters/*"), "parameters"),
        Field::FreeText(Pattern("/spark_python_task/parameters/*"), "parameters"),
        Field::FreeText(Pattern("/spark_jar_task/parameters/*"), "parameters"),
        Field::FreeText(Pattern("/spark_submit_task/parameters/*"), "parameters"),
        Field::FreeText(Pattern("/python_wheel_task/parameters/*"), "parameters"),
        Field::FreeText(Pattern("/python_wheel_task/named_parameters/*"), "parameters"),
        Field::FreeText(Pattern("/run_job_task/job_parameters/*"), "parameters"),
        Field::FreeText(Pattern("/sql_task/parameters/*"), "parameters"),
        Field::FreeText(Pattern("/dbt_task/commands/*"), "parameters"),
    ],
    embeds: &[
        Embed::At(Pattern("/new_cluster"), &CLUSTER_SPEC),
        Embed::At(Pattern("/libraries/*"), &LIBRARY),
        Embed::At(Pattern("/for_each_task/task"), &TASK),
    ],
};
