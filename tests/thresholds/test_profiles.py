"""Profiles: read, checked, applied."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge import ConfigError, EditVerdict, FacetScore, Verdict, load_profile
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.taxonomy import FACETS, LEVEL1
from pytest_imagejudge.thresholds.loading import default_profile, shipped
from pytest_imagejudge.thresholds.profile import Profile


def verdict(raw=1, asked=LEVEL1, **changes):
    level3 = {path: FacetScore(raw) for path in FACETS if path[0] in asked}
    return Verdict("a fox", level3, tuple(asked), **changes)


def write(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_what_ships_is_valid():
    assert {"default", "photoreal", "typography", "safety", "edit", "signals"} <= set(shipped())
    for name in shipped():
        profile = load_profile(name)
        assert profile.name == name
        assert profile.bounds_anything
    load_profile("signals").require_measurable(load_protocol("signals"), "signals")
    assert default_profile(load_protocol("signals")) == "signals"
    assert default_profile(load_protocol("house")) == "default"


WHOLE = """
total = 55
must_not_fail = [["Quality", "Detail", "Noise"]]
[level1]
Quality = 60
[level2.Quality]
Realism = 50
[level3.Alignment.Relations]
"Difference/Similarity" = 60
[edit]
score = 3.5
[suite]
on_undecided = "fail"
[suite.level1]
Quality = 58
[suite.edit]
score = 3
[baseline]
total = 2
[baseline.level1]
Quality = 2
"""


def test_every_key(tmp_path):
    profile = load_profile(write(tmp_path, "p.toml", WHOLE))
    assert profile.bounds() == {
        (): 55,
        ("Quality",): 60,
        ("Quality", "Realism"): 50,
        ("Alignment", "Relations", "Difference/Similarity"): 60,
        ("Quality", "Detail", "Noise"): 60,
    }
    assert profile.edit.bounds() == [(("score",), "least", 3.5)]
    assert profile.must_not_fail == [["Quality", "Detail", "Noise"]]
    assert profile.suite.bounds() == {("Quality",): 58}
    assert profile.suite.on_undecided == "fail"
    assert profile.suite.edit.score == 3
    assert profile.baseline.bounds() == {(): 2, ("Quality",): 2}
    again = load_profile(profile.dump()["bounds"], name="again")
    assert again.bounds() == profile.bounds()
    assert again.suite == profile.suite
    assert again.baseline == profile.baseline
    assert again.must_not_fail == profile.must_not_fail


def test_profiles_extend_one_another(tmp_path):
    (tmp_path / "sub").mkdir()
    write(tmp_path, "below.toml", 'extends = "default"\n[level1]\nQuality = 70\n')
    path = write(
        tmp_path / "sub", "above.toml", 'extends = "../below.toml"\ntotal = 1\n[level2.Quality]\nRealism = 5\n'
    )
    bounds = load_profile(path).bounds()
    default = load_profile("default").bounds()
    assert bounds == {**default, ("Quality",): 70, (): 1, ("Quality", "Realism"): 5}
    assert load_profile({"extends": "sub/above.toml"}, base=tmp_path).bounds() == bounds


def test_extending_in_a_circle(tmp_path):
    write(tmp_path, "a.toml", 'extends = "b.toml"')
    write(tmp_path, "b.toml", 'extends = "a.toml"')
    with pytest.raises(ConfigError, match="extends this file again"):
        load_profile(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("totl = 1", ["totl", 'did you mean "total"']),
        ("Quality = 1", ["Quality", "[level1]"]),
        ("[level1]\nqualty = 1", ["level1", "qualty", 'did you mean "Quality"']),
        ("[level2.Quality]\nRealsm = 1", ["Realsm", 'did you mean "Realism"']),
        ("[level2.Qualty]\nRealism = 1", ["Qualty"]),
        ("[level3.Quality.Detail]\nNoize = 1", ["Noize", 'did you mean "Noise"']),
        ('must_not_fail = [["Quality", "Detail"]]', ["must_not_fail", "L1, L2, L3"]),
        ('must_not_fail = [["Quality", "Detail", "Noize"]]', ["must_not_fail", 'did you mean "Noise"']),
        ('must_not_fail = "Noise"', ["must_not_fail", "list"]),
        ("total = -1", ["total", "at least 0", "-1"]),
        ("total = 100.5", ["total", "at most 100"]),
        ("total = '60'", ["total", "number", "'60'"]),
        ("total = true", ["total", "number", "True"]),
        ("total = inf", ["total"]),
        ("total = nan", ["total"]),
        ("level1 = 3", ["level1", "table"]),
        ("[edit]\nscore = 0.5", ["edit.score", "at least 1"]),
        ("[edit]\nscore = 5.1", ["edit.score", "at most 5"]),
        ("[edit]\nscor = 3", ["edit.scor", 'did you mean "score"']),
        ("[suite]\non_undecided = 'maybe'\ntotal = 1", ["on_undecided", "maybe"]),
        ("[suite]\non_undecided = 'fial'\ntotal = 1", ["on_undecided", "fial", 'did you mean "fail"']),
        ("total = 1\n[suite.edit.aspects]\nfidelity = 3", ["suite.edit.aspects", "unknown key", "known are score"]),
        ("[baseline.edit]\nscor = 1", ["baseline.edit.scor", 'did you mean "score"']),
        ("[suite.level1]\nQualty = 1", ["suite", "Qualty"]),
        ("[baseline]\ntotal = -2", ["baseline.total", "at least 0"]),
        ("", ["bounds nothing"]),
        ("[suite]\non_undecided = 'fail'", ["bounds nothing"]),
        ("[baseline]\non_undecided = 'fail'", ["bounds nothing"]),
        ("[baseline]\non_undecided = 'mena'\ntotal = 1", ["baseline.on_undecided", "mena", 'did you mean "mean"']),
        ("[baseline]\nnewly_failing = -1", ["baseline.newly_failing", "at least 0"]),
        ("[baseline]\nnewly_failing = 1.5", ["baseline.newly_failing", "a whole number is expected, not 1.5"]),
        ("[baseline]\nnewly_failing = true", ["baseline.newly_failing", "a whole number is expected, not True"]),
        ("total = ", ["not valid TOML"]),
        ("total = 1\ntotal = 2", ["not valid TOML"]),
        ("total = " + "[" * 5000, ["not valid TOML"]),
        ("total = " + "9" * 5000, ["not valid TOML"]),
        ("extends = 3", ["extends", "string"]),
        ("extends = 'photo'", ["extends", "photo", "photoreal"]),
    ],
)
def test_what_is_wrong_names_file_key_and_nearest(tmp_path, text, words):
    path = write(tmp_path, "wrong.toml", text)
    with pytest.raises(ConfigError) as caught:
        load_profile(path)
    for word in ["wrong.toml", *words]:
        assert word in str(caught.value)


def test_what_is_wrong_below_names_the_file_below(tmp_path):
    write(tmp_path, "below.toml", "totl = 1")
    with pytest.raises(ConfigError, match=r"below\.toml: totl"):
        load_profile(write(tmp_path, "above.toml", 'extends = "below.toml"'))


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"total = 5\xff"])
def test_files_that_are_no_text(tmp_path, content):
    (tmp_path / "x.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"x\.toml"):
        load_profile(tmp_path / "x.toml")


def test_a_byte_order_mark_is_fine(tmp_path):
    (tmp_path / "x.toml").write_bytes(b"\xef\xbb\xbftotal = 5\r\n")
    assert load_profile(tmp_path / "x.toml").total == 5


def test_names():
    with pytest.raises(ConfigError, match='did you mean "photoreal"'):
        load_profile("photorael")
    with pytest.raises(ConfigError, match=r"no profile .*there is none at /there/\.\./gone\.toml"):
        load_profile("../gone.toml", base=Path("/there"))


@pytest.mark.parametrize("source", [50, None, ["default"]])
def test_what_is_no_profile(source):
    with pytest.raises(ConfigError, match="a profile's name, a file or a mapping is expected"):
        load_profile(source)


def test_a_mapping_is_called_what_it_is_called_once():
    profile = load_profile({"total": 50})
    with pytest.raises(ConfigError, match=r"^thresholds given as a mapping: total is bounded"):
        profile.require_measurable(load_protocol("signals"), "signals")


def test_a_bound_is_met_by_equality():
    assert load_profile({"total": 60}).check(verdict(1)).passed
    assert not load_profile({"total": 60.1}).check(verdict(1)).passed


def test_facets_that_must_not_fail():
    profile = load_profile({"must_not_fail": [["Quality", "Detail", "Noise"]]})
    assert profile.check(verdict(1)).passed
    (breach,) = profile.check(verdict(0)).breaches
    assert (breach.path, breach.score) == (("Quality", "Detail", "Noise"), 0.0)


def test_what_does_not_apply_never_passes_alone():
    profile = load_profile({"level1": {"Quality": 0}})
    for absent in (verdict("N/A"), verdict(asked=("Alignment",)), Verdict("a fox", asked=LEVEL1)):
        check = profile.check(absent)
        assert not check.passed
        assert check.not_applicable == (("Quality",),)
        assert not check.breaches
    both = load_profile({"level1": {"Quality": 0, "Alignment": 0}})
    assert both.check(verdict(asked=("Alignment",))).passed


def test_what_could_not_be_read_is_not_called_not_applicable():
    profile = load_profile({"total": 0, "level1": {"Quality": 0, "Alignment": 0}, "must_not_fail": [list(FACETS[0])]})
    check = profile.check(verdict(unreadable=(("Quality",),)))
    assert not check.not_applicable  # the total contains it, too
    assert check.applied == 1
    assert not profile.check(verdict(unreadable=tuple((one,) for one in LEVEL1))).passed
    edits = load_profile({"edit": {"score": 3.5, "aspects": {"fidelity": 3}}})
    assert edits.check_edit(EditVerdict("bluer", unreadable=(("Edit",),))).not_applicable == ()
    lost = edits.check_edit(EditVerdict("bluer", 4.0, {"fidelity": None}, unreadable=(("Edit", "fidelity"),)))
    assert (lost.not_applicable, lost.applied) == ((), 1)


def test_edits():
    profile = load_profile({"edit": {"score": 3.5, "aspects": {"fidelity": 3}}})
    assert profile.check_edit(EditVerdict("bluer", 3.5, {"fidelity": 3.0})).passed
    check = profile.check_edit(EditVerdict("bluer", 3.4, {"fidelity": 2.9}))
    assert [breach.path for breach in check.breaches] == [("score",), ("fidelity",)]
    assert not profile.check_edit(EditVerdict("bluer")).passed
    assert not profile.check(verdict(2)).passed


def test_what_a_judge_cannot_measure():
    signals = load_protocol("signals")
    for bounds, words in (
        ({"total": 1}, "has no total"),
        ({"level1": {"Alignment": 1}}, "Alignment is bounded"),
        ({"suite": {"total": 1}}, "has no total"),
        ({"must_not_fail": [["Quality", "Realism", "Physical Logic"]]}, "cannot measure it"),
    ):
        with pytest.raises(ConfigError, match=words) as caught:
            load_profile(bounds).require_measurable(signals, "signals")
        assert "Quality / Detail / Noise" in str(caught.value)
    load_profile({"level1": {"Quality": 1}, "edit": {"score": 3}}).require_measurable(signals, "signals")


def test_an_aspect_that_the_judge_of_edits_does_not_give(tmp_path):
    profile = load_profile({"edit": {"aspects": {"fidelty": 3}}})
    for name, words in (
        ("house-edit", r'did you mean "fidelity".*; it gives text_alignment, fidelity, perceptual_quality'),
        ("signals-edit", r'did you mean "fidelity".*; it gives changed_area, .*, text_alignment'),
        ("ie-critic", "it gives an overall score only"),
    ):
        with pytest.raises(ConfigError, match=words):
            profile.require_measurable(load_protocol(name), name)
    load_profile({"edit": {"aspects": {"fidelity": 3}}}).require_measurable(load_protocol("house-edit"), "house")
    profile.require_measurable(load_protocol("signals"), "signals")


def test_only_the_run():
    assert load_profile({"suite": {"total": 5}}).only_the_run("image")
    assert not load_profile({"suite": {"total": 5}, "total": 5}).only_the_run("image")
    assert not load_profile({"suite": {"total": 5}}).only_the_run("edit")
    assert load_profile({"baseline": {"edit": {"score": 1}}}).only_the_run("edit")
    assert not load_profile({"edit": {"score": 3}}).only_the_run("image")


@pytest.mark.filterwarnings("ignore:.*almost no effect")
@given(st.floats(0, 100), st.sampled_from([0, 1, 2]), st.sampled_from(LEVEL1))
def test_a_check_fails_exactly_below_the_bound(bound, raw, one):
    check = load_profile({"level1": {one: bound}}).check(verdict(raw))
    assert check.applied == 1
    assert check.passed == ({0: 0, 1: 60, 2: 100}[raw] >= bound)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from([*LEVEL1, "Detail", "x"]), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*Profile.model_fields, *LEVEL1, "x"]), VALUES, max_size=3))
def test_any_mapping_is_a_profile_or_an_error_in_words(data):
    try:
        profile = load_profile(data)
    except ConfigError as error:
        assert str(error).startswith("thresholds")
    else:
        assert profile.bounds_anything
        assert all(0 <= bound <= 100 for bound in profile.bounds().values())


def test_a_bound_of_a_fraction_is_doubted():
    with pytest.warns(UserWarning, match=r"thresholds: Quality: a bound of 0\.6 has almost no effect: bounds run from"):
        load_profile({"level1": {"Quality": 0.6}})
    load_profile({"total": 0, "level1": {"Quality": 1}})


def test_how_much_must_have_been_applicable(tmp_path):
    profile = load_profile({"min_applicable": 10})
    assert profile.bounds_images
    few = verdict(asked=("Alignment",))
    number = len(few.level3)
    assert load_profile({"min_applicable": number}).check(few).passed
    check = load_profile({"min_applicable": number + 1}).check(few)
    assert (check.passed, check.too_few, check.applicable) == (False, True, number)
    assert not load_profile({"min_applicable": 1}).check(verdict("N/A")).passed
    assert not load_profile({"min_applicable": 1, "total": 50}).check(verdict(0)).passed
    assert (
        not load_profile({"min_applicable": 1, "level1": {"Quality": 1}}).check(few).passed
    )  # nothing bounded applies
    write(tmp_path, "own.toml", 'extends = "default"\nmin_applicable = 30\n')
    assert load_profile("own.toml", base=tmp_path).min_applicable == 30


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "at least 1"),
        (57, "at most 56"),
        (0.5, "a whole number is expected, not 0.5"),
        (True, "a whole number is expected, not True"),
        ("5", "a whole number is expected, not '5'"),
    ],
)
def test_how_much_is_a_number_of_facets(value, words):
    with pytest.raises(ConfigError, match="min_applicable") as caught:
        load_profile({"min_applicable": value})
    assert words in str(caught.value)


def test_more_than_a_judge_measures():
    with pytest.raises(ConfigError, match="min_applicable: 50 facets, but the judge signals measures 8 of 56"):
        load_profile({"min_applicable": 50}).require_measurable(load_protocol("signals"), "signals")
