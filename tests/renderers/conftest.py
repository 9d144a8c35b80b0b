from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_imagejudge.renderers import html_page
from pytest_imagejudge.report.model import Report
from tests.report import samples


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with the pictures that the sample reports name."""
    monkeypatch.chdir(tmp_path)
    samples.pictures(tmp_path / "img", 16)
    return tmp_path


# The first has no windows, and takes some four fifths of the others' time.
CHROMIUM = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def chromium() -> str | None:
    """A browser on this machine, or None."""
    return os.environ.get("IMAGEJUDGE_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)


@pytest.fixture(scope="package")  # its event loop would stay in the way of later tests
def browser() -> Iterator[Any]:
    executable = chromium()
    if executable is None:
        if os.environ.get("CI"):
            pytest.fail("CI has no Chromium: apt-get install -y chromium-headless-shell")
        pytest.skip("no Chromium on this machine (apt-get install -y chromium-headless-shell)")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield running
        running.close()


class Visit:
    """One page, with all that it said and asked for.

    The tab is that of the visit before: a new one starts a process, which takes longer than most visits.
    """

    def __init__(self, tab: Any, path: Path, *, viewport: dict[str, int] | None = None) -> None:
        self.page = tab
        self.said: list[str] = []
        self.asked: list[str] = []
        self._listeners: dict[str, Callable[[Any], None]] = {
            "console": lambda message: self.said.append(f"{message.type}: {message.text}"),
            "pageerror": lambda error: self.said.append(str(error)),
            "request": lambda request: self.asked.append(request.url),
        }
        self.page.set_viewport_size(viewport or {"width": 1280, "height": 900})
        self.page.emulate_media(color_scheme="light")
        for event, listener in self._listeners.items():
            self.page.on(event, listener)
        self.page.goto(path.as_uri())

    def end(self) -> None:
        for event, listener in self._listeners.items():
            self.page.remove_listener(event, listener)

    def titles(self) -> list[str]:
        return self.page.locator("#grid .title").all_text_contents()

    def opened(self) -> Any:
        """The page of an image, once it is open."""
        self.page.locator("#page[open] #page-title").wait_for()
        return self.page.get_by_role("dialog")

    def choose(self, outcome: str) -> None:
        self.page.get_by_role("radio", name=re.compile(rf"^{outcome}( \d+)?$")).check()

    def badges(self) -> set[str]:
        return set(self.page.locator("#grid .badge").all_text_contents())

    def faults(self) -> list[str]:
        """Serious faults in accessibility, in the light and in the dark, where only colours are others."""
        axe = pytest.importorskip("axe_playwright_python.sync_playwright")
        found = []
        for scheme, rules in (("light", {}), ("dark", {"runOnly": ["cat.color"]})):
            self.page.emulate_media(color_scheme=scheme)
            response = axe.Axe().run(self.page, options={"resultTypes": ["violations"], **rules}).response
            found += [
                f"{scheme}: {fault['id']}: {node['html'][:120]}"
                for fault in response["violations"]
                if fault["impact"] in ("serious", "critical")
                for node in fault["nodes"]
            ]
        self.page.emulate_media(color_scheme="light")
        return found


@pytest.fixture(scope="package")
def tab(browser: Any) -> Any:
    tab = browser.new_page()
    tab.set_default_timeout(10_000)
    return tab


@pytest.fixture
def visit(tab: Any, folder: Path) -> Iterator[Any]:
    visits: list[Visit] = []

    def go(report: Report, *, failed_only: bool = False, own_bounds: bool = False, **options: Any) -> Visit:
        if visits:
            visits[-1].end()
        path = folder / "report.html"
        html_page.write_html(report, path, None if own_bounds else samples.BOUNDS, failed_only=failed_only)
        visits.append(Visit(tab, path, **options))
        return visits[-1]

    yield go
    if visits:
        visits[-1].end()
    for each in visits:
        assert each.said == []
        assert [url for url in each.asked if not url.startswith(("file:", "data:"))] == []
        assert sum(url.startswith("file:") for url in each.asked) == 1
