"""What a change means for trust, over every single change that could be made to the objects of a real stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from factory import cli
from factory.errors import Finding
from factory.load import Stack, load_stack, load_text
from factory.plan import names, plan_factory
from factory.render import render
from factory.review.diff import Diff, Effect, diff
from factory.review.objects import Name, Objects, of_stack, read_objects
from factory.review.present.diff import as_json, as_markdown, as_text, escape
from factory.review.trust import Topic, Weight
from tests.specs import factories

from .mutation import deletions, widenings

DEV = Path(__file__).parents[2] / "stacks" / "Pulumi.dev.yaml"
NOW = date(2026, 11, 20)
REDUNDANT = "no longer isolate egress"
"""The one way that flips nothing: `allow-dns` isolates every pod too."""
PARTS = 8
"""Some 1,200 ways, tested in as many pieces."""
SAMPLE = 80
"""Of so many, one is tested where time is short."""


@pytest.fixture(scope="module")
def dev() -> Objects:
    return of_stack(load_stack(DEV))


def changed(text: str, *edits: tuple[str, str]) -> Objects:
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new)
    return of_stack(load_text(text, "new.yaml"))


def edited(*edits: tuple[str, str]) -> Objects:
    return changed(DEV.read_text(), *edits)


def said(found: Diff, effect: Effect) -> list[str]:
    return [change.said for change in found.changes if change.effect is effect]


def few(mutants: Iterator[Any], each: int) -> Iterator[Any]:
    """All mutants of network policies and guardrails, of other kinds those of the first `each` objects."""
    seen: dict[str, set[Name]] = {}
    for mutant in mutants:
        name = Name.of(mutant[2])
        if name.kind.startswith(("NetworkPolicy", "ValidatingAdmission")):
            yield mutant
        elif name in seen.setdefault(name.kind, set()) or len(seen[name.kind]) < each:
            seen[name.kind].add(name)
            yield mutant


def check_deletion(dev: Objects, done: str, after: Objects, body: Any) -> None:
    """Fails where an object goes without a change that names it; a network policy, a guardrail or a quota is told by what it did."""
    name = Name.of(body)
    named = [change for change in diff(dev, after).changes if name in change.by]
    assert named, done
    if name.kind == "NetworkPolicy":
        assert any(change.topic is Topic.REACH for change in named), done
    if name.kind.startswith("ValidatingAdmission") or name.kind in ("ResourceQuota", "LimitRange"):
        assert any(change.effect is Effect.WIDENS for change in named), done


def check_widening(dev: Objects, done: str, after: Objects, body: Any) -> None:
    """Fails where an object is loosened without a verdict that trust widens, and a change that names it.

    A network policy flips at least one cell, if only at its own end.
    """
    found, name = diff(dev, after), Name.of(body)
    named = [change for change in found.changes if name in change.by]
    assert named, done
    if done.endswith(REDUNDANT):
        return
    assert found.widens, (done, found.verdict)
    if name.kind == "NetworkPolicy":
        assert any(change.topic is Topic.REACH for change in named), done


@pytest.mark.lab
def test_every_deletion_is_reported(dev: Objects) -> None:
    """No object of the plan can go without a change that names it."""
    for mutant in few(deletions(dev), each=8):
        check_deletion(dev, *mutant)


@pytest.mark.lab
@pytest.mark.parametrize("part", range(PARTS))
def test_every_widening_is_reported(dev: Objects, part: int) -> None:
    """No object of the plan can be loosened by one field without a verdict that trust widens, and a change that names the object."""
    for mutant in islice(few(widenings(dev), each=2), part, None, PARTS):
        check_widening(dev, *mutant)


def test_some_deletions_are_reported(dev: Objects) -> None:
    """A sample of what the end-to-end run tests in full."""
    for mutant in islice(few(deletions(dev), each=8), 0, None, SAMPLE // 2):
        check_deletion(dev, *mutant)


def test_some_widenings_are_reported(dev: Objects) -> None:
    """A sample of what the end-to-end run tests in full."""
    for mutant in islice(few(widenings(dev), each=2), 0, None, SAMPLE):
        check_widening(dev, *mutant)


def test_roles_for_a_while_and_identities_cannot_be_widened_unseen() -> None:
    """Every way to loosen who may hold a role for a while, who holds one, and which pods bear which SPIFFE ID."""
    granted, identified = edited(("    eligibility:\n", GRANTED)), of_stack(load_stack(DEV.parent / "Pulumi.onprem.yaml"))
    chosen = [body for body in granted.bodies if body["kind"] == "ConfigMap" or names.GRANT in body["metadata"].get("labels", {})]
    chosen += [body for body in identified.bodies if body["kind"] == "ClusterSPIFFEID"][:2]
    objects = Objects("test", tuple(chosen))
    tried = list(widenings(objects))
    assert {Name.of(body).kind for _, _, body in tried} == {"ConfigMap", "RoleBinding", "ClusterSPIFFEID"}
    for mutant in tried:
        check_widening(objects, *mutant)


@settings(max_examples=10, deadline=None)
@given(factories())
def test_nothing_changes_without_a_change(factory: Any) -> None:
    """A factory against itself, and against its own rendered folder, is neutral without a single change."""
    objects = of_stack(Stack(factory, load_stack(DEV).document))
    assert diff(objects, objects).changes == ()


def test_rendered_folder_is_the_same(dev: Objects, tmp_path: Path) -> None:
    """A rendered folder reads as what it was rendered from."""
    assert dev.stack is not None
    render(plan_factory(dev.stack.factory), tmp_path)
    assert diff(dev, read_objects(str(tmp_path))).changes == ()
    assert diff(read_objects(str(tmp_path)), dev).changes == ()


FLOW = ("    flows:\n", "    flows:\n      - {from: training/notebook, to: platform/tracking, port: https, because: notebooks log runs}\n")


def test_flow(dev: Objects) -> None:
    """A new flow is one line: who may now reach whom, why, and where that stands."""
    found = diff(dev, edited(FLOW))
    assert found.verdict == "widens trust"
    (change,) = found.changes
    assert change.said == "training/notebook may reach platform/tracking on TCP 8443"
    assert [because.reason for because in change.because] == ["notebooks log runs"]
    line = DEV.read_text().split("    flows:\n")[0].count("\n") + 2
    assert change.places == (f"new.yaml:{line}",)
    assert diff(edited(FLOW), dev).verdict == "narrows trust"


def test_egress_to_the_internet_comes_first(dev: Objects) -> None:
    """Worst first: the internet before sensitive data of a workload's own, before one workload to another."""
    found = diff(dev, edited(FLOW, ("10.20.30.40/32", "0.0.0.0/0"), ("        reads: [holdout]\n", "        reads: [holdout, claims]\n")))
    assert [change.weight for change in found.changes] == [Weight.CRITICAL, Weight.CRITICAL, Weight.MEDIUM]
    assert found.changes[0].said == (
        "platform/alerts may reach 0.0.0.0/0 except 169.254.169.254/32 (so far only 10.20.30.40/32) on TCP 443"
    )
    assert found.changes[1].said == "evaluation/judge reads dataset claims (Restricted)"


