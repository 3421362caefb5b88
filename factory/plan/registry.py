"""The registry of models: CNCF distribution (distribution 3, *Configuring a registry*) in two doors over one store.

Each door is a Deployment with the identity of a workload of its own, so that flows, network policies and the store tell them apart: the
write door asks for client certificates, the read door refuses every method that writes and mounts the store read-only, which admission
demands of it (ZG03). Who reaches a door is the spec's flows and nothing else. Nobody deletes over the network: a client certificate opens
every repository, so that any producer could take any model away.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from factory.spec import DistributionRegistry, ExternalRegistry, Factory, Listener, Protocol, Workload

from . import controls, names
from .body import body
from .manifest import Because, Body, Component, Manifest
from .pod_security import RESTRICTED_CONTAINER, restricted_pod

WRITE, READ, PORT = "registry-write", "registry-read", "https"
"""The workloads of the two doors in the registry's segment, and the listener of each."""

CLAIM, COLLECTOR = "registry", "registry-collect"
"""The store's PersistentVolumeClaim, and the CronJob that removes what no manifest names."""

SERVICE_PORT = 443
"""Port of both Services: an image reference without a port means this one."""

STORE, CONFIG, TLS, TOKENS = "/var/lib/registry", "/etc/distribution", "/etc/registry/tls", "/var/run/secrets/store"

COLLECTING = f"{STORE}/collecting"
"""While this file is there the write door answers 503 to every request (distribution: *health.file*)."""

SETTLE = 120
"""Seconds between closing the write door and marking: twice the 60 s for which an NFS client may remember that a file is not there (nfs(5),
*acregmax*), so that the door is closed and the manifests that it was still taking are stored."""

AUDIENCE = "sts.amazonaws.com"
"""Whom the doors' tokens are for, where the store is a bucket (AWS: *IAM roles for service accounts*)."""

PART = "app.kubernetes.io/component"
"""Tells a door's pods from those of the collector, which has the write door's identity."""

CONTROLS = (controls.TENET_1, controls.TENET_2, controls.TENET_6, controls.SUPPLY_CHAIN)


def find_registry(factory: Factory) -> DistributionRegistry | None:
    """The registry that the factory runs. None where it runs none, or the workload of a door is missing or does not listen: `factory.rules`
    finds that."""
    registry = factory.registry
    if isinstance(registry, DistributionRegistry) and all(find_door(factory, registry, door) for door in (WRITE, READ)):
        return registry
    return None


def find_door(factory: Factory, registry: DistributionRegistry, door: str) -> Listener | None:
    """The listener of a door; None where the spec has none."""
    workload = factory.workload.get(f"{registry.segment}/{door}")
    return next((each for each in workload.listens if each.name == PORT and each.protocol is Protocol.TCP), None) if workload else None


def write_host(factory: Factory, registry: DistributionRegistry) -> str:
    """The name of the write door inside the cluster: `registry-write.helix-platform.svc`."""
    return f"{WRITE}.{names.namespace(factory.name, registry.segment)}.svc"


def find_writers(factory: Factory) -> frozenset[str]:
    """The workloads that have something to push: those that produce models, and those that sign."""
    producing = {workload.reference for workload in factory.workloads if workload.produces}
    return frozenset(producing | {signer.workload for signer in factory.signers if signer.workload})


def store_claims(factory: Factory, workload: Workload) -> Mapping[str, tuple[str, ...]]:
    """What a door is granted of the store beside what the spec says, as the guardrails read it: `reads` or `writes`, and the claim."""
    registry = find_registry(factory)
    if registry is None or registry.storage is None or workload.segment != registry.segment:
        return {}
    return {WRITE: {"writes": (CLAIM,)}, READ: {"reads": (CLAIM,)}}.get(workload.name, {})


