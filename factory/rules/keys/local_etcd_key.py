"""Keys of etcd that lie beside it."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import REFUSED_IN_PRODUCTION, Problem, rule
from factory.spec import EtcdEncryption, Factory


@rule(
    "ZT728",
    "Secrets in etcd are encrypted by a key that is kept elsewhere",
    why="A key on the control plane's disk is in the same backup as the data that it encrypts, and opens them for whoever has that.",
    fix="Run a KMS v2 plugin on the control plane and choose `Kms`.",
    references=(controls.CIS_SECRETS,),
    severity=REFUSED_IN_PRODUCTION,
)
def find_local_etcd_keys(factory: Factory) -> Iterator[Problem]:
    if factory.keys and factory.keys.etcd is EtcdEncryption.SECRETBOX:
        yield Problem("keys.etcd", "is a key on the control plane's disk", factory.keys.etcd.value, EtcdEncryption.KMS.value)
