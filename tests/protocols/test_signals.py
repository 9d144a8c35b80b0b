"""The embedded judge's answers are its own: what differs in anything is unreadable, never taken as meant."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.engines.signals import quotes
from pytest_imagejudge.engines.signals.matching import match
from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.protocols import signals_bounds
from pytest_imagejudge.protocols.signals import SignalsEditProtocol, SignalsProtocol
from pytest_imagejudge.protocols.signals_edit_bounds import ASPECTS
from pytest_imagejudge.taxonomy import EDIT, FACETS

PROTOCOL, EDITS = SignalsProtocol(), SignalsEditProtocol()
GOOD = {
    "Detail": {
        "Noise": {"score": 0, "evidence": "estimated noise sigma 23.1, fail above 12"},
        "Edge Clarity": {"score": 2, "evidence": "sharp"},
        "Naturalness": {"score": 2, "evidence": "as a picture is"},
    },
    "Resolution": {"Resolution": {"score": "N/A", "evidence": "no edges"}},
}
EDIT_GOOD = {
    "aspects": {**dict.fromkeys(ASPECTS), "fidelity": 0.93, "changed_area": 0.2, "shift": 3.5},
    "evidence": {**dict.fromkeys(ASPECTS, "not measured"), "fidelity": "kept", "changed_area": "left"},
}


def changed(path, value, tree=GOOD):
    tree = json.loads(json.dumps(tree))
    inner = tree
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    return json.dumps(tree)


def test_its_own_answer_is_read_exactly():
    reading = PROTOCOL.read("Quality", json.dumps(GOOD), "stop")
    assert not reading.unreadable
    assert not reading.problems
    assert reading.level3["Quality", "Detail", "Noise"].raw == 0
    assert "23.1" in reading.level3["Quality", "Detail", "Noise"].evidence
    assert reading.level3["Quality", "Resolution", "Resolution"].raw == "N/A"
    assert reading.level3["Quality", "Realism", "Material Texture"].raw == "N/A"
    assert {path for path in FACETS if path[0] == "Quality"} == set(reading.level3)


@pytest.mark.parametrize("score", [True, 1.0, "1", 3, -1, None, "n/a", [], 1.9])
def test_any_other_score_makes_its_facet_unreadable(score):
    reading = PROTOCOL.read("Quality", changed(("Detail", "Noise", "score"), score), None)
    assert reading.unreadable == (("Quality", "Detail", "Noise"),)
    assert ("Quality", "Detail", "Noise") not in reading.level3
    assert reading.problems


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "3",
        "{",
        json.dumps(GOOD) + "x",
        "```json\n" + json.dumps(GOOD) + "\n```",
        json.dumps({"Quality": GOOD}),
        changed(("Detail", "Invented"), {"score": 1, "evidence": ""}),
        changed(("Invented",), {"Noise": {"score": 1, "evidence": ""}}),
        '{"Detail": {}, "Detail": {}, "Resolution": {}}',
        '{"Detail": 3}',
        "{" * 1_000_000,
        '{"a":' * 100_000,
    ],
)
def test_any_other_shape_is_unreadable(text):
    reading = PROTOCOL.read("Quality", text, None)
    assert reading.unreadable == (("Quality",),)
    assert not reading.level3


def test_a_dimension_without_measured_facets_has_an_empty_answer():
    reading = PROTOCOL.read("Alignment", "{}", "stop")
    assert not reading.unreadable
    assert {facet.raw for facet in reading.level3.values()} == {"N/A"}
    assert PROTOCOL.read("Alignment", json.dumps(GOOD), "stop").unreadable


@given(st.text(max_size=200))
def test_reading_never_raises(text):
    assert PROTOCOL.read("Quality", text, None).unreadable
    assert EDITS.read(EDIT, text, None).unreadable


def test_an_edit_has_aspects_and_no_score():
    reading = EDITS.read(EDIT, json.dumps(EDIT_GOOD), "stop")
    assert reading.score is None
    assert not reading.unreadable
    assert reading.aspects == EDIT_GOOD["aspects"]
    assert reading.evidence["fidelity"] == "kept"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("aspects", "fidelity"), 1.2),
        (("aspects", "shift"), -1),
        (("aspects", "rotation"), 181),
        (("aspects", "fidelity"), "0.9"),
        (("aspects", "fidelity"), True),
        (("aspects", "beauty"), 0.9),
        (("evidence", "fidelity"), 3),
        (("aspects",), None),
        (("score",), 3.0),
    ],
)
def test_any_other_edit_is_unreadable(path, value):
    assert EDITS.read(EDIT, changed(path, value, EDIT_GOOD), None).unreadable == ((EDIT,),)


def test_nan_is_no_aspect():
    text = json.dumps(EDIT_GOOD).replace("0.93", "NaN")
    assert EDITS.read(EDIT, text, None).unreadable


def test_the_bounds_and_the_libraries_decide_the_answer(monkeypatch):
    facts = PROTOCOL.sampling("Creative Generation")
    assert facts["bounds"] == signals_bounds.BOUNDS_DIGEST
    assert facts["rapidocr"][0].isdigit()
    assert "rapidocr" not in PROTOCOL.sampling("Quality")
    monkeypatch.setattr(signals_bounds, "BOUNDS_DIGEST", "other")
    assert PROTOCOL.sampling("Creative Generation") != facts
    assert not PROTOCOL.can_ask_again("Quality")
    assert PROTOCOL.digest != EDITS.digest
    assert not PROTOCOL.has_total


def test_the_styles_that_the_user_names_decide_the_answer_too():
    plain, named = SignalsProtocol().sampling("Quality"), SignalsProtocol(["fog", "flat", "fog"]).sampling("Quality")
    assert named == {**plain, "style": ["flat", "fog"]}
    with pytest.raises(ConfigError, match=r"judge_signals_style: one of pixel-art, .*'pixelart'.*\"pixel-art\""):
        SignalsProtocol(["pixelart"])


@pytest.mark.parametrize(
    ("prompt", "texts"),
    [
        ('a sign that says "Open"', ("Open",)),
        ("a sign that says “Open Late” and ‘Tea’", ("Open Late", "Tea")),
        ("a neon sign saying 'Hot Dogs'.", ("Hot Dogs",)),
        ("一张海报，上面写着「欢迎」和《春天》", ("欢迎", "春天")),
        ("写着“你好”、『再见』", ("你好", "再见")),
        ('写着"你好"的牌子', ("你好",)),
        ("ein Schild „Geöffnet“ und «Ouvert»", ("Geöffnet", "Ouvert")),
        ("“He said ‘hi’ twice”", ("He said ‘hi’ twice",)),
        ("‘Don’t Panic’ in large letters", ("Don’t Panic",)),
        ("'Don't Panic' in large letters", ("Don't Panic",)),
        ("the dogs' bowls and the cats' beds", ()),
        ("it's the baker's door, isn't it", ()),
        ("rock 'n' roll of the '60s and the '70s", ()),
        ('a 12" pizza on a 14" tray', ()),
        ('a 12" pizza from "Mario"', ("Mario",)),
        ('an "unclosed quote', ()),
        ('"" and " " and "!!"', ()),
        ('"one\n  two"', ("one two",)),
        ('"Sale" and again "Sale"', ("Sale",)),
        ("", ()),
    ],
)
def test_quoted(prompt, texts):
    assert quotes.quoted(prompt) == texts


@given(st.text(alphabet="ab '\"‘’“”「」《》«»\n5é中", max_size=300))
def test_quoted_never_raises_and_finds_what_is_there(prompt):
    joined = "".join(prompt.split())
    for text in quotes.quoted(prompt):
        assert "".join(text.split()) in joined


@pytest.mark.parametrize(
    ("expected", "lines", "similarity", "exact"),
    [
        ("Grand Opening", ["GRAND", "OPENING"], 1.0, True),
        ("Grand Opening", ["Est. 1990", "Grand Opening!", "Monday"], 1.0, True),
        ("COFFEE", ["COFEE"], 5 / 6, False),
        ("欢迎光临", ["欢迎光监"], 0.75, False),
        ("ＡＢＣ", ["abc"], 1.0, True),
        ("10 O'Clock", ["l0 0'CLOCK"], 1.0, True),
        ("50% off", ["50 off"], 1.0, False),
        ("red green blue", ["blue", "green", "red"], 1.0, False),
        ("Hello", [], 0.0, False),
        ("Hello", ["你好"], 0.0, False),
    ],
)
def test_match(expected, lines, similarity, exact):
    found = match(expected, lines)
    assert found.similarity == pytest.approx(similarity)
    assert found.exact is exact


@given(st.text(max_size=40), st.lists(st.text(max_size=20), max_size=6))
def test_match_is_a_similarity(expected, lines):
    found = match(expected, lines)
    assert 0 <= found.similarity <= 1
    assert not found.exact or found.similarity == 1


@given(
    st.text(alphabet="abcdefgh 中文字", min_size=3, max_size=30).filter(lambda text: text.strip()), st.integers(0, 5)
)
def test_what_is_there_is_found(expected, before):
    assert match(expected, ["xyz"] * before + [expected, "uvw"]).similarity == 1
