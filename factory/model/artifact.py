"""A folder of files as an OCI artifact after the CNCF ModelPack specification, one layer a file, unpacked and uncompressed.

Media types and fields: https://github.com/modelpack/model-spec, `specs-go/v1`. The same folder, version and licence always make the same
digest: nothing of the clock or of the machine is in it.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import ModelError
from .progress import Begin
from .registry import BLOCK, MANIFEST, Blob, Repository, blob

ARTIFACT = "application/vnd.cncf.model.manifest.v1+json"
CONFIG = "application/vnd.cncf.model.config.v1+json"
WEIGHT = "application/vnd.cncf.model.weight.v1.raw"
SETTING = "application/vnd.cncf.model.weight.config.v1.raw"
DOCUMENT = "application/vnd.cncf.model.doc.v1.raw"
CODE = "application/vnd.cncf.model.code.v1.raw"
FILE = "org.cncf.model.filepath"
TITLE = "org.opencontainers.image.title"

GIT = (".git", ".gitattributes", ".github", ".gitignore")
"""What OpenSSF model signing leaves out at the top of a folder, and so is never pushed."""
MOST = 2000
"""Files of one model: their manifest stays below what every registry takes (4 MiB), their signature below a ConfigMap's 1 MiB."""

_SETTINGS = (".json", ".yaml", ".yml", ".toml", ".txt", ".model", ".jinja", ".tiktoken", ".vocab", ".cfg", ".ini")
_DOCUMENTS = (".md", ".rst", ".pdf", ".html")
_CODE = (".py", ".sh", ".ipynb", ".js")


@dataclass(frozen=True, slots=True)
class File:
    """One file of a model, as a layer names it."""

    name: str
    """Path in the folder, with slashes: `tokenizer/vocab.json`."""
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Artifact:
    """One version of a model, as it is in the registry."""

    repository: str
    digest: str
    name: str
    version: str
    licences: tuple[str, ...]
    datasets: tuple[str, ...]
    """URIs of what it was trained on."""
    files: tuple[File, ...]

    @property
    def reference(self) -> str:
        """`registry.helix.example/models/fraud@sha256:…`"""
        return f"{self.repository}@{self.digest}"


def push(
    repository: Repository, folder: Path, name: str, version: str, licences: Sequence[str], datasets: Sequence[str], begin: Begin
) -> Artifact:
    """Brings a folder there as one version of a model, and names it by that version last: what is cut off has no name, and no manifest.

    Raises ModelError: the folder is none, is empty or holds links; the version exists with other content; the registry refuses.
    """
    paths = list(find_files(folder))
    existing = repository.manifest(version)
    contents = [(path.relative_to(folder).as_posix(), _blob(path, begin)) for path in paths]
    config = blob(_json(_config(name, version, licences, datasets, [content for _, content in contents])))
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "artifactType": ARTIFACT,
        "config": {"mediaType": CONFIG, "digest": config.digest, "size": config.size},
        "layers": [_layer(file, content) for file, content in contents],
    }
    named = blob(_json(manifest)).digest
    if existing is not None and existing[1] != named:
        raise ModelError(
            f"{repository.name}:{version} is {existing[1]} already, and this folder would be {named}: versions are never moved. "
            "Push under another --version."
        )
    for file, content in [*contents, (f"{name} {version}", config)]:
        repository.push(content, begin(f"push {file}", content.size))
    if existing is None:
        repository.publish(manifest, version)
    return _artifact(repository.name, named, manifest, json.loads(config.data))


def read_artifact(repository: Repository, digest: str) -> Artifact:
    """What is there under a digest. Raises ModelError: nothing, or something that is not a model."""
    found = repository.manifest(digest)
    if found is None:
        raise ModelError(f"{repository.name}@{digest} is not in the registry. factory model list shows what is.")
    manifest, _ = found
    try:
        if manifest["config"]["mediaType"] != CONFIG:
            raise ValueError(f"its config is {manifest['config']['mediaType']}")
        return _artifact(repository.name, digest, manifest, json.loads(repository.fetch(manifest["config"]["digest"])))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise ModelError(f"{repository.name}@{digest} is not a model after the ModelPack specification: {why}.") from None


