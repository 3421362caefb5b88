"""What stands between a model and a stage: each check, whether it holds, and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from factory.errors import listed
from factory.spec import Factory, Model, Signer, Stage

from . import attestation, oms
from .artifact import Artifact
from .bill import describes
from .cosign import SIGNATURE, Cosign, Signing
from .errors import ModelError
from .registry import Repository


@dataclass(frozen=True, slots=True)
class Check:
    """One question, and its answer."""

    name: str
    passed: bool
    says: str


@dataclass(frozen=True, slots=True)
class Subject:
    """One version of a model, with who could say something about it."""

    factory: Factory
    model: Model
    artifact: Artifact
    repository: Repository
    cosign: Cosign

    @property
    def reference(self) -> str:
        """How cosign finds it."""
        return self.repository.reference(self.artifact.digest)

    def find(self, predicate_type: str, signers: Iterable[str]) -> Iterator[tuple[Signer, attestation.Predicate]]:
        """What some signers have attested of it: an empty predicate where that is no object."""
        for name in dict.fromkeys(signers):
            if (signer := self.factory.signer.get(name)) is not None:
                for statement in self.cosign.statements(self.reference, predicate_type, signer):
                    predicate = statement.get("predicate")
                    yield signer, predicate if isinstance(predicate, dict) else {}


def check(subject: Subject, stage: Stage, promoted: bool = True) -> tuple[Check, ...]:
    """What must hold where a model is mounted in a stage, in the order in which it comes to be. With `promoted=False`, before promotion.

    Everywhere: the signature of a named signer over artifact and files. In Inference also: how it was made, that somebody else than its
    producer has validated it, and that a signer approves.
    """
    asked: list[tuple[str, Callable[[Subject], str]]] = [("signature", _signature), ("files", _files), ("bill", _bill)]
    if stage is Stage.INFERENCE:
        asked += [("provenance", _provenance), ("validation", _validation)]
        if promoted:
            asked.append(("promotion", _promotion))
    return tuple(_ask(name, question, subject) for name, question in asked)


def _ask(name: str, question: Callable[[Subject], str], subject: Subject) -> Check:
    try:
        return Check(name, True, question(subject))
    except FailedError as failed:
        return Check(name, False, str(failed))


class FailedError(ModelError):
    """A check that does not hold."""


def _signature(subject: Subject) -> str:
    for signer, _ in subject.find(SIGNATURE, _signers(subject.model)):
        return f"signed by {signer.name}"
    raise FailedError(f"not signed by any of its signers: {listed(subject.model.signers)}")


def _files(subject: Subject) -> str:
    signer, _ = find_file_signature(subject)
    return f"{len(subject.artifact.files)} files, signed by {signer.name}"


def find_file_signature(subject: Subject, keyless: bool = True) -> tuple[Signer, bytes]:
    """Who has signed exactly its files, and the signature; with `keyless=False`, only by a key. Raises FailedError: none of its signers."""
    found = False
    for referrer in subject.repository.referrers(subject.artifact.digest, oms.ARTIFACT):
        found, bundle = True, _content(subject.repository, referrer)
        for name in _signers(subject.model):
            signer = subject.factory.signer.get(name)
            if signer is not None and (keyless or not signer.keyless) and has_signed_files(subject, signer, bundle):
                return signer, bundle
    raise FailedError("no signature over exactly its files by any of its signers" if found else "their signature is not in the registry")


def has_signed_files(subject: Subject, signer: Signer, bundle: bytes) -> bool:
    """Whether a bundle is a signer's signature over exactly its files."""
    if signer.keyless is None:
        return oms.check_files(subject.artifact, bundle, signer.public_keys)
    statement = subject.cosign.read_statement(bundle, oms.STATEMENT, signer)
    return statement is not None and oms.lists_files(subject.artifact, statement)


def _bill(subject: Subject) -> str:
    for signer, bill in subject.find(attestation.BILL, _signers(subject.model)):
        if describes(bill, subject.artifact):
            return f"bill of materials by {signer.name}"
    raise FailedError("no bill of materials of exactly this version by any of its signers")


def _provenance(subject: Subject) -> str:
    signer, trainer, used = find_provenance(subject)
    return f"trained by {trainer} from {listed(used)}, says {signer.name}"


