from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.statistics.paired import differences
from pytest_imagejudge.statistics.pairing import Scored
from pytest_imagejudge.statistics.power import (
    MAIN,
    default_noise,
    drop_seen,
    half_width,
    noise_from,
    noise_from_two,
    power_of,
    prompts_needed,
)
from pytest_imagejudge.taxonomy import TOTAL


def items(values, path=TOTAL):
    """``values[prompt][seed]`` as scored images."""
    return [
        Scored(kind="image", id=None, prompt=f"p{i}", seed=j, figures={path: float(value)})
        for i, row in enumerate(values)
        for j, value in enumerate(row)
    ]


def test_of_one_dimension_it_is_the_power_of_statsmodels_t_test():
    power = pytest.importorskip("statsmodels.stats.power")
    noise = default_noise([TOTAL])
    deviation = noise.of_change(TOTAL, 1)
    for prompts, drop in ((20, 8.0), (100, 4.0), (400, 2.0)):
        expected = power.TTestPower().power(drop / deviation, prompts, 0.05, alternative="larger")
        assert power_of(noise, TOTAL, drop, prompts) == pytest.approx(expected, abs=0.01)
    needed = prompts_needed(noise, TOTAL, 4.0, 0.8)
    expected = power.TTestPower().solve_power(4.0 / deviation, power=0.8, alpha=0.05, alternative="larger")
    assert needed == pytest.approx(expected, rel=0.03)


def test_more_of_anything_helps():
    noise = default_noise()
    needed = [prompts_needed(noise, TOTAL, 4.0, 0.8, seeds) for seeds in (1, 2, 4)]
    assert needed == sorted(needed, reverse=True)
    assert power_of(noise, TOTAL, 4.0, 100) < power_of(noise, TOTAL, 5.0, 100) < power_of(noise, TOTAL, 5.0, 200)
    assert prompts_needed(noise, TOTAL, 4.0, 0.8) > prompts_needed(default_noise([TOTAL]), TOTAL, 4.0, 0.8)
    assert half_width(noise, TOTAL, 50) > half_width(noise, TOTAL, 50, 4) > half_width(noise, TOTAL, 200)


def test_a_margin_costs_power_only_where_the_drop_is_near_it():
    noise = default_noise()
    free = prompts_needed(noise, TOTAL, 6.0, 0.8)
    assert prompts_needed(noise, TOTAL, 6.0, 0.8, margin=1.0) == free  # a drop that is no chance is beyond 1 anyway
    near = prompts_needed(noise, TOTAL, 6.0, 0.8, margin=5.0)
    assert free < near < prompts_needed(noise, TOTAL, 6.0, 0.8, margin=5.5)
    assert power_of(noise, TOTAL, 5.0, 100_000, margin=5.0) == pytest.approx(0.5)


def test_what_is_needed_and_what_is_seen_agree():
    noise = default_noise()
    for path in MAIN:
        prompts = prompts_needed(noise, path, 6.0, 0.8)
        assert power_of(noise, path, 6.0, prompts) >= 0.8 > power_of(noise, path, 6.0, prompts - 1)
        assert 5.8 < drop_seen(noise, path, prompts, 0.8) <= 6.0


def test_too_few_or_too_many():
    noise = default_noise()
    assert drop_seen(noise, TOTAL, 4, 0.8) is None
    assert half_width(noise, TOTAL, 4) is None
    assert prompts_needed(noise, TOTAL, 0.001, 0.8) is None


def test_prompts_and_seeds_are_told_apart():
    rng = np.random.default_rng(1)
    values = 60 + rng.normal(0, 9, (400, 1)) + rng.normal(0, 12, (400, 5))
    noise = noise_from(items(values), [TOTAL], "b.json")
    assert noise.between[TOTAL] == pytest.approx(9, rel=0.15)
    assert noise.within[TOTAL] == pytest.approx(12, rel=0.05)
    assert (noise.prompts, noise.seeds) == (400, 5)
    assert not any("one image a prompt" in note for note in noise.notes)


