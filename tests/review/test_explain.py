"""What is explained, and from what."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from factory import cli
from factory.load import load_stack
from factory.plan import plan_factory
from factory.render import render
from factory.review.channel import find_reach
from factory.review.explain import answer, explain_reach
from factory.review.objects import ReviewError, of_stack, read_folder

from .test_diff import GRANTED

DEV = Path(__file__).parents[2] / "stacks" / "Pulumi.dev.yaml"


def line_of(text: str) -> int:
    return next(number for number, line in enumerate(DEV.read_text().splitlines(), 1) if text in line)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(["explain", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_every_flow_and_nothing_else() -> None:
    """Each way names exactly one line of the spec, and every flow, egress and the DNS have one."""
    stack = load_stack(DEV)
    passages = explain_reach(find_reach(of_stack(stack)))
    told = {because.path for passage in passages for because in passage.because}
    factory = stack.factory
    asked = {f"flows[{flow.reference}]" for flow in factory.flows} | {"cluster.dns"}
    asked |= {f"workloads[{w.reference}].egress[{egress.reference}]" for w in factory.workloads for egress in w.egress}
    assert told == asked
    assert all(len(passage.because) == 1 and passage.by for passage in passages)


def test_answer_names_objects_and_line(capsys: pytest.CaptureFixture[str]) -> None:
    """An allowed way: verdict, reason, file and line, and the policy of each end."""
    code, out, _ = run(capsys, str(DEV), "--from", "intake/loader", "--to", "training/feature-store", "--port", "ingest")
    assert code == 0
    assert out.startswith("intake/loader -> training/feature-store  TCP 9001: allowed\n")
    assert f"{DEV}:{line_of('from: intake/loader, to: training/feature-store')} flows[intake/loader" in out
    assert out.count("NetworkPolicy") == 2


def test_denied_by_objects_not_by_prose(capsys: pytest.CaptureFixture[str]) -> None:
    """A denial names the policies that isolate both ends."""
    code, out, _ = run(capsys, str(DEV), "--from", "training/notebook", "--to", "intake/loader", "--port", "80")
    assert code == 0
    assert "TCP 80: denied" in out
    assert "NetworkPolicy helix-training/deny-all spec.podSelector isolates for egress" in out
    assert "NetworkPolicy helix-intake/deny-all spec.podSelector isolates for ingress" in out


@pytest.mark.parametrize(
    ("source", "destination", "port", "reach"),
    [
        ("office", "training/notebook", "8888", "Allowed"),
        ("10.40.7.7", "training/notebook", "8888/tcp", "Allowed"),
        ("10.41.0.0/16", "training/notebook", "8888", "Denied"),
        ("ingress", "scoring/gateway", "https", "Allowed"),
        ("ingress", "scoring/fraud-server", "grpc", "Denied"),
        ("platform/alerts", "10.20.30.40", "443", "Allowed"),
        ("platform/alerts", "169.254.169.254", "80", "Denied"),
        ("training/notebook", "pods k8s-app=kube-dns in kube-system", "53/UDP", "Allowed"),
    ],
)
def test_parties(source: str, destination: str, port: str, reach: str) -> None:
    """Workloads, peers by name, addresses, blocks, listeners by name, and pods that only a policy names."""
    (given,) = answer(find_reach(of_stack(load_stack(DEV))), source, destination, port)
    assert given.verdict.reach.value == reach


def test_without_port_every_open_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a port the question is asked for each that is open."""
    code, out, _ = run(capsys, str(DEV), "--from", "platform/metrics", "--to", "training/feature-store", "--format", "json")
    assert code == 0
    assert [(one["port"], one["reach"]) for one in json.loads(out)] == [("TCP 9090", "Allowed")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "trainin/notebook", "--to", "office"), 'Did you mean "training/notebook"?'),
        (("--from", "office"), "give both --from and --to"),
        (("--from", "office", "--to", "training/notebook", "--port", "gopher"), "http (8888)"),
        (("--who", "nobody"), '"nobody" holds nothing here'),
        (("--who", "helix:alice", "--group", "helix:servin"), 'No group is called "helix:servin" here. Did you mean'),
    ],
)
def test_mistakes(arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that nothing bears is one clear error."""
    code, _, err = run(capsys, str(DEV), *arguments)
    assert code == 1
    assert said in err
    assert "fault of factory's own" not in err


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither or both of a stack and a folder is wrong usage."""
    assert run(capsys)[0] == 2
    assert run(capsys, str(DEV), "--manifests", ".")[0] == 2
    assert run(capsys, str(DEV), "--group", "helix:serving")[0] == 2


def test_who_may_hold_a_role_for_a_while(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Of a group what it may ask for and agree to, and through which objects; of a person what they hold, from objects alone too."""
    _, out, _ = run(capsys, str(DEV), "--who", "helix:on-call")
    assert (
        "helix:on-call may hold break-glass in assistant, evaluation, intake, platform, scoring, training, tuning for up to 1h, at" in out
    )
    assert "helix:serving may hold debugger in assistant, scoring for up to 1h, when a member of helix:on-call agrees, with a ticket" in out
    ways = (
        "ConfigMap helix-scoring/guardrails, RoleBinding helix-scoring/helix:serving.debugger:ask, RoleBinding helix-scoring/helix:on-call"
    )
    assert f"by  {ways}.debugger:approve" in out
    stack = tmp_path / "new.yaml"
    stack.write_text(DEV.read_text().replace("    eligibility:\n", GRANTED))
    code, out, err = run(capsys, str(stack), "--who", "helix:alice")
    assert code == 0, err
    assert "user helix:alice holds operator in training until 2026-12-01T17:00:00Z" in out
    assert "by  RoleBinding helix-training/operator::helix:alice by Role helix-training/operator" in out
    assert "helix:serving" not in out
    assert "add --group NAME for each" in out
    code, out, err = run(capsys, str(stack), "--who", "helix:alice", "--group", "helix:serving", "--group", "helix:data-platform")
    assert code == 0, err
    assert "user helix:alice holds operator in training until 2026-12-01T17:00:00Z" in out
    assert "helix:serving may hold debugger in assistant, scoring for up to 1h" in out
    assert "by  RoleBinding helix-intake/" in out
    assert "--group" not in out
    render(plan_factory(load_stack(stack).factory), tmp_path / "rendered")
    _, out, _ = run(capsys, "--manifests", str(tmp_path / "rendered"), "--who", "user helix:alice", "--format", "json")
    (held,) = json.loads(out)["held"]
    assert (held["role"], held["place"], held["approver"]) == ("operator", "training", "helix:bob")


def test_who(capsys: pytest.CaptureFixture[str]) -> None:
    """A group's rights, and a workload's grants and ways."""
    _, out, _ = run(capsys, str(DEV), "--who", "helix:data-platform")
    assert "group helix:data-platform in intake" in out
    assert "by  RoleBinding helix-intake/" in out
    assert "helix:serving" not in out
    assert "Roles for a while" not in out
    _, out, _ = run(capsys, str(DEV), "--who", "training/fraud-trainer")
    assert "training/fraud-trainer reads dataset features (Confidential)" in out
    assert "training/fraud-trainer produces model fraud" in out
    assert "training/fraud-trainer -> platform/tracking  TCP 8443" in out


def test_mermaid(capsys: pytest.CaptureFixture[str]) -> None:
    """One subgraph a segment, one arrow a way, and no text that could end a label."""
    _, out, _ = run(capsys, str(DEV), "--format", "mermaid")
    assert out.startswith("flowchart LR\n")
    assert out.count("subgraph") == len(load_stack(DEV).factory.segments)
    flows = load_stack(DEV).factory.flows
    assert out.count("-->") == len(flows) + 1
    assert out.count('"') % 2 == 0


def test_rendered_folder_explains_the_same(tmp_path: Path) -> None:
    """The objects alone tell who reaches whom and why."""
    stack = load_stack(DEV)
    render(plan_factory(stack.factory), tmp_path)
    by_spec, by_folder = (explain_reach(find_reach(objects)) for objects in (of_stack(stack), read_folder(tmp_path)))
    assert by_spec == by_folder


DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: web, ports: [{name: http, containerPort: 8080}]}]}
---
apiVersion: v1
kind: List
items:
  - {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
  - apiVersion: networking.k8s.io/v1
    kind: NetworkPolicy
    metadata: {name: web, namespace: shop}
    spec:
      podSelector: {matchLabels: {app: web}}
      ingress: [{from: [{namespaceSelector: {matchLabels: {team: front}}}], ports: [{port: http}]}]
"""


def test_yaml_from_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Deployments, lists, several documents and named ports of a folder that factory has not written."""
    (tmp_path / "shop.yaml").write_text(DEPLOYMENT)
    code, out, _ = run(capsys, "--manifests", str(tmp_path))
    assert code == 0
    assert "any other pod in namespaces team=front -> shop/web  TCP 8080" in out
    assert "NetworkPolicy shop/web spec.ingress[0] allows ingress" in out
    code, out, _ = run(capsys, "--manifests", str(tmp_path), "--from", "any other pod in any other namespace", "--to", "shop/web")
    assert "denied" in out


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("chart.yaml", "a: {{ .Values.a }}\n", "is not YAML"),
        ("values.yaml", "replicas: 3\n", "without apiVersion, kind and metadata.name"),
        ("twice.yaml", "\n---\n".join([yaml.safe_dump({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}})] * 2), "twice"),
        ("binary.json", "{", "cannot be read"),
    ],
)
def test_folder_that_cannot_be_read(name: str, text: str, said: str, tmp_path: Path) -> None:
    """What is not understood is refused, with the file's name: no policy is passed over in silence."""
    (tmp_path / name).write_text(text)
    with pytest.raises(ReviewError, match=said):
        read_folder(tmp_path)


def test_empty_folder(tmp_path: Path) -> None:
    """A folder without YAML is a mistake, not an empty cluster."""
    with pytest.raises(ReviewError, match="holds no YAML"):
        read_folder(tmp_path)


def test_git_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A stack file of another revision, and one clear error for a revision that is none."""
    import subprocess

    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.dev.yaml").write_text(DEV.read_text())
    for command in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "-qm", "x"]):
        subprocess.run(["git", *command], check=True)
    code, out, _ = run(capsys, "HEAD:Pulumi.dev.yaml", "--who", "training/notebook")
    assert code == 0
    assert "HEAD:Pulumi.dev.yaml:" in out
    for wrong in ("nowhere:Pulumi.dev.yaml", "HEAD:nothing.yaml"):
        code, _, err = run(capsys, wrong)
        assert code == 1
        assert "cannot be read from git" in err
