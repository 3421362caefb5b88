"""What holds for `check` and `find_dangling` whatever the rule."""

from __future__ import annotations

from datetime import date
from typing import Any

from factory.errors import Severity
from factory.rules import check, find_dangling

from .example import TODAY, factory

GPU: dict[str, Any] = {"segments": [{"name": "training", "quota": {"gpu": 0}}]}
WAIVER = {"rule": "ZT301", "path": "segments[training].quota.gpu", "reason": "the pool is being moved", "owner": "research"}


def paths(change: dict[str, Any], today: date = TODAY) -> list[tuple[str, str]]:
    return [(finding.id, finding.path) for finding in check(factory(change), today)]


def test_waiver_silences_one_finding() -> None:
    """A waiver covers its rule at its path: not the next one of that rule, and not another rule there."""
    change = {
        "segments": [{"name": "training", "quota": {"gpu": 0}}, {"name": "inference", "owner": "research"}],
        "pools": [{"name": "h100", "segments": ["training", "inference"]}],
        "workloads": [{"segment": "inference", "name": "server", "pool": "h100"}],
    }
    before = paths(change)
    assert before == [("ZT301", "segments[inference].quota.gpu"), ("ZT301", "segments[training].quota.gpu")]
    assert paths(change | {"waivers": [WAIVER | {"expires": "2027-01-31"}]}) == [("ZT301", "segments[inference].quota.gpu")]


def test_waiver_ends() -> None:
    """It holds on its last day. A day later the finding is back, and the waiver is an error of its own."""
    change = GPU | {"waivers": [WAIVER | {"expires": "2027-01-31"}]}
    assert paths(change, date(2027, 1, 31)) == []
    assert paths(change, date(2027, 2, 1)) == [
        ("ZT301", "segments[training].quota.gpu"),
        ("ZT901", "waivers[ZT301 segments[training].quota.gpu].expires"),
    ]


def test_what_cannot_be_waived_stays() -> None:
    """A waiver of such a rule silences nothing, and is refused."""
    change = {
        "workloads": [{"segment": "inference", "name": "server", "pool": "h100"}],
        "waivers": [WAIVER | {"rule": "ZT305", "path": "workloads[inference/server].pool", "expires": "2027-01-31"}],
    }
    assert paths(change) == [
        ("ZT903", "waivers[ZT305 workloads[inference/server].pool].rule"),
        ("ZT305", "workloads[inference/server].pool"),
    ]


def test_waiver_of_a_date_that_does_not_exist_silences_nothing() -> None:
    """Fail closed: no date, no waiver."""
    found = paths(GPU | {"waivers": [WAIVER | {"expires": "2027-02-30"}]})
    assert ("ZT301", "segments[training].quota.gpu") in found


def test_unused_waiver_offers_the_path_that_was_meant() -> None:
    """A path that is nearly right is the usual mistake."""
    (finding,) = [
        finding
        for finding in check(factory(GPU | {"waivers": [WAIVER | {"path": "segments[training].quota", "expires": "2027-01-31"}]}), TODAY)
        if finding.id == "ZT902"
    ]
    assert finding.fix == 'Did you mean "segments[training].quota.gpu"?'


def test_errors_come_first_then_paths() -> None:
    """The order is that of a reader who has to act, and the same for every order of the spec's lists."""
    findings = check(
        factory({"segments": [{"name": "ingestion", "quota": None}, *GPU["segments"]], "cluster": {"distribution": "OpenShift"}}), TODAY
    )
    assert [(finding.severity, finding.path) for finding in findings] == [
        (Severity.ERROR, "segments[training].quota.gpu"),
        (Severity.WARNING, "cluster.dns"),
        (Severity.WARNING, "segments[ingestion].quota"),
    ]


def test_dropped_things_do_not_dangle() -> None:
    """What was left out because of its own error is not reported a second time by those that refer to it; what never was, is."""
    change = {
        "pools": [{"name": "h100", "absent": True}],
        "workloads": [
            {"segment": "training", "name": "store", "absent": True},
            {"segment": "training", "name": "trainer", "reads": ["claims", "clams"]},
        ],
    }
    partial = factory(change)
    dropped = {("pools", "h100"), ("workloads", "training/store")}
    assert [(finding.id, finding.path) for finding in find_dangling(partial, dropped)] == [
        ("ZT016", "workloads[training/trainer].reads[clams]")
    ]
    assert len(find_dangling(partial)) == 3


def test_dangling_name_says_what_exists() -> None:
    """The message alone is enough to mend it."""
    (finding,) = find_dangling(factory({"workloads": [{"segment": "training", "name": "trainer", "pool": "h10"}]}))
    assert str(finding) == (
        'ZT015 workloads[training/trainer].pool: is not one of the factory\'s pools; allowed: h100, not h10. Did you mean "h100"?'
    )


def test_exposed_path_is_named_whole() -> None:
    """A reviewer sees each step from the internet to the data."""
    change = {
        "segments": [{"name": "edge", "stage": "Platform", "owner": "platform"}],
        "workloads": [
            {"segment": "edge", "name": "gateway", "listens": [{"name": "https", "port": 443}]},
            {"segment": "edge", "name": "proxy", "listens": [{"name": "http", "port": 80}]},
        ],
        "flows": [
            {"from": "internet", "to": "edge/gateway", "port": "https", "because": "public entrance"},
            {"from": "edge/gateway", "to": "edge/proxy", "port": "http", "because": "routes by path"},
            {"from": "edge/proxy", "to": "training/store", "port": "features", "because": "looks up features"},
        ],
    }
    (finding,) = [finding for finding in check(factory(change), TODAY) if finding.id == "ZT201"]
    assert finding.problem == (
        "is reached from the internet: internet -> edge/gateway:https -> edge/proxy:http -> training/store:features, "
        "which may mount claims (Confidential)"
    )
