"""ZG04: pods run only images that they may."""

from __future__ import annotations

from factory.plan import controls
from factory.spec import Factory

from .guardrail import Guardrail, Validation, granted, text
from .pod import CONTAINERS, of_workload, pod_guardrail


def image(factory: Factory) -> Guardrail:
    """Of the factory's registries, by digest where the spec asks for it, and of the workload's own list where it has one."""
    return pod_guardrail(
        "ZG04",
        "image",
        "Containers run images from the factory's registries only, by digest in Production.",
        (controls.TENET_5, controls.SUPPLY_CHAIN, controls.CIS_ADMISSION),
        variables={
            **CONTAINERS,
            "images": "variables.containers.map(c, c.?image.orValue(''))",
            "registries": granted(text("registries")),
            "listed": of_workload("images"),
        },
        validations=(
            Validation(
                "variables.images.all(i, variables.registries.exists(r, i.startsWith(r)))",
                "every image must come from one of the factory's registries.",
                "variables.registries",
            ),
            Validation(
                "variables.grants[?'digests'].orValue('true') == 'false' || variables.images.all(i, i.matches('@sha256:[0-9a-f]{64}$'))",
                "name every image by digest, as in registry.example/app@sha256:<64 hex digits>.",
            ),
            Validation(
                "variables.listed.size() == 0 || variables.images.all(i, i in variables.listed)",
                "this workload may run only the images that the spec lists for it.",
                "variables.listed",
            ),
        ),
    )
