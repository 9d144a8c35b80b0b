"""A facet takes the worst of its figures, and says which."""

from __future__ import annotations

import pytest

from pytest_imagejudge.engines.signals.facets import compose, raw_of
from pytest_imagejudge.engines.signals.figure import Figure
from pytest_imagejudge.protocols.signals_bounds import BY_NAME, MEASURED, MEASURES


def noise(value, words="noise"):
    return Figure("noise_sigma", value, words)


def test_the_worst_decides_and_is_named_with_its_bound():
    facet = compose([noise(3.0), Figure("impulse_share", 9.0, "9% stand out")], {})
    assert (facet.raw, facet.evidence) == (
        0,
        "9% stand out, fail above 2% (unless in the style film-grain or glitch)",
    )


def test_all_that_fail_are_named():
    facet = compose([noise(99.0, "loud"), Figure("impulse_share", 3.0, "3% stand out")], {})
    assert facet.evidence == (
        "loud, fail above 5.2 (unless in the style film-grain or painting); "
        "3% stand out, fail above 2% (unless in the style film-grain or glitch)"
    )


def test_of_figures_that_pass_the_nearest_to_its_bound_is_named():
    facet = compose([noise(1.0), Figure("impulse_share", 0.9, "0.9% stand out")], {})
    assert (facet.raw, facet.evidence) == (2, "0.9% stand out, fail above 2%")


def test_what_a_style_excuses_is_not_judged():
    both = [noise(50.0), Figure("impulse_share", 3.0, "3% stand out")]
    facet = compose(both, {"film-grain": "'35mm film' in the prompt"})
    assert (facet.raw, facet.evidence) == ("N/A", "not judged in the style film-grain ('35mm film' in the prompt)")
    assert compose(both, {"glitch": "judge_signals_style"}).evidence == (
        "noise, fail above 5.2 (unless in the style film-grain or painting)"
    )


def test_what_is_left_of_a_facet_says_what_was_excused():
    facet = compose([noise(1.0), Figure("impulse_share", 1.9, "2% stand out")], {"glitch": "'glitch' in the prompt"})
    assert facet.raw == 2
    assert facet.evidence == "noise, fail above 5.2; in part not judged in the style glitch ('glitch' in the prompt)"


def test_a_facet_of_which_a_style_excuses_what_would_fail_is_not_judged():
    styles = {"glitch": "'glitch' in the prompt"}
    facet = compose([noise(1.0), Figure("impulse_share", 3.0, "3% stand out")], styles)
    assert (facet.raw, facet.evidence) == ("N/A", "not judged in the style glitch ('glitch' in the prompt)")
    assert compose([noise(9.0), Figure("impulse_share", 3.0, "3% stand out")], styles).raw == 0


def test_a_facet_is_not_judged_where_a_figure_is_unsure_and_none_fails():
    unsure = Figure("noise_sigma", None, "strokes or noise", unsure=True)
    facet = compose([unsure, Figure("impulse_share", 0.1, "few stand out")], {})
    assert (facet.raw, facet.evidence) == ("N/A", "strokes or noise")
    assert compose([unsure, Figure("impulse_share", 3.0, "3% stand out")], {}).raw == 0


def test_between_doubt_and_the_bound_a_facet_is_not_judged():
    measure = next(measure for measure in MEASURES if measure.doubt is not None)
    assert measure.doubt is not None
    near = compose([Figure(measure.name, measure.fail, "soft")], {})
    assert near.raw == "N/A"
    assert near.evidence == f"soft, {measure.bound}: so near to it a fine picture may be"
    assert compose([Figure(measure.name, measure.doubt, "soft")], {}).raw == 1
    assert compose([Figure(measure.name, measure.fail + 0.01, "soft")], {}).raw == 0


def test_without_figures_it_is_not_applicable():
    assert compose([noise(None, "all black")], {}).evidence == "all black"
    assert compose([], {}).raw == "N/A"


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
def test_a_figure_at_a_bound_is_within_it(measure):
    worse = -1e-6 if measure.low_is_bad else 1e-6
    assert raw_of(measure, measure.good) == 2
    assert raw_of(measure, measure.fail) != 0
    assert raw_of(measure, measure.fail + worse) == 0
    assert measure.facet in MEASURED
    assert BY_NAME[measure.name] is measure
