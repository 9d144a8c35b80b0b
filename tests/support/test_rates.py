"""Progress is told as a rate and the time that is left."""

import pytest

from pytest_imagejudge.support.rates import duration, pace


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0, 5, 10.0), ""),
        ((5, 5, 0.0), ""),
        ((30, 60, 60.0), ", 30 a minute, 2 min 00 s left"),
        ((30, 60, 60.0, "images"), ", 30 images a minute, 2 min 00 s left"),
        ((30, None, 60.0, "images"), ", 30 images a minute"),
        ((1, 1, 50.0), ", 1.2 a minute, 50 s left"),
        ((199, 0, 1200.0), ", 9.9 a minute, 0 s left"),
        ((12, -3, 60.0), ", 12 a minute, 0 s left"),
    ],
)
def test_pace(arguments, words):
    assert pace(*arguments) == words


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3661, "61 min 01 s")]
)
def test_a_duration(seconds, words):
    assert duration(seconds) == words
