"""The report: what it says is what the evaluator says, the same every time, and nothing that a spec holds can be more than text."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from datetime import date
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from factory.cli import main
from factory.load import CONFIG_KEY, Stack, load_stack, load_text
from factory.plan import plan_factory
from factory.review.channel import EVERYBODY, find_reach
from factory.review.objects import of_stack
from factory.review.report import Report, as_json, draw, page, report_stack
from factory.review.report.map import GUTTER, HEAD, Box, Map, draw_map
from tests.large import large
from tests.specs import Data, shuffled, specs

DEV = Path(__file__).parents[2] / "stacks/Pulumi.dev.yaml"
TODAY = date(2026, 11, 24)
EVIL = "</style></script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&lt;"


class Plain(yaml.SafeDumper):
    """YAML without aliases, which a stack file may not hold."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def stack_of(spec: Data, source: str = "stack.yaml") -> Stack:
    """The stack file that holds a spec."""
    return load_text(yaml.dump({"config": {CONFIG_KEY: spec}}, Dumper=Plain), source)


@pytest.fixture(scope="module")
def dev() -> Report:
    """The report of the dev stack."""
    return report_stack(load_stack(DEV), TODAY)


class Seen(HTMLParser):
    """The elements and the text of a page, as a browser's parser sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_every_pair_of_workloads_is_as_the_evaluator_judges_it(dev: Report) -> None:
    """Cell by cell over all workloads and all their ports: a pair is in the report exactly when one packet of it gets through."""
    stack = load_stack(DEV)
    reach = find_reach(of_stack(stack))
    pods = {reach.say(e): e for e in reach.parties.endpoints if e.kind == "Workload"}
    said = {
        (source, way.destination, port)
        for way in dev.ways
        for source in (pods if way.sources == (EVERYBODY,) else way.sources)
        for port in way.ports.split("; ")
    }
    asked = 0
    for source, one in pods.items():
        for destination, other in pods.items():
            for listener in stack.factory.workload[destination].listens:
                asked += 1
                verdict = reach.network.may_reach(one, other, listener.port, listener.protocol.value)
                expected = verdict.allowed and source != destination
                assert ((source, destination, f"{listener.protocol.value} {listener.port}") in said) is expected, (source, destination)
    assert asked > 300


def test_each_way_says_why_and_where(dev: Report) -> None:
    """The reason is the spec's own, and its line is the one on which the spec gives it."""
    lines = DEV.read_text().splitlines()
    for way in dev.ways:
        assert way.because, way
        for cause in way.because:
            if cause.path.startswith("flows["):
                place, number = cause.place.rsplit(":", 1)
                assert place == str(DEV)
                assert cause.reason in lines[int(number) - 1]


def test_two_ranges_that_the_policies_see_as_one_are_told_apart() -> None:
    """Two peers on one port are two callers, each with its own reason; what no peer is called stays an address range."""
    spec = large(3)
    spec["peers"] += [{"name": "east", "cidr": "10.1.0.0/16"}, {"name": "west", "cidr": "10.0.0.0/16"}]
    to = "segment-0/gateway"
    spec["flows"] += [{"from": peer, "to": to, "port": "api", "because": f"{peer} sends"} for peer in ("east", "west")]
    spec["workloads"][0]["egress"] = [{"cidr": "10.1.2.3/32", "port": 443, "because": "pager"}]
    report = report_stack(stack_of(spec), TODAY)
    callers = {way.sources: way.because[0].reason for way in report.ways if way.destination == to}
    assert callers == {("east",): "east sends", ("west",): "west sends"}
    assert [way.sources for way in report.ways if way.destination == "10.1.2.3/32"] == [(to,)]


