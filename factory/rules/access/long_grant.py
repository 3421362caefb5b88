"""Grants that last longer than they may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import Factory

from .eligible import eligible, moment


@rule(
    "ZT420",
    "A grant ends after it begins, and lasts no longer than its eligibility lets",
    why="The API server refuses a longer one (ZG17), in the middle of a deployment.",
    fix="Choose an earlier `until`, and grant again when it is over.",
    references=(controls.TENET_3, controls.AUTHORIZATION),
    waivable=False,
)
def find_long_grants(factory: Factory) -> Iterator[Problem]:
    for grant in factory.grants:
        since, until, path = moment(grant.since), moment(grant.until), f"grants[{grant.reference}].until"
        found = eligible(factory, grant)
        if since is None or until is None or not found:
            continue  # ZT423 and ZT419
        longest = max(found, key=lambda eligibility: eligibility.longest_seconds)
        if until <= since:
            yield Problem(path, "is not after `since`", grant.until, f"after {grant.since}")
        elif until - since > timedelta(seconds=longest.longest_seconds):
            last = (since + timedelta(seconds=longest.longest_seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
            yield Problem(path, f"is more than {longest.longest} after `since`", grant.until, f"at most {last}")
