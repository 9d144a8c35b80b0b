"""Pages of tables and charts, such as the leaderboard's, in a real browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_imagejudge.renderers import charts
from pytest_imagejudge.renderers.comparison_page import to_html
from pytest_imagejudge.statistics.comparison import compare_runs
from pytest_imagejudge.statistics.pairing import ScoredRun, scored
from tests.renderers.conftest import Visit
from tests.report import samples

MODELS = ("Qwen-Image-2512-Lightning-8steps-V1.0-fp8_e4m3fn", "stabilityai/stable-diffusion-3.5-large-turbo", "A")
HEAD = ["Model", "Rank", "Quality", "Aesthetics", "Alignment", "Creative Generation", "Real-world Fidelity", "Total"]
HEAD += ["95% interval", "Prompts", "Unreadable", "Missing"]


def leaderboard() -> str:
    figures = ["1 (1-2)", *["89.20"] * 6, "86.60 to 88.34", "1200", "0", "0"]
    dots = [(name, 87.0, 86.0, 88.0) for name in MODELS]
    table = charts.DataTable(HEAD, [[name, *figures] for name in MODELS])
    return charts.page("Leaderboard", [charts.interval_chart("Totals", dots), table, charts.Note("A bootstrap.")])


def comparison() -> str:
    runs = [samples.report(3, first=first) for first in (0, 3)]
    for number, (old, new) in enumerate(zip(*(run.verdicts for run in runs), strict=True)):
        old.id = new.id = str(number)
        old.prompt = new.prompt = "a red fox " * 20
    a, b = (ScoredRun(name, scored(run.verdicts)) for name, run in zip(("a.json", "b.json"), runs, strict=True))
    return to_html(compare_runs(a, b))


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("drawn", [leaderboard, comparison])
def test_a_page_fits_and_has_no_fault(tab: Any, folder: Path, drawn: Any, width: int) -> None:
    path = folder / "page.html"
    path.write_text(drawn(), encoding="utf-8")
    seen = Visit(tab, path, viewport={"width": width, "height": 900})
    assert seen.page.evaluate("document.documentElement.scrollWidth") == width
    if width == 1280 or drawn is comparison:  # whose rows are stacked on a phone
        assert seen.page.locator(".wide").evaluate("box => box.scrollWidth <= box.clientWidth")
    if drawn is comparison:
        rows = seen.page.locator("tbody tr").evaluate_all("rows => rows.map((row) => row.offsetHeight)")
        assert max(rows) < 160
    assert seen.faults() == []
    seen.end()
    assert seen.said == []
