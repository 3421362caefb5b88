"""What `factory model` does, and what people see of it."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from factory.errors import did_you_mean, listed
from factory.load import load_stack
from factory.plan import names
from factory.plan.vault.server import PORT as VAULT_PORT
from factory.plan.vault.server import WORKLOAD as VAULT
from factory.plan.vault.server import find_port
from factory.spec import ExternalVault, Factory, Model, Signer, Stage, Workload
from factory.spec.concept import USER

from . import attestation
from .errors import ModelError
from .reference import VERSION, find_model, pinned, read_reference
from .registry import Door, Repository, digest, state_folder

if TYPE_CHECKING:
    from .artifact import Artifact
    from .check import Check, Subject
    from .cosign import Signing
    from .vault import Vault

CLEAN, FAILED = 0, 1
ADDRESS = ("VAULT_ADDR", "BAO_ADDR")
TOKENS = ("VAULT_TOKEN", "BAO_TOKEN")
AUTHORITY = ("VAULT_CACERT", "BAO_CACERT")


def _push(options: argparse.Namespace) -> int:
    """Brings a folder into the registry."""
    from .artifact import push
    from .progress import progress, show_size

    factory = load_stack(options.stack).factory
    model = find_model(factory, options.model)
    version = options.version
    if not VERSION.fullmatch(version) or version.startswith("sha256-"):
        raise ModelError(f'"{version}" cannot be a version: letters, digits, "_", "." and "-", at most 128, such as 1.4.0.')
    licences = [_licence(options.licence)] if options.licence else []
    datasets = [attestation.dataset_uri(factory, _dataset(factory, name)) for name in options.dataset]
    with progress(quiet=options.format == "json") as begin, Repository(model.repository, _door(options)) as repository:
        folder = options.folder
        if options.seal:
            from .seal import seal

            folder = _sealed_folder(model, version, options.folder)
            seal(options.folder, folder, model.name, _vault(options, factory), begin)
        artifact = push(repository, folder, model.name, version, licences, datasets, begin)
        sent, total = repository.sent, sum(file.size for file in artifact.files)
    if options.seal:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".json").unlink(missing_ok=True)
    if options.format == "json":
        print(json.dumps({**asdict(artifact), "sealed": options.seal, "sent": sent}, indent=2))
    else:
        print(f"{model.name} {version} is {model.name}@{artifact.digest}")
        print(f"{show_size(total)} in {len(artifact.files)} files, {show_size(sent)} sent", file=sys.stderr)
    return CLEAN


def _sign(options: argparse.Namespace) -> int:
    """Signs files, bill and artifact: what admission asks for comes last, so that nothing is admitted half signed."""
    from . import oms
    from .bill import plan_bill
    from .check import check, find_signer, has_signed_files

    with _subject(options) as subject, _signing(options, subject) as signing:
        signer = find_signer(subject.factory, subject.model.signers, signing, f"sign {subject.model.name}")
        if signer.keyless is None:
            bundle = oms.sign_files(subject.artifact, signing.public_key, lambda data: subject.cosign.sign_bytes(data, signing))
        else:
            bundle = subject.cosign.sign_statement(oms.plan_statement(subject.artifact), signing)
        if not has_signed_files(subject, signer, bundle):
            raise _stranger(signer)
        subject.repository.attach(subject.artifact.digest, oms.ARTIFACT, oms.BUNDLE, bundle)
        _attest(subject, attestation.BILL, plan_bill(subject.artifact), signing, signer)
        subject.cosign.sign(subject.reference, signing)
        lost = next((one for one in check(subject, Stage.VALIDATION) if not one.passed), None)
        if lost is not None:  # without the referrers API, two who write at once may overwrite each other's list
            raise ModelError(f"{subject.artifact.reference} was signed, and yet: {lost.name}: {lost.says}. Sign it again.")
        return _did(options, subject, "signed", signer.name)


def _attest_training(options: argparse.Namespace) -> int:
    """Says how a version was made."""
    from .check import find_signer

    with _subject(options) as subject, _signing(options, subject) as signing:
        factory, model = subject.factory, subject.model
        producer = _producer(factory, model, options.by)
        inputs = [_input(factory, producer, text) for text in options.dataset]
        theirs = [signer.name for signer in factory.signers if signer.workload == producer.reference]
        who = f"attest how {producer.reference} trained {model.name}"
        signer = find_signer(factory, (*theirs, *model.signers), signing, who)
        predicate = attestation.provenance(factory, model, subject.artifact.version, producer, inputs, options.invocation)
        _attest(subject, attestation.PROVENANCE, predicate, signing, signer)
        return _did(options, subject, f"trained by {producer.reference}", signer.name)


def _attest_validation(options: argparse.Namespace) -> int:
    """Says how a version stood its tests."""
    from .check import find_signer

    try:
        suite = options.suite.read_bytes()
    except OSError as error:
        raise ModelError(f"{options.suite} cannot be read: {error.strerror}. Name the file that says what was tested.") from None
    with _subject(options) as subject, _signing(options, subject) as signing:
        model = subject.model
        signer = find_signer(subject.factory, model.validators, signing, f"validate {model.name}")
        if signer.workload in {one.reference for one in attestation.find_producers(subject.factory, model)}:
            raise ModelError(f"{signer.name} is {signer.workload}, which produces {model.name}: nobody validates their own work.")
        predicate = attestation.test_result(options.result, options.suite.name, digest(suite), options.test)
        _attest(subject, attestation.TEST_RESULT, predicate, signing, signer)
        return _did(options, subject, f"validated: {options.result}", signer.name)


def _verify(options: argparse.Namespace) -> int:
    """Every check, a line each."""
    from .check import check

    with _subject(options, by_digest=False) as subject:
        checks = check(subject, Stage(options.stage))
        _show(options, subject, checks)
        return CLEAN if all(one.passed for one in checks) else FAILED


def _promote(options: argparse.Namespace) -> int:
    """Checks everything, and only then signs that it may serve."""
    from .check import check, find_signer

    if not re.fullmatch(USER, options.approver):
        raise ModelError(f'"{options.approver}" is not a person as the API server names them, such as staff:alice.')
    with _subject(options) as subject, _signing(options, subject) as signing:
        factory, model = subject.factory, subject.model
        signer = find_signer(factory, model.signers, signing, f"promote {model.name}")
        if signer.workload in {one.reference for one in attestation.find_producers(factory, model)}:
            raise ModelError(f"{signer.name} is {signer.workload}, which produces {model.name}: nobody promotes their own work.")
        checks = check(subject, Stage.INFERENCE, promoted=False)
        failed = next((one for one in checks if not one.passed), None)
        if failed is not None:
            if options.format == "text":
                _show(options, subject, checks)
            raise ModelError(f"{subject.artifact.reference} is not promoted: {failed.name}: {failed.says}.")
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        policy = f"https://{factory.trust_domain}/factories/{factory.name}"
        written = digest(options.stack.read_bytes())
        predicate = attestation.summary(subject.artifact.reference, options.approver, moment, policy, written)
        _attest(subject, attestation.SUMMARY, predicate, signing, signer)
        return _did(options, subject, f"promoted, approved by {options.approver}", signer.name)


def _list(options: argparse.Namespace) -> int:
    """Versions, and what is said of them."""
    from .artifact import read_artifact
    from .check import Subject, check
    from .cosign import Cosign

    factory = load_stack(options.stack).factory
    models = [find_model(factory, options.model)] if options.model else list(factory.models)
    door = _door(options)
    cosign = Cosign(door)
    rows: list[dict[str, Any]] = []
    for model in models:
        with Repository(model.repository, door) as repository:
            for tag in sorted(tag for tag in repository.tags() if not tag.startswith("sha256-")):
                named = read_reference(factory, f"{model.name}:{tag}").digest(repository)
                row: dict[str, Any] = {"model": model.name, "version": tag, "digest": named}
                try:
                    subject = Subject(factory, model, read_artifact(repository, named), repository, cosign)
                    row |= {one.name: one.says if one.passed else None for one in check(subject, Stage.INFERENCE)}
                except ModelError as error:
                    row["problem"] = str(error)
                rows.append(row)
    if options.format == "json":
        print(json.dumps(rows, indent=2))
        return CLEAN
    for row in rows:
        print(f"{row['model']} {row['version']}  {row['model']}@{row['digest']}")
        if "problem" in row:
            print(f"    {row['problem']}")
            continue
        for name, absent in (
            ("signature", "not signed"),
            ("provenance", "no provenance"),
            ("validation", "not validated"),
            ("promotion", "not promoted"),
        ):
            print(f"    {row[name] or absent}")
    if not rows:
        print("no versions")
    return CLEAN


def _pod(options: argparse.Namespace) -> int:
    """A pod that serves a version, once it may."""
    from .check import check
    from .pod import plan_pod

    with _subject(options) as subject:
        workload = _serving(subject.factory, subject.model, options.workload)
        failed = next((one for one in check(subject, subject.factory.segment[workload.segment].stage) if not one.passed), None)
        if failed is not None:
            raise ModelError(f"{subject.artifact.reference} may not be mounted by {workload.reference}: {failed.name}: {failed.says}.")
        print(plan_pod(subject, workload, options.image, options.loader, options.vault or _address(subject.factory)), end="")
        return CLEAN


def _load(options: argparse.Namespace) -> int:
    """The loader."""
    from .cosign import Identity
    from .loader import Keeper, load, tell

    keeper = None
    if options.vault or options.workload:
        if not (options.vault and options.workload and options.factory):
            raise ModelError("what is sealed needs --vault, --as and --factory: who keeps the key, and as whom to ask.")
        mounts = (names.vault_path(options.factory, "kubernetes"), names.vault_path(options.factory, "transit"))
        keeper = Keeper(options.vault, options.vault_ca, options.token, names.vault_role(options.workload), *mounts)
    trusted = options.public_key
    if options.identity is not None:
        if not (options.issuer and options.trusted_root):
            raise ModelError("whom to trust by identity is not said in full: --identity needs --issuer and --trusted-root beside it.")
        trusted = Identity(options.identity, options.issuer, options.trusted_root)
    verdict = load(options.model, options.folder, options.signature, trusted, options.into, keeper)
    tell(verdict, options.message)
    return CLEAN if verdict.verdict == "Loaded" else FAILED


COMMANDS: dict[str, Callable[[argparse.Namespace], int]] = {
    "push": _push,
    "sign": _sign,
    "training": _attest_training,
    "validation": _attest_validation,
    "verify": _verify,
    "promote": _promote,
    "list": _list,
    "pod": _pod,
    "load": _load,
}


@contextmanager
def _subject(options: argparse.Namespace, by_digest: bool = True) -> Iterator[Subject]:
    from .artifact import read_artifact
    from .check import Subject
    from .cosign import Cosign

    factory = load_stack(options.stack).factory
    reference = (pinned if by_digest else read_reference)(factory, options.reference)
    key = getattr(options, "key", None) or ""
    if key and "://" not in key and not key.startswith("pkcs11:") and factory.production:
        raise ModelError(
            f"{key} is a file, and in Production a signing key stays where nobody can copy it: "
            "hashivault://NAME, pkcs11:…, awskms://…, azurekms://… or gcpkms://…."
        )
    door = _door(options)
    cosign = Cosign(door, _vault_for_cosign(options, factory) if key.startswith("hashivault://") else None)
    with Repository(reference.model.repository, door) as repository:
        named = reference.digest(repository)
        artifact = read_artifact(repository, named)
        if artifact.name != reference.model.name:
            raise ModelError(f"{artifact.reference} says that it is {artifact.name!r:.80}, and not {reference.model.name}.")
        yield Subject(factory, reference.model, artifact, repository, cosign)


def _signing(options: argparse.Namespace, subject: Subject) -> AbstractContextManager[Signing]:
    if options.keyless is None:
        return subject.cosign.signing(options.key)
    signers = subject.factory.signer
    if options.keyless not in signers:
        hint = did_you_mean(options.keyless, signers) or "Name one of them."
        raise ModelError(f'"{options.keyless}" is not a signer of this factory; there are: {listed(signers)}. {hint}')
    return subject.cosign.signing_as(signers[options.keyless], options.identity_token)


def _attest(subject: Subject, kind: str, predicate: attestation.Predicate, signing: Signing, signer: Signer) -> None:
    """Attests, and then looks whose word it is: whom a certificate names, only Fulcio decides."""
    subject.cosign.attest(subject.reference, kind, predicate, signing)
    if signer.keyless is not None and not any(found == predicate for _, found in subject.find(kind, (signer.name,))):
        raise _stranger(signer)


def _stranger(signer: Signer) -> ModelError:
    who = signer.keyless
    named = f": {who.subject} by {who.issuer}" if who else ""
    return ModelError(f"what was signed is not the word of {signer.name}{named}. Take an identity token of who that is in the spec.")


def _door(options: argparse.Namespace) -> Door:
    return Door(options.ca, options.client_certificate, options.client_key, options.door)


def _address(factory: Factory) -> str | None:
    """Where the spec says that OpenBao is, as pods reach it."""
    kept = factory.keys.vault if factory.keys else None
    if isinstance(kept, ExternalVault):
        return kept.address
    port = find_port(factory, kept, VAULT_PORT) if kept else None
    return f"https://{VAULT}.{names.namespace(factory.name, kept.segment)}.svc:{port}" if kept and port else None


def _vault(options: argparse.Namespace, factory: Factory) -> Vault:
    from .vault import Vault, sign_in

    address = options.vault or _first(ADDRESS) or _address(factory)
    if address is None:
        raise ModelError("it is not said where OpenBao is: give --vault https://HOST:PORT, or set VAULT_ADDR.")
    authority = options.vault_ca or (Path(found) if (found := _first(AUTHORITY)) else None)
    transit = names.vault_path(factory.name, "transit")
    if options.workload:
        role = names.vault_role(options.workload)
        return sign_in(address, transit, names.vault_path(factory.name, "kubernetes"), role, options.token, authority)
    token = _first(TOKENS)
    if token is None:
        raise ModelError("OpenBao does not know who asks: give --as SEGMENT/WORKLOAD, to sign in as a workload, or set VAULT_TOKEN.")
    return Vault(address, token, transit, authority)


def _vault_for_cosign(options: argparse.Namespace, factory: Factory) -> dict[str, str]:
    vault = _vault(options, factory)
    found = {"VAULT_ADDR": vault.address, "VAULT_TOKEN": vault.token, "TRANSIT_SECRET_ENGINE_PATH": vault.mount}
    return found if vault.ca is None else {**found, "VAULT_CACERT": str(vault.ca)}


def _first(variables: tuple[str, ...]) -> str | None:
    return next((value for name in variables if (value := os.environ.get(name))), None)


def _licence(text: str) -> str:
    from cyclonedx.spdx import is_expression, is_supported_id

    if not is_supported_id(text) and not is_expression(text):
        raise ModelError(f'"{text}" is not an SPDX licence or expression, such as Apache-2.0. For one of your own: LicenseRef-NAME.')
    return text


def _dataset(factory: Factory, name: str) -> str:
    if name not in factory.dataset:
        hint = did_you_mean(name, factory.dataset) or "Name one of them."
        raise ModelError(f'"{name}" is not a dataset of this factory; there are: {listed(factory.dataset)}. {hint}')
    return name


def _producer(factory: Factory, model: Model, reference: str) -> Workload:
    producers = {one.reference: one for one in attestation.find_producers(factory, model)}
    if reference not in producers:
        raise ModelError(f"{reference} does not produce {model.name}; in the spec these do: {listed(producers)}.")
    return producers[reference]


def _serving(factory: Factory, model: Model, reference: str) -> Workload:
    serving = {one.reference: one for one in factory.workloads if model.name in one.serves}
    if reference not in serving:
        raise ModelError(f"{reference} does not serve {model.name}; in the spec these do: {listed(serving)}.")
    return serving[reference]


def _input(factory: Factory, producer: Workload, text: str) -> attestation.Input:
    name, _, named = text.partition("@")
    _dataset(factory, name)
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", named):
        raise ModelError(f'"{text}" does not say which state of {name} was read: write {name}@sha256: and 64 hex digits.')
    if name not in (*producer.reads, *producer.writes):
        raise ModelError(f"{producer.reference} does not read {name} in the spec, and so cannot have trained on it.")
    return attestation.Input(name, named)


def _sealed_folder(model: Model, version: str, folder: Path) -> Path:
    """Where the ciphertext waits until it is in the registry, so that a push that was cut off goes on with the same bytes."""
    named = sha256(f"{model.repository} {version} {folder.resolve()}".encode()).hexdigest()[:32]
    return state_folder() / "sealed" / named


def _did(options: argparse.Namespace, subject: Subject, what: str, who: str) -> int:
    if options.format == "json":
        print(json.dumps({"model": subject.model.name, "reference": subject.artifact.reference, "done": what, "signer": who}))
    else:
        print(f"{_called(subject.artifact)} {what}, by {who}")
    return CLEAN


def _show(options: argparse.Namespace, subject: Subject, checks: tuple[Check, ...]) -> None:
    if options.format == "json":
        found = {"model": subject.model.name, "reference": subject.artifact.reference, "version": subject.artifact.version}
        print(json.dumps({**found, "checks": [asdict(one) for one in checks]}, indent=2))
        return
    colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    print(_called(subject.artifact))
    for one in checks:
        word = "ok" if one.passed else "no"
        if colour:
            word = f"\033[{32 if one.passed else 31}m{word}\033[0m"
        print(f"  {word}  {one.name + ':':12}{one.says}")


def _called(artifact: Artifact) -> str:
    return f"{artifact.name} {artifact.version} ({artifact.digest[:19]}…)"
