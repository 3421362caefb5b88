"""What a segment's workloads are granted, as the guardrails read it: one ConfigMap in each segment, a line for each thing granted.

Keys: `workloads`, `priority`, `registries`, `digests`, `audiences`, `accounts`, `sessions.<Session>` for the segment;
`<role>.eligible`, a line of group, approvers, seconds and `ticket`, parted by tabs, for each group that may hold the role for a while;
`<workload>.<pool|nodes|resources|claim-templates|images|reads|writes|models|tokens>` for one workload. An absent key grants nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from factory.plan import controls, names
from factory.plan.body import body
from factory.plan.catalogue import sessions
from factory.plan.manifest import Because, Component, Manifest
from factory.plan.pool import pool_node_selector
from factory.plan.priority import priority_class
from factory.plan.registry import store_audiences, store_claims
from factory.plan.vault import AUDIENCE, claims, find_openbao
from factory.plan.vault import WORKLOAD as VAULT
from factory.spec import Access, DeviceApi, Eligibility, Factory, Segment, Workload

from .guardrail import GRANTS

API_SERVER = "API server"
"""What a workload bears a token for that may ask it whose tokens it is shown."""

Granted = TypeVar("Granted", Workload, Access, Eligibility)


def plan_grants(factory: Factory) -> Iterator[Manifest]:
    """The grants of each segment. Without this object nothing runs there: the guardrails' bindings say `parameterNotFoundAction: Deny`."""
    workloads = _by_segment((workload.segment, workload) for workload in factory.workloads)
    access = _by_segment((segment, access) for access in factory.access for segment in access.segments)
    eligible = _by_segment((segment, eligibility) for eligibility in factory.eligibility for segment in eligibility.segments)
    for segment in factory.segments:
        path = f"segments[{segment.name}]"
        because = Because(path, "what guardrails let the segment's workloads do", (controls.TENET_3, controls.TENET_4))
        people = access.get(segment.name, []), eligible.get(segment.name, [])
        granted = (*_grants(factory, segment, workloads.get(segment.name, [])), *_people(factory, segment, *people))
        data = dict(sorted((key, value) for key, value in granted if value))
        namespace = names.namespace(factory.name, segment.name)
        grants = body("v1", "ConfigMap", GRANTS, because, factory=factory.name, namespace=namespace, data=data)
        yield Manifest(Component("Segment", segment.name), GRANTS, grants, because)


def _by_segment(pairs: Iterable[tuple[str, Granted]]) -> dict[str, list[Granted]]:
    found: dict[str, list[Granted]] = {}
    for segment, granted in pairs:
        found.setdefault(segment, []).append(granted)
    return found


def _grants(factory: Factory, segment: Segment, workloads: list[Workload]) -> Iterator[tuple[str, str]]:
    digests = factory.production if factory.images.digests is None else factory.images.digests
    yield "workloads", _lines(workload.name for workload in workloads)
    yield "priority", priority_class(factory.name, segment.stage)
    yield "registries", _lines(factory.images.registries)
    yield "digests", str(digests).lower()
    # A token for the trust domain convinces whoever federates with it, never the API server, whose audience is its own.
    identity = factory.workload_identity
    audiences = (*(identity.audiences if identity else ()), *store_audiences(factory, segment.name), *((AUDIENCE,) if factory.keys else ()))
    yield "audiences", _lines((factory.trust_domain, *audiences))
    for workload in workloads:
        for grant, value in _workload(factory, workload):
            yield f"{workload.name}.{grant}", value


def _workload(factory: Factory, workload: Workload) -> Iterator[tuple[str, str]]:
    if workload.pool is not None:
        pool = factory.pool[workload.pool]
        gpu = pool.gpu
        yield "pool", pool.name
        yield "nodes", _lines(f"{key}={value}" for key, value in pool_node_selector(pool).items())
        yield ("claim-templates", pool.name) if gpu.api is DeviceApi.DYNAMIC_RESOURCE_ALLOCATION else ("resources", gpu.resource)
    yield "images", _lines(workload.images)
    store = store_claims(factory, workload)
    yield "reads", _lines((*(factory.dataset[name].claim_name for name in workload.reads), *store.get("reads", ())))
    vault = find_openbao(factory)
    own = claims(vault) if vault and workload.reference == f"{vault.segment}/{VAULT}" else ()
    yield "writes", _lines((*(factory.dataset[name].claim_name for name in workload.writes), *store.get("writes", ()), *own))
    yield "tokens", API_SERVER if own else ""
    yield "models", _lines(factory.model[name].repository for name in workload.serves)


def _people(factory: Factory, segment: Segment, access: list[Access], eligible: list[Eligibility]) -> Iterator[tuple[str, str]]:
    yield "accounts", _lines(access.service_account for access in access if access.service_account)
    # Who may enter a pod for a while is told apart from who may not by RBAC: a guardrail cannot see bindings.
    holders = [(access.role, access.group or _user(access.service_account or "")) for access in access]
    holders += [(eligibility.role, eligibility.group) for eligibility in eligible]
    holders += [(grant.role, grant.user) for grant in factory.grants if grant.segment == segment.name]
    opened = [(session, holder) for role, holder in holders for session in sessions(factory, role)]
    for session in sorted({session for session, _ in opened}):
        yield f"sessions.{session.value}", _lines(holder for opens, holder in opened if opens is session)
    for role in sorted({eligibility.role for eligibility in eligible}):
        yield f"{role}.eligible", _lines(_terms(eligibility) for eligibility in eligible if eligibility.role == role)


def _terms(eligibility: Eligibility) -> str:
    ticket = "ticket" if eligibility.ticket else ""
    return "\t".join((eligibility.group, eligibility.approvers or "", str(eligibility.longest_seconds), ticket))


def _user(account: str) -> str:
    namespace, _, name = account.partition("/")
    return f"system:serviceaccount:{namespace}:{name}"


def _lines(words: Iterable[str]) -> str:
    return "\n".join(sorted(set(words)))
