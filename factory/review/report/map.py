"""The map: segments as boxes in columns by stage, what is in them as rows, and ways as curves that pass between boxes, never over them.

Boxes of a column are ordered by the mean place of those that they talk to, then by name. A curve that skips columns takes, in each of them,
the gap between two boxes that is nearest to its straight line; a gap is as high as the curves in it need. So no curve crosses a label, and
the same spec gives the same map whatever the order of its lists.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

from factory.review.channel import EVERYBODY
from factory.spec import Stage

from .report import Asset, Kind, Report, Talker

BOLD, LETTER, SMALL = 8.0, 7.2, 6.2
"""Widest mean width of a letter of a title, of a label and of its detail, in pixels: what the widest common system fonts take."""
ROW, HEAD, FOOT = 22, 46, 8
"""Heights of a row, of a box's heading, and of the space below its last row, in pixels."""
GAP, TRACK = 22, 5
"""Least height of the gap between two boxes, and of the track that each curve through it takes."""
GUTTER, MOST_GUTTER = 44, 100
"""Least and greatest width between two columns."""
NARROWEST, WIDEST = 116, 330
TOP = 34
"""Height of the columns' headings."""


@dataclass
class Row:
    """Something in a box that can be chosen."""

    id: str
    label: str
    sort: str
    """`workload`, `pods`, `range`, `host`, `internet`, `dataset`, `model` or `pool`: its sign."""
    detail: str = ""
    title: str = ""
    y: float = 0
    """Its middle."""


@dataclass
class Box:
    """A segment, or something around the factory."""

    id: str
    title: str
    subtitle: str
    sort: str
    """The stage in lower case, `outside` or `asset`: its colour."""
    rows: list[Row]
    y: float = 0

    @property
    def height(self) -> float:
        return HEAD + ROW * len(self.rows) + FOOT


@dataclass
class Column:
    """Boxes of one stage."""

    title: str
    boxes: list[Box]
    x: float = 0
    width: float = 0
    gaps: list[float] = field(default_factory=list)
    """The middle of the gap above each box, and of the one below the last."""


@dataclass(frozen=True)
class Edge:
    """A curve from one row to another."""

    source: str
    destination: str
    sort: str
    """`way`, or what a workload does with an asset: `reads`, `writes`, `produces`, `serves`, `runs on`."""
    title: str
    certain: bool = True
    path: str = ""


@dataclass
class Map:
    """Columns and edges with their places, in pixels."""

    columns: list[Column]
    edges: list[Edge]
    width: float = 0
    height: float = 0


def draw_map(report: Report) -> Map:
    """The map of a report, laid out."""
    columns = [column for column in _columns(report) if column.boxes]
    edges = list(_edges(report))
    _order(columns, edges)
    return _place(columns, edges)


def identity(sort: str, name: str) -> str:
    """How a row is called in the page: `talker training/trainer`, `dataset claims`."""
    return f"{sort} {name}"


def of_talker(name: str) -> str:
    """The row of a talker."""
    return identity("talker", name)


# What is on the map


def _columns(report: Report) -> Iterator[Column]:
    shown = {source for way in report.ways for source in way.sources} | {way.destination for way in report.ways}
    calling = {source for way in report.ways for source in way.sources}
    outside = [talker for talker in report.talkers if talker.segment is None and talker.name in shown]
    yield Column("Outside", list(_outside("calls in", [talker for talker in outside if talker.name in calling])))
    inside: defaultdict[str, list[Talker]] = defaultdict(list)
    for talker in report.talkers:
        if talker.segment is not None and (talker.kind is not Kind.OTHER or talker.name in calling):
            inside[talker.segment].append(talker)
    pools = {workload: pool.name for pool in report.pools for workload in pool.workloads}
    datasets = {asset.name: asset for asset in report.assets if asset.kind == "dataset"}
    for stage in Stage:
        boxes = []
        for segment in report.segments:
            if segment.stage is stage:
                rows = [
                    Row(of_talker(t.name), t.name.removeprefix(f"{segment.name}/"), "workload", pools.get(t.name, ""), t.name)
                    for t in inside[segment.name]
                ]
                rows += [_asset_row(datasets[name]) for name in segment.datasets]
                boxes.append(Box(identity("segment", segment.name), segment.name, segment.owner, stage.value.lower(), rows))
        yield Column(stage.value, boxes)
    boxes = []
    if models := [_asset_row(asset) for asset in report.assets if asset.kind == "model"]:
        boxes.append(Box("models", "Models", "weights in a registry", "asset", models))
    if stores := [_asset_row(asset) for asset in report.assets if asset.kind not in ("dataset", "model")]:
        boxes.append(Box("stores", "Stores", "what the platform keeps", "asset", stores))
    if report.pools:
        rows = [Row(identity("pool", pool.name), pool.name, "pool", pool.size, f"{pool.name}: {pool.device}") for pool in report.pools]
        boxes.append(Box("pools", "GPU pools", "nodes of one kind", "asset", rows))
    boxes += _outside("is called", [talker for talker in outside if talker.name not in calling])
    yield Column("Assets, outside", boxes)


