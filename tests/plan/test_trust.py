"""Which roots segments trust, and what the root's owner is told to sign."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from factory.errors import SpecError
from factory.load import load_object
from factory.plan import Plan, names, plan_factory

from .test_properties import of_kind

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
    "identity": {"workloads": {}},
}
VAULT = {"kind": "External", "address": "https://vault.helix.example"}
KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(name: str) -> str:
    subject, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(KEY.public_key()).serial_number(1)
    signed = builder.not_valid_before(now).not_valid_after(now + timedelta(days=400)).sign(KEY, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


ONE, TWO = certificate("one"), certificate("two")


def plan(root: dict[str, Any], **changes: Any) -> Plan:
    spec = SPEC | {"keys": {"root": {"kind": "External"} | root, "vault": VAULT}} | changes
    return plan_factory(load_object(spec))


def bundles(planned: Plan) -> dict[str, str]:
    """The bundle of each namespace."""
    found = [manifest.body for manifest in of_kind(planned, "ConfigMap") if manifest.body["metadata"]["name"] == names.BUNDLE]
    return {body["metadata"]["namespace"]: body["data"]["ca.crt"] for body in found}


def signing(planned: Plan) -> dict[str, str]:
    """Files for the root's owner."""
    return {file.path: file.content for file in planned.trust}


def test_every_segment_trusts_the_root() -> None:
    """Its workloads mount one ConfigMap, the same in each segment."""
    assert bundles(plan({"certificate": ONE})) == {"helix-training": ONE, "helix-serving": ONE}


def test_while_a_root_is_rotated_both_are_trusted() -> None:
    """What the old one signed and what the new one signs: neither is refused while certificates are exchanged."""
    before, during, after = ({"certificate": ONE}, {"certificate": ONE, "next": TWO}, {"certificate": TWO})
    assert [set(bundles(plan(root)).values()) for root in (before, during, after)] == [{ONE}, {ONE + TWO}, {TWO}]


def test_a_certificate_without_a_last_line_end_joins_no_other() -> None:
    """A YAML block may drop it; the next certificate would then begin on the same line, and none could be read."""
    assert set(bundles(plan({"certificate": ONE.rstrip(), "next": TWO.rstrip()})).values()) == {ONE + TWO}


@pytest.mark.parametrize(("version", "expected"), [("1.36", []), ("1.37", [ONE + TWO])])
def test_newer_clusters_have_the_bundle_once_too(version: str, expected: list[str]) -> None:
    """ClusterTrustBundle is generally available from 1.37 on (KEP-3257). The ConfigMaps stay: pods mount them."""
    planned = plan({"certificate": ONE, "next": TWO}, cluster=SPEC["cluster"] | {"version": version})
    assert [manifest.body["spec"]["trustBundle"] for manifest in of_kind(planned, "ClusterTrustBundle")] == expected
    assert len(bundles(planned)) == 2


def test_nobody_but_the_deployer_changes_the_bundle() -> None:
    """Whoever writes it decides whom every workload believes: the boundary's guardrail knows it by name, where there is one."""
    for planned, expected in ((plan({"certificate": ONE}), True), (plan_factory(load_object(SPEC)), False)):
        (boundary,) = [
            manifest.body for manifest in of_kind(planned, "ValidatingAdmissionPolicy") if "zg07" in manifest.body["metadata"]["name"]
        ]
        (known,) = [each["expression"] for each in boundary["spec"]["matchConditions"] if each["name"] == "known-configmaps-only"]
        assert (f"'{names.BUNDLE}'" in known) is expected


def test_without_keys_there_is_no_trust_to_plan() -> None:
    """No bundle, nothing to sign, and SPIRE signs by itself."""
    planned = plan_factory(load_object(SPEC))
    assert bundles(planned) == {}
    assert planned.trust == ()
    assert "upstreamAuthority" not in next(file.content for file in planned.spire if file.path == "values.yaml")["spire-server"]


def test_a_root_that_is_not_made_yet_is_no_empty_bundle() -> None:
    """Programs refuse to start on an empty file: better none at all. What it is to sign is known before."""
    planned = plan({"kind": "Bootstrap"})
    assert bundles(planned) == {}
    assert set(signing(planned)) == {"README.md", "openbao.cnf", "spire.cnf", "webhooks.cnf"}


def test_spire_signs_below_the_root() -> None:
    """By an intermediate in a Secret that exists already; no key is in the values."""
    values = next(file.content for file in plan({"certificate": ONE}).spire if file.path == "values.yaml")
    disk = {"enabled": True, "secret": {"create": False, "name": "helix-spire-upstream"}}
    assert values["spire-server"]["upstreamAuthority"] == {"disk": disk}


def test_who_has_no_workload_identities_signs_nothing_for_spire() -> None:
    """No certificate that may stand for any workload, where nothing needs it."""
    assert "spire.cnf" not in signing(plan({"certificate": ONE}, identity={}))


def test_only_one_intermediate_may_sign_identities() -> None:
    """SPIRE's, of this trust domain, and neither names nor addresses; the others everything but these."""
    files = signing(plan({"certificate": ONE}))
    assert "permitted;URI.0 = helix.example" in files["spire.cnf"]
    assert [name for name, content in files.items() if "permitted;URI" in content] == ["spire.cnf"]
    assert [name for name, content in files.items() if "excluded;URI.0 = helix.example" in content] == ["openbao.cnf", "webhooks.cnf"]


def test_openbao_may_sign_for_our_registry_but_for_nobody_elses() -> None:
    """The host name of a registry that the factory deploys; another's owner has certificates of their own."""
    platform = {"name": "platform", "stage": "Platform", "owner": "platform"}
    doors = [
        {"name": f"registry-{door}", "segment": "platform", "listens": [{"name": "https", "port": 5000}]} for door in ("read", "write")
    ]
    changes = {"segments": [*SPEC["segments"], platform], "workloads": doors}
    ours = {
        "kind": "Distribution",
        "segment": "platform",
        "image": "registry.helix.example/registry",
        "certificate": "tls",
        "storage": "1Ti",
    }
    for registry, expected in ((ours, True), ({"kind": "External", "product": "Harbor"}, False)):
        planned = plan({"certificate": ONE}, registry=registry | {"host": "models.helix.example"}, **changes)
        assert ("= models.helix.example" in signing(planned)["openbao.cnf"]) is expected


def test_the_steps_count_the_life_in_days() -> None:
    """A person types them: the number that the spec says in hours must be the one that OpenSSL takes."""
    keys = {"root": {"kind": "External", "certificate": ONE}, "vault": VAULT, "intermediateLife": "720h"}
    steps = signing(plan_factory(load_object(SPEC | {"keys": keys})))["README.md"]
    assert "-days 30 " in steps


PRIVATE = KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()


@pytest.mark.parametrize("pasted", [ONE + PRIVATE, PRIVATE + ONE, PRIVATE, ONE + TWO, f"{ONE}comment\n", ""])
def test_what_is_more_than_a_certificate_is_refused_unseen(pasted: str) -> None:
    """A key that was copied along reaches neither plan nor message: the error names the place, and what is allowed."""
    with pytest.raises(SpecError) as refused:
        plan({"certificate": pasted})
    assert "keys.root.certificate" in str(refused.value)
    assert "one certificate in PEM and nothing beside it" in str(refused.value)
    assert PRIVATE.splitlines()[1] not in str(refused.value)
