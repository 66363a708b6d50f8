"""What the SDK sends, read from its source: methods, paths, parameters, and the fields of its dataclasses.

Nothing of the SDK is run or changed. Its service modules are generated from the OpenAPI description of the service, so
their source is the most exact public statement of which requests there are.
"""

import ast
import dataclasses
import functools
import importlib.util
import pathlib
import re

ROOT = pathlib.Path(importlib.util.find_spec("databricks.sdk").origin).parent
ANYTHING = object()
"""The type of what has no dataclass: any field may stand in it."""


@dataclasses.dataclass(frozen=True)
class Type:
    """A type of one service module, as its annotation is written there."""

    module: str
    node: ast.expr


@dataclasses.dataclass
class Operation:
    """One request that the SDK can send."""

    name: str
    method: str
    path: str
    query: set
    body: dict

    def matches(self, method, path):
        return method == self.method and re.fullmatch(pattern(self.path), path)


def pattern(path):
    """A path with `{}` as a regular expression. A parameter of the SDK may stand for several segments (`name`)."""
    return ".+".join(re.escape(part) for part in re.split(r"\{[^}]*\}", path))


@functools.cache
def module(name):
    return ast.parse((ROOT / f"{name}.py").read_text())


@functools.cache
def classes(name):
    return {node.name: node for node in module(name).body if isinstance(node, ast.ClassDef)}


def fields_of(type):
    """The fields of a type: by name, or all of one type for a map; nothing for a scalar."""
    node = type.node
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return fields_of(Type(type.module, ast.parse(node.value, mode="eval").body))
    if isinstance(node, ast.Subscript):
        outer = ast.unparse(node.value).split(".")[-1]
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        if outer == "Dict":
            return {"*": Type(type.module, inner[1])}
        if outer in ("List", "Iterator"):
            return {"*": Type(type.module, inner[0])}
        return fields_of(Type(type.module, inner[0]))
    if isinstance(node, ast.Attribute):
        return fields_of(Type(f"service/{ast.unparse(node.value)}", ast.Name(node.attr)))
    if isinstance(node, ast.Name):
        found = classes(type.module).get(node.id)
        if found is None:
            return ANYTHING if node.id in ("any", "Any", "dict") else {}
        return {
            line.target.id: Type(type.module, line.annotation) for line in found.body if isinstance(line, ast.AnnAssign)
        }
    return {}


def dataclass(service, name):
    assert name in classes(f"service/{service}"), f"the SDK has no {service}.{name}"
    return Type(f"service/{service}", ast.Name(name))


def lacks(type, pointer):
    """The first part of a JSON pointer (`*` for any item or key) that the type does not have, or None."""
    parts = [part for part in pointer.split("/") if part]
    for position, part in enumerate(parts):
        fields = fields_of(type)
        if fields is ANYTHING:
            return None
        if part == "*" and "*" not in fields and fields:
            # Any field of an object: all of them are meant.
            rest = "/" + "/".join(parts[position + 1 :])
            return None if any(lacks(inner, rest) is None for inner in fields.values()) else rest
        inner = fields.get(part, fields.get("*"))
        if inner is None:
            return "/" + "/".join(parts[: position + 1])
        type = inner
    return None


@functools.cache
def operations(service):
    """Every request of a service's APIs and of the SDK's additions to them."""
    found = []
    for name in (f"service/{service}", f"mixins/{service}"):
        if not (ROOT / f"{name}.py").exists():
            continue
        for api in classes(name).values():
            for function in (node for node in api.body if isinstance(node, ast.FunctionDef)):
                found.extend(requests_of(name, api.name, function))
    return found


def requests_of(name, api, function):
    arguments = [*function.args.args, *function.args.kwonlyargs]
    types = {argument.arg: Type(name, argument.annotation) for argument in arguments if argument.annotation}
    query, body = set(), {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            target = node.targets[0]
            if isinstance(target.value, ast.Name) and isinstance(target.slice, ast.Constant):
                if target.value.id == "query":
                    query.add(target.slice.value)
                elif target.value.id in ("body", "data"):
                    used = next((types[one.id] for one in ast.walk(node.value) if getattr(one, "id", None) in types), None)
                    body[target.slice.value] = used or Type(name, ast.Name("str"))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            whole = node.targets[0].id
            if whole in ("query", "data") and isinstance(node.value, ast.Dict):
                keys = {key.value for key in node.value.keys if isinstance(key, ast.Constant)}
                query |= keys if whole == "query" else set()
                body |= {key: Type(name, ast.Name("str")) for key in keys} if whole == "data" else {}
            elif whole == "body" and isinstance(node.value, ast.Call):
                used = next((types[one.id] for one in ast.walk(node.value) if getattr(one, "id", None) in types), None)
                if used and isinstance(fields := fields_of(used), dict):
                    body |= fields
    for node in ast.walk(function):
        if not isinstance(node, ast.Call) or not ast.unparse(node.func).endswith("._api.do"):
            continue
        method, path = node.args[0], node.args[1]
        if isinstance(method, ast.Constant) and isinstance(path, (ast.Constant, ast.JoinedStr)):
            parts = [path] if isinstance(path, ast.Constant) else path.values
            text = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in parts)
            yield Operation(f"{api}.{function.name}", method.value, text, query, body)