def _outside(does: str, talkers: Sequence[Talker]) -> Iterator[Box]:
    """Boxes of those around the factory: the internet apart from the rest."""
    for title, sort, signs in (
        ("Internet", "internet", ("internet",)),
        ("Networks", "outside", ("range", "host")),
        ("Other namespaces", "outside", ("pods",)),
    ):
        if rows := [row for row in map(_outsider, talkers) if row.sort in signs]:
            yield Box(f"{title}, {does}", title, does, sort, rows)


def _outsider(talker: Talker) -> Row:
    sort = "internet" if talker.internet else {Kind.RANGE: "range", Kind.HOST: "host"}.get(talker.kind, "pods")
    return Row(of_talker(talker.name), talker.name, sort, title=f"{talker.name}: {talker.detail}" if talker.detail else talker.name)


def _asset_row(asset: Asset) -> Row:
    sort = asset.kind if asset.kind in ("dataset", "model") else "dataset"
    short, _, _ = asset.sort.partition(" by ")  # by whom it is signed stands in the table, and in what a pointer shows
    told = ", ".join(filter(None, (f"{asset.kind} {asset.name} in {asset.home}", asset.sort if short != asset.sort else "")))
    return Row(identity(asset.kind, asset.name), asset.name, sort, short, told)


def _edges(report: Report) -> Iterator[Edge]:
    for way in report.ways:
        why = "; ".join(cause.reason for cause in way.because)
        for source in way.sources:
            if source != EVERYBODY:
                title = f"{source} → {way.destination}, {way.ports}{'' if way.certain else ', perhaps'}: {why}"
                yield Edge(of_talker(source), of_talker(way.destination), "way", title, way.certain)
    for asset in report.assets:
        for verb, workloads in (
            ("reads", asset.reads),
            ("writes", asset.writes),
            ("produces", asset.produces),
            ("serves", asset.serves),
        ):
            for workload in workloads:
                title = f"{workload} {verb} {asset.kind} {asset.name}"
                yield Edge(of_talker(workload), identity(asset.kind, asset.name), verb, title)
    for pool in report.pools:
        for workload in pool.workloads:
            yield Edge(of_talker(workload), identity("pool", pool.name), "runs on", f"{workload} runs on pool {pool.name}")


# Where it is


def _order(columns: Sequence[Column], edges: Iterable[Edge], sweeps: int = 4) -> None:
    """Fewer crossings: each box stands where those that it talks to stand on average."""
    box_of = {row.id: box for column in columns for box in column.boxes for row in box.rows}
    near: defaultdict[str, list[str]] = defaultdict(list)
    for edge in edges:
        if edge.source in box_of and edge.destination in box_of and box_of[edge.source] is not box_of[edge.destination]:
            near[box_of[edge.source].id].append(box_of[edge.destination].id)
            near[box_of[edge.destination].id].append(box_of[edge.source].id)
    for column in columns:
        if column.boxes[0].sort not in ("asset", "internet", "outside"):
            column.boxes.sort(key=lambda box: box.title)
    for _ in range(sweeps):
        place = {box.id: (number + 0.5) / len(column.boxes) for column in columns for number, box in enumerate(column.boxes)}
        for column in columns:
            if column.boxes[0].sort not in ("asset", "internet", "outside"):
                mean = {box.id: sum(place[other] for other in near[box.id]) / len(near[box.id]) for box in column.boxes if near[box.id]}
                column.boxes.sort(key=lambda box: (round(mean.get(box.id, place[box.id]), 6), box.title))


