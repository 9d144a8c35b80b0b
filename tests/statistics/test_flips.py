from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pytest_imagejudge.report.model import Breach
from pytest_imagejudge.statistics.flips import flip_lines, flips, grouped, repeats_of
from pytest_imagejudge.statistics.pairing import scored
from tests.statistics.samples import edit, image

QUALITY = [Breach(path=["Quality"], score=40, bound=50)]


def row(found, *path):
    return next(one for one in found.rows if one.path == list(path))


def test_repeated_judgements_of_one_run():
    entries = []
    for i in range(20):
        entries.append(image(i))
        entries.append(
            image(i, 60.0 if i else 40.0, outcome="passed" if i else "failed", repeat=1, breaches=[] if i else QUALITY)
        )
    found = flips(repeats_of(entries))
    assert (found.images, found.judgements, found.left_out) == (20, 40, 0)
    assert [(one.label, one.outcomes) for one in found.flipped] == [("prompt 0", ["passed", "failed"])]
    exact = stats.binomtest(1, 20).proportion_ci(0.95, "exact")
    assert (found.share, found.low, found.high) == pytest.approx((0.05, exact.low, exact.high))
    quality = row(found, "Quality")
    assert (quality.n, quality.changed, quality.flipped) == (20, 1, 1)
    assert row(found, "total").flipped == 0
    assert quality.sd == pytest.approx((200 / 20) ** 0.5)


def test_a_judge_that_never_changes_its_mind():
    found = flips(repeats_of([image(i, repeat=k) for i in range(6) for k in range(3)]))
    assert found.flipped == []
    assert found.share == 0
    assert found.high < 0.5
    assert all((one.sd, one.image_margin, one.mean_margin, one.changed) == (0, 0, 0, 0) for one in found.rows)


def test_the_noise_is_recovered():
    rng = np.random.default_rng(1)
    level = rng.uniform(40, 80, 400)
    entries = [image(i, float(level[i] + rng.normal(0, 3)), repeat=k) for i in range(400) for k in range(3)]
    total = row(flips(repeats_of(entries)), "total")
    assert total.sd == pytest.approx(3, rel=0.1)
    assert total.mean_margin == pytest.approx(1.645 * 3 * (2 / 400) ** 0.5, rel=0.1)


def test_several_runs_and_what_is_left_out():
    first = scored([image(0), image(1), image(2), image(3, prompt="once")])
    second = scored([image(0, 100.0), image(1, pixels="another picture"), image(2, error="gone", outcome="error")])
    found = flips(grouped([first, second]))
    assert (found.images, found.left_out, found.not_judged) == (2, 2, 1)
    assert [one.label for one in found.flipped] == ["prompt 2"]
    assert row(found, "total").n == 1


def test_edits_flip_on_their_scale():
    entries = [edit(i, 3.0 + 0.5 * k, repeat=k) for i in range(5) for k in range(2)]
    found = flips(repeats_of([], entries))
    assert [one.path for one in found.rows] == [["score"]]
    assert found.rows[0].image_margin == pytest.approx(0.5)


def test_lines_for_a_summary():
    entries = [
        image(i, 60.0, outcome="failed" if k and i < 7 else "passed", repeat=k) for i in range(20) for k in range(2)
    ]
    lines = flip_lines(flips(repeats_of(entries)))
    assert "7 of 20 images changed the outcome (35.0%" in lines[0]
    assert lines[1] == "  prompt 0: passed, failed"
    assert lines[6] == "  and 2 more"
    assert "noise in the total: standard deviation 0.00" in lines[7]
    assert flip_lines(flips([])) == []
