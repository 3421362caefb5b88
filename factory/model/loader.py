"""`factory model load`: what stands between mounted files and a server. Checks who signed them, unseals what is sealed, and says so.

It runs as an init container, so the server cannot start before it has said yes. It needs no registry, no stack file and no right but the
server's own.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from .cosign import Cosign, Identity
from .errors import ModelError
from .oms import STATEMENT, check_folder, check_listed
from .registry import Door
from .seal import read_seal, unseal
from .vault import sign_in

LONGEST = 4096
"""Bytes of a termination message (Kubernetes)."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """Who keeps the keys, and as whom the loader asks."""

    address: str
    ca: Path | None
    token: Path
    role: str
    auth: str
    mount: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the loader has found."""

    model: str
    verdict: str
    """`Loaded` or `Refused`."""
    because: str
    signer: str = ""
    files: int = 0

    def line(self) -> str:
        """One line of JSON, for the log and for the pod's status."""
        return json.dumps(asdict(self))


def load(
    model: str, folder: Path, signature: Path, trusted: Sequence[Path] | Identity, into: Path | None, keeper: Keeper | None
) -> Verdict:
    """The verdict on a mounted model, by keys or an identity. Fails closed: whatever goes wrong is a refusal; `into` stays empty."""
    try:
        signer = (
            _check_identity(folder, signature, trusted) if isinstance(trusted, Identity) else check_folder(folder, signature, trusted).name
        )
        if read_seal(folder) is None:
            if into is not None:
                raise ModelError(f"{folder} is not sealed, and --into asks for what was sealed. Push it with --seal, or mount it as it is.")
            count = sum(1 for path in folder.rglob("*") if path.is_file())
            return Verdict(model, "Loaded", "signed", signer, count)
        if into is None or keeper is None:
            raise ModelError(f"{folder} is sealed: say where to unseal it (--into) and who keeps its key (--vault, --as).")
        vault = sign_in(keeper.address, keeper.mount, keeper.auth, keeper.role, keeper.token, keeper.ca)
        return Verdict(model, "Loaded", "signed and unsealed", signer, unseal(folder, into, model, vault))
    except ModelError as error:
        return Verdict(model, "Refused", str(error))
    except Exception as error:
        return Verdict(model, "Refused", f"{type(error).__name__}: {error}")


def _check_identity(folder: Path, signature: Path, identity: Identity) -> str:
    statement = Cosign(Door()).read_statement_of(identity, signature, STATEMENT)
    if statement is None:
        raise ModelError(f"{signature} is not a signature by {identity.subject}.")
    check_listed(folder, statement)
    return identity.subject


def tell(verdict: Verdict, message: Path) -> None:
    """Prints the verdict, and leaves it in the pod's status."""
    print(verdict.line(), flush=True)
    try:
        message.write_text(verdict.line()[:LONGEST])
    except OSError as error:
        print(f"factory: {message} cannot be written: {error.strerror}", file=sys.stderr)