def test_people_who_write_come_before_people_who_read(dev: Objects) -> None:
    """The operator's rights to change stand above those to look, which are all that a viewer has."""
    onlooker = '      - {group: "helix:audit", role: %s, segments: [training], because: they look on}\n'

    def weights(role: str) -> list[Weight]:
        found = diff(dev, edited(("    access:\n", "    access:\n" + onlooker % role)))
        return [change.weight for change in found.changes if change.said.startswith("group helix:audit may")]

    assert weights("operator") == [Weight.HIGH, Weight.LOW]
    assert weights("viewer") == [Weight.LOW]


def test_quota(dev: Objects) -> None:
    """More is wider, less is narrower."""
    more, less = (edited(("gpu: 96", f"gpu: {gpus}")) for gpus in (128, 64))
    assert diff(dev, more).verdict == "widens trust"
    assert diff(dev, less).verdict == "narrows trust"
    assert diff(less, more).changes[0].said.endswith("before: training may use 64 of requests.nvidia.com/gpu at most")


def test_reason_alone_is_neutral(dev: Objects) -> None:
    """Another reason changes nothing, and is told all the same."""
    found = diff(dev, edited(("because: engineers look at dashboards", "because: engineers watch the dashboards")))
    assert found.verdict == "neutral"
    assert ["engineers watch the dashboards; before: engineers look at dashboards" in one for one in said(found, Effect.NEUTRAL)] == [True]


