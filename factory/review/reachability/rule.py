"""What every kind of policy comes down to: who is isolated, and rules that accept, deny or pass traffic of subjects with peers on ports.

What cannot be judged exactly becomes a rule that is not `certain`, over all that it could mean, with its doubt in words. It never makes
traffic safe or allowed, it makes it unknown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from .endpoint import Object
from .interval import NOTHING, Intervals
from .population import Choice, Peers, Population
from .port import ALL_PORTS, port
from .selector import NotUnderstoodError


class Direction(StrEnum):
    Ingress = "Ingress"
    Egress = "Egress"


class Action(StrEnum):
    Accept = "Accept"
    Deny = "Deny"
    Pass = "Pass"  # noqa: S105 - on to the next tier
    Isolate = "Isolate"


class Reference(NamedTuple):
    """A Kubernetes object; `namespace` is empty for what is cluster-wide."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    @classmethod
    def to(cls, of: Object) -> Reference:
        metadata, kind = of.get("metadata") or {}, str(of.get("kind"))
        fallback = "default" if kind in ("NetworkPolicy", "CiliumNetworkPolicy") else ""
        return cls(kind, str(metadata.get("namespace") or fallback), str(metadata.get("name")))


_VERBS = {Action.Accept: "allows", Action.Deny: "denies", Action.Pass: "passes on", Action.Isolate: "isolates for"}


@dataclass(frozen=True, slots=True)
class Reason:
    """One object's part in a verdict: `object` is the policy, `field` the path in it, `doubt` why it is not certain."""

    object: Reference
    field: str
    action: Action
    direction: Direction
    doubt: str = ""

    def __str__(self) -> str:
        effect = f"{self.object} {self.field} {_VERBS[self.action]} {self.direction.lower()}"
        return f"{effect}, or not: {self.doubt}" if self.doubt else effect


@dataclass(slots=True)
class Rule:
    """Traffic between `subjects`, to whom the policy applies (bits of the population), and `peers`; `ports` are the destination's."""

    action: Action
    subjects: int
    peers: Peers
    ports: Intervals
    reason: Reason

    @property
    def certain(self) -> bool:
        return not self.reason.doubt


@dataclass(slots=True)
class Tiers:
    """All rules for one direction. Admin and baseline rules are in order, the first that matches decides; the others are sets."""

    admin: list[Rule] = field(default_factory=list)
    isolating: list[Rule] = field(default_factory=list)
    denying: list[Rule] = field(default_factory=list)
    accepting: list[Rule] = field(default_factory=list)
    baseline: list[Rule] = field(default_factory=list)


class Ports(NamedTuple):
    """Ports as a policy names them: numbers, and `(name, protocol)` pairs that only a destination can resolve."""

    numbers: Intervals = ALL_PORTS
    names: tuple[tuple[str, str], ...] = ()

    def __or__(self, other: Ports) -> Ports:
        return Ports(self.numbers | other.numbers, self.names + other.names)


NO_PORTS = Ports(NOTHING)
EVERY_PORT = Ports()


def make_rules(population: Population, subjects: Choice, peers: Choice, wanted: Ports, reason: Reason) -> Iterator[Rule]:
    """The certain rule and the possible one, each once for every number that a port name stands for.

    `reason.doubt` says why the rule as a whole is not certain; a choice that is wider than sure adds its own doubt.
    """
    if not reason.doubt:
        yield from _spread(population, subjects.sure.inside, peers.sure, wanted, reason)
        if subjects.sure == subjects.maybe and peers.sure == peers.maybe:
            return
        reason = Reason(reason.object, reason.field, reason.action, reason.direction, _widening(population, peers))
    yield from _spread(population, subjects.maybe.inside, peers.maybe, wanted, reason)


def _widening(population: Population, peers: Choice) -> str:
    if peers.maybe.outside:
        return "pods may have addresses in its block"
    return f"no object declares the namespace {', '.join(population.undeclared[:3])}, so its labels are not known"


def _spread(population: Population, subjects: int, peers: Peers, wanted: Ports, reason: Reason) -> Iterator[Rule]:
    if not subjects or not peers:
        return
    if wanted.numbers:
        yield Rule(reason.action, subjects, peers, wanted.numbers, reason)
    for name, protocol in wanted.names:
        for number, having in population.ports_named(name, protocol).items():
            one = Intervals([(port(number, protocol),) * 2])
            if reason.direction is Direction.Ingress:
                if subjects & having:
                    yield Rule(reason.action, subjects & having, peers, one, reason)
            elif peers.inside & having:
                yield Rule(reason.action, subjects, Peers(peers.inside & having), one, reason)


def expect(given: Any, known: Collection[str], place: str) -> Mapping[str, Any]:
    """`given` as a mapping with no other keys than `known`; nothing given is an empty one. Raises NotUnderstoodError."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise NotUnderstoodError(place, f"expected {', '.join(known)}; got {given!r}")
    for key in given:
        if key not in known:
            raise NotUnderstoodError(f"{place}.{key}", f"not one of {', '.join(known)}")
    return given


def expect_list(given: Any, place: str) -> list[Any]:
    """`given` as a list; nothing given is an empty one. Raises NotUnderstoodError."""
    if given is None:
        return []
    if not isinstance(given, list):
        raise NotUnderstoodError(place, f"expected a list, got {given!r}")
    return given


NONSENSE = (AttributeError, KeyError, TypeError, ValueError)  # what reading an object raises that no API server would have taken


def doubt_everything(policy: Object, doubt: str, population: Population, tiers: Mapping[Direction, Tiers]) -> None:
    """Adds that `policy` might allow or deny anything to anybody."""
    everyone = Choice.exactly(population.everyone)
    for direction, rules in tiers.items():
        reason = Reason(Reference.to(policy), "spec", Action.Pass, direction, doubt)
        rules.admin += make_rules(population, everyone, everyone, EVERY_PORT, reason)
