"""The report in a real browser: it renders, finds, shows what the evaluator says, by mouse and keyboard, and asks nobody for anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
import yaml
from playwright.sync_api import Browser, Page, sync_playwright

from factory.load import CONFIG_KEY, Stack, load_stack, load_text
from factory.review.channel import EVERYBODY, find_reach
from factory.review.objects import of_stack
from factory.review.report import page as write_page
from factory.review.report import report_stack
from tests.chromium import QUIET, find_chromium
from tests.large import large

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 24)
OVERLAPS = """
() => {
  const texts = [...document.querySelectorAll(".map text")].map((node) => [node.textContent, node.getBoundingClientRect()]);
  const found = [];
  texts.sort((a, b) => a[1].top - b[1].top);
  for (let i = 0; i < texts.length; i++)
    for (let j = i + 1; j < texts.length && texts[j][1].top < texts[i][1].bottom - 1; j++) {
      const [one, other] = [texts[i][1], texts[j][1]];
      if (one.left < other.right - 1 && other.left < one.right - 1) found.push(`${texts[i][0]} / ${texts[j][0]}`);
    }
  for (const box of document.querySelectorAll(".map .box")) {
    const frame = box.querySelector(".frame").getBoundingClientRect();
    for (const text of box.querySelectorAll("text")) {
      const label = text.getBoundingClientRect();
      if (label.left < frame.left || label.right > frame.right + 0.5) found.push(`${text.textContent} leaves its box`);
    }
  }
  return found;
}
"""
CONTRAST = """
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const pixel = (colour, under) => {
    canvas.fillStyle = under; canvas.fillRect(0, 0, 1, 1);
    canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const light = (rgb) => rgb.map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const paper = getComputedStyle(document.documentElement).backgroundColor;
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const frame = at.matches(".box") ? at.querySelector(".frame") : null;
      if (frame) return getComputedStyle(frame).fill;
      const colour = getComputedStyle(at).backgroundColor;
      if (!colour.endsWith(", 0)")) return colour;
    }
    return paper;
  };
  const bad = new Set();
  for (const node of document.querySelectorAll("body *")) {
    const says = [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim());
    if (!says || !node.checkVisibility() || node.matches("script, style, title")) continue;
    const style = getComputedStyle(node), under = pixel(ground(node), paper);
    const over = pixel(node.matches("svg text") ? style.fill : style.color, `rgb(${under})`);
    const [a, b] = [light(over), light(under)].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) bad.add(`${node.tagName}.${node.getAttribute("class")} ${ratio.toFixed(2)}: ${node.textContent.slice(0, 30)}`);
  }
  return [...bad];
}
"""

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or Google Chrome. Missing is an error, not a reason to skip."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=find_chromium(), args=QUIET)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The dev stack and two generated ones, as files."""
    folder = tmp_path_factory.mktemp("report")
    stacks = {"dev": load_stack(ROOT / "stacks/Pulumi.dev.yaml")} | {f"{size}": generated(size) for size in (6, 60)}
    for name, stack in stacks.items():
        (folder / f"{name}.html").write_text(write_page(report_stack(stack, TODAY)), encoding="utf-8")
    return {name: folder / f"{name}.html" for name in stacks}


def generated(segments: int) -> Stack:
    """A stack of that many segments."""
    return load_text(yaml.safe_dump({"config": {CONFIG_KEY: large(segments)}}), f"{segments}.yaml")


@pytest.fixture
def open_page(browser: Browser, pages: dict[str, Path]) -> Iterator[Open]:
    """Opens a page. Afterwards: it has said nothing on the console, and has asked for nothing but itself."""
    said: list[str] = []
    asked: list[str] = []
    context = browser.new_context(viewport={"width": 1440, "height": 900})

    def open_one(name: str, **emulate: str) -> Page:
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        if emulate:
            page.emulate_media(**emulate)  # type: ignore[arg-type]
        page.goto(pages[name].as_uri())
        return page

    yield open_one
    context.close()
    assert said == []
    assert all(url.startswith("file:") and url.split("#")[0].endswith(".html") for url in asked), asked


