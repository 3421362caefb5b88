"""What each workload may do with which key: what the spec grants it, and nothing else.

Whoever writes a dataset or produces a model encrypts with its key; whoever reads the one or serves the other decrypts; the workload of a
signer signs. So whoever holds sealed data without the grant holds noise.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from factory.plan import names
from factory.spec import Factory


class Operation(StrEnum):
    """What is done with a key that never leaves the vault."""

    ENCRYPT = "encrypt"
    """Seals, also by a data key for what is too big to send."""
    DECRYPT = "decrypt"
    SIGN = "sign"


class Use(NamedTuple):
    """One workload may do one thing with one key."""

    workload: str
    """`training/trainer`."""
    operation: Operation
    """What it may do."""
    key: str
    """`model-fraud`."""


_GRANTS = (
    ("writes", Operation.ENCRYPT, names.DATASET_KEY),
    ("produces", Operation.ENCRYPT, names.MODEL_KEY),
    ("reads", Operation.DECRYPT, names.DATASET_KEY),
    ("serves", Operation.DECRYPT, names.MODEL_KEY),
)


def find_keys(factory: Factory) -> dict[str, str]:
    """Spec path by key, sorted by key: one for each model and dataset, and one for each signer whose key a workload holds."""
    found = {f"{names.MODEL_KEY}{model.name}": f"models[{model.name}]" for model in factory.models}
    found |= {f"{names.DATASET_KEY}{dataset.name}": f"datasets[{dataset.name}]" for dataset in factory.datasets}
    found |= {f"{names.SIGNER_KEY}{signer.name}": f"signers[{signer.name}]" for signer in factory.signers if signer.workload}
    return dict(sorted(found.items()))


def find_uses(factory: Factory) -> Iterator[Use]:
    """Every use that the spec grants, in the order of workloads, operations and keys."""
    found = {
        Use(workload.reference, operation, f"{prefix}{name}")
        for workload in factory.workloads
        for field, operation, prefix in _GRANTS
        for name in getattr(workload, field)
    }
    found |= {
        Use(signer.workload, Operation.SIGN, f"{names.SIGNER_KEY}{signer.name}")
        for signer in factory.signers
        if signer.workload is not None
    }
    yield from sorted(found)
