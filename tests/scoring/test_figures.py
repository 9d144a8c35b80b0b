"""From raw scores to figures."""

import math
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_imagejudge.scoring.figures import FigureMean, Figures, RunMeans, aggregate, mapped, mean
from pytest_imagejudge.taxonomy import FACETS, LEVEL1, LEVEL2, PATHS, TREE

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


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.dictionaries(st.sampled_from(FACETS), st.sampled_from([0.0, 60.0, 100.0, None])), max_size=6))
def test_means_of_a_run_are_those_of_its_images_figures(images):
    found = [aggregate(facets, LEVEL1, has_total=len(facets) != 1) for facets in images]
    means, turned = (RunMeans([(), *((one,) for one in LEVEL1), *LEVEL2], FigureMean) for _ in range(2))
    for one, other in zip(found, reversed(found), strict=True):
        means.add(one)
        turned.add(other)
    assert means.at[()].value == mean([figures.total for figures in found])
    for one, two in LEVEL2:
        assert means.at[one,].value == mean([figures.level1[one] for figures in found])
        assert means.at[one, two].value == mean([figures.level2[one][two] for figures in found])
    assert {path: (each.value, each.n) for path, each in means.at.items()} == {
        path: (each.value, each.n) for path, each in turned.at.items()
    }


def test_what_is_unread_is_in_no_mean_and_counted():
    means = RunMeans([(), ("Quality",)], FigureMean)
    means.add(Figures(60.0, {"Quality": 60.0, "New": 3.0}, {"New": {"Newer": 3.0}}))
    means.add(Figures(None, {"Quality": None}))
    means.leave_out([("Quality",)])
    assert [(path, each.value, each.n, each.unread) for path, each in means.at.items()] == [
        ((), 60.0, 1, 0),
        (("Quality",), 60.0, 1, 1),
    ]
    single = FigureMean()
    for value, unread in ((3.0, False), (None, False), (None, True), (4.0, True)):
        single.count(value, unread=unread)
    assert (single.value, single.n, single.unread) == (3.5, 2, 1)
