# SPDX-License-Identifier: Apache-2.0
"""Holds manifests against the types of Kubernetes' own client: unknown fields, wrong types, and
required fields that are missing."""

import re

import kubernetes.client as api

PLAIN = {"str": str, "int": int, "bool": bool}


def flaws(manifest):
    """["path: what is wrong"]; a kind that the client does not know is one."""
    version = manifest["apiVersion"].rpartition("/")[2]
    kind = f"{version[0].upper()}{version[1:]}{manifest['kind']}"
    if not hasattr(api, kind):
        return [f"{kind}: unknown kind"]
    return list(_flaws(manifest, kind, f"{manifest['kind']}/{manifest['metadata']['name']}"))


def _flaws(value, kind, path):
    if kind in PLAIN:
        if type(value) is not PLAIN[kind]:
            yield f"{path}: {value!r} is no {kind}"
    elif kind.startswith("list["):
        if not isinstance(value, list):
            yield f"{path}: no list"
            return
        for number, one in enumerate(value):
            yield from _flaws(one, kind[5:-1], f"{path}[{number}]")
    elif inner := re.match(r"dict\(str, (.*)\)", kind):
        if not isinstance(value, dict):
            yield f"{path}: no map"
            return
        for key, one in value.items():
            yield from _flaws(one, inner[1], f"{path}.{key}")
    elif kind not in ("object", "datetime"):
        yield from _object_flaws(value, getattr(api, kind), path)


def _object_flaws(value, kind, path):
    if not isinstance(value, dict):
        yield f"{path}: no {kind.__name__}"
        return
    fields = {shown: name for name, shown in kind.attribute_map.items()}
    for key, one in value.items():
        if key in fields:
            yield from _flaws(one, kind.openapi_types[fields[key]], f"{path}.{key}")
        else:
            yield f"{path}: no field {key}"
    try:
        kind(**{fields[key]: one for key, one in value.items() if key in fields})
    except ValueError as error:
        yield f"{path}: {error}"
