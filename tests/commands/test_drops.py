"""Drops that options allow."""

import math

import pytest

from pytest_imagejudge.commands.drops import check_drop
from pytest_imagejudge.errors import ConfigError


@pytest.mark.parametrize(("points", "most"), [(0, 100), (100, 100), (0.3, 4), (4, 4)])
def test_a_drop_within_the_scale(points, most):
    check_drop("--margin", points, most)


@pytest.mark.parametrize(
    ("points", "most", "words"),
    [
        (-1, 100, "--margin -1: a number from 0 to 100 is expected"),
        (100.5, 100, "--margin 100.5: a number from 0 to 100 is expected, since the mean score of images can't drop"),
        (math.inf, 100, "give the largest drop to allow, such as --margin 2"),
        (math.nan, 100, "--margin nan"),
        (4.5, 4, "a number from 0 to 4 is expected.*such as --margin 0.3"),
    ],
)
def test_one_beyond_it(points, most, words):
    with pytest.raises(ConfigError, match=words):
        check_drop("--margin", points, most)
