"""The simulation's routes and our own requests, held against what the official SDK sends.

The first argument is a JSON file that the test writes:

    routes    method and path of every route of the simulation
    requests  every request that a sync sent: method, path, names of the query's parameters, pointers of the body's fields
    schemas   by kind: pointers of every field that its schema names

Each must exist in the SDK: as method and path, as a parameter, as a field of the dataclass. What does not is listed
below with its reason; an exception that is no longer needed fails as well.
"""

import json
import pathlib
import re
import sys

import sdk_source
from databricks.sdk.version import __version__

SERVICES = ("workspace", "compute", "sql", "jobs", "iam")

OURS = re.compile(
    r"/api/2\.\d/(workspace/|workspace-files/|policies/clusters/|policy-families|instance-pools/|clusters/|libraries/"
    r"|sql/warehouses|sql/config/warehouses|jobs/|preview/scim/v2/Me)|/api/warehouses/v1/|/oidc/|/\.well-known/"
)
"""Paths of the kinds that stand."""

LEFT_OUT = re.compile(r"permission|compliance|policies/(clusters|jobs)/(get|list|enforce|cancel)\S*", re.IGNORECASE)
"""Operations that the simulation does not have: permissions, and policy compliance."""

ROUTES_WITHOUT_THE_SDK = {
    "GET /.well-known/databricks-config": "asked for before sign-in, by the SDK's configuration and not by a service",
    "GET /oidc/.well-known/oauth-authorization-server": "asked for before sign-in by OAuth",
    "POST /api/2.0/workspace-files/import-file/{}": "what the CLI writes files with; not in the OpenAPI description",
    "GET /api/2.0/workspace-files/{}": "what the CLI reads files with; not in the OpenAPI description",
}

OLDER_VERSIONS = {"/api/2.1/jobs/": "/api/2.2/jobs/", "/api/2.0/clusters/": "/api/2.1/clusters/"}
"""Versions that the service still answers, and the one that the SDK has gone on to."""

FIELDS_WITHOUT_THE_SDK = {
    "job /trigger/job_completion/jobs/*/job_id": "in the REST reference; the SDK does not have it yet",
    "job /triggers/*/job_completion/jobs/*/job_id": "in the REST reference; the SDK does not have it yet",
    "sql_warehouse /creator_id": "answers carry it, and it must not be sent",
    "sql_warehouse /size": "answers carry it, an older spelling of cluster_size, and it must not be sent",
}
"""Pointers of schemas, as `kind pointer`, with the reason."""

RULES_WITHOUT_THE_SDK = {
    "cluster_log_conf.path": "policies speak of the one destination of whatever store there is",
    "init_scripts.*.destination": "policies speak of the one destination of whatever store there is",
}
"""Attributes that only the grammar of policy definitions has."""

SCHEMAS = {
    "folder": ("workspace", "ObjectInfo"),
    "notebook": ("workspace", "ObjectInfo"),
    "workspace_file": ("workspace", "ObjectInfo"),
    "instance_pool": ("compute", "GetInstancePool"),
    "cluster_policy": ("compute", "Policy"),
    "cluster": ("compute", "ClusterDetails"),
    "sql_warehouse": ("sql", "GetWarehouseResponse"),
    "job": ("jobs", "JobSettings"),
}
"""The dataclass that a kind's document is."""


class Findings:
    def __init__(self):
        self.lines = []
        self.used = set()
        self.counted = {}

    def count(self, what):
        self.counted[what] = self.counted.get(what, 0) + 1

    def add(self, key, line, exceptions):
        if key in exceptions:
            self.used.add(key)
        else:
            self.lines.append(line)


def operations():
    found = [operation for service in SERVICES for operation in sdk_source.operations(service)]
    return [operation for operation in found if OURS.match(operation.path)]


def plain(path):
    return re.sub(r"\{[^}]*\}", "{}", path)


def newest(path):
    for older, newer in OLDER_VERSIONS.items():
        if path.startswith(older):
            return newer + path.removeprefix(older)
    return path


