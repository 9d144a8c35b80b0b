import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.protocols.score_lists import DELIMITER, behind_mark, read_list, would_be_drawn


def read(text, finish="stop", *, count=2, high=10, parts=("naturalness", "artifacts")):
    found = read_list(text, finish, ("PQ",), count=count, high=high, parts=parts)
    assert found.scores or found.problems
    return found.scores, [problem.kind for problem in found.problems]


@pytest.mark.parametrize("finish", ["stop", None])
def test_answers_as_asked_for(finish):
    assert read('{"score": [8, 7], "reasoning": "clear"}', finish) == ((8.0, 7.0), [])
    assert read('{\n"reasoning" : "clear",\n"score" : [0, 25]\n}', finish, high=25) == ((0.0, 25.0), [])
    assert read('{"reasoning": "two\nlines", "score": [7.5, 10]}', finish) == ((7.5, 10.0), [])
    assert read('{"score": [8], "reasoning": ""}', finish, count=1) == ((8.0,), [])
    assert read_list('{"score": [8, 7], "reasoning": "clear"}', finish, ("PQ",), count=2, high=10).words == "clear"


@pytest.mark.parametrize(
    ("text", "scores", "kinds"),
    [
        ('```json\n{"score": [8, 7]}\n```', (8, 7), ["fenced"]),
        (f'{DELIMITER}\n{{"score": [8, 7]}}\n{DELIMITER}', (8, 7), ["fenced"]),
        ('Here: {"score": [8, 7]}. I hope it helps.', (8, 7), ["surrounded"]),
        ('{"score": [8, 7],}', (8, 7), ["mended"]),
        ("{'score': [8, 7]}", (8, 7), ["mended"]),
        ('{"score": ["8", "7"]}', (8, 7), ["coerced"]),
        ('{"score": ["8/10", 7]}', (8, 7), ["coerced"]),
        ('{"score": "[8, 7]"}', (8, 7), ["coerced"]),
        ('{"score": [[8, 7]]}', (8, 7), ["wrapped"]),
        ('{"result": {"score": [8, 7]}}', (8, 7), ["wrapped"]),
        ('{"score": {"score1": 8, "score2": 7}}', (8, 7), ["wrapped"]),
        ('{"score1": 8, "score2": 7, "reasoning": ""}', (8, 7), ["renamed"]),
        ('{"artifacts": 7, "naturalness": 8}', (8, 7), ["renamed"]),
        ('{"Scores": [8, 7]}', (8, 7), ["renamed"]),
        ('{"score": [8, 7]}\n{"score": [8, 7]}', (8, 7), ["duplicate"]),
        ('{"score": [8, 7], "score": [8, 7]}', (8, 7), ["duplicate"]),
        ("[8, 7]", (8, 7), ["coerced"]),
        ("The score is [8, 7], as it is clear.", (8, 7), ["coerced", "surrounded"]),
        ('{"reasoning": "a "red" sky", "score": [8, 7]}', (8, 7), ["mended"]),
        ('{"score": [8, 7], "reasoning": "a "red" sky"}', (8, 7), ["mended"]),
        ('{reasoning: "red", score: [8, 7]}', (8, 7), ["mended"]),
    ],
)
def test_mended_and_named(text, scores, kinds):
    assert read(text) == (tuple(map(float, scores)), kinds)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("", ["no-answer", "drawn"]),
        ("I can't help with that.", ["no-answer", "drawn"]),
        ("score = [score1, score2]", ["no-answer", "drawn"]),
        ("7", ["no-answer"]),
        ("[1, 10], [1, 10]", ["several-answers", "drawn"]),
        ('{"score": [8]}', ["missing"]),
        ('{"score": 8}', ["missing"]),
        ('{"score": []}', ["missing"]),
        ('{"reasoning": "clear"}', ["missing"]),
        ('{"score1": 8}', ["missing"]),
        ('{"score": [8, 7, 6]}', ["bad-score"]),
        ('{"score": [8, null]}', ["bad-score"]),
        ('{"score": [8, true]}', ["bad-score"]),
        ('{"score": ["good", "bad"]}', ["bad-score"]),
        ('{"score": ["score1", "score2"]}', ["bad-score"]),
        ('{"score": null}', ["bad-score"]),
        ('{"score": [8, 11]}', ["out-of-range"]),
        ('{"score": [10.5, 8]}', ["out-of-range"]),
        ('{"score": [-1, 8]}', ["out-of-range"]),
        ('{"score": ["8/25", 7]}', ["other-scale"]),
        ('{"score": [8, 7]}\n{"score": [1, 2]}', ["duplicate", "several-answers"]),
        ('{"score": [8, 7], "score": [1, 2]}', ["duplicate", "several-answers"]),
        ('{"score": {"a": 8}}', ["wrong-type"]),
        ('{"score": [8, 7], "reasoning": "guess_if_cannot_parse | ?"}', ["drawn"]),
        ('<think>{"score": [8, 7]}', ["unfinished-thinking"]),
        ('{"reasoning": "says "score": [1, 2], and", "score": [8, 7]}', ["no-answer"]),
    ],
)
def test_unreadable(text, kinds):
    assert read(text) == ((), kinds)


@pytest.mark.parametrize(
    "text", ['{"score": [8, 7], "reasoning": "cl', '{"reasoning": "cl', "[8, 7", '{"score": [8, 7]']
)
def test_cut_off(text):
    scores, kinds = read(text, "length")
    assert scores == ()
    assert kinds[0] == "truncated"


def test_a_whole_answer_that_was_cut_off_after_it_is_read():
    assert read('{"score": [8, 7]}', "length") == ((8.0, 7.0), ["truncated"])


def test_what_the_published_code_draws():
    assert would_be_drawn("no")
    assert would_be_drawn("[8, 7.5]")
    assert would_be_drawn("} {"[:1])
    assert not would_be_drawn("[8, 7]")
    assert not would_be_drawn("7")
    assert not would_be_drawn('{"nonsense"}')
    assert not would_be_drawn(f"{DELIMITER}{DELIMITER}")
    assert behind_mark("guess_if_cannot_parse | I can't.") == "I can't."
    assert behind_mark("clear") is None
    assert behind_mark(None) is None


@given(st.text(max_size=200) | st.text(alphabet="{}[]\"', scorenaig:0123456789./|V^=\n", max_size=200))
def test_no_score_without_a_number_in_the_answer(text):
    found = read_list(text, "stop", ("PQ",), count=2, high=10)
    assert all(0 <= score <= 10 for score in found.scores)
    if found.scores:
        assert any(char.isdecimal() for char in text)
    else:
        assert found.problems


@given(st.lists(st.integers(0, 25), min_size=2, max_size=2), st.text(max_size=60))
def test_what_was_written_is_read(scores, words):
    if behind_mark(words) is None:
        found = read_list(json.dumps({"reasoning": words, "score": scores}), "stop", ("SC",), count=2, high=25)
        assert found.scores == tuple(map(float, scores))
        assert found.words == words
        assert found.problems == ()
