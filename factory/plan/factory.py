"""The whole plan of a factory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.spec import Factory

from . import controls
from .access import access_component, describe_access, plan_access
from .auditor import plan_auditor
from .deployer import plan_deployer
from .driller import plan_driller
from .etcd import etcd_flags, plan_etcd
from .external_registry import plan_external_registry
from .grant import describe_rights, plan_cleanup, plan_eligibility, plan_grant
from .guardrail import describe_guardrails, guardrail_bindings, plan_anchor, plan_grants, plan_guarded_deployer, plan_guardrails
from .keycloak import describe_keycloaks, plan_keycloaks
from .manifest import Because, Component, File, Manifest, Plan
from .network import plan_cluster_tier, plan_egress, plan_flow, plan_isolation
from .pool import describe_pool, plan_pool
from .priority import plan_priorities
from .queue import describe_queue, plan_flavors, plan_queue
from .registry import describe_registry, plan_registry
from .segment import describe_segment, describe_workload, plan_segment, plan_workload
from .static_policy import plan_static_policies, static_policy_flags
from .trust import plan_signing, plan_trust
from .vault import describe_key_management, plan_key_management, plan_token_reviewer, plan_vault
from .workload_identity import describe_workload_identity, plan_spire, plan_workload_identity

KINDS = (
    "AiFactory",
    "Guardrails",
    "Segment",
    "GpuPool",
    "Queue",
    "WorkloadIdentity",
    "IdentityProvider",
    "KeyManagement",
    "ModelRegistry",
    "Access",
)
"""Components in the order in which they are created; removed the other way round: no segment is ever without guardrails."""
_RANK = {kind: rank for rank, kind in enumerate(KINDS)}


def plan_factory(factory: Factory) -> Plan:
    """All that the spec implies: the same plan for the same spec, whatever the order of its lists.

    The spec must be free of dangling references: `factory.rules` finds them.
    """
    manifests = sorted(_manifests(factory), key=_order)
    rights = (*plan_deployer(factory, manifests), *plan_auditor(factory, manifests), plan_driller(factory), *plan_cleanup(factory))
    bootstrap = (*plan_anchor(factory), *plan_guarded_deployer(factory), *rights, *plan_token_reviewer(factory))
    files, spire = tuple(_files(factory)), tuple(plan_spire(factory))
    vault, trust, registry = tuple(plan_vault(factory)), tuple(plan_signing(factory)), tuple(plan_external_registry(factory))
    return Plan(factory.name, tuple(manifests), _intents(factory), files, spire, registry, vault, bootstrap, trust)


def _manifests(factory: Factory) -> Iterator[Manifest]:
    yield from plan_priorities(factory)
    yield from plan_cluster_tier(factory)
    guardrails = tuple(plan_guardrails(factory))
    yield from guardrails
    guarded = guardrail_bindings(guardrails)
    for segment in factory.segments:
        yield from plan_segment(factory, segment, after=guarded)
        yield from plan_isolation(factory, segment)
    yield from plan_grants(factory)
    for workload in factory.workloads:
        yield from plan_workload(factory, workload)
        yield from plan_egress(factory, workload)
    for flow in factory.flows:
        yield from plan_flow(factory, flow)
    for pool in factory.pools:
        yield from plan_pool(factory, pool)
    yield from plan_workload_identity(factory)
    yield from plan_trust(factory)
    yield from plan_keycloaks(factory, after=guarded)
    yield from plan_key_management(factory, after=guarded)
    yield from plan_registry(factory, after=guarded)
    yield from plan_access(factory, after=guarded)
    yield from plan_eligibility(factory, after=guarded)
    for grant in factory.grants:
        yield plan_grant(factory, grant, after=guarded)
    yield from plan_flavors(factory)
    for queue in factory.queues:
        yield from plan_queue(factory, queue)


def _files(factory: Factory) -> Iterator[File]:
    flags = static_policy_flags(factory) | etcd_flags(factory)
    if factory.providers:
        from .distribution import plan_sign_in, sign_in_flags  # most specs have no providers, and need not wait for it

        flags |= sign_in_flags(factory)
        yield from plan_sign_in(factory)
    if flags:
        yield File("kube-apiserver.yaml", flags, Because("cluster", "flags of kube-apiserver, by name", (controls.TENET_6,)))
    yield from plan_static_policies(factory)
    yield from plan_etcd(factory)


def _order(manifest: Manifest) -> tuple[int, str, bool, bool, str]:
    component = manifest.component
    return _RANK[component.kind], component.name, manifest.body["kind"] != "Namespace", bool(manifest.after), manifest.key


def _intents(factory: Factory) -> dict[Component, dict[str, Any]]:
    intents: dict[Component, dict[str, Any]] = {
        Component("AiFactory", factory.name): {
            "posture": factory.posture.value,
            "trustDomain": factory.trust_domain,
            "cluster": factory.cluster.model_dump(mode="json", exclude_defaults=True),
        }
    }
    intents[Component("Guardrails", factory.name)] = dict(describe_guardrails(factory))
    for segment in sorted(factory.segments, key=lambda segment: segment.name):
        intents[Component("Segment", segment.name)] = describe_segment(factory, segment) | {"workloads": {}, "flows": {}}
    for workload in sorted(factory.workloads, key=lambda workload: workload.reference):
        intents[Component("Segment", workload.segment)]["workloads"][workload.name] = describe_workload(workload)
    for flow in sorted(factory.flows, key=lambda flow: flow.reference):
        for end in {reference.split("/")[0] for reference in (flow.source, flow.to) if "/" in reference}:
            intents[Component("Segment", end)]["flows"][flow.reference] = flow.because
    for pool in sorted(factory.pools, key=lambda pool: pool.name):
        intents[Component("GpuPool", pool.name)] = describe_pool(pool)
    for queue in sorted(factory.queues, key=lambda queue: queue.name):
        intents[Component("Queue", queue.name)] = describe_queue(queue)
    if factory.workload_identity:
        intents[Component("WorkloadIdentity", factory.name)] = describe_workload_identity(factory, factory.workload_identity)
    intents |= describe_keycloaks(factory)
    intents |= describe_key_management(factory)
    intents |= describe_registry(factory)
    for access in sorted(factory.access, key=lambda access: access.reference):
        intents[access_component(access)] = describe_access(access)
    for component, intent in describe_rights(factory):
        known = intents.setdefault(component, intent)
        if known is not intent:
            known["until"] |= intent["until"]
    return intents