def store_audiences(factory: Factory, segment: str) -> tuple[str, ...]:
    """Audiences of the tokens by which doors in a segment open a bucket."""
    registry = find_registry(factory)
    return (AUDIENCE,) if registry and registry.s3 and registry.segment == segment else ()


def door_config(factory: Factory, registry: DistributionRegistry, door: str) -> Body:
    """The configuration of a door. Raises AssertionError for a door without listener."""
    listener, writes = find_door(factory, registry, door), door == WRITE
    assert listener is not None  # `find_registry` has looked
    purge: Body = {"enabled": writes} | ({"age": "168h", "interval": "24h", "dryrun": False} if writes else {})
    tls: Body = {"certificate": f"{TLS}/tls.crt", "key": f"{TLS}/tls.key", "minimumtls": "tls1.3"}
    health: Body = {"storagedriver": {"enabled": True, "interval": "10s", "threshold": 3}}
    if writes:
        tls |= {"clientcas": [f"{TLS}/ca.crt"], "clientauth": "require-and-verify-client-cert"}
        if registry.storage is not None:
            health["file"] = [{"file": COLLECTING, "interval": "1s"}]
    return {
        "version": 0.1,
        "log": {"level": "info", "formatter": "json", "accesslog": {"disabled": False}, "fields": {"service": door}},
        "storage": {
            **_store(registry),
            "delete": {"enabled": False},
            # Whoever is sent to the bucket has passed the door by.
            "redirect": {"disable": True},
            "maintenance": {"uploadpurging": purge, "readonly": {"enabled": not writes or registry.frozen}},
        },
        "http": {
            "addr": f":{listener.port}",
            "draintimeout": "300s",
            "headers": {"X-Content-Type-Options": ["nosniff"]},
            "tls": tls,
        },
        "health": health,
        # Without `allow`, no manifest may name layers that lie elsewhere.
        "validation": {"disabled": False},
    }


def config_file(factory: Factory, registry: DistributionRegistry, door: str) -> str:
    """The same as a file."""
    import yaml  # most specs have no registry, and need not wait for it

    return str(yaml.safe_dump(door_config(factory, registry, door), sort_keys=False))


def collection_script(*, gated: bool) -> str:
    """What the collector runs. `gated` where the write door heeds the file; else it is frozen while this runs.

    A manifest is taken only if all its blobs are there. What must not happen is that one is taken between marking and sweeping: the door is
    closed before, and opened again only when all is done. A collection that is killed leaves it closed, until the next one ends well.
    """
    collect = f"registry garbage-collect {CONFIG}/config.yml"
    if not gated:
        return f"{collect}\n"
    return f"touch {COLLECTING}\nsleep {SETTLE}\n{collect}\nrm {COLLECTING}\n"


def plan_registry(factory: Factory, after: tuple[str, ...] = ()) -> Iterator[Manifest]:
    """Everything of the registry that the factory runs. `after` names the manifests that its pods wait for: guardrails."""
    registry = find_registry(factory)
    if registry is None:
        return
    component, namespace = _component(factory), names.namespace(factory.name, registry.segment)
    because = Because("registry", "keeps the models, and lets in those who make them", CONTROLS)

    def planned(key: str, version: str, kind: str, name: str, *, needs: tuple[str, ...] = (), **content: Any) -> Manifest:
        return Manifest(
            component, key, body(version, kind, name, because, factory=factory.name, namespace=namespace, **content), because, needs
        )

    store: tuple[str, ...] = ()
    if registry.storage is not None:
        claim = planned("registry-store", "v1", "PersistentVolumeClaim", CLAIM, spec=_claim(registry))
        yield claim
        store = (claim.id,)
    for door in (WRITE, READ):
        config = planned(f"{door}-config", "v1", "ConfigMap", door, data={"config.yml": config_file(factory, registry, door)})
        yield config
        needs = (config.id, *store, f"Segment {registry.segment}/workload-{door}", names.parameters(registry.segment), *after)
        labels = {names.WORKLOAD: door}
        deployment = planned(door, "apps/v1", "Deployment", door, needs=needs, labels=labels, spec=_deployment(factory, registry, door))
        yield deployment
        yield planned(f"{door}-service", "v1", "Service", door, labels=labels, spec=_service(door))
        # One pod of the write door: evicting it cuts every push under way, so that somebody decides when.
        budget = {"minAvailable": 1, "selector": {"matchLabels": _labels(door)}}
        yield planned(f"{door}-disruption", "policy/v1", "PodDisruptionBudget", door, labels=labels, spec=budget)
        if door == WRITE and (registry.storage is not None or registry.frozen):
            spec = _collector(factory, registry)
            # Behind the door in the order of keys, since it is registered behind it.
            yield planned(f"{door}-collection", "batch/v1", "CronJob", COLLECTOR, needs=(deployment.id,), labels=labels, spec=spec)


