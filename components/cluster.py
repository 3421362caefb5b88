"""The cluster that a spec names, and no other."""

from __future__ import annotations

import json
from importlib.metadata import version

import pulumi

from .build import Build


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
            # Else a changed parameter would be deleted and made again, and nothing could be admitted in between.
            "enableConfigMapMutable": "true",
            "kubeClientSettings": json.dumps({"qps": 400, "burst": 800}),
        },
        pulumi.ResourceOptions(version=version("pulumi-kubernetes")),
    )
