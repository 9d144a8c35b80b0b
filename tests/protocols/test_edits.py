import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.protocols.edit_answers import read_scores, read_tagged

THOUGHT = "<think>Perhaps <answer>1.23</answer>?</think>"


def read(answer, finish="stop", thought=THOUGHT):
    reading = read_tagged(thought + answer, finish)
    assert reading.unreadable == (() if reading.score is not None else (("Edit",),))
    assert reading.score is not None or reading.problems
    return reading.score, {problem.kind for problem in reading.problems}


@pytest.mark.parametrize("thought", [THOUGHT, THOUGHT.removeprefix("<think>"), THOUGHT + "\n\n", "</think>"])
@pytest.mark.parametrize("finish", ["stop", None])
def test_answer_as_published(thought, finish):
    assert read("<answer>3.71</answer>", finish, thought) == (3.71, set())
    assert read("<answer> 5.00\n</answer>\n", finish, thought) == (5.0, set())
    assert read("<answer>1.00</answer>", finish, thought) == (1.0, set())


@pytest.mark.parametrize(
    ("written", "score"),
    [
        ("4.5.", 4.5),
        ("4.", 4.0),
        ("4", 4.0),
        ("4.5", 4.5),
        ("4.256", 4.256),
        ("04.50", 4.5),
        ("4,5", 4.5),
        ("4,25", 4.25),
        ("４．２５", 4.25),
        ("４，２５", 4.25),
        ("٤٫٢٥", 4.25),
        ("4.25。", 4.25),
        ("4/5", 4.0),
        ("4.25/5", 4.25),
        ("4.25 / 5.00", 4.25),
        ("4.25 out of 5", 4.25),
        ("４／５", 4.0),
        ("5/5", 5.0),
        ("+4.25", 4.25),
        ("**4.25**", 4.25),
        ("Score: 4.25", 4.25),
        ("The final score is 4.25", 4.25),
        ("3.000000000000000000000000001", 3.0),
    ],
)
def test_mended_and_named(written, score):
    assert read(f"<answer>{written}</answer>") == (score, {"coerced"})


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ("", "no-answer"),
        ("  ", "no-answer"),
        ("good", "bad-score"),
        ("four", "bad-score"),
        ("NaN", "bad-score"),
        ("inf", "bad-score"),
        ("4.2.5", "bad-score"),
        ("4e0", "bad-score"),
        ("4 5", "bad-score"),
        ("3.5-4.0", "bad-score"),
        ("3.5 or 4.0", "bad-score"),
        ("4,500", "bad-score"),
        ("4²", "bad-score"),
        ("4.5½", "bad-score"),
        ("0x4", "bad-score"),
        ("0", "out-of-range"),
        ("0.99", "out-of-range"),
        ("5.01", "out-of-range"),
        ("5.00000000000000000000001", "out-of-range"),
        ("6/5", "out-of-range"),
        ("50", "out-of-range"),
        ("-4.5", "out-of-range"),
        ("9" * 5000, "out-of-range"),
        ("8/10", "other-scale"),
        ("4/10", "other-scale"),
        ("4.5 out of 10", "other-scale"),
        ("80/100", "other-scale"),
        ("80%", "other-scale"),
        ("4/5/10", "other-scale"),
        ("x" * 100_000, "bad-score"),
    ],
)
def test_never_guessed_or_clamped(written, kind):
    assert read(f"<answer>{written}</answer>") == (None, {kind})


