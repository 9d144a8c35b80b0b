import pytest

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.scoring.verdict import EditVerdict
from pytest_imagejudge.thresholds.loading import default_profile, load_profile, shipped

TEN = {"scale": [0, 10], "score": 7}


@pytest.fixture
def write(tmp_path):
    def to(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return to


def test_bounds_on_another_scale():
    profile = load_profile({"edit": {**TEN, "aspects": {"SC": 9}}, "suite": {"edit": {"score": 0.5}}})
    assert profile.edit.scale == (0.0, 10.0)
    assert profile.check_edit(EditVerdict("bluer", 7.0, {"SC": 9.0}, scale=(0.0, 10.0))).passed
    assert not profile.check_edit(EditVerdict("bluer", 6.9, {"SC": 9.0}, scale=(0.0, 10.0))).passed
    assert load_profile(profile.dump()["bounds"]) == profile


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"edit": {"score": 7}}, r"edit.score: a number of at most 5 is expected, not 7 \(edit.scale is 1 to 5\)"),
        ({"edit": {"scale": [0, 10], "score": 11}}, "edit.score: a number of at most 10"),
        ({"edit": {"scale": [0, 10], "score": -1}}, "edit.score: a number of at least 0"),
        ({"edit": {"score": 3}, "suite": {"edit": {"score": 7}}}, "suite.edit.score: a number of at most 5"),
        ({"edit": {"score": 3}, "baseline": {"edit": {"score": 5}}}, "baseline.edit.score: a number of at most 4"),
        ({"edit": {**TEN, "aspects": {"SC": 11}}}, "edit.aspects.SC: a number of 0 to 10"),
        ({"edit": {"aspects": {"SC": 7}}}, "edit.aspects.SC: a number of 0 to 5"),
        ({"edit": {"scale": 10}}, "edit.scale: two numbers are expected"),
        ({"edit": {"scale": [1, 5, 10]}}, "edit.scale: two numbers are expected"),
        ({"edit": {"scale": [0, "10"]}}, "edit.scale: two numbers are expected"),
        ({"edit": {"scale": [0, True]}}, "edit.scale: two numbers are expected"),
        ({"edit": {"scale": [10, 0]}}, "edit.scale: the least and the most"),
        ({"edit": {"scale": [0, float("inf")]}}, "edit.scale: the least and the most"),
        ({"edit": {"scale": [0, 10]}}, "the profile bounds nothing"),
    ],
)
def test_bounds_that_no_score_can_reach(data, words):
    with pytest.raises(ConfigError, match=words):
        load_profile(data)


def test_a_drop_may_be_as_large_as_the_scale():
    assert load_profile({"edit": TEN, "baseline": {"edit": {"score": 9.5}}}).baseline.edit.score == 9.5


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"edit": {"score": 3}}, "edit.score"),
        ({"edit": {"scale": [1, 5], "aspects": {"SC": 3}}}, "edit.aspects.SC"),
        ({"suite": {"edit": {"score": 3}}}, "suite.edit.score"),
        ({"baseline": {"edit": {"score": 1}}}, "baseline.edit.score"),
    ],
)
def test_a_judge_on_another_scale_than_the_bounds(data, key):
    profile = load_profile(data)
    words = (
        rf"{key} is bounded on the scale 1 to 5, but the judge m \(viescore\) scores edits from 0 to 10: "
        r"put scale = \[0, 10\]"
    )
    with pytest.raises(ConfigError, match=words):
        profile.require_measurable(load_protocol("viescore"), "m")
    with pytest.raises(ConfigError, match=r"on the scale 0 to 10, but .* scores edits from 1 to 5"):
        load_profile({"edit": TEN}).require_measurable(load_protocol("ie-critic"), "m")
    load_profile({"edit": {**TEN, "aspects": {"SC": 3, "artifacts": 5}}}).require_measurable(
        load_protocol("editscore"), "m"
    )


def test_bounds_on_images_know_no_scale_of_edits():
    load_profile({"total": 40}).require_measurable(load_protocol("viescore"), "m")


def test_an_edit_that_was_scored_on_another_scale():
    profile = load_profile({"edit": {"score": 3}})
    with pytest.raises(ConfigError, match="are on the scale 1 to 5, and this edit was scored from 0 to 10"):
        profile.check_edit(EditVerdict("bluer", 7.0, scale=(0.0, 10.0)))
    assert not profile.check_edit(EditVerdict("bluer", None, scale=(0.0, 10.0))).passed


def test_the_profile_of_a_scale():
    assert default_profile(load_protocol("viescore")) == default_profile(load_protocol("editscore")) == "edit-10"
    assert default_profile(load_protocol("ie-critic")) == "default"
    protocol = load_protocol("viescore")
    protocol.scale = (0.0, 100.0)
    with pytest.raises(ConfigError, match=r"no shipped profile has bounds on that scale: .*scale = \[0, 100\]"):
        default_profile(protocol)
    assert load_profile("edit-10").edit.scale == (0.0, 10.0)
    assert "edit-10" in shipped()


def test_a_profile_inherits_the_scale_with_the_bounds(write):
    write("ten.toml", "[edit]\nscale = [0, 10]\nscore = 6\n")
    profile = load_profile(write("own.toml", 'extends = "ten.toml"\n[edit]\nscore = 8\n'))
    assert (profile.edit.scale, profile.edit.score) == ((0.0, 10.0), 8.0)
    with pytest.raises(ConfigError, match=r"own.toml: edit.score: a number of at most 10 is expected, not 11"):
        load_profile(write("own.toml", 'extends = "ten.toml"\n[edit]\nscore = 11\n'))


@pytest.mark.parametrize("bound", ["[edit]\nscore = 3", "[edit.aspects]\nbeauty = 3", "[suite.edit]\nscore = 3"])
def test_an_inherited_bound_is_not_taken_onto_another_scale(write, bound):
    write("five.toml", f"total = 40\n{bound}\n")
    with pytest.raises(
        ConfigError, match=r"own.toml: edit.scale is another than that of 'five.toml'.*on the scale 1 to"
    ):
        load_profile(write("own.toml", 'extends = "five.toml"\n[edit]\nscale = [0, 10]\n'))


def test_an_inherited_bound_that_is_set_anew(write):
    write("five.toml", "total = 40\n[edit]\nscore = 3\n[edit.aspects]\nrotation = {max = 2}\n")
    profile = load_profile(write("own.toml", 'extends = "five.toml"\n[edit]\nscale = [0, 10]\nscore = 6\n'))
    assert profile.edit.score == 6
    assert profile.total == 40
