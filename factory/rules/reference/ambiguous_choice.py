"""Fields of which exactly one must be set."""

from __future__ import annotations

from collections.abc import Iterator

from factory.plan import controls
from factory.rules.rule import Problem, rule
from factory.spec import DistributionRegistry, Factory, StaticPool


@rule(
    "ZT019",
    "Exactly one of two fields is set where they exclude each other",
    why="With both, one is silently ignored; with none, a selector selects everything.",
    fix="Set one and remove the other.",
    references=(controls.TENET_1,),
    waivable=False,
)
def find_ambiguous_choices(factory: Factory) -> Iterator[Problem]:
    for workload in factory.workloads:
        for egress in workload.egress:
            path = f"workloads[{workload.reference}].egress[{egress.reference}]"
            yield from _exactly_one(path, cidr=egress.cidr, host=egress.host)
    for peer in factory.peers:
        yield from _exactly_one(f"peers[{peer.name}]", namespace=peer.namespace, cidr=peer.cidr)
    for access in factory.access:
        yield from _exactly_one(f"access[{access.reference}]", group=access.group, serviceAccount=access.service_account)
    for signer in factory.signers:
        yield from _exactly_one(f"signers[{signer.name}]", publicKeys=signer.public_keys, keyless=signer.keyless)
    for pool in factory.pools:
        if isinstance(pool, StaticPool):
            yield from _exactly_one(f"pools[{pool.name}].nodes", names=pool.nodes.names, selector=pool.nodes.selector)
    if isinstance(factory.registry, DistributionRegistry):
        yield from _exactly_one("registry", storage=factory.registry.storage, s3=factory.registry.s3)


def _exactly_one(path: str, **fields: object) -> Iterator[Problem]:
    first, second = fields
    count = sum(bool(value) for value in fields.values())
    if count == 0:
        yield Problem(path, f"has neither {first} nor {second}", allowed=f"{first}, {second}", fix="Set one of them.")
    if count == 2:
        yield Problem(path, f"has both {first} and {second}", allowed=f"{first}, {second}")
