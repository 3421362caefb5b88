"""The vault: what each workload may do with which key, in policies, in OpenBao's first configuration and for others' vaults."""

from __future__ import annotations

import json
import re
import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from specs import Data, read, specs

from factory.load import load_object
from factory.plan import Manifest, Plan, plan_factory
from factory.plan.etcd import PLACEHOLDER
from factory.plan.vault import configuration, find_uses
from factory.render import render
from factory.review.diff import diff
from factory.review.objects import of_plan, of_stack, read_folder
from factory.spec import OpenBao

OPENBAO: dict[str, Any] = {
    "kind": "OpenBao",
    "segment": "keys",
    "image": "registry.helix.example/openbao@sha256:" + "1" * 64,
    "certificate": "sentinel-certificate",
    "seal": {"kind": "AwsKms", "settings": {"region": "eu-central-1", "kms_key_id": "alias/openbao"}},
    "administrators": "staff:key-administrators",
}
EXTERNAL = {"kind": "External", "address": "https://vault.helix.example:8200"}
SPEC: dict[str, Any] = {
    "name": "helix",
    "posture": "Development",
    "trustDomain": "helix.example",
    "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    "images": {"registries": ["registry.helix.example/"]},
    "segments": [{"name": "lab", "stage": "Training", "owner": "research"}, {"name": "keys", "stage": "Platform", "owner": "security"}],
    "datasets": [{"name": "claims", "classification": "Restricted", "segment": "lab"}],
    "models": [{"name": "fraud", "repository": "registry.helix.example/models/fraud"}],
    "workloads": [
        {"name": "store", "segment": "lab", "writes": ["claims"]},
        {"name": "trainer", "segment": "lab", "reads": ["claims"], "produces": ["fraud"]},
        {"name": "idle", "segment": "lab"},
        {"name": "openbao", "segment": "keys", "listens": [{"name": "https", "port": 8200}, {"name": "raft", "port": 8201}]},
    ],
    "identity": {
        "people": {
            "providers": [
                {"kind": "OIDC", "preset": "Okta", "name": "staff", "people": "Staff", "issuer": "https://login.helix.example"},
            ]
        }
    },
    "keys": {"root": {"kind": "Bootstrap"}, "vault": OPENBAO},
}


def plan(**change: Any) -> Plan:
    return plan_factory(load_object(deepcopy(SPEC) | change))


def keys(**change: Any) -> dict[str, Any]:
    return {"root": {"kind": "Bootstrap"}, "vault": OPENBAO | change}


def files(of: Plan) -> dict[str, Any]:
    return {file.path: file.content for file in of.vault}


def found(of: Plan, kind: str) -> dict[str, Manifest]:
    return {
        manifest.body["metadata"]["name"]: manifest
        for manifest in of.manifests
        if manifest.body["kind"] == kind and manifest.component.kind == "KeyManagement"
    }


def granted(policies: dict[str, str]) -> set[tuple[str, str, str]]:
    """Workload, capability and path below `transit`, as the text of the policies says."""
    said = set()
    for file, text in policies.items():
        if not file.endswith(".administrator.hcl"):
            for path, capabilities in re.findall(r'path "helix/transit/([^"]+)" \{\n  capabilities = \["(\w+)"\]\n\}', text):
                said.add((file.removeprefix("helix.").removesuffix(".hcl").replace(".", "/"), capabilities, path))
            assert text.count("path ") == len([one for one in said if file == f"helix.{one[0].replace('/', '.')}.hcl"])
    return said


