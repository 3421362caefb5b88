"""Tampering with kinds that Kubernetes itself does not have: Karpenter's, Cluster API's, Kueue's, Cilium's, SPIRE's.

The shipped stacks that use them stand side by side on one lab, three factories with a deployer each. Nobody acts on these kinds there, and
nothing has to: an audit compares objects. Signatures are left out, since an audit rightly says so where no Kyverno checks them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from deployed import Client, administrator_of, start_lab, wait_until
from plan.golden import STACKS
from test_foreign_kinds import definitions, dry_run, is_established, url

from factory.load import load_stack
from factory.plan import Body, Plan, names, plan_factory
from factory.plan.auditor import SPIRE, group_of, is_custom
from factory.review.audit.drift import Change
from factory.spec import Factory
from lab import Lab

MERGE, JSON = "application/merge-patch+json", "application/json-patch+json"
KINDS = ("capi", "eks", "onprem")
"""Stacks whose plans have foreign kinds."""
NAMES = tuple(load_stack(STACKS[stack]).factory.name for stack in KINDS)


@dataclass
class Site:
    """One deployed stack, and somebody who gets past its guardrails."""

    lab: Lab
    file: Path
    factory: Factory
    plan: Plan
    root: Client
    """The deployer, with every right."""
    administrator: Client
    """With every right, and not the deployer."""

    def audit(self, *options: str) -> tuple[int, Any]:
        """Exit code and JSON of `factory audit`. By RBAC alone a deployer may write in all namespaces, so those next door are excepted."""
        context = f"root-{self.factory.name}"
        neighbours = (name for name in NAMES if name != self.factory.name)
        options += tuple(word for name in neighbours for word in ("--except", f"ClusterRoleBinding {name}-deployer"))
        command = [sys.executable, "-m", "factory", "audit", str(self.file), "--context", context, "--format", "json", *options]
        environment = {"PATH": "/usr/bin:/bin", "KUBECONFIG": str(self.lab.kubeconfig)}
        run = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300, check=False)
        return run.returncode, json.loads(run.stdout) if run.stdout else run.stderr

    def planned(self, reference: str) -> Body:
        return next(manifest.body for manifest in self.plan.manifests if manifest.reference == reference)

    def apply(self, body: Body) -> None:
        query = {"fieldManager": names.FIELD_MANAGER, "force": "true"}
        answer = self.root.request("PATCH", url(body), body, "application/apply-patch+yaml", **query)
        assert answer.status_code < 300, f"{url(body)}: {answer.text}"

    def tamper(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> None:
        client = self.root if "/namespaces/" in path else self.administrator
        answer = client.request(method, path, body, kind, fieldManager="mallory")
        assert answer.status_code < 300, f"{method} {path}: {answer.text}"


def unsigned(stack: str) -> dict[str, Any]:
    """A shipped stack without signatures."""
    spec: dict[str, Any] = yaml.safe_load(STACKS[stack].read_text())["config"]["ai-factory:spec"]
    spec.pop("signers", None)
    spec["images"].pop("signers", None)
    for model in spec["models"]:
        model.pop("signers", None)
        model.pop("validators", None)
    return spec


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Site]]:
    """All three, deployed."""
    folder = tmp_path_factory.mktemp("stacks")
    for lab in start_lab():
        root = Client(lab, "lab-admin")
        serve_kinds(root)
        found = {}
        for stack in KINDS:
            file = folder / f"{stack}.yaml"
            file.write_text(yaml.safe_dump({"config": {"ai-factory:spec": unsigned(stack)}}, sort_keys=False))
            factory = load_stack(file).factory
            context = lab.user(factory.deployer.user, ["system:masters"], context=f"root-{factory.name}")
            found[stack] = site = Site(lab, file, factory, plan_factory(factory), Client(lab, context), root)
            for manifest in site.plan.manifests:
                body = manifest.body
                if manifest.patch:
                    root.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": body["metadata"]["name"]}})
                elif "namespace" in body["metadata"] and not body["metadata"]["namespace"].startswith(factory.name):
                    root.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": body["metadata"]["namespace"]}})
            for manifest in (*site.plan.bootstrap, *site.plan.manifests):
                site.apply(manifest.body)
        yield found


def serve_kinds(root: Client) -> None:
    """The definitions of every foreign kind."""
    plans = [plan_factory(load_stack(STACKS[stack]).factory) for stack in KINDS]
    groups = {group_of(manifest.body["apiVersion"]) for plan in plans for manifest in plan.manifests}
    found = [definition for definition in definitions() if definition["spec"]["group"] in groups]
    for definition in found:
        root.apply(definition)
    for definition in found:
        path = url(definition)
        wait_until(lambda path=path: is_established(root.get(path)), f"{path} is served")


@pytest.mark.parametrize("stack", KINDS)
def test_no_false_alarm_beside_other_factories(sites: dict[str, Site], stack: str) -> None:
    """Right after deploying nothing is drift: no default of a foreign kind, nothing of the factory next door but its deployer's rights."""
    code, found = sites[stack].audit()
    assert code == 0, found


