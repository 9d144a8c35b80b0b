"""``imagejudge thresholds show``: what a profile bounds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.thresholds.loading import shipped

OWN = """
extends = "signals"
min_applicable = 3
[level1]
Quality = 50
[suite]
on_undecided = "fail"
[suite.level1]
Quality = 70
[suite.edit]
score = 3.5
[baseline]
total = 2
newly_failing = 0
[edit.aspects]
changed_area = { min = 0.1, max = 0.5 }
"""


def show(capsys: pytest.CaptureFixture[str], *args: str) -> str:
    assert main(["thresholds", "show", *args]) == 0
    return capsys.readouterr().out


def test_every_bound_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.toml").write_text(OWN)
    name = str(tmp_path / "own.toml")
    found = json.loads(show(capsys, name, "--json"))[name]
    assert found.pop("Quality / Detail / Noise") == "not 0"
    assert sum(words == "not 0" for words in found.values()) == 7
    assert {what: words for what, words in found.items() if words != "not 0"} == {
        "Quality": "at least 50",
        "facets with a score": "at least 3",
        "edit: changed_area": "at least 0.1, at most 0.5",
        "mean of a run: Quality": "at least 70, undecided: fail",
        "mean of a run: edit: score": "at least 3.5, undecided: fail",
        "drop against the baseline: total": "at most 2, undecided: pass",
        "images that newly fail": "at most 0",
    }


def test_a_misspelt_aspect_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.toml").write_text("[edit.aspects]\nfidelty = 0.6\nshift.max = 3\nidentity = 3\nconsistency = 1\n")
    assert main(["thresholds", "show", str(tmp_path / "own.toml")]) == 0
    found = capsys.readouterr()
    assert "fidelty" in found.out
    assert found.err.count("did you mean") == 1
    assert 'edit.aspects: no shipped judge of edits gives "fidelty" (did you mean "fidelity"?)' in found.err
    show(capsys, *shipped())
    assert "did you mean" not in capsys.readouterr().err


def test_two_side_by_side_and_what_differs(capsys: pytest.CaptureFixture[str]) -> None:
    text = show(capsys, "default", "photoreal")
    assert "total" in text
    text = show(capsys, "default", "photoreal", "--diff")
    assert "total" not in text
    lines = [line.split("  ") for line in text.splitlines()]
    assert ["Quality", "at least 40", "at least 60"] in [
        [part.strip() for part in line if part.strip()] for line in lines
    ]
    assert show(capsys, "edit", "edit", "--diff") == "both bound the same\n"


def test_the_shipped_profiles_say_what_they_are_for(capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(show(capsys, "--json"))
    assert set(found) == set(shipped())
    assert all(20 < len(words) < 120 and words.startswith(("For ", "Only ")) for words in found.values())
    assert "photoreal" in show(capsys)


@pytest.mark.parametrize(
    ("args", "words"),
    [(["--diff", "default"], "--diff: two profiles are expected, not 1"), (["defalt"], "no profile 'defalt'")],
)
def test_what_cannot_be_shown(args: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["thresholds", "show", *args]) == 2
    assert words in capsys.readouterr().err
