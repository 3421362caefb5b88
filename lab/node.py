"""Fake nodes: what a nodes file declares, as Node objects that kwok keeps alive."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import yaml

from lab.api import Api
from lab.errors import LabError

CAPACITY = {"cpu": "64", "memory": "512Gi", "pods": "110"}
ALLOWED = ("name", "count", "labels", "capacity", "taints", "zones")
DIGEST = "lab.ai-factory/digest"


def read_nodes(path: Path) -> list[dict[str, Any]]:
    """The Node objects that *path* declares: `name-0` to `name-<count-1>` for each entry.

    An entry is `{name, count, labels, capacity, taints, zones}`: all but `name` optional, `count` 1, `capacity` merged over 64 cpu,
    512Gi memory and 110 pods, `zones` dealt out in turn.

    Raises LabError: unreadable, not a list of such entries, a name twice.
    """
    try:
        entries = yaml.safe_load(path.read_text())
    except OSError as error:
        raise LabError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise LabError(f"{path} is not YAML: {error}") from None
    if not isinstance(entries, list):
        raise LabError(f"{path} is no list of nodes: write `- {{name: h100, count: 4, labels: {{...}}, capacity: {{nvidia.com/gpu: 8}}}}`")
    nodes = [node for number, entry in enumerate(entries) for node in expand(f"{path}[{number}]", entry)]
    names = [node["metadata"]["name"] for node in nodes]
    if twice := {name for name in names if names.count(name) > 1}:
        raise LabError(f"{path}: two entries make nodes of one name: {', '.join(sorted(twice))}")
    return nodes


def expand(where: str, entry: object) -> list[dict[str, Any]]:
    if not isinstance(entry, dict):
        raise LabError(f"{where} is {entry!r}, not a mapping with the keys {', '.join(ALLOWED)}")
    for key in entry:
        if key not in ALLOWED:
            raise LabError(f"{where}.{key}: unknown; allowed are {', '.join(ALLOWED)}")
    name, count = entry.get("name"), entry.get("count", 1)
    if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", name):
        raise LabError(f"{where}.name is {name!r}: use a-z, 0-9, - and . (a DNS name)")
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= 10_000:
        raise LabError(f"{where}.count is {count!r}: use a whole number up to 10000")
    for key, kind in (("labels", dict), ("capacity", dict), ("taints", list), ("zones", list)):
        if not isinstance(entry.get(key, kind()), kind):
            raise LabError(f"{where}.{key} is {entry[key]!r}: use a {'mapping' if kind is dict else 'list'}")
    return [node(entry, f"{name}-{number}", number) for number in range(count)]


def node(entry: dict[str, Any], name: str, number: int) -> dict[str, Any]:
    capacity = CAPACITY | {resource: str(amount) for resource, amount in entry.get("capacity", {}).items()}
    zones = entry.get("zones", [])
    labels = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        **({"topology.kubernetes.io/zone": zones[number % len(zones)]} if zones else {}),
        **{key: str(value) for key, value in entry.get("labels", {}).items()},
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}},
        # Taints are one list with one owner: name them only where the file does, so that somebody else may own them.
        "spec": {"taints": entry["taints"]} if "taints" in entry else {},
        "status": {"capacity": capacity, "allocatable": capacity},
    }


def apply_nodes(api: Api, nodes: list[dict[str, Any]]) -> int:
    """Create or update *nodes*; those that already are what the file says, and others, are left alone. Returns how many were written."""
    live = {item["metadata"]["name"]: item["metadata"].get("annotations", {}).get(DIGEST) for item in api.get("/api/v1/nodes")["items"]}
    changed = 0
    for each in nodes:
        name = each["metadata"]["name"]
        digest = hashlib.sha256(json.dumps(each, sort_keys=True).encode()).hexdigest()[:16]
        if live.get(name) == digest:
            continue
        status = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": each["status"]}
        each["metadata"]["annotations"][DIGEST] = digest
        if name in live:
            api.apply(f"/api/v1/nodes/{name}/status", status)  # first: the digest says that all of it is done
        api.apply(f"/api/v1/nodes/{name}", each)
        changed += 1
    return changed
