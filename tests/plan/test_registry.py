"""The registry of models, as it is planned: for every spec of one, and for every product that somebody else runs."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from factory.load import load_object
from factory.plan import Body, Manifest, names, plan_factory
from factory.plan.guardrail import GRANTS
from factory.plan.registry import AUDIENCE, CLAIM, COLLECTING, COLLECTOR, READ, STORE, WRITE
from factory.render import render
from factory.review.objects import read_folder

SPEC: dict[str, Any] = {
    "name": "helix",
    "posture": "Production",
    "trustDomain": "helix.example",
    "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    "images": {"registries": ["registry.helix.example/"]},
    "segments": [
        {"name": "training", "stage": "Training", "owner": "ml-research"},
        {"name": "evaluation", "stage": "Validation", "owner": "ml-quality"},
        {"name": "models", "stage": "Platform", "owner": "ml-platform"},
    ],
    "workloads": [
        {"name": "trainer", "segment": "training", "produces": ["fraud"]},
        {"name": "judge", "segment": "evaluation"},
        {"name": "registry-write", "segment": "models", "listens": [{"name": "https", "port": 5443}]},
        {"name": "registry-read", "segment": "models", "listens": [{"name": "https", "port": 5444}]},
        {"name": "mirror", "segment": "models"},
    ],
    "signers": [
        {"name": "judge", "publicKeys": ["-----BEGIN PUBLIC KEY-----\nMFk=\n-----END PUBLIC KEY-----\n"], "workload": "evaluation/judge"}
    ],
    "models": [
        {"name": "fraud", "repository": "models.helix.example/helix/fraud", "validators": ["judge"]},
        {"name": "base", "repository": "models.helix.example/upstream/base", "imported": True},
    ],
    "flows": [{"from": "training/trainer", "to": "models/registry-write", "port": "https", "because": "it pushes what it has trained"}],
}
DISTRIBUTION: dict[str, Any] = {
    "kind": "Distribution",
    "host": "models.helix.example",
    "segment": "models",
    "image": f"registry.helix.example/distribution@sha256:{'1' * 64}",
    "certificate": "sentinel-certificate",
}
VOLUME = {"storage": "500Gi"}
ROLE = "arn:aws:iam::123456789012:role/helix-registry"
BUCKET = {"s3": {"bucket": "helix-models", "region": "eu-central-1", "writeRole": f"{ROLE}-write", "readRole": f"{ROLE}-read"}}

registries = st.builds(
    lambda store, frozen, kind, collection, ports: (
        {**DISTRIBUTION, **store, **frozen, **({"storageClass": kind} if kind and "storage" in store else {}), "collection": collection},
        ports,
    ),
    st.one_of(
        st.sampled_from([{"storage": size} for size in ("10Gi", "4Ti")]),
        st.sampled_from([BUCKET, {"s3": BUCKET["s3"] | {"endpoint": "https://bucket.vpce-1a2b.s3.eu-central-1.vpce.amazonaws.com"}}]),
    ),
    st.sampled_from([{}, {"frozen": False}, {"frozen": True}]),
    st.sampled_from([None, "nfs", "efs.csi"]),
    st.sampled_from(["0 3 * * 0", "*/30 1-5 * * *"]),
    st.tuples(st.integers(1024, 65535), st.integers(1024, 65535)),
)
"""Every kind of registry that the factory can run, with the ports of its doors."""


def planned(registry: dict[str, Any], ports: tuple[int, int] = (5443, 5444)) -> list[Manifest]:
    spec = copy.deepcopy(SPEC) | {"registry": registry}
    for workload, port in zip(spec["workloads"][2:4], ports, strict=True):
        workload["listens"][0]["port"] = port
    return list(plan_factory(load_object(spec)).manifests)


def of_registry(manifests: list[Manifest]) -> list[Body]:
    return [manifest.body for manifest in manifests if manifest.component.kind == "ModelRegistry"]


def pods(bodies: list[Body]) -> list[Body]:
    """Every pod template."""
    found = []
    for body in bodies:
        if body["kind"] == "Deployment":
            found.append(body["spec"]["template"])
        if body["kind"] == "CronJob":
            found.append(body["spec"]["jobTemplate"]["spec"]["template"])
    return found


def config(bodies: list[Body], door: str) -> Body:
    (text,) = [body["data"]["config.yml"] for body in bodies if (body["kind"], body["metadata"]["name"]) == ("ConfigMap", door)]
    return dict(yaml.safe_load(text))


def grants(manifests: list[Manifest]) -> dict[str, str]:
    (data,) = [
        manifest.body["data"]
        for manifest in manifests
        if manifest.body["metadata"]["name"] == GRANTS and manifest.body["metadata"]["namespace"] == "helix-models"
    ]
    return dict(data)


@given(registries)
@settings(max_examples=25, deadline=None)
def test_every_write_door_asks_for_certificates_and_every_read_door_only_reads(drawn: tuple[dict[str, Any], tuple[int, int]]) -> None:
    """Whatever the spec says of it: TLS 1.3, nobody deletes, no redirect past the door, no layers from elsewhere."""
    bodies = of_registry(planned(*drawn))
    for door, port in zip((WRITE, READ), drawn[1], strict=True):
        found = config(bodies, door)
        assert found["http"]["addr"] == f":{port}"
        assert found["http"]["tls"]["minimumtls"] == "tls1.3"
        assert found["storage"]["delete"] == {"enabled": False}
        assert found["storage"]["redirect"] == {"disable": True}
        assert found["validation"] == {"disabled": False}
        assert {"auth", "proxy", "middleware", "notifications"}.isdisjoint(found)
        assert "debug" not in found["http"], "it shows profiles and variables to everybody"
    write, read = config(bodies, WRITE), config(bodies, READ)
    assert write["http"]["tls"]["clientauth"] == "require-and-verify-client-cert"
    assert write["http"]["tls"]["clientcas"]
    assert write["storage"]["maintenance"]["readonly"] == {"enabled": drawn[0].get("frozen", False)}
    assert read["storage"]["maintenance"] == {"uploadpurging": {"enabled": False}, "readonly": {"enabled": True}}


@given(registries)
@settings(max_examples=25, deadline=None)
def test_every_pod_is_restricted_and_one_workload(drawn: tuple[dict[str, Any], tuple[int, int]]) -> None:
    """Non-root, nothing added, a read-only file system, no API token, none of the variables that Kubernetes would add; the collector has
    the write door's identity."""
    bodies = of_registry(planned(*drawn))
    for template in pods(bodies):
        spec, (container,) = template["spec"], template["spec"]["containers"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["automountServiceAccountToken"] is spec["enableServiceLinks"] is False
        assert spec["serviceAccountName"] == template["metadata"]["labels"][names.WORKLOAD]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert not any(variable["name"].startswith("REGISTRY_") for variable in container["env"])
        assert all("valueFrom" not in variable and "KEY" not in variable["name"] for variable in container["env"])
        mounted = {volume["name"] for volume in spec["volumes"]}
        assert mounted == {mount["name"] for mount in container["volumeMounts"]}
    assert {template["spec"]["serviceAccountName"] for template in pods(bodies)} == {WRITE, READ}


@given(registries)
@settings(max_examples=25, deadline=None)
def test_the_read_door_never_writes_the_store(drawn: tuple[dict[str, Any], tuple[int, int]]) -> None:
    """Its claim and its mount are read-only, and guardrails would not let it have another; of a bucket it has the reading role."""
    manifests = planned(*drawn)
    (read,) = [t for t in pods(of_registry(manifests)) if t["metadata"]["labels"][names.WORKLOAD] == READ]
    granted = grants(manifests)
    if "storage" in drawn[0]:
        (store,) = [volume for volume in read["spec"]["volumes"] if volume["name"] == "store"]
        assert store["persistentVolumeClaim"] == {"claimName": CLAIM, "readOnly": True}
        assert {"name": "store", "mountPath": STORE, "readOnly": True} in read["spec"]["containers"][0]["volumeMounts"]
        assert (granted[f"{READ}.reads"], granted[f"{WRITE}.writes"]) == (CLAIM, CLAIM)
        assert f"{READ}.writes" not in granted
        assert f"{WRITE}.reads" not in granted
    else:
        variables = {variable["name"]: variable["value"] for variable in read["spec"]["containers"][0]["env"]}
        assert variables["AWS_ROLE_ARN"] == f"{ROLE}-read"
        assert granted["audiences"].splitlines() == sorted(["helix.example", AUDIENCE])
    assert not any(key.startswith("mirror.") for key in granted), "nobody else is granted the store"


@given(registries)
@settings(max_examples=25, deadline=None)
def test_nothing_is_collected_beside_writes(drawn: tuple[dict[str, Any], tuple[int, int]]) -> None:
    """A collection runs either behind the file that closes the write door, or while that is frozen. There is no third way."""
    bodies = of_registry(planned(*drawn))
    found = [body for body in bodies if body["kind"] == "CronJob"]
    write = config(bodies, WRITE)
    for body in found:
        assert body["metadata"]["name"] == COLLECTOR
        assert (body["spec"]["concurrencyPolicy"], body["spec"]["timeZone"]) == ("Forbid", "Etc/UTC")
        (script,) = body["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["command"][-1:]
        assert "--delete-untagged" not in script, "a pod that names a digest would lose its model"
        closes = write["health"].get("file") == [{"file": COLLECTING, "interval": "1s"}] and script.startswith(f"touch {COLLECTING}\n")
        assert closes or write["storage"]["maintenance"]["readonly"]["enabled"]
    assert len(found) == (1 if "storage" in drawn[0] or drawn[0].get("frozen") else 0)


@given(registries)
@settings(max_examples=30, deadline=None)
def test_selectors_find_their_own_pods(drawn: tuple[dict[str, Any], tuple[int, int]]) -> None:
    """A Service and a budget select the pods of one door, and never a collector, which would be sent pushes."""
    bodies = of_registry(planned(*drawn))
    labels = {json.dumps(t["metadata"]["labels"], sort_keys=True): t["metadata"]["labels"] for t in pods(bodies)}
    for body in bodies:
        if body["kind"] in ("Service", "PodDisruptionBudget"):
            selector = body["spec"]["selector"]
            selector = selector.get("matchLabels", selector)
            chosen = [it for it in labels.values() if selector.items() <= it.items()]
            assert [it[names.WORKLOAD] for it in chosen] == [body["metadata"]["name"]]


@given(registries)
@settings(max_examples=25, deadline=None)
def test_everything_comes_after_what_it_needs(drawn: tuple[dict[str, Any], tuple[int, int]]) -> None:
    """What a manifest waits for stands before it: registered in this order, nothing waits in vain."""
    seen: set[str] = set()
    for manifest in planned(*drawn):
        assert set(manifest.after) <= seen, manifest.id
        seen.add(manifest.id)


@given(registries)
@settings(max_examples=25, deadline=None)
def test_the_deployer_may_write_these_names_only(drawn: tuple[dict[str, Any], tuple[int, int]]) -> None:
    """Of every kind that runs, serves or stores, its rights list the planned names, and it may write nothing else of that kind."""
    spec = copy.deepcopy(SPEC) | {"registry": drawn[0]}
    plan = plan_factory(load_object(spec))
    (role,) = [
        each.body for each in plan.bootstrap if each.body["metadata"]["name"] == "helix-deployer" and each.body["kind"] == "ClusterRole"
    ]
    planned_names: dict[str, set[str]] = {}
    for body in of_registry(list(plan.manifests)):
        planned_names.setdefault(body["kind"].lower() + "s", set()).add(body["metadata"]["name"])
    for plural, expected in planned_names.items():
        writing = [rule for rule in role["rules"] if plural in rule["resources"] and {"create", "patch", "delete"} & set(rule["verbs"])]
        (rule,) = writing
        named = set(rule["resourceNames"])
        assert expected <= named
        assert named == expected or plural == "configmaps"
    assert "*" not in str(role)


def test_another_configuration_is_another_pod() -> None:
    """A change of the configuration rolls the door that it is about, and not the other one."""

    def starts(registry: dict[str, Any]) -> dict[str, str]:
        found = [body for body in of_registry(planned(registry)) if body["kind"] == "Deployment"]
        return {body["metadata"]["name"]: body["spec"]["template"]["metadata"]["annotations"][names.CONFIG] for body in found}

    before, after = starts({**DISTRIBUTION, **VOLUME}), starts({**DISTRIBUTION, **VOLUME, "frozen": True})
    assert before[READ] == after[READ]
    assert before[WRITE] != after[WRITE]


def test_a_registry_whose_door_is_missing_is_not_planned() -> None:
    """Half a registry would be one without guard; rules say what is missing."""
    spec = copy.deepcopy(SPEC) | {"registry": {**DISTRIBUTION, **VOLUME}, "flows": []}
    spec["workloads"] = [workload for workload in spec["workloads"] if workload["name"] != READ]
    assert of_registry(list(plan_factory(load_object(spec)).manifests)) == []


def test_no_policy_comes_by_itself() -> None:
    """Who reaches a door is the spec's flows: with the registry there is not one network policy more."""

    def policies(manifests: list[Manifest]) -> list[str]:
        return [manifest.id for manifest in manifests if manifest.body["kind"] == "NetworkPolicy"]

    without = list(plan_factory(load_object(SPEC)).manifests)
    assert policies(planned({**DISTRIBUTION, **VOLUME})) == policies(without)


# Registries of somebody else

HOSTS = {
    "Harbor": "harbor.helix.example",
    "Zot": "zot.helix.example",
    "ECR": "123456789012.dkr.ecr.eu-central-1.amazonaws.com",
    "ArtifactRegistry": "europe-west4-docker.pkg.dev",
}


def external(product: str, tmp_path: Path) -> Any:
    """What is rendered for a product. There is no other file, and no object."""
    spec = copy.deepcopy(SPEC) | {"registry": {"kind": "External", "host": HOSTS[product], "product": product}}
    spec["models"] = [
        {**model, "repository": model["repository"].replace("models.helix.example", HOSTS[product]) + "/weights"}
        for model in spec["models"]
    ]
    plan = plan_factory(load_object(spec))
    assert of_registry(list(plan.manifests)) == []
    render(plan, tmp_path)
    read_folder(tmp_path)  # what is rendered for others is no object to be reviewed
    (file,) = (tmp_path / "registry").iterdir()
    content = yaml.safe_load(file.read_text())
    content.pop("#", None)
    return content


def test_harbor(tmp_path: Path) -> None:
    """Private projects whose tags stay; a robot for each workload that pushes, in its own project only; nodes pull."""
    found = external("Harbor", tmp_path)
    assert [project["project_name"] for project in found["projects"]] == ["helix", "upstream"]
    assert all(project["metadata"]["public"] == "false" for project in found["projects"])
    robots = {
        robot["name"]: {(p["namespace"], access["action"]) for p in robot["permissions"] for access in p["access"]}
        for robot in found["robots"]
    }
    assert robots == {
        "helix-training-trainer": {("helix", "pull"), ("helix", "push")},
        "helix-evaluation-judge": {("helix", "pull"), ("helix", "push")},
        "helix-nodes": {("helix", "pull"), ("upstream", "pull")},
    }
    assert {rule["tag_selectors"][0]["decoration"] for rules in found["immutabletagrules"].values() for rule in rules} == {"excludes"}


def test_zot(tmp_path: Path) -> None:
    """Nothing for anybody by default; who makes or signs creates and never updates or deletes; nodes read."""
    repositories = external("Zot", tmp_path)["http"]["accessControl"]["repositories"]
    assert repositories["**"] == {"policies": [], "defaultPolicy": [], "anonymousPolicy": []}
    assert repositories["helix/fraud/weights"]["policies"] == [
        {"users": ["helix-evaluation-judge", "helix-training-trainer"], "actions": ["read", "create"]},
        {"users": ["helix-nodes"], "actions": ["read"]},
    ]
    assert repositories["upstream/base/weights"]["policies"] == [{"users": ["helix-nodes"], "actions": ["read"]}]


def test_ecr(tmp_path: Path) -> None:
    """Tags stay; each workload's policy names its own repositories, no wildcard but for the token, and nothing that deletes."""
    found = external("ECR", tmp_path)
    assert {repository["imageTagMutability"] for repository in found["repositories"]} == {"IMMUTABLE_WITH_EXCLUSION"}
    arn = "arn:aws:ecr:eu-central-1:123456789012:repository/"
    resources = {}
    for name, policy in found["policies"].items():
        token, rest = policy["Statement"]
        assert (token["Action"], token["Resource"]) == (["ecr:GetAuthorizationToken"], ["*"])
        assert not any(word in action for action in rest["Action"] for word in ("*", "Delete", "Policy"))
        assert ("ecr:PutImage" in rest["Action"]) is (name != "helix-nodes")
        resources[name] = rest["Resource"]
    assert resources == {
        "helix-training-trainer": [f"{arn}helix/fraud/weights"],
        "helix-evaluation-judge": [f"{arn}helix/fraud/weights"],
        "helix-nodes": [f"{arn}helix/fraud/weights", f"{arn}upstream/base/weights"],
    }


def test_artifact_registry(tmp_path: Path) -> None:
    """Tags stay; workloads write by their Kubernetes identity, into the repository of their models only."""
    found = {each["name"]: each for each in external("ArtifactRegistry", tmp_path)["repositories"]}
    assert all(each["dockerConfig"] == {"immutableTags": True} for each in found.values())
    writers = {name: each["roles"]["roles/artifactregistry.writer"] for name, each in found.items()}
    assert writers == {
        "projects/helix/locations/europe-west4/repositories/fraud": ["ns/helix-evaluation/sa/judge", "ns/helix-training/sa/trainer"],
        "projects/upstream/locations/europe-west4/repositories/base": [],
    }


@pytest.mark.parametrize("product", HOSTS)
def test_its_row_says_where_models_are(product: str) -> None:
    """A registry of somebody else has a row in the preview, and no object below it."""
    spec = copy.deepcopy(SPEC) | {"registry": {"kind": "External", "host": HOSTS[product], "product": product}}
    plan = plan_factory(load_object(spec))
    assert {c.name: intent for c, intent in plan.intents.items() if c.kind == "ModelRegistry"} == {
        "helix": {"host": HOSTS[product], "product": product}
    }
