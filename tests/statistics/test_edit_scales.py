"""Edits on scales of their own: means, drops, baselines and judged rows."""

import json

import pytest

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.recorded.runs import read_run
from pytest_imagejudge.report.tally import Tally
from pytest_imagejudge.statistics.baseline import compare_with_baseline
from pytest_imagejudge.statistics.baseline_file import Baseline, read_baseline, update_baseline, write_baseline
from pytest_imagejudge.statistics.comparison import compare_runs
from pytest_imagejudge.statistics.pairing import ScoredRun, scored
from pytest_imagejudge.statistics.suite import bounded_means, suite_rows
from pytest_imagejudge.thresholds.loading import load_profile
from tests.statistics.samples import edit

TEN = [0.0, 10.0]


def tens(scores, **fields):
    return [edit(number, score, scale=TEN, **fields) for number, score in enumerate(scores)]


def test_a_mean_and_its_interval_on_their_scale():
    (row,) = suite_rows([], {}, edits=tens([9.5, 9.8, 10, 9.9, 9.7, 9.6]), edit_bound=9, edit_scale=(0.0, 10.0))
    assert row.mean == pytest.approx(9.75)
    assert 9 < row.low < row.mean < row.high <= 10
    low = suite_rows([], {}, edits=tens([0.5, 0.2, 0, 0.1, 0.3, 0.4]), edit_bound=1, edit_scale=(0.0, 10.0))[0]
    assert 0 <= low.low < low.mean
    assert low.gate == "failed"


def test_a_bound_on_another_scale_than_the_scores():
    with pytest.raises(ConfigError, match="3 is a bound on the scale 1 to 5, and the edits were scored from 0 to 10"):
        suite_rows([], {}, edits=tens([5] * 6), edit_bound=3)
    profile = load_profile({"edit": {"scale": TEN}, "suite": {"edit": {"score": 6}}})
    assert bounded_means([], tens([7] * 6), profile)[0].gate == "passed"
    with pytest.raises(ConfigError, match="scored from 1 to 5"):
        bounded_means([], [edit(number, 4.0) for number in range(6)], profile)
    assert bounded_means([], tens([None] * 6, error="lost"), load_profile({"suite": {"edit": {"score": 3}}}))


def test_edits_on_two_scales_have_no_mean():
    both = [*tens([7] * 3), *(edit(number, 4.0) for number in range(3, 6))]
    with pytest.raises(ConfigError, match="on several scales, 0 to 10 and 1 to 5: there is no mean of them"):
        suite_rows([], {}, edits=both, edit_bound=3)
    tally = Tally(both)
    assert [(name, figure.value) for name, figure in tally.edit_scores()] == [("score", 7.0), ("score, 1 to 5", 4.0)]
    assert tally.summary().edit_scale == TEN
    assert tally.summary().edits.left_out == 3


def test_drops_on_their_scale_and_on_no_other():
    before, after = scored(tens([8.0, 7.0, 9.0, 6.0, 8.5, 7.5])), scored(tens([7.0, 6.0, 8.0, 5.0, 7.5, 6.5]))
    result = compare_runs(ScoredRun("a", before), ScoredRun("b", after), max_drop=0.5)
    (row,) = [row for row in result.rows if row.path == ["score"]]
    assert row.change == pytest.approx(-1)
    assert row.low >= -10
    fives = scored([edit(number, 4.0) for number in range(6)])
    with pytest.raises(ConfigError, match="on several scales, 0 to 10 and 1 to 5: there is no difference of them"):
        compare_runs(ScoredRun("a", before), ScoredRun("b", fives))


def test_a_baseline_keeps_the_scale(tmp_path):
    file = tmp_path / "baseline.json"
    update_baseline(file, [], tens([8.0, 7.0]))
    baseline = read_baseline(file)
    assert {item.scale for item in baseline.images} == {(0.0, 10.0)}
    again = tmp_path / "again.json"
    write_baseline(again, baseline)
    assert again.read_bytes() == file.read_bytes()
    assert compare_with_baseline([], baseline, {}, edits=tens([8.0, 7.0]), edit_margin=1).gate == "passed"
    update_baseline(again, [], [edit(0, 4.0)])
    assert '"scale"' not in again.read_text()
    file.write_text(file.read_text().replace("8.0", "11.0"))
    with pytest.raises(ConfigError, match="score 11 is not on its scale, 0 to 10"):
        read_baseline(file)
    assert Baseline().images == []


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_judged_rows_tell_their_scale(tmp_path, suffix):
    file = tmp_path / f"rows_judged{suffix}"
    rows = [("a", "7.5", [0.0, 10.0]), ("b", "12", [0.0, 10.0]), ("c", "4.5", None)]
    if suffix == ".csv":
        lines = [f'{name},bluer,{score},"{"" if scale is None else json.dumps(scale)}"' for name, score, scale in rows]
        file.write_text("\n".join(["ID,instruction,edit_score,edit_scale", *lines]) + "\n")
    else:
        given = [
            {"ID": name, "instruction": "bluer", "edit_score": float(score), "edit_scale": scale}
            for name, score, scale in rows
        ]
        file.write_text("\n".join(map(json.dumps, given)) + "\n")
    found = {item.id: item for item in read_run(file).images}
    assert found["a"].figures == {("score",): 7.5}
    assert found["a"].scale == (0.0, 10.0)
    assert found["b"].figures == {}
    assert found["c"].figures == {("score",): 4.5}
    assert found["c"].scale == (1.0, 5.0)
