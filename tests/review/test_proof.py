"""The proof that a plan lets through what its spec asks for, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from factory import cli
from factory.load import load_stack, load_text
from factory.plan import Plan, names, plan_factory
from factory.review.proof import MOST, prove
from factory.spec import Factory
from tests.specs import factories

DEV = Path(__file__).parents[2] / "stacks" / "Pulumi.dev.yaml"


@pytest.fixture(scope="module")
def factory() -> Factory:
    return load_stack(DEV).factory


def mutated(factory: Factory, change: Callable[[dict[str, Any]], Any], kind: str, name: str) -> Plan:
    """The factory's plan with one object changed; `None` removes it."""
    plan = plan_factory(factory)
    manifests = []
    for manifest in plan.manifests:
        body = manifest.body
        if (body["kind"], body["metadata"].get("namespace"), body["metadata"]["name"]) == (kind, *name.split("/")):
            body = deepcopy(body)
            if change(body) is False:
                continue
            manifest = replace(manifest, body=body)
        manifests.append(manifest)
    assert manifests != list(plan.manifests)
    return replace(plan, manifests=tuple(manifests))


@settings(max_examples=15, deadline=None)
@given(factories())
def test_every_plan_is_proved(factory: Factory) -> None:
    """Whatever a spec says: names that meet, ranges that hold the metadata address, IPv6, host names, tiers of the cluster."""
    assert prove(factory, plan_factory(factory)) == ()


def policies(factory: Factory) -> list[str]:
    return [
        f"{manifest.body['metadata']['namespace']}/{manifest.body['metadata']['name']}"
        for manifest in plan_factory(factory).manifests
        if manifest.body["kind"] == "NetworkPolicy"
    ]


def test_every_policy_is_needed(factory: Factory) -> None:
    """Without any one policy something is blocked (an end of a flow, the DNS) or open (`deny-all`)."""
    for name in policies(factory):
        findings = prove(factory, mutated(factory, lambda body: False, "NetworkPolicy", name))
        expected = "ZT191" if name.endswith("/deny-all") else "ZT190"
        assert {finding.id for finding in findings} == {expected}, name


def test_blocked_flow_is_named(factory: Factory) -> None:
    """The finding stands at the flow that is blocked, and says which objects block it."""
    wanted = next(flow for flow in factory.flows if flow.to == "training/notebook")
    name = f"{factory.name}-training/{names.flow_policy('in', 'notebook', wanted.source, wanted.port)}"
    (finding,) = prove(factory, mutated(factory, lambda body: False, "NetworkPolicy", name))
    assert finding.path == f"flows[{wanted.reference}]"
    assert "10.40.0.0/16 may not reach training/notebook on TCP 8888" in finding.problem


def test_open_way_is_named(factory: Factory) -> None:
    """The finding says who may reach whom, on what, by which object."""
    name = f"{factory.name}-training/allow-dns"
    plan = mutated(factory, lambda body: body["spec"]["egress"].append({}), "NetworkPolicy", name)
    findings = prove(factory, plan)
    assert {finding.id for finding in findings} == {"ZT191"}
    assert any("training/notebook may reach every address on every port" in finding.problem for finding in findings)
    assert all("NetworkPolicy helix-training/allow-dns spec.egress[1] allows egress" in finding.problem for finding in findings)


def test_missing_identity_is_named(factory: Factory) -> None:
    """A workload without its ServiceAccount cannot be reached by anybody."""
    findings = prove(factory, mutated(factory, lambda body: False, "ServiceAccount", f"{factory.name}-training/notebook"))
    assert "flows[office -> training/notebook:http]" in {finding.path for finding in findings if finding.id == "ZT190"}


def test_unknown_policy_proves_nothing(factory: Factory) -> None:
    """A field that the evaluator does not know fails the proof."""
    name = f"{factory.name}-training/deny-all"
    findings = prove(factory, mutated(factory, lambda body: body["spec"].update(tomorrow=True), "NetworkPolicy", name))
    assert findings


def test_wide_open_plan_is_cut(factory: Factory) -> None:
    """Where everything is open the first findings say so, and the proof ends."""
    plan = plan_factory(factory)
    bare = replace(plan, manifests=tuple(m for m in plan.manifests if m.body["kind"] != "NetworkPolicy"))
    assert [finding.id for finding in prove(factory, bare)] == ["ZT191"] * MOST


HOSTS = [("      context: factory-deployer\n", "      context: factory-deployer\n      networkPolicy: Cilium\n")]


def test_host_names(factory: Factory) -> None:
    """With an engine that knows names, the lookup is open for UDP and TCP, and the name on its own port."""
    text = DEV.read_text().replace(*HOSTS[0]).replace("cidr: 10.20.30.40/32", 'host: "*.pager.example"')
    own = load_text(text, "new.yaml").factory
    assert prove(own, plan_factory(own)) == ()


def test_validate_proves(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`factory validate` runs the proof on every stack without errors, and places what it finds."""

    def faulty(factory: Factory) -> Plan:
        name = f"{factory.name}-training/{names.flow_policy('in', 'notebook', 'office', 'http')}"
        return mutated(factory, lambda body: False, "NetworkPolicy", name)

    assert cli.main(["validate", str(DEV)]) == 0
    capsys.readouterr()
    monkeypatch.setattr("factory.plan.plan_factory", faulty)
    assert cli.main(["validate", str(DEV)]) == 1
    line = next(n for n, text in enumerate(DEV.read_text().splitlines(), 1) if "to: training/notebook" in text)
    assert (
        f"Pulumi.dev.yaml:{line}: error ZT190: flows[office -> training/notebook:http] is blocked by its own plan"
        in capsys.readouterr().out
    )
