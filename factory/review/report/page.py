"""The report as one page: its style and script are inside, their hashes are all that the page's policy lets run, and it asks nobody for
anything. Every fact stands in the HTML itself, so that it also reads without the script; the script only finds and shows."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from xml.etree.ElementTree import Element

from .element import as_html, element, raw
from .map import Map, draw_map
from .report import Report
from .svg import STYLE, svg_of
from .table import Table, find_tables

HERE = Path(__file__).parent

LEAST, MOST = 0.82, 1.15
"""How far the map is scaled to fit the window; beyond that it scrolls."""


def page(report: Report) -> str:
    """The whole page: the same bytes for the same report."""
    drawn = draw_map(report)
    style = "".join(path.read_text(encoding="utf-8") for path in (STYLE, HERE / "page.css"))
    style += f".canvas .map {{ min-width: {LEAST * drawn.width:.0f}px; max-width: {MOST * drawn.width:.0f}px; }}\n"
    script = (HERE / "page.js").read_text(encoding="utf-8")
    policy = f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; form-action 'none'"
    tables = find_tables(report)
    root = element(
        "html",
        element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", http_equiv="Content-Security-Policy", content=policy),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", name="color-scheme", content="light dark"),
            element("title", f"{report.factory}: who may reach, read and run what"),
            raw("style", style),
        ),
        element(
            "body",
            element("a", "Skip to the tables", class_="skip", href="#ways"),
            _head(report),
            _bar(tables),
            element("main", _verdict(report), _map(report, drawn), *(_section(table) for table in tables)),
            _panel(),
            raw("script", script),
        ),
        lang="en",
    )
    return f"<!doctype html>\n{as_html(root)}\n"


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _head(report: Report) -> Element:
    facts = (("posture", report.posture), ("cluster", report.cluster), ("trust domain", report.trust_domain), ("spec", report.source))
    return element(
        "header",
        element("h1", report.factory, element("span", " who may reach, read and run what")),
        element("dl", *(element("div", element("dt", name), element("dd", value)) for name, value in facts)),
    )


def _bar(tables: tuple[Table, ...]) -> Element:
    """What stays in sight: the filter and the way to each table."""
    return element(
        "div",
        element(
            "search",
            element("label", "Filter", for_="filter"),
            element("input", id="filter", type="search", placeholder="name, port, reason …", autocomplete="off"),
            element("output", "", id="found", for_="filter"),
        ),
        element(
            "nav",
            element("a", "Map", href="#map"),
            *(
                element("a", table.title, " ", element("span", str(len(table.rows)), class_="count"), href=f"#{table.id}")
                for table in tables
            ),
            aria_label="Sections",
        ),
        element("button", "◐", id="theme", type="button", title="Dark or light", aria_label="Switch between dark and light"),
        class_="bar",
    )


def _verdict(report: Report) -> Element:
    """What a reader with ten seconds takes away."""
    errors = sum(finding.severity.value == "Error" for finding in report.findings)
    warnings = len(report.findings) - errors
    unproved = sum(finding.id in ("ZT190", "ZT191") for finding in report.findings)
    lines = []
    if unproved:
        lines.append(("bad", "The plan lets through something else than the spec asks for", "#findings"))
    elif not errors:
        lines.append(("good", "Everything that a flow asks for gets through, and nothing else: judged from the planned objects", "#ways"))
    if report.unknown:
        said = f"{len(report.unknown)} policies are not understood: some ways are only perhaps open"
        lines.append(("bad", said, "#ways"))
    if errors:
        lines.append(("bad", _count(errors, "error"), "#findings"))
    if warnings:
        lines.append(("fair", _count(warnings, "warning"), "#findings"))
    lapsed = sum(waiver.state.startswith("expired") for waiver in report.waivers)
    if report.waivers:
        lines.append(("fair", _count(len(report.waivers), "waiver") + (f", {lapsed} expired" if lapsed else ""), "#waivers"))
    internet = {talker.name for talker in report.talkers if talker.internet}
    public = sum(len(internet.intersection((*way.sources, way.destination))) for way in report.ways)
    lines.append(("fair" if public else "good", _count(public, "way") + " to or from the internet", "#map"))
    return element("ul", *(element("li", element("a", said, href=to), class_=sort) for sort, said, to in lines), class_="verdict")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _map(report: Report, drawn: Map) -> Element:
    label = "Map: segments by stage, what is in them, and who may reach whom. Arrow keys move, Enter chooses, Escape lets go."
    hint = (
        "Choose a workload, a segment, an asset or a pool to see what it can reach and what can reach it. What every pod may do "
        "(ask the cluster's DNS) is in the table, not on the map."
    )
    key = (
        (("sample", "may open connections to"), ("sample perhaps", "perhaps"))
        if report.unknown
        else (("sample", "may open connections to"),)
    )
    return element(
        "section",
        element("h2", "Map"),
        element("p", hint, class_="hint"),
        element(
            "p",
            *(element("span", element("i", class_=sort), said) for sort, said in key),
            element("span", element("i", class_="sample leaving"), "reached by what is chosen"),
            element("span", element("i", class_="sample entering"), "reaches what is chosen"),
            element("span", element("i", class_="sample touching"), "reads, writes, makes, serves or runs on"),
            class_="key",
        ),
        element("div", svg_of(drawn, label), class_="canvas", tabindex="-1"),
        id="map",
    )


def _section(table: Table) -> Element:
    head = element("tr", *(element("th", name, scope="col") for name in table.columns))
    content = (
        element("table", element("thead", head), element("tbody", *table.rows)) if table.rows else element("p", table.empty, class_="hint")
    )
    return element(
        "section",
        element("h2", table.title, " ", element("span", str(len(table.rows)), class_="count")),
        element("p", table.says, class_="hint"),
        element("div", content, class_="scroll"),
        id=table.id,
    )


def _panel() -> Element:
    return element(
        "aside",
        element("div", element("h2", ""), element("button", "Close", type="button", aria_label="Let go (Escape)"), class_="top"),
        element("div", class_="lists"),
        id="panel",
        hidden=True,
        aria_label="What is chosen",
        aria_live="polite",
    )
