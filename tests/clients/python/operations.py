"""Every operation of the kinds that stand, through the official SDK, with its answer checked.

Which operations there are is not written here: it is asked of the SDK's classes, so that a new release with a new
operation fails this script until the simulation has it. Left out are permissions and policy compliance.
"""

import base64
import functools
import inspect
import io
import json

from databricks.sdk.errors import (
    BadRequest,
    DatabricksError,
    InvalidParameterValue,
    NotFound,
    ResourceAlreadyExists,
    ResourceDoesNotExist,
)
from databricks.sdk.service import compute, jobs, sql
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language, ObjectType

import workspace

SPARK = "15.4.x-scala2.12"
NODE = "i3.xlarge"


class Diary:
    """Notes which operations of an API were used."""

    def __init__(self, name, api):
        self.name = name
        self.done = set()
        self.all = {
            method
            for method, _ in inspect.getmembers(type(api), inspect.isfunction)
            if not method.startswith("_") and "permission" not in method and "compliance" not in method
        }
        for method in self.all:
            setattr(api, method, self.noting(method, getattr(api, method)))

    def noting(self, method, call):
        @functools.wraps(call)
        def noted(*args, **kwargs):
            self.done.add(method)
            return call(*args, **kwargs)

        return noted

    def close(self):
        left = sorted(self.all - self.done)
        assert not left, f"{self.name}: never used: {', '.join(left)}"
        print(f"{self.name}: {len(self.done)} operations")


def refuses(error, call, *args, **kwargs):
    """The call is refused with this error of the SDK's own hierarchy."""
    try:
        call(*args, **kwargs)
    except error as refused:
        return refused
    except DatabricksError as other:
        raise AssertionError(f"refused with {type(other).__name__} ({other}), not {error.__name__}") from other
    raise AssertionError(f"{call} was not refused")


def text(content: str) -> str:
    return base64.b64encode(content.encode()).decode()


def current_user(w):
    me = w.current_user.me()
    assert "@" in me.user_name and me.active
    assert any(group.display == "admins" for group in me.groups)
    assert w.get_workspace_id() > 0
    return me


def workspace_tree(w, me):
    tree, home = w.workspace, f"/Users/{me.user_name}/operations"
    tree.mkdirs(f"{home}/deep/er")
    tree.mkdirs(f"{home}/deep/er")
    assert tree.get_status(home).object_type == ObjectType.DIRECTORY

    source = "# Databricks notebook source\nprint('hello')"
    tree.import_(f"{home}/hello", content=text(source), format=ImportFormat.SOURCE, language=Language.PYTHON)
    refused = refuses(
        DatabricksError, tree.import_, f"{home}/hello", content=text(source), format=ImportFormat.SOURCE, language=Language.PYTHON
    )
    assert refused.error_code == "RESOURCE_ALREADY_EXISTS", refused.error_code
    status = tree.get_status(f"{home}/hello")
    assert (status.object_type, status.language) == (ObjectType.NOTEBOOK, Language.PYTHON)
    exported = base64.b64decode(tree.export(f"{home}/hello", format=ExportFormat.SOURCE).content).decode()
    assert exported.rstrip() == source, exported

    notebook = json.loads(base64.b64decode(tree.export(f"{home}/hello", format=ExportFormat.JUPYTER).content))
    assert notebook["nbformat"] == 4 and "hello" in json.dumps(notebook["cells"])
    tree.upload(f"{home}/again", json.dumps(notebook).encode(), format=ImportFormat.JUPYTER)
    assert tree.get_status(f"{home}/again").object_type == ObjectType.NOTEBOOK
    page = base64.b64decode(tree.export(f"{home}/hello", format=ExportFormat.HTML).content)
    assert b"html" in page.lower()

    archive = base64.b64decode(tree.export(home, format=ExportFormat.DBC).content)
    tree.import_(f"{home}-archive", content=base64.b64encode(archive).decode(), format=ImportFormat.DBC)
    assert tree.get_status(f"{home}-archive/hello").object_type == ObjectType.NOTEBOOK

    for name, language, line in [
        ("query.sql", Language.SQL, "SELECT 1"),
        ("load.scala", Language.SCALA, "val x = 1"),
        ("plot.r", Language.R, "x <- 1"),
    ]:
        tree.upload(f"{home}/{name}", io.BytesIO(line.encode()), format=ImportFormat.SOURCE, language=language)
        path = f"{home}/{name}"
        assert tree.get_status(path).language == language

    data = bytes(range(256))
    tree.upload(f"{home}/deep/data.bin", data, format=ImportFormat.AUTO)
    tree.upload(f"{home}/deep/data.bin", data, format=ImportFormat.AUTO, overwrite=True)
    assert tree.get_status(f"{home}/deep/data.bin").object_type == ObjectType.FILE
    assert tree.download(f"{home}/deep/data.bin", format=ExportFormat.AUTO).read() == data

    assert {item.path for item in tree.list(home) if item.object_type == ObjectType.DIRECTORY} == {f"{home}/deep"}
    everything = {item.path: item.object_type for item in tree.list(home, recursive=True)}
    assert everything[f"{home}/deep/data.bin"] == ObjectType.FILE and f"{home}/hello" in everything

    assert refuses(DatabricksError, tree.delete, f"{home}/deep").error_code == "DIRECTORY_NOT_EMPTY"
    for path in (home, f"{home}-archive"):
        tree.delete(path, recursive=True)
    refuses(ResourceDoesNotExist, tree.get_status, home)
    refuses(ResourceDoesNotExist, lambda: list(tree.list(home)))


