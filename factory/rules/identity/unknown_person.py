"""People whom no provider vouches for."""

from __future__ import annotations

from collections.abc import Iterator

from factory.errors import listed
from factory.plan import controls
from factory.plan.people import prefixes
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Factory


@rule(
    "ZT608",
    "Whoever is granted something is vouched for by a provider of the spec",
    why="Names begin with their provider's prefix. Without one, a grant is given to nobody, or to whoever a certificate or another "
    "authenticator calls so.",
    fix="Put the provider's prefix before the name.",
    references=(controls.TENET_3, controls.TENET_6, controls.AUTHORIZATION, controls.CIS_RBAC),
    severity=REFUSED_IN_PRODUCTION,
)
def find_unknown_people(factory: Factory) -> Iterator[Problem]:
    if not factory.providers:
        return
    known = [prefixes(factory, provider) for provider in factory.providers]
    users, groups = tuple(user for user, _ in known), tuple(group for _, group in known)
    for access in factory.access:
        if access.group is not None and not access.group.startswith(("system:", *groups)):
            yield _unknown(f"access[{access.reference}].group", access.group, groups)
    for eligibility in factory.eligibility:
        for field, group in (("group", eligibility.group), ("approvers", eligibility.approvers)):
            if group is not None and not group.startswith(groups):
                yield _unknown(f"eligibility[{eligibility.reference}].{field}", group, groups)
    for grant in factory.grants:
        for field, user in (("user", grant.user), ("approver", grant.approver)):
            if not user.startswith(users):
                yield _unknown(f"grants[{grant.reference}].{field}", user, users)


def _unknown(path: str, name: str, known: tuple[str, ...]) -> Problem:
    return Problem(path, "begins with no provider's prefix", name, listed(f"{prefix}…" for prefix in known))