GRANTED = """    grants:
      - user: "helix:alice"
        role: operator
        segment: training
        since: "2026-12-01T15:00:00Z"
        until: "2026-12-01T17:00:00Z"
        reason: the new loader is rolled out by hand
        approver: "helix:bob"
    eligibility:
"""
ASKS = (
    '    eligibility:\n      - {group: "helix:model-risk", role: security-reviewer, segments: [scoring], longest: %s,'
    " approvers: %s, because: audit}\n"
)


def test_eligibility(dev: Objects) -> None:
    """Who may hold a role for a while is one sentence a segment; for longer, and without consent, is wider, and the reverse narrower."""
    short, long = (edited(("    eligibility:\n", ASKS % (longest, '"helix:on-call"'))) for longest in ("1h", "90m"))
    sentence = "members of helix:model-risk may hold role security-reviewer in scoring for up to %s, when a member of helix:on-call agrees"
    assert sentence % "1h" in said(diff(dev, short), Effect.WIDENS)
    assert "no longer: " + sentence % "1h" in said(diff(short, dev), Effect.NARROWS)
    assert said(diff(short, long), Effect.WIDENS) == [f"{sentence % '90m'}; before: {sentence % '1h'}"]
    assert diff(long, short).verdict == "narrows trust"
    alone = diff(dev, edited(('        approvers: "helix:model-risk"\n', "")))
    (worst, *_) = alone.changes
    assert (worst.effect, worst.weight) == (Effect.WIDENS, Weight.CRITICAL)
    assert worst.said == "members of helix:language may hold role ml-engineer in tuning for up to 4h, at once: nobody needs to agree"


def test_grant_by_pull_request(dev: Objects) -> None:
    """Who holds what until when, and why; a later end is wider, an earlier one narrower."""
    granted, later = (edited(("    eligibility:\n", GRANTED.replace("17:00", end))) for end in ("17:00", "18:00"))
    holds = "user helix:alice holds role operator in training until 2026-12-01T17:00:00Z: the new loader is rolled out by hand, "
    assert f"{holds}agreed by helix:bob" in said(diff(dev, granted), Effect.WIDENS)
    assert diff(granted, dev).verdict == "narrows trust"
    assert [change.effect for change in diff(granted, later).changes] == [Effect.WIDENS]
    assert [change.effect for change in diff(later, granted).changes] == [Effect.NARROWS]


def test_waiver() -> None:
    """A waiver is a loosening, a later date a further one, and none of them shows in any object."""
    text = DEV.read_text()

    def waived(until: str) -> Objects:
        waiver = f"{{rule: ZT402, path: x, reason: as long as it takes, owner: platform, expires: {until}}}"
        return changed(text, ("    pools:\n", f"    waivers:\n      - {waiver}\n    pools:\n"))

    assert diff(changed(text), waived("2027-01-31")).verdict == "widens trust"
    assert diff(waived("2027-01-31"), waived("2027-03-31")).verdict == "widens trust"
    assert diff(waived("2027-03-31"), waived("2027-01-31")).verdict == "narrows trust"


def test_other_cluster(dev: Objects) -> None:
    """The same objects on another cluster are not the same: no object says so, and nobody here knows what that means."""
    found = diff(dev, edited(("      context: factory-deployer\n", "      context: production\n")))
    assert [change.effect for change in found.changes] == [Effect.UNKNOWN]
    assert found.changes[0].said.endswith("context production; before: the factory is deployed through context factory-deployer")


RENAME = (("name: tuning\n", "name: finetuning\n"), ("segment: tuning\n", "segment: finetuning\n"), ("tuning/", "finetuning/"))
EVERYWHERE = (*RENAME, ("[training, tuning", "[training, finetuning"), ("segment: tuning}", "segment: finetuning}"))


def test_rename(dev: Objects) -> None:
    """A segment that only has another name is neutral, with a word on what that costs."""
    found = diff(dev, edited(*EVERYWHERE, ("segments: [tuning]", "segments: [finetuning]"), (" tuning, ", " finetuning, ")))
    assert found.renamed == (("tuning", "finetuning"),)
    assert found.verdict == "neutral"
    (change,) = found.changes
    assert change.said.startswith(
        "segment tuning is now called finetuning: its namespace and everything in it, volume claims too, is removed"
    )