def policies(w):
    families = {family.policy_family_id: family for family in w.policy_families.list(max_results=2)}
    assert len(families) >= 3, families
    some = next(iter(families))
    assert w.policy_families.get(some).name == families[some].name

    api = w.cluster_policies
    definition = json.dumps({"spark_version": {"type": "fixed", "value": SPARK}})
    policy = api.create(name="operations", definition=definition, max_clusters_per_user=3).policy_id
    refuses(ResourceAlreadyExists, api.create, name="operations", definition=definition)
    assert api.get(policy).max_clusters_per_user == 3
    api.edit(policy, name="operations two", definition=definition, description="edited")
    found = [found for found in api.list(sort_column=compute.ListSortColumn.POLICY_NAME) if found.policy_id == policy]
    assert [(found.name, found.description) for found in found] == [("operations two", "edited")]
    of_family = api.create(
        name="operations family",
        policy_family_id=some,
        policy_family_definition_overrides=json.dumps({"autotermination_minutes": {"type": "fixed", "value": 20}}),
    ).policy_id
    assert "autotermination_minutes" in json.loads(api.get(of_family).definition)
    api.delete(of_family)
    refuses(NotFound, api.get, of_family)
    return policy


def pools(w):
    api = w.instance_pools
    pool = api.create("operations", NODE, min_idle_instances=0, max_capacity=4).instance_pool_id
    refuses(ResourceAlreadyExists, api.create, "operations", NODE)
    assert api.get(pool).state == compute.InstancePoolState.ACTIVE
    api.edit(pool, "operations", NODE, min_idle_instances=0, max_capacity=8)
    assert [found.max_capacity for found in api.list() if found.instance_pool_id == pool] == [8]
    refuses(BadRequest, api.edit, pool, "operations", "m5.xlarge")
    gone = api.create("operations gone", NODE).instance_pool_id
    api.delete(gone)
    refuses(NotFound, api.get, gone)
    return pool


def clusters(w, policy, pool):
    api = w.clusters
    assert SPARK in {version.key for version in api.spark_versions().versions}
    assert NODE in {node.node_type_id for node in api.list_node_types().node_types}
    assert api.list_zones().default_zone
    assert api.select_spark_version(long_term_support=True)
    assert api.select_node_type(local_disk=True)

    created = api.create_and_wait(
        SPARK, cluster_name="operations", num_workers=1, instance_pool_id=pool, policy_id=policy, autotermination_minutes=30
    )
    id = created.cluster_id
    assert (created.state, created.instance_pool_id) == (compute.State.RUNNING, pool)
    # A policy fixes the Spark version.
    refuses(InvalidParameterValue, api.create, "14.3.x-scala2.12", num_workers=1, policy_id=policy, node_type_id=NODE)
    assert api.resize_and_wait(id, num_workers=2).num_workers == 2
    edited = api.edit_and_wait(
        id, SPARK, cluster_name="operations", num_workers=1, instance_pool_id=pool, policy_id=policy, autotermination_minutes=30
    )
    assert edited.num_workers == 1
    updated = api.update_and_wait(id, "cluster_name", cluster=compute.UpdateClusterResource(cluster_name="operations two"))
    assert (updated.cluster_name, updated.num_workers) == ("operations two", 1)
    assert api.restart_and_wait(id).state == compute.State.RUNNING
    libraries(w, id)

    assert api.delete_and_wait(id).state == compute.State.TERMINATED
    api.wait_get_cluster_terminated(id)
    api.pin(id)
    filter_by = compute.ListClustersFilterBy(is_pinned=True)
    assert [cluster.cluster_id for cluster in api.list(filter_by=filter_by)] == [id]
    api.unpin(id)
    assert not list(api.list(filter_by=filter_by))
    assert api.start_and_wait(id).state == compute.State.RUNNING
    api.ensure_cluster_is_running(id)
    api.wait_get_cluster_running(id)
    api.delete(id).result()
    api.change_owner(id, owner_username=w.current_user.me().user_name)
    kinds = {event.type for event in api.events(id, limit=3)}
    assert {compute.EventType.CREATING, compute.EventType.TERMINATING} <= kinds, kinds
    api.permanent_delete(id)
    refuses(DatabricksError, api.get, id)
    assert id not in {cluster.cluster_id for cluster in api.list()}


