"""What the API server writes into a pod template that nobody asked it to write (Kubernetes: `pkg/apis/core/v1/defaults.go`)."""

from __future__ import annotations

from typing import Any

_PROBE = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3, "httpGet.scheme": "HTTP"}

_CONTAINER: dict[str, Any] = {
    "imagePullPolicy": "IfNotPresent",  # of an image by digest, or by a tag that is not `latest`
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
    "ports[].protocol": "TCP",
    "env[].valueFrom.fieldRef.apiVersion": "v1",
    **{f"{probe}.{field}": value for probe in ("startupProbe", "livenessProbe", "readinessProbe") for field, value in _PROBE.items()},
}

_MODE = 0o644

_POD: dict[str, Any] = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
    "volumes[].configMap.defaultMode": _MODE,
    "volumes[].projected.defaultMode": _MODE,
    "volumes[].projected.sources[].serviceAccountToken.expirationSeconds": 3600,
    "volumes[].secret.defaultMode": _MODE,
    **{f"{kind}[].{field}": value for kind in ("containers", "initContainers") for field, value in _CONTAINER.items()},
}


def template_defaults(template: str) -> dict[str, Any]:
    """Defaults by pattern, for the pod template at a path such as `spec.template`."""
    return {f"{template}.spec.{field}": value for field, value in _POD.items()}


def template_quantities(template: str) -> tuple[str, ...]:
    """Prefixes of the patterns of quantities, likewise."""
    amounts = (
        f"{template}.spec.{kind}[].resources.{bound}." for kind in ("containers", "initContainers") for bound in ("limits", "requests")
    )
    return (*amounts, f"{template}.spec.volumes[].emptyDir.sizeLimit")