def _place(columns: list[Column], edges: list[Edge]) -> Map:
    where = {row.id: (number, row) for number, column in enumerate(columns) for box in column.boxes for row in box.rows}
    edges = [edge for edge in edges if edge.source in where and edge.destination in where]
    spans = [tuple(sorted((where[edge.source][0], where[edge.destination][0]))) for edge in edges]
    crossing = Counter(
        gutter
        for edge, (low, high) in zip(edges, spans, strict=True)
        if edge.sort == "way"
        for gutter in (range(low, high) if low < high else (low,))
    )
    x = 0.0
    for number, column in enumerate(columns):
        column.x, column.width = x, _width(column)
        x += column.width + min(MOST_GUTTER, GUTTER + crossing[number] // 2)
    _stack(columns, {})
    passes = [_passes(columns, where, edge) for edge in edges]
    used: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for number, through in enumerate(passes):
        if edges[number].sort == "way":
            for gap in through:
                used[gap].append(number)
    _stack(columns, {gap: len(numbers) for gap, numbers in used.items()})
    tracks = {(gap, number): track - (len(numbers) - 1) / 2 for gap, numbers in used.items() for track, number in enumerate(numbers)}

    def shift(gap: tuple[int, int], number: int) -> float:
        """Where in its gap a curve runs: those to assets, which are seen one at a time, between the tracks of the others."""
        return TRACK * tracks.get((gap, number), len(used.get(gap, ())) % 2 / 2)

    routed = [
        replace(edge, path=_path(columns, where, edge, [(gap, shift(gap, number)) for gap in passes[number]]))
        for number, edge in enumerate(edges)
    ]
    last = columns[-1]
    loops = GUTTER if any(low == high == len(columns) - 1 for low, high in spans) else 0
    height = max(column.gaps[-1] + GAP / 2 for column in columns)
    return Map(columns, routed, last.x + last.width + loops, height)


def _width(column: Column) -> float:
    needs = [LETTER * len(column.title)]
    for box in column.boxes:
        needs += (BOLD * len(box.title) + 24, SMALL * len(box.subtitle) + 24)
        needs += (LETTER * len(row.label) + SMALL * len(row.detail) + (46 if row.detail else 38) for row in box.rows)
    return round(min(WIDEST, max(NARROWEST, *needs)))


def _stack(columns: Iterable[Column], used: Mapping[tuple[int, int], int]) -> None:
    """Gives every box, row and gap its height."""
    for number, column in enumerate(columns):
        y, column.gaps = float(TOP), []
        for place, box in enumerate(column.boxes):
            gap = max(GAP if place else GAP / 2, TRACK * used.get((number, place), 0) + 8)
            column.gaps.append(y + gap / 2)
            box.y = y + gap
            for position, row in enumerate(box.rows):
                row.y = box.y + HEAD + ROW * (position + 0.5)
            y = box.y + box.height
        gap = max(GAP, TRACK * used.get((number, len(column.boxes)), 0) + 8)
        column.gaps.append(y + gap / 2)


def _passes(columns: Sequence[Column], where: Mapping[str, tuple[int, Row]], edge: Edge) -> list[tuple[int, int]]:
    """Column and gap of each column that an edge skips, in its own direction."""
    (start, source), (end, destination) = where[edge.source], where[edge.destination]
    step = 1 if end > start else -1
    y, through = source.y, []
    for number in range(start + step, end, step):
        left = abs(end - number) + 1
        wanted = y + (destination.y - y) / left
        gaps = columns[number].gaps
        after = bisect_left(gaps, wanted)
        gap = min((place for place in (after - 1, after) if 0 <= place < len(gaps)), key=lambda place: abs(gaps[place] - wanted))
        through.append((number, gap))
        y = gaps[gap]
    return through


def _path(
    columns: Sequence[Column],
    where: Mapping[str, tuple[int, Row]],
    edge: Edge,
    passes: Sequence[tuple[tuple[int, int], float]],
) -> str:
    """The curve and its arrowhead, as one SVG path."""
    (start, source), (end, destination) = where[edge.source], where[edge.destination]
    here, there = columns[start], columns[end]
    if start == end:
        x, low, high = here.x + here.width, source.y, destination.y
        bulge = min(GUTTER - 8, 16 + abs(high - low) / 6)
        return f"M{x:g} {low:g}C{x + bulge:g} {low:g} {x + bulge:g} {high:g} {x + 1:g} {high:g}" + _arrow(x + 1, high, -1)
    step = 1 if end > start else -1
    sides = [(here.x + here.width if step > 0 else here.x, source.y)]
    for (number, gap), shift in passes:
        column = columns[number]
        ends = (column.x, column.x + column.width)
        sides += ((x, column.gaps[gap] + shift) for x in (ends if step > 0 else ends[::-1]))
    sides.append((there.x - 1 if step > 0 else there.x + there.width + 1, destination.y))
    path = f"M{sides[0][0]:g} {sides[0][1]:g}"
    for number, ((x, y), (to_x, to_y)) in enumerate(pairwise(sides)):
        if number % 2:
            path += f"H{to_x:g}"
        else:
            middle = (x + to_x) / 2
            path += f"C{middle:g} {y:g} {middle:g} {to_y:g} {to_x:g} {to_y:g}"
    return path + _arrow(*sides[-1], step)


def _arrow(x: float, y: float, step: int) -> str:
    return f"M{x - 6 * step:g} {y - 3.5:g}L{x:g} {y:g}L{x - 6 * step:g} {y + 3.5:g}"