def libraries(w, id):
    api = w.libraries
    wheel = compute.Library(pypi=compute.PythonPyPiLibrary(package="simplejson==3.19.3"))
    jar = compute.Library(maven=compute.MavenLibrary(coordinates="com.acme:tools:1.0"))
    api.install(id, [wheel, jar])
    status = {json.dumps(one.library.as_dict(), sort_keys=True): one.status for one in api.cluster_status(id)}
    assert len(status) == 2 and all(
        one in (compute.LibraryInstallStatus.PENDING, compute.LibraryInstallStatus.INSTALLING, compute.LibraryInstallStatus.INSTALLED)
        for one in status.values()
    ), status
    assert id in {one.cluster_id for one in api.all_cluster_statuses()}
    api.uninstall(id, [jar])
    left = {json.dumps(one.library.as_dict()): one.status for one in api.cluster_status(id)}
    assert compute.LibraryInstallStatus.UNINSTALL_ON_RESTART in left.values(), left


def warehouses(w):
    api = w.warehouses
    created = api.create_and_wait(name="operations", cluster_size="Small", max_num_clusters=1, auto_stop_mins=10)
    assert created.state == sql.State.RUNNING
    id = created.id
    refuses(DatabricksError, api.create, name="operations", cluster_size="Small")
    assert api.edit_and_wait(id, name="operations", cluster_size="Medium", max_num_clusters=2).cluster_size == "Medium"
    assert api.stop_and_wait(id).state == sql.State.STOPPED
    api.wait_get_warehouse_stopped(id)
    assert api.start_and_wait(id).state == sql.State.RUNNING
    api.wait_get_warehouse_running(id)
    assert id in {warehouse.id for warehouse in api.list(page_size=1)}

    config = api.get_workspace_warehouse_config()
    api.set_workspace_warehouse_config(
        sql_configuration_parameters=sql.RepeatedEndpointConfPairs(
            configuration_pairs=[sql.EndpointConfPair(key="ANSI_MODE", value="true")]
        ),
        security_policy=config.security_policy or sql.SetWorkspaceWarehouseConfigRequestSecurityPolicy.DATA_ACCESS_CONTROL,
    )
    pairs = api.get_workspace_warehouse_config().sql_configuration_parameters.configuration_pairs
    assert [(pair.key, pair.value) for pair in pairs] == [("ANSI_MODE", "true")]

    user = w.current_user.me().id
    kind = sql.DefaultWarehouseOverrideType
    override = api.create_default_warehouse_override(
        sql.DefaultWarehouseOverride(type=kind.CUSTOM, warehouse_id=id), default_warehouse_override_id=user
    )
    assert api.get_default_warehouse_override(override.name).warehouse_id == id
    assert override.name in {one.name for one in api.list_default_warehouse_overrides()}
    changed = api.update_default_warehouse_override(
        override.name,
        sql.DefaultWarehouseOverride(type=kind.LAST_SELECTED),
        update_mask=api_mask("type"),
    )
    assert changed.type == kind.LAST_SELECTED
    api.delete_default_warehouse_override(override.name)
    refuses(NotFound, api.get_default_warehouse_override, override.name)
    return id


def api_mask(*paths):
    from databricks.sdk.common.types.fieldmask import FieldMask

    return FieldMask(list(paths))


