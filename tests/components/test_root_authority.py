"""A root in a stack of its own: what it registers, what of it is secret, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
import pulumi_engine
import pytest
import yaml
from pulumi.runtime import mocks
from pulumi_engine import SECRET, Engine

from components import Request, RootAuthority

PROGRAM = Path(__file__).parents[2] / "stacks" / "root" / "__main__.py"
SENTINEL = "-----BEGIN EC PRIVATE KEY-----\nsentinel\n-----END EC PRIVATE KEY-----\n"
SPEC: dict[str, Any] = {
    "name": "helix",
    "posture": "Development",
    "trustDomain": "helix.example",
    "cluster": {"distribution": "SelfManaged", "version": "1.36", "context": "helix"},
    "images": {"registries": ["registry.helix.example/"]},
    "segments": [{"name": "training", "stage": "Training", "owner": "ml-research"}],
    "identity": {"workloads": {}},
    "keys": {
        "root": {"kind": "Bootstrap", "life": "8760h"},
        "intermediateLife": "720h",
        "vault": {"kind": "External", "address": "https://vault.helix.example"},
    },
}
REQUESTS = {name: Request(name.rpartition("-")[0], f"request for {name}") for name in ("openbao-1", "spire-1")}


def keys(**changes: Any) -> dict[str, Any]:
    return SPEC | {"keys": SPEC["keys"] | changes}


@pytest.fixture(autouse=True)
def _keys_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin that makes keys and certificates, so that there is something that could leak."""

    def new_resource(self: object, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        made = {"PrivateKey": {"privateKeyPem": SENTINEL}}.get(args.typ.rpartition(":")[2], {"certPem": f"certificate of {args.name}\n"})
        return f"{args.name}-id", args.inputs | made

    monkeypatch.setattr(pulumi_engine._Echo, "new_resource", new_resource)


def registered(engine: Engine, kind: str) -> dict[str, pulumi_engine.Registration]:
    return {each.name: each for each in engine.registered.values() if each.type.endswith(f":{kind}")}


def test_a_root_is_a_key_and_a_certificate_that_are_protected(engine: Engine) -> None:
    """A protected resource is not deleted by a mistake in a configuration: without its key a root is lost."""
    engine.run(lambda: RootAuthority("helix", SPEC, generations=[1, 2]))
    for kind in ("PrivateKey", "SelfSignedCert"):
        assert {name: each.protect for name, each in registered(engine, kind).items()} == {"helix-1": True, "helix-2": True}
    certificate = registered(engine, "SelfSignedCert")["helix-2"].inputs
    assert (certificate["isCaCertificate"], certificate["maxPathLength"], certificate["validityPeriodHours"]) == (True, 2, 8760)
    assert certificate["allowedUses"] == ["cert_signing", "crl_signing"]


def test_keys_are_secrets_wherever_they_go(engine: Engine) -> None:
    """The key reaches what signs with it, and only as a secret: it is plain in no input, no intent, no output of the stack."""

    def program() -> None:
        root = RootAuthority("helix", SPEC, requests=REQUESTS)
        pulumi.export("certificates", root.certificates)
        pulumi.export("chains", root.chains)

    engine.run(program)
    signing = [*registered(engine, "SelfSignedCert").values(), *registered(engine, "LocallySignedCert").values()]
    received = [each.inputs.get("privateKeyPem") or each.inputs["caPrivateKeyPem"] for each in signing]
    assert [(each[SECRET] is not None, each["value"]) for each in received] == [(True, SENTINEL)] * 3
    for each in engine.registered.values():
        plain = {name: value for name, value in each.inputs.items() if not (isinstance(value, dict) and SECRET in value)}
        assert "PRIVATE KEY" not in json.dumps(plain)
    assert "PRIVATE KEY" not in json.dumps(engine.outputs)


def test_intermediates_have_the_limits_of_the_plan(engine: Engine) -> None:
    """Path length and uses are those of what each is for, whatever the request asks; the chain ends with its root."""
    requests = REQUESTS | {"webhooks-1": Request("webhooks", "request for webhooks-1", generation=2)}

    def program() -> None:
        pulumi.export("chains", RootAuthority("helix", SPEC, generations=[1, 2], requests=requests).chains)

    engine.run(program)
    signed = {name: each.inputs for name, each in registered(engine, "LocallySignedCert").items()}
    limits = {name: (each["maxPathLength"], each["validityPeriodHours"], set(each["allowedUses"][2:])) for name, each in signed.items()}
    both = {"server_auth", "client_auth"}
    assert limits == {"helix-openbao-1": (0, 720, both), "helix-spire-1": (1, 720, both), "helix-webhooks-1": (0, 720, {"server_auth"})}
    assert signed["helix-webhooks-1"]["caCertPem"] == "certificate of helix-2\n"
    assert engine.outputs["chains"]["webhooks-1"] == "certificate of helix-webhooks-1\ncertificate of helix-2\n"


def test_another_root_beside_the_first_leaves_the_first_alone(engine: Engine) -> None:
    """Rotation by overlap: what was signed by the first is signed by it still, under the same name."""
    engine.run(lambda: RootAuthority("helix", SPEC, requests=REQUESTS))
    later = Engine()
    later.run(lambda: RootAuthority("helix", SPEC, generations=[1, 2], requests=REQUESTS))
    resources = {urn: each for urn, each in engine.registered.items() if each.type.startswith("tls:")}
    assert resources
    assert resources.items() <= later.registered.items()


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (keys(root={"kind": "Bootstrap"}) | {"posture": "Production"}, r"ZT700 keys\.root\.kind"),
        ({key: value for key, value in SPEC.items() if key != "keys"}, r'keys\.root\.kind is absent; allowed: "Bootstrap"'),
    ],
)
def test_a_root_that_is_not_to_be_made_is_not(engine: Engine, spec: dict[str, Any], said: str) -> None:
    """A key of pulumi-tls in Production is refused before anything is registered."""
    with pytest.raises(pulumi.RunError, match=said):
        engine.run(lambda: RootAuthority("helix", spec))
    assert engine.registered == {}


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request("opnbao", "x"), 'request "a" is for "opnbao"; allowed: openbao, spire, webhooks. Did you mean "openbao"?'),
        (Request("spire", "x", generation=2), 'request "a" is for root 2; allowed: 1. Name one of these.'),
    ],
)
def test_a_request_for_what_there_is_not_is_refused(engine: Engine, request_: Request, said: str) -> None:
    """With what there is."""
    with pytest.raises(pulumi.RunError) as refused:
        engine.run(lambda: RootAuthority("helix", SPEC, requests={"a": request_}))
    assert str(refused.value) == said
    assert engine.registered == {}


def test_the_program_of_the_root_reads_its_factory(engine: Engine, tmp_path: Path) -> None:
    """From the factory's own stack file, so that life and limits are said once."""
    stack = tmp_path / "Pulumi.dev.yaml"
    stack.write_text(yaml.safe_dump({"config": {"ai-factory:spec": SPEC}}))
    requests = {"openbao-1": {"intermediate": "openbao", "pem": "request"}}
    engine.config |= {"ai-factory-root:spec": str(stack), "ai-factory-root:requests": json.dumps(requests)}
    engine.run_file(PROGRAM)
    assert engine.outputs["certificates"] == {"1": "certificate of helix-1\n"}
    assert engine.outputs["chains"] == {"openbao-1": "certificate of helix-openbao-1\ncertificate of helix-1\n"}


def test_the_program_of_the_root_says_what_is_wrong_with_its_factory(engine: Engine, tmp_path: Path) -> None:
    """As one error of Pulumi's own kind, without a traceback."""
    engine.config["ai-factory-root:spec"] = str(tmp_path / "none.yaml")
    with pytest.raises(pulumi.RunError, match=r"none\.yaml"):
        engine.run_file(PROGRAM)