def test_rename_hides_nothing(dev: Objects) -> None:
    """What else changes with a rename is told."""
    after = edited(*EVERYWHERE, ("segments: [tuning]", "segments: [finetuning]"), (" tuning, ", " finetuning, "), FLOW)
    found = diff(dev, after)
    assert found.renamed == (("tuning", "finetuning"),)
    assert said(found, Effect.WIDENS) == ["training/notebook may reach platform/tracking on TCP 8443"]


def test_unknown_object_is_not_overlooked(dev: Objects) -> None:
    """A kind that nothing here understands counts as widening, whether it comes, goes or changes."""
    strange = {"apiVersion": "example.com/v1", "kind": "Backdoor", "metadata": {"name": "x"}, "spec": {"open": False}}
    with_it, opened = (replace(dev, bodies=(*dev.bodies, body)) for body in (strange, strange | {"spec": {"open": True}}))
    for old, new in ((dev, with_it), (with_it, dev), (with_it, opened)):
        found = diff(old, new)
        assert [change.effect for change in found.changes] == [Effect.UNKNOWN]
        assert found.verdict == "widens trust"
    assert "spec.open false → true" in diff(with_it, opened).changes[0].said


EVIL = "a | b `c` <img src=x onerror=y> @octo/team #1 ](https://evil.example) **x** \\| <!-- \n| x | y |"


def test_markdown_cannot_be_broken_into() -> None:
    """No text of a spec ends a cell, opens markup or HTML, mentions anybody or links anywhere."""
    escaped = escape(EVIL)
    assert "\n" not in escaped
    for letter in "|`*[]#":
        assert all(escaped[place - 1] == "\\" for place, one in enumerate(escaped) if one == letter), letter
    assert "<" not in escaped
    assert "@octo" not in escaped
    assert "://" not in escaped.replace("://\u200b", "")


def rows(lines: str) -> list[str]:
    return [line for line in lines.splitlines() if line.startswith("|") and not line.startswith(("| ---", "| what"))]


def test_markdown_fits(dev: Objects) -> None:
    """What does not fit a comment is counted, and no row is cut."""
    nothing = read_objects("/dev/null")
    found = diff(nothing, dev)
    whole = "\n".join(as_markdown(found, 10**9))
    assert len(rows(whole)) == len(found.changes)
    for limit in (1_000, 5_000, 20_000):
        cut = "\n".join(as_markdown(found, limit))
        assert len(cut) <= limit
        assert rows(cut) == rows(whole)[: len(rows(cut))]
        assert f"{len(found.changes) - len(rows(cut))} more, none worse" in cut


def test_no_cell_can_fill_a_comment(dev: Objects) -> None:
    """Even a `because` as long as a spec allows leaves room for other rows."""
    long = replace(dev, bodies=tuple({**dict(body), "spec": {"x": "y" * 5000}} if body["kind"] == "Node" else body for body in dev.bodies))
    text = "\n".join(as_markdown(diff(dev, long)))
    assert len(text) <= 60_000
    assert max(map(len, text.splitlines())) < 3_000


