"""Verdicts."""

import copy
import io
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge import EditVerdict, FacetScore, Verdict
from pytest_imagejudge.scoring.verdict import Display, Problem, Score, not_judged, thinking
from pytest_imagejudge.taxonomy import FACETS, LEVEL1


def verdict(raw=1, asked=LEVEL1, **more):
    level3 = {path: FacetScore(raw, "seen") for path in FACETS if path[0] in asked}
    return Verdict("a fox", level3, tuple(asked), **more)


def test_scores_by_path():
    found = verdict(2)
    assert found.total == found["Quality"] == found["Quality", "Detail"] == found["Quality", "Detail", "Noise"] == 100
    assert found.level1 == dict.fromkeys(LEVEL1, 100.0)
    assert isinstance(found["Quality"], float)
    assert found["Quality"].path == ("Quality",)


@pytest.mark.parametrize(
    "name", ["Qualty", ("Quality", "Detial"), ("Quality", "Detail", "noise"), (), ("a",) * 4, 3, None, ("Quality", 3)]
)
def test_an_unknown_path_is_an_error(name):
    with pytest.raises(KeyError):
        verdict()[name]


@pytest.mark.parametrize(
    ("found", "path", "shown"),
    [
        (verdict("N/A"), ("Quality",), "N/A"),
        (verdict(asked=("Quality",)), ("Alignment",), "not asked"),
        (verdict(unreadable=(("Quality",),)), ("Quality",), "unreadable"),
        (verdict(unreadable=(("Quality", "Detail", "Noise"),)), ("Quality",), "unreadable"),
        (verdict(unreadable=(("Quality", "Detail", "Noise"),)), ("Quality", "Detail"), "unreadable"),
    ],
)
def test_a_score_that_is_not_there_compares_false_and_says_why(found, path, shown):
    score = found[path]
    assert math.isnan(score)
    assert repr(score) == shown
    assert not (score >= 0 or score <= 100 or score == score or score > -1)
    assert not (score or score != 0 or score != score)  # nothing can be asserted of it
    assert shown in score.explain()[0]


def test_what_is_unreadable_elsewhere_does_not_matter():
    found = verdict(unreadable=(("Quality", "Detail", "Noise"),))
    assert found["Quality", "Realism"] == 60
    assert found["Alignment"] == 60
    assert found.total is None
    assert not found.readable


def test_a_score_that_is_there_is_a_number_like_any_other():
    score = verdict(0)["Quality"]
    assert not score
    assert score != 1
    assert (score != 0) is False
    assert verdict(1)["Quality"]
    assert {verdict(1)["Quality"]: 1} == {60.0: 1}


def test_a_name_without_the_ones_above_it_says_its_path():
    with pytest.raises(KeyError, match='"Realism" is no dimension; its path is Quality / Realism'):
        verdict()["Realism"]
    with pytest.raises(KeyError, match=r"Aesthetics / Composition or .*Visual Storytelling / Composition"):
        verdict()["Composition"]


def test_the_explanation_names_the_lowest_facets_first():
    level3 = {**verdict(2).level3, ("Quality", "Detail", "Noise"): FacetScore(0, "grain all over")}
    level3[("Quality", "Resolution", "Resolution")] = FacetScore("N/A")
    found = Verdict("a fox", level3, LEVEL1, image="fox.png")
    lines = found["Quality"].explain()
    assert lines[1:4] == ["prompt: a fox", "image: fox.png", "  Detail / Noise: 0  grain all over"]
    assert lines[-1] == "  N/A: Resolution"
    assert found["Quality", "Detail", "Noise"].explain()[3] == "  Noise: 0  grain all over"


def test_the_explanation_says_why_and_lets_nothing_speak_for_itself():
    level3 = {("Quality", "Detail", "Noise"): FacetScore(0, "\x1b[31mred\n::error::x")}
    problem = Problem(("Quality", "Realism", "Physical Logic"), "missing", "no score")
    found = Verdict("a\x1b[2J\r\n::error::fox", level3, LEVEL1, (problem.path,), (problem,), error="gone\x07")
    lines = found["Quality"].explain()
    assert all(line.isprintable() for line in lines)
    assert "  Realism / Physical Logic: unreadable: missing no score" in [
        line.replace("Quality / ", "") for line in lines
    ]
    assert "not judged: gone\\x07" in lines


