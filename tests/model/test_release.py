"""From training to serving, on the real registry and cosign, and every way in which that is refused."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from cyclonedx.schema import _res
from team import DATA, Registry, Team, write_stack

from factory.load import load_stack
from factory.model import attestation, oms
from factory.model.artifact import read_artifact
from factory.model.cosign import Cosign
from factory.model.registry import MANIFEST, Door, Repository
from lab.certificate import Authority

pytestmark = pytest.mark.lab

APPROVE = ("--approver", "staff:alice")


@contextmanager
def opened(team: Team, registry: Registry, model: str = "fraud") -> Iterator[tuple[Repository, Cosign]]:
    """The registry as somebody uses it who does not ask this command."""
    door = Door(registry.ca, registry.writer.certificate, registry.writer.key)
    with Repository(f"{registry.write}/models/{model}", door) as repository:
        yield repository, Cosign(door)


def attest(team: Team, registry: Registry, reference: str, kind: str, predicate: dict[str, Any], by: str) -> None:
    """An attestation by somebody who does not ask this command."""
    model, _, digest = reference.partition("@")
    with opened(team, registry, model) as (repository, cosign), cosign.signing(str(team.keys[by])) as signing:
        cosign.attest(repository.reference(digest), kind, predicate, signing)


def say(team: Team, reference: str, check: str) -> str:
    """What verification says of one check, which must fail."""
    answer = team.ask("verify", reference, "--format", "json")
    assert answer.code == 1
    found = next(one for one in answer.json["checks"] if one["name"] == check)
    assert not found["passed"]
    return str(found["says"])


def trained(team: Team, **changes: Any) -> dict[str, Any]:
    """Provenance as this command writes it, with changes."""
    factory = load_stack(team.stack).factory
    inputs = [attestation.Input("claims", DATA)]
    found = attestation.provenance(factory, factory.model["fraud"], "1", factory.workload["training/trainer"], inputs, None)
    for path, value in changes.items():
        *parents, last = path.split("__")
        place: Any = found
        for parent in parents:
            place = place[parent]
        place[last] = value
    return found


def test_all_the_way(team: Team, registry: Registry) -> None:
    """Push, sign, attest, validate, promote: then every check holds, by the read door too, and the list says by whom."""
    reference = team.release("1.0.0")
    assert say(team, reference, "promotion") == "not promoted by any of its signers: release"
    team.do("promote", reference, *APPROVE, *team.key("release"))
    said = team.run("verify", team.stack, reference, "--door", registry.read, "--ca", registry.ca)
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines()[1:]] == ["ok"] * 6
    for words in ("signed by release", "trained by training/trainer from claims", "judge (evaluation/judge)", "approved by staff:alice"):
        assert words in said.out
    row = next(row for row in team.do("list", "fraud", "--format", "json").json if row["version"] == "1.0.0")
    assert row["digest"] == reference.partition("@")[2]
    assert row["promotion"] == "approved by staff:alice, signed by release"


def test_what_is_written_is_standard(team: Team, registry: Registry, tmp_path: Path) -> None:
    """Others can read it: model-signing itself checks the files, the bill fits CycloneDX's schema, the predicates have their fields."""
    reference = team.release("2.0.0")
    team.do("promote", reference, *APPROVE, *team.key("release"))
    signers = load_stack(team.stack).factory.signer
    digest = reference.partition("@")[2]
    with opened(team, registry) as (repository, cosign):
        [referrer] = repository.referrers(digest, oms.ARTIFACT)
        manifest, _ = repository.manifest(referrer)  # type: ignore[misc]
        (tmp_path / "model.sig").write_bytes(repository.fetch(manifest["layers"][0]["digest"]))
        found = repository.reference(digest)
        by = {
            kind: cosign.statements(found, kind, signers[who])
            for kind, who in (
                (attestation.PROVENANCE, "trainer"),
                (attestation.TEST_RESULT, "judge"),
                (attestation.SUMMARY, "release"),
                (attestation.BILL, "release"),
            )
        }
    folder = team.folder / "fraud-2.0.0"
    (tmp_path / "release.pub").write_text(signers["release"].public_keys[0])
    command = [sys.executable, "-m", "model_signing", "verify", "key", folder, "--signature", "model.sig", "--public_key", "release.pub"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    (folder / "model.json").write_text("{}")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 1
    [bill] = by[attestation.BILL]
    schema = json.loads((Path(_res.__file__).parent / "bom-1.6.SNAPSHOT.schema.json").read_text())
    check = jsonschema.Draft7Validator({**schema["definitions"]["component"], "definitions": schema["definitions"]})
    component = bill["predicate"]["metadata"]["component"]
    del component["licenses" if "licenses" in component else "name"]
    assert component["type"] == "machine-learning-model"
    assert [error.message for error in check.iter_errors({"name": "fraud", **component}) if "spdx" not in error.message] == []
    assert {file["name"] for file in component["components"]} == {"README.md", "model.json", "tokenizer/vocab.json"}
    [made], [tested], [approved] = (by[kind] for kind in (attestation.PROVENANCE, attestation.TEST_RESULT, attestation.SUMMARY))
    for statement in (made, tested, approved, bill):
        assert [subject["digest"]["sha256"] for subject in statement["subject"]] == [digest.removeprefix("sha256:")]
    assert made["predicate"]["runDetails"]["builder"]["id"] == "spiffe://helix.example/segment/training/workload/trainer"
    assert made["predicate"]["buildDefinition"]["externalParameters"]["segment"] == "training"
    [used] = made["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert used == {"name": "claims", "uri": "https://helix.example/datasets/claims", "digest": {"sha256": "7" * 64}}
    assert (tested["predicate"]["result"], tested["predicate"]["passedTests"]) == ("PASSED", ["accuracy"])
    assert approved["predicate"]["resourceUri"] == f"{registry.write}/models/fraud@{digest}"
    assert approved["predicate"]["verifier"] == {"id": "staff:alice"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", approved["predicate"]["timeVerified"])


def test_unsigned(team: Team) -> None:
    """Nobody has signed it: neither artifact nor files, and it is not promoted."""
    reference = team.push("unsigned")
    assert say(team, reference, "signature") == "not signed by any of its signers: release"
    assert say(team, reference, "files") == "their signature is not in the registry"
    assert say(team, reference, "bill") == "no bill of materials of exactly this version by any of its signers"
    assert "is not promoted: signature: not signed" in team.refused("promote", reference, *APPROVE, *team.key("release"))


def test_signed_by_another(team: Team, registry: Registry) -> None:
    """A key that the model does not name signs nothing by this command; and what it signs elsewhere does not count."""
    reference = team.push("foreign")
    assert "not one of those who may sign fraud: release" in team.refused("sign", reference, *team.key("stranger"))
    with opened(team, registry) as (repository, cosign), cosign.signing(str(team.keys["stranger"])) as signing:
        artifact = read_artifact(repository, reference.partition("@")[2])
        cosign.sign(repository.reference(artifact.digest), signing)
        bundle = oms.sign_files(artifact, signing.public_key, lambda data: cosign.sign_bytes(data, signing))
        repository.attach(artifact.digest, oms.ARTIFACT, oms.BUNDLE, bundle)
    assert say(team, reference, "signature") == "not signed by any of its signers: release"
    assert say(team, reference, "files") == "no signature over exactly its files by any of its signers"


def test_an_attestation_is_no_signature(team: Team, registry: Registry) -> None:
    """A signer who has attested something has not signed it, though cosign alone would take the one for the other."""
    reference = team.push("attested")
    attest(team, registry, reference, "https://example.org/remark", {"remark": "do not serve this"}, "release")
    assert say(team, reference, "signature") == "not signed by any of its signers: release"


def test_signature_of_another_digest(team: Team, registry: Registry) -> None:
    """What was signed of one version, hung on another, is worth nothing there: neither the bundles nor the files' signature."""
    signed, other = team.push("mine"), team.push("yours")
    team.do("sign", signed, *team.key("release"))
    with opened(team, registry) as (repository, _):
        index, _ = repository.manifest(signed.partition("@")[2].replace(":", "-"))  # type: ignore[misc]
        repository.publish({**index, "mediaType": index["mediaType"]}, other.partition("@")[2].replace(":", "-"))
    assert say(team, other, "signature") == "not signed by any of its signers: release"
    assert say(team, other, "files") == "no signature over exactly its files by any of its signers"


def test_signature_taken_away(team: Team, registry: Registry) -> None:
    """Once its signatures are gone from the registry it is unsigned again."""
    reference = team.push("stripped")
    team.do("sign", reference, *team.key("release"))
    assert team.ask("verify", reference, "--stage", "Validation").code == 0
    tag = reference.partition("@")[2].replace(":", "-")
    with registry.client() as client:
        named = client.head(f"models/fraud/manifests/{tag}", headers={"Accept": "*/*"}).headers["Docker-Content-Digest"]
        assert client.delete(f"models/fraud/manifests/{named}").status_code == 202
    assert say(team, reference, "signature") == "not signed by any of its signers: release"


def test_a_revoked_signer(team: Team, registry: Registry, keys: tuple[dict[str, Path], dict[str, str]]) -> None:
    """A key that the spec names no more has never signed anything; during a rotation both count."""
    reference = team.push("revoked")
    team.do("sign", reference, *team.key("release"))

    def rotate(*names: str) -> None:
        write_stack(
            team.stack, registry.write, keys[1], lambda spec: spec["signers"][0].update(publicKeys=[keys[1][name] for name in names])
        )

    rotate("stranger", "release")
    assert team.ask("verify", reference, "--stage", "Validation").code == 0
    rotate("stranger")
    assert say(team, reference, "signature") == "not signed by any of its signers: release"


def test_a_keyless_signer_is_asked(team: Team, registry: Registry, keys: tuple[dict[str, Path], dict[str, str]]) -> None:
    """Beside signers with keys, one by identity: what its Sigstore has not signed is not signed; the public one is not asked."""
    pki = Authority(team.folder, "fulcio")
    keyless = {
        "issuer": "https://login.helix.example",
        "subject": "alice@helix.example",
        "fulcio": "https://fulcio.helix.example",
        "roots": pki.pair.certificate.read_text(),
        "rekor": "https://rekor.helix.example",
        "rekorKey": keys[1]["stranger"],
        "tuf": "https://tuf.helix.example",
        "tufRoot": base64.b64encode(b'{"signed": {}}').decode(),
    }

    def by_identity(spec: dict[str, Any]) -> None:
        spec["signers"].append({"name": "people", "keyless": keyless})
        spec["models"][0]["signers"] = ["people", "release"]

    write_stack(team.stack, registry.write, keys[1], by_identity)
    reference = team.push("keyless")
    assert say(team, reference, "signature") == "not signed by any of its signers: people, release"
    team.do("sign", reference, *team.key("release"))
    assert "ok  signature:  signed by release" in team.do("verify", reference, "--stage", "Validation").out


def test_tags_are_only_looked_at(team: Team) -> None:
    """Whoever signs names a digest; a tag is refused before anything is asked of the registry."""
    team.push("tagged")
    assert team.ask("verify", "fraud:tagged").code == 1
    for command, more in (("sign", ()), ("promote", APPROVE), ("attest training", ("--by", "training/trainer"))):
        assert "is a tag, and a tag can be moved" in team.refused(command, "fraud:tagged", *more, *team.key("release"))


def test_without_provenance(team: Team, registry: Registry) -> None:
    """Signed and validated, but nobody says how it was made; or somebody says what the spec does not allow."""
    reference = team.push("unknown")
    team.do("sign", reference, *team.key("release"))
    team.do("attest validation", reference, "--suite", team.stack, *team.key("judge"))
    assert "provenance: no provenance by its producer" in team.refused("promote", reference, *APPROVE, *team.key("release"))
    builder = "spiffe://helix.example/segment/training/workload/notebook"
    attest(team, registry, reference, attestation.PROVENANCE, trained(team, runDetails__builder__id=builder), "trainer")
    strange = "provenance names no workload that may produce it in its segment from what it reads"
    assert say(team, reference, "provenance") == strange
    attest(team, registry, reference, attestation.PROVENANCE, trained(team), "judge")
    assert say(team, reference, "provenance") == strange
    for changes in (
        {"buildDefinition__resolvedDependencies": [{"name": "secrets"}]},
        {"buildDefinition__externalParameters": {"segment": "inference"}},
        {"runDetails": "trainer"},
    ):
        attest(team, registry, reference, attestation.PROVENANCE, trained(team, **changes), "trainer")
        assert say(team, reference, "provenance") == strange
    attest(team, registry, reference, attestation.PROVENANCE, trained(team), "trainer")
    team.do("promote", reference, *APPROVE, *team.key("release"))


def test_without_validation(team: Team, registry: Registry) -> None:
    """Nobody has validated it, or a validator found it bad, which the same validator cannot take back."""
    reference = team.push("untested")
    team.do("sign", reference, *team.key("release"))
    team.do("attest training", reference, "--by", "training/trainer", *team.key("trainer"))
    assert say(team, reference, "validation") == "not validated by any of its validators: judge"
    assert "validation: not validated" in team.refused("promote", reference, *APPROVE, *team.key("release"))
    attest(team, registry, reference, attestation.TEST_RESULT, {"result": "PASSED"}, "release")
    assert say(team, reference, "validation") == "not validated by any of its validators: judge"
    team.do("attest validation", reference, "--suite", team.stack, *team.key("judge"))
    team.do("promote", reference, *APPROVE, *team.key("release"))
    team.do("attest validation", reference, "--suite", team.stack, "--result", "FAILED", *team.key("judge"))
    assert say(team, reference, "validation") == "FAILED, says judge"
    team.do("attest validation", reference, "--suite", team.stack, *team.key("judge"))
    assert "validation: FAILED, says judge" in team.refused("promote", reference, *APPROVE, *team.key("release"))


def test_validated_by_its_producer(team: Team, registry: Registry, keys: tuple[dict[str, Path], dict[str, str]]) -> None:
    """Its producer validates nothing, even where the spec names it; nor does another name for the same key."""
    reference = team.push("own", "base")
    team.do("sign", reference, *team.key("release"))
    team.do("attest training", reference, "--by", "training/trainer", *team.key("trainer"))
    own = "which produces base: nobody validates their own work"
    assert own in team.refused("attest validation", reference, "--suite", team.stack, *team.key("trainer"))
    attest(team, registry, reference, attestation.TEST_RESULT, {"result": "PASSED"}, "trainer")
    said = "trainer is training/trainer, which produces it: nobody validates their own work"
    assert said in team.refused("promote", reference, *APPROVE, *team.key("release"))

    def disguise(spec: dict[str, Any]) -> None:
        spec["signers"].append({"name": "friend", "publicKeys": [keys[1]["trainer"]]})
        spec["models"][1]["validators"] = ["friend"]

    write_stack(team.stack, registry.write, keys[1], disguise)
    assert "nobody validates their own work" in say(team, reference, "validation")


def test_tampered_files(team: Team, registry: Registry) -> None:
    """A signed artifact whose files' signature is that of other files: the one check that holds does not carry the other."""
    first, second = team.push("whole"), team.push("tampered")
    team.do("sign", first, *team.key("release"))
    with opened(team, registry) as (repository, cosign), cosign.signing(str(team.keys["release"])) as signing:
        [referrer] = repository.referrers(first.partition("@")[2], oms.ARTIFACT)
        manifest, _ = repository.manifest(referrer)  # type: ignore[misc]
        digest = second.partition("@")[2]
        repository.attach(digest, oms.ARTIFACT, oms.BUNDLE, repository.fetch(manifest["layers"][0]["digest"]))
        cosign.sign(repository.reference(digest), signing)
    assert say(team, second, "files") == "no signature over exactly its files by any of its signers"


def test_promoted_by_another(team: Team, registry: Registry, keys: tuple[dict[str, Path], dict[str, str]]) -> None:
    """Only a signer of the model promotes it, never its producer, and a promotion is for one repository, one stage and one outcome."""
    reference = team.release("unpromoted")
    for other in ("stranger", "judge"):
        assert "not one of those who may promote fraud: release" in team.refused("promote", reference, *APPROVE, *team.key(other))
    assert '"alice" is not a person as the API server names them' in team.refused(
        "promote", reference, "--approver", "alice", *team.key("release")
    )
    place = f"{registry.write}/models/fraud@{reference.partition('@')[2]}"
    good = attestation.summary(place, "staff:mallory", "2026-01-01T00:00:00Z", "https://helix.example", DATA)
    attest(team, registry, reference, attestation.SUMMARY, good, "stranger")
    for change in (
        {"resourceUri": place.replace("fraud", "base")},
        {"verificationResult": "FAILED"},
        {"verifiedLevels": ["SLSA_BUILD_LEVEL_3"]},
    ):
        attest(team, registry, reference, attestation.SUMMARY, {**good, **change}, "release")
        assert say(team, reference, "promotion") == "not promoted by any of its signers: release"
    write_stack(team.stack, registry.write, keys[1], lambda spec: spec["models"][0].update(signers=["release", "trainer"]))
    said = team.refused("promote", reference, *APPROVE, *team.key("trainer"))
    assert "trainer is training/trainer, which produces fraud: nobody promotes their own work" in said


def test_a_model_without_signers(team: Team) -> None:
    """There is nobody to sign it, and so it can neither be signed nor promoted."""
    reference = team.push("1", "loose")
    assert say(team, reference, "signature") == "names no signers: add them to the model in the spec"
    assert say(team, reference, "validation") == "names no validators: add them to the model in the spec"
    assert "who may sign loose: none" in team.refused("sign", reference, *team.key("release"))


def test_what_cannot_be_attested(team: Team) -> None:
    """This command attests only what the spec makes possible."""
    reference = team.push("attesting")
    key = team.key("trainer")
    refused = {
        ("--by", "training/notebook"): "training/notebook does not produce fraud; in the spec these do: training/trainer",
        ("--by", "training/trainer", "--dataset", f"secrets@{DATA}"): "training/trainer does not read secrets in the spec",
        ("--by", "training/trainer", "--dataset", "claims"): '"claims" does not say which state of claims was read',
        ("--by", "training/trainer", "--dataset", f"claim@{DATA}"): 'Did you mean "claims"?',
    }
    for arguments, words in refused.items():
        assert words in team.refused("attest training", reference, *arguments, *key)
    assert "not one of those who may attest" in team.refused("attest training", reference, "--by", "training/trainer", *team.key("judge"))
    assert "not one of those who may validate fraud: judge" in team.refused("attest validation", reference, "--suite", team.stack, *key)
    assert "nowhere cannot be read" in team.refused("attest validation", reference, "--suite", "nowhere", *team.key("judge"))


def test_key_files_are_for_development(team: Team, registry: Registry, keys: tuple[dict[str, Path], dict[str, str]]) -> None:
    """In Production a signing key is never a file."""
    reference = team.push("production")
    write_stack(team.stack, registry.write, keys[1], lambda spec: spec.update(posture="Production"))
    for command, more in (("sign", ()), ("promote", APPROVE), ("attest validation", ("--suite", team.stack))):
        assert "in Production a signing key stays where nobody can copy it" in team.refused(command, reference, *more, *team.key("release"))


@pytest.mark.parametrize(
    ("reference", "words"),
    [
        ("fraud", '"fraud" names no version'),
        ("fraud@latest", '"fraud@latest" does not end in a digest'),
        ("fraud@sha256:abc", "does not end in a digest"),
        ("fruad:1", 'Did you mean "fraud"?'),
        ("fraud:nothing", "has no nothing; versions there: "),
        (f"fraud@{DATA}", f"has no {DATA}"),
    ],
)
def test_bad_references(team: Team, reference: str, words: str) -> None:
    """One line says what is wrong with how a version was named."""
    team.push("there")
    assert words in team.refused("verify", reference)


def test_bad_keys(team: Team) -> None:
    """A key that cannot be used is one line, without a word of the key itself."""
    reference = team.push("keys")
    bad = team.folder / "bad.key"
    for content in ("", "hello", team.keys["release"].read_text()[:80]):
        bad.write_text(content)
        said = team.refused("sign", reference, "--key", bad)
        assert f"cosign cannot use the key in {bad}" in said
        assert not any(line in said for line in content.splitlines() if len(line) > 10 and "BEGIN" not in line)
    vault = ("--key", "hashivault://signer-release", "--vault", "https://127.0.0.1:1")
    assert "OpenBao does not know who asks" in team.refused("sign", reference, *vault)
    assert "cannot be read" in team.refused("sign", reference, *vault, "--as", "evaluation/judge", "--token", "nowhere")


def test_an_artifact_that_is_no_model(team: Team, registry: Registry) -> None:
    """What is not after the ModelPack specification, is another model, or has a file that would lead out of its folder, is refused."""
    with opened(team, registry) as (repository, _):
        found, _ = repository.manifest(team.push("shape").partition("@")[2])  # type: ignore[misc]
        shapes = {
            "its config is application/json": {**found, "config": {**found["config"], "mediaType": "application/json"}},
            "it has no files": {**found, "layers": []},
            "it holds a file called '../key'": {
                **found,
                "layers": [{**found["layers"][0], "annotations": {"org.cncf.model.filepath": "../key"}}],
            },
            "it lacks 'annotations'": {**found, "layers": [{"digest": found["layers"][0]["digest"], "size": 1}]},
        }
        named = {words: repository.publish({**shape, "mediaType": MANIFEST}) for words, shape in shapes.items()}
    for words, digest in named.items():
        assert words in team.refused("verify", f"fraud@{digest}")


def test_another_model_in_the_repository(team: Team, registry: Registry) -> None:
    """A version of one model under the name of another is refused, whoever has signed it."""
    base = team.push("moved", "base")
    for source in (registry.store / "docker/registry/v2/repositories/models/base",):
        shutil.copytree(source, registry.store / "docker/registry/v2/repositories/models/fraud", dirs_exist_ok=True)
    assert "says that it is 'base', and not fraud" in team.refused("verify", base.replace("base", "fraud"))


def test_no_secret_is_ever_printed(team: Team) -> None:
    """Neither output nor what is kept on disk holds a private key."""
    reference = team.push("quiet")
    secrets = [line for line in team.keys["release"].read_text().splitlines() if not line.startswith("-")]
    answer = team.do("sign", reference, *team.key("release"))
    kept = "".join(path.read_text(errors="replace") for path in team.folder.rglob("*") if path.is_file())
    for secret in secrets:
        assert secret not in answer.out + answer.err + kept


def test_a_signature_that_was_overwritten(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the registry has lost what was just written, whoever signs is told."""
    reference = team.push("lost")
    monkeypatch.setattr(Repository, "attach", lambda *_: "")
    assert "was signed, and yet: files: their signature is not in the registry. Sign it again." in team.refused(
        "sign", reference, *team.key("release")
    )


def test_cosign_is_needed(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it, one line says so."""
    reference = team.push("alone")
    monkeypatch.setenv("PATH", "/nowhere")
    assert "cosign is not on PATH" in team.refused("verify", reference)
