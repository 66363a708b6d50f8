"""The standby against the primary, both read by the official SDK alone: equal, asleep, and every reference right.

Equal means: the same document once the ids in it are replaced by the names of what they point to, what is called
otherwise at the standby is translated, and what only decides whether it runs is set apart. That is judged separately:
nothing may run, start by itself or cost anything while it waits.
"""

import collections
import difflib
import hashlib
import json
import sys

from databricks.sdk.service import compute, jobs, sql
from databricks.sdk.service.workspace import ExportFormat, ObjectType

import dialect
import workspace

TAG = "twinlake_asset"


class Side:
    """One workspace as the SDK reads it."""

    def __init__(self, w):
        self.w = w
        self.names = {}
        self.awake = []
        self.kinds = collections.defaultdict(list)
        found_pools, found_policies = list(w.instance_pools.list()), list(w.cluster_policies.list())
        sources = [compute.ClusterSource.UI, compute.ClusterSource.API]
        found_clusters = list(w.clusters.list(filter_by=compute.ListClustersFilterBy(cluster_sources=sources)))
        found_warehouses = list(w.warehouses.list())
        found_jobs = [w.jobs.get(job.job_id) for job in w.jobs.list()]
        self.learn("pool", ((pool.instance_pool_id, pool.instance_pool_name) for pool in found_pools))
        self.learn("policy", ((policy.policy_id, policy.name) for policy in found_policies))
        self.learn("cluster", ((cluster.cluster_id, cluster.cluster_name) for cluster in found_clusters))
        self.learn("warehouse", ((warehouse.id, warehouse.name) for warehouse in found_warehouses))
        self.learn("job", ((job.job_id, job.settings.name) for job in found_jobs))
        self.tree()
        for pool in found_pools:
            self.pool(pool)
        for policy in found_policies:
            self.policy(policy)
        for cluster in found_clusters:
            self.cluster(w.clusters.get(cluster.cluster_id))
        for warehouse in found_warehouses:
            self.warehouse(w.warehouses.get(warehouse.id))
        for job in found_jobs:
            self.job(job)

    def learn(self, kind, pairs):
        for id, name in pairs:
            assert id not in self.names, f"the id {id} is there twice"
            self.names[id] = f"<{kind} {name}>"

    def keep(self, kind, document):
        self.kinds[kind].append(self.pure(document))

    def pure(self, value):
        """Names for ids, and nothing of the identity tag."""
        if isinstance(value, dict):
            kept = {key: self.pure(inner) for key, inner in value.items() if key != TAG and inner is not None}
            return {key: inner for key, inner in kept.items() if not (key.endswith("tags") and not inner)}
        if isinstance(value, list):
            kept = [self.pure(inner) for inner in value if not (isinstance(inner, dict) and inner.get("key") == TAG)]
            return sorted(kept, key=key_of) if kept and all(key_of(inner) for inner in kept) else kept
        return self.names.get(value, value) if isinstance(value, (str, int)) and not isinstance(value, bool) else value

    def stir(self, is_awake, what):
        if is_awake:
            self.awake.append(what)

    def tree(self):
        folders = ["/"]
        while folders:
            for item in self.w.workspace.list(folders.pop()):
                document = {"path": item.path, "type": item.object_type.value}
                if item.object_type == ObjectType.DIRECTORY:
                    folders.append(item.path)
                else:
                    is_file = item.object_type == ObjectType.FILE
                    data = self.w.workspace.download(
                        item.path, format=ExportFormat.AUTO if is_file else ExportFormat.SOURCE
                    ).read()
                    document |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                    if not is_file:
                        document["language"] = item.language.value
                self.keep("tree", document)

    def pool(self, pool):
        document = pool.as_dict()
        idle = document.pop("min_idle_instances", 0)
        self.stir(idle > 0, f"pool {pool.instance_pool_name} keeps {idle} idle instances")
        for field in ("instance_pool_id", "state", "stats", "status", "default_tags"):
            document.pop(field, None)
        self.keep("pool", document)

    def policy(self, policy):
        document = policy.as_dict()
        for field in ("policy_id", "created_at_timestamp", "creator_user_name", "is_default"):
            document.pop(field, None)
        if policy.policy_family_id:
            # The family's own, as the service has it in that region; what is ours of it are the overrides.
            document.pop("definition", None)
        for text in ("definition", "policy_family_definition_overrides"):
            if document.get(text):
                document[text] = json.loads(document[text])
        self.keep("policy", document)

    def cluster(self, cluster):
        self.stir(
            cluster.state not in (compute.State.TERMINATED, compute.State.TERMINATING),
            f"cluster {cluster.cluster_name} is {cluster.state.value}",
        )
        self.keep("cluster", cluster.spec.as_dict())

    def warehouse(self, warehouse):
        document = warehouse.as_dict()
        self.stir(
            warehouse.state not in (sql.State.STOPPED, sql.State.STOPPING),
            f"warehouse {warehouse.name} is {warehouse.state.value}",
        )
        for field in (
            ["id", "state", "creator_name", "creator_id", "num_clusters", "num_active_sessions"]
            + ["health", "jdbc_url", "odbc_params"]
        ):
            document.pop(field, None)
        self.keep("warehouse", document)

    def job(self, job):
        document, name = job.settings.as_dict(), job.settings.name
        runs = document.pop("max_concurrent_runs", 1)
        self.stir(runs != 0, f"job {name} can have {runs} runs")
        self.stir(document.pop("queue", {}).get("enabled", False), f"job {name} queues runs")
        starters = [document[way] for way in ("schedule", "trigger", "continuous") if way in document]
        for starter in starters + document.get("triggers", []):
            self.stir(starter.pop("pause_status", "UNPAUSED") != "PAUSED", f"job {name} starts by itself: {starter}")
        self.stir(job.settings.continuous and not starters, f"job {name} is continuous")
        self.keep("job", document)


