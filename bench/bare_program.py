"""What one writes without us: a Pulumi program that registers the objects of `objects.json` by the typed classes, each below nothing."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes


def typed(body: dict[str, Any]) -> Any:
    """The class of an object: `pulumi_kubernetes.networking.v1.NetworkPolicy`."""
    group, _, version = body["apiVersion"].rpartition("/")
    package = group.removesuffix(".k8s.io").replace(".authorization", "") or "core"
    return getattr(import_module(f"pulumi_kubernetes.{package}.{version}"), body["kind"])


def snake(key: str) -> str:
    return re.sub("(?<!^)([A-Z])", r"_\1", key).lower()


context = pulumi.Config().require("context")
provider = kubernetes.Provider(
    "cluster",
    context=context,
    cluster_identifier=context,
    enable_server_side_apply=True,
    kube_client_settings=kubernetes.KubeClientSettingsArgs(qps=400, burst=800),
)
needed: dict[str, pulumi.Resource] = {}
"""Namespaces and admission policies by name: what lives in one, or binds one, waits for it."""
for body in sorted(json.loads(Path("objects.json").read_text()), key=lambda body: body["kind"] == "ValidatingAdmissionPolicyBinding"):
    metadata = body["metadata"]
    place = metadata.get("namespace")
    needs = place or body.get("spec", {}).get("policyName")
    options = pulumi.ResourceOptions(provider=provider, depends_on=[needed[needs]] if needs else [])
    arguments = {snake(key): value for key, value in body.items() if key not in ("apiVersion", "kind")}
    resource = typed(body)(f"{place}.{metadata['name']}" if place else metadata["name"], opts=options, **arguments)
    if body["kind"] in ("Namespace", "ValidatingAdmissionPolicy"):
        needed[metadata["name"]] = resource
