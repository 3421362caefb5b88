"""OpenSSF model signing: a signature over every file of a model, which whoever loads it can check without a registry.

The files of a ModelPack artifact are its layers, and a layer's digest is the SHA-256 of its file: so the manifest that is signed is made
from digests, and nobody has to move the weights to sign them, or to check the signature against the artifact.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from google.protobuf import json_format
from model_signing import hashing, manifest
from model_signing._hashing.hashing import Digest
from model_signing._signing import sign_ec_key, sign_sigstore_pb
from model_signing._signing.signing import Payload, dsse_payload_to_manifest

from .artifact import Artifact
from .errors import ModelError

ARTIFACT = "application/vnd.ai-factory.model-signature.v1+json"
"""Artifact type of a file signature: it refers to the model's digest, and its one layer is the bundle that model-signing reads."""
STATEMENT = "https://model_signing/signature/v1.0"
"""Predicate type of what is signed (OpenSSF model signing 1.0)."""
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


class KeptKey(ec.EllipticCurvePrivateKey):
    """A private key that somebody else keeps: they sign with it, and there is nothing else that it can do."""

    def __init__(self, public: ec.EllipticCurvePublicKey, sign: Callable[[bytes], bytes]) -> None:
        self._public, self._sign = public, sign

    def public_key(self) -> ec.EllipticCurvePublicKey:
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public.curve

    @property
    def key_size(self) -> int:
        return self._public.key_size

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        if not isinstance(signature_algorithm.algorithm, hashes.SHA256):
            raise NotImplementedError
        return self._sign(bytes(data))

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> NoReturn:
        raise NotImplementedError

    def private_numbers(self) -> NoReturn:
        raise NotImplementedError

    def private_bytes(self, *_: Any, **__: Any) -> NoReturn:
        raise NotImplementedError

    def __copy__(self) -> KeptKey:
        return self

    def __deepcopy__(self, _: Any) -> KeptKey:
        return self


def sign_files(artifact: Artifact, public_key: str, sign: Callable[[bytes], bytes]) -> bytes:
    """A signature over the files of an artifact, as the bundle that model-signing reads. Raises ModelError: not a key on P-256.

    `public_key` is PEM; `sign` makes an ECDSA signature with SHA-256 (ASN.1) by its private half, wherever that is kept.
    """
    public = serialization.load_pem_public_key(public_key.encode())
    if not isinstance(public, ec.EllipticCurvePublicKey) or public.curve.name != "secp256r1":
        raise ModelError(
            "the key is not on the curve P-256 (prime256v1), which cosign, Kyverno and model-signing all know. Make one that is."
        )
    signer = object.__new__(sign_ec_key.Signer)  # its constructor reads a key from a file, and no other way
    signer._private_key = KeptKey(public, sign)
    bundle = signer.sign(Payload(_manifest(artifact)))
    with tempfile.TemporaryDirectory(prefix="factory-") as folder:
        path = Path(folder) / "model.sig"
        bundle.write(path)
        return path.read_bytes()


def plan_statement(artifact: Artifact) -> bytes:
    """What is signed of the files of an artifact: an in-toto statement."""
    return str(json_format.MessageToJson(Payload(_manifest(artifact)).statement.pb)).encode()


def lists_files(artifact: Artifact, statement: dict[str, Any]) -> bool:
    """Whether a statement that somebody has signed is about exactly the files of an artifact."""
    try:
        return bool(dsse_payload_to_manifest(statement) == _manifest(artifact))
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        return False


def check_files(artifact: Artifact, bundle: bytes, public_keys: Iterable[str]) -> bool:
    """Whether a bundle is a signature by one of some keys (PEM) over exactly the files of an artifact."""
    expected = _manifest(artifact)
    with tempfile.TemporaryDirectory(prefix="factory-") as folder:
        signature = Path(folder) / "model.sig"
        signature.write_bytes(bundle)
        for number, public_key in enumerate(public_keys):
            key = Path(folder) / f"{number}.pub"
            key.write_text(public_key)
            try:
                signed = _signed(signature, key)
            except Exception:  # noqa: S112 - whatever is wrong with a bundle, it is not a signature
                continue
            if signed == expected:
                return True
    return False


def check_folder(folder: Path, signature: Path, public_keys: Iterable[Path]) -> Path:
    """The first of some keys that has signed exactly the files of a folder. Raises ModelError, with what is wrong, if none has.

    Every file counts, hidden ones too; a file that is not signed is as wrong as one that was changed.
    """
    if not signature.is_file():
        raise ModelError(f"{signature} is not there. Mount it, or name where it is.")
    why = "no key was given"
    for key in public_keys:
        try:
            signed = _signed(signature, key)
        except Exception:
            why = f"{signature} is not a signature by {key}"
            continue
        if not (why := _compare(folder, signed)):
            return key
    raise _changed(folder, why)


def check_listed(folder: Path, statement: dict[str, Any]) -> None:
    """Raises ModelError, with what is wrong, if a statement that somebody has signed is not about exactly the files of a folder."""
    try:
        signed = dsse_payload_to_manifest(statement)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise _changed(folder, "what was signed lists no files") from None
    if why := _compare(folder, signed):
        raise _changed(folder, why)


def _compare(folder: Path, signed: manifest.Manifest) -> str:
    """How the files of a folder differ from what was signed; nothing where they do not."""
    strict = hashing.Config().use_file_serialization(hashing_algorithm="sha256").set_ignored_paths(paths=[], ignore_git_paths=False)
    try:
        found = strict.hash(folder)
    except (ValueError, OSError) as error:
        raise ModelError(f"{folder} cannot be read: {' '.join(str(error).split())}.") from None
    return "" if found == signed else "; ".join(_differences(_digests(found), _digests(signed))) or "they are listed in another way"


def _changed(folder: Path, why: str) -> ModelError:
    return ModelError(f"the files in {folder} are not what was signed: {why[:1000]}.")


def _signed(signature: Path, key: Path) -> manifest.Manifest:
    """What a key has signed. Raises whatever is wrong with the bundle; what the library prints goes where answers do not."""
    with redirect_stdout(sys.stderr):
        return sign_ec_key.Verifier(key).verify(sign_sigstore_pb.Signature.read(signature))


def _digests(found: manifest.Manifest) -> dict[str, str]:
    return {str(one.identifier): one.digest.digest_hex for one in found.resource_descriptors()}


def _differences(found: dict[str, str], signed: dict[str, str]) -> Iterator[str]:
    for name in sorted({*found, *signed}):
        if name not in signed:
            yield f"{name} is not signed"
        elif name not in found:
            yield f"{name} is missing"
        elif found[name] != signed[name]:
            yield f"{name} was changed"


def _manifest(artifact: Artifact) -> manifest.Manifest:
    serialization_type = manifest.SerializationType.from_args({"method": "files", "hash_type": "sha256", "allow_symlinks": False})
    items = [
        manifest.FileManifestItem(
            path=PurePosixPath(file.name), digest=Digest("sha256", bytes.fromhex(file.digest.removeprefix("sha256:")))
        )
        for file in artifact.files
    ]
    return manifest.Manifest(artifact.name, items, serialization_type)