def test_policies_say_what_the_spec_grants() -> None:
    """Writers and producers encrypt, readers decrypt, and who is granted nothing has no policy."""
    policies = {path.removeprefix("policies/"): text for path, text in files(plan()).items() if path.startswith("policies/")}
    assert granted(policies) == {
        ("lab/store", "update", "encrypt/dataset-claims"),
        ("lab/store", "update", "datakey/plaintext/dataset-claims"),
        ("lab/trainer", "update", "decrypt/dataset-claims"),
        ("lab/trainer", "update", "encrypt/model-fraud"),
        ("lab/trainer", "update", "datakey/plaintext/model-fraud"),
    }


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(specs())
def test_every_grant_is_a_policy_and_every_policy_a_grant(data: Data) -> None:
    """Both ways, whatever the spec: each grant has its lines, each line its grant, each policy the role of exactly its workload, and each
    key that a policy names is made."""
    data = data | {"name": "helix", "keys": {"root": {"kind": "Bootstrap"}, "vault": EXTERNAL}}
    factory = read(data)
    assert factory.keys
    rendered = files(plan_factory(factory))
    policies = {path.removeprefix("policies/"): text for path, text in rendered.items() if path.startswith("policies/")}
    fields = {
        "writes": ("dataset", "encrypt"),
        "produces": ("model", "encrypt"),
        "reads": ("dataset", "decrypt"),
        "serves": ("model", "decrypt"),
    }
    expected = set()
    for workload in data["workloads"]:
        for field, (kind, operation) in fields.items():
            for name in workload.get(field, []):
                expected |= {(f"{workload['segment']}/{workload['name']}", "update", f"{operation}/{kind}-{name}")}
    for signer in factory.signers:
        if signer.workload:
            key = f"signer-{signer.name}"
            expected |= {(signer.workload, "update", f"sign/{key}"), (signer.workload, "update", f"sign/{key}/*")}
            expected |= {(signer.workload, "read", f"keys/{key}")}
    assert {one for one in granted(policies) if not one[2].startswith("datakey/")} == expected
    assert {one[2].rpartition("/")[2] for one in granted(policies) if one[2].startswith("datakey/")} == {
        one[2].partition("/")[2] for one in expected if one[2].startswith("encrypt/")
    }
    script = rendered["apply.sh"]
    roles = re.findall(r"role/(\S+) - <<\'JSON\'\n(.*?)\nJSON", script, re.DOTALL)
    for role, said in ((role, json.loads(text)) for role, text in roles):
        segment, name = role.split(".")
        assert said["bound_service_account_namespaces"] == [f"helix-{segment}"]
        assert said["bound_service_account_names"] == [name]
        assert [f"{policy}.hcl" for policy in said["token_policies"]] == [f"helix.{role}.hcl"]
    assert {f"helix.{role}.hcl" for role, _ in roles} == set(policies)
    made = set(re.findall(r"write helix/transit/keys/([^/ ]+) ", script))
    held = {f"signer-{it.name}" for it in factory.signers if it.workload}
    assert {path.removesuffix("/*").rpartition("/")[2] for _, _, path in granted(policies)} <= made
    assert made == {f"dataset-{it.name}" for it in factory.datasets} | {f"model-{it.name}" for it in factory.models} | held


def test_names_with_hyphens_stay_apart() -> None:
    """`a-b/c` and `a/b-c` are two workloads with two roles and two policies: neither gets what the other is granted."""
    segments = [{"name": name, "stage": "Training", "owner": "research"} for name in ("a", "a-b")]
    workloads = [
        {"name": "b-c", "segment": "a", "reads": ["claims"]},
        {"name": "c", "segment": "a-b", "writes": ["claims"]},
    ]
    datasets = [{"name": "claims", "classification": "Restricted", "segment": "a"}]
    change = {
        "segments": segments,
        "workloads": workloads,
        "datasets": datasets,
        "keys": {"root": {"kind": "Bootstrap"}, "vault": EXTERNAL},
    }
    names = {path for path in files(plan(**change)) if path.startswith("policies/")}
    assert names == {"policies/helix.a.b-c.hcl", "policies/helix.a-b.c.hcl"}


def test_only_the_first_member_initialises() -> None:
    """Each member that has an `initialize` stanza would found a raft of its own; once initialised, none has it."""
    for initialized, expected in ((False, ["first.json", "member.json", "member.json"]), (True, ["member.json"] * 3)):
        stateful = found(plan(keys=keys(initialized=initialized)), "StatefulSet")["openbao"].body["spec"]
        volume = next(each for each in stateful["template"]["spec"]["volumes"] if each["name"] == "configuration")
        read_by = {item["path"]: item["key"] for item in volume["configMap"]["items"]}
        assert [read_by[f"openbao-{n}/{key}"] for n, key in enumerate(expected)] == expected
        assert all(read_by[f"openbao-{n}/server.json"] == "server.json" for n in range(3))
        assert len(read_by) == 6
    texts = found(plan(), "ConfigMap")["openbao-configuration"].body["data"]
    assert [name for name, text in texts.items() if "initialize" in text] == ["first.json"]
    assert [name for name, text in texts.items() if "retry_join" in text] == ["member.json"]
    assert "first.json" not in found(plan(keys=keys(initialized=True)), "ConfigMap")["openbao-configuration"].body["data"]


