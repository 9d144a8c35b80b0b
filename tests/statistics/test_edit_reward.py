"""The training reward: its shapes and edges."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.statistics.edit_reward import Shape, reward

SHAPES: tuple[Shape, ...] = ("l1", "gaussian", "laplace")
SCORE = st.floats(1, 5)


@pytest.mark.parametrize("shape", SHAPES)
def test_ends_and_middle(shape: Shape) -> None:
    assert reward(3.2, 3.2, shape) == 1.0
    assert reward(3.2, 4.2, shape) == pytest.approx(0.05)
    assert reward(1, 5, shape) == 0.05
    half = {"l1": 0.525, "gaussian": 0.05**0.25, "laplace": 0.05**0.5}
    assert reward(3.5, 3, shape) == pytest.approx(half[shape])
    assert reward("3.5", "3", shape) == reward(3.5, 3, shape)
    assert reward(3, 5, shape, d=2, r_min=0.2) == pytest.approx(0.2)
    assert reward(3, 5, shape, d=-2, r_min=0.2) == pytest.approx(0.2)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("prediction", "label"),
    [(0.99, 1), (5.01, 5), (math.nan, 3), (math.inf, 3), (3, math.nan), (3, math.inf), (None, 3), ("", 3), ("4/5", 4)],
)
def test_nothing_for_what_is_no_score(shape: Shape, prediction: object, label: float) -> None:
    assert reward(prediction, label, shape) == 0.0  # type: ignore[arg-type]


def test_without_the_floor() -> None:
    assert reward(1, 5, "l1", floor=False) == 0.0
    assert reward(1, 5, "laplace", floor=False) == pytest.approx(0.05**4)
    assert reward(1, 5, "gaussian", floor=False) == pytest.approx(0.05**16)


@pytest.mark.parametrize("shape", SHAPES)
def test_parameters_that_make_no_sense_are_taken_into_range(shape: Shape) -> None:
    assert reward(3, 3, shape, d=0, r_min=0) == 1.0
    assert reward(3, 3.1, shape, d=0, r_min=0) == 1e-6
    assert reward(3, 4, shape, r_min=2) == pytest.approx(0.999999)


def test_unknown_shape() -> None:
    with pytest.raises(ValueError, match="l1, gaussian, laplace"):
        reward(3, 3, "l2")  # type: ignore[arg-type]


@given(SCORE, SCORE, SCORE, st.sampled_from(SHAPES))
def test_nearer_is_never_worse(label: float, one: float, two: float, shape: Shape) -> None:
    near, far = sorted((one, two), key=lambda guess: abs(guess - label))
    assert 0.05 <= reward(far, label, shape) <= reward(near, label, shape) <= 1.0
