"""What a change means: who may now do what that could not before, and the other way round."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Any

from factory.errors import Finding, SpecError
from factory.load import Stack, load_object
from factory.plan import Because, names
from factory.spec import is_public

from .channel import Channel, Reach, find_reach, gather
from .fact import Fact, Topic, Weight
from .finding import compare_findings
from .objects import Name, Object, Objects, find_because, of_stack
from .reachability import Direction, Endpoint, compare, say_ports
from .reachability.address import blocks
from .reachability.interval import Intervals
from .trust import POLICIES, find_facts, find_rest


class Effect(StrEnum):
    """What a change does to trust."""

    WIDENS = "widens"
    UNKNOWN = "unknown"
    """Not understood, so it counts as if it widened."""
    NARROWS = "narrows"
    NEUTRAL = "neutral"


@dataclass(frozen=True)
class Change:
    """One thing that is different."""

    effect: Effect
    topic: Topic
    weight: Weight
    said: str
    """A sentence that says what is new, gone or different."""
    because: tuple[Because, ...] = ()
    places: tuple[str, ...] = ()
    """Where each `because` stands: file and line."""
    by: tuple[Name, ...] = ()
    """The objects that differ."""


@dataclass(frozen=True)
class Diff:
    """All changes between two sets of objects, worst first."""

    old: str
    new: str
    changes: tuple[Change, ...]
    renamed: tuple[tuple[str, str], ...] = ()
    """Segments that only have another name. Their objects are made anew all the same."""
    found: tuple[Finding, ...] = ()
    """What rules find in the new spec and did not, or did not refuse, in the old one, errors first."""
    mended: tuple[Finding, ...] = ()
    """What they found in the old spec only."""

    @property
    def verdict(self) -> str:
        """`widens trust`, `narrows trust`, `widens and narrows trust` or `neutral`. What is not understood counts as widening."""
        effects = {change.effect for change in self.changes}
        widens, narrows = bool(effects & {Effect.WIDENS, Effect.UNKNOWN}), Effect.NARROWS in effects
        said = " and ".join(word for word, so in (("widens", widens), ("narrows", narrows)) if so)
        return f"{said} trust" if said else "neutral"

    @property
    def widens(self) -> bool:
        """Whether somebody may do more, or perhaps does."""
        return any(change.effect in (Effect.WIDENS, Effect.UNKNOWN) for change in self.changes)


def diff(old: Objects, new: Objects, now: date | None = None) -> Diff:
    """What changes in trust from `old` to `new`. Every object that differs is part of some change.

    With a moment, a change of the findings of rules is part of it: of two specs, both are checked for `now`.
    """
    renamed: tuple[tuple[str, str], ...] = ()
    if old.stack is not None and new.stack is not None:
        old, renamed = _follow_renames(old, new)
    with_spec = _compare_specs(old, new)
    if not with_spec:
        old, new = replace(old, stack=None), replace(new, stack=None)
    found, mended = compare_findings(old.stack, new.stack, now) if now is not None else ((), ())
    changes = [
        *(Change(Effect.NEUTRAL, Topic.SEGMENTS, Weight.HIGH, _say_rename(*pair)) for pair in renamed),
        *_reach_changes(old, new),
        *_fact_changes(old, new, with_spec),
    ]
    changes += _object_changes(old, new, {name for change in changes for name in change.by})
    changes += _file_changes(old, new)
    order = list(Effect)
    changes.sort(key=lambda change: (order.index(change.effect), change.weight, list(Topic).index(change.topic), change.said))
    return Diff(old.source, new.source, tuple(changes), renamed, found, mended)


def _compare_specs(old: Objects, new: Objects) -> bool:
    """Facts of the spec are compared where both have one, or where one side is nothing at all."""
    return all(side.stack is not None or not side.bodies for side in (old, new))


# Who reaches whom


def _reach_changes(old: Objects, new: Objects) -> Iterator[Change]:
    if _who_talks(old) == _who_talks(new):
        return
    before, after = find_reach(old, new), find_reach(new, old)
    change = compare(before.network, after.network)
    for flows, here, there, effect in ((change.gained, after, before, Effect.WIDENS), (change.lost, before, after, Effect.NARROWS)):
        yield from _ways(gather(here, flows), here, there, effect)
    for only in Direction:
        half_before, half_after = before.only(only), after.only(only)
        change = compare(half_before.network, half_after.network)
        for flows, here, there, whole, effect in (
            (change.gained, half_after, half_before, after, Effect.WIDENS),
            (change.lost, half_before, half_after, before, Effect.NARROWS),
        ):
            stopped = [channel for channel in gather(here, flows) if (channel.source, channel.destination) not in whole.open]
            stopped += [
                channel._replace(ports=rest)
                for channel in gather(here, flows)
                if (channel.source, channel.destination) in whole.open
                and (rest := channel.ports - whole.open[channel.source, channel.destination])
            ]
            yield from _ways([c for c in stopped if here.governs(c.source) and here.governs(c.destination)], here, there, effect, only)


def _who_talks(objects: Objects) -> list[Object]:
    """What reachability depends on."""
    talking = ("Namespace", "ServiceAccount", "Pod", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Job", "CronJob")
    return [body for body in objects.bodies if body["kind"] in talking or str(body["kind"]).endswith("NetworkPolicy")]


def _ways(channels: Iterable[Channel], here: Reach, there: Reach, effect: Effect, only: Direction | None = None) -> Iterator[Change]:
    """Channels that came or went, those of one reason together. With `only`, they are open at that end alone."""
    grouped: defaultdict[tuple[Any, ...], list[Channel]] = defaultdict(list)
    names_: defaultdict[tuple[Any, ...], set[Name]] = defaultdict(set)
    for channel in channels:
        because, by = _causes(channel, here, there)
        key = (here.say(channel.destination), channel.ports, channel.certain, because, _weigh(here, channel), () if because else by)
        grouped[key].append(channel)
        names_[key].update(by)
    no_longer = "no longer: " if effect is Effect.NARROWS else ""
    for key, found in grouped.items():
        _, ports, certain, because, weight, _ = key
        sources = _together(here.say_all({_say_source(channel, here, there) for channel in found}))
        destination, on = _say_destination(found[0], here, there), say_ports(ports)
        perhaps = "" if certain else " perhaps"
        if only is None:
            said = f"{sources} may{perhaps} reach {destination} on {on}"
        elif only is Direction.Egress:
            said = f"{sources} may{perhaps} call {destination} on {on}, which only its own end still refuses"
        else:
            said = f"{destination} takes{perhaps} calls of {sources} on {on}, which only their own end still refuses"
        yield _change(effect, Topic.REACH, weight if only is None else Weight.MEDIUM, no_longer + said, here.objects, because, names_[key])


def _say_source(channel: Channel, here: Reach, there: Reach) -> str:
    source = channel.source
    return _say_addresses(source, channel, here, there) if isinstance(source, Intervals) else here.say(source)


def _say_destination(channel: Channel, here: Reach, there: Reach) -> str:
    destination = channel.destination
    return _say_addresses(destination, channel, here, there) if isinstance(destination, Intervals) else here.say(destination)


def _say_addresses(addresses: Intervals, channel: Channel, here: Reach, there: Reach) -> str:
    """The range as the policy has it, where the difference alone would be a long list of blocks."""
    if len(list(blocks(addresses))) <= 2:
        return here.say(addresses)

    def all_of(side: Reach) -> Intervals:
        found = Intervals()
        for other in side.channels_of.get(channel.destination if addresses is channel.source else channel.source, ()):
            if isinstance(other.source, Intervals) and other.destination == channel.destination and channel.ports <= other.ports:
                found |= other.source
            if isinstance(other.destination, Intervals) and other.source == channel.source and channel.ports <= other.ports:
                found |= other.destination
        return found

    whole, rest = all_of(here), all_of(there) & all_of(here)
    if not rest or not addresses <= whole:
        return here.say(addresses)
    return f"{here.say(whole)} (so far only {here.say(rest)})" if here.say(whole) != here.say(rest) else here.say(addresses)


def _causes(channel: Channel, here: Reach, there: Reach) -> tuple[tuple[Because, ...], tuple[Name, ...]]:
    """What lets it through on this side, and what stopped it on the other, as far as it differs."""
    letting, stopping = here.judge(channel).reasons, there.judge(channel).reasons if there.has(channel) else ()
    differing = [
        (reach, reason)
        for reach, reasons in ((here, letting), (there, stopping))
        for reason in reasons
        if here.objects.by_name.get(reach.named(reason)) != there.objects.by_name.get(reach.named(reason))
    ]
    chosen = [reason for reach, reason in differing if reach is here]
    because = here.because(chosen) or there.because([reason for reach, reason in differing if reach is there])
    return because, tuple(sorted({reach.named(reason) for reach, reason in differing}))


def _weigh(reach: Reach, channel: Channel) -> Weight:
    ends = (channel.source, channel.destination)
    if any(isinstance(end, Intervals) and any(is_public(str(block)) for block in list(blocks(end))[:64]) for end in ends):
        return Weight.CRITICAL
    factory = reach.objects.stack.factory if reach.objects.stack else None
    for peer in factory.peers if factory else ():
        if peer.internet and any(isinstance(e, Endpoint) and e.namespace == peer.namespace and e.labels == peer.pod_labels for e in ends):
            return Weight.CRITICAL
    return Weight.MEDIUM if all(reach.governs(end) for end in ends) else Weight.HIGH


# Facts


def _fact_changes(old: Objects, new: Objects, with_spec: bool) -> Iterator[Change]:
    before, after = find_facts(old, with_spec=with_spec), find_facts(new, with_spec=with_spec)
    rights: defaultdict[tuple[Any, ...], list[Fact]] = defaultdict(list)
    for key in [*(key for key in before if key not in after), *after]:
        had, has = before.get(key), after.get(key)
        fact = has or had
        assert fact is not None
        if had is None or has is None:
            here, there = (new, old) if has else (old, new)
            if fact.part and not any(name in there.by_name for name in fact.by):
                continue
            if fact.of and (fact.topic.name, *fact.of) not in (after if has is None else before):
                continue  # it comes and goes with what it is a detail of
            home = Name("", "Namespace", "", fact.place)
            if not fact.opens and home in here.by_name and home not in there.by_name:
                continue
            effect = Effect.WIDENS if fact.opens is bool(has) else Effect.NARROWS
            if fact.topic is Topic.PEOPLE and len(fact.key) == 4:
                subject, verb, resource, place = fact.key
                kind, named, _ = resource.partition(' "')
                if named and (fact.topic.name, subject, verb, kind, place) in (before if has else after):
                    continue  # the same without a name was held before, or is held still
                rights[effect, bool(has), subject, place, fact.by[:1], fact.weight, fact.because].append(fact)
                continue
            prefix = "" if has else "no longer: "
            because = (fact.because,) if fact.because else ()
            yield _change(effect, fact.topic, fact.weight, prefix + fact.said, here, because, fact.by)
        elif had.said != has.said or had.amount != has.amount:
            if had.amount is None or has.amount is None:
                effect = Effect.NEUTRAL if has.key[0] in ("owner", "config") else Effect.UNKNOWN
            else:
                effect = Effect.WIDENS if has.amount > had.amount else Effect.NARROWS if has.amount < had.amount else Effect.NEUTRAL
            because = (has.because,) if has.because else ()
            yield _change(effect, has.topic, has.weight, f"{has.said}; before: {had.said}", new, because, (*had.by, *has.by))
    for (effect, gained, subject, place, _, weight, because), facts in rights.items():
        said = ("" if gained else "no longer: ") + _say_rights(subject, place, facts)
        by = tuple(dict.fromkeys(name for fact in facts for name in fact.by))
        yield _change(effect, Topic.PEOPLE, weight, said, new if gained else old, (because,) if because else (), by)


def _say_rights(subject: str, place: str, facts: Iterable[Fact]) -> str:
    verbs: defaultdict[str, list[str]] = defaultdict(list)
    for fact in facts:
        verbs[fact.key[2]].append(fact.key[1])
    resources: defaultdict[str, list[str]] = defaultdict(list)
    for resource, words in verbs.items():
        resources[", ".join(sorted(set(words)))].append(resource)
    said = "; ".join(f"{words} {_together(sorted(held), 6)}" for words, held in sorted(resources.items()))
    return f"{subject} may {said} in {place}"


# Objects


def _object_changes(old: Objects, new: Objects, told: set[Name]) -> Iterator[Change]:
    """Fails closed: what no fact and no channel accounts for is listed too."""
    for name in sorted(old.by_name.keys() | new.by_name.keys()):
        had, has = old.by_name.get(name), new.by_name.get(name)
        if had == has:
            continue
        if had is None or has is None:
            if name not in told:
                body = has or had
                assert body is not None
                yield from _whole(name, body, new if has else old, gained=has is not None)
            continue
        before, after = find_rest(had), find_rest(has)
        differing = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        if differing:
            shown = "; ".join(f"{path} {before.get(path, 'absent')} → {after.get(path, 'absent')}" for path in differing[:5])
            rest = f" and {len(differing) - 5} more fields" if len(differing) > 5 else ""
            said = f"{name} changed, meaning unknown: {shown}{rest}"
            yield _change(Effect.UNKNOWN, Topic.OBJECTS, Weight.HIGH, said, new, _one(has), (name,))
        elif name not in told:
            if _without_because(had) == _without_because(has):
                said = f"{name} has another reason: {_reason(has)}; before: {_reason(had)}"
                yield _change(Effect.NEUTRAL, Topic.OBJECTS, Weight.LOW, said, new, _one(has), (name,))
            else:
                effect = Effect.NEUTRAL if name.kind in POLICIES else Effect.UNKNOWN
                said = f"{name} changed, without effect on anybody known here"
                yield _change(effect, Topic.OBJECTS, Weight.LOW, said, new, _one(has), (name,))


HARMLESS = (
    *POLICIES,
    "Role",
    "ClusterRole",
    "ClusterTrustBundle",
    "LimitRange",
    "ConfigMap",
    "PodDisruptionBudget",
    "ResourceQuota",
    "RoleBinding",
)
"""Kinds that say nothing by being there: what they do has been told, and this one does nothing."""
OPENING = {
    "CronJob": "pods run by it, time and again",
    "Deployment": "pods run by it",
    "PersistentVolumeClaim": "a volume is claimed by it",
    "Service": "pods have a name in the cluster by it",
    "StatefulSet": "pods run by it, each with a volume of its own",
    "PriorityClass": "pods may be given this priority",
}
"""Kinds that let somebody do something by being there, and stop nobody."""


def _whole(name: Name, body: Object, side: Objects, *, gained: bool) -> Iterator[Change]:
    word = "is new" if gained else "is gone"
    if name.kind in OPENING:
        effect = Effect.WIDENS if gained else Effect.NARROWS
        said = f"{name} {word}: {OPENING[name.kind]}"
        yield _change(effect, Topic.CAPACITY, Weight.LOW, said, side, _one(body), (name,))
    elif name.kind in HARMLESS:
        said = f"{name} {word}, without effect on anybody known here"
        yield _change(Effect.NEUTRAL, Topic.OBJECTS, Weight.LOW, said, side, _one(body), (name,))
    else:
        said = f"{name} {word}, meaning unknown"
        yield _change(Effect.UNKNOWN, Topic.OBJECTS, Weight.HIGH, said, side, _one(body), (name,))


def _file_changes(old: Objects, new: Objects) -> Iterator[Change]:
    for path in sorted(old.files.keys() | new.files.keys()):
        had, has = old.files.get(path), new.files.get(path)
        if had != has:
            word = "is new" if had is None else "is gone" if has is None else "changed"
            yield Change(Effect.UNKNOWN, Topic.OBJECTS, Weight.CRITICAL, f"control-plane file {path} {word}, meaning unknown")


# Renames


def _follow_renames(old: Objects, new: Objects) -> tuple[Objects, tuple[tuple[str, str], ...]]:
    """The old objects under the new names of segments that only have another name, and these names."""
    assert old.stack is not None
    assert new.stack is not None
    before, after = old.stack.factory, new.stack.factory
    gone = [segment for segment in before.segments if segment.name not in after.segment]
    come = [segment for segment in after.segments if segment.name not in before.segment]
    pairs: list[tuple[str, str]] = []
    for segment in gone:
        workloads = {workload.name for workload in before.workloads if workload.segment == segment.name}
        alike = [
            other.name
            for other in come
            if segment.model_copy(update={"name": other.name}) == other
            and {workload.name for workload in after.workloads if workload.segment == other.name} == workloads
        ]
        if len(alike) == 1 and alike[0] not in [name for _, name in pairs]:
            pairs.append((segment.name, alike[0]))
    if not pairs:
        return old, ()
    data = before.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for was, becomes in pairs:
        data = _rename(data, was, becomes)
    try:
        stack = Stack(load_object(data, old.source), old.stack.document)
    except SpecError:  # a name that is used in a way not known here: then it is no mere renaming
        return old, ()
    return of_stack(stack, old.source), tuple(pairs)


def _rename(data: Any, was: str, becomes: str, key: str = "") -> Any:
    """The spec with one segment called otherwise, wherever it is named: by itself, or before the name of a workload."""
    if isinstance(data, dict):
        renamed = {inner: _rename(value, was, becomes, inner) for inner, value in data.items()}
        return renamed | {"name": becomes} if key == "segments" and data.get("name") == was else renamed
    if isinstance(data, list):
        return [_rename(value, was, becomes, key) for value in data]
    if data == was and key in ("segment", "segments"):
        return becomes
    if isinstance(data, str) and data.startswith(f"{was}/") and key in ("from", "to", "workload", "workloads"):
        return f"{becomes}/{data.removeprefix(f'{was}/')}"
    return data


def _say_rename(was: str, becomes: str) -> str:
    return f"segment {was} is now called {becomes}: its namespace and everything in it, volume claims too, is removed and made anew"


# Words


def _change(
    effect: Effect, topic: Topic, weight: Weight, said: str, side: Objects, because: Iterable[Because], by: Iterable[Name]
) -> Change:
    because = tuple(because)
    places = tuple(side.place(cause) for cause in because)
    return Change(effect, topic, weight, said, because, places, tuple(sorted(set(by))))


def _one(body: Object) -> tuple[Because, ...]:
    because = find_because(body)
    return (because,) if because else ()


def _reason(body: Object) -> str:
    because = find_because(body)
    return because.reason if because else "none"


def _without_because(body: Object) -> str:
    copy = json.loads(json.dumps(body, default=str))
    (copy["metadata"].get("annotations") or {}).pop(names.BECAUSE, None)
    return json.dumps(copy, sort_keys=True)


def _together(words: Sequence[str], most: int = 6) -> str:
    rest = len(words) - most
    return ", ".join(words[:most]) + (f" and {rest} more" if rest > 0 else "")