def test_a_grant_restarts_no_member_and_a_listener_does() -> None:
    """Pods are made anew when what they read at each start changes, not when the requests of the very first start do."""

    def digest(of: Plan) -> str:
        template = found(of, "StatefulSet")["openbao"].body["spec"]["template"]
        return str(template["metadata"]["annotations"])

    workloads = [dict(each) for each in SPEC["workloads"]]
    workloads[2]["reads"] = ["claims"]
    assert digest(plan(workloads=workloads)) == digest(plan())
    assert digest(plan(keys=keys(seal=OPENBAO["seal"] | {"settings": {"region": "eu-west-1", "kms_key_id": "x"}}))) != digest(plan())


def test_nothing_secret_is_planned() -> None:
    """Secrets are named where pods mount them, and nowhere else; what only the place knows is read from its files and variables."""
    seal = {"kind": "Static", "secret": "sentinel-seal"}
    made = plan(keys=keys(seal=seal))
    for name, config in found(made, "ConfigMap").items():
        assert "sentinel" not in json.dumps(config.body), name
    assert "sentinel" not in json.dumps(files(made))
    assert "sentinel" not in json.dumps(list(made.intents.values()))
    pod = found(made, "StatefulSet")["openbao"].body["spec"]["template"]["spec"]
    assert {each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each} == {"sentinel-seal", "sentinel-certificate"}
    requests = {name: said for each in files(made)["first.json"]["initialize"][0]["factory"]["request"] for name, said in each.items()}
    assert {value["eval_source"] for value in requests["kubernetes_config"]["data"].values()} == {"env"}


@pytest.mark.parametrize(("kind", "variable"), [("Transit", "BAO_TOKEN"), ("Pkcs11", "BAO_HSM_PIN")])
def test_seals_that_take_a_variable(kind: str, variable: str) -> None:
    """What OpenBao takes from its environment alone comes from the Secret, and is mounted nowhere."""
    pod = found(plan(keys=keys(seal={"kind": kind, "secret": "opener"})), "StatefulSet")["openbao"].body["spec"]["template"]["spec"]
    (entry,) = [each for each in pod["containers"][0]["env"] if each["name"] == variable]
    assert entry["valueFrom"]["secretKeyRef"]["name"] == "opener"
    assert [each["name"] for each in pod["volumes"]] == ["certificate", "configuration", "policies", "kubernetes"]


def test_administrators_prove_a_step_up() -> None:
    """They sign in at the first provider, for this vault, as members of their group, by the claim that proves what `stepUp` asks for."""
    requests = {name: said for each in files(plan())["first.json"]["initialize"][0]["factory"]["request"] for name, said in each.items()}
    role = requests["role_administrator"]["data"]
    assert role["bound_audiences"] == ["openbao"]
    assert role["bound_claims"] == {"groups": ["key-administrators"], "acr": ["phr", "phrh"]}
    people = deepcopy(SPEC["identity"])
    people["people"]["stepUp"] = "SecondFactor"
    requests = {
        name: said
        for each in files(plan(identity=people))["first.json"]["initialize"][0]["factory"]["request"]
        for name, said in each.items()
    }
    assert requests["role_administrator"]["data"]["bound_claims"] == {"groups": ["key-administrators"], "amr": ["mfa"]}


def test_external_is_told_the_same() -> None:
    """Somebody else's vault gets the policies and roles of one's own, and no object is planned for it."""
    own, other = plan(), plan(keys={"root": {"kind": "Bootstrap"}, "vault": EXTERNAL})
    mine = {path: text for path, text in files(own).items() if path.startswith("policies/") and "administrator" not in path}
    assert {path: text for path, text in files(other).items() if path.startswith("policies/")} == mine
    assert set(files(other)) == {*mine, "apply.sh"}
    assert not [manifest for manifest in other.manifests if manifest.component.kind == "KeyManagement"]
    theirs = files(other)["apply.sh"]
    assert [line for line in theirs.splitlines() if line not in files(own)["apply.sh"]] == []
    assert "oidc" not in theirs