def job_operations(w, warehouse):
    api = w.jobs
    home = f"/Users/{w.current_user.me().user_name}/operations-jobs"
    w.workspace.mkdirs(home)
    w.workspace.upload(f"{home}/step", b"print(1)", format=ImportFormat.SOURCE, language=Language.PYTHON)
    notebook = jobs.NotebookTask(notebook_path=f"{home}/step")
    cluster = compute.ClusterSpec(spark_version=SPARK, node_type_id=NODE, num_workers=1)
    job = api.create(
        name="operations",
        job_clusters=[jobs.JobCluster(job_cluster_key="main", new_cluster=cluster)],
        parameters=[jobs.JobParameterDefinition(name="day", default="2026-01-01")],
        tasks=[
            jobs.Task(task_key="first", notebook_task=notebook, job_cluster_key="main"),
            jobs.Task(
                task_key="second",
                depends_on=[jobs.TaskDependency(task_key="first")],
                sql_task=jobs.SqlTask(warehouse_id=warehouse, file=jobs.SqlTaskFile(path=f"{home}/step")),
            ),
        ],
    ).job_id
    assert [task.task_key for task in api.get(job).settings.tasks] == ["first", "second"]
    # A job that is not there is a bad parameter to this API, not a 404. The SDK knows that of its GET, by the message.
    refuses(ResourceDoesNotExist, api.get, 1)
    refuses(InvalidParameterValue, api.delete, 1)

    api.update(job, new_settings=jobs.JobSettings(max_concurrent_runs=2), fields_to_remove=["parameters"])
    settings = api.get(job).settings
    assert settings.max_concurrent_runs == 2 and not settings.parameters
    settings.timeout_seconds = 3600
    api.reset(job, settings)
    assert api.get(job).settings.timeout_seconds == 3600
    assert [found.job_id for found in api.list(name="OPERATIONS", expand_tasks=True)] == [job]

    run = api.run_now_and_wait(job)
    assert run.state.result_state == jobs.RunResultState.SUCCESS, run.state
    first = run.tasks[0].run_id
    output = api.get_run_output(first)
    assert first in {output.metadata.run_id, *(task.run_id for task in output.metadata.tasks or [])} and not output.error
    assert api.export_run(first).views
    assert run.run_id in {one.run_id for one in api.list_runs(job_id=job)}
    slow = api.run_now(job).response.run_id
    api.cancel_run_and_wait(slow)
    repaired = api.repair_run_and_wait(slow, rerun_all_failed_tasks=True)
    assert repaired.state.result_state == jobs.RunResultState.SUCCESS, repaired.state
    again = api.run_now(job)
    api.cancel_run(again.response.run_id).result()
    last = api.run_now(job).response.run_id
    api.cancel_all_runs(job_id=job)
    api.wait_get_run_job_terminated_or_skipped(last)
    assert api.get_run(last).state.result_state == jobs.RunResultState.CANCELED
    api.repair_run(last, rerun_all_failed_tasks=True).result()
    api.delete_run(last)
    refuses(DatabricksError, api.get_run, last)

    once = api.submit_and_wait(
        run_name="operations once", tasks=[jobs.SubmitTask(task_key="only", notebook_task=notebook, new_cluster=cluster)]
    )
    assert once.state.result_state == jobs.RunResultState.SUCCESS and once.run_type == jobs.RunType.SUBMIT_RUN
    assert api.submit(tasks=[jobs.SubmitTask(task_key="only", notebook_task=notebook, new_cluster=cluster)]).run_id

    step = jobs.Task(task_key="only", notebook_task=notebook, new_cluster=cluster)
    waiting = api.create(name="operations waiting", queue=jobs.QueueSettings(enabled=True), tasks=[step])
    begun, queued = [api.run_now(waiting.job_id).response.run_id for _ in range(2)]
    active = api.list_runs(job_id=waiting.job_id, active_only=True, expand_tasks=True, limit=24)
    assert {run.run_id: run.state.life_cycle_state.value for run in active}[queued] == "QUEUED"
    api.cancel_all_runs(all_queued_runs=True)
    api.wait_get_run_job_terminated_or_skipped(queued)
    assert not api.get_run(begun).state.user_cancelled_or_timedout
    api.cancel_run(begun).result()
    started = once.start_time
    submitted = api.list_runs(run_type=jobs.RunType.SUBMIT_RUN, start_time_from=started, completed_only=True)
    assert once.run_id in {run.run_id for run in submitted}
    assert not list(api.list_runs(run_type=jobs.RunType.WORKFLOW_RUN))
    api.delete(waiting.job_id)

    many = api.create(
        name="operations many",
        tasks=[jobs.Task(task_key=f"t{number:03}", notebook_task=notebook) for number in range(150)],
    ).job_id
    assert len(api.get(many).settings.tasks) == 150
    listed = [found for found in api.list(name="operations many", expand_tasks=True)]
    assert len(listed[0].settings.tasks) == 150
    for id in (job, many):
        api.delete(id)
    refuses(ResourceDoesNotExist, api.get, job)


def main():
    [w] = workspace.from_arguments("east", description=__doc__)
    apis = {
        "current_user": w.current_user,
        "workspace": w.workspace,
        "policy_families": w.policy_families,
        "cluster_policies": w.cluster_policies,
        "instance_pools": w.instance_pools,
        "clusters": w.clusters,
        "libraries": w.libraries,
        "warehouses": w.warehouses,
        "jobs": w.jobs,
    }
    diaries = [Diary(name, api) for name, api in apis.items()]
    me = current_user(w)
    workspace_tree(w, me)
    policy, pool = policies(w), pools(w)
    clusters(w, policy, pool)
    warehouse = warehouses(w)
    job_operations(w, warehouse)
    w.warehouses.delete(warehouse)
    refuses(NotFound, w.warehouses.get, warehouse)
    w.cluster_policies.delete(policy)
    w.instance_pools.delete(pool)
    for diary in diaries:
        diary.close()


if __name__ == "__main__":
    main()
