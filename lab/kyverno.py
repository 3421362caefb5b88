"""Kyverno in a lab: what its Helm chart installs, as far as its controllers ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lab.api import Api
from lab.toolchain import HERE
from lab.toolchain.source import Module

CUSTOM_RESOURCES = ("kyverno", "policies.kyverno.io", "policyreport", "reports")


def install(api: Api, controller: str) -> None:
    """Kinds (from Kyverno's own module), namespace, settings, and rights of *controller*: `cleanup-controller` or `admission-controller`.

    Its rights are over Kyverno's own kinds and what registers it, no more: the right to delete what the cleanup controller cleans up is
    not among them; whoever wants that grants it.
    """
    custom = Module.of("kyverno").dependency("github.com/kyverno/kyverno") / "config" / "crds"
    for folder in CUSTOM_RESOURCES:
        for file in sorted((custom / folder).glob("*.yaml")):
            api.apply_all(file)
    for name in ("namespace", controller):
        api.apply_all(HERE / "kyverno" / f"{name}.yaml")


def environment(controller: str, home: Path, authority: Path) -> Mapping[str, str]:
    """What *controller* is told about itself. It trusts the *authority* alone, and *home* keeps it from its user's registry credentials."""
    name = f"kyverno-{controller}"
    return {
        "KYVERNO_NAMESPACE": "kyverno",
        "KYVERNO_SERVICEACCOUNT_NAME": name,
        "KYVERNO_ROLE_NAME": f"kyverno:{controller}",
        "KYVERNO_DEPLOYMENT": name,
        "KYVERNO_POD_NAME": name,
        "KYVERNO_SVC": name,
        "INIT_CONFIG": "kyverno",
        "METRICS_CONFIG": "kyverno-metrics",
        "HOME": str(home),
        "SSL_CERT_FILE": str(authority),
    }
