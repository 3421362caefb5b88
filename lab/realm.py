"""The realm files that a product renders, put where this lab's Keycloak imports them."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from lab.errors import LabError
from lab.state import State

REALM = "-realm.json"


def install(directory: Path, state: State) -> None:
    """Copy *directory* into the lab's state: the files `NAME-realm.json`, and beside them one file for each `${NAME}` that they hold.

    The copy's name is the digest of its content, and it is where Keycloak keeps its data: another realm begins anew.

    Raises LabError: no such folder, or no realm in it.
    """
    files = {path.name: path.read_bytes() for path in sorted(directory.glob("*")) if path.is_file()}
    if not any(name.endswith(REALM) for name in files):
        raise LabError(f"{directory} holds no *{REALM}: give the folder with the files of a Keycloak realm")
    target = folder(state) / hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()[:12]
    for each in folder(state).glob("*"):
        if each != target:
            shutil.rmtree(each)
    for place in (target / "data" / "import", target / "values"):
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, data in files.items():
        place = target / "data" / "import" if name.endswith(".json") else target / "values"
        (place / name).write_bytes(data)
        (place / name).chmod(0o600)


def home(state: State) -> Path:
    """Where Keycloak keeps its data. Raises LabError: no realm was ever given."""
    found = next(iter(folder(state).glob("*")), None)
    if found is None:
        raise LabError("Keycloak has no realm to serve: give the folder with one with --realm DIR")
    return found


def first_realm(state: State) -> str:
    """The realm whose answer says that Keycloak is ready: it imports them in the order of names, and answers for none before all are in."""
    return min(path.name for path in (home(state) / "data" / "import").glob(f"*{REALM}")).removesuffix(REALM)


def folder(state: State) -> Path:
    return state.folder / "keycloak"
