"""Two providers with one issuer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory


@rule(
    "ZT602",
    "Each provider has an issuer of its own",
    why="A token says who issued it, and not for which provider: with one issuer in two, whoever meets the weaker contract is let in. The "
    "API server refuses such a file.",
    fix="Use one provider, or a realm, tenant or authorization server for each.",
    references=(controls.TENET_6, controls.AUTHORIZATION),
    waivable=False,
)
def find_shared_issuers(factory: Factory) -> Iterator[Problem]:
    names: dict[str, list[str]] = defaultdict(list)
    for provider in factory.providers:
        names[provider.issuer.rstrip("/")].append(provider.name)
    for issuer, sharing in names.items():
        for name in sharing if len(sharing) > 1 else ():
            others = ", ".join(sorted(set(sharing) - {name}))
            yield Problem(f"identity.people.providers[{name}].issuer", f"is also that of {others}", issuer)
