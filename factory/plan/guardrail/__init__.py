"""Guardrails: what the API server refuses in a segment, one guardrail a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from factory.plan.manifest import Manifest
from factory.spec import Factory

from .anchor import plan_anchor
from .binding import binding
from .boundary import boundary
from .deployer import deployer
from .exception import exception
from .grant import grant
from .grants import plan_grants
from .guardrail import GRANTS, Guardrail
from .identity import identity
from .image import image
from .namespace import namespace
from .outsider import outsider
from .placement import placement
from .policy import policy
from .pool import pool
from .priority import priority
from .role import role
from .service import service
from .session import session
from .signature import ATTESTATIONS, demand, describe_signatures, image_demand, is_signed, plan_signatures
from .token import token
from .volume import volume

GUARDRAILS: tuple[Callable[[Factory], Guardrail], ...] = (
    identity,
    pool,
    volume,
    image,
    session,
    priority,
    boundary,
    namespace,
    token,
    role,
    binding,
    placement,
    service,
    grant,
    outsider,
)
"""Guardrails that the deployer puts in force, by id. Where people sign in by the spec, `step_up` joins them; where
anything needs a signature, `exception`."""

STATIC_GUARDRAILS: tuple[Callable[[Factory], Guardrail], ...] = (
    boundary,
    namespace,
    token,
    role,
    placement,
    service,
    deployer,
    policy,
    outsider,
)
"""Guardrails that the API server's disk can hold, by id."""


def plan_guardrails(factory: Factory) -> Iterator[Manifest]:
    """A policy and a binding for each guardrail, and the policies by which Kyverno verifies signatures."""
    for guardrail in _guardrails(factory):
        yield from guardrail.plan(factory)
    yield from plan_signatures(factory)


def _guardrails(factory: Factory) -> Iterator[Guardrail]:
    yield from (guardrail(factory) for guardrail in GUARDRAILS)
    if factory.providers:
        from factory.plan.people import carries_extra  # most specs have no providers, and need not wait for it

        from .step_up import step_up

        if carries_extra(factory):
            yield step_up(factory)
    if is_signed(factory):
        yield exception(factory)


def guardrail_bindings(guardrails: Iterable[Manifest]) -> tuple[str, ...]:
    """Ids of the manifests that put them in force, for what must wait until they are."""
    in_force = ("ValidatingAdmissionPolicyBinding", "ImageValidatingPolicy")
    return tuple(manifest.id for manifest in guardrails if manifest.body["kind"] in in_force)


def plan_guarded_deployer(factory: Factory) -> Iterator[Manifest]:
    """The one guardrail that the deployer could not be trusted with: the one that holds the deployer."""
    yield from deployer(factory).plan(factory)


def describe_guardrails(factory: Factory) -> dict[str, str]:
    """What their preview row shows: each one's title, and whose signatures are needed."""
    return {guardrail.id: guardrail.title for guardrail in _guardrails(factory)} | describe_signatures(factory)


__all__ = [
    "ATTESTATIONS",
    "GRANTS",
    "GUARDRAILS",
    "STATIC_GUARDRAILS",
    "Guardrail",
    "demand",
    "describe_guardrails",
    "guardrail_bindings",
    "image_demand",
    "is_signed",
    "plan_anchor",
    "plan_grants",
    "plan_guarded_deployer",
    "plan_guardrails",
]