def key_of(item):
    """What tells an item of a job's arrays from the others; their order means nothing to the service."""
    keys = ("task_key", "job_cluster_key", "environment_key")
    return next((item[key] for key in keys if key in item), None) if isinstance(item, dict) else None


def lines(documents):
    return sorted(json.dumps(document, sort_keys=True, ensure_ascii=False) for document in documents)


def differences(east, west):
    for kind in sorted(east.kinds.keys() | west.kinds.keys()):
        wanted, found = lines(dialect.at_west(east.kinds[kind])), lines(west.kinds[kind])
        print(f"{kind}: {len(wanted)} at the primary, {len(found)} at the standby")
        for line in difflib.unified_diff(wanted, found, "wanted", "found", lineterm="", n=0):
            if line[:1] in "+-" and line[:3] not in ("+++", "---"):
                yield f"{kind} {line[:2000]}"


def check_references(west):
    """What the estate was built for: each reference, followed at the standby, leads to the right thing there."""
    w = west.w
    by_name = collections.defaultdict(list)
    for job in w.jobs.list():
        by_name[job.settings.name].append(w.jobs.get(job.job_id))

    def only(name):
        assert len(by_name[name]) == 1, f"{len(by_name[name])} jobs are called {name}"
        return by_name[name][0]

    def runs(job):
        return {w.jobs.get(task.run_job_task.job_id).settings.name for task in job.settings.tasks if task.run_job_task}

    assert runs(only("ping")) == {"pong"} and runs(only("pong")) == {"ping"}
    assert only("selfish").settings.tasks[0].run_job_task.job_id == only("selfish").job_id
    assert [runs(only(f"chain {number}")) for number in range(3)] == [
        {"ping", "selfish"},
        {"chain 0", "selfish"},
        {"chain 1", "selfish"},
    ]
    assert len(only("150 tasks").settings.tasks) == 150
    assert len(by_name["copy of a copy"]) == 14
    nightly = {task.task_key: task for task in only("nightly load").settings.tasks}
    assert w.clusters.get(nightly["interactive"].existing_cluster_id).cluster_name == "analysts"
    assert w.warehouses.get(nightly["report"].sql_task.warehouse_id).name == "bi"
    job_clusters = {one.job_cluster_key: one.new_cluster for one in only("nightly load").settings.job_clusters}
    pooled = job_clusters["pooled"]
    assert w.instance_pools.get(pooled.instance_pool_id).instance_pool_name == "shared-general"
    assert w.cluster_policies.get(pooled.policy_id).name == "team compute"
    policy = next(policy for policy in w.cluster_policies.list() if policy.name == "team compute")
    rule = json.loads(policy.definition)["instance_pool_id"]
    names = [w.instance_pools.get(id).instance_pool_name for id in rule["values"] + [rule["defaultValue"]]]
    assert names == ["shared-general", "shared-large", "shared-general"], names


def check_sleep(west):
    for way in ("schedule", "trigger", "continuous"):
        assert any(getattr(west.w.jobs.get(job.job_id).settings, way) for job in west.w.jobs.list()), f"no job has a {way}"
    ran = [run for run in west.w.jobs.list_runs() if run.state.life_cycle_state != jobs.RunLifeCycleState.SKIPPED]
    assert not ran, f"something ran at the standby: {ran}"
    pinned = compute.ListClustersFilterBy(is_pinned=True)
    assert len(list(west.w.clusters.list(filter_by=pinned))) == len(west.kinds["cluster"]), "a cluster would be forgotten"
    skipped = west.w.jobs.run_now(next(iter(west.w.jobs.list(name="nightly load"))).job_id).response.run_id
    run = west.w.jobs.get_run(skipped)
    assert run.state.life_cycle_state == jobs.RunLifeCycleState.SKIPPED, f"a standby's job ran: {run.state}"


def main():
    east, west = (Side(w) for w in workspace.from_arguments("east", "west", description=__doc__))
    found = list(differences(east, west))
    for line in found:
        print(line)
    for line in west.awake:
        print(f"awake: {line}")
    check_references(west)
    check_sleep(west)
    print(f"awake at the primary: {len(east.awake)}, at the standby: {len(west.awake)}")
    assert len(east.awake) >= 20, "the primary was not awake, so the test shows nothing"
    sys.exit(1 if found or west.awake else 0)


if __name__ == "__main__":
    main()