def named(page: Page, sort: str) -> set[str]:
    """Names of the rows of the map that are marked so."""
    found = page.locator(f".map .row.{sort}").evaluate_all("nodes => nodes.map((node) => node.dataset.id)")
    return {str(one).partition(" ")[2] for one in found}


def listed(page: Page, sort: str) -> set[str]:
    """Names in one list of the panel."""
    found = page.locator(f"#panel ul.{sort} li").evaluate_all(
        "nodes => nodes.map((node) => node.dataset.name ?? node.firstChild.textContent)"
    )
    return {str(one) for one in found}


def judged() -> dict[tuple[str, str], bool]:
    """Every pair of the dev stack's workloads, asked of the evaluator on all ports of the other."""
    stack = load_stack(ROOT / "stacks/Pulumi.dev.yaml")
    reach = find_reach(of_stack(stack))
    pods = {reach.say(endpoint): endpoint for endpoint in reach.parties.endpoints if endpoint.kind == "Workload"}
    return {
        (one, other): any(
            reach.network.may_reach(pods[one], pods[other], listener.port, listener.protocol.value).allowed
            for listener in stack.factory.workload[other].listens
        )
        for one in pods
        for other in pods
        if one != other
    }


def test_choosing_any_workload_shows_whom_it_reaches_and_who_reaches_it(open_page: Open) -> None:
    """For every workload: the marked rows, the drawn curves and the panel's lists are what the evaluator says, neither more nor less."""
    page, pairs = open_page("dev"), judged()
    workloads = {one for one, _ in pairs}
    for name in sorted(workloads):
        page.locator(f'.map [data-id="talker {name}"]').dispatch_event("click")
        assert page.locator("#panel h2").inner_text() == name
        out = {other for other in workloads if pairs.get((name, other))}
        into = {other for other in workloads if pairs.get((other, name))}
        assert named(page, "leaving") & workloads == out
        assert named(page, "entering") & workloads == into
        assert listed(page, "leaving") & workloads == out
        assert listed(page, "entering") & workloads == into
        assert "cluster DNS" in listed(page, "leaving")
        drawn = page.locator(".map .edges .leaving").evaluate_all("nodes => nodes.map((node) => node.dataset.to)")
        assert {str(to).partition(" ")[2] for to in drawn} & workloads == out


def test_a_segment_shows_all_that_its_workloads_may(open_page: Open) -> None:
    """Choosing a segment's heading is choosing all that lives in it."""
    page, pairs = open_page("dev"), judged()
    page.locator('.map [data-id="segment training"]').click()
    workloads = {one for one, _ in pairs}
    ours = {one for one in workloads if one.startswith("training/")}
    assert listed(page, "leaving") & workloads == {b for (a, b), may in pairs.items() if may and a in ours}
    assert listed(page, "entering") & workloads == {a for (a, b), may in pairs.items() if may and b in ours}


def test_the_panel_says_why_and_who_works_there(open_page: Open) -> None:
    """Each line with the spec's reason; assets with what is done to them; people with their role."""
    page = open_page("dev")
    page.locator('.map [data-id="talker scoring/fraud-server"]').click()
    panel = page.locator("#panel").inner_text()
    assert "a score needs the features of the member" in panel
    assert "serves fraud" in panel
    assert "runs on l40s" in panel
    assert "group helix:on-call" in panel
    chosen = page.locator(".map .chosen").bounding_box()
    top = page.locator("#panel").bounding_box()
    assert chosen is not None
    assert top is not None
    assert chosen["y"] + chosen["height"] <= top["y"], "the panel hides what is chosen"


