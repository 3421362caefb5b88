"""Grants: what each workload may touch, as the guardrails read it from the segment's ConfigMap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from factory.plan import Because, names
from factory.plan.guardrail import GRANTS
from factory.plan.registry import CLAIM, find_registry
from factory.plan.vault import claims, find_openbao
from factory.spec import Classification

from .objects import Name, Objects, find_because

VERBS = {
    "reads": "reads",
    "writes": "writes",
    "models": "serves",
    "pool": "runs on",
    "resources": "asks for",
    "claim-templates": "claims",
    "nodes": "selects",
    "images": "runs",
    "tokens": "bears a token for the",
}
"""Of each key of the ConfigMap, what the workload does with what it lists."""


class Grant(NamedTuple):
    """One workload may do one thing with one asset."""

    workload: str
    """`training/trainer`."""
    verb: str
    """`reads`, `writes`, `produces`, `serves`, `runs on`, `runs`, …"""
    what: str
    """`dataset claims`, `model fraud`, `pool h100`, `image registry.helix.example/apps/server@sha256:…`."""
    by: Name | None
    """The object that says so; None for what only the spec says."""
    because: Because | None
    sensitive: bool = False
    """Whether the asset is Confidential or Restricted, or of a class that is not known."""


def find_grants(objects: Objects) -> Iterator[Grant]:
    """Every grant of the objects, and of the spec behind them those that no object holds (which model a workload produces)."""
    governed = set()
    for body in objects.bodies:
        name = Name.of(body)
        if name.kind == "ConfigMap" and name.name == GRANTS:
            segment = objects.segments.get(name.namespace, name.namespace)
            governed.add(segment)
            for key, lines in sorted((body.get("data") or {}).items()):
                workload, _, kind = key.rpartition(".")
                if workload and kind in VERBS:
                    for line in str(lines).splitlines():
                        what, sensitive = _asset(objects, segment, kind, line)
                        because = _because(objects, f"{segment}/{workload}", kind) or find_because(body)
                        yield Grant(f"{segment}/{workload}", VERBS[kind], what, name, because, sensitive)
    yield from _of_spec(objects, governed)


def _asset(objects: Objects, segment: str, kind: str, line: str) -> tuple[str, bool]:
    """In the spec's words where there is one: claims are datasets, repositories are models."""
    factory = objects.stack.factory if objects.stack else None
    if kind in ("reads", "writes"):
        datasets = [dataset for dataset in (factory.datasets if factory else ()) if dataset.claim_name == line]
        for dataset in sorted(datasets, key=lambda dataset: dataset.segment != segment):
            return f"dataset {dataset.name} ({dataset.classification.value})", dataset.classification.sensitive
        vault = find_openbao(factory) if factory else None
        if vault and vault.segment == segment and line in claims(vault):
            return f"a member's data of the vault, claim {line}", True
        registry = find_registry(factory) if factory else None
        if registry and (registry.segment, CLAIM) == (segment, line):
            return f"the store of the registry {registry.host}", True
        return f"claim {line}", True
    if kind == "models":
        named = [model.name for model in (factory.models if factory else ()) if model.repository == line]
        return f"model {named[0]}" if named else f"model repository {line}", False
    return (f"{_NOUN[kind]} {line}", False) if kind in _NOUN else (line, True)


_NOUN = {"pool": "pool", "resources": "device", "claim-templates": "device claim", "nodes": "nodes", "images": "image"}


def _because(objects: Objects, workload: str, kind: str) -> Because | None:
    if objects.stack is None or workload not in objects.stack.factory.workload:
        return None
    field = {"models": "serves", "resources": "pool", "claim-templates": "pool", "nodes": "pool"}.get(kind, kind)
    return Because(f"workloads[{workload}].{field}", "granted by name")


def _of_spec(objects: Objects, governed: set[str]) -> Iterator[Grant]:
    if objects.stack is None:
        return
    factory = objects.stack.factory
    for workload in factory.workloads:
        fields = ("produces",) if workload.segment in governed else ("produces", "serves", "reads", "writes", "pool", "images")
        for field in fields:
            value = getattr(workload, field)
            for name in (value,) if isinstance(value, str) else value or ():
                because = Because(f"workloads[{workload.reference}].{field}", "granted by name")
                verb, what, sensitive = {"pool": "runs on", "images": "runs"}.get(field, field), f"model {name}", False
                if field in ("reads", "writes"):
                    dataset = factory.dataset[name]
                    classification: Classification = dataset.classification
                    what, sensitive = f"dataset {name} ({classification.value})", classification.sensitive
                elif field in ("pool", "images"):
                    what = f"{_NOUN[field]} {name}"
                yield Grant(workload.reference, verb, what, None, because, sensitive)


def find_workloads(objects: Objects) -> dict[str, Name]:
    """The identities of segments, by reference."""
    return {
        f"{objects.segments[name.namespace]}/{name.name}": name
        for name, body in objects.by_name.items()
        if name.kind == "ServiceAccount" and name.namespace in objects.segments and names.WORKLOAD in (body["metadata"].get("labels") or {})
    }
