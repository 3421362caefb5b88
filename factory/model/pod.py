"""A pod that serves a model behind the loader: what the guardrails admit, and what a team begins with."""

from __future__ import annotations

from typing import Any

import yaml

from factory.plan import names
from factory.plan.guardrail.attack import plan_pod as plan_bare_pod
from factory.plan.pod_security import restricted_pod
from factory.plan.trust import BUNDLE_KEY, trust_bundle
from factory.plan.vault.request import AUDIENCE
from factory.spec import Signer, Workload

from .arguments import TOKEN
from .artifact import Artifact
from .check import FailedError, Subject, find_file_signature
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
    signer, bundle = _find_signature(subject)
    trusted = {f"{signer.name}-{number}.pub": key for number, key in enumerate(signer.public_keys)}
    whom = [part for name in trusted for part in ("--public-key", f"{TRUST}/{name}")]
    if signer.keyless is not None:
        trusted = {"trusted-root.json": subject.cosign.trusted_root(signer.keyless)}
        whom = ["--identity", signer.keyless.subject, "--issuer", signer.keyless.issuer, "--trusted-root", f"{TRUST}/trusted-root.json"]
    trust = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "immutable": True,
        "data": {"model.sig": bundle.decode(), **trusted},
    }
    command = ["factory", "model", "load", artifact.name, MODEL, "--signature", f"{TRUST}/model.sig", *whom]
    volumes: list[Body] = [{"name": "model", "image": {"reference": artifact.reference}}, {"name": "trust", "configMap": {"name": name}}]
    mounts: list[Body] = [{"name": "model", "mountPath": MODEL}, {"name": "trust", "mountPath": TRUST, "readOnly": True}]
    served: Body = {"name": "model", "mountPath": MODEL}
    if sealed:
        if vault is None:
            raise ModelError(f"{artifact.reference} is sealed: say with --vault https://HOST:PORT who keeps its key.")
        command += ["--into", WEIGHTS, "--factory", factory.name, "--as", workload.reference, "--vault", vault]
        sources: list[Body] = []
        if trust_bundle(factory):
            command += ["--vault-ca", str(TOKEN.parent / BUNDLE_KEY)]
            sources = [{"configMap": {"name": names.BUNDLE}}]
        token = {"serviceAccountToken": {"audience": AUDIENCE, "expirationSeconds": 600, "path": TOKEN.name}}
        volumes += [
            {"name": "weights", "emptyDir": {"medium": "Memory", "sizeLimit": _room(artifact)}},
            {"name": "openbao", "projected": {"sources": [token, *sources]}},
        ]
        mounts += [{"name": "weights", "mountPath": WEIGHTS}, {"name": "openbao", "mountPath": str(TOKEN.parent), "readOnly": True}]
        served = {"name": "weights", "mountPath": MODEL, "readOnly": True}
    pod = plan_bare_pod(factory, workload, name, bare=True)
    spec = pod["spec"]
    [server] = spec["containers"]
    spec |= {
        "automountServiceAccountToken": False,
        "securityContext": restricted_pod(factory),
        "initContainers": [_container(server, "loader", loader, mounts) | {"command": command, "resources": {}}],
        "containers": [_container(server, "server", image, [served])],
        "volumes": volumes,
    }
    return yaml.safe_dump_all([trust, pod], sort_keys=False)


def _find_signature(subject: Subject) -> tuple[Signer, bytes]:
    """A signature by a key where there is one, since that needs no cosign in the loader's image."""
    try:
        return find_file_signature(subject, keyless=False)
    except FailedError:
        return find_file_signature(subject)


def _container(like: Body, name: str, image: str, mounts: list[Body]) -> Body:
    held = {**like["securityContext"], "readOnlyRootFilesystem": True}
    return {**like, "name": name, "image": image, "securityContext": held, "volumeMounts": mounts}


def _room(artifact: Artifact) -> str:
    """Memory for the unsealed files: less than the sealed ones take, rounded up."""
    return f"{sum(file.size for file in artifact.files) // (1024 * 1024) + 1}Mi"
