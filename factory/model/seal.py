"""Weights that only their grantees can read: each an age file (https://age-encryption.org/v1), its key wrapped by the transit key.

age encrypts in chunks of 64 KiB, each authenticated with its place and the last one marked, so a chunk that was changed, moved or cut off
is found out. The key is made anew for each push, exists in memory only, and is kept beside the files as OpenBao's ciphertext.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from factory.plan import names

from .artifact import find_files
from .errors import ModelError
from .progress import Begin
from .vault import Vault

SEAL = "seal.json"
"""The file of a sealed model that holds the wrapped key."""
SUFFIX = ".age"
FORMAT = "age-encryption.org/v1"


def seal(folder: Path, sealed: Path, model: str, vault: Vault, begin: Begin) -> None:
    """Encrypts every file of a folder into another. What an earlier attempt has finished is taken as it is. Raises ModelError."""
    import pyrage

    marks = {path.relative_to(folder).as_posix(): [path.stat().st_size, path.stat().st_mtime_ns] for path in find_files(folder)}
    if SEAL in marks or all(name.endswith(SUFFIX) for name in marks):
        raise ModelError(f"{folder} is sealed already. Push it without --seal.")
    done = sealed.with_suffix(".json")
    if done.is_file() and json.loads(done.read_text()) == marks:
        return
    shutil.rmtree(sealed, ignore_errors=True)
    identity = pyrage.x25519.Identity.generate()
    wrapped = vault.encrypt(names.MODEL_KEY + model, str(identity).encode())
    for name, (size, _) in marks.items():
        target = sealed / f"{name}{SUFFIX}"
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        advance = begin(f"seal {name}", size)
        with (folder / name).open("rb") as plain, target.open("wb") as cipher:
            pyrage.encrypt_io(_Counted(plain, advance), cipher, [identity.to_public()])
    (sealed / SEAL).write_text(json.dumps({"format": FORMAT, "key": names.MODEL_KEY + model, "wrapped": wrapped}))
    done.write_text(json.dumps(marks))


def unseal(folder: Path, target: Path, model: str, vault: Vault) -> int:
    """Decrypts a sealed folder into another and returns how many files. Raises ModelError: nothing readable is left then.

    The files are written beside their place and appear in it together, after the last one was found whole.
    """
    import pyrage

    found = read_seal(folder)
    if found is None:
        raise ModelError(f"{folder} holds no {SEAL}: it is not sealed.")
    with staged(target) as stage:
        try:
            identity = pyrage.x25519.Identity.from_str(vault.decrypt(names.MODEL_KEY + model, found).decode())
        except (pyrage.IdentityError, UnicodeDecodeError):
            raise ModelError(f"{SEAL} of {folder} does not hold a key of this format ({FORMAT}).") from None
        count = 0
        for path in find_files(folder):
            name = path.relative_to(folder).as_posix()
            if name == SEAL:
                continue
            if not name.endswith(SUFFIX):
                raise ModelError(f"{path} is not sealed, and the model is.")
            plain = stage / name.removesuffix(SUFFIX)
            plain.parent.mkdir(parents=True, exist_ok=True)
            try:
                with path.open("rb") as cipher, plain.open("wb") as written:
                    pyrage.decrypt_io(cipher, written, [identity])
            except (pyrage.DecryptError, OSError) as error:
                raise ModelError(f"{path} cannot be unsealed: it was changed or cut off, or is sealed by another key ({error}).") from None
            count += 1
    return count


class _Counted:
    """A file that is read, and how far."""

    def __init__(self, file: BinaryIO, advance: Callable[[int], None]) -> None:
        self._file, self._advance = file, advance

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._advance(len(data))
        return data


def read_seal(folder: Path) -> str | None:
    """The wrapped key of a sealed folder, or None where it is not sealed. Raises ModelError: it is of another format."""
    path = folder / SEAL
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text())
        if found["format"] != FORMAT:
            raise ValueError
        return str(found["wrapped"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(f"{path} is not a seal of the format {FORMAT}.") from None


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """A folder of one's own on the same file system, which becomes the content of the target at the end, or is gone."""
    if target.exists() and any(target.iterdir()):
        raise ModelError(f"{target} is not empty: weights are put into an empty folder. Give it an emptyDir of its own.")
    target.mkdir(parents=True, exist_ok=True)
    stage = target / ".unsealing"
    stage.mkdir(mode=0o700)
    try:
        yield stage
        for entry in stage.iterdir():
            os.replace(entry, target / entry.name)
    finally:
        shutil.rmtree(stage, ignore_errors=True)
