"""Copies a workspace once, with the official SDK: what a team writes that has no tool.

Reads the addresses of two workspaces from standard input; the argument is the number of threads.
"""

import base64
import json
import resource
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from databricks.sdk import WorkspaceClient
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, ObjectType
from databricks.sdk.version import __version__

threads = int(sys.argv[1])
addresses = json.load(sys.stdin)


def client(address):
    return WorkspaceClient(host=address["url"], token=address["token"], auth_type="pat")


source, target = client(addresses["east"]), client(addresses["west"])
ids = {}
copied, failed = 0, 0


def in_parallel(copy, things):
    """Copies each thing, and counts."""
    global copied, failed

    def attempt(thing):
        try:
            copy(thing)
            return True
        except Exception as error:  # a plain script goes on
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            return False

    with ThreadPoolExecutor(threads) as pool:
        results = list(pool.map(attempt, things))
    copied += sum(results)
    failed += len(results) - sum(results)


def translate(value):
    """Replaces the ids of what was copied before."""
    if isinstance(value, dict):
        return {key: translate(item) for key, item in value.items()}
    if isinstance(value, list):
        return [translate(item) for item in value]
    return ids.get(value, value) if isinstance(value, (str, int)) else value


def call(method, path, body):
    return target.api_client.do(method, path, body=body)


def copy_folder(path):
    target.workspace.mkdirs(path)


def copy_object(row):
    if row.object_type == ObjectType.NOTEBOOK:
        content = source.workspace.export(row.path, format=ExportFormat.SOURCE).content
        target.workspace.import_(
            row.path, content=content, format=ImportFormat.SOURCE, language=row.language, overwrite=True
        )
    else:
        content = source.workspace.export(row.path, format=ExportFormat.AUTO).content
        target.workspace.import_(row.path, content=content, format=ImportFormat.RAW, overwrite=True)


def copy_policy(policy):
    body = policy.as_dict()
    old = body.pop("policy_id")
    for field in ("created_at_timestamp", "creator_user_name", "is_default"):
        body.pop(field, None)
    if body.get("policy_family_id"):
        body.pop("definition", None)
    ids[old] = call("POST", "/api/2.0/policies/clusters/create", body)["policy_id"]


def copy_pool(pool):
    body = pool.as_dict()
    old = body.pop("instance_pool_id")
    for field in ("state", "stats", "status", "default_tags"):
        body.pop(field, None)
    body["min_idle_instances"] = 0
    ids[old] = call("POST", "/api/2.0/instance-pools/create", body)["instance_pool_id"]


def copy_cluster(cluster):
    whole = source.clusters.get(cluster.cluster_id)
    spec = translate(whole.spec.as_dict())
    new = call("POST", "/api/2.1/clusters/create", spec)["cluster_id"]
    ids[cluster.cluster_id] = new
    call("POST", "/api/2.1/clusters/delete", {"cluster_id": new})


def copy_warehouse(warehouse):
    body = warehouse.as_dict()
    old = body.pop("id")
    for field in ("state", "num_clusters", "num_active_sessions", "health", "jdbc_url", "odbc_params",
                  "creator_name", "creator_id"):
        body.pop(field, None)
    new = call("POST", "/api/2.0/sql/warehouses", body)["id"]
    ids[old] = new
    call("POST", f"/api/2.0/sql/warehouses/{new}/stop", {})


def copy_job(job):
    settings = translate(source.jobs.get(job.job_id).settings.as_dict())
    for trigger in ("schedule", "trigger", "continuous"):
        if trigger in settings:
            settings[trigger]["pause_status"] = "PAUSED"
    settings["max_concurrent_runs"] = 0
    ids[job.job_id] = call("POST", "/api/2.2/jobs/create", settings)["job_id"]


def walk(path, folders, objects):
    for row in source.workspace.list(path):
        if row.object_type == ObjectType.DIRECTORY:
            if not row.path.startswith("/Repos"):
                if row.path.count("/") > (2 if row.path.startswith("/Users") else 1):
                    folders.append(row.path)
                walk(row.path, folders, objects)
        elif row.object_type in (ObjectType.NOTEBOOK, ObjectType.FILE):
            objects.append(row)


started = time.monotonic()
folders, objects = [], []
walk("/", folders, objects)
in_parallel(copy_folder, folders)
in_parallel(copy_object, objects)
in_parallel(copy_policy, [policy for policy in source.cluster_policies.list() if not policy.is_default])
in_parallel(copy_pool, source.instance_pools.list())
in_parallel(copy_cluster, source.clusters.list())
in_parallel(copy_warehouse, [warehouse for warehouse in source.warehouses.list() if "Starter" not in warehouse.name])
in_parallel(copy_job, source.jobs.list())
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "sdk": f"databricks-sdk {__version__}",
    "threads": threads,
    "copied": copied,
    "failed": failed,
    "seconds": time.monotonic() - started,
    "cpu_seconds": used.ru_utime + used.ru_stime,
    "peak_mb": used.ru_maxrss * 1024 / 1e6,
}))
