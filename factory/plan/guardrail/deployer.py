"""ZG14: the deployer's hand reaches no further than its factory."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls, names
from factory.plan.keycloak import keycloaks
from factory.plan.registry import find_registry
from factory.plan.vault import find_openbao
from factory.spec import Factory, KarpenterPool, NetworkEngine

from .boundary import ALL, boundary_rules
from .guardrail import Guardrail, Rule, Validation, text
from .signature import is_signed


def deployer(factory: Factory) -> Guardrail:
    """RBAC cannot say "namespaces that do not exist yet", so the deployer may write its kinds under any name. This says which are its own:
    what lives in the factory's namespaces, and outside of namespaces what bears the factory's label, before and after. Nodes are not
    looked at: RBAC names them. An identity in the factory's trust domain it gives to the pods of one workload of one segment only, under
    that workload's name. It is part of the bootstrap, so that the deployer cannot take it away."""
    label = f".metadata.?labels[?{text(names.FACTORY)}].orValue('') == {text(factory.name)}"
    return Guardrail(
        "ZG14",
        "deployer",
        "The deployer writes what belongs to its factory only.",
        (controls.TENET_3, controls.AUTHORIZATION, controls.CIS_RBAC),
        rules=(*boundary_rules(factory), *_cluster_rules(factory), *_served_rules(factory)),
        conditions={"by-deployer": f"request.userInfo.username == {text(factory.deployer.user)}"},
        variables={
            "was": f"oldObject != null && dyn(oldObject){label}",
            "becomes": f"object != null && dyn(object){label}",
            # Somebody else's object may not be taken, nor an own one given away; a label that was tampered with may be put right.
            "named": f"dyn(object != null ? object : oldObject).metadata.?name.orValue('').startsWith({text(factory.name + '-')})",
        },
        validations=(
            Validation(
                f"namespaceObject != null ? namespaceObject{label}"
                " : object == null ? variables.was"
                " : oldObject == null ? variables.becomes"
                " : variables.was && variables.becomes || (variables.named ? variables.becomes : variables.was)",
                f"{factory.deployer.user} deploys factory {factory.name} and writes nothing that does not bear its label {names.FACTORY}:"
                " give another factory a `deployer.user` of its own.",
            ),
            *_identities(factory),
        ),
        where="Everywhere",
    )


def _identities(factory: Factory) -> Iterator[Validation]:
    """SPIRE gives an identity to whatever its selectors fit: so they fit one workload, and the identity is that one's."""
    if factory.workload_identity is None:
        return
    prefix = names.namespace(factory.name, "")
    spiffe_id = names.spiffe_id(factory.trust_domain, "SEGMENT", "WORKLOAD")
    head, tail = spiffe_id.split("SEGMENT")
    yield Validation(
        "request.resource.resource != 'clusterspiffeids' || object == null || [dyn(object).spec].all(s,"
        f" s.?className.orValue('') == {text(factory.name)} && !s.?admin.orValue(false) && !s.?downstream.orValue(false)"
        " && s.?dnsNameTemplates.orValue([]).size() == 0 && !s.?autoPopulateDNSNames.orValue(false)"
        f" && [s.?namespaceSelector.?matchLabels[?{text(names.NAMESPACE_NAME)}].orValue('')].all(n, n.startsWith({text(prefix)})"
        f" && [s.?podSelector.?matchLabels[?{text(names.WORKLOAD)}].orValue('')].all(w, w != ''"
        f" && s.spiffeIDTemplate == {text(head)} + n.substring({len(prefix)}) + {text(tail.removesuffix('WORKLOAD'))} + w"
        " && 'k8s:ns:' + n in s.?workloadSelectorTemplates.orValue([]) && 'k8s:sa:' + w in s.?workloadSelectorTemplates.orValue([]))))",
        f"a ClusterSPIFFEID of factory {factory.name} gives one workload of one segment its own SPIFFE ID, and nothing else.",
    )


def _served_rules(factory: Factory) -> Iterator[Rule]:
    """Kinds of which the deployer writes few names, in any namespace as far as RBAC goes."""
    registry = find_registry(factory)
    if registry and (registry.storage is not None or registry.frozen):
        yield Rule("batch", "v1", ("cronjobs",), ALL)
    if vault := find_openbao(factory):
        yield Rule("apps", "v1", ("statefulsets",), ALL)
    if registry or keycloaks(factory):
        yield Rule("apps", "v1", ("deployments",), ALL)
    if registry or keycloaks(factory) or vault:
        yield Rule("", "v1", ("services",), ALL)
        yield Rule("policy", "v1", ("poddisruptionbudgets",), ALL)


def _cluster_rules(factory: Factory) -> Iterator[Rule]:
    """Kinds without namespace that the factory may have, but for policies, which no policy sees."""
    yield Rule("", "v1", ("namespaces",), ALL, "Cluster")
    yield Rule("scheduling.k8s.io", "v1", ("priorityclasses",), ALL, "Cluster")
    yield Rule("resource.k8s.io", "v1", ("deviceclasses",), ALL, "Cluster")
    if factory.cluster.network_policy is NetworkEngine.CILIUM:
        yield Rule("cilium.io", "v2", ("ciliumclusterwidenetworkpolicies",), ALL, "Cluster")
    if factory.cluster.cluster_network_policy:
        yield Rule("policy.networking.k8s.io", "*", ("clusternetworkpolicies",), ALL, "Cluster")
    if is_signed(factory):
        yield Rule("policies.kyverno.io", "v1", ("imagevalidatingpolicies",), ALL, "Cluster")
    if factory.queues:
        yield Rule("kueue.x-k8s.io", "v1beta2", ("clusterqueues", "resourceflavors"), ALL, "Cluster")
    if factory.workload_identity is not None:
        yield Rule("spire.spiffe.io", "v1alpha1", ("clusterspiffeids", "clusterfederatedtrustdomains"), ALL, "Cluster")
    if any(isinstance(pool, KarpenterPool) for pool in factory.pools):
        yield Rule("karpenter.sh", "v1", ("nodepools",), ALL, "Cluster")
        yield Rule("karpenter.k8s.aws", "v1", ("ec2nodeclasses",), ALL, "Cluster")
