"""Explanations as text, JSON and Mermaid."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from factory.errors import did_you_mean, listed
from factory.plan import Because
from factory.review.channel import EVERYBODY, Reach, find_reach
from factory.review.explain import Answer, Passage, answer, explain_reach
from factory.review.grant import Grant, find_grants
from factory.review.just_in_time import Eligibility, HeldRole, find_eligibility, find_held_roles
from factory.review.objects import Name, Objects, ReviewError
from factory.review.right import Right, find_rights


def reach_as_text(reach: Reach, passages: Iterable[Passage]) -> Iterator[str]:
    """One block a passage: who reaches whom, why, where that stands, and which objects do it."""
    passages = list(passages)
    yield f"Reachability of {reach.objects.source}: {_counted(len(passages), 'way')}, everything else is denied"
    for passage in passages:
        perhaps = "" if passage.certain else "  PERHAPS: some policy is not understood"
        yield f"\n{_listed(passage.sources)} -> {passage.destination}  {passage.ports}{perhaps}"
        yield from _causes(reach.objects, passage.because)
        yield from (f"    by  {text}" for text in _cut(passage.by))
    for reason in reach.network.unknown:
        yield f"\nnot understood: {reason}"


def answers_as_text(reach: Reach, answers: Iterable[Answer]) -> Iterator[str]:
    """One block a question."""
    for given in answers:
        yield f"{given.source} -> {given.destination}  {given.port}: {given.verdict.reach.value.lower()}"
        yield from _causes(reach.objects, given.because)
        yield from (f"    by  {text}" for text in given.by)
        yield from (f"    not understood: {text}" for text in given.verdict.unknown)
        if given.verdict.denied and reach.objects.stack:
            yield "    no flow of the spec asks for it"


def rights_as_text(objects: Objects, rights: Iterable[Right]) -> Iterator[str]:
    """One line for each subject, place and binding."""
    held: defaultdict[tuple[str, str, str], defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for right in rights:
        held[right.subject, right.place, " by ".join(map(str, right.by))][right.resource].append(right.verb)
    yield f"People and tools of {objects.source}: {_counted(len(held), 'grant')}, nobody else may do anything"
    for (subject, place, by), resources in sorted(held.items()):
        yield f"\n{subject} in {place}"
        by_verbs: defaultdict[str, list[str]] = defaultdict(list)
        for resource, verbs in resources.items():
            by_verbs[", ".join(dict.fromkeys(verbs))].append(resource)
        yield from (f"    {verbs}: {', '.join(sorted(resources))}" for verbs, resources in sorted(by_verbs.items()))
        yield f"    by  {by}"


def just_in_time_as_text(objects: Objects, eligible: Iterable[Eligibility], held: Iterable[HeldRole]) -> Iterator[str]:
    """One block for each role that a group may hold for a while on the same terms, then one for each that somebody holds."""
    eligible, held = list(eligible), list(held)
    grouped: defaultdict[tuple[str, str, str, Because | None], list[Eligibility]] = defaultdict(list)
    for may in eligible:
        grouped[may.group, may.role, may.terms, may.because].append(may)
    counts = f"{len(grouped)} eligible, {len(held)} held"
    yield f"Roles for a while of {objects.source}: {counts}, nobody else may ask for one"
    for (group, role, terms, because), found in sorted(grouped.items(), key=lambda item: item[0][:3]):
        yield f"\nmembers of {group} may hold {role} in {', '.join(sorted(may.place for may in found))} {terms}"
        yield from _causes(objects, (because,) if because else ())
        yield from (f"    by  {text}" for text in _cut(tuple(dict.fromkeys(_by(may.by) for may in found))))
    for holds in sorted(held, key=lambda holds: (holds.subject, holds.place, holds.role)):
        yield f"\n{holds.subject} holds {holds.role} in {holds.place} {holds.terms}"
        yield from _causes(objects, (holds.because,) if holds.because else ())
        yield f"    by  {_by(holds.by)}"


def grants_as_text(objects: Objects, grants: Iterable[Grant]) -> Iterator[str]:
    """One line a grant."""
    grants = sorted(grants, key=lambda grant: (grant.what, grant.workload, grant.verb))
    yield f"Assets of {objects.source}: {_counted(len(grants), 'grant')}, nobody else touches anything"
    for grant in grants:
        place = f"  {objects.place(grant.because)} {grant.because.path}" if grant.because else ""
        by = f"  by {grant.by}" if grant.by else "  by the spec alone"
        yield f"{grant.workload} {grant.verb} {grant.what}{place}{by}"


def reach_as_data(reach: Reach, passages: Iterable[Passage]) -> list[dict[str, Any]]:
    """For programs."""
    return [
        {
            "from": list(passage.sources),
            "to": passage.destination,
            "ports": passage.ports,
            "certain": passage.certain,
            "by": list(passage.by),
            "because": _because(reach.objects, passage.because),
        }
        for passage in passages
    ]


def answers_as_data(reach: Reach, answers: Iterable[Answer]) -> list[dict[str, Any]]:
    """For programs."""
    return [
        {
            "from": given.source,
            "to": given.destination,
            "port": given.port,
            "reach": given.verdict.reach.value,
            "by": list(given.by),
            "because": _because(reach.objects, given.because),
            "unknown": list(given.verdict.unknown),
        }
        for given in answers
    ]


def rights_as_data(rights: Iterable[Right]) -> list[dict[str, Any]]:
    """For programs."""
    return [
        {
            "subject": right.subject,
            "verb": right.verb,
            "resource": right.resource,
            "place": right.place,
            "by": [str(name) for name in right.by],
        }
        for right in rights
    ]


def eligible_as_data(objects: Objects, eligible: Iterable[Eligibility]) -> list[dict[str, Any]]:
    """For programs."""
    return [
        {
            "group": may.group,
            "role": may.role,
            "place": may.place,
            "longestSeconds": may.seconds,
            "approvers": may.approvers or None,
            "ticket": may.ticket,
            "by": [str(name) for name in may.by],
            "because": _because(objects, (may.because,) if may.because else ()),
        }
        for may in eligible
    ]


def held_as_data(objects: Objects, held: Iterable[HeldRole]) -> list[dict[str, Any]]:
    """For programs."""
    return [
        {
            "subject": holds.subject,
            "role": holds.role,
            "place": holds.place,
            "until": holds.until,
            "reason": holds.reason,
            "ticket": holds.ticket or None,
            "approver": holds.approver or None,
            "by": [str(name) for name in holds.by],
            "because": _because(objects, (holds.because,) if holds.because else ()),
        }
        for holds in held
    ]


def grants_as_data(objects: Objects, grants: Iterable[Grant]) -> list[dict[str, Any]]:
    """For programs."""
    return [
        {
            "workload": grant.workload,
            "verb": grant.verb,
            "what": grant.what,
            "by": str(grant.by) if grant.by else None,
            "because": _because(objects, (grant.because,) if grant.because else ()),
        }
        for grant in grants
    ]


def reach_as_mermaid(passages: Iterable[Passage]) -> Iterator[str]:
    """A flowchart for a README. What every pod of a segment may do (ask DNS) is left out: it would be most of the lines."""
    passages = [passage for passage in passages if passage.sources != (EVERYBODY,)]
    parties = sorted({party for passage in passages for party in (*passage.sources, passage.destination)})
    ids = {party: f"n{number}" for number, party in enumerate(parties)}
    places: defaultdict[str, list[str]] = defaultdict(list)
    for party in parties:
        segment, slash, name = party.partition("/")
        places[segment if slash and name and not name[0].isdigit() and " " not in party else ""].append(party)
    yield "flowchart LR"
    for number, (place, inhabitants) in enumerate(sorted(places.items())):
        if place:
            yield f"  subgraph s{number}[{_quoted(place)}]"
        for party in inhabitants:
            yield f"  {'  ' if place else ''}{ids[party]}[{_quoted(party.partition('/')[2] if place else party)}]"
        if place:
            yield "  end"
    for passage in passages:
        for source in passage.sources:
            arrow = "-->" if passage.certain else "-.->"
            yield f"  {ids[source]} {arrow}|{_quoted(passage.ports)}| {ids[passage.destination]}"


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _quoted(text: str) -> str:
    return '"' + text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;") + '"'


def _by(names: Iterable[Name]) -> str:
    return ", ".join(map(str, names))


def _causes(objects: Objects, because: Iterable[Because]) -> Iterator[str]:
    for cause in because:
        yield f"    why {cause.reason}  ({objects.place(cause)} {cause.path})"


def _because(objects: Objects, because: Iterable[Because]) -> list[dict[str, str]]:
    return [{"path": cause.path, "reason": cause.reason, "place": objects.place(cause)} for cause in because]


def _listed(words: tuple[str, ...], most: int = 8) -> str:
    rest = len(words) - most
    return ", ".join(words[:most]) + (f" and {rest} more" if rest > 0 else "")


def _cut(lines: tuple[str, ...], most: int = 4) -> Iterator[str]:
    yield from lines[:most]
    if len(lines) > most:
        yield f"and {len(lines) - most} more like these"


def explain(
    objects: Objects,
    *,
    source: str | None,
    destination: str | None,
    port: str | None,
    who: str | None,
    groups: Sequence[str] = (),
    format: str,
) -> Iterator[str]:
    """The lines that `factory explain` prints: of `who` also what they may do, and ask for, as a member of `groups`.

    Raises ReviewError for a name that nothing bears.
    """
    if source or destination:
        if not (source and destination):
            raise ReviewError("A question has two ends: give both --from and --to.")
        reach = find_reach(objects)
        answers = answer(reach, source, destination, port)
        yield from [_json(answers_as_data(reach, answers))] if format == "json" else answers_as_text(reach, answers)
        return
    rights, grants = list(find_rights(objects)), list(find_grants(objects))
    eligible, held = list(find_eligibility(objects)), list(find_held_roles(objects))
    if who is not None:
        known = {right.subject for right in rights} | {grant.workload for grant in grants} | {f"group {may.group}" for may in eligible}
        for group in groups:
            if not any(_is(subject, group) for subject in (*known, *(f"group {may.approvers}" for may in eligible))):
                raise ReviewError(f'No group is called "{group}" here. {did_you_mean(group, known)} Known: {listed(known, limit=30)}.')
        selves = (who, *groups)
        rights = [right for right in rights if _is(right.subject, *selves)]
        grants = [grant for grant in grants if grant.workload == who]
        eligible = [may for may in eligible if any(_is(f"group {group}", *selves) for group in (may.group, may.approvers))]
        held = [holds for holds in held if _is(holds.subject, *selves)]
        if not (rights or grants or eligible or held):
            hint = did_you_mean(who, known) or "Of a person, name the groups too: --group NAME."
            raise ReviewError(f'"{who}" holds nothing here. {hint} Known: {listed(known, limit=30)}.')
    reach = find_reach(objects)
    passages = [p for p in explain_reach(reach) if who is None or who in (*p.sources, p.destination)]
    if format == "mermaid":
        yield from reach_as_mermaid(passages)
    elif format == "json":
        people = {"people": rights_as_data(rights), "eligible": eligible_as_data(objects, eligible), "held": held_as_data(objects, held)}
        yield _json({"reach": reach_as_data(reach, passages), **people, "assets": grants_as_data(objects, grants)})
    else:
        sections: tuple[tuple[Sequence[Any], Iterator[str]], ...] = (
            (passages, reach_as_text(reach, passages)),
            (grants, grants_as_text(objects, grants)),
            (rights, rights_as_text(objects, rights)),
            ((*eligible, *held), just_in_time_as_text(objects, eligible, held)),
        )
        shown = [lines for found, lines in sections if found or who is None]
        for number, lines in enumerate(shown):
            yield from ["", ""][: 2 * bool(number)]
            yield from lines
        if who is not None and not groups and any(right.subject.startswith("user ") for right in rights):
            yield f"\nWhat {who} may do by their groups is not here, since only their provider knows them: add --group NAME for each."


def _is(subject: str, *selves: str) -> bool:
    """Whether somebody is meant by one of some names, each with or without the word for what it is."""
    return any(name in (subject, subject.partition(" ")[2]) for name in selves)


def _json(data: Any) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False)
