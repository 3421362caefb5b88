"""Workload identity: which pods SPIRE may give which SPIFFE ID, and how SPIRE itself is set up.

The kinds are those of spire-controller-manager, which SPIRE's Helm charts bring along. A pod gets its SVID when SPIRE's agent, asked over
the node's own socket, finds it in the namespace, under the ServiceAccount and with the label of a workload; no secret is handed out for
that (SPIFFE, *SPIFFE Workload API*, section 4). Label and ServiceAccount go together because ZG01 lets no pod have one without the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from factory.spec import Factory, Federation, Workload, WorkloadIdentity, seconds

from . import controls, names
from .body import body
from .manifest import Because, Body, Component, File, Manifest

API = "spire.spiffe.io/v1alpha1"
CONTROLS = (controls.TENET_2, controls.TENET_6, controls.CIS_RBAC)
CHART, CHART_VERSION, CRDS_CHART_VERSION = "spire", "0.25.0", "0.5.0"
"""SPIRE's hardened charts `spire` and `spire-crds`, https://spiffe.github.io/helm-charts-hardened/."""
CHART_IDENTITIES = ("default", "oidc-discovery-provider", "test-keys")
"""ClusterSPIFFEIDs of the chart's own; `default` is every pod's."""
CSI_DRIVER = "csi.spiffe.io"
"""Driver that mounts the socket of SPIRE's agent into a pod, without a hostPath."""
CA_LIVES = 6
"""SPIRE guarantees an SVID its life when the authority lives six times as long (`MinCATTLForSVIDTTL`, pkg/server/ca/manager)."""


def plan_workload_identity(factory: Factory) -> Iterator[Manifest]:
    """A ClusterSPIFFEID for each workload, and a ClusterFederatedTrustDomain for each other site. Nothing without `identity.workloads`."""
    identity = factory.workload_identity
    if identity is None:
        return
    component = Component("WorkloadIdentity", factory.name)
    for workload in factory.workloads:
        because = Because(f"workloads[{workload.reference}]", "the workload proves who it is", CONTROLS)
        name = names.cluster_wide(factory.name, f"{workload.segment}.{workload.name}")
        granted = body(API, "ClusterSPIFFEID", name, because, factory=factory.name, spec=_spiffe_id(factory, identity, workload))
        yield Manifest(component, f"workload-{workload.segment}.{workload.name}", granted, because)
    for federation in identity.spire.federations:
        domain = federation.trust_domain
        because = Because(f"identity.workloads.spire.federations[{domain}]", "its identities are recognised here", CONTROLS)
        name = names.cluster_wide(factory.name, domain)
        trusted = body(API, "ClusterFederatedTrustDomain", name, because, factory=factory.name, spec=_federation(factory, federation))
        yield Manifest(component, f"federation-{domain}", trusted, because)


def describe_workload_identity(factory: Factory, identity: WorkloadIdentity) -> dict[str, Any]:
    """What its preview row shows: who gets an identity, for how long, and whose are recognised."""
    return {
        "trustDomain": factory.trust_domain,
        "svidLife": identity.spire.svid_life,
        "tokenLife": identity.spire.token_life,
        "workloads": sorted(workload.reference for workload in factory.workloads),
        "federations": sorted(federation.trust_domain for federation in identity.spire.federations),
    }


def plan_spire(factory: Factory) -> Iterator[File]:
    """What whoever installs SPIRE needs: values for its Helm chart, and registration entries for a SPIRE without controller-manager."""
    identity = factory.workload_identity
    if identity is None:
        return
    because = Because("identity.workloads.spire", f"values of the chart {CHART} {CHART_VERSION}", CONTROLS)
    yield File("values.yaml", _values(factory, identity), because)
    because = Because("identity.workloads", "entries for spire-server", CONTROLS)
    yield File("entries.json", {"entries": list(_entries(factory, identity))}, because)


def _spiffe_id(factory: Factory, identity: WorkloadIdentity, workload: Workload) -> Body:
    """Selectors are literal, not templates over the pod: a template `k8s:sa:{{ .PodSpec.ServiceAccountName }}` fits every ServiceAccount.
    What widens an identity is said even where it is off, so that an audit sees when somebody turns it on."""
    return {
        "className": factory.name,
        "spiffeIDTemplate": names.spiffe_id(factory.trust_domain, workload.segment, workload.name),
        "namespaceSelector": {"matchLabels": {names.NAMESPACE_NAME: names.namespace(factory.name, workload.segment)}},
        "podSelector": {"matchLabels": {names.WORKLOAD: workload.name}},
        "workloadSelectorTemplates": [f"k8s:{selector}" for selector in _selectors(factory, workload)],
        "ttl": identity.spire.svid_life,
        "jwtTtl": identity.spire.token_life,
        "federatesWith": _federates_with(identity),
        "dnsNameTemplates": [],
        "autoPopulateDNSNames": False,
        "admin": False,
        "downstream": False,
        "fallback": False,
    }


