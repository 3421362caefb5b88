"""Which pods get which SPIFFE ID, and how SPIRE is told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from specs import Data, read, specs

from factory.load import load_object
from factory.plan import Plan, names, plan_factory

from .test_properties import of_kind, properties

SPEC: dict[str, Any] = {
    "name": "helix",
    "posture": "Development",
    "trustDomain": "helix.example",
    "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    "images": {"registries": ["registry.helix.example/"]},
    "segments": [
        {"name": "training", "stage": "Training", "owner": "ml-research"},
        {"name": "serving", "stage": "Inference", "owner": "serving"},
    ],
    "workloads": [{"name": "trainer", "segment": "training"}, {"name": "server", "segment": "serving"}],
}


def plan(**workloads: Any) -> Plan:
    return plan_factory(load_object(SPEC | {"identity": {"workloads": workloads}}))


def value(planned: Plan) -> Any:
    """The values of SPIRE's chart."""
    return next(file.content for file in planned.spire if file.path == "values.yaml")


@properties
@given(specs())
def test_every_workload_has_one_spiffe_id_and_no_two_share_one(data: Data) -> None:
    """Where workloads have identities: one ClusterSPIFFEID and one entry each, with the same ID, for the pods of that workload alone."""
    factory = read(data | {"identity": data["identity"] | {"workloads": {}}})
    planned = plan_factory(factory)
    granted = [manifest.body["spec"] for manifest in of_kind(planned, "ClusterSPIFFEID")]
    by_id = {spec["spiffeIDTemplate"]: spec for spec in granted}
    assert len(by_id) == len(granted) == len(factory.workloads)
    accounts = {(body["metadata"]["namespace"], body["metadata"]["name"]) for body in (m.body for m in of_kind(planned, "ServiceAccount"))}
    pods = set()
    for spec in granted:
        (namespace,), (workload,) = spec["namespaceSelector"]["matchLabels"].values(), spec["podSelector"]["matchLabels"].values()
        assert spec["namespaceSelector"]["matchLabels"].keys() == {names.NAMESPACE_NAME}
        assert spec["podSelector"]["matchLabels"].keys() == {names.WORKLOAD}
        assert (namespace, workload) in accounts
        assert spec["workloadSelectorTemplates"] == [f"k8s:ns:{namespace}", f"k8s:sa:{workload}"]
        assert not any("{{" in text for text in (spec["spiffeIDTemplate"], *spec["workloadSelectorTemplates"])), "a template fits many"
        pods.add((namespace, workload))
    assert len(pods) == len(granted)
    nodes, *entries = next(file.content["entries"] for file in planned.spire if file.path == "entries.json")
    assert sorted(entry["spiffe_id"] for entry in entries) == sorted(by_id)
    assert {entry["parent_id"] for entry in entries} <= {nodes["spiffe_id"]}


def test_lives_reach_objects_entries_and_chart() -> None:
    """What the spec says of lives is what everybody is told: hours and minutes to Kubernetes, seconds to SPIRE."""
    planned = plan(spire={"svidLife": "2h", "tokenLife": "3m"})
    assert {(m.body["spec"]["ttl"], m.body["spec"]["jwtTtl"]) for m in of_kind(planned, "ClusterSPIFFEID")} == {("2h", "3m")}
    entries = next(file.content["entries"] for file in planned.spire if file.path == "entries.json")
    assert {(entry["x509_svid_ttl"], entry["jwt_svid_ttl"]) for entry in entries[1:]} == {(7200, 180)}
    server = value(planned)["spire-server"]
    assert (server["defaultX509SvidTTL"], server["defaultJwtSvidTTL"]) == ("2h", "3m")


@pytest.mark.parametrize(("life", "authority"), [("1h", "24h"), ("4h", "24h"), ("245m", "25h"), ("24h", "144h")])
def test_the_authority_outlives_what_it_signs(life: str, authority: str) -> None:
    """Six times, or SPIRE would sign for less than the spec says."""
    assert value(plan(spire={"svidLife": life}))["spire-server"]["caTTL"] == authority


def test_the_chart_gives_nobody_an_identity_by_itself() -> None:
    """No catch-all, no attestation by process, no agent that believes whoever answers for the kubelet."""
    values = value(plan())
    identities = values["spire-server"]["controllerManager"]["identities"]["clusterSPIFFEIDs"]
    assert identities["default"] == {"enabled": False}
    assert values["spire-agent"]["workloadAttestors"]["unix"] == {"enabled": False}
    assert values["spire-agent"]["workloadAttestors"]["k8s"]["verification"]["type"] != "skip"
    assert {m.body["spec"]["className"] for m in of_kind(plan(), "ClusterSPIFFEID")} == {
        values["spire-server"]["controllerManager"]["className"]
    }


@pytest.mark.parametrize(
    ("spiffe_id", "profile"),
    [
        (None, {"type": "https_web"}),
        ("spiffe://partner.example/spire/server", {"type": "https_spiffe", "endpointSPIFFEID": "spiffe://partner.example/spire/server"}),
    ],
)
def test_a_federation_reaches_every_workload(spiffe_id: str | None, profile: dict[str, str]) -> None:
    """Its bundle is fetched as the spec says, and every workload is given it."""
    federation = {"trustDomain": "partner.example", "bundleEndpoint": "https://spire.partner.example:8443"}
    planned = plan(spire={"federations": [federation | ({"spiffeId": spiffe_id} if spiffe_id else {})]})
    (trusted,) = of_kind(planned, "ClusterFederatedTrustDomain")
    assert trusted.body["spec"]["bundleEndpointProfile"] == profile
    assert trusted.body["spec"]["bundleEndpointURL"] == federation["bundleEndpoint"]
    assert {tuple(m.body["spec"]["federatesWith"]) for m in of_kind(planned, "ClusterSPIFFEID")} == {("partner.example",)}
    assert value(planned)["spire-server"]["federation"] == {"enabled": True}


def test_audiences_of_the_spec_reach_the_guardrail() -> None:
    """Pods may project tokens for the trust domain and for what the spec names, in every segment."""
    for found in of_kind(plan(audiences=["vault", "sts.cloud.example"]), "ConfigMap"):
        assert found.body["data"]["audiences"].split("\n") == ["helix.example", "sts.cloud.example", "vault"]