class Way(NamedTuple):
    """A way to change a planned object, and the field that an audit must name."""

    stack: str
    reference: str
    patch: Any
    field: str


WAYS = [
    Way("eks", "NodePool quill-h100", {"spec": {"template": {"spec": {"taints": []}}}}, "spec.template.spec.taints"),
    Way("eks", "EC2NodeClass quill-h100", {"spec": {"metadataOptions": {"httpTokens": "optional"}}}, "spec.metadataOptions.httpTokens"),
    Way("capi", "MachineDeployment metal/meridian-b200", {"spec": {"replicas": 80}}, "spec.replicas"),
    Way("capi", "ClusterNetworkPolicy meridian-deny-metadata", [{"op": "remove", "path": "/spec/egress"}], "spec.egress"),
    Way(
        "capi",
        "ClusterQueue meridian-batch",
        [{"op": "replace", "path": "/spec/resourceGroups/0/flavors/0/resources/2/nominalQuota", "value": "640"}],
        "spec.resourceGroups[0].flavors[0].resources[2].nominalQuota",
    ),
    Way("capi", "LocalQueue meridian-sandbox/batch", {"metadata": {"labels": {names.FACTORY: None}}}, "metadata.labels"),
    Way("onprem", "ResourceFlavor aurora-h100", {"spec": {"nodeTaints": []}}, "spec.nodeTaints"),
    Way(
        "onprem",
        "CiliumClusterwideNetworkPolicy aurora-deny-metadata",
        {"spec": {"egressDeny": [{"toEntities": ["host"]}]}},
        "spec.egressDeny",
    ),
    Way(
        "onprem",
        "CiliumNetworkPolicy aurora-platform/out-mirror.to.nvcr.example.443-tcp",
        [{"op": "add", "path": "/spec/egress/-", "value": {"toEntities": ["world"]}}],
        "spec.egress[2]",
    ),
    Way("onprem", "ClusterSPIFFEID aurora-diagnosis.feedback", {"spec": {"podSelector": None}}, "spec.podSelector"),
    Way(
        "onprem",
        "ClusterFederatedTrustDomain aurora-ai.borealis.example",
        {"spec": {"bundleEndpointURL": "https://mallory.example"}},
        "spec.bundleEndpointURL",
    ),
    Way(
        "onprem",
        "DeviceClass aurora-b200",
        {"spec": {"selectors": [{"cel": {"expression": "true"}}]}},
        "spec.selectors[0].cel.expression",
    ),
]

MALLORY = {"name": "mallory"}
NEW = {
    "CiliumNetworkPolicy": ("cilium.io/v2", "aurora-training", {"endpointSelector": {}, "egress": [{"toEntities": ["world"]}]}),
    "CiliumClusterwideNetworkPolicy": ("cilium.io/v2", None, {"endpointSelector": {}, "ingress": [{"fromEntities": ["all"]}]}),
    "LocalQueue": ("kueue.x-k8s.io/v1beta2", "aurora-training", {"clusterQueue": "aurora-diagnosis"}),
    "ClusterSPIFFEID": (
        f"{SPIRE}/v1alpha1",
        None,
        {"className": "aurora", "spiffeIDTemplate": "spiffe://ai.aurora.example/segment/diagnosis/workload/feedback", "podSelector": {}},
    ),
    "ClusterStaticEntry": (
        f"{SPIRE}/v1alpha1",
        None,
        {
            "className": "aurora",
            "spiffeID": "spiffe://ai.aurora.example/segment/diagnosis/workload/feedback",
            "parentID": "spiffe://ai.aurora.example/cluster/aurora",
            "selectors": ["k8s:ns:default"],
        },
    ),
    "ClusterFederatedTrustDomain": (
        f"{SPIRE}/v1alpha1",
        None,
        {
            "className": "aurora",
            "trustDomain": "mallory.example",
            "bundleEndpointURL": "https://mallory.example",
            "bundleEndpointProfile": {"type": "https_web"},
        },
    ),
}
"""New objects on the on-premises site: apiVersion, namespace, spec."""


