"""Writes a believable estate into one region, as its people would: with the official SDK, and everything at once.

All that can trip a replicator is somewhere in it: every notebook format, names that repeat, jobs that run each other,
a job of 150 tasks, policies that hold pools in their definitions, everything that starts by itself, and what sleeps
already and must stay so.
"""

import base64
import io
import json
import zipfile

from databricks.sdk.service import compute, jobs, sql
from databricks.sdk.service.workspace import ImportFormat, Language

import workspace

SPARK = "15.4.x-scala2.12"
PROFILE = "arn:aws:iam::111122223333:instance-profile/lake-east"
HOME = "/Shared/acme"


def put(w, path, content, format=ImportFormat.RAW, language=None):
    """Imports content, and makes the folders above it."""
    w.workspace.mkdirs(path.rsplit("/", 1)[0])
    data = content if isinstance(content, bytes) else content.encode()
    w.workspace.import_(path, content=base64.b64encode(data).decode(), format=format, language=language, overwrite=True)


def jupyter(*cells):
    cell = {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": []}
    return json.dumps(
        {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": {"language_info": {"name": "python"}},
            "cells": [{**cell, "source": [line]} for line in cells],
        }
    )


def wheel():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("acme/__init__.py", "VERSION = '1.0'\n")
    return data.getvalue()


def tree(w):
    source = ImportFormat.SOURCE
    for layer in ("ingest", "curate", "serve"):
        for number in range(6):
            text = f"# Databricks notebook source\n# {layer} {number}\nspark.table('{layer}.t{number}').count()\n"
            put(w, f"{HOME}/{layer}/step {number}", text, source, Language.PYTHON)
    put(w, f"{HOME}/sql/daily", "-- Databricks notebook source\nSELECT 1\n", source, Language.SQL)
    put(w, f"{HOME}/scala/load", "// Databricks notebook source\nval x = 1\n", source, Language.SCALA)
    put(w, f"{HOME}/r/plot", "# Databricks notebook source\nx <- 1\n", source, Language.R)
    put(w, f"{HOME}/jupyter/explore", jupyter("import os", "print(1)"), ImportFormat.JUPYTER)
    put(w, f"{HOME}/r/report", "---\ntitle: report\n---\n\n```{r}\nx <- 1\n```\n", ImportFormat.R_MARKDOWN)
    put(w, f"{HOME}/ingest/cells", "# Databricks notebook source\n1\n\n# COMMAND ----------\n\n2\n", source, Language.PYTHON)
    put(w, f"{HOME}/large", "# Databricks notebook source\n" + "x = 1  # padding\n" * 18_000, source, Language.PYTHON)
    put(w, f"{HOME}/auto.py", "# Databricks notebook source\nprint('a notebook by its first line')\n", ImportFormat.AUTO)
    exported = w.workspace.export(f"{HOME}/sql", format=workspace_format("DBC")).content
    w.workspace.import_(f"{HOME}/from an archive", content=exported, format=ImportFormat.DBC)

    put(w, f"{HOME}/lib/helper.py", "def help(): ...\n")
    put(w, f"{HOME}/lib/not a notebook.py", "# Databricks notebook source\nbut imported raw\n")
    put(w, f"{HOME}/lib/acme-1.0-py3-none-any.whl", wheel())
    put(w, f"{HOME}/lib/requirements.txt", "simplejson==3.19.3\n")
    put(w, f"{HOME}/lib/init.sh", "#!/bin/bash\ntrue\n")
    put(w, f"{HOME}/lib/empty", b"")
    put(w, f"{HOME}/lib/bytes.bin", bytes(range(256)) * 800)
    put(w, f"{HOME}/lib/query.sql", "SELECT count(*) FROM serve.t1")
    put(w, f"{HOME}/Größe & mehr/日報/données.txt", "ü\n")
    put(w, f"{HOME}/dbt/dbt_project.yml", "name: acme\n")
    w.workspace.mkdirs(f"{HOME}/a/b/c/d/e/f")


def workspace_format(name):
    from databricks.sdk.service.workspace import ExportFormat

    return ExportFormat[name]


def pools(w):
    aws = compute.InstancePoolAwsAttributes(zone_id="us-east-1a", instance_profile_arn=PROFILE)
    shared = w.instance_pools.create(
        "shared-general",
        "i3.xlarge",
        min_idle_instances=2,
        max_capacity=20,
        idle_instance_autotermination_minutes=15,
        preloaded_spark_versions=[SPARK],
        aws_attributes=aws,
        custom_tags={"team": "platform"},
    )
    large = w.instance_pools.create("shared-large", "i3.2xlarge", min_idle_instances=0, max_capacity=5)
    return shared.instance_pool_id, large.instance_pool_id


def policies(w, shared, large):
    create = w.cluster_policies.create
    fixed = create(
        name="team compute",
        description="everybody's",
        max_clusters_per_user=3,
        definition=json.dumps(
            {
                "instance_pool_id": {"type": "allowlist", "values": [shared, large], "defaultValue": shared},
                "driver_instance_pool_id": {"type": "fixed", "value": shared, "hidden": True},
                "spark_version": {"type": "fixed", "value": SPARK},
                "custom_tags.cost_center": {"type": "fixed", "value": "1000"},
            }
        ),
        libraries=[compute.Library(pypi=compute.PythonPyPiLibrary(package="simplejson==3.19.3"))],
    )
    nodes = create(
        name="Größen nach Maß",
        definition=json.dumps(
            {
                "node_type_id": {"type": "allowlist", "values": ["i3.xlarge", "m5.xlarge"], "defaultValue": "i3.xlarge"},
                "aws_attributes.zone_id": {"type": "fixed", "value": "us-east-1a"},
                "autotermination_minutes": {"type": "range", "maxValue": 120, "defaultValue": 30},
            }
        ),
    )
    family = next(iter(w.policy_families.list()))
    create(
        name="family with overrides",
        policy_family_id=family.policy_family_id,
        policy_family_definition_overrides=json.dumps({"autotermination_minutes": {"type": "fixed", "value": 20}}),
    )
    return fixed.policy_id, nodes.policy_id


def clusters(w, shared, policy, nodes):
    create = w.clusters.create
    pooled = create(
        SPARK,
        cluster_name="analysts",
        policy_id=policy,
        instance_pool_id=shared,
        driver_instance_pool_id=shared,
        autoscale=compute.AutoScale(min_workers=1, max_workers=4),
        custom_tags={"cost_center": "1000"},
        autotermination_minutes=60,
    )
    for number in (1, 2):
        create(
            SPARK,
            cluster_name="same name",
            node_type_id="i3.xlarge",
            driver_node_type_id="i3.2xlarge",
            num_workers=number,
            policy_id=nodes if number == 1 else None,
            aws_attributes=compute.AwsAttributes(zone_id="us-east-1a", instance_profile_arn=PROFILE, first_on_demand=1),
            spark_conf={"spark.acme.region": "us-east-1", "spark.acme.number": str(number)},
            spark_env_vars={"ACME": "1"},
            autotermination_minutes=20,
        )
    single = create(
        SPARK,
        cluster_name="single node",
        node_type_id="m5.xlarge",
        num_workers=0,
        is_single_node=True,
        kind=compute.Kind.CLASSIC_PREVIEW,
        data_security_mode=compute.DataSecurityMode.DATA_SECURITY_MODE_AUTO,
        init_scripts=[
            compute.InitScriptInfo(workspace=compute.WorkspaceStorageInfo(destination=f"{HOME}/lib/init.sh")),
            compute.InitScriptInfo(s3=compute.S3StorageInfo(destination="s3://acme-lake-east/init.sh", region="us-east-1")),
        ],
        cluster_log_conf=compute.ClusterLogConf(
            s3=compute.S3StorageInfo(destination="s3://acme-lake-east/logs", region="us-east-1")
        ),
    )
    w.libraries.install(pooled.cluster_id, [compute.Library(pypi=compute.PythonPyPiLibrary(package="simplejson"))])
    w.clusters.delete(single.cluster_id)
    w.clusters.pin(single.cluster_id)
    return pooled.cluster_id


def warehouses(w):
    tags = sql.EndpointTags(custom_tags=[sql.EndpointTagPair(key="team", value="bi")])
    bi = w.warehouses.create(
        name="bi", cluster_size="Medium", min_num_clusters=1, max_num_clusters=3, auto_stop_mins=10, tags=tags
    )
    stopped = w.warehouses.create(
        name="serverless",
        cluster_size="X-Small",
        max_num_clusters=1,
        enable_serverless_compute=True,
        warehouse_type=sql.CreateWarehouseRequestWarehouseType.PRO,
        auto_stop_mins=5,
        channel=sql.Channel(name=sql.ChannelName.CHANNEL_NAME_PREVIEW),
    )
    w.warehouses.stop(stopped.id)
    return bi.id


def notebook(name, **parameters):
    return jobs.NotebookTask(notebook_path=f"{HOME}/{name}", base_parameters=parameters or None)


def starting_jobs(w):
    """One for each way in which a job starts by itself, active and paused."""
    paused, active = jobs.PauseStatus.PAUSED, jobs.PauseStatus.UNPAUSED
    task = [jobs.Task(task_key="only", notebook_task=notebook("ingest/step 0"))]
    cron = {"quartz_cron_expression": "0 30 2 * * ?", "timezone_id": "Europe/Berlin"}
    for status in (paused, active):
        name = status.value.lower()
        create = w.jobs.create
        create(name=f"by schedule, {name}", tasks=task, schedule=jobs.CronSchedule(**cron, pause_status=status))
        create(
            name=f"by files, {name}",
            tasks=task,
            trigger=jobs.TriggerSettings(
                file_arrival=jobs.FileArrivalTriggerConfiguration(url="s3://acme-lake-east/landing/"), pause_status=status
            ),
        )
        create(
            name=f"by table, {name}",
            tasks=task,
            trigger=jobs.TriggerSettings(
                table_update=jobs.TableUpdateTriggerConfiguration(table_names=["main.raw.orders"]), pause_status=status
            ),
        )
        create(
            name=f"by period, {name}",
            tasks=task,
            max_concurrent_runs=4,
            queue=jobs.QueueSettings(enabled=True),
            trigger=jobs.TriggerSettings(
                periodic=jobs.PeriodicTriggerConfiguration(interval=4, unit=jobs.PeriodicTriggerConfigurationTimeUnit.HOURS),
                pause_status=status,
            ),
        )
        create(name=f"continuous, {name}", tasks=task, continuous=jobs.Continuous(pause_status=status))
    w.jobs.create(name="by schedule, status left out", tasks=task, schedule=jobs.CronSchedule(**cron))
    w.jobs.create(name="concurrency 0 already", tasks=task, max_concurrent_runs=0)


def working_jobs(w, shared, policy, cluster, warehouse):
    me = w.current_user.me().user_name
    create, after = w.jobs.create, jobs.TaskDependency
    job_clusters = [
        jobs.JobCluster(
            job_cluster_key="pooled",
            new_cluster=compute.ClusterSpec(
                spark_version=SPARK, policy_id=policy, instance_pool_id=shared, driver_instance_pool_id=shared, num_workers=2
            ),
        ),
        jobs.JobCluster(
            job_cluster_key="own",
            new_cluster=compute.ClusterSpec(
                spark_version=SPARK,
                node_type_id="i3.xlarge",
                autoscale=compute.AutoScale(min_workers=1, max_workers=8),
                aws_attributes=compute.AwsAttributes(zone_id="us-east-1a", instance_profile_arn=PROFILE),
                spark_conf={"spark.acme.region": "us-east-1"},
            ),
        ),
    ]
    create(
        name="nightly load",
        description="the heart of it",
        run_as=jobs.JobRunAs(user_name=me),
        job_clusters=job_clusters,
        tags={"team": "data"},
        parameters=[jobs.JobParameterDefinition(name="region", default="us-east-1")],
        environments=[
            jobs.JobEnvironment(
                environment_key="default",
                spec=compute.Environment(
                    environment_version="2",
                    dependencies=["simplejson==3.19.3", f"/Workspace{HOME}/lib/acme-1.0-py3-none-any.whl"],
                ),
            )
        ],
        health=jobs.JobsHealthRules(
            rules=[
                jobs.JobsHealthRule(
                    metric=jobs.JobsHealthMetric.RUN_DURATION_SECONDS, op=jobs.JobsHealthOperator.GREATER_THAN, value=3600
                )
            ]
        ),
        email_notifications=jobs.JobEmailNotifications(on_failure=[me], no_alert_for_skipped_runs=True),
        notification_settings=jobs.JobNotificationSettings(no_alert_for_canceled_runs=True),
        timeout_seconds=7200,
        schedule=jobs.CronSchedule(quartz_cron_expression="0 0 3 * * ?", timezone_id="UTC"),
        tasks=[
            jobs.Task(
                task_key="ingest", job_cluster_key="pooled", notebook_task=notebook("ingest/step 1", region="us-east-1")
            ),
            jobs.Task(
                task_key="curate",
                job_cluster_key="own",
                depends_on=[after(task_key="ingest")],
                notebook_task=notebook("curate/step 1"),
                libraries=[
                    compute.Library(whl=f"/Workspace{HOME}/lib/acme-1.0-py3-none-any.whl"),
                    compute.Library(requirements=f"/Workspace{HOME}/lib/requirements.txt"),
                    compute.Library(maven=compute.MavenLibrary(coordinates="com.acme:tools:1.0", exclusions=["a:b"])),
                    compute.Library(jar="s3://acme-lake-east/jars/tools.jar"),
                ],
            ),
            jobs.Task(
                task_key="python",
                environment_key="default",
                depends_on=[after(task_key="ingest")],
                spark_python_task=jobs.SparkPythonTask(python_file=f"{HOME}/lib/helper.py", parameters=["--day", "{{day}}"]),
            ),
            jobs.Task(
                task_key="wheel",
                environment_key="default",
                python_wheel_task=jobs.PythonWheelTask(
                    package_name="acme", entry_point="main", named_parameters={"region": "us-east-1"}
                ),
            ),
            jobs.Task(
                task_key="is it monday",
                depends_on=[after(task_key="curate")],
                condition_task=jobs.ConditionTask(op=jobs.ConditionTaskOp.EQUAL_TO, left="{{job.day}}", right="1"),
            ),
            jobs.Task(
                task_key="report",
                depends_on=[after(task_key="is it monday", outcome="true")],
                sql_task=jobs.SqlTask(warehouse_id=warehouse, file=jobs.SqlTaskFile(path=f"{HOME}/lib/query.sql")),
            ),
            jobs.Task(
                task_key="dbt",
                environment_key="default",
                run_if=jobs.RunIf.ALL_DONE,
                depends_on=[after(task_key="report")],
                dbt_task=jobs.DbtTask(commands=["dbt run"], project_directory=f"{HOME}/dbt", warehouse_id=warehouse),
            ),
            jobs.Task(
                task_key="interactive", existing_cluster_id=cluster, notebook_task=notebook("serve/step 2"), max_retries=2
            ),
            jobs.Task(
                task_key="each",
                for_each_task=jobs.ForEachTask(
                    inputs='["a", "b"]',
                    concurrency=2,
                    task=jobs.Task(task_key="one", job_cluster_key="pooled", notebook_task=notebook("serve/step 3")),
                ),
            ),
        ],
    )
    create(
        name="from git",
        git_source=jobs.GitSource(
            git_url="https://github.com/acme/etl", git_provider=jobs.GitProvider.GIT_HUB, git_branch="main"
        ),
        tasks=[jobs.Task(task_key="only", notebook_task=jobs.NotebookTask(notebook_path="etl/run", source=jobs.Source.GIT))],
    )
    create(
        name="150 tasks",
        tasks=[
            jobs.Task(
                task_key=f"t{number:03}",
                depends_on=[after(task_key=f"t{number - 1:03}")] if number % 3 else None,
                notebook_task=notebook(f"serve/step {number % 6}"),
            )
            for number in range(150)
        ],
    )


def repeating_jobs(w):
    for number in range(12):
        w.jobs.create(
            name="copy of a copy",
            tasks=[jobs.Task(task_key="only", notebook_task=notebook(f"serve/step {number % 6}"), max_retries=number)],
        )
    w.jobs.create(name="copy of a copy", tasks=[jobs.Task(task_key="only", notebook_task=notebook("serve/step 0"))])
    w.jobs.create(name="copy of a copy", tasks=[jobs.Task(task_key="only", notebook_task=notebook("serve/step 0"))])


def jobs_in_circles(w):
    """Two that run each other, one that runs itself, and a chain that ends in the circle."""

    def runs(other, key="next"):
        return jobs.Task(task_key=key, run_job_task=jobs.RunJobTask(job_id=other))

    ping = w.jobs.create(name="ping", tasks=[jobs.Task(task_key="only", notebook_task=notebook("serve/step 4"))]).job_id
    pong = w.jobs.create(name="pong", tasks=[runs(ping)]).job_id
    w.jobs.update(ping, new_settings=jobs.JobSettings(tasks=[runs(pong)]), fields_to_remove=["tasks/only"])
    selfish = w.jobs.create(name="selfish", tasks=[jobs.Task(task_key="only", notebook_task=notebook("serve/step 4"))]).job_id
    w.jobs.update(selfish, new_settings=jobs.JobSettings(tasks=[runs(selfish)]), fields_to_remove=["tasks/only"])
    for number in range(4):
        ping = w.jobs.create(name=f"chain {number}", tasks=[runs(ping), runs(selfish, "aside")]).job_id


def main():
    [w] = workspace.from_arguments("east", description=__doc__)
    tree(w)
    shared, large = pools(w)
    policy, nodes = policies(w, shared, large)
    cluster = clusters(w, shared, policy, nodes)
    warehouse = warehouses(w)
    starting_jobs(w)
    working_jobs(w, shared, policy, cluster, warehouse)
    repeating_jobs(w)
    jobs_in_circles(w)
    objects = sum(1 for _ in w.workspace.list("/", recursive=True))
    print(f"east holds {objects} notebooks and files and {sum(1 for _ in w.jobs.list())} jobs")


if __name__ == "__main__":
    main()
