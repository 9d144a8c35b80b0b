"""Which judge fits which card: the arithmetic against what was measured on one H200."""

from __future__ import annotations

import pytest

from pytest_imagejudge.engines.vllm.cards import IE_CRITIC, JUDGES, Q_JUDGER, QWEN_4B, QWEN_8B, SIZES, CardRow, rows
from pytest_imagejudge.engines.vllm.gpus import GIB, MIB, Gpu
from pytest_imagejudge.engines.vllm.limits import Limits, limits
from pytest_imagejudge.engines.vllm.placement import FULL_SHARE, cache_bytes, needed_bytes, weight_bytes

MODELS = {judge.model.name: judge.model for judge in JUDGES}


def row(gb: int, judge: str) -> CardRow:
    (found,) = (one for one in rows() if (one.gb, one.judge) == (gb, judge))
    return found


def test_there_is_a_row_for_each_card_and_judge() -> None:
    found = rows()
    assert [(one.gb, one.judge) for one in found] == [(gb, name) for gb in SIZES for name in MODELS]
    assert not any(one.here for one in found)


@pytest.mark.parametrize(
    ("gb", "judge", "precision"),
    [
        (16, Q_JUDGER, ""),
        (24, Q_JUDGER, ""),
        (48, Q_JUDGER, "FP8"),
        (80, Q_JUDGER, "16 bit"),
        (16, QWEN_8B, "FP8"),
        (24, QWEN_8B, "16 bit"),
        (16, QWEN_4B, "16 bit"),
        (24, IE_CRITIC, "16 bit"),
    ],
)
def test_the_precision_is_that_of_the_placement(gb: int, judge: str, precision: str) -> None:
    found = row(gb, judge)
    assert found.precision == precision
    share = FULL_SHARE * gb * 10**9
    fits = [needed_bytes(MODELS[judge], 1, fp8=fp8) <= share for fp8 in (False, True)]
    assert fits == {"": [False, False], "FP8": [False, True], "16 bit": [True, True]}[precision]
    assert ("--judge-allow-fp8" in found.options) is (precision == "FP8")
    assert (found.requests > 0) is bool(precision)


def test_what_did_not_start_has_smaller_limits() -> None:
    def of(gb: int, judge: str, fp8: bool) -> Limits:
        return limits(MODELS[judge], int(FULL_SHARE * gb * 10**9), 1, fp8=fp8)

    usual = Limits()
    eight = of(24, QWEN_8B, False)  # 1.75 GiB were left of the 2.25 that 16,384 tokens need
    assert (eight.length, eight.step, eight.sequences) == (8192, 4096, usual.sequences)
    assert eight.room / GIB == pytest.approx(3.13, rel=0.05)
    four = of(16, QWEN_4B, False)
    assert (four.length, four.step, four.sequences) == (usual.length, usual.step, usual.sequences)
    assert of(48, Q_JUDGER, True).sequences == 160  # 175 was the most
    for gb in (80, 140):
        large = of(gb, Q_JUDGER, False)
        assert (large.length, large.step, large.sequences) == (usual.length, usual.step, usual.sequences)
    assert limits(MODELS[Q_JUDGER], None, 1, fp8=False) == usual


@pytest.mark.parametrize(
    ("judge", "tokens", "gib"), [(QWEN_4B, 24_848, 3.41), (QWEN_8B, 22_784, 3.13), (Q_JUDGER, 16_384, 8.64 / 6.67)]
)
def test_a_request_takes_of_the_cache_what_was_measured(judge: str, tokens: int, gib: float) -> None:
    assert cache_bytes(MODELS[judge], tokens) / GIB == pytest.approx(gib, rel=0.02)


def test_weights_in_fp8_are_as_measured() -> None:
    assert weight_bytes(MODELS[Q_JUDGER], fp8=True) / GIB == pytest.approx(28.6, rel=0.02)


@pytest.mark.parametrize(("gb", "judge", "cache"), [(16, QWEN_4B, 3.41), (24, QWEN_8B, 3.13), (48, Q_JUDGER, 8.64)])
def test_a_measured_row_says_so_and_holds_what_was_measured(gb: int, judge: str, cache: float) -> None:
    found = row(gb, judge)
    assert found.measured
    assert "images in" in found.speed
    assert found.requests == int(cache * GIB) // cache_bytes(MODELS[judge], 4096)


def test_a_larger_card_holds_no_fewer() -> None:
    for judge in MODELS:
        assert row(140, judge).requests >= row(80, judge).requests > 0


@pytest.mark.parametrize(("total", "gb"), [(15_360, 16), (23_034, 24), (46_068, 48), (81_559, 80), (143_771, 140)])
def test_this_machine_is_the_card_of_its_size(total: int, gb: int) -> None:
    gpus = [Gpu(0, "GPU-0", "small", 8_000 * MIB, None), Gpu(1, "GPU-1", "large", total * MIB, None)]
    assert {one.gb for one in rows(gpus) if one.here} == {gb}


@pytest.mark.parametrize("total", [8_000 * MIB, None])
def test_a_gpu_that_is_no_such_card_marks_none(total: int | None) -> None:
    assert not any(one.here for one in rows([Gpu(0, "GPU-0", "one", total, total)]))