@pytest.mark.parametrize("size", ["dev", "6", "60"])
def test_no_label_overlaps_another_or_leaves_its_box(open_page: Open, size: str) -> None:
    """By their bounding boxes, at the window's size."""
    assert open_page(size).evaluate(OVERLAPS) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(open_page: Open, scheme: str) -> None:
    """WCAG 2.2 AA, 1.4.3: a contrast of 4.5 at least, in both schemes; and the scheme is the one that the system asks for."""
    page = open_page("dev", color_scheme=scheme)
    assert page.evaluate(CONTRAST) == []
    ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") is (scheme == "light")
    page.locator("#theme").click()
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != ground


def test_the_filter_searches_all_tables_and_the_map(open_page: Open) -> None:
    """Rows with every word stay, counts say how many; one exact name is chosen; Escape brings everything back."""
    page = open_page("dev")
    rows = page.locator("#ways tbody tr")
    everything = rows.count()
    page.fill("#filter", "nightly 9002")
    assert page.locator("#ways tbody tr:visible").count() == 0
    page.fill("#filter", "nightly 9001")
    assert page.locator("#ways tbody tr:visible").count() == 1
    assert page.locator("#ways h2 .count").inner_text() == f"1 of {everything}"
    page.fill("#filter", "training/notebook")
    assert page.locator("#panel h2").inner_text() == "training/notebook"
    assert named(page, "leaving") == {"training/feature-store", "cluster DNS"}
    page.locator("#filter").press("Escape")
    page.locator("#filter").press("Escape")
    assert page.locator("#ways tbody tr:visible").count() == everything
    assert page.input_value("#filter") == ""
    assert page.locator("#panel").is_hidden()


def test_everything_can_be_done_by_keyboard(open_page: Open) -> None:
    """The map is one stop of Tab; arrows move within it, Enter chooses, Escape lets go and returns; focus can be seen."""
    page = open_page("dev")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "filter"
    page.keyboard.type("loader")
    page.keyboard.press("Enter")
    assert page.locator("#panel h2").inner_text() == "intake/loader"
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    page.fill("#filter", "")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.closest('.map') !== null"):
            break
    first = page.evaluate("document.activeElement.dataset.id")
    for key in ("ArrowRight", "ArrowDown", "ArrowDown"):
        page.keyboard.press(key)
    reached = page.evaluate("document.activeElement.dataset.id")
    assert reached != first
    assert page.evaluate("getComputedStyle(document.activeElement.querySelector('.hit')).strokeWidth") == "2px"
    page.keyboard.press("Enter")
    assert page.locator(f'.map [data-id="{reached}"]').get_attribute("aria-pressed") == "true"
    page.keyboard.press("Escape")
    assert page.locator("#panel").is_hidden()
    assert page.evaluate("document.activeElement.dataset.id") == reached
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('.map') === null")
    unnamed = "nodes => nodes.filter((node) => !(node.getAttribute('aria-label') || node.textContent.trim())).length"
    assert page.locator("button, [role=button], input[aria-label]").evaluate_all(unnamed) == 0


def test_it_prints_whole_and_in_ink(open_page: Open, tmp_path: Path) -> None:
    """On paper: no bar, no panel, white ground whatever the scheme, and rows that a filter hid are there."""
    page = open_page("dev", color_scheme="dark")
    page.fill("#filter", "nightly")
    page.emulate_media(media="print")
    assert page.locator(".bar").is_hidden()
    assert page.locator("#panel").is_hidden()
    assert page.locator("#controls tbody tr:visible").count() == page.locator("#controls tbody tr").count()
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_every_way_of_the_table_is_on_the_map(open_page: Open) -> None:
    """A curve for each pair of each row, but for what every pod may do."""
    page = open_page("60")
    report = report_stack(generated(60), TODAY)
    pairs = {(source, way.destination) for way in report.ways for source in way.sources if source != EVERYBODY}
    drawn = page.locator(".map .edges .way").evaluate_all("nodes => nodes.map((node) => [node.dataset.from, node.dataset.to])")
    assert {(str(a).partition(" ")[2], str(b).partition(" ")[2]) for a, b in drawn} == pairs