def _federation(factory: Factory, federation: Federation) -> Body:
    profile: Body = {"type": "https_web"}
    if federation.spiffe_id is not None:
        profile = {"type": "https_spiffe", "endpointSPIFFEID": federation.spiffe_id}
    return {
        "className": factory.name,
        "trustDomain": federation.trust_domain,
        "bundleEndpointURL": federation.bundle_endpoint,
        "bundleEndpointProfile": profile,
    }


def _values(factory: Factory, identity: WorkloadIdentity) -> Body:
    """Everything that the chart would otherwise decide for itself and that decides who gets which identity.

    The catch-all ClusterSPIFFEID gives every pod of the cluster an identity, and the chart comes with kubelet verification off: without it
    an agent believes whoever answers on the kubelet's port.
    """
    life = identity.spire.svid_life
    hours = max(24, -(-CA_LIVES * seconds(life) // 3600))
    return {
        "global": {
            "spire": {
                "clusterName": factory.name,
                "trustDomain": factory.trust_domain,
                "caSubject": {"organization": factory.name, "commonName": factory.trust_domain},
                "recommendations": {"enabled": True},
                "namespaces": {"create": True},
            }
        },
        "spire-server": {
            "caKeyType": "ec-p256",
            "caTTL": f"{hours}h",
            "defaultX509SvidTTL": life,
            "defaultJwtSvidTTL": identity.spire.token_life,
            "federation": {"enabled": bool(identity.spire.federations)},
            "tornjak": {"enabled": False},
            **_upstream(factory),
            "controllerManager": {
                "enabled": True,
                "className": factory.name,
                "watchClassless": False,
                "validatingWebhookConfiguration": {"enabled": True, "failurePolicy": "Fail"},
                "identities": {"clusterSPIFFEIDs": {name: {"enabled": False} for name in CHART_IDENTITIES}},
            },
        },
        "spire-agent": {
            "nodeAttestor": {"k8sPSAT": {"enabled": True}},
            "workloadAttestors": {"unix": {"enabled": False}, "k8s": {"enabled": True, "verification": {"type": "auto"}}},
        },
        "spiffe-csi-driver": {"enabled": True, "pluginName": CSI_DRIVER},
        "spiffe-oidc-discovery-provider": {"enabled": False},
        "tornjak-frontend": {"enabled": False},
    }


def _upstream(factory: Factory) -> Body:
    """Where there is a root, the intermediate below it by which SPIRE signs: in a Secret that exists already (`trust/README.md`)."""
    if factory.keys is None:
        return {}
    return {"upstreamAuthority": {"disk": {"enabled": True, "secret": {"create": False, "name": names.upstream(factory.name)}}}}


def _entries(factory: Factory, identity: WorkloadIdentity) -> Iterator[Body]:
    """One entry for the cluster's nodes, whichever they are, and below it one for each workload (`spire-server entry create -data`)."""
    cluster = f"spiffe://{factory.trust_domain}/cluster/{factory.name}"
    yield {
        "spiffe_id": cluster,
        "parent_id": f"spiffe://{factory.trust_domain}/spire/server",
        "selectors": [{"type": "k8s_psat", "value": f"cluster:{factory.name}"}],
    }
    for workload in sorted(factory.workloads, key=lambda workload: workload.reference):
        yield {
            "spiffe_id": names.spiffe_id(factory.trust_domain, workload.segment, workload.name),
            "parent_id": cluster,
            "selectors": [{"type": "k8s", "value": selector} for selector in _selectors(factory, workload, labelled=True)],
            "x509_svid_ttl": seconds(identity.spire.svid_life),
            "jwt_svid_ttl": seconds(identity.spire.token_life),
            "federates_with": _federates_with(identity),
        }


def _selectors(factory: Factory, workload: Workload, labelled: bool = False) -> Iterator[str]:
    """What SPIRE's agent must find out about a pod. The controller-manager adds the pod's uid, having judged its label itself."""
    yield f"ns:{names.namespace(factory.name, workload.segment)}"
    yield f"sa:{workload.name}"
    if labelled:
        yield f"pod-label:{names.WORKLOAD}:{workload.name}"


def _federates_with(identity: WorkloadIdentity) -> list[str]:
    return sorted(federation.trust_domain for federation in identity.spire.federations)