def describe_registry(factory: Factory) -> Iterator[tuple[Component, dict[str, Any]]]:
    """What its preview row shows: where models are, who keeps them, and who may push."""
    registry = factory.registry
    if isinstance(registry, ExternalRegistry):
        yield _component(factory), {"host": registry.host, "product": registry.product.value}
    elif found := find_registry(factory):
        doors = {f"{found.segment}/{door}": door for door in (WRITE, READ)}
        may: dict[str, dict[str, str]] = {WRITE: {}, READ: {}}
        for flow in sorted(factory.flows, key=lambda flow: flow.reference):
            if flow.to in doors:
                may[doors[flow.to]][flow.source] = flow.because
        yield (
            _component(factory),
            {
                **found.model_dump(mode="json", by_alias=True, exclude={"kind"}, exclude_none=True),
                "mayPush": may[WRITE],
                "mayPull": may[READ],
            },
        )


def _component(factory: Factory) -> Component:
    return Component("ModelRegistry", factory.name)


def _store(registry: DistributionRegistry) -> Body:
    if registry.s3 is None:
        return {"filesystem": {"rootdirectory": STORE}}
    s3 = registry.s3
    endpoint = {"regionendpoint": s3.endpoint} if s3.endpoint else {}
    return {"s3": {"region": s3.region, "bucket": s3.bucket, **endpoint, "encrypt": True, "secure": True}}


def _claim(registry: DistributionRegistry) -> Body:
    kind = {"storageClassName": registry.storage_class} if registry.storage_class else {}
    return {"accessModes": ["ReadWriteMany"], **kind, "resources": {"requests": {"storage": registry.storage}}}


def _labels(door: str) -> dict[str, str]:
    return {names.WORKLOAD: door, PART: "door"}


def _service(door: str) -> Body:
    return {
        "type": "ClusterIP",
        "selector": _labels(door),
        "ports": [{"name": PORT, "port": SERVICE_PORT, "targetPort": PORT, "protocol": "TCP"}],
    }