@pytest.mark.parametrize(
    ("text", "finish", "score", "problems"),
    [
        (THOUGHT + "<answer>3.70</answer> <answer>3.7</answer>", "stop", 3.7, {"several-answers", "coerced"}),
        (THOUGHT + "<answer>3.70</answer><answer>3.71</answer>", "stop", None, {"several-answers"}),
        (THOUGHT + "<answer>3.70</answer><answer>bad</answer>", "stop", None, {"several-answers"}),
        (THOUGHT + "<answer>3.70<answer>3.70</answer>", "stop", 3.7, {"several-answers", "coerced"}),
        (THOUGHT + "So: <answer>3.70</answer> Thanks.", "stop", 3.7, {"surrounded"}),
        (THOUGHT + "<ANSWER>3.70</ANSWER>", "stop", 3.7, set()),
        (THOUGHT + "<answer>3.70", "stop", 3.7, {"coerced"}),
        (THOUGHT + "<answer>3.70", None, None, {"truncated"}),
        (THOUGHT + "<answer>3.7", "length", None, {"truncated"}),
        (THOUGHT + "<answer>", "stop", None, {"no-answer", "coerced"}),
        (THOUGHT + "3.70", "stop", 3.7, {"coerced"}),
        (THOUGHT + "3.70", None, None, {"no-answer"}),
        (THOUGHT + "3.7", "length", None, {"truncated"}),
        (THOUGHT + "3.70</answer>", "stop", 3.7, {"coerced"}),
        (THOUGHT + "It is a good edit.", "stop", None, {"bad-score", "coerced"}),
        (THOUGHT + "<answer>3.70</answer>", "length", 3.7, {"truncated"}),
        (THOUGHT + "<answer>3.70</answer> and then", "length", None, {"truncated"}),
        (THOUGHT, "stop", None, {"no-answer"}),
        (THOUGHT, "length", None, {"truncated"}),
        ("", "stop", None, {"no-answer"}),
        ("", "length", None, {"truncated"}),
        ("<think>It may be <answer>3.70</answer>", "length", None, {"unfinished-thinking"}),
        ("It may be <answer>3.70</answer>", "stop", None, {"unfinished-thinking"}),
        ("It may be <answer>3.70</answer> or", "length", None, {"unfinished-thinking"}),
        ("3.70", "stop", None, {"unfinished-thinking"}),
        (THOUGHT + "<answer>3.70</answer><think>Or", "stop", None, {"unfinished-thinking"}),
        # an answer tag and nothing else: no thinking that could hold a draft
        ("<answer>3.70</answer>", "stop", 3.7, set()),
        ("<answer>3.70</answer>", "length", None, {"unfinished-thinking"}),
        ("<answer>3.70</answer>", "repetition", None, {"unfinished-thinking"}),
        (THOUGHT + "<answer>3.70</answer> or", "model_length", None, {"truncated"}),
        (THOUGHT + "<thought><answer>2.00</answer></thought><answer>3.70</answer>", "stop", 3.7, set()),
        (THOUGHT + "<thought><answer>2.00</answer></thought>I cannot say.", "stop", None, {"bad-score", "coerced"}),
        (THOUGHT + "[THINK]<answer>2.00</answer>", "stop", None, {"unfinished-thinking"}),
        # the turn was started with another tag than the one that ends here
        ("<answer>2.00</answer></thought><answer>3.70</answer>", "stop", None, {"unfinished-thinking"}),
        ("<thought>a</thought><answer>3.70</answer>", "stop", None, {"unfinished-thinking"}),
        (THOUGHT + "<answer>" * 200_000, "stop", None, {"several-answers", "coerced"}),
        (THOUGHT + "<" * 1_000_000, "stop", None, {"bad-score", "coerced"}),
        ("\ud800\x00", "stop", None, {"unfinished-thinking"}),
    ],
)
def test_layout_of_the_answer(text, finish, score, problems):
    assert read(text, finish, thought="") == (score, problems)


@given(
    st.decimals(0, 7, places=2) | st.decimals(1, 5, places=2),
    st.sampled_from(["{}", "{}.", "{}/5", "**{}**", " {} ", "Score: {}", "{} out of 5", "{}/5."]),
    st.sampled_from(
        ["<answer>{}</answer>", "<answer>{}</answer><answer>{}</answer>", "Well. <answer>{}</answer> Yes."]
    ),
    st.sampled_from(
        [str, lambda text: text.replace(".", ","), lambda text: "".join(chr(ord(c) + 0xFEE0) for c in text)]
    ),
)
def test_written_in_many_ways(value, how, layout, style):
    written = how.format(style(str(value)))
    score, problems = read(layout.format(written, written))
    if 1 <= value <= 5:
        assert score == float(value)
    else:
        assert score is None
        assert problems & {"out-of-range", "several-answers"}


