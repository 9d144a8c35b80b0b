"""The aspects of edits in the code, the shipped profile and the docs."""

from __future__ import annotations

from pytest_imagejudge.protocols.signals_edit_bounds import ASPECTS, MEASURED, RANGES
from pytest_imagejudge.thresholds.loading import load_profile
from tests.stand_in.project import ROOT


def test_names_are_unique_and_have_ranges():
    assert len(set(ASPECTS)) == len(ASPECTS)
    assert set(RANGES) == set(ASPECTS) - {"text_alignment"}


def test_every_measured_aspect_is_bounded_and_in_the_docs():
    table = (ROOT / "docs" / "edits.md").read_text(encoding="utf-8")
    bounded = load_profile("edit-signals").edit.aspects
    assert list(bounded) == [aspect.name for aspect in MEASURED]
    for aspect in MEASURED:
        words = ", ".join(f"at {side} {bound:g}" for side, bound in bounded[aspect.name].sides())
        assert f"| `{aspect.name}` | {aspect.title} | {aspect.unit or 'share'} | {words} |" in table, aspect.name
