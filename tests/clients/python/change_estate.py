"""What people do to the estate of `build_estate.py` later: edits, renames, new things, and a few deletions."""

import base64

from databricks.sdk.service import compute, jobs
from databricks.sdk.service.workspace import ImportFormat, Language

import workspace
from build_estate import HOME, SPARK, notebook, put


def main():
    [w] = workspace.from_arguments("east", description=__doc__)
    named = {job.settings.name: job.job_id for job in w.jobs.list()}

    put(w, f"{HOME}/ingest/step 0", "# Databricks notebook source\nprint('edited')\n", ImportFormat.SOURCE, Language.PYTHON)
    put(w, f"{HOME}/lib/helper.py", "def help(): return 'edited'\n")
    put(w, f"{HOME}/new/notebook", "-- Databricks notebook source\nSELECT 2\n", ImportFormat.SOURCE, Language.SQL)
    w.workspace.delete(f"{HOME}/curate/step 5")
    assert base64.b64decode(w.workspace.export(f"{HOME}/lib/helper.py").content).endswith(b"'edited'\n")

    pool = next(pool for pool in w.instance_pools.list() if pool.instance_pool_name == "shared-general")
    w.instance_pools.edit(pool.instance_pool_id, "shared-general", pool.node_type_id, min_idle_instances=3, max_capacity=30)
    policy = next(policy for policy in w.cluster_policies.list() if policy.name == "team compute")
    w.cluster_policies.edit(
        policy.policy_id, name="team compute", definition=policy.definition, max_clusters_per_user=5, description="for everybody"
    )
    single = next(cluster for cluster in w.clusters.list() if cluster.cluster_name == "single node")
    w.clusters.update(
        single.cluster_id, "custom_tags", cluster=compute.UpdateClusterResource(custom_tags={"team": "platform"})
    )
    bi = next(warehouse for warehouse in w.warehouses.list() if warehouse.name == "bi")
    w.warehouses.edit(bi.id, name="bi", cluster_size="Large", min_num_clusters=1, max_num_clusters=2, auto_stop_mins=15)

    # Paused and awake change places, a name changes, a trigger becomes another one.
    schedule = w.jobs.get(named["by schedule, paused"]).settings.schedule
    schedule.pause_status = jobs.PauseStatus.UNPAUSED
    w.jobs.update(named["by schedule, paused"], new_settings=jobs.JobSettings(schedule=schedule))
    w.jobs.update(named["from git"], new_settings=jobs.JobSettings(name="from git, renamed"))
    w.jobs.update(
        named["by period, unpaused"],
        new_settings=jobs.JobSettings(
            schedule=jobs.CronSchedule(quartz_cron_expression="0 0 5 * * ?", timezone_id="UTC")
        ),
        fields_to_remove=["trigger"],
    )
    w.jobs.create(
        name="new",
        tasks=[
            jobs.Task(
                task_key="only",
                notebook_task=notebook("new/notebook"),
                new_cluster=compute.ClusterSpec(spark_version=SPARK, node_type_id="i3.xlarge", num_workers=1),
            )
        ],
    )
    w.jobs.delete(named["by files, paused"])
    w.jobs.delete(named["continuous, unpaused"])


if __name__ == "__main__":
    main()
