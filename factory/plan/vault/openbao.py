"""OpenBao in a Platform segment: a StatefulSet whose members know from their name alone whether to found the raft or to join it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from factory.plan import controls, names
from factory.plan.body import body
from factory.plan.manifest import Because, Body, Component, Manifest
from factory.plan.pod_security import RESTRICTED_CONTAINER, restricted_pod
from factory.spec import Factory, Keys, OpenBao, SealKind

from .request import POLICIES, policy_files
from .server import DATA, FIRST, MEMBER, MEMBERS, PORT, RAFT, SEAL, SERVER, TLS, WORKLOAD, configuration, find_port, member_url, raft_port

CONTROLS = (controls.TENET_1, controls.TENET_3, controls.TENET_6, controls.CIS_SECRETS)

CONFIGURATION, POLICY = "openbao-configuration", "openbao-policies"
"""ConfigMaps with its configuration and with every policy."""

CLAIM = "data"
"""Its claim template; the claims of members are `data-openbao-0` and so on."""

KUBERNETES = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where the Kubernetes auth method looks for the pod's own token and authority."""

_SECRETS = {SealKind.TRANSIT: ("BAO_TOKEN", "token"), SealKind.PKCS11: ("BAO_HSM_PIN", "pin")}
"""Variable and entry of the seal's Secret, where OpenBao takes it from the environment alone."""


def claims(vault: OpenBao) -> tuple[str, ...]:
    """The volume claims of its members, as the StatefulSet controller names them."""
    return tuple(f"{CLAIM}-{WORKLOAD}-{ordinal}" for ordinal in range(vault.replicas))


def plan_openbao(factory: Factory, keys: Keys, vault: OpenBao, after: tuple[str, ...]) -> Iterator[Manifest]:
    """All of it. `after` names the manifests that it waits for: guardrails stand before any pod does."""
    component, namespace = Component("KeyManagement", factory.name), names.namespace(factory.name, vault.segment)
    labels, because = {names.WORKLOAD: WORKLOAD}, Because("keys.vault", "keeps the keys of models and data", CONTROLS)
    files = configuration(factory, keys, vault)
    texts = {name: json.dumps(content, indent=2) for name, content in files.items()}
    granted = Because("keys", "who may do what with which key", CONTROLS)
    configured = []
    for key, name, data, why in (
        ("configuration", CONFIGURATION, texts, because),
        ("policies", POLICY, policy_files(factory, keys), granted),
    ):
        content = body("v1", "ConfigMap", name, why, factory=factory.name, namespace=namespace, data=data)
        configured.append(Manifest(component, key, content, why))
    yield from configured
    port, raft = find_port(factory, vault, PORT), raft_port(factory, vault)
    ports = [{"name": name, "port": number, "targetPort": name, "protocol": "TCP"} for name, number in ((PORT, port), (RAFT, raft))]
    service: Body = {"type": "ClusterIP", "selector": labels}
    for key, version, kind, name, spec in (
        ("service", "v1", "Service", WORKLOAD, service | {"ports": ports[:1]}),
        # A member that joins is not ready yet, and must be found by the others all the same.
        ("members", "v1", "Service", MEMBERS, service | {"clusterIP": "None", "publishNotReadyAddresses": True, "ports": ports}),
        # A raft goes on while more than half of its members do.
        (
            "disruption",
            "policy/v1",
            "PodDisruptionBudget",
            WORKLOAD,
            {"minAvailable": vault.replicas // 2 + 1, "selector": {"matchLabels": labels}},
        ),
    ):
        content = body(version, kind, name, because, factory=factory.name, namespace=namespace, labels=labels, spec=spec)
        yield Manifest(component, key, content, because)
    spec = _stateful_set(factory, vault, sha256("".join(texts[name] for name in (SERVER, MEMBER)).encode()).hexdigest())
    content = body("apps/v1", "StatefulSet", WORKLOAD, because, factory=factory.name, namespace=namespace, labels=labels, spec=spec)
    needs = (
        *(manifest.id for manifest in configured),
        f"Segment {vault.segment}/workload-{WORKLOAD}",
        names.parameters(vault.segment),
        *after,
    )
    yield Manifest(component, "members-set", content, because, needs)


def plan_reviewer(factory: Factory, vault: OpenBao) -> Iterator[Manifest]:
    """Its right to ask the API server whose a token is, and nothing else (Kubernetes, *TokenReview*). It is part of the bootstrap: what has
    no namespace is not the deployer's to bind."""
    because = Because("keys.vault", "it asks the API server whose token it is shown", (controls.TENET_6, controls.CIS_RBAC))
    component, name = Component("AiFactory", factory.name), names.cluster_wide(factory.name, "token-reviewer")
    api = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]}]
    yield Manifest(component, "token-reviewer", body(f"{api}/v1", "ClusterRole", name, because, factory=factory.name, rules=rules), because)
    account = {"kind": "ServiceAccount", "name": WORKLOAD, "namespace": names.namespace(factory.name, vault.segment)}
    binding = body(
        f"{api}/v1",
        "ClusterRoleBinding",
        name,
        because,
        factory=factory.name,
        roleRef={"apiGroup": api, "kind": "ClusterRole", "name": name},
        subjects=[account],
    )
    yield Manifest(component, "token-reviewer-binding", binding, because, after=(f"{component}/token-reviewer",))


