from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.renderers.terminal_summary import suite_tree
from pytest_imagejudge.renderers.tree_rows import tree_rows
from pytest_imagejudge.report.merging import merge
from pytest_imagejudge.report.model import Before, EditEntry, Facet, Report, VerdictEntry
from pytest_imagejudge.report.paths import relative_paths
from pytest_imagejudge.report.tally import summarize
from pytest_imagejudge.taxonomy import FACETS, LEVEL1
from tests.report import samples


def test_means_are_of_the_images_figures_not_of_the_means() -> None:
    one = VerdictEntry(key="a", image="", prompt="", total=50.0, level1={"Quality": 40.0, "Aesthetics": 60.0})
    two = VerdictEntry(key="b", image="", prompt="", total=100.0, level1={"Quality": 100.0, "Aesthetics": None})
    summary = summarize([one, two])
    assert summary.total.mean == 75.0
    assert summary.level1["Quality"].mean == 70.0
    assert (summary.level1["Aesthetics"].mean, summary.level1["Aesthetics"].n) == (60.0, 1)
    assert summary.level1["Aesthetics"].left_out == 1
    assert summary.n == 2


def test_what_was_not_judged_is_left_out_and_counted() -> None:
    report = samples.report()
    summary = summarize([*report.verdicts, *report.edits])
    assert summary.n == 14
    assert summary.total.left_out == 2
    assert summary.level1["Aesthetics"].left_out == 2
    assert (summary.edits.n, summary.edits.left_out) == (2, 1)
    assert summary.edits.mean == pytest.approx((3.71 + 2.1) / 2)
    assert summarize([]).n == 0


@given(st.lists(st.lists(st.sampled_from([0, 1, 2, "N/A"]), min_size=56, max_size=56), max_size=4))
@settings(max_examples=30)
def test_every_count_adds_up(raws: list[list[int | str]]) -> None:
    entries = [
        samples.entry(verdict_=samples.verdict(n, dict(zip(FACETS, raw, strict=True)))) for n, raw in enumerate(raws)
    ]
    summary = summarize(entries)
    for row in tree_rows(entries).walk():
        if not entries:
            continue
        mean = summary.total
        if row.path:
            level = (summary.level1, summary.level2, summary.level3)[len(row.path) - 1]
            for name in row.path:
                level = level[name]  # type: ignore[assignment, index]
            mean = level  # type: ignore[assignment]
        assert mean.n + mean.left_out == summary.n == len(entries)
        assert (row.n, row.mean) == (mean.n, mean.mean)
        assert mean.mean is None or 0 <= mean.mean <= 100


def test_the_same_verdict_twice_counts_once() -> None:
    report = samples.report()
    merged = merge([("a.json", report), ("b.json", samples.report())])
    assert len(merged.verdicts) == 14
    assert len(merged.edits) == 3
    assert merged.run.requests == 60
    shared = merge([("a.json", report), ("b.json", Report(verdicts=[*report.verdicts[:3], samples.entry(50)]))])
    assert len(shared.verdicts) == 15
    assert shared.summary == summarize([*shared.verdicts, *shared.edits])


def test_shards_add_up(snapshot: SnapshotAssertion) -> None:
    one, two = samples.report(4), samples.report(4, first=20)
    merged = merge([("a", one), ("b", two)])
    assert len(merged.verdicts) == 12
    assert (merged.suite, merged.left_out) == ([], ["suite"])  # nobody has decided them over the whole
    assert merge([("m", merged), ("c", Report(verdicts=[samples.entry(90)]))]).left_out == ["suite"]
    assert merged.run.model_dump() == snapshot(name="run")
    assert suite_tree(merged, samples.BOUNDS, width=80, color=False, verbosity=-1) == snapshot(name="tree")