def test_one_seed_a_prompt_is_an_assumption_that_is_stated():
    values = 60 + np.random.default_rng(2).normal(0, 20, (100, 1))
    noise = noise_from(items(values), [TOTAL], "b.json")
    assert noise.between[TOTAL] ** 2 + noise.within[TOTAL] ** 2 == pytest.approx(values.var(ddof=1))
    assert "b.json has one image a prompt" in noise.notes[0]
    twice = [*items(values), *items(values[:3])]  # three prompts have a second image: too few to tell
    assert "b.json has hardly a prompt with several images" in noise_from(twice, [TOTAL], "b.json").notes[0]


def test_two_runs_show_how_unevenly_a_change_falls():
    rng = np.random.default_rng(3)
    base = 60 + rng.normal(0, 9, (400, 1))
    before = base + rng.normal(0, 6, (400, 4))
    after = base + rng.normal(-3, 10, (400, 1)) + rng.normal(0, 6, (400, 4))
    noise = noise_from_two(items(before), items(after), [TOTAL], "a and b")
    assert noise.within[TOTAL] == pytest.approx(6, rel=0.1)
    assert noise.uneven[TOTAL] == pytest.approx(10, rel=0.15)
    single = noise_from_two(items(before[:, :1]), items(after[:, :1]), [TOTAL], "a and b")
    assert single.of_change(TOTAL, 1) == pytest.approx(np.std(after[:, 0] - before[:, 0], ddof=1))
    assert "one image a prompt" in single.notes[0]


def test_there_are_no_defaults_for_what_was_not_published():
    with pytest.raises(ConfigError, match="--from"):
        default_noise([("Quality", "Realism")])
    with pytest.raises(ConfigError, match="edits"):
        default_noise([("score",)])
    with pytest.raises(ConfigError, match="4 prompts of"):
        noise_from(items(np.ones((4, 1))), [TOTAL], "b.json")


def test_no_spread_at_all():
    noise = noise_from(items(np.full((10, 2), 60.0)), [TOTAL], "b.json")
    assert power_of(noise, TOTAL, 1.0, 10) == 1.0
    assert prompts_needed(noise, TOTAL, 1.0, 0.8) == 5


def test_the_gate_sees_what_was_promised():
    rng = np.random.default_rng(4)
    deviation, drop, prompts, suites = 15.0, 5.0, 60, 1500
    paths = [TOTAL, ("Quality",), ("Alignment",)]
    mix = np.array([[1, 0, 0], [0.6, 0.8, 0], [0.6, 0.1, 0.79]])
    sample = items(rng.normal(0, deviation / 2**0.5, (500, 2)))
    noise = noise_from(
        [
            Scored(
                "image",
                None,
                item.prompt,
                item.seed,
                figures=dict(zip(paths, mix @ rng.normal(60, deviation / 2**0.5, 3), strict=True)),
            )
            for item in sample
        ],
        paths,
        "b.json",
    )
    margin = 4.5
    promised = power_of(noise, TOTAL, drop, prompts)
    promised_beyond = power_of(noise, TOTAL, drop, prompts, margin=margin)
    seen = beyond = 0
    for _ in range(suites):
        change = rng.normal(0, deviation, (prompts, 3)) @ mix.T - [drop, 0, 0]
        found = differences(
            {path: [(i, 0.0, float(value)) for i, value in enumerate(change[:, k])] for k, path in enumerate(paths)}
        )
        seen += found[0].p <= 0.05
        beyond += found[0].p <= 0.05 and found[0].difference < -margin
    assert promised == pytest.approx(seen / suites, abs=0.05)
    assert promised_beyond == pytest.approx(beyond / suites, abs=0.05)
    assert promised_beyond < promised - 0.02
    assert 0.5 < promised < 0.95
    assert promised < stats.nct.sf(stats.t.ppf(0.95, prompts - 1), prompts - 1, drop / deviation * prompts**0.5)