@given(st.data())
def test_characters_changed(data):
    """No exception, in range or unreadable, and never the thinking's draft (3.33) for the answer (2.22)."""
    text = "<think>So <answer>3.33</answer></think><answer>2.22</answer>"
    for _ in range(data.draw(st.integers(0, 5))):
        at = data.draw(st.integers(0, len(text)))
        put = data.draw(
            st.sampled_from(["", "<answer>", "</answer>", "<think>", "</think>", "/", ",", ".", "9", "\n", "<"])
        )
        text = text[:at] + put + text[at + data.draw(st.integers(0, 3)) :]
    score, _ = read(text, data.draw(st.sampled_from(["stop", "length", None])), thought="")
    assert score is None or 1 <= score <= 5
    if "</think>" in text:
        assert score is None or "3.33" not in str(score) or "3.33" in text.rpartition("</think>")[2]


@given(st.text(max_size=80) | st.from_regex(r"(<think>)?.{0,9}(</think>)?(<answer>[0-9./, ]{0,9}(</answer>)?){0,3}"))
def test_any_text(text):
    for finish in ("stop", "length", None):
        score, _ = read(text, finish, thought="")
        assert score is None or 1 <= score <= 5


# --- several scores in JSON ------------------------------------------------------------------------------------------

ASPECTS = ("text_alignment", "fidelity")
GOOD = {"text_alignment": 4.5, "fidelity": 3, "overall": 3.7}


def scores(answer, finish="stop"):
    text = answer if isinstance(answer, str) else json.dumps(answer)
    reading = read_scores(text, finish, "overall", ASPECTS)
    return reading.score, dict(reading.aspects), reading.unreadable, {problem.kind for problem in reading.problems}


@pytest.mark.parametrize(
    ("answer", "problems"),
    [
        (GOOD, set()),
        ("<think>a</think>" + json.dumps(GOOD), set()),
        ("```json\n" + json.dumps(GOOD) + "```", {"fenced"}),
        ({"scores": GOOD}, {"wrapped"}),
        ({**GOOD, "overall": "3.7"}, {"coerced"}),
        ({**GOOD, "overall": "3.7/5"}, {"coerced"}),
        ({**GOOD, "fidelity": {"score": 3}}, {"wrapped"}),
        ({"Text alignment": 4.5, "Fidelity": 3, "Overall": 3.7}, {"renamed"}),
        ({**GOOD, "beauty": 1}, {"invented"}),
        (json.dumps(GOOD) * 2, {"duplicate"}),
        (json.dumps(GOOD)[:-1] + ', "overall": 3.7}', {"duplicate"}),
    ],
)
def test_scores_are_read(answer, problems):
    assert scores(answer) == (3.7, {"text_alignment": 4.5, "fidelity": 3.0}, (), problems)


@pytest.mark.parametrize("bad", [None, True, 0, 5.1, -1, "8/10", [], {}, "x", float("nan"), 10**400])
def test_bad_scores_are_unreadable(bad):
    score, aspects, unreadable, problems = scores({**GOOD, "fidelity": bad})
    assert (score, aspects, unreadable) == (3.7, {"text_alignment": 4.5, "fidelity": None}, (("Edit", "fidelity"),))
    assert problems
    score, aspects, unreadable, problems = scores({**GOOD, "overall": bad})
    assert (score, unreadable) == (None, (("Edit",),))
    assert problems


@pytest.mark.parametrize(
    ("answer", "finish", "kind"),
    [
        ("", "stop", "no-answer"),
        ("<think>" + json.dumps(GOOD), "length", "unfinished-thinking"),
        (json.dumps(GOOD), "length", "truncated"),
        (json.dumps(GOOD), "incomplete", "truncated"),
        ("<scratchpad>" + json.dumps(GOOD) + "</scratchpad>I cannot say.", "stop", "no-answer"),
        (json.dumps(GOOD)[:-1], None, "truncated"),
        (json.dumps(GOOD) + json.dumps({**GOOD, "overall": 1}), "stop", "several-answers"),
        ("[1]", "stop", "wrong-type"),
        ({"fidelity": 3}, "stop", "missing"),
        (json.dumps(GOOD)[:-1] + ', "overall": 3.6}', "stop", "duplicate"),
    ],
)
def test_without_the_overall_score_nothing_is_read(answer, finish, kind):
    score, _, unreadable, problems = scores(answer, finish)
    assert (score, unreadable) == (None, (("Edit",),))
    assert kind in problems
