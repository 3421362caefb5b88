"""The drill without a cluster: what is sent is harmless, what comes back is judged rightly, and nothing is dropped in silence."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from factory.cli import main
from factory.load import load_stack
from factory.plan import plan_factory
from factory.plan.guardrail import GUARDRAILS, STATIC_GUARDRAILS
from factory.plan.manifest import Body
from factory.review.drill.attack import NOBODY, Attack, Identity, Lacking, Request, Tactic, Trial, connect, denied, thing
from factory.review.drill.drill import Outcome, Result, drill, find_trials, read_answer
from factory.review.drill.ground import Ground
from factory.review.drill.present import as_json, as_junit, as_text
from factory.review.drill.tactic import TACTICS
from factory.spec import Factory
from tests.specs import factories

STACKS = sorted(Path("stacks").glob("Pulumi.*.yaml"))
DEV = Path("stacks/Pulumi.dev.yaml")
ATTACKS = [(tactic, attack) for tactic in TACTICS for attack in tactic.attacks]
WHO = Identity("somebody", "somebody", ("some",))


def ground_of(factory: Factory) -> Ground:
    """A ground on which a pod of the first workload runs."""
    ground = Ground(factory, plan_factory(factory))
    pods = {ground.namespace(workload): ground.carry("Pod", workload) for workload in ground.workloads[:1]}
    return Ground(factory, ground.plan, pods)


def trials_of(factory: Factory) -> list[Trial]:
    return [trial for _, _, trial in find_trials(ground_of(factory), TACTICS) if isinstance(trial, Trial)]


def requests_of(trial: Trial) -> list[Request]:
    return [request for request in (trial.request, trial.twin) if request]


def assert_harmless(request: Request) -> None:
    """It stores nothing, starts nothing and shows nothing: a dry run, a review, or a session in a pod that cannot be."""
    if request.path.endswith("/selfsubjectaccessreviews"):
        assert request.method == "POST"
    elif NOBODY in request.path:
        assert re.search(rf"/(pods|services)/{NOBODY}/(exec|attach|portforward|proxy|binding)$", request.path)
        assert not re.fullmatch(r"[a-z0-9.-]+", NOBODY)  # RFC 1123: no pod and no service can have this name
    else:
        assert request.method in ("POST", "PATCH", "DELETE")
        assert request.query == {"dryRun": "All"}
        assert "?" not in request.path
    assert request.by.headers[0] == ("Impersonate-User", request.by.user)


@pytest.mark.parametrize("stack", STACKS, ids=str)
def test_every_stack_is_attacked_harmlessly(stack: Path) -> None:
    """At least 60 attacks, none of which can change a cluster, each with a twin that differs."""
    trials = trials_of(load_stack(stack).factory)
    assert len(trials) >= 60
    for trial in trials:
        assert trial.twin is not None
        assert trial.twin != trial.request
        for request in requests_of(trial):
            assert_harmless(request)


@settings(max_examples=6, deadline=None)
@given(factories())
def test_any_factory_is_attacked(factory: Factory) -> None:
    """Whatever the stack, every attack is either made or said not to apply and why; and the driller may play everybody who is played."""
    found = find_trials(ground_of(factory), TACTICS)
    assert [(tactic, attack) for tactic, attack, _ in found] == ATTACKS
    rights = {rule["resources"][0]: rule["resourceNames"] for rule in driller(factory)["rules"]}
    for _, _, trial in found:
        if isinstance(trial, Lacking):
            assert str(trial)
            continue
        for request in requests_of(trial):
            assert_harmless(request)
            account = request.by.user.startswith("system:serviceaccount:")
            name = request.by.user.rpartition(":")[2] if account else request.by.user
            assert name in rights["serviceaccounts" if account else "users"]
            assert set(request.by.groups) <= set(rights["groups"])


def driller(factory: Factory) -> Body:
    return next(manifest.body for manifest in plan_factory(factory).bootstrap if manifest.key == "driller")


def test_the_driller_may_only_impersonate() -> None:
    """And only by name: there is no rule without resourceNames, which would be everybody."""
    for rule in driller(load_stack(DEV).factory)["rules"]:
        assert rule["verbs"] == ["impersonate"]
        assert rule["resourceNames"]


def test_every_guardrail_is_attacked() -> None:
    """None is there that no drill tries, those on the API server's disk included."""
    factory = load_stack(DEV).factory
    ids = {guardrail(factory).id for guardrail in (*GUARDRAILS, *STATIC_GUARDRAILS)}
    assert ids <= {attack.control for _, attack in ATTACKS}


