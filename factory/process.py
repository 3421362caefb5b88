"""How a process of ours begins and ends: a third less time for a `validate`."""

from __future__ import annotations

import gc
import os
import sys
from types import ModuleType
from typing import NoReturn


def begin() -> None:
    """To be called before pydantic is imported.

    What is imported and planned is no garbage, and is not looked through for any again and again. No plugin of somebody else's is searched
    for, which could also change how a spec is read.
    """
    gc.set_threshold(1_000_000)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Told so, pydantic still imports what it would search with, `importlib.metadata` and half of `email`: a fifteenth of a `validate`.
    loader = ModuleType("pydantic.plugin._loader")
    loader.__dict__["get_plugins"] = tuple
    sys.modules.setdefault(loader.__name__, loader)


def end(code: int) -> NoReturn:
    """Ends at once, when all is written: what the system takes back with the process is not taken apart before."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
