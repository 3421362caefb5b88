"""Takes `docs/report.png`: the report of the dev stack with one workload chosen, as a reader's browser shows it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from factory.load import load_stack
from factory.review.report import page, report_stack
from tests.chromium import QUIET, find_chromium

SHOWN = "talker scoring/fraud-server"


def main() -> None:
    """Writes the picture."""
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder, "report.html")
        path.write_text(page(report_stack(load_stack(Path("stacks/Pulumi.dev.yaml")), date(2026, 11, 24))), encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=QUIET)
        window = browser.new_page(viewport={"width": 1440, "height": 1060}, color_scheme="light")
        window.goto(path.as_uri())
        window.locator(f'.map [data-id="{SHOWN}"]').click()
        window.mouse.move(0, 0)
        window.screenshot(path="docs/report.png")
        browser.close()


if __name__ == "__main__":
    main()
