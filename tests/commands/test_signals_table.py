"""What the embedded judge says of itself: in the docs, in ``doctor`` and in the pages that count its facets."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.commands import signals_table
from pytest_imagejudge.protocols.signals_bounds import MEASURED, MEASURES, REVISION
from pytest_imagejudge.protocols.signals_edit_bounds import MEASURED as ASPECTS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/signals-table.md"
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


def test_the_page_has_the_table_of_today():
    page = PAGE.read_text(encoding="utf-8")
    assert signals_table.with_table(page) == page, signals_table.__doc__


def test_the_page_is_written_anew(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{signals_table.START}\nold\n{signals_table.END}\nafter\n", encoding="utf-8")
    signals_table.write_page(str(page))
    text = page.read_text(encoding="utf-8")
    assert signals_table.page_table() in text
    assert "old" not in text
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")


@pytest.mark.parametrize("width", [80, 140])
def test_each_measure_is_told_with_its_bound_in_any_width(width):
    lines = signals_table.lines(width)
    assert max(map(len, lines)) <= width
    told = " ".join(" ".join(lines).split())
    for measure in MEASURES:
        fails, _ = signals_table.bounds(measure)
        assert f"{measure.title}: fails {fails}" in told
        assert measure.relax in told
        assert ", ".join(measure.styles) in told
    assert '"Real-world Fidelity 60" means that no nudity was seen' in told


def test_doctor_begins_with_the_embedded_judge_and_names_no_server(capsys):
    assert main(["doctor", "--judge-model", "signals"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("judge of images: signals, engine signals")
    assert all(" / ".join(measure.facet) in printed for measure in MEASURES)
    assert not re.search("vllm|gpu", printed, re.IGNORECASE)


def test_doctor_names_the_version_as_reports_do(capsys):
    main(["doctor", "--judge-model", "signals", "--edit-judge-model", "signals"])
    heads = [line for line in capsys.readouterr().out.splitlines() if line.startswith("judge of ")]
    assert [head.rpartition(", ")[2] for head in heads] == [f"version {REVISION}"] * 2


def test_doctor_gives_the_measures_as_data(capsys):
    assert main(["doctor", "--judge-model", "signals", "--json"]) == 0
    (judge,) = json.loads(capsys.readouterr().out)["judges"]
    assert [one["name"] for one in judge["measures"]] == [measure.name for measure in MEASURES]
    assert judge["measures"][0]["facet"] == list(MEASURES[0].facet)


def test_doctor_tells_of_servers_where_another_judge_is_named_too(capsys):
    main(["doctor", "--judge-model", "signals", "--edit-judge-url", "http://127.0.0.1:9"])
    assert "vLLM" in capsys.readouterr().out


@pytest.mark.parametrize("page", ["README.md", "docs/start.md", "thresholds/signals.toml"])
def test_pages_that_count_the_measured_facets_are_right(page):
    counts = re.findall(r"\b(\w+) facets", (ROOT / page).read_text(encoding="utf-8"))
    assert NUMBERS[len(MEASURED)] in counts
    assert not set(counts) & set(NUMBERS) - {NUMBERS[len(MEASURED)]}


def test_the_shipped_profile_bounds_all_that_is_measured():
    profile = tomllib.loads((ROOT / "thresholds/signals.toml").read_text(encoding="utf-8"))
    assert sorted(map(tuple, profile["must_not_fail"])) == sorted(MEASURED)


@pytest.mark.parametrize("width", [80, 140])
def test_each_aspect_of_an_edit_is_told_with_its_bounds_in_any_width(width):
    lines = signals_table.edit_lines(width)
    assert max(map(len, lines)) <= width
    told = " ".join(" ".join(lines).split())
    bounds = tomllib.loads((ROOT / "thresholds/edit-signals.toml").read_text(encoding="utf-8"))["edit"]["aspects"]
    assert bounds.keys() == {aspect.name for aspect in ASPECTS}
    for aspect in ASPECTS:
        assert f"{aspect.name}: {aspect.title}" in told
    assert "edited_area: share of the picture that changed in whole patches, within the mask or box: at least" in told
    assert "(pixels): at most 0.8" in told


def test_doctor_tells_the_aspects_of_edits(capsys):
    assert main(["doctor", "--edit-judge-model", "signals"]) == 0
    assert "outside_change: share of the change" in capsys.readouterr().out
    assert main(["doctor", "--edit-judge-model", "signals", "--json"]) == 0
    (judge,) = json.loads(capsys.readouterr().out)["judges"]
    assert {one["name"]: one["bounds"] for one in judge["measures"]}["changed_area"] == {"least": 0.0005, "most": 0.6}