def test_the_same_image_checked_twice_in_a_run_stays_two() -> None:
    entry = samples.entry(1)
    report = Report(verdicts=[entry, entry])
    assert len(merge([("a", report)]).verdicts) == 2
    assert len(merge([("a", report), ("b", Report(verdicts=[entry]))]).verdicts) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"total": 1.0},
        {"outcome": "error"},
        {"error": "x"},
        {"unreadable": [["Quality"]]},
        {"level1": {"Quality": 3.0}},
        {"breaches": []},
    ],
)
def test_verdicts_that_differ_under_one_key_name_both_files(change: dict[str, object]) -> None:
    entry = samples.entry(1)
    other = entry.model_copy(update=change)
    with pytest.raises(ConfigError, match=rf"one\.json and two\.json.*key-1.*{next(iter(change))}"):
        merge([("one.json", Report(verdicts=[entry])), ("two.json", Report(verdicts=[other]))])


def test_a_facet_that_differs_is_a_difference_even_in_another_test() -> None:
    entry, other = samples.entry(1), samples.entry(1).model_copy(update={"test": "elsewhere::test"})
    merge([("a", Report(verdicts=[entry])), ("b", Report(verdicts=[other]))])
    detail = other.level3["Quality"]["Detail"]
    detail["Edge Clarity"] = Facet(raw=2 if detail["Edge Clarity"].raw != 2 else 0, score=100.0)
    with pytest.raises(ConfigError, match=r"a and b.*level3"):
        merge([("a", Report(verdicts=[entry])), ("b", Report(verdicts=[other]))])


def test_words_places_and_engines_may_differ() -> None:
    entry = samples.entry(1)
    other = entry.model_copy(
        deep=True, update={"source": "store", "image": "x/y.png", "answers": {"Quality": "z"}, "judged_at": "then"}
    )
    noise = other.level3["Quality"]["Detail"]
    noise["Noise"] = noise["Noise"].model_copy(update={"evidence": "other words"})
    merged = merge([("a", Report(verdicts=[entry])), ("b", Report(verdicts=[other]))])
    assert [each.image for each in merged.verdicts] == ["img/1.png"]


def test_edits_that_differ_are_an_error_and_the_unjudged_are_told_apart() -> None:
    with pytest.raises(ConfigError, match="score"):
        merge([("a", Report(edits=[samples.edit(1, 3.0)])), ("b", Report(edits=[samples.edit(1, 4.0)]))])
    gone = [VerdictEntry(key="", image=f"{n}.png", prompt="p", error="gone") for n in range(3)]
    merged = merge([("a", Report(verdicts=gone[:2])), ("b", Report(verdicts=gone[1:]))])
    assert [each.image for each in merged.verdicts] == ["0.png", "1.png", "2.png"]


def test_paths_become_relative_to_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    entry = samples.entry(1).model_copy(
        update={"image": str(tmp_path / "a" / "1.png"), "before": Before(image="b/2.png")}
    )
    edit = EditEntry(key="", source_image="s.png", edited_image="../e.png", instruction="")
    report = Report(verdicts=[entry, entry.model_copy(update={"image": ""})], edits=[edit])
    moved = relative_paths(report, tmp_path / "out" / "deep")
    assert moved.verdicts[0].image == "../../a/1.png"
    assert moved.verdicts[0].before is not None
    assert moved.verdicts[0].before.image == "../../b/2.png"
    assert moved.verdicts[1].image == ""
    assert (moved.edits[0].source_image, moved.edits[0].edited_image) == ("../../s.png", "../../../e.png")
    assert report.verdicts[0].image == str(tmp_path / "a" / "1.png")
    back = relative_paths(moved, tmp_path, base=tmp_path / "out" / "deep")
    assert back.verdicts[0].image == "a/1.png"


def test_the_tree_has_every_place_whatever_was_asked() -> None:
    assert len(list(tree_rows([]).walk())) == 1 + 5 + 23 + 56
    assert {row.path[0] for row in tree_rows([samples.entry()]).walk() if row.path} == set(LEVEL1)
