"""The map as SVG: inside the page, or as a picture of its own for a README."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from xml.etree.ElementTree import Element

from factory.plan import plan_factory
from factory.review.channel import find_reach
from factory.review.objects import Objects, ReviewError

from .element import as_xml, element, raw
from .map import HEAD, ROW, SMALL, Box, Column, Map, Row, draw_map
from .report import find_report

STYLE = Path(__file__).with_name("map.css")
MARGIN = 12

SIGNS = {
    "workload": "M0-4.5A4.5 4.5 0 1 1 0 4.5A4.5 4.5 0 1 1 0-4.5Z",
    "pods": "M-4-4H4V4H-4Z",
    "range": "M-5 0H5M-5-3.5V3.5M5-3.5V3.5",
    "host": "M-5 3.5V-3.5H5V3.5ZM-5-1H5",
    "internet": "M0-5A5 5 0 1 1 0 5A5 5 0 1 1 0-5ZM-5 0H5M0-5Q-5 0 0 5Q5 0 0-5",
    "dataset": "M-4.5-3A4.5 2 0 1 1 4.5-3V3A4.5 2 0 1 1-4.5 3ZM-4.5-3A4.5 2 0 0 0 4.5-3",
    "model": "M0-5L4.5-2.5V2.5L0 5L-4.5 2.5V-2.5ZM-4.5-2.5L0 0L4.5-2.5M0 0V5",
    "pool": "M-3.5-3.5H3.5V3.5H-3.5ZM-1.5-5.5v2M1.5-5.5v2M-1.5 3.5v2M1.5 3.5v2M-5.5-1.5h2M-5.5 1.5h2M3.5-1.5h2M3.5 1.5h2",
}
"""The sign of each sort of row, around its middle."""


def svg_of(drawn: Map, label: str, *, alone: bool = False) -> Element:
    """The map as an element. `alone`: with its own style and ground, nothing in it can be chosen."""
    width, height = drawn.width + 2 * MARGIN, drawn.height + MARGIN
    edges = element("g", class_="edges")
    for edge in drawn.edges:
        sort = "way" if edge.sort == "way" else "touch"
        if alone and sort == "touch":
            continue
        edges.append(
            element(
                "path",
                element("title", edge.title),
                class_=sort if edge.certain else f"{sort} perhaps",
                d=edge.path,
                **{} if alone else {"data_from": edge.source, "data_to": edge.destination, "data_does": edge.sort},
            )
        )
    return element(
        "svg",
        raw("style", STYLE.read_text(encoding="utf-8")) if alone else None,
        element("rect", class_="ground", x=-MARGIN, y=0, width=f"{width:g}", height=f"{height:g}") if alone else None,
        edges,
        *(_column(column, alone) for column in drawn.columns),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"{-MARGIN} 0 {width:g} {height:g}",
        width=f"{width:g}",
        height=f"{height:g}",
        class_="map alone" if alone else f"map {'dense' if len(drawn.edges) > 90 else ''}".strip(),
        role="img" if alone else "group",
        aria_label=label,
    )


def draw(objects: Objects) -> str:
    """The map of a stack as a file of its own: the same bytes for the same spec. Raises ReviewError for objects without a stack."""
    if objects.stack is None:
        raise ReviewError(f"{objects.source} has no stages to draw. Name a stack file.")
    plan = plan_factory(objects.stack.factory)
    report = find_report(objects.stack, plan, find_reach(objects), (), date.min)
    label = f"Map of {report.factory}: who may reach whom"
    return as_xml(svg_of(draw_map(report), label, alone=True)) + "\n"


def _column(column: Column, alone: bool) -> Element:
    heading = element("text", column.title, class_="stage", x=f"{column.x:g}", y=20)
    return element("g", heading, *(_box(box, column, alone) for box in column.boxes), class_="column")


def _box(box: Box, column: Column, alone: bool) -> Element:
    x, y = column.x, box.y
    name = f"{box.title}, {box.subtitle}"
    heading = element(
        "g",
        element("rect", class_="hit", x=f"{x + 4:g}", y=f"{y + 3:g}", width=f"{column.width - 8:g}", height=HEAD - 6, rx=4),
        element("text", box.title, class_="title", x=f"{x + 14:g}", y=f"{y + 20:g}"),
        element("text", box.subtitle, class_="subtitle", x=f"{x + 14:g}", y=f"{y + 36:g}"),
        class_="heading",
        **{} if alone else _choosable(box.id, name),
    )
    return element(
        "g",
        element("rect", class_="frame", x=f"{x:g}", y=f"{y:g}", width=f"{column.width:g}", height=f"{box.height:g}", rx=6),
        element("rect", class_="stripe", x=f"{x:g}", y=f"{y + 8:g}", width=4, height=HEAD - 16, rx=2),
        heading,
        *(_row(row, column, alone) for row in box.rows),
        class_=f"box {box.sort}",
    )


def _row(row: Row, column: Column, alone: bool) -> Element:
    x, y = column.x, row.y
    room = int((column.width - 38 - (SMALL * len(row.detail) + 8 if row.detail else 0)) / 6.2)
    label = row.label if len(row.label) <= room else f"{row.label[: room - 1]}…"
    return element(
        "g",
        element("title", row.title or row.label),
        element("rect", class_="hit", x=f"{x + 4:g}", y=f"{y - ROW / 2 + 1:g}", width=f"{column.width - 8:g}", height=ROW - 2, rx=4),
        element("path", class_="sign", d=SIGNS[row.sort], transform=f"translate({x + 18:g} {y:g})"),
        element("text", label, class_="label", x=f"{x + 30:g}", y=f"{y + 4:g}"),
        element("text", row.detail, class_="detail", x=f"{x + column.width - 10:g}", y=f"{y + 4:g}") if row.detail else None,
        class_=f"row {row.sort}",
        **{} if alone else _choosable(row.id, f"{row.title or row.label}{', ' + row.detail if row.detail else ''}"),
    )


def _choosable(id: str, name: str) -> dict[str, str]:
    return {"data_id": id, "role": "button", "tabindex": "-1", "aria_pressed": "false", "aria_label": name}
