"""Bounds on the aspects of an edit: a least, a most, or both."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.report.entry import entry_of
from pytest_imagejudge.scoring.verdict import EditVerdict
from pytest_imagejudge.thresholds.loading import both_of, load_profile, own_profiles, shipped
from pytest_imagejudge.thresholds.profile import MissedBound

SIGNALS = load_protocol("signals", kind="edit")


def bounded(**aspects):
    return load_profile({"edit": {"aspects": aspects}})


def verdict(**aspects):
    return EditVerdict("make it blue", aspects=aspects)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_a_figure_passes_between_its_bounds(one, other, figure):
    low, high = min(one, other), max(one, other)
    check = bounded(changed_area={"min": low, "max": high}).check_edit(verdict(changed_area=figure))
    assert check.passed is (low <= figure <= high)
    missed = ("least", low) if figure < low else ("most", high)
    assert check.breaches == (() if check.passed else (MissedBound(("changed_area",), figure, missed[1], missed[0]),))
    assert bounded(changed_area=low).check_edit(verdict(changed_area=figure)).passed is (figure >= low)
    assert bounded(changed_area={"max": high}).check_edit(verdict(changed_area=figure)).passed is (figure <= high)


@given(st.floats() | st.integers() | st.text(max_size=3) | st.booleans() | st.none() | st.just([]))
def test_a_bound_is_a_number_in_its_range_or_an_error(value):
    fits = type(value) in (int, float) and 0 <= value <= 5
    for key in ("min", "max"):
        given_ = {"beauty": {key: value}}
        if fits:
            assert [bound for _, bound in bounded(**given_).edit.aspects["beauty"].sides()] == [value]
        else:
            with pytest.raises(ConfigError, match=r"edit\.aspects\.beauty"):
                bounded(**given_)


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"min": 0.5, "max": 0.2}, "edit.aspects.changed_area: min 0.5 is above max 0.2"),
        ({"mx": 0.5}, r'edit.aspects.changed_area.mx: unknown key \(did you mean "max"\?\); known are min, max'),
        ({}, "edit.aspects.changed_area: the table is empty; min, max or both are expected"),
        ({"max": "0.5"}, "edit.aspects.changed_area.max: a number is expected, not '0.5'"),
        ({"min": 0.1, "max": True}, "edit.aspects.changed_area.max: a number is expected, not True"),
        ("0.5", "edit.aspects.changed_area: a number, or a table with min and max is expected, not '0.5'"),
        (True, "edit.aspects.changed_area: a number, or a table"),
        ([0.1, 0.5], "edit.aspects.changed_area: a number, or a table"),
        (math.nan, "edit.aspects.changed_area: a finite number is expected"),
        ({"max": math.inf}, "edit.aspects.changed_area.max: a finite number is expected"),
        (-0.1, "edit.aspects.changed_area: a number of 0 to 5 is expected, not -0.1"),
        ({"max": 50}, "edit.aspects.changed_area.max: a number of 0 to 5 is expected, not 50"),
    ],
)
def test_nonsense_is_named(given_, words):
    with pytest.raises(ConfigError, match=words):
        bounded(changed_area=given_)


def test_what_is_no_table_of_aspects():
    with pytest.raises(ConfigError, match=r"edit\.aspects: a table is expected, not 3"):
        load_profile({"edit": {"aspects": 3}})


def test_figures_with_units_have_ranges_of_their_own():
    profile = bounded(shift={"max": 8}, rotation={"max": 90}, brightness_change={"max": 12.5})
    profile.require_measurable(SIGNALS, "signals")
    with pytest.raises(ConfigError, match=r"edit\.aspects\.rotation\.max: a number of 0 to 180"):
        bounded(rotation={"max": 200})


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"edit": {"score": 3.5}}, "edit.score is bounded, but the judge signals gives no overall score of an edit; "),
        ({"suite": {"edit": {"score": 3.5}}}, "suite.edit.score is bounded, but"),
        ({"baseline": {"edit": {"score": 0.5}}}, "baseline.edit.score is bounded, but"),
        (
            {"edit": {"aspects": {"text_alignment": 0.5}}},
            '"text_alignment" is bounded, but .* cannot measure it; it can',
        ),
        ({"edit": {"aspects": {"fidelity": 3}}}, "edit.aspects.fidelity: at least 3 is bounded, but .* gives 0 to 1"),
        ({"edit": {"aspects": {"changed_area": {"max": 2}}}}, "changed_area: at most 2 is bounded, but"),
        ({"edit": {"aspects": {"perceptual_quality": 3}}}, '"perceptual_quality" is bounded, but .* does not give it'),
    ],
)
def test_what_the_embedded_judge_cannot_measure_is_refused(given_, words):
    with pytest.raises(ConfigError, match=words):
        load_profile(given_).require_measurable(SIGNALS, "signals")


def test_a_model_s_aspects_are_bounded_as_before():
    bounded(fidelity=3, text_alignment={"min": 2, "max": 5}).require_measurable(load_protocol("house-edit"), "x")
    with pytest.raises(ConfigError, match="does not give it"):
        bounded(shift={"max": 1}).require_measurable(load_protocol("house-edit"), "x")


def test_both_sides_of_one_aspect_are_merged(tmp_path):
    (tmp_path / "one.toml").write_text("[edit.aspects]\nfidelity = 0.7\nchanged_area = {max = 0.5}\n")
    (tmp_path / "two.toml").write_text(
        'extends = "one.toml"\n[edit.aspects]\nfidelity = {max = 0.99}\nchanged_area = 0.01\nshift = {max = 2}\n'
    )
    profile = load_profile("two.toml", base=tmp_path)
    assert profile.edit.bounds() == [
        (("fidelity",), "least", 0.7),
        (("fidelity",), "most", 0.99),
        (("changed_area",), "least", 0.01),
        (("changed_area",), "most", 0.5),
        (("shift",), "most", 2.0),
    ]
    again = load_profile(profile.dump()["bounds"])  # as a worker hands it to the controller
    assert again.edit == profile.edit


def test_what_is_not_measured_does_not_apply():
    profile = bounded(outside_change={"min": 0.0, "max": 0.1}, fidelity=0.5)
    check = profile.check_edit(verdict(outside_change=None, fidelity=0.9))
    assert check.passed
    assert check.not_applicable == (("outside_change",),)
    assert not bounded(outside_change={"max": 0.1}).check_edit(verdict(outside_change=None)).passed


def test_entries_say_on_which_side_a_bound_is():
    profile = bounded(changed_area={"min": 0.1, "max": 0.5})
    entry = entry_of(verdict(changed_area=0.75), profile)
    assert entry.outcome == "failed"
    assert [bound.model_dump() for bound in entry.bounds] == [
        {"path": ["changed_area"], "bound": 0.1, "side": "least"},
        {"path": ["changed_area"], "bound": 0.5, "side": "most"},
    ]
    (breach,) = entry.breaches
    assert breach.model_dump() == {"path": ["changed_area"], "score": 0.75, "bound": 0.5, "side": "most"}


def test_each_judge_has_a_profile_of_its_own():
    images, edits = load_protocol("signals", kind="image"), SIGNALS
    house, house_edits = load_protocol("house"), load_protocol("house-edit")
    for protocols, names, together in (
        ({"image": images, "edit": edits}, ["signals", "edit-signals"], "signals, edit-signals"),
        ({"edit": edits}, ["edit-signals"], "edit-signals"),
        ({"image": house, "edit": edits}, ["default", "edit-signals"], "default, edit-signals"),
        ({"image": images, "edit": house_edits}, ["signals", "default"], "signals, default"),
        ({"image": house, "edit": house_edits}, ["default", "default"], "default"),
    ):
        own = own_profiles(protocols)
        assert [profile.name for profile in own.values()] == names
        for kind, protocol in protocols.items():
            own[kind].require_measurable(protocol, "x")
        both = both_of(own)
        assert both.name == together
        assert both.edit == own.get("edit", both).edit
        assert both.bounds() == next(iter(own.values())).bounds()


def test_the_profile_for_the_embedded_judge_is_shipped_and_bounds_what_it_measures():
    assert "edit-signals" in shipped()
    profile = load_profile("edit-signals")
    assert profile.bounds_edits
    assert not profile.bounds_images
    profile.require_measurable(SIGNALS, "signals")