def find_provenance(subject: Subject) -> tuple[Signer, str, tuple[str, ...]]:
    """Who says how it was trained, the workload that did, and the datasets. Raises FailedError: nobody who may."""
    producers = {workload.reference for workload in attestation.find_producers(subject.factory, subject.model)}
    theirs = [signer.name for signer in subject.factory.signers if signer.workload in producers]
    strange = ""
    for signer, predicate in subject.find(attestation.PROVENANCE, (*theirs, *subject.model.signers)):
        trainer = attestation.find_trainer(subject.factory, subject.model, predicate)
        if trainer is None:
            strange = "provenance names no workload that may produce it in its segment from what it reads"
        elif signer.workload in producers and signer.workload != trainer.reference:
            strange = f"{signer.name} says that {trainer.reference} trained it, and is {signer.workload}"
        else:
            used = predicate["buildDefinition"].get("resolvedDependencies") or ()
            return signer, trainer.reference, tuple(str(one["name"]) for one in used)
    raise FailedError(strange or f"no provenance by its producer ({listed(producers)}) or any of its signers")


def _validation(subject: Subject) -> str:
    model, producers = subject.model, {one.reference for one in attestation.find_producers(subject.factory, subject.model)}
    if not model.validators:
        raise FailedError("names no validators: add them to the model in the spec")
    makers = [signer for signer in subject.factory.signers if signer.workload in producers]
    own = {proof for signer in makers for proof in _proofs(signer)}
    passed, why = "", ""
    for signer, predicate in subject.find(attestation.TEST_RESULT, model.validators):
        result = predicate.get("result")
        if signer.workload in producers or own & _proofs(signer):
            why = f"{signer.name} is {signer.workload or 'who'}, which produces it: nobody validates their own work"
        elif result == attestation.PASSED:
            passed = passed or f"passed, says {signer.name}" + (f" ({signer.workload})" if signer.workload else "")
        else:  # which of two was said last, nobody can prove: the bad one counts
            raise FailedError(f"{str(result)[:40]}, says {signer.name}")
    if passed:
        return passed
    raise FailedError(why or f"not validated by any of its validators: {listed(model.validators)}")


def _promotion(subject: Subject) -> str:
    for signer, predicate in subject.find(attestation.SUMMARY, _signers(subject.model)):
        levels = predicate.get("verifiedLevels")
        passed = predicate.get("verificationResult") == attestation.PASSED and isinstance(levels, list) and attestation.SERVING in levels
        if passed and predicate.get("resourceUri") == subject.artifact.reference:
            return f"approved by {_who(predicate.get('verifier'))}, signed by {signer.name}"
    raise FailedError(f"not promoted by any of its signers: {listed(subject.model.signers)}")


def _who(verifier: object) -> str:
    return str(verifier.get("id"))[:100] if isinstance(verifier, dict) else "nobody"


def _signers(model: Model) -> tuple[str, ...]:
    if not model.signers:
        raise FailedError("names no signers: add them to the model in the spec")
    return model.signers


def _content(repository: Repository, digest: str) -> bytes:
    """What an artifact of one layer holds; nothing where it is not one."""
    found = repository.manifest(digest)
    layers = found[0].get("layers") if found else None
    return repository.fetch(layers[0]["digest"]) if isinstance(layers, list) and layers else b""


def find_signer(factory: Factory, names: Iterable[str], signing: Signing, what: str) -> Signer:
    """Whose key or identity this is among some signers. Raises ModelError: nobody's."""
    allowed = list(dict.fromkeys(names))
    if signing.signer:
        if signing.signer not in allowed:
            raise ModelError(f"{signing.signer} is not one of those who may {what}: {listed(allowed)}.")
        return factory.signer[signing.signer]
    for name in allowed:
        signer = factory.signer.get(name)
        if signer is not None and _bare(signing.public_key) in map(_bare, signer.public_keys):
            return signer
    raise ModelError(
        f"this key is not one of those who may {what}: {listed(allowed)}. "
        "Use the key of one of them, or add its public half to that signer's publicKeys in the spec."
    )


def _proofs(signer: Signer) -> set[str]:
    """What a signature of a signer is known by, under whatever name it stands in the spec."""
    identity = {f"{signer.keyless.issuer} {signer.keyless.subject}"} if signer.keyless else set()
    return {*map(_bare, signer.public_keys), *identity}


def _bare(pem: str) -> str:
    """A PEM key without its frame: the same however its lines are broken."""
    return "".join(line.strip() for line in pem.splitlines() if not line.startswith("-----"))