def test_titles_and_techniques() -> None:
    """Titles tell attacks apart, and technique ids have the form that MITRE gives them."""
    assert len({attack.title for _, attack in ATTACKS}) == len(ATTACKS)
    assert len({tactic.name for tactic in TACTICS}) == len(TACTICS)
    for tactic, attack in ATTACKS:
        assert tactic.techniques
        for technique in (*tactic.techniques, *attack.techniques):
            assert re.fullmatch(r"T\d{4}(\.\d{3})?|AML\.T\d{4}(\.\d{3})?", technique)


@pytest.mark.parametrize(
    "request_",
    [
        {"method": "POST", "path": "/api/v1/namespaces/a/pods"},
        {"method": "DELETE", "path": "/api/v1/namespaces/a", "query": {"dryRun": "None"}},
        {"method": "POST", "path": "/api/v1/namespaces/a/pods/real/exec", "nobody": True},
    ],
    ids=str,
)
def test_no_harmful_request_can_be_made(request_: dict[str, Any]) -> None:
    """A request that is neither dry run nor review cannot even be built."""
    with pytest.raises(ValueError, match="would not be a dry run"):
        Request(WHO, **request_)


VAP = "ValidatingAdmissionPolicy 'helix-zg05-session' with binding 'helix-zg05-session' denied request: "
ANSWERS = [
    (403, f'pods "no_body" is forbidden: {VAP}ZG05: no role of yours opens this kind of session', "ZG05"),
    (422, f'configmaps "guardrails" is forbidden: {VAP}ZG07: only the deployer', "ZG07"),
    (403, f"{VAP}failed to configure binding: no params found", "policy helix-zg05-session"),
    (403, 'pods "a" is forbidden: violates PodSecurity "restricted:v1.36": host namespaces (hostPID=true)', "Pod Security"),
    (403, 'pods "a" is forbidden: exceeded quota: quota, requested: pods=1, used: pods=9, limited: pods=9', "ResourceQuota"),
    (403, 'pods "a" is forbidden: maximum cpu usage per Container is 128, but limit is 99999', "LimitRange"),
    (403, 'nodes "a" is forbidden: User "drill" cannot patch resource "nodes" in API group "" at the cluster scope', "RBAC"),
    (403, 'rolebindings "a" is forbidden: user "d" (groups=[]) is attempting to grant RBAC permissions not currently held:', "RBAC"),
    (403, 'admission webhook "validate.kyverno.svc-fail" denied the request: no', "webhook validate.kyverno.svc-fail"),
    (422, 'Pod "a" is invalid: spec.containers: Required value', "API validation"),
    (400, "admission webhook x does not support dry run", "API validation"),
    (404, 'pods "drill" not found', ""),
    (500, "", ""),
]


@pytest.mark.parametrize(("status", "message", "control"), ANSWERS, ids=lambda value: str(value)[:40])
def test_who_refused_is_read_from_the_answer(status: int, message: str, control: str) -> None:
    """In the API server's own words, as 1.36 says them."""
    request = Request(WHO, "POST", "/api/v1/pods", query={"dryRun": "All"})
    answer = read_answer(request, status, {"message": message})
    assert (answer.admitted, answer.control) == (False, control)


def test_what_is_let_through() -> None:
    """A created object, a session that got as far as looking for its pod, and a review that says so."""
    assert read_answer(Request(WHO, "POST", "/x", query={"dryRun": "All"}), 201, {}).admitted
    assert read_answer(connect(WHO, "a", "exec"), 404, {"message": "not found"}).admitted
    may = denied(WHO, "get", "secrets").request
    assert read_answer(may, 201, {"status": {"allowed": True}}).admitted
    assert not read_answer(may, 201, {"status": {"allowed": False}}).admitted
    assert not read_answer(may, 201, {}).admitted
    assert not read_answer(may, 403, {"message": "no"}).admitted


def one(control: str, attack: tuple[int, str], twin: tuple[int, str]) -> Result:
    """How an attack is judged, given the answers to it and to its twin."""
    requests = [Request(WHO, "POST", f"/{name}", query={"dryRun": "All"}) for name in ("attack", "twin")]
    tactic = Tactic("t", ("T1000",), (Attack("a", control, lambda ground: Trial(*requests)),))
    answers = {"/attack": attack, "/twin": twin}

    def send(request: Request) -> tuple[int, Any]:
        status, message = answers[request.path]
        return status, {"message": message}

    return drill(ground_of(load_stack(DEV).factory), [tactic], send)[0]


GUARDED, QUOTA, MALFORMED = (403, ANSWERS[0][1]), (403, ANSWERS[4][1]), (422, ANSWERS[9][1])