def test_scores_and_verdicts_can_be_copied_and_sent():
    found = verdict(1)
    score = pickle.loads(pickle.dumps(found["Quality"]))
    assert score == 60
    assert score.path == ("Quality",)
    assert repr(score) == "60"
    assert math.isnan(pickle.loads(pickle.dumps(verdict("N/A")["Quality"])))
    assert copy.deepcopy(found["Quality"]) == 60
    assert pickle.loads(pickle.dumps(found)).level1 == found.level1


@given(st.floats(0, 100) | st.none())
def test_a_score_is_a_number(value):
    score = Score(value, ("Quality",))
    assert (score == value) if value is not None else math.isnan(score)
    assert isinstance(repr(score), str)
    assert score.explain()


def test_an_error_is_not_readable():
    assert not Verdict("a fox", error="gone").readable
    assert not EditVerdict("bluer", error="gone").readable
    assert not EditVerdict("bluer", unreadable=(("Edit",),)).readable
    assert EditVerdict("bluer", score=3.0).readable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<think>hm</think>{}", "hm"),
        ("hm</think>{}", "hm"),
        ("<think>endless", "endless"),
        ("{}", ""),
        ("", ""),
        ("<think>a</think>b</think>c", "a</think>b"),
    ],
)
def test_thinking(text, expected):
    assert thinking(text) == expected


@given(st.text())
def test_thinking_takes_any_text(text):
    assert isinstance(thinking(text), str)


def test_printed_it_takes_one_line():
    assert str(verdict(2, ("Quality",), image="a.png")) == "a.png: total 100.0, Quality 100.0"
    lost = verdict(0, ("Quality",), image="a.png", unreadable=(("Aesthetics",),))
    assert str(lost) == "a.png: Quality 0.0, unreadable: Aesthetics"
    assert str(Verdict("p", error="no such file")) == "no such file"
    assert str(EditVerdict("i", 3.5, {"fidelity": 0.912, "text": None}, edited_image="b.png")) == (
        "b.png: score 3.50, fidelity 0.91"
    )
    assert str(EditVerdict("i")) == "no score"


def test_shown_in_a_notebook_and_a_console():
    from rich.console import Console

    hostile = Verdict("<script>\x1b[31m", verdict(1).level3, LEVEL1)
    page = hostile._repr_html_()
    assert "<script>" not in page
    assert "\x1b" not in page
    stream = io.StringIO()
    Console(file=stream).print(hostile)
    assert "\x1b" not in stream.getvalue()
    assert "Quality" in stream.getvalue()


def test_shown_as_plain_text_where_nothing_draws_it():
    from rich.console import Console

    hostile = Verdict("<script>\x1b[31m[red]x[/red]", verdict(1).level3, LEVEL1)
    page = Display().html(hostile)
    assert "&lt;script&gt;" in page
    assert "\x1b" not in page
    stream = io.StringIO()
    Console(file=stream, width=10_000).print(Display().tree(hostile))
    assert "[red]x[/red]" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize("name", ["total", "Total"])
def test_the_total_is_no_dimension(name):
    with pytest.raises(KeyError, match=r"verdict\.total"):
        Verdict("a fox")[name]


@given(st.sets(st.sampled_from(LEVEL1)))
def test_what_was_not_judged_has_no_figure(asked):
    lost = not_judged("image", "a fox", "gone", asked=sorted(asked), images=["fox.png"])
    assert isinstance(lost, Verdict)
    assert not lost.readable
    assert (lost.total, lost.level1) == (None, dict.fromkeys(asked))
    assert {path for (path,) in lost.unreadable} == asked
    assert (lost.prompt, lost.image, lost.error) == ("a fox", "fox.png", "gone")


def test_an_edit_that_was_not_judged():
    lost = not_judged("edit", "bluer", "gone", asked=("Edit",), images=["a.png", "b.png"])
    expected = {"unreadable": (("Edit",),), "source_image": "a.png", "edited_image": "b.png", "error": "gone"}
    assert lost == EditVerdict("bluer", **expected)
