"""Tokens and sessions that outlive what they prove."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory, seconds

LONGEST = {"tokenAge": "60m", "sessionAge": "24h"}
"""NIST SP 800-63B asks for a new sign-in once a day at AAL2. A token cannot be revoked: its life is how long a theft pays."""


@rule(
    "ZT606",
    "A token lives for an hour at most, a session for a day",
    why="The API server knows nothing of revoked sessions: who leaves, or loses a laptop, is let in until the token ends.",
    fix="Shorten it: clients refresh tokens by themselves.",
    references=(controls.TENET_3, controls.TENET_6, controls.AUTHORIZATION),
)
def find_long_sessions(factory: Factory) -> Iterator[Problem]:
    for provider in factory.providers:
        for field, age in (("tokenAge", provider.contract.token_age), ("sessionAge", provider.contract.session_age)):
            if age is not None and seconds(age) > seconds(LONGEST[field]):
                path = f"identity.people.providers[{provider.name}].contract.{field}"
                yield Problem(path, "is longer than that", age, f"at most {LONGEST[field]}")