def check_routes(routes, known, findings):
    """Each route of the simulation is a request of the SDK, and each request of the SDK has a route."""
    for route in routes:
        findings.count("routes of the simulation")
        method, path = route["method"], newest(plain(route["path"]))
        sample = path.replace("{}", "x")
        if not any(operation.matches(method, sample) for operation in known):
            key = f"{method} {path}"
            findings.add(key, f"the simulation has {key}, which the SDK never sends", ROUTES_WITHOUT_THE_SDK)
    for operation in known:
        if LEFT_OUT.search(operation.name):
            continue
        findings.count("operations of the SDK")
        sample = operation.path.replace("{}", "x")
        sample = sample.replace("/warehouses/v1/x", "/warehouses/v1/default-warehouse-overrides/x")
        answered = any(
            route["method"] == operation.method and re.fullmatch(sdk_source.pattern(route["path"]), sample)
            for route in routes
        )
        if not answered:
            findings.lines.append(f"the simulation lacks {operation.method} {operation.path} ({operation.name})")


def check_requests(requests, known, findings):
    """Each request that a sync sent is one of the SDK's, with parameters and fields of the SDK's."""
    for request in requests:
        findings.count("requests of a sync")
        method, path = request["method"], request["path"]
        matching = [operation for operation in known if operation.matches(method, path)]
        if not matching:
            findings.lines.append(f"we send {method} {path}, which the SDK never does")
            continue
        query = set().union(*(operation.query for operation in matching))
        body = {name: type for operation in matching for name, type in operation.body.items()}
        for name in request["query"]:
            findings.count("parameters of requests")
            # The fields of a filter are parameters with a dot.
            if name not in query and name.split(".")[0] not in query:
                findings.lines.append(f"we send {method} {path}?{name}=…, which the SDK never does")
        for pointer in request["fields"]:
            findings.count("fields of requests")
            first, _, rest = pointer.lstrip("/").partition("/")
            missing = f"/{first}" if first not in body else sdk_source.lacks(body[first], rest)
            if missing is not None:
                findings.lines.append(f"we send {pointer} in {method} {path}; the SDK does not know {missing}")


def check_schemas(schemas, findings):
    """Each field that a kind's schema names is a field of the SDK's dataclass."""
    for kind, pointers in schemas.items():
        type = sdk_source.dataclass(*SCHEMAS[kind])
        for pointer in pointers:
            findings.count("fields of schemas")
            missing = None
            if "::" in pointer:
                # JSON inside a string: the rules of a policy, whose keys are paths of a cluster's spec with dots.
                field, rule = pointer.split("::")
                missing = sdk_source.lacks(type, field) or lacks_rule(rule, findings)
            elif not is_outside(kind, pointer):
                missing = sdk_source.lacks(type, pointer)
            if missing is not None:
                key = f"{kind} {pointer}"
                findings.add(key, f"the schema of {kind} names {pointer}; the SDK does not know {missing}", FIELDS_WITHOUT_THE_SDK)


def is_outside(kind, pointer):
    """Whether a field stands beside a job's settings rather than in them."""
    return kind == "job" and sdk_source.lacks(sdk_source.dataclass("jobs", "Job"), pointer) is None


def lacks_rule(rule, findings):
    path = rule.lstrip("/").split("/")[0]
    if path in RULES_WITHOUT_THE_SDK:
        findings.used.add(path)
        return None
    if "*" in path.split(".")[0]:
        # Any attribute of this shape: one of them must exist.
        spec = sdk_source.fields_of(sdk_source.dataclass("compute", "ClusterSpec"))
        first, _, rest = path.partition(".")
        shape = re.compile(re.escape(first).replace(r"\*", ".*"))
        candidates = [type for name, type in spec.items() if shape.fullmatch(name)]
        rest = rest.rstrip("*").replace(".", "/")
        found = any(sdk_source.lacks(type, rest) is None for type in candidates)
        return None if found else path
    return sdk_source.lacks(sdk_source.dataclass("compute", "ClusterSpec"), path.replace(".", "/"))


def main():
    print(f"databricks-sdk {__version__}")
    ours = json.loads(pathlib.Path(sys.argv[1]).read_text())
    known, findings = operations(), Findings()
    check_routes(ours["routes"], known, findings)
    check_requests(ours["requests"], known, findings)
    check_schemas(ours["schemas"], findings)
    for exceptions in (ROUTES_WITHOUT_THE_SDK, FIELDS_WITHOUT_THE_SDK, RULES_WITHOUT_THE_SDK):
        findings.lines += [f"an exception that is not needed: {key}" for key in exceptions if key not in findings.used]
    print(", ".join(f"{count} {what}" for what, count in findings.counted.items()))
    for line in findings.lines:
        print(line)
    sys.exit(1 if findings.lines else 0)


if __name__ == "__main__":
    main()
