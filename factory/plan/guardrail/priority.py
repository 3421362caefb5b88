"""ZG06: no pod pushes another stage's pods aside."""

from __future__ import annotations

from factory.plan import controls
from factory.spec import Factory

from .guardrail import Guardrail, Validation, granted, text
from .pod import pod_guardrail


def priority(factory: Factory) -> Guardrail:
    """No class at all is allowed too: such a pod has priority 0, below all stages."""
    return pod_guardrail(
        "ZG06",
        "priority",
        "A pod has the priority of its segment's stage, or none.",
        (controls.CIS_NAMESPACES,),
        variables={"priorities": granted(text("priority"))},
        validations=(
            Validation(
                "variables.spec.?priorityClassName.orValue('') in variables.priorities + ['']",
                "priorityClassName must be that of the segment's stage, or absent.",
                "variables.priorities",
            ),
        ),
    )