def test_the_script_is_one(tmp_path: Path) -> None:
    """`apply.sh` is a shell script that a shell reads."""
    render(plan(), tmp_path)
    done = subprocess.run(["sh", "-n", str(tmp_path / "vault/apply.sh")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_deployer_may_write_what_is_planned_and_no_other_name() -> None:
    """StatefulSets, Services and so on by name; nothing of the cluster's is the deployer's to bind."""
    made = plan()
    (role,) = [
        each.body for each in made.bootstrap if each.body["kind"] == "ClusterRole" and each.body["metadata"]["name"] == "helix-deployer"
    ]
    written = [rule for rule in role["rules"] if rule["resources"] == ["statefulsets"] and "create" in rule["verbs"]]
    assert [rule["resourceNames"] for rule in written] == [["openbao"]]
    reviewer = [each.body for each in made.bootstrap if each.body["metadata"]["name"] == "helix-token-reviewer"]
    assert {each["kind"] for each in reviewer} == {"ClusterRole", "ClusterRoleBinding"}
    assert not [each for each in made.manifests if each.body["kind"].startswith("ClusterRole")]


def test_etcd_is_told_to_encrypt_and_the_key_is_not_there() -> None:
    """The file names one place for a key; with a plugin there is none at all; a managed control plane gets its own command."""
    made = {file.path: file.content for file in plan(keys=SPEC["keys"] | {"etcd": "Secretbox"}).files}
    (entry,) = made["encryption.yaml"]["resources"]
    assert [list(provider) for provider in entry["providers"]] == [["secretbox"], ["identity"]]
    assert entry["providers"][0]["secretbox"]["keys"] == [{"name": "key1", "secret": PLACEHOLDER}]
    assert made["kube-apiserver.yaml"]["encryption-provider-config"] == "/etc/kubernetes/factory/encryption.yaml"
    made = {file.path: file.content for file in plan(keys=SPEC["keys"] | {"etcd": "Kms"}).files}
    assert [list(provider) for provider in made["encryption.yaml"]["resources"][0]["providers"]] == [["kms"], ["identity"]]
    for distribution, word in (("EKS", "aws eks"), ("AKS", "az aks"), ("GKE", "gcloud"), ("OpenShift", "oc patch")):
        cluster = SPEC["cluster"] | {"distribution": distribution}
        made = {file.path: file.content for file in plan(keys=SPEC["keys"] | {"etcd": "Kms"}, cluster=cluster).files}
        assert word in made["secrets-at-rest.md"]
        assert "encryption.yaml" not in made
    assert "encryption.yaml" not in {file.path for file in plan().files}


def says(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, str]]:
    import yaml

    from factory.load import load_text

    sides = [of_stack(load_text(yaml.safe_dump({"config": {"ai-factory:spec": SPEC | side}}), "stack")) for side in (old, new)]
    return [(change.effect.value, change.said) for change in diff(*sides).changes]


@pytest.mark.parametrize("vault", [OPENBAO, EXTERNAL], ids=["OpenBao", "External"])
def test_diff_says_who_may_now_decrypt(vault: dict[str, Any]) -> None:
    """A grant of data is a grant of its key, in words, and nothing that it changes is left unexplained."""
    workloads = [dict(each) for each in SPEC["workloads"]]
    workloads[2]["reads"] = ["claims"]
    kept = {"keys": {"root": {"kind": "Bootstrap"}, "vault": vault}}
    said = says(kept, kept | {"workloads": workloads})
    assert ("widens", "lab/idle may decrypt dataset claims (Restricted)") in said
    assert ("narrows", "no longer: lab/idle may decrypt dataset claims (Restricted)") in says(kept | {"workloads": workloads}, kept)
    assert [line for effect, line in said if effect == "unknown"] == []


def test_diff_shows_a_changed_policy_of_a_rendered_folder(tmp_path: Path) -> None:
    """Also where somebody edited the rendered ConfigMap: a wildcard is said as it is."""
    render(plan(), tmp_path / "old")
    made = plan()
    policies = found(made, "ConfigMap")["openbao-policies"].body
    policies["data"]["helix.lab.trainer.hcl"] += '\npath "helix/transit/decrypt/*" {\n  capabilities = ["update"]\n}\n'
    said = [change.said for change in diff(read_folder(tmp_path / "old"), of_plan(made, "new")).changes]
    assert 'lab/trainer may capabilities = ["update"] helix/transit/decrypt/*' in said


def test_configuration_of_every_seal() -> None:
    """Each seal is the stanza that OpenBao knows by its own name."""
    for kind, word in {
        "AwsKms": "awskms",
        "AzureKeyVault": "azurekeyvault",
        "GcpKms": "gcpckms",
        "Pkcs11": "pkcs11",
        "Transit": "transit",
    }.items():
        factory = load_object(deepcopy(SPEC) | {"keys": keys(seal={"kind": kind, "settings": {"region": "x"}})})
        assert factory.keys
        assert isinstance(factory.keys.vault, OpenBao)
        assert configuration(factory, factory.keys, factory.keys.vault)["server.json"]["seal"] == [{word: {"region": "x"}}]


def test_uses_are_sorted() -> None:
    """The same spec in another order plans the same."""
    turned = SPEC | {"workloads": SPEC["workloads"][::-1]}
    assert list(find_uses(load_object(turned))) == list(find_uses(load_object(SPEC)))
    assert plan(workloads=SPEC["workloads"][::-1]).vault == plan().vault


def test_administrators_have_a_client_and_a_group_at_our_own_keycloak() -> None:
    """Where the first provider is ours, its realm knows the vault's client, with the strength that `stepUp` asks for, and their group."""
    provider = {
        "kind": "Keycloak",
        "name": "staff",
        "people": "Staff",
        "issuer": "https://login.helix.example/realms/staff",
        "segment": "keys",
        "image": "registry.helix.example/keycloak@sha256:" + "1" * 64,
        "database": {"host": "db.helix.example", "secret": "database"},
        "certificate": "keycloak-tls",
    }
    workloads = [*SPEC["workloads"], {"name": "keycloak", "segment": "keys", "listens": [{"name": "https", "port": 8443}]}]
    made = plan(workloads=workloads, identity={"people": {"providers": [provider]}})
    realm = next(each.body["data"] for each in made.manifests if each.body["metadata"]["name"] == "keycloak-realm-staff")
    clients = {client["clientId"]: client for client in json.loads(realm["STAFF_CLIENTS"]) if client.get("publicClient")}
    assert set(clients) == {"kubernetes", "openbao"}
    assert clients["openbao"]["attributes"]["minimum.acr.value"] == "phr"
    assert {"name": "key-administrators"} in json.loads(realm["STAFF_GROUPS"])


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(specs())
def test_openbao_beside_everything_else(data: Data) -> None:
    """Whatever else a factory has: what OpenBao waits for is planned before it, its ConfigMaps have keys that Kubernetes takes, each of its
    policies is a file of one of them, and each file is named by the request that writes it."""
    segment = {"name": "vault-of-it", "stage": "Platform", "owner": "security"}
    workload = {"name": "openbao", "segment": "vault-of-it", "listens": SPEC["workloads"][-1]["listens"]}
    keys = {"root": {"kind": "Bootstrap"}, "vault": OPENBAO | {"segment": "vault-of-it"}}
    factory = read(data | {"segments": [*data["segments"], segment], "workloads": [*data["workloads"], workload], "keys": keys})
    made, seen = plan_factory(factory), set[str]()
    for manifest in made.manifests:
        assert seen.issuperset(manifest.after), manifest.id
        seen.add(manifest.id)
    configs = found(made, "ConfigMap")
    policies = configs["openbao-policies"].body["data"]
    assert all(re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key) for key in policies)
    requests = [said for each in files(made)["first.json"]["initialize"][0]["factory"]["request"] for said in each.values()]
    read_by_it = [said["data"]["policy"]["path"] for said in requests if "policy" in said["data"]]
    assert sorted(read_by_it) == sorted(f"/etc/openbao/policies/{key}" for key in policies)
    names = [name for each in files(made)["first.json"]["initialize"][0]["factory"]["request"] for name in each]
    assert len(names) == len(set(names))
    assert all(re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name) for name in names)
    assert sum(len(text) for config in configs.values() for text in config.body["data"].values()) < 500_000