def new(kind: str) -> Body:
    version, namespace, spec = NEW[kind]
    metadata = MALLORY | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def test_ways_cover_every_foreign_kind(sites: dict[str, Site]) -> None:
    """Whatever kind of another project is in a plan, some way changes an object of it."""
    planned = {manifest.body["kind"] for site in sites.values() for manifest in site.plan.manifests if is_foreign(manifest.body)}
    assert planned == {way.reference.partition(" ")[0] for way in WAYS} - {"DeviceClass"}


def is_foreign(body: Body) -> bool:
    return is_custom(group_of(body["apiVersion"]))


def test_every_way_is_found_and_put_right(sites: dict[str, Site]) -> None:
    """All at once: each is named with object, field and writer, in its own factory and in no other; repaired, everything is as planned."""
    for way in WAYS:
        site = sites[way.stack]
        site.tamper("PATCH", url(site.planned(way.reference)), way.patch, JSON if isinstance(way.patch, list) else MERGE)
    for kind in NEW:
        body = new(kind)
        sites["onprem"].tamper("POST", url(body).rpartition("/")[0], body)
    for stack, site in sites.items():
        code, found = site.audit()
        assert code == 3, found
        drift = found["drift"]
        seen = [(each["object"], each["field"] or "") for each in drift]
        for way in (way for way in WAYS if way.stack == stack):
            assert any(each[0] == way.reference and each[1].startswith(way.field) for each in seen), (way, seen)
        unplanned = {each["object"].partition(" ")[0]: each for each in drift if each["change"] == Change.UNPLANNED}
        # What Cilium does to every pod of the cluster, it does in every factory's segments.
        assert unplanned.keys() == (set(NEW) if stack == "onprem" else {"CiliumClusterwideNetworkPolicy"}), unplanned
        assert all(each["severity"] == "Error" for each in unplanned.values()), unplanned
        blamed = {way.reference for way in WAYS if way.stack == stack}
        assert {each["object"] for each in drift if each["change"] != Change.UNPLANNED} == blamed
        assert all(each["author"]["manager"] == "mallory" for each in drift if each["author"] and each["change"] != Change.REMOVED), drift

    site = sites["onprem"]
    for kind in NEW:
        # In a segment the deployer may remove it. Without a namespace, and without the factory's label, it is an administrator's to remove.
        site.tamper("DELETE", url(new(kind)))
    for site in sites.values():
        code, repaired = site.audit("--repair", "--yes")
        assert [step for step in repaired["steps"] if step["error"]] == []
        assert code == 0, repaired["drift"]


def test_deployer_hands_out_the_identities_of_its_workloads_only(sites: dict[str, Site]) -> None:
    """ZG14 judges the very object: whatever the deployer writes into its ClusterSPIFFEID, one workload has its own identity."""
    site = sites["onprem"]
    administrator_of(site.lab)
    deployer = Client(site.lab, site.lab.user(site.factory.deployer.user))
    planned = site.planned("ClusterSPIFFEID aurora-diagnosis.feedback")
    assert dry_run(deployer, planned).status_code == 200
    other_pods = {"matchLabels": {names.NAMESPACE_NAME: "kube-system"}}
    for changed in (
        {"className": "meridian"},
        {"spiffeIDTemplate": "spiffe://ai.aurora.example/segment/training/workload/trainer"},
        {"spiffeIDTemplate": "spiffe://ai.aurora.example/{{ .PodMeta.Namespace }}"},
        {"namespaceSelector": other_pods},
        {"namespaceSelector": {}},
        {"podSelector": {}},
        {"workloadSelectorTemplates": []},
        {"workloadSelectorTemplates": ["k8s:ns:aurora-diagnosis"]},
        {"dnsNameTemplates": ["api.bank.example"]},
        {"autoPopulateDNSNames": True},
        {"admin": True},
        {"downstream": True},
    ):
        answer = dry_run(deployer, planned | {"spec": planned["spec"] | changed})
        assert answer.status_code == 422 or answer.status_code == 403, (changed, answer.text)
        assert "ZG14" in answer.text, (changed, answer.text)
    strange = {key: value for key, value in planned.items() if key != "metadata"} | {"metadata": {"name": "aurora-x", "labels": {}}}
    assert "ZG14" in dry_run(deployer, strange).text
