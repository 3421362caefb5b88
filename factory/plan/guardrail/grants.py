"""What a segment's workloads are granted, as the guardrails read it: one ConfigMap in each segment, a line for each thing granted.

Keys: `workloads`, `priority`, `registries`, `digests`, `audiences`, `accounts`, `sessions.<Session>` for the segment;
`<workload>.<pool|nodes|resources|claim-templates|images|reads|writes|models>` for one workload. An absent key grants nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from factory.plan import controls, names
from factory.plan.body import body
from factory.plan.manifest import Because, Component, Manifest
from factory.plan.pool import pool_node_selector
from factory.plan.priority import priority_class
from factory.spec import Access, DeviceApi, Factory, Segment, Workload

from .guardrail import GRANTS

Granted = TypeVar("Granted", Workload, Access)


def plan_grants(factory: Factory) -> Iterator[Manifest]:
    """The grants of each segment. Without this object nothing runs there: the guardrails' bindings say `parameterNotFoundAction: Deny`."""
    workloads = _by_segment((workload.segment, workload) for workload in factory.workloads)
    access = _by_segment((segment, access) for access in factory.access for segment in access.segments)
    for segment in factory.segments:
        path = f"segments[{segment.name}]"
        because = Because(path, "what guardrails let the segment's workloads do", (controls.TENET_3, controls.TENET_4))
        granted = _grants(factory, segment, workloads.get(segment.name, []), access.get(segment.name, []))
        data = dict(sorted((key, value) for key, value in granted if value))
        namespace = names.namespace(factory.name, segment.name)
        grants = body("v1", "ConfigMap", GRANTS, because, factory=factory.name, namespace=namespace, data=data)
        yield Manifest(Component("Segment", segment.name), GRANTS, grants, because)


def _by_segment(pairs: Iterable[tuple[str, Granted]]) -> dict[str, list[Granted]]:
    found: dict[str, list[Granted]] = {}
    for segment, granted in pairs:
        found.setdefault(segment, []).append(granted)
    return found


def _grants(factory: Factory, segment: Segment, workloads: list[Workload], access: list[Access]) -> Iterator[tuple[str, str]]:
    digests = factory.production if factory.images.digests is None else factory.images.digests
    yield "workloads", _lines(workload.name for workload in workloads)
    yield "priority", priority_class(factory.name, segment.stage)
    yield "registries", _lines(factory.images.registries)
    yield "digests", str(digests).lower()
    # A token for the trust domain convinces whoever federates with it, never the API server, whose audience is its own.
    yield "audiences", factory.trust_domain
    for workload in workloads:
        for grant, value in _workload(factory, workload):
            yield f"{workload.name}.{grant}", value
    yield from _people(factory, access)


def _workload(factory: Factory, workload: Workload) -> Iterator[tuple[str, str]]:
    if workload.pool is not None:
        pool = factory.pool[workload.pool]
        gpu = pool.gpu
        yield "pool", pool.name
        yield "nodes", _lines(f"{key}={value}" for key, value in pool_node_selector(pool).items())
        yield ("claim-templates", pool.name) if gpu.api is DeviceApi.DYNAMIC_RESOURCE_ALLOCATION else ("resources", gpu.resource)
    yield "images", _lines(workload.images)
    yield "reads", _lines(factory.dataset[name].claim_name for name in workload.reads)
    yield "writes", _lines(factory.dataset[name].claim_name for name in workload.writes)
    yield "models", _lines(factory.model[name].repository for name in workload.serves)


def _people(factory: Factory, here: list[Access]) -> Iterator[tuple[str, str]]:
    sessions = {role.name: role.sessions for role in factory.roles}
    yield "accounts", _lines(access.service_account for access in here if access.service_account)
    for session in sorted({session for access in here for session in sessions.get(access.role, ())}):
        holders = (access for access in here if session in sessions.get(access.role, ()))
        yield f"sessions.{session.value}", _lines(access.group or _user(access.service_account or "") for access in holders)


def _user(account: str) -> str:
    namespace, _, name = account.partition("/")
    return f"system:serviceaccount:{namespace}:{name}"


def _lines(words: Iterable[str]) -> str:
    return "\n".join(sorted(set(words)))
