"""ZG03: pods mount their own datasets and models, and nothing of the node."""

from __future__ import annotations

from factory.plan import controls
from factory.plan.vault import find_openbao
from factory.plan.workload_identity import CSI_DRIVER
from factory.spec import Factory

from .guardrail import Guardrail, Validation, granted, text
from .pod import of_workload, pod_guardrail

KINDS = ("configMap", "downwardAPI", "emptyDir", "image", "persistentVolumeClaim", "projected", "secret")
"""Allowed volume sources. Every other is refused, those too that do not exist yet: the API server demands exactly one source a volume."""

SOURCES = ("clusterTrustBundle", "configMap", "downwardAPI", "secret", "serviceAccountToken")
"""Allowed sources of a projected volume."""


SOCKET = Validation(
    "variables.volumes.filter(v, has(v.csi)).all("
    f"v, v.csi.driver == '{CSI_DRIVER}' && v.csi.?readOnly.orValue(false) && !has(v.csi.nodePublishSecretRef))",
    f"csi volumes must be of the driver {CSI_DRIVER}, read-only.",
)
"""Every other driver may be a way to disks that the spec does not grant."""

REVIEWER = " || variables.reviewer && !has(s.serviceAccountToken.audience)"
"""OpenBao alone, which must ask the API server whose tokens it is shown, bears a token for it."""


def volume(factory: Factory) -> Guardrail:
    """A claim that is only read must say `readOnly` in the volume, which the kubelet forces on every mount of it (`PersistentVolumeClaim`
    volume source, Kubernetes API reference). A model's image volume is read-only by nature (KEP-4639). Where workloads have SPIFFE
    identities, one CSI driver is allowed: the one that mounts the socket of SPIRE's agent."""
    spiffe = factory.workload_identity is not None
    kinds = (*KINDS, "csi") if spiffe else KINDS
    return pod_guardrail(
        "ZG03",
        "volume",
        "A pod mounts only volumes of the datasets and models that its workload is granted.",
        (controls.TENET_1, controls.TENET_3, controls.PODS, controls.CIS_SECRETS),
        variables={
            "volumes": "variables.spec.?volumes.orValue([])",
            "claims": "variables.volumes.filter(v, has(v.persistentVolumeClaim)).map(v, v.persistentVolumeClaim)",
            "tokens": "variables.volumes.filter(v, has(v.projected)).map(v, v.projected.?sources.orValue([])"
            ".filter(s, has(s.serviceAccountToken)))",
            "reads": of_workload("reads"),
            "writes": of_workload("writes"),
            "models": of_workload("models"),
            "audiences": granted(text("audiences")),
            **({"reviewer": f"{of_workload('tokens')}.size() > 0"} if find_openbao(factory) else {}),
        },
        validations=(
            Validation(
                f"variables.volumes.all(v, {_has_one('v', kinds)})",
                f"volumes must be of one of these kinds: {', '.join(kinds)}.",
            ),
            *((SOCKET,) if spiffe else ()),
            Validation(
                "variables.claims.all(c, c.claimName in variables.reads || c.claimName in variables.writes)",
                "persistentVolumeClaim must be that of a dataset which the workload reads or writes.",
                "variables.reads + variables.writes",
            ),
            Validation(
                "variables.claims.all(c, c.claimName in variables.writes || c.?readOnly.orValue(false))",
                "persistentVolumeClaim.readOnly must be true for a dataset that the workload only reads.",
                "variables.writes",
            ),
            Validation(
                "variables.volumes.filter(v, has(v.image)).all(v, v.image.?reference.orValue('').matches('@sha256:[0-9a-f]{64}$')"
                " && variables.models.exists(m, v.image.reference.startsWith(m + '@')))",
                "image volumes must name the repository of a model that the workload serves, by digest.",
                "variables.models",
            ),
            Validation(
                f"variables.volumes.filter(v, has(v.projected)).all(v, v.projected.?sources.orValue([]).all(s, {_has_one('s', SOURCES)}))",
                f"projected volumes must be of these sources: {', '.join(SOURCES)}.",
            ),
            Validation(
                "variables.tokens.all(sources, sources.all(s, s.serviceAccountToken.?audience.orValue('') in variables.audiences"
                f"{REVIEWER if find_openbao(factory) else ''}))",
                "projected tokens must be for an audience of the factory, never for the API server.",
                "variables.audiences",
            ),
        ),
    )


def _has_one(it: str, kinds: tuple[str, ...]) -> str:
    return " || ".join(f"has({it}.{kind})" for kind in kinds)