def test_the_internet_is_named_wherever_it_is_behind() -> None:
    """A peer that says so, and any public address; a private range is not the internet."""
    spec = large(3)
    spec["workloads"][0]["egress"] = [
        {"cidr": "203.0.113.7/32", "port": 443, "because": "a vendor"},
        {"cidr": "10.9.0.0/16", "port": 443, "because": "the data center"},
    ]
    internet = {talker.name: talker.internet for talker in report_stack(stack_of(spec), TODAY).talkers if talker.segment is None}
    assert internet == {"ingress": True, "203.0.113.7/32": True, "10.9.0.0/16": False, "cluster DNS": False}


def test_the_page_counts_the_ways_to_the_internet(dev: Report) -> None:
    """Ways, not peers: the dev stack's one ingress reaches two workloads."""
    assert sum("ingress" in way.sources for way in dev.ways) == 2
    assert "2 ways to or from the internet" in Seen(page(dev)).text


def test_assets_list_who_may_touch_them(dev: Report) -> None:
    """As the guardrails' grants say, not as the spec's lists: both classes of asset, all four verbs."""
    assets = {(asset.kind, asset.name): asset for asset in dev.assets}
    features = assets["dataset", "features"]
    assert (features.sort, features.home) == ("Confidential", "training")
    assert features.reads == ("training/fraud-trainer", "training/notebook")
    assert features.writes == ("training/feature-store",)
    fraud = assets["model", "fraud"]
    assert fraud.produces == ("training/fraud-trainer",)
    assert fraud.serves == ("evaluation/judge", "scoring/fraud-server")


def test_people_hold_what_the_bindings_say(dev: Report) -> None:
    """Sessions stand apart from changes, changes from reading; whoever only looks changes nothing."""
    on_call = {held.role: held for held in dev.people if held.subject == "group helix:on-call"}
    assert on_call.keys() == {"viewer", "break-glass:ask", "debugger:approve"}
    assert (on_call["viewer"].changes, on_call["viewer"].sessions) == ((), ())
    assert len(on_call["viewer"].places) == 7
    assert "secrets" not in on_call["viewer"].reads


def test_roles_for_a_while_are_those_of_the_spec(dev: Report) -> None:
    """One row for each eligibility of the spec, with its terms; a grant by pull request has a row, and both are on the page."""
    factory = load_stack(DEV).factory
    asked = {(each.group, each.role, tuple(sorted(each.segments)), each.approvers or "", each.ticket) for each in factory.eligibility}
    assert {(row.group, row.role, row.places, row.approvers, row.ticket) for row in dev.eligible} == asked
    assert {row.role: row.longest for row in dev.eligible} == {"break-glass": "1h", "debugger": "1h", "ml-engineer": "4h"}
    assert {row.because.reason for row in dev.eligible if row.because} == {each.because for each in factory.eligibility}
    grant = {"user": "staff:ann", "role": "operator", "segment": "segment-0", "reason": "by hand", "approver": "staff:bob"}
    spec = large(3) | {"grants": [grant | {"since": "2026-12-01T15:00:00Z", "until": "2026-12-01T17:00:00Z"}]}
    report = report_stack(stack_of(spec), TODAY)
    assert [(row.subject, row.role, row.place, row.until, row.approver) for row in report.granted] == [
        ("user staff:ann", "operator", "segment-0", "2026-12-01T17:00:00Z", "staff:bob")
    ]
    assert "2026-12-01T17:00:00Z" in Seen(page(report)).text


def test_guardrails_say_what_they_refuse_and_that_they_are_in_force(dev: Report) -> None:
    """Every planned policy, with its messages; one that nothing binds would say so."""
    identity = next(barrier for barrier in dev.guardrails if barrier.id == "ZG01")
    assert "exactly one workload" in identity.title
    assert len(identity.refuses) > 1
    assert all("Deny" in barrier.in_force for barrier in dev.guardrails)


def test_controls_count_the_planned_objects(dev: Report) -> None:
    """Each tenet of NIST SP 800-207 has a line, with as many objects as the plan has for it."""
    plan = plan_factory(load_stack(DEV).factory)
    for tenet in range(1, 8):
        control = next(control for control in dev.controls if control.id == f"NIST-800-207-2.1-{tenet}")
        objects = sum(control.id in manifest.because.controls for manifest in (*plan.bootstrap, *plan.manifests))
        assert control.objects == objects + sum(control.id in file.because.controls for file in plan.files)


