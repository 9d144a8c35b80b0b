"""Models behind an alias, told by an endpoint: recorded in baselines, compared, and never a reason to fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_imagejudge.recorded.runs import read_run
from pytest_imagejudge.report.model import Report, VerdictEntry
from pytest_imagejudge.statistics.baseline import compare_with_baseline
from pytest_imagejudge.statistics.baseline_file import read_baseline, update_baseline
from pytest_imagejudge.statistics.comparison import compare_runs
from pytest_imagejudge.statistics.served_models import other_models, served_models
from tests.statistics.samples import JUDGE, image

OLD, NEW = "gpt-4o-2024-05-13", "gpt-4o-2024-08-06"


def run(*told: dict[str, str]) -> list[VerdictEntry]:
    """Two images for each of ``told``."""
    judge = {**JUDGE, "model": "gpt-4o", "engine": "endpoint", "engine_version": ""}
    return [image(2 * n + k, fingerprint={**judge, **one}) for n, one in enumerate(told) for k in (0, 1)]


def served(model: str, system: str = "") -> dict[str, str]:
    return {"served_model": model, **({"system_fingerprint": system} if system else {})}


def test_all_that_were_told_are_listed_in_order() -> None:
    prints = [entry.fingerprint for entry in run(served(NEW, "fp_b"), served(OLD, "fp_a, fp_c"), {})]
    assert served_models(prints) == {
        "served model of gpt-4o": [OLD, NEW],
        "system_fingerprint of gpt-4o": ["fp_a", "fp_b", "fp_c"],
    }
    assert served_models([JUDGE]) == {}


CASES: list[tuple[Any, Any, list[str]]] = [
    (
        served(OLD),
        served(NEW),
        [f"gpt-4o was answered by {OLD} before, by {NEW} now: another model under the same name"],
    ),
    (served(OLD, "fp_a"), served(NEW, "fp_b"), [OLD]),  # the weaker note is in the stronger
    (served(OLD, "fp_a"), served(OLD, "fp_b"), ["other system_fingerprint of gpt-4o: fp_a before, fp_b now"]),
    (served(OLD, "fp_a, fp_b"), served(OLD, "fp_b"), []),  # fewer of the same
    (served(OLD, "fp_a"), served(OLD, "fp_a, fp_b"), ["fp_a before, fp_a, fp_b now"]),
    (served(OLD), served(OLD), []),
    ({}, served(NEW, "fp_b"), []),  # an old baseline
    (served(OLD, "fp_a"), {}, []),
]


@pytest.mark.parametrize(("before", "after", "lines"), CASES)
def test_another_model_under_the_same_name_is_one_line(
    tmp_path: Any, before: dict[str, str], after: dict[str, str], lines: list[str]
) -> None:
    update_baseline(tmp_path / "b.json", run(before))
    report = tmp_path / "r.json"
    report.write_text(Report(verdicts=run(before)).model_dump_json(by_alias=True), encoding="utf-8")
    (tmp_path / "n.json").write_text(Report(verdicts=run(after)).model_dump_json(by_alias=True), encoding="utf-8")
    found = compare_with_baseline(run(after), read_baseline(tmp_path / "b.json"), {(): 2.0})
    assert found.gate == "passed"
    of_models = [line for line in found.warnings if "gpt-4o" in line]
    assert [words in line for words, line in zip(lines, of_models, strict=True)] == [True] * len(lines)
    for earlier in ("b.json", "r.json"):
        runs = read_run(tmp_path / earlier), read_run(tmp_path / "n.json")
        warnings = compare_runs(*runs, max_drop=2.0).warnings
        assert warnings == [f"{earlier} (before) and n.json (now): {line}" for line in of_models]


def test_names_that_were_asked_for_are_told_apart() -> None:
    there = served_models([{"model": "a", "served_model": "x"}, {"model": "b", "served_model": "y"}])
    here = served_models([{"model": "b", "served_model": "x"}])
    assert other_models(there, here) == ["b was answered by y before, by x now: another model under the same name"]


def test_a_baseline_without_the_fields_is_as_it_was(tmp_path: Any) -> None:
    update_baseline(tmp_path / "b.json", run({}))
    assert set(json.loads((tmp_path / "b.json").read_text())["environment"]) == {
        "pytest-imagejudge",
        "engines",
        "notes",
    }


def test_what_was_told_does_not_change_the_judge_of_a_baseline(tmp_path: Any) -> None:
    files = [tmp_path / "a.json", tmp_path / "b.json"]
    for file, told in zip(files, ({}, served(NEW, "fp_a")), strict=True):
        update_baseline(file, run(told))
    first, second = (json.loads(file.read_text()) for file in files)
    assert first["judges"] == second["judges"]
    assert first["images"] == second["images"]
