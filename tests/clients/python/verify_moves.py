"""Production before and after a move, read by the official SDK alone.

`save`    keeps the primary as it is: what it holds, and how each thing is meant to run
`away`    at the other site everything runs as it was meant to at the primary, and holds the same
`asleep`  at the old site nothing runs, starts by itself or costs anything
`edit`    people work where production is now
`home`    production holds what it held at home, plus what was edited meanwhile; the other site sleeps
"""

import argparse
import json
import pathlib
import sys

from databricks.sdk.service import jobs

import dialect
import workspace
from verify_standby import Side, lines

RENAMED = "from git"
EDITED = "nightly load"
MADE = "made while away"
SETTLED = {"STARTING": "RUNNING", "PENDING": "RUNNING"}


class Production(Side):
    """A site, with how each job and pool is meant to run, by name."""

    def __init__(self, w):
        self.meant = {}
        super().__init__(w)

    def job(self, job):
        settings = job.settings
        paused = [
            starter.pause_status.value if starter.pause_status else "UNPAUSED"
            for starter in [settings.schedule, settings.trigger, settings.continuous]
            if starter
        ]
        queued = bool(settings.queue and settings.queue.enabled)
        meant = f"runs {settings.max_concurrent_runs}, queue {queued}, starters {paused}"
        self.meant.setdefault(f"job {settings.name}", []).append(meant)
        super().job(job)

    def pool(self, pool):
        self.meant[f"pool {pool.instance_pool_name}"] = [f"{pool.min_idle_instances or 0} idle, {pool.max_capacity} at most"]
        super().pool(pool)

    def told(self):
        awake = []
        for line in self.awake:
            for state, instead in SETTLED.items():
                line = line.replace(f" is {state}", f" is {instead}")
            # What a job starts by is compared with its document; here it counts that it does.
            awake.append(line.split(": ")[0])
        return {
            "kinds": {kind: list(documents) for kind, documents in self.kinds.items()},
            "meant": {name: sorted(all) for name, all in self.meant.items()},
            "awake": sorted(awake),
        }


def differences(wanted, found, what):
    """Each document that one side has and the other has not."""
    for kind in sorted(wanted.keys() | found.keys()):
        one, other = lines(wanted.get(kind, [])), lines(found.get(kind, []))
        for line in one:
            if line in other:
                other.remove(line)
            else:
                yield f"{what}: {kind} lacks {line[:1500]}"
        yield from (f"{what}: {kind} has {line[:1500]}" for line in other)


def compare(wanted, found, what):
    """What is meant to run, and what is awake."""
    for name in sorted(wanted["meant"].keys() | found["meant"].keys()):
        one, other = wanted["meant"].get(name), found["meant"].get(name)
        if one != other:
            yield f"{what}: {name} is meant as {one}, and is {other}"
    for line in set(wanted["awake"]) ^ set(found["awake"]):
        yield f"{what}: only at one: {line}"


def away(before, w):
    found = Production(w).told()
    wanted = {kind: dialect.at_west(documents) for kind, documents in before["kinds"].items()}
    yield from differences(wanted, found["kinds"], "away")
    yield from compare(before, found, "away")
    print(f"awake at the promoted site: {len(found['awake'])} of {len(before['awake'])}")


def asleep(w):
    yield from (f"awake at the old site: {line}" for line in Production(w).told()["awake"])


def only(w, name):
    [job] = [job for job in w.jobs.list() if job.settings.name == name]
    return job.job_id


def edit(w):
    w.jobs.update(only(w, EDITED), new_settings=jobs.JobSettings(timeout_seconds=4321))
    w.jobs.update(only(w, RENAMED), new_settings=jobs.JobSettings(name=f"{RENAMED}, renamed away"))
    task = jobs.Task(task_key="only", notebook_task=jobs.NotebookTask(notebook_path="/Shared/acme/ingest/step 0"))
    schedule = jobs.CronSchedule(
        quartz_cron_expression="0 0 4 * * ?", timezone_id="UTC", pause_status=jobs.PauseStatus.PAUSED
    )
    w.jobs.create(name=MADE, tasks=[task], schedule=schedule)
    return []


def home(before, w):
    """Everything as it was, original node types included, and three edits."""
    found, documents = Production(w).told(), {}
    for job in found["kinds"]["job"]:
        documents.setdefault(job.get("name"), job)
    wanted = json.loads(json.dumps(before))
    for job in wanted["kinds"]["job"]:
        if job["name"] == EDITED:
            job["timeout_seconds"] = 4321
        elif job["name"] == RENAMED:
            job["name"] = f"{RENAMED}, renamed away"
    wanted["kinds"]["job"].append(documents[MADE])
    wanted["meant"][f"job {RENAMED}, renamed away"] = wanted["meant"].pop(f"job {RENAMED}")
    wanted["meant"][f"job {MADE}"] = ["runs 1, queue False, starters ['PAUSED']"]
    renamed = [line.replace(f"job {RENAMED} ", f"job {RENAMED}, renamed away ") for line in wanted["awake"]]
    wanted["awake"] = renamed + [line for line in found["awake"] if line.startswith(f"job {MADE} ")]
    yield from differences(wanted["kinds"], found["kinds"], "home")
    yield from compare(wanted, found, "home")
    nodes = {cluster.get("node_type_id") for cluster in found["kinds"]["cluster"]}
    assert {"i3.xlarge", "i3.2xlarge"} & nodes and "i4i.xlarge" not in nodes, f"node types at home: {nodes}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("account", type=pathlib.Path)
    parser.add_argument("verb", choices=["save", "away", "asleep", "edit", "home"])
    parser.add_argument("site")
    parser.add_argument("kept", type=pathlib.Path)
    arguments = parser.parse_args()
    account = json.loads(arguments.account.read_text())
    [site] = [site for site in account["workspaces"] if site["name"] == arguments.site]
    w = workspace.of(site)
    if arguments.verb == "save":
        told = Production(w).told()
        assert len(told["awake"]) >= 20, "the primary is not awake, so the test shows nothing"
        arguments.kept.write_text(json.dumps(told))
        return
    before = json.loads(arguments.kept.read_text())
    found = list({"away": away, "home": home}[arguments.verb](before, w) if arguments.verb in ("away", "home") else
                 {"asleep": asleep, "edit": edit}[arguments.verb](w))
    for line in found:
        print(line)
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
