"""The stand-in for the tls plugin, asked as Pulumi's engine asks it; what it makes is read by OpenSSL."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pulumi_tls
import pytest
from google.protobuf import json_format, struct_pb2
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from lab.tls import VERSION, install
from lab.tls.certificate import SUBJECT
from lab.tls.provider import SECRET, SPECIAL, Provider, plain
from lab.tls.resource import RESOURCES, UNKNOWN, ready_for_renewal

CLASSES = {
    "tls:index/privateKey:PrivateKey": pulumi_tls.PrivateKey,
    "tls:index/certRequest:CertRequest": pulumi_tls.CertRequest,
    "tls:index/selfSignedCert:SelfSignedCert": pulumi_tls.SelfSignedCert,
    "tls:index/locallySignedCert:LocallySignedCert": pulumi_tls.LocallySignedCert,
}
KEY, REQUEST, SELF_SIGNED, LOCALLY_SIGNED = CLASSES
SAMPLE: dict[str, Any] = {
    "allowedUses": ["cert_signing", "client_auth"],
    "dnsNames": ["a.example"],
    "ipAddresses": ["10.0.0.1"],
    "uris": ["spiffe://a.example/x"],
    "subject": {"commonName": "sample"},
    "validityPeriodHours": 24,
    "earlyRenewalHours": 1,
    "isCaCertificate": True,
    "maxPathLength": 1,
    "setSubjectKeyId": True,
    "setAuthorityKeyId": True,
}
AUTHORITY = {"allowedUses": ["cert_signing", "crl_signing"], "isCaCertificate": True, "setSubjectKeyId": True, "validityPeriodHours": 48}


class Engine:
    """What Pulumi's engine does with a resource."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.stub = provider_pb2_grpc.ResourceProviderStub(channel)

    def check(self, token: str, **inputs: Any) -> dict[str, str]:
        """What is wrong, by property."""
        answer = self.stub.Check(provider_pb2.CheckRequest(urn=urn(token), news=struct(inputs)))
        return {failure.property: failure.reason for failure in answer.failures}

    def create(self, token: str, **inputs: Any) -> dict[str, Any]:
        assert self.check(token, **inputs) == {}
        return plain(self.stub.Create(provider_pb2.CreateRequest(urn=urn(token), properties=struct(inputs))).properties)

    def diff(
        self, token: str, old: dict[str, Any], new: dict[str, Any], state: dict[str, Any] | None = None
    ) -> tuple[list[str], list[str]]:
        """What differs, and what of it makes a new resource."""
        request = provider_pb2.DiffRequest(urn=urn(token), old_inputs=struct(old), news=struct(new), olds=struct(state or {}))
        answer = self.stub.Diff(request)
        return sorted(answer.diffs), sorted(answer.replaces)


def urn(token: str) -> str:
    return f"urn:pulumi:test::test::{token}::it"


def struct(content: dict[str, Any]) -> struct_pb2.Struct:
    message = struct_pb2.Struct()
    message.update(content)
    return message


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    server = grpc.server(ThreadPoolExecutor(2))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Engine(channel)
    server.stop(None).wait()


@pytest.fixture(scope="module")
def key(engine: Engine) -> str:
    return engine.create(KEY, algorithm="ECDSA", ecdsaCurve="P256")["privateKeyPem"]