def test_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--fail-on widen` exits 1 for what widens and 0 for what narrows; without it a diff always exits 0; JSON says the same."""
    new = tmp_path / "Pulumi.dev.yaml"
    new.write_text(DEV.read_text().replace(*FLOW))
    assert cli.main(["diff", str(DEV), str(new)]) == 0
    assert "widens trust (1 widen)" in capsys.readouterr().out
    assert cli.main(["diff", str(DEV), str(new), "--fail-on", "widen"]) == 1
    assert cli.main(["diff", str(new), str(DEV), "--fail-on", "widen"]) == 0
    capsys.readouterr()
    assert cli.main(["diff", str(DEV), str(new), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["widens"], len(told["changes"])) == ("widens trust", True, 1)
    assert cli.main(["diff", str(tmp_path / "nothing.yaml"), str(new)]) == 1
    assert "does not exist" in capsys.readouterr().out


ANYWHERE = ("cidr: 10.20.30.40/32, port: 443", "cidr: 0.0.0.0/0, port: 443")
ANY = "error ZT109: workloads[platform/alerts].egress[0.0.0.0/0:443].cidr is as good as anywhere: 0.0.0.0/0"


def ids(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(finding.id, finding.severity.value) for finding in findings]


def test_a_rule_that_is_broken_is_said_first(dev: Objects) -> None:
    """A change that a rule refuses never looks like one that was only to be read: not as text, in the comment, or to a program."""
    found = diff(dev, edited(ANYWHERE), NOW)
    assert (ids(found.found), found.mended) == ([("ZT109", "Error")], ())
    text, comment = [*as_text(found)], [*as_markdown(found)]
    assert "1 new error" in text[0]
    assert "1 new error" in comment[0]
    assert text[1:3] == ["\nRules find", f"  ! {ANY}  (new.yaml:147)"]
    assert rows("\n".join(comment))[0].startswith(f"| {escape(ANY)}  (new.yaml:147) | ")
    assert [finding["id"] for finding in json.loads(as_json(found))["found"]] == ["ZT109"]


def test_a_rule_that_is_kept_again_is_said_last(dev: Objects) -> None:
    """What a change mends is told after all that has to be read."""
    found = diff(edited(ANYWHERE), dev, NOW)
    assert (found.found, ids(found.mended)) == ((), [("ZT109", "Error")])
    assert [*as_text(found)][-2:] == ["\nRules no longer find", f"  - {ANY}  (new.yaml:147)"]


def test_what_only_weighs_otherwise_is_not_mended(dev: Objects) -> None:
    """By posture the same findings weigh more or less: more is told, and neither way is anything called mended that is still there."""
    production = edited(("posture: Development", "posture: Production"))
    stricter, laxer = diff(dev, production, NOW), diff(production, dev, NOW)
    assert ("ZT402", "Error") in ids(stricter.found)
    assert "ZT402" not in [id for id, _ in (*ids(stricter.mended), *ids(laxer.found), *ids(laxer.mended))]


def test_a_renamed_segment_breaks_no_rule_anew() -> None:
    """What rules found under the old name, they find under the new one: nothing came and nothing was mended."""
    text = DEV.read_text().replace("gpu: 96, ", "")
    old, new = changed(text), changed(text.replace("training", "workshop"))
    paths = [finding.path for finding in diff(read_objects("/dev/null"), old, NOW).found]
    assert "segments[training].quota.gpu" in paths
    found = diff(old, new, NOW)
    assert found.renamed == (("training", "workshop"),)
    assert (found.found, found.mended) == ((), ())


def test_what_is_waived_is_not_mended(dev: Objects) -> None:
    """A waiver silences; nobody is told that something is in order again."""
    path = "access[helix:ml-research: operator].role"
    waiver = f'{{rule: ZT402, path: "{path}", reason: until the queue is there, owner: ml-research, expires: "2027-03-31"}}'
    found = diff(dev, edited(("    access:\n", f"    waivers: [{waiver}]\n    access:\n")), NOW)
    assert (found.found, found.mended) == ((), ())


def test_findings_need_two_specs(dev: Objects, tmp_path: Path) -> None:
    """A new stack shows all that rules find in it; a rendered folder has no spec that a rule could judge."""
    assert len(diff(read_objects("/dev/null"), dev, NOW).found) == 6
    render(plan_factory(load_stack(DEV).factory), tmp_path)
    found = diff(read_objects(str(tmp_path)), edited(ANYWHERE), NOW)
    assert (found.found, found.mended) == ((), ())


def test_text_names_place_and_reason(dev: Objects) -> None:
    """People read the same as programs."""
    lines = list(as_text(diff(dev, edited(FLOW))))
    assert lines[0].endswith("widens trust (1 widen)")
    assert any("because notebooks log runs  (new.yaml:" in line for line in lines)


def test_a_right_to_one_is_nothing_beside_the_right_to_all() -> None:
    """To lose the right to one object by name is no loss for who may do the same with all of them."""
    api, ann = "rbac.authorization.k8s.io/v1", {"kind": "User", "name": "ann"}
    rule: dict[str, Any] = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}

    def role(*rules: dict[str, Any]) -> Objects:
        meta = {"name": "r", "namespace": "n"}
        bound = {"apiVersion": api, "kind": "RoleBinding", "metadata": meta, "roleRef": {"kind": "Role", "name": "r"}, "subjects": [ann]}
        return Objects("test", ({"apiVersion": api, "kind": "Role", "metadata": meta, "rules": list(rules)}, bound))

    one = rule | {"resourceNames": ["x"]}
    assert said(diff(role(one), role(rule)), Effect.WIDENS) == ["user ann may get pods in n"]
    assert diff(role(one), role(rule)).verdict == "widens trust"
    assert diff(role(rule), role(one)).verdict == "narrows trust"
    assert said(diff(role(rule, one), role(rule)), Effect.NARROWS) == []