@pytest.mark.parametrize(
    ("expires", "state"),
    [
        pytest.param("2026-11-23", "expired 1 days ago", id="yesterday"),
        pytest.param("2026-11-24", "holds for 1 more days", id="today is its last day"),
        pytest.param("2026-12-01", "holds for 8 more days", id="next week"),
    ],
)
def test_a_waiver_says_how_long_it_holds(expires: str, state: str) -> None:
    """Against the day that is passed in, never against a clock."""
    spec = large(3)
    waiver = {"rule": "ZT302", "path": "segments[segment-0].quota", "reason": "for the trial", "owner": "team-0", "expires": expires}
    waived = report_stack(stack_of(spec | {"waivers": [waiver]}), TODAY).waivers
    assert [one.state for one in waived] == [state]


def test_nothing_in_a_spec_is_more_than_text() -> None:
    """Markup in every free text of a spec stays text in the page, in the picture and in attributes; no second script, style or image."""
    spec = large(6)
    spec["flows"] = [flow | {"because": EVIL} for flow in spec["flows"]]
    spec["access"] = [{"group": EVIL, "role": "viewer", "segments": ["segment-0"], "because": f"\u202e{EVIL}\u0007"}]
    spec["workloads"][0]["egress"] = [{"cidr": "10.9.0.0/16", "port": 443, "because": EVIL}]
    waiver = {"rule": "ZT302", "path": EVIL, "reason": EVIL, "owner": EVIL, "expires": "2027-01-01"}
    stack = stack_of(spec | {"waivers": [waiver]}, f"{EVIL}.yaml")
    written = page(report_stack(stack, TODAY))
    seen = Seen(written)
    assert [tag for tag, _ in seen.tags if tag in ("script", "style", "img")] == ["style", "script"]
    assert not any(name.startswith("on") for _, attributes in seen.tags for name in attributes)
    assert seen.text.count(EVIL) > 20
    assert "\u202e" not in written
    assert "\u0007" not in written
    assert written.isprintable() or not any(not letter.isprintable() and letter != "\n" for letter in written)
    picture = ElementTree.fromstring(draw(of_stack(stack)))
    assert {element.tag.rpartition("}")[2] for element in picture.iter()} == {"svg", "style", "rect", "g", "path", "title", "text"}


def test_only_the_pages_own_style_and_script_may_run(dev: Report) -> None:
    """The policy lets nothing be fetched, names both by their hashes, and these are right; nothing in the page points elsewhere."""
    written = page(dev)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', written)
    assert policy
    assert policy[1].startswith("default-src 'none'; ")
    assert "unsafe" not in policy[1]
    for tag in ("style", "script"):
        (inner,) = re.findall(rf"<{tag}>(.*?)</{tag}>", written, re.DOTALL)
        assert f"{tag}-src 'sha256-{b64encode(sha256(inner.encode()).digest()).decode()}'" in policy[1]
    for tag, attributes in Seen(written).tags:
        assert "src" not in attributes, tag
        assert "style" not in attributes, tag
        assert (attributes.get("href") or "#").startswith("#"), tag
    assert not re.search(r"@import|url\(", written)


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(spec=specs().flatmap(lambda spec: shuffled(spec).map(lambda other: (spec, other))))
def test_any_spec_has_a_report_whatever_the_order_of_its_lists(spec: tuple[Data, Data]) -> None:
    """Random specs: page and picture are made, well-formed, the same twice, and the map does not depend on the order of lists."""
    one, other = (stack_of(data) for data in spec)
    report = report_stack(one, TODAY)
    assert page(report) == page(report)
    ElementTree.fromstring(draw(of_stack(one)))
    check_places(draw_map(report))
    assert draw(of_stack(one)) == draw(of_stack(other))