def _stateful_set(factory: Factory, vault: OpenBao, digest: str) -> Body:
    labels = {names.WORKLOAD: WORKLOAD}
    pod: Body = {
        "serviceAccountName": WORKLOAD,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": restricted_pod(factory, user=100, group=1000),
        # Two members on one node are one member less than there seem to be.
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": labels},
            }
        ],
        "containers": [_container(factory, vault)],
        "volumes": list(_volumes(vault)),
    }
    claim = {
        "metadata": {"name": CLAIM},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": vault.storage}}},
    }
    return {
        "replicas": vault.replicas,
        "serviceName": MEMBERS,
        # After a power cut the first member is not ready before the second one is there.
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "RollingUpdate"},
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels, "annotations": {names.CONFIGURATION: digest}}, "spec": pod},
        "volumeClaimTemplates": [claim],
    }


def _volumes(vault: OpenBao) -> Iterator[Body]:
    yield {"name": "certificate", "secret": {"secretName": vault.certificate, "defaultMode": 0o440}}
    if vault.seal.secret and vault.seal.kind not in _SECRETS:
        yield {"name": "seal", "secret": {"secretName": vault.seal.secret, "defaultMode": 0o440}}
    items = [
        {"key": name, "path": f"{WORKLOAD}-{ordinal}/{name}"}
        for ordinal in range(vault.replicas)
        for name in (SERVER, FIRST if ordinal == 0 and not vault.initialized else MEMBER)
    ]
    yield {"name": "configuration", "configMap": {"name": CONFIGURATION, "items": items}}
    yield {"name": "policies", "configMap": {"name": POLICY}}
    token = {"path": "token", "expirationSeconds": 3600}
    authority = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    yield {"name": "kubernetes", "projected": {"sources": [{"serviceAccountToken": token}, {"configMap": authority}]}}


def _container(factory: Factory, vault: OpenBao) -> Body:
    port, raft = find_port(factory, vault, PORT), raft_port(factory, vault)
    environment: list[dict[str, Any]] = [
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "BAO_RAFT_NODE_ID", "value": "$(POD_NAME)"},
        {"name": "BAO_API_ADDR", "value": member_url(factory, vault, "$(POD_NAME)", port)},
        {"name": "BAO_CLUSTER_ADDR", "value": member_url(factory, vault, "$(POD_NAME)", raft)},
        {"name": "KUBERNETES_HOST", "value": "https://kubernetes.default.svc"},
        {"name": "KUBERNETES_CA_CERT", "value": ""},
        {"name": "TOKEN_REVIEWER_JWT", "value": ""},
    ]
    if vault.seal.secret and vault.seal.kind in _SECRETS:
        name, key = _SECRETS[vault.seal.kind]
        environment.append({"name": name, "valueFrom": {"secretKeyRef": {"name": vault.seal.secret, "key": key}}})
    mounts = [
        {"name": CLAIM, "mountPath": DATA},
        {"name": "certificate", "mountPath": TLS, "readOnly": True},
        {"name": "configuration", "mountPath": "/etc/openbao/configuration", "readOnly": True},
        {"name": "policies", "mountPath": POLICIES, "readOnly": True},
        {"name": "kubernetes", "mountPath": KUBERNETES, "readOnly": True},
    ]
    if vault.seal.secret and vault.seal.kind not in _SECRETS:
        mounts.append({"name": "seal", "mountPath": SEAL, "readOnly": True})
    return {
        "name": WORKLOAD,
        "image": vault.image,
        "command": ["bao", "server", "-config=/etc/openbao/configuration/$(POD_NAME)"],
        "env": environment,
        "ports": [{"name": PORT, "containerPort": port}, {"name": RAFT, "containerPort": raft}],
        "securityContext": RESTRICTED_CONTAINER,
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"cpu": "2", "memory": "512Mi"}},
        # A sealed member, and one that waits to join, is alive; ready is who answers for the raft, be it by asking the leader.
        "startupProbe": _probe("standbyok=true&sealedcode=200&uninitcode=200", failureThreshold=60),
        "livenessProbe": _probe("standbyok=true&sealedcode=200&uninitcode=200"),
        "readinessProbe": _probe("standbyok=true"),
        "volumeMounts": mounts,
    }


def _probe(query: str, **more: int) -> Body:
    return {"httpGet": {"scheme": "HTTPS", "path": f"/v1/sys/health?{query}", "port": PORT}, "periodSeconds": 5, **more}
