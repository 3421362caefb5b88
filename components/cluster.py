"""The cluster that a spec names, and no other."""

from __future__ import annotations

import json
import os
import re
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from factory.errors import did_you_mean, listed

from .build import Build

if TYPE_CHECKING:
    from lightkube.config.kubeconfig import SingleConfig

TIMEOUT = 5
"""Seconds that an API server may take to say its version."""


def connect(build: Build) -> pulumi.ProviderResource:
    """The Kubernetes provider of the factory's cluster, through the context that the spec names.

    The context is also the cluster's identity: a kubeconfig that was moved or written anew changes nothing, while another context is
    another cluster, on which everything is built anew. The client may send 400 requests a second in bursts of 800, instead of the
    provider's 50 and 120: what protects the API server is its own fairness (KEP-1040).
    """
    context = build.factory.cluster.context
    return pulumi.ProviderResource(
        "kubernetes",
        build.factory.name,
        {
            "context": context,
            "clusterIdentifier": context,
            "enableServerSideApply": "true",
            # Else a changed ConfigMap is deleted and made again, and guardrails admit nothing while their parameters are away.
            "enableConfigMapMutable": "true",
            "kubeClientSettings": json.dumps({"qps": 400, "burst": 800}),
        },
        pulumi.ResourceOptions(version=version("pulumi-kubernetes")),
    )


def reach(build: Build) -> None:
    """Asks the factory's cluster for its version, so that a wrong one is said before anything is created.

    Raises RunError that names the context: when no kubeconfig has it, when its API server does not answer within 5 seconds or is none, when
    that refuses the credentials, and when it is older than the spec's `cluster.version`.
    """
    cluster = build.factory.cluster
    config = _config(cluster.context)
    place = f'cluster.context "{cluster.context}": the API server {config.cluster.server}'
    status, minor = _ask(config, place)
    if status == 401:
        raise pulumi.RunError(f"{place} refuses your credentials. Sign in again.")
    if minor is not None and minor < cluster.minor:
        raise pulumi.RunError(
            f'{place} runs 1.{minor}, older than cluster.version "{cluster.version}". Name another context, or upgrade it.'
        )


def _ask(config: SingleConfig, place: str) -> tuple[int, int | None]:
    """The HTTP status with which an API server answers, and its minor version where it says it."""
    from lightkube.config import client_adapter
    from lightkube.config.client_adapter import httpx  # type: ignore[attr-defined]  # whichever HTTP library it uses
    from lightkube.config.models import User
    from lightkube.core.exceptions import ConfigError

    params = client_adapter.ConnectionParams(timeout=httpx.Timeout(TIMEOUT))
    try:
        try:
            with client_adapter.Client(config, params) as client:
                answer = client.get("/version")
        except ConfigError:
            # A way to sign in that only the provider knows. Even a refusal shows that the server is there.
            with client_adapter.Client(config._replace(user=User()), params) as client:
                client.get("/version")
            return 0, None
        minor = re.match("[0-9]+", answer.json()["minor"]) if answer.status_code == 200 else None
        return answer.status_code, int(minor.group()) if minor else None
    except (httpx.HTTPError, OSError) as error:
        raise pulumi.RunError(
            f"{place} does not answer: {str(error) or type(error).__name__}. Start it, or name another context."
        ) from None
    except (ValueError, KeyError, TypeError):
        raise pulumi.RunError(f"{place} is none: it has no version. Repair the context, or name another.") from None


def _config(context: str) -> SingleConfig:
    """The context with its cluster and user, from the files of KUBECONFIG: what an earlier file says wins, as in kubectl."""
    import msgspec
    import yaml
    from lightkube.config.kubeconfig import KubeConfig, SingleConfig
    from lightkube.config.models import User

    paths = [Path(path).expanduser() for path in os.environ.get("KUBECONFIG", "").split(os.pathsep) if path] or [
        Path.home() / ".kube/config"
    ]
    files = []
    for path in filter(Path.is_file, paths):
        try:
            files.append(KubeConfig.from_file(path))
        except (AttributeError, KeyError, TypeError, OSError, UnicodeDecodeError, yaml.YAMLError, msgspec.ValidationError):
            raise pulumi.RunError(f'cluster.context "{context}": {path} is not a kubeconfig. Repair it, or set KUBECONFIG.') from None
    known = {name for file in files for name in file.contexts}
    if context not in known:
        where = os.pathsep.join(map(str, paths)) + ("" if files else " (no such file)")
        near = did_you_mean(context, known)
        raise pulumi.RunError(
            f'cluster.context "{context}": there is no such context in {where}; allowed: {listed(known)}. '
            f"{near or 'Name one of these in the spec, or set KUBECONFIG to the file that has it.'}"
        )
    found = next(file for file in files if context in file.contexts)
    entry = found.contexts[context]
    cluster = next((file.clusters[entry.cluster] for file in files if entry.cluster in file.clusters), None)
    if cluster is None:
        raise pulumi.RunError(f'cluster.context "{context}": its cluster "{entry.cluster}" is missing from {found.fname}. Repair the file.')
    user = next((file.users[entry.user] for file in files if entry.user in file.users), User())
    return SingleConfig(context, entry, cluster, user, found.fname)
