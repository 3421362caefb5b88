"""Vendors with an easier way in than staff."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import Contract, Factory, Population, Strength, seconds


@rule(
    "ZT607",
    "Vendors prove no less than staff",
    why="Whoever wants in takes the easier door, and the people behind it are the ones that one knows least.",
    fix="Ask vendors for at least what every provider of staff asks for.",
    references=(controls.TENET_4, controls.TENET_6, controls.AUTHORIZATION),
    severity=REFUSED_IN_PRODUCTION,
)
def find_lenient_vendors(factory: Factory) -> Iterator[Problem]:
    staff = [provider for provider in factory.providers if provider.people is Population.STAFF]
    for vendor in factory.providers:
        if vendor.people is Population.VENDORS:
            lenient = {
                field: each.name for each in sorted(staff, key=lambda each: each.name) for field in _lenient(vendor.terms, each.terms)
            }
            for field, name in lenient.items():
                yield Problem(f"identity.people.providers[{vendor.name}].contract.{field}", f"asks for less than {name} does")


def _lenient(vendor: Contract, staff: Contract) -> Iterator[str]:
    """Fields in which one contract asks for less than another."""
    if staff.mfa is Strength.PHISHING_RESISTANT and vendor.mfa is not staff.mfa:
        yield "mfa"
    if staff.device and not vendor.device:
        yield "device"
    if staff.risk and (vendor.risk is None or vendor.risk.highest > staff.risk.highest):
        yield "risk"
    if staff.networks and not vendor.networks:
        yield "networks"
    if staff.countries and not vendor.countries:
        yield "countries"
    if seconds(vendor.token_age or "0m") > seconds(staff.token_age or "0m"):
        yield "tokenAge"
    if seconds(vendor.session_age or "0m") > seconds(staff.session_age or "0m"):
        yield "sessionAge"