def openssl(*command: str, text: str) -> str:
    done = subprocess.run(["openssl", *command], input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def camel(name: str) -> str:
    return re.sub("_([a-z0-9])", lambda found: found[1].upper(), name)


def properties_of(kind: type[Any]) -> set[str]:
    """Every property that a class of the Python package has, inputs and outputs."""
    return {camel(name) for name, value in vars(kind).items() if isinstance(value, property)}


@pytest.mark.parametrize("token", CLASSES)
def test_it_has_every_property_of_the_python_package(token: str) -> None:
    """A property that the package knows and the stand-in does not would be dropped in silence."""
    resource = RESOURCES[token]
    assert CLASSES[token].pulumi_type == token
    assert properties_of(getattr(pulumi_tls, f"{CLASSES[token].__name__}Args")) == set(resource.inputs)
    assert properties_of(CLASSES[token]) - set(resource.inputs) == set(resource.outputs)


@pytest.mark.parametrize("subject", [pulumi_tls.CertRequestSubjectArgs, pulumi_tls.SelfSignedCertSubjectArgs])
def test_it_has_every_part_of_a_subject(subject: type[Any]) -> None:
    """Subjects are nested: a part that is not known would be dropped there."""
    assert properties_of(subject) == set(SUBJECT)


@pytest.mark.parametrize("token", CLASSES)
def test_every_input_is_honoured_or_refused(engine: Engine, key: str, token: str) -> None:
    """What is given comes back in the resource's state as it was given, with every output; what is not served is refused by name."""
    resource = RESOURCES[token]
    given: dict[str, Any] = {"algorithm": "ECDSA", "ecdsaCurve": "P384", "rsaBits": 2048, "privateKeyPem": key, **SAMPLE}
    authority = engine.create(SELF_SIGNED, privateKeyPem=key, subject={"commonName": "root"}, **AUTHORITY)
    given |= {"caPrivateKeyPem": key, "caCertPem": authority["certPem"]}
    given["certRequestPem"] = engine.create(REQUEST, privateKeyPem=key, subject={"commonName": "below"})["certRequestPem"]
    served = {name: given[name] for name, each in resource.inputs.items() if not each.refused}
    made = engine.create(token, **served)
    assert {name: made[name] for name in served} == served
    assert set(made) == {*served, *resource.outputs}
    for name in set(resource.inputs) - set(served):
        assert "is not served by the stand-in" in engine.check(token, **served, **{name: 1 if name.endswith("Version") else key})[name]


def test_secrets_are_marked(engine: Engine, key: str) -> None:
    """Private keys go to the state as secrets, even where no program said so: the state's passphrase protects them."""
    answers = [
        engine.stub.Create(provider_pb2.CreateRequest(urn=urn(KEY), properties=struct({"algorithm": "ED25519"}))),
        engine.stub.Create(provider_pb2.CreateRequest(urn=urn(REQUEST), properties=struct({"privateKeyPem": key}))),
    ]
    marked = 0
    for answer in answers:
        for value in json_format.MessageToDict(answer.properties).values():
            secret = isinstance(value, dict) and value.get(SPECIAL) == SECRET
            marked += secret
            assert secret or "PRIVATE" not in str(value)
    assert marked == 4


@pytest.mark.parametrize(
    ("algorithm", "field", "value", "said"),
    [
        ("RSA", "rsaBits", 3072, "Private-Key: (3072 bit"),
        ("ECDSA", "ecdsaCurve", "P224", "secp224r1"),
        ("ECDSA", "ecdsaCurve", "P256", "prime256v1"),
        ("ECDSA", "ecdsaCurve", "P384", "secp384r1"),
        ("ECDSA", "ecdsaCurve", "P521", "secp521r1"),
        ("ED25519", "ecdsaCurve", "P256", "ED25519 Private-Key"),
    ],
)
def test_openssl_reads_every_key(engine: Engine, algorithm: str, field: str, value: Any, said: str) -> None:
    """In both forms, and both have the public key that the resource names."""
    made = engine.create(KEY, algorithm=algorithm, **{field: value})
    for form in ("privateKeyPem", "privateKeyPemPkcs8"):
        assert said in openssl("pkey", "-noout", "-text", text=made[form])
        assert openssl("pkey", "-pubout", text=made[form]) == made["publicKeyPem"]


def test_ssh_forms_agree_with_ssh_keygen(engine: Engine, tmp_path: Path) -> None:
    """OpenSSH derives the same public key from the private one, and the same fingerprints."""
    made = engine.create(KEY, algorithm="ED25519")
    private = tmp_path / "key"
    private.write_text(made["privateKeyOpenssh"])
    private.chmod(0o600)
    try:
        said = subprocess.run(["ssh-keygen", "-y", "-f", private], capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        pytest.fail("ssh-keygen is not on PATH: install openssh-client")
    assert said.split()[:2] == made["publicKeyOpenssh"].split()[:2]
    for digest, field, prefix in (("sha256", "publicKeyFingerprintSha256", ""), ("md5", "publicKeyFingerprintMd5", "MD5:")):
        said = subprocess.run(["ssh-keygen", "-l", "-E", digest, "-f", private], capture_output=True, text=True, check=True).stdout
        assert said.split()[1] == prefix + made[field]


def test_a_certificate_says_what_was_asked(engine: Engine, key: str) -> None:
    """Names, uses, limits and life, as OpenSSL reads them."""
    made = engine.create(
        SELF_SIGNED,
        privateKeyPem=key,
        subject={"country": "DE", "organization": "Helix", "streetAddresses": ["1 A", "2 B"], "commonName": "root", "serialNumber": "7"},
        dnsNames=["a.example"],
        ipAddresses=["10.0.0.1", "fd00::1"],
        uris=["spiffe://a.example/x"],
        validityPeriodHours=36,
        isCaCertificate=True,
        maxPathLength=0,
        setAuthorityKeyId=True,
        allowedUses=["cert_signing", "crl_signing", "server_auth", "timestamping"],
    )
    said = openssl("x509", "-noout", "-text", "-nameopt", "RFC2253", text=made["certPem"])
    for line in (
        "Issuer: serialNumber=7,CN=root,street=2 B,street=1 A,O=Helix,C=DE",
        "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0",
        "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign",
        "TLS Web Server Authentication, Time Stamping",
        "DNS:a.example, IP Address:10.0.0.1, IP Address:FD00:0:0:0:0:0:0:1, URI:spiffe://a.example/x",
        "X509v3 Subject Key Identifier",
        "X509v3 Authority Key Identifier",
    ):
        assert line in said
    start, end = (datetime.fromisoformat(made[f"validity{word}Time"]) for word in ("Start", "End"))
    assert end - start == timedelta(hours=36)
    assert (
        openssl("x509", "-noout", "-startdate", "-dateopt", "iso_8601", text=made["certPem"]).strip()
        == f"notBefore={start:%Y-%m-%d %H:%M:%SZ}"
    )


def test_openssl_verifies_a_chain_and_no_other(engine: Engine, key: str, tmp_path: Path) -> None:
    """Root, intermediate and server: the chain holds, ends at the path length, and is believed under no other root."""
    roots = [engine.create(SELF_SIGNED, privateKeyPem=key, subject={"commonName": name}, **AUTHORITY)["certPem"] for name in ("one", "two")]

    def below(ca: str, ca_key: str, name: str, **more: Any) -> tuple[str, str]:
        own = engine.create(KEY, algorithm="ECDSA", ecdsaCurve="P384")["privateKeyPem"]
        request = engine.create(REQUEST, privateKeyPem=own, subject={"commonName": name}, dnsNames=[f"{name}.example"])["certRequestPem"]
        inputs = {"allowedUses": ["server_auth"], "validityPeriodHours": 24} | more
        return engine.create(LOCALLY_SIGNED, certRequestPem=request, caCertPem=ca, caPrivateKeyPem=ca_key, **inputs)["certPem"], own

    authority = {"isCaCertificate": True, "allowedUses": ["cert_signing", "server_auth"]}
    middle, middle_key = below(roots[0], key, "middle", maxPathLength=0, **authority)
    server, _ = below(middle, middle_key, "server")
    too_deep, deep_key = below(middle, middle_key, "deep", **authority)
    hidden, _ = below(too_deep, deep_key, "hidden")

    def verified(certificate: str, root: str, *through: str) -> bool:
        for name, content in (("root", root), ("through", "".join(through)), ("certificate", certificate)):
            (tmp_path / name).write_text(content)
        command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", "root", "-untrusted", "through", "certificate"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0

    assert verified(server, roots[0], middle)
    assert not verified(server, roots[1], middle)
    assert not verified(hidden, roots[0], middle, too_deep), "the intermediate allows no authority below it"
    assert "DNS:server.example" in openssl("x509", "-noout", "-ext", "subjectAltName", text=server)


@pytest.mark.parametrize(
    ("token", "inputs", "property", "said"),
    [
        (KEY, {}, "algorithm", "is missing"),
        (KEY, {"algorithm": "DSA"}, "algorithm", "allowed: ECDSA, ED25519, RSA"),
        (KEY, {"algorithm": "RSA", "rsaBits": 512}, "rsaBits", "allowed: 1024 or more"),
        (KEY, {"algorithm": "RSA", "rsaBits": "4096"}, "rsaBits", "is not integer"),
        (KEY, {"algorithm": "RSA", "bits": 4096}, "bits", "allowed: algorithm, ecdsaCurve, rsaBits"),
        (SELF_SIGNED, {"allowedUses": ["signing"]}, "allowedUses", "allowed: digital_signature"),
        (SELF_SIGNED, {"validityPeriodHours": -1}, "validityPeriodHours", "allowed: 0 or more"),
        (SELF_SIGNED, {"ipAddresses": ["10.0.0"]}, "ipAddresses", "does not appear to be"),
        (SELF_SIGNED, {"subject": {"cn": "x"}}, "subject", "allowed: commonName, country"),
        (SELF_SIGNED, {"privateKeyPem": "not a key"}, "privateKeyPem", "is no private key"),
        (LOCALLY_SIGNED, {"certRequestPem": "x"}, "certRequestPem", "is no certificate request"),
        (LOCALLY_SIGNED, {"caCertPem": "x"}, "caCertPem", "is no certificate"),
    ],
)
def test_a_mistake_is_named(engine: Engine, token: str, inputs: dict[str, Any], property: str, said: str) -> None:
    """By property, with what is allowed, before anything is made."""
    assert said in engine.check(token, **inputs)[property]


def test_no_error_repeats_a_key(engine: Engine, key: str) -> None:
    """What is wrong with a key is said without the key."""
    broken = key.replace("\n", "", 2)
    for reason in engine.check(SELF_SIGNED, privateKeyPem=broken).values():
        assert broken[30:50] not in reason
    other = engine.create(KEY, algorithm="ED25519")["privateKeyPem"]
    authority = engine.create(SELF_SIGNED, privateKeyPem=key, subject={"commonName": "root"}, **AUTHORITY)["certPem"]
    request = engine.create(REQUEST, privateKeyPem=key)["certRequestPem"]
    with pytest.raises(grpc.RpcError, match="caPrivateKeyPem is not the key of caCertPem") as refused:
        engine.create(
            LOCALLY_SIGNED, caPrivateKeyPem=other, caCertPem=authority, certRequestPem=request, allowedUses=[], validityPeriodHours=1
        )
    assert other.splitlines()[1] not in str(refused.value)


def test_a_preview_knows_not_everything(engine: Engine) -> None:
    """A key that is not made yet is no mistake, and means a new certificate."""
    inputs = {"privateKeyPem": UNKNOWN, "allowedUses": [UNKNOWN], "validityPeriodHours": 1}
    assert engine.check(SELF_SIGNED, **inputs) == {}
    assert engine.diff(SELF_SIGNED, inputs | {"privateKeyPem": "old", "allowedUses": []}, inputs) == (["allowedUses", "privateKeyPem"],) * 2


def test_what_changes_makes_a_new_one(engine: Engine) -> None:
    """All inputs but the time of an early renewal, which is no part of a certificate."""
    end = (datetime.now(UTC) + timedelta(hours=10)).isoformat()
    old = {"validityPeriodHours": 12, "earlyRenewalHours": 1}
    state = {"validityEndTime": end}
    assert engine.diff(SELF_SIGNED, old, old, state) == ([], [])
    assert engine.diff(SELF_SIGNED, old, old | {"earlyRenewalHours": 2}, state) == (["earlyRenewalHours"], [])
    assert engine.diff(SELF_SIGNED, old, old | {"validityPeriodHours": 13}, state) == (["validityPeriodHours"],) * 2
    changed, replaced = engine.diff(SELF_SIGNED, old, old | {"earlyRenewalHours": 11}, state)
    assert (changed, replaced) == (["earlyRenewalHours", "readyForRenewal"], ["readyForRenewal"])


def test_a_certificate_is_renewed_in_time() -> None:
    """At its end, and as many hours before as was said."""
    end = datetime(2027, 1, 2, tzinfo=UTC)
    properties = {"validityEndTime": end.isoformat(), "earlyRenewalHours": 24}
    assert not ready_for_renewal(properties, end - timedelta(hours=25))
    assert ready_for_renewal(properties, end - timedelta(hours=24))
    assert ready_for_renewal({"validityEndTime": end.isoformat()}, end)


@pytest.mark.parametrize("method", ["Invoke", "Call", "Construct", "GetSchema"])
def test_what_is_not_served_says_so(engine: Engine, method: str) -> None:
    """Functions of the official plugin are refused, not answered with nothing."""
    request = {"Invoke": provider_pb2.InvokeRequest, "Call": provider_pb2.CallRequest}.get(method)
    empty = request(tok="tls:index/getCertificate:getCertificate") if request else getattr(provider_pb2, f"{method}Request")()
    with pytest.raises(grpc.RpcError, match="is a stand-in for resources only"):
        getattr(engine.stub, method)(empty)


def test_an_unknown_resource_is_refused(engine: Engine) -> None:
    """By its token, with those that are served."""
    with pytest.raises(grpc.RpcError, match="tls:index/other:Other is not served by the stand-in; it serves tls:index/privateKey"):
        engine.check("tls:index/other:Other")


def test_nothing_can_be_imported(engine: Engine) -> None:
    """A key is nowhere but in the state: an import would make one up."""
    with pytest.raises(grpc.RpcError, match="cannot be imported"):
        engine.stub.Read(provider_pb2.ReadRequest(id="1", urn=urn(KEY)))


def test_it_is_the_version_that_the_package_asks_for() -> None:
    """Pulumi looks for a plugin of just this version."""
    assert pulumi_tls._utilities.get_version() == VERSION


def cli(folder: Path, script: str) -> Path:
    """A Pulumi CLI that does what a script says; what it was asked is in `asked`."""
    path = folder / "pulumi"
    path.write_text(f'#!/bin/sh\necho "$@" >> {folder}/asked\n{script}\n')
    path.chmod(0o755)
    return path


def test_the_official_plugin_is_taken_where_it_can_be_had(tmp_path: Path) -> None:
    """The stand-in is for where it cannot; nothing is asked for twice."""
    plugin = tmp_path / "home" / "plugins" / f"resource-tls-v{VERSION}" / "pulumi-resource-tls"
    official = cli(tmp_path, f"mkdir -p {plugin.parent}\nprintf '\\177ELF' > {plugin}")
    assert [install(tmp_path / "home", official) for _ in range(2)] == [False, False]
    assert plugin.read_bytes() == b"\x7fELF"
    assert (tmp_path / "asked").read_text() == f"plugin install resource tls {VERSION}\n"


def test_the_stand_in_takes_its_place_where_it_cannot_be_had(tmp_path: Path) -> None:
    """As a program that starts as Pulumi starts a plugin: it says what it is, then its port, and answers there."""
    refused = cli(tmp_path, "echo no such host >&2\nexit 255")
    assert [install(tmp_path / "home", refused) for _ in range(2)] == [True, True]
    assert len((tmp_path / "asked").read_text().splitlines()) == 1
    plugin = tmp_path / "home" / "plugins" / f"resource-tls-v{VERSION}" / "pulumi-resource-tls"
    with subprocess.Popen([plugin], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert process.stdout is not None
            assert "is a stand-in of the lab's, not Pulumi's plugin" in process.stderr.readline()
            with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
                assert provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(Empty()).version == VERSION
        finally:
            process.terminate()