def _deployment(factory: Factory, registry: DistributionRegistry, door: str) -> Body:
    config = hashlib.sha256(config_file(factory, registry, door).encode()).hexdigest()
    writes = door == WRITE
    pod = _pod(factory, registry, door)
    if not writes:
        spread = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
        pod["topologySpreadConstraints"] = [{**spread, "labelSelector": {"matchLabels": _labels(door)}}]
    return {
        # An upload under way is known to one process only; pulls are not, and every pod that serves a model waits for one.
        "replicas": 1 if writes else 2,
        "strategy": {"type": "Recreate"} if writes else {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "selector": {"matchLabels": _labels(door)},
        # A process reads its configuration once: another one is another pod.
        "template": {"metadata": {"labels": _labels(door), "annotations": {names.CONFIG: config}}, "spec": pod},
    }


def _pod(factory: Factory, registry: DistributionRegistry, door: str) -> Body:
    listener, writes = find_door(factory, registry, door), door == WRITE
    assert listener is not None  # `find_registry` has looked
    files = ("tls.crt", "tls.key", *(("ca.crt",) if writes else ()))
    secret = {"secretName": registry.certificate, "defaultMode": 0o440, "items": [{"key": name, "path": name} for name in files]}
    # Kubelets have no client certificate to show, so that of the write door they only learn that it listens.
    ready = {"tcpSocket": {"port": PORT}} if writes else {"httpGet": {"scheme": "HTTPS", "path": "/", "port": PORT}}
    container = _container(registry, door) | {
        "args": ["serve", f"{CONFIG}/config.yml"],
        "ports": [{"name": PORT, "containerPort": listener.port}],
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"cpu": "2", "memory": "1Gi"}},
        "readinessProbe": {**ready, "periodSeconds": 10},
        "livenessProbe": {"tcpSocket": {"port": PORT}, "periodSeconds": 10},
    }
    container["volumeMounts"].append({"name": "certificate", "mountPath": TLS, "readOnly": True})
    return _bare_pod(factory, registry, door, container, {"name": "certificate", "secret": secret}) | {"terminationGracePeriodSeconds": 330}


def _collector(factory: Factory, registry: DistributionRegistry) -> Body:
    container = _container(registry, WRITE) | {
        "command": ["sh", "-eu", "-c", collection_script(gated=registry.storage is not None)],
        "resources": {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    }
    template = {"metadata": {"labels": {names.WORKLOAD: WRITE, PART: "collector"}}, "spec": _bare_pod(factory, registry, WRITE, container)}
    template["spec"]["restartPolicy"] = "OnFailure"
    return {
        "schedule": registry.collection,
        "timeZone": "Etc/UTC",
        "suspend": False,
        "concurrencyPolicy": "Forbid",
        "startingDeadlineSeconds": 3600,
        "successfulJobsHistoryLimit": 1,
        "failedJobsHistoryLimit": 3,
        "jobTemplate": {"spec": {"backoffLimit": 6, "template": template}},
    }


def _container(registry: DistributionRegistry, door: str) -> Body:
    mounts = [{"name": "config", "mountPath": CONFIG, "readOnly": True}]
    env = [{"name": "OTEL_TRACES_EXPORTER", "value": "none"}]
    if registry.s3 is None:
        mounts.append({"name": "store", "mountPath": STORE} | ({"readOnly": True} if door == READ else {}))
    else:
        mounts.append({"name": "token", "mountPath": TOKENS, "readOnly": True})
        role = registry.s3.write_role if door == WRITE else registry.s3.read_role
        env += [
            {"name": name, "value": value}
            for name, value in (
                ("AWS_REGION", registry.s3.region),
                ("AWS_ROLE_ARN", role),
                ("AWS_STS_REGIONAL_ENDPOINTS", "regional"),
                ("AWS_WEB_IDENTITY_TOKEN_FILE", f"{TOKENS}/token"),
            )
        ]
    return {
        "name": door,
        "image": registry.image,
        "env": env,
        "securityContext": RESTRICTED_CONTAINER,
        "volumeMounts": mounts,
    }


def _bare_pod(factory: Factory, registry: DistributionRegistry, door: str, container: Body, *volumes: Body) -> Body:
    if registry.s3 is None:
        store: Body = {
            "name": "store",
            "persistentVolumeClaim": {"claimName": CLAIM} | ({"readOnly": True} if door == READ else {}),
        }
    else:
        token = {"serviceAccountToken": {"path": "token", "audience": AUDIENCE, "expirationSeconds": 3600}}
        store = {"name": "token", "projected": {"sources": [token]}}
    return {
        "serviceAccountName": door,
        "automountServiceAccountToken": False,
        # Distribution takes every variable that begins with REGISTRY_ for a part of its configuration, and its Services would make some.
        "enableServiceLinks": False,
        "securityContext": restricted_pod(factory, fsGroupChangePolicy="OnRootMismatch"),
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": door}}, store, *volumes],
    }
