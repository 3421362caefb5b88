"""The tables of the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from factory.review.channel import EVERYBODY

from .element import Inner, element
from .map import identity, of_talker
from .report import Cause, Report

MOST = 6
"""Words in a cell before the rest is folded away."""


@dataclass(frozen=True)
class Table:
    """One table of the page."""

    id: str
    title: str
    says: str
    """What it shows, in a sentence."""
    columns: tuple[str, ...]
    rows: tuple[Element, ...]
    empty: str = "None."
    """What stands there without rows."""


def find_tables(report: Report) -> tuple[Table, ...]:
    """All tables, in the order of the page."""
    return (
        Table(
            "ways",
            "Who reaches whom",
            "All that the planned policies let through, judged pair by pair. Everything else is denied.",
            ("From", "To", "Port", "Because", "By"),
            tuple(_ways(report)),
            "Nobody reaches anybody.",
        ),
        Table(
            "assets",
            "Data and models",
            "Who may touch what, as the guardrails enforce it. Nobody else touches anything.",
            ("Asset", "Kind", "Lives in", "Reads", "Writes", "Produces", "Serves"),
            tuple(_assets(report)),
        ),
        Table(
            "people",
            "People",
            "Rights in the cluster, read from the planned roles and bindings. Nobody else may do anything.",
            ("Who", "Where", "Role", "Changes", "Sessions in pods", "Reads", "Because"),
            tuple(_people(report)),
        ),
        Table(
            "eligible",
            "Roles for a while",
            "Who may ask for a role, and hold it until a moment when somebody else agrees. Guardrail ZG17 holds both to it.",
            ("Who may ask", "Role", "Where", "At most", "Who agrees", "Because"),
            tuple(_eligible(report)),
            "None: nobody may ask for a role.",
        ),
        Table(
            "granted",
            "Roles held for a while",
            "Those granted by pull request. What is granted by command is in the cluster: `factory grants` lists it.",
            ("Who", "Role", "Where", "Until", "For", "Agreed by", "Because"),
            tuple(_granted(report)),
            "None: no pull request grants a role.",
        ),
        Table(
            "guardrails",
            "Guardrails",
            "What the API server refuses, whoever asks.",
            ("Id", "What holds", "Refused, unless", "Looks at", "In force"),
            tuple(_guardrails(report)),
        ),
        Table(
            "segments",
            "Segments",
            "Micro-segments by stage: a namespace each, deny by default.",
            ("Segment", "Stage", "Owner", "Namespace", "Workloads", "Datasets", "At most"),
            tuple(_segments(report)),
        ),
        Table(
            "pools",
            "Pools",
            "Nodes of one kind, and the only workloads that may run on them.",
            ("Pool", "Device", "Nodes", "Segments", "Workloads", "Queues", "Shared because"),
            tuple(_pools(report)),
        ),
        Table(
            "findings",
            "Findings",
            "What the rules say of this spec, waived findings left out.",
            ("Rule", "Where", "Problem", "Fix"),
            tuple(_findings(report)),
            "Clean: no rule finds anything.",
        ),
        Table(
            "waivers",
            "Waivers",
            "Findings that somebody lives with, for a while.",
            ("Rule", "For", "Reason", "Owner", "Until"),
            tuple(_waivers(report)),
            "None: no finding is waived.",
        ),
        Table(
            "controls",
            "Controls",
            "How many planned objects implement each control, and which rules check it. Tenets are those of NIST SP 800-207, section 2.1.",
            ("Control", "What it asks", "Objects", "Of kind", "Rules"),
            tuple(_controls(report)),
        ),
    )


def _ways(report: Report) -> Iterator[Element]:
    for way in report.ways:
        yield element(
            "tr",
            element("td", *_chosen(way.sources) if way.sources != (EVERYBODY,) else [EVERYBODY]),
            element("td", *_chosen([way.destination])),
            element("td", way.ports, element("br") if not way.certain else None, element("em", "perhaps") if not way.certain else None),
            element("td", *_causes(way.because)),
            element("td", _folded(_count(sum(not text.startswith("no policy") for text in way.by)), way.by)),
            data_from="" if way.sources == (EVERYBODY,) else "\n".join(map(of_talker, way.sources)),
            data_to=of_talker(way.destination),
            data_everybody=way.sources == (EVERYBODY,),
        )


def _count(policies: int) -> str:
    return f"{policies} polic{'y' if policies == 1 else 'ies'}"


def _assets(report: Report) -> Iterator[Element]:
    for asset in report.assets:
        sort = f"{asset.kind}, {asset.sort}" if asset.sort else asset.kind
        touching = (asset.reads, asset.writes, asset.produces, asset.serves)
        yield element(
            "tr",
            element("td", _choice(identity(asset.kind, asset.name), asset.name)),
            element("td", sort),
            element("td", asset.home),
            *(element("td", *_chosen(workloads)) for workloads in touching),
        )


def _people(report: Report) -> Iterator[Element]:
    for held in report.people:
        reads, changes = (
            _folded(f"{len(words)} kinds", words) if len(words) > MOST else _list(words) for words in (held.reads, held.changes)
        )
        yield element(
            "tr",
            element("td", held.subject),
            element("td", _list(held.places)),
            element("td", held.role),
            element("td", changes),
            element("td", _list(word.removeprefix("pods/") for word in held.sessions)),
            element("td", reads),
            element("td", *_causes([held.because] if held.because else [])),
            data_places="\n".join(held.places),
        )


def _eligible(report: Report) -> Iterator[Element]:
    for may in report.eligible:
        yield element(
            "tr",
            element("td", may.group),
            element("td", may.role),
            element("td", _list(may.places)),
            element("td", may.longest),
            element("td", may.approvers or "nobody: at once", ", with a ticket" if may.ticket else None),
            element("td", *_causes([may.because] if may.because else [])),
        )


def _granted(report: Report) -> Iterator[Element]:
    for held in report.granted:
        yield element(
            "tr",
            element("td", held.subject),
            element("td", held.role),
            element("td", held.place),
            element("td", held.until or element("strong", "for good", class_="error")),
            element("td", held.reason, f" ({held.ticket})" if held.ticket else None),
            element("td", held.approver),
            element("td", *_causes([held.because] if held.because else [])),
        )


def _guardrails(report: Report) -> Iterator[Element]:
    for barrier in report.guardrails:
        yield element(
            "tr",
            element("td", barrier.id or barrier.name, title=barrier.name),
            element("td", barrier.title),
            element("td", element("ul", *(element("li", message) for message in barrier.refuses))),
            element(
                "td", _folded(f"{len(barrier.looks_at)} kinds", barrier.looks_at) if len(barrier.looks_at) > 3 else _list(barrier.looks_at)
            ),
            element("td", barrier.in_force),
        )


def _segments(report: Report) -> Iterator[Element]:
    for segment in report.segments:
        yield element(
            "tr",
            element("td", _choice(identity("segment", segment.name), segment.name)),
            element("td", element("i", class_=f"dot {segment.stage.value.lower()}"), segment.stage.value),
            element("td", segment.owner),
            element("td", segment.namespace),
            element("td", *_chosen(segment.workloads, f"{segment.name}/")),
            element("td", _list(segment.datasets)),
            element("td", segment.quota),
        )


def _pools(report: Report) -> Iterator[Element]:
    for pool in report.pools:
        yield element(
            "tr",
            element("td", _choice(identity("pool", pool.name), pool.name)),
            element("td", pool.device),
            element("td", f"{pool.size} ({pool.provisioner})"),
            element("td", _list(pool.segments)),
            element("td", *_chosen(pool.workloads)),
            element("td", _list(pool.queues)),
            element("td", pool.sharing),
        )


def _findings(report: Report) -> Iterator[Element]:
    for finding in report.findings:
        place = f"{report.source}:{finding.line}" if finding.line else report.source
        details = "".join(f" {name}: {text}." for name, text in (("Value", finding.value), ("Allowed", finding.allowed)) if text)
        yield element(
            "tr",
            element("td", element("strong", finding.severity.value, class_=finding.severity.value.lower()), " ", finding.id),
            element("td", element("code", finding.path), element("br"), element("small", place)),
            element("td", finding.problem, details and f".{details}"),
            element("td", finding.fix),
        )


def _waivers(report: Report) -> Iterator[Element]:
    for waiver in report.waivers:
        lapsed = "error" if waiver.state.startswith(("expired", "has")) else None
        yield element(
            "tr",
            element("td", waiver.rule),
            element("td", element("code", waiver.path)),
            element("td", waiver.reason),
            element("td", waiver.owner),
            element("td", waiver.expires, element("br"), element("small", waiver.state, class_=lapsed)),
        )


def _controls(report: Report) -> Iterator[Element]:
    for control in report.controls:
        rules = control.rules
        yield element(
            "tr",
            element("td", control.id),
            element("td", control.says),
            element("td", str(control.objects), class_="number"),
            element("td", _list(control.kinds)),
            element("td", _folded(f"{len(rules)} rules", rules) if len(rules) > MOST else _list(rules)),
        )


def _choice(id: str, name: str) -> Element:
    """A name that chooses its row on the map."""
    return element("button", name, type="button", class_="choice", data_choose=id)


def _chosen(names: Sequence[str], without: str = "") -> Iterator[Inner]:
    for number, name in enumerate(names):
        if number:
            yield ", "
        yield _choice(of_talker(name), name.removeprefix(without))


def _causes(causes: Iterable[Cause]) -> Iterator[Element]:
    for cause in causes:
        yield element("div", cause.reason, " ", element("small", cause.place, title=cause.path))


def _list(words: Iterable[str]) -> str:
    return ", ".join(words)


def _folded(summary: str, words: Sequence[str]) -> Element | None:
    if not words:
        return None
    return element("details", element("summary", summary), element("ul", *(element("li", word) for word in words)))
