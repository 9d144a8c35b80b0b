"""From raw scores to figures."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.scoring.figures import aggregate, mapped, mean
from pytest_imagejudge.taxonomy import FACETS, LEVEL1, PATHS, TREE

RAW = st.sampled_from([0, 1, 2, "N/A"])
SCORES = st.fixed_dictionaries(dict.fromkeys(FACETS, RAW)).map(
    lambda raws: {path: mapped(raw) for path, raw in raws.items()}
)
ASKED = st.lists(st.sampled_from(LEVEL1), min_size=1, unique=True)


def exact(values):
    present = [value for value in values if value is not None]
    return sum(map(Fraction, present), Fraction()) / len(present) if present else None


def same(found, expected):
    return found is None if expected is None else math.isclose(found, expected, abs_tol=1e-9)


def test_mapping():
    assert [mapped(raw) for raw in (0, 1, 2, "N/A")] == [0.0, 60.0, 100.0, None]


@pytest.mark.parametrize("raw", [True, False, 1.0, 1.9, -1, 3, "1", "n/a", "NA", "", None, [], float("nan")])
def test_what_is_no_raw_score_is_refused(raw):
    with pytest.raises(ValueError, match="a raw score is"):
        mapped(raw)


@given(SCORES, ASKED)
def test_every_figure_is_the_mean_of_the_level_below(scores, asked):
    figures = aggregate(scores, asked)
    level1 = {}
    for one in asked:
        level2 = {two: exact(scores[one, two, three] for three in threes) for two, threes in TREE[one].items()}
        assert figures.level2[one].keys() == level2.keys()
        assert all(same(figures.level2[one][two], value) for two, value in level2.items())
        level1[one] = exact(level2.values())
        assert same(figures.level1[one], level1[one])
    assert set(figures.level1) == set(asked)
    assert same(figures.total, exact(level1.values()))


@given(SCORES, st.lists(st.sampled_from(sorted(PATHS)), min_size=1, max_size=4))
def test_a_figure_that_would_contain_something_unreadable_is_none(scores, unreadable):
    figures = aggregate(scores, LEVEL1, unreadable)
    whole = aggregate(scores, LEVEL1)
    assert figures.total is None
    for one in LEVEL1:
        touched = any(path[0] == one for path in unreadable)
        assert figures.level1[one] == (None if touched else whole.level1[one])
        for two in TREE[one]:
            lost = any(path == (one,) or path[:2] == (one, two) for path in unreadable)
            assert figures.level2[one][two] == (None if lost else whole.level2[one][two])


@given(SCORES)
def test_an_unreadable_facet_never_raises_a_figure(scores):
    for path in FACETS[::9]:
        figures = aggregate({key: value for key, value in scores.items() if key != path}, LEVEL1, [path])
        assert figures.total is None
        assert figures.level1[path[0]] is None


def test_no_total_for_a_partial_judge():
    scores = dict.fromkeys(FACETS, 60.0)
    assert aggregate(scores, LEVEL1, has_total=False).total is None
    assert aggregate(scores, LEVEL1, has_total=False).level1 == dict.fromkeys(LEVEL1, 60.0)


def test_nothing_applicable():
    figures = aggregate(dict.fromkeys(FACETS), LEVEL1)
    assert figures.total is None
    assert set(figures.level1.values()) == {None}
    assert mean([]) is None
    assert mean([None, 60.0, None, 100.0]) == 80.0


@given(st.lists(st.floats(0, 100), min_size=1))
def test_a_mean_lies_between(values):
    assert min(values) - 1e-9 <= mean(values) <= max(values) + 1e-9
    assert mean(values) == mean(list(reversed(values)))
