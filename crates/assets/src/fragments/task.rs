//! A task of a job, and the task inside a for-each task.
//! Fields: <https://docs.databricks.com/api/workspace/jobs/create>.

use twinlake_model::{MappingTable, Pattern};

use super::{CLUSTER_SPEC, LIBRARY};
use crate::schema::{By, Embed, Field, Fragment, Missing, Reference};

const fn id(at: &'static str, to: &'static str) -> Reference {
    Reference { at: Pattern(at), to, by: By::Id, missing: Missing::Block }
}

const fn name(at: &'static str, to: &'static str) -> Reference {
    Reference { at: Pattern(at), to, by: By::Name, missing: Missing::Keep }
}

const fn text(at: &'static str) -> Field {
    Field::FreeText(Pattern(at), "parameters")
}

const fn url(at: &'static str) -> Field {
    Field::SiteLocal(Pattern(at), MappingTable::Locations)
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
        id("/sql_task/alert/subscriptions/*/destination_id", "notification_destination"),
        id("/sql_task/dashboard/subscriptions/*/destination_id", "notification_destination"),
        id("/alert_task/subscribers/*/destination_id", "notification_destination"),
        id("/dashboard_task/subscription/subscribers/*/destination_id", "notification_destination"),
        name("/clean_rooms_notebook_task/clean_room_name", "clean_room"),
        name("/power_bi_task/connection_resource_name", "connection"),
        name("/dbt_cloud_task/connection_resource_name", "connection"),
        name("/dbt_platform_task/connection_resource_name", "connection"),
        path("/notebook_task/notebook_path", "notebook"),
        path("/spark_python_task/python_file", "workspace_file"),
        path("/sql_task/file/path", "workspace_file|notebook"),
        path("/dbt_task/project_directory", "folder"),
        path("/dbt_task/profiles_directory", "folder"),
        path("/gen_ai_compute_task/training_script_path", "workspace_file"),
        path("/gen_ai_compute_task/yaml_parameters_file_path", "workspace_file"),
        path("/alert_task/workspace_path", "alert_v2"),
        path("/ai_runtime_task/code_source_path", "workspace_file"),
        path("/ai_runtime_task/deployments/*/command_path", "workspace_file"),
        path("/ai_runtime_task/mlflow_experiment_directory", "folder"),
    ],
    fields: &[
        url("/spark_python_task/python_file"),
        url("/spark_jar_task/jar_uri"),
        url("/gen_ai_compute_task/training_script_path"),
        url("/gen_ai_compute_task/yaml_parameters_file_path"),
        url("/ai_runtime_task/mlflow_artifact_location"),
        Field::FreeText(Pattern("/ai_runtime_task/docker_image_url"), "docker_images"),
        Field::FreeText(
            Pattern("/ai_runtime_task/deployments/*/compute/provisioned_capacity_id"),
            "cloud_resources",
        ),
        Field::FreeText(Pattern("/gen_ai_compute_task/compute/gpu_node_pool_id"), "cloud_resources"),
        text("/notebook_task/base_parameters/*"),
        text("/spark_python_task/parameters/*"),
        text("/spark_jar_task/parameters/*"),
        text("/spark_submit_task/parameters/*"),
        text("/python_wheel_task/parameters/*"),
        text("/python_wheel_task/named_parameters/*"),
        text("/python_operator_task/parameters/*/value"),
        text("/run_job_task/job_parameters/*"),
        text("/run_job_task/notebook_params/*"),
        text("/run_job_task/python_named_params/*"),
        text("/run_job_task/python_params/*"),
        text("/run_job_task/jar_params/*"),
        text("/run_job_task/spark_submit_params/*"),
        text("/run_job_task/sql_params/*"),
        text("/run_job_task/dbt_commands/*"),
        text("/pipeline_task/parameters/*"),
        text("/sql_task/parameters/*"),
        text("/alert_task/parameters/*"),
        text("/dashboard_task/filters/*"),
        text("/clean_rooms_notebook_task/notebook_base_parameters/*"),
        text("/dbt_task/commands/*"),
        text("/condition_task/left"),
        text("/condition_task/right"),
        text("/for_each_task/inputs"),
        text("/gen_ai_compute_task/command"),
        text("/gen_ai_compute_task/yaml_parameters"),
        Field::Keyed(Pattern("/depends_on"), "task_key"),
    ],
    embeds: &[
        Embed::At(Pattern("/new_cluster"), &CLUSTER_SPEC),
        Embed::At(Pattern("/libraries/*"), &LIBRARY),
        Embed::At(Pattern("/for_each_task/task"), &TASK),
    ],
};