def find_files(folder: Path) -> Iterator[Path]:
    """Every file below a folder, in the order of names. Raises ModelError: no folder, nothing in it, a link, a device, too many."""
    if not folder.is_dir():
        raise ModelError(f"{folder} is not a folder. Name the folder that holds the model's files.")
    found = sorted(_walk(folder, folder), key=lambda path: path.relative_to(folder).as_posix())
    if not found:
        raise ModelError(f"{folder} holds no file. Name the folder that holds the model's files.")
    if len(found) > MOST:
        raise ModelError(f"{folder} holds {len(found)} files; a model has at most {MOST}. Pack small files together.")
    yield from found


def _walk(folder: Path, top: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if folder == top and path.name in GIT:
            continue
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            yield from _walk(path, top)
        elif not stat.S_ISREG(mode):
            kind = "a link" if stat.S_ISLNK(mode) else "not a file"
            raise ModelError(f"{path} is {kind}: a model is made of plain files, so that what is signed is what is read. Copy it in.")
        elif not _fit(path.relative_to(top).as_posix()):
            raise ModelError(
                f"{str(path)!r:.200} has a name that cannot be mounted everywhere: use printable ASCII, without backslash or colon."
            )
        else:
            yield path


def _fit(name: str) -> bool:
    return name.isascii() and name.isprintable() and not set(name) & set('\\:"*?<>|')


def _blob(path: Path, begin: Begin) -> Blob:
    hashed, size = hashlib.sha256(), path.stat().st_size
    advance = begin(f"read {path.name}", size)
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            hashed.update(block)
            advance(len(block))
    return Blob(f"sha256:{hashed.hexdigest()}", size, path)


def _layer(name: str, content: Blob) -> dict[str, Any]:
    return {
        "mediaType": media_type(name),
        "digest": content.digest,
        "size": content.size,
        "annotations": {FILE: name, TITLE: name},  # CRI-O mounts by either
    }


def media_type(name: str) -> str:
    """What a file is, by its name; weights where that does not say."""
    path = PurePosixPath(name)
    if path.suffix in _DOCUMENTS or path.stem.upper() in ("README", "LICENSE", "LICENCE", "NOTICE"):
        return DOCUMENT
    if path.suffix in _CODE:
        return CODE
    return SETTING if path.suffix in _SETTINGS else WEIGHT


def _config(name: str, version: str, licences: Sequence[str], datasets: Sequence[str], contents: Sequence[Blob]) -> dict[str, Any]:
    return {
        "descriptor": {"name": name, "version": version, "licenses": list(licences), "datasetsURL": list(datasets)},
        "config": {},
        "modelfs": {"type": "layers", "diffIds": [content.digest for content in contents]},
    }


def _json(data: dict[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":"), sort_keys=True).encode()


def _artifact(repository: str, digest: str, manifest: dict[str, Any], config: dict[str, Any]) -> Artifact:
    descriptor = config["descriptor"]
    files = tuple(File(_safe(layer["annotations"][FILE]), str(layer["digest"]), int(layer["size"])) for layer in manifest["layers"])
    if not files or len({file.name for file in files}) != len(files):
        raise ValueError("it has no files, or two of one name")
    licences, datasets = (tuple(map(str, descriptor.get(key) or ())) for key in ("licenses", "datasetsURL"))
    return Artifact(repository, digest, str(descriptor["name"]), str(descriptor["version"]), licences, datasets, files)


def _safe(name: str) -> str:
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or str(path) != name or not _fit(name):
        raise ValueError(f"it holds a file called {name!r:.80}")
    return name