@pytest.mark.parametrize("segments", [3, 6, 60])
def test_boxes_do_not_touch_and_curves_pass_between_them(segments: int) -> None:
    """At any size: no two boxes overlap, and no curve enters a box."""
    drawn = draw_map(report_stack(stack_of(large(segments)), TODAY))
    assert sum(len(column.boxes) for column in drawn.columns) > segments
    check_places(drawn)


def check_places(drawn: Map) -> None:
    """Fails where boxes overlap or a curve enters a box."""
    frames: list[tuple[float, float, float, float, Box]] = []
    for column in drawn.columns:
        bottom = 0.0
        for box in column.boxes:
            assert box.y >= bottom + 4, box.title
            assert all(box.y + HEAD < row.y < box.y + box.height for row in box.rows)
            bottom = box.y + box.height
            frames.append((column.x, box.y, column.x + column.width, bottom, box))
    for left, right in zip(drawn.columns, drawn.columns[1:], strict=False):
        assert right.x >= left.x + left.width + GUTTER
    for edge in drawn.edges:
        if edge.sort == "way":
            for x, y in points(edge.path):
                inside = [box.title for low, top, high, bottom, box in frames if low + 1 < x < high - 1 and top < y < bottom]
                assert not inside, (edge, x, y)


def points(path: str) -> list[tuple[float, float]]:
    """Points along a curve, its arrowhead left out."""
    found: list[tuple[float, float]] = []
    x = y = 0.0
    curve = path[: path.index("M", 1)]
    for command, given_ in re.findall(r"([MCH])([^MCH]*)", curve):
        numbers = [float(number) for number in given_.split()]
        if command == "M":
            x, y = numbers
        elif command == "H":
            found += [(x + (numbers[0] - x) * step / 20, y) for step in range(21)]
            x = numbers[0]
        else:
            x1, y1, x2, y2, x3, y3 = numbers
            for step in range(21):
                t = step / 20
                weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
                found.append(
                    (
                        sum(w * p for w, p in zip(weights, (x, x1, x2, x3), strict=True)),
                        sum(w * p for w, p in zip(weights, (y, y1, y2, y3), strict=True)),
                    )
                )
            x, y = x3, y3
    return found


def test_the_command_writes_the_page_and_its_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two runs write the same bytes, without today's date; `--format json` prints what the page shows; an error is exit code 1."""
    one, other = tmp_path / "one.html", tmp_path / "other.html"
    assert main(["report", str(DEV), "-o", str(one)]) == 0
    assert main(["report", str(DEV), "-o", str(other)]) == 0
    assert one.read_bytes() == other.read_bytes()
    assert date.today().isoformat() not in one.read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(["report", str(DEV), "--format", "json"]) == 0
    data: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert data["factory"] == "helix"
    assert data == json.loads(as_json(report_stack(load_stack(DEV), date.today())))
    broken = large(3)
    broken["workloads"][0]["egress"] = [{"cidr": "169.254.169.254/32", "port": 80, "because": "steals credentials"}]
    path = tmp_path / "broken.yaml"
    path.write_text(yaml.dump({"config": {CONFIG_KEY: broken}}, Dumper=Plain))
    assert main(["report", str(path), "-o", str(one)]) == 1
    assert re.search(r'class="bad"><a href="#findings">[0-9]+ errors?<', one.read_text(encoding="utf-8"))
    assert main(["report", str(DEV), "-o", str(tmp_path / "nowhere" / "one.html")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_explain_draws_the_map(capsys: pytest.CaptureFixture[str]) -> None:
    """`factory explain --format svg` is a picture of its own; it takes no question."""
    assert main(["explain", str(DEV), "--format", "svg"]) == 0
    picture = ElementTree.fromstring(capsys.readouterr().out)
    words = {element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Training", "training", "fraud-trainer", "ingress", "h100"} <= words
    assert main(["explain", str(DEV), "--format", "svg", "--who", "training/notebook"]) == 2
    assert "leave out" in capsys.readouterr().err