@pytest.mark.parametrize(
    ("control", "attack", "twin", "outcome"),
    [
        ("ZG05", GUARDED, (201, ""), Outcome.REFUSED),
        ("RBAC|ZG05", GUARDED, (201, ""), Outcome.REFUSED),
        ("ZG05", GUARDED, QUOTA, Outcome.REFUSED),  # quota is counted after all else
        ("ResourceQuota", QUOTA, QUOTA, Outcome.NOT_PROVEN),  # the segment is full: nothing is shown
        ("ZG01", GUARDED, (201, ""), Outcome.NOT_PROVEN),
        ("ZG05", MALFORMED, (201, ""), Outcome.NOT_PROVEN),
        ("ZG05", GUARDED, MALFORMED, Outcome.NOT_PROVEN),
        ("ZG05", GUARDED, GUARDED, Outcome.NOT_PROVEN),
        ("ZG05", (404, "not found"), (201, ""), Outcome.NOT_PROVEN),
        ("ZG05", (201, ""), (201, ""), Outcome.LET_THROUGH),
        ("ZG05", (201, ""), MALFORMED, Outcome.LET_THROUGH),
    ],
)
def test_a_refusal_counts_only_for_the_right_reason(control: str, attack: Any, twin: Any, outcome: Outcome) -> None:
    """Refused by the control that is meant, while the benign twin gets through."""
    assert one(control, attack, twin).outcome is outcome


RESULTS = [
    one("ZG05", GUARDED, (201, "")),
    one("ZG05", (201, ""), (201, "")),
    one("ZG05", MALFORMED, (201, "")),
    Result(TACTICS[0], TACTICS[0].attacks[0], Outcome.DOES_NOT_APPLY, message="no <pool>"),
]


def test_text_ends_with_the_sum() -> None:
    """The last line says it all; what was let through is named with its request, and with what should have refused it."""
    lines = list(as_text(RESULTS))
    assert lines[-1] == "3 attacks: 1 refused, 1 let through, 1 not proven (1 more do not apply)"
    assert any("LET THROUGH" in line for line in lines)
    assert any("ZG05 should refuse it; it was POST /attack by somebody" in line for line in lines)
    assert list(as_text(RESULTS[:1]))[-1] == "1 attack: 1 refused"


def test_junit_is_what_ci_reads() -> None:
    """Counts and cases agree; a failure is an attack that got through."""
    root = ElementTree.fromstring(as_junit("s", 1.5, RESULTS))
    assert (root.tag, root.attrib["tests"], root.attrib["failures"], root.attrib["errors"], root.attrib["skipped"]) == (
        "testsuites",
        *("4", "1", "1", "1"),
    )
    assert len(root.findall(".//testcase")) == 4
    assert [case.attrib["message"] for case in root.findall(".//failure")] == ["ZG05 should refuse it, and nothing did"]
    assert [case.attrib["message"] for case in root.findall(".//skipped")] == ["no <pool>"]


def test_json_holds_every_attack() -> None:
    """For alerting: an entry for each, with what refused it."""
    content = json.loads(as_json("s", "c", 1.5, RESULTS))
    assert content["counts"] == {"refused": 1, "let through": 1, "not proven": 1, "does not apply": 1}
    assert [attack["refusedBy"] for attack in content["attacks"]] == ["ZG05", None, "API validation", None]


def test_list_needs_no_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    """`--list` says what would be tried, and what does not apply, of the tactics that are asked for."""
    assert main(["drill", str(DEV), "--list", "--format", "json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["attacks"]) == len(ATTACKS)
    assert main(["drill", str(DEV), "--list", "--only", "Pool Hopping", "--only", "exec"]) == 0
    headings = [line for line in capsys.readouterr().out.splitlines() if line and not line.startswith(" ")]
    assert [line.partition(" (")[0] for line in headings[:-1]] == ["pool hopping", "exec"]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--only", "pol hopping"], 2, 'Did you mean "pool hopping"?'),
        (["--only", "x", "--list"], 2, "There are: dataset and model theft"),
        (["--list", "--format", "junit"], 2, "leave out --list"),
        (["--context", "no-such-context"], 1, 'context "no-such-context" is not in'),
    ],
)
def test_one_clear_error(
    options: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Wrong usage exits with 2, a drill that cannot be held with 1; both say what to do."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert main(["drill", str(DEV), *options]) == code
    assert words in capsys.readouterr().err


def test_objects_are_plain() -> None:
    """`thing` leaves the namespace out where there is none."""
    assert thing("v1/Namespace", "a") == {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}
