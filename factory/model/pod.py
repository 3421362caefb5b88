"""A pod that serves a model behind the loader: what the guardrails admit, and what a team begins with."""

from __future__ import annotations

from typing import Any

import yaml

from factory.plan import names
from factory.plan.pool import pool_node_selector, pool_toleration
from factory.plan.priority import priority_class
from factory.plan.trust import BUNDLE_KEY
from factory.plan.vault.request import AUDIENCE
from factory.spec import Workload

from .arguments import TOKEN
from .artifact import Artifact
from .check import Subject, find_file_signature
from .errors import ModelError
from .seal import SEAL

Body = dict[str, Any]

MODEL, WEIGHTS, TRUST = "/model", "/weights", "/trust"
"""Where the loader sees the image volume, what is unsealed, and whom to trust."""


def plan_pod(subject: Subject, workload: Workload, image: str, loader: str, vault: str | None) -> str:
    """The pod and the ConfigMap that the loader reads, as YAML. Raises ModelError: no file signature, or nobody to ask for the key."""
    factory, artifact = subject.factory, subject.artifact
    sealed = any(file.name == SEAL for file in artifact.files)
    name = f"{workload.name}-{artifact.digest.removeprefix('sha256:')[:12]}"
    namespace = names.namespace(factory.name, workload.segment)
    metadata = {"name": name, "namespace": namespace, "labels": {names.WORKLOAD: workload.name}}
    signer, bundle = find_file_signature(subject)
    keys = {f"{signer.name}-{number}.pub": key for number, key in enumerate(signer.public_keys)}
    trust = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "immutable": True,
        "data": {"model.sig": bundle.decode(), **keys},
    }
    command = ["factory", "model", "load", artifact.name, MODEL, "--signature", f"{TRUST}/model.sig"]
    for key in keys:
        command += ["--public-key", f"{TRUST}/{key}"]
    volumes: list[Body] = [{"name": "model", "image": {"reference": artifact.reference}}, {"name": "trust", "configMap": {"name": name}}]
    mounts: list[Body] = [{"name": "model", "mountPath": MODEL}, {"name": "trust", "mountPath": TRUST, "readOnly": True}]
    served: Body = {"name": "model", "mountPath": MODEL}
    if sealed:
        if vault is None:
            raise ModelError(f"{artifact.reference} is sealed: say with --vault https://HOST:PORT who keeps its key.")
        command += ["--into", WEIGHTS, "--factory", factory.name, "--as", workload.reference, "--vault", vault]
        command += ["--vault-ca", str(TOKEN.parent / BUNDLE_KEY)]
        token = {"serviceAccountToken": {"audience": AUDIENCE, "expirationSeconds": 600, "path": TOKEN.name}}
        volumes += [
            {"name": "weights", "emptyDir": {"medium": "Memory", "sizeLimit": _room(artifact)}},
            {"name": "openbao", "projected": {"sources": [token, {"configMap": {"name": names.BUNDLE}}]}},
        ]
        mounts += [{"name": "weights", "mountPath": WEIGHTS}, {"name": "openbao", "mountPath": str(TOKEN.parent), "readOnly": True}]
        served = {"name": "weights", "mountPath": MODEL, "readOnly": True}
    spec: Body = {
        "serviceAccountName": workload.name,
        "automountServiceAccountToken": False,
        "priorityClassName": priority_class(factory.name, factory.segment[workload.segment].stage),
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "fsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "initContainers": [_container("loader", loader, mounts) | {"command": command}],
        "containers": [_container("server", image, [served])],
        "volumes": volumes,
    }
    if workload.pool is not None:
        pool = factory.pool[workload.pool]
        spec |= {"nodeSelector": pool_node_selector(pool), "tolerations": [pool_toleration(pool)]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    return yaml.safe_dump_all([trust, pod], sort_keys=False)


def _container(name: str, image: str, mounts: list[Body]) -> Body:
    held = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    return {"name": name, "image": image, "securityContext": held, "volumeMounts": mounts}


def _room(artifact: Artifact) -> str:
    """Memory for the unsealed files: less than the sealed ones take, rounded up."""
    return f"{sum(file.size for file in artifact.files) // (1024 * 1024) + 1}Mi"
