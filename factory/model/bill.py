"""The bill of materials of a model: CycloneDX 1.6, an ML-BOM. Its files with digests, its licences, and what it was trained on."""

from __future__ import annotations

import json
from typing import Any

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output.json import JsonV1Dot6

from .artifact import Artifact


def plan_bill(artifact: Artifact) -> dict[str, Any]:
    """The bill of an artifact: a function of its digest, so that it is the same whoever writes it."""
    files = [
        Component(
            type=ComponentType.FILE,
            name=file.name,
            bom_ref=f"file:{file.name}",
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=file.digest.removeprefix("sha256:"))],
        )
        for file in artifact.files
    ]
    datasets = [Component(type=ComponentType.DATA, name=uri.rpartition("/")[2], bom_ref=uri) for uri in artifact.datasets]
    model = Component(
        type=ComponentType.MACHINE_LEARNING_MODEL,
        name=artifact.name,
        version=artifact.version,
        bom_ref=artifact.reference,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=artifact.digest.removeprefix("sha256:"))],
        licenses=[_licence(text) for text in artifact.licences],
        components=files,
    )
    bom = Bom(components=datasets)
    bom.metadata.component = model
    bom.register_dependency(model, datasets)
    written: dict[str, Any] = json.loads(JsonV1Dot6(bom).output_as_string())
    for key in ("serialNumber", "$schema"):
        written.pop(key, None)
    written["metadata"].pop("timestamp", None)
    if datasets:  # the library has no model card yet
        parameters = {"datasets": [{"ref": uri} for uri in sorted(artifact.datasets)]}
        written["metadata"]["component"]["modelCard"] = {"modelParameters": parameters}
    return written


def _licence(text: str) -> LicenseExpression | DisjunctiveLicense:
    if any(word in text for word in (" AND ", " OR ", " WITH ")):
        return LicenseExpression(text)
    return DisjunctiveLicense(id=text) if _known(text) else DisjunctiveLicense(name=text)


def _known(text: str) -> bool:
    from cyclonedx.spdx import is_supported_id

    return is_supported_id(text)


def describes(bill: dict[str, Any], artifact: Artifact) -> bool:
    """Whether a bill is of exactly this digest, whichever release of the library wrote it."""
    try:
        component = bill["metadata"]["component"]
        hashed = {(one["alg"], one["content"]) for one in component["hashes"]}
        return bool(component["name"] == artifact.name) and ("SHA-256", artifact.digest.removeprefix("sha256:")) in hashed
    except (KeyError, TypeError):
        return False
