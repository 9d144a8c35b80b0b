"""Answers that are nearly JSON: what is mended and named, and what stays unreadable."""

import json
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.protocols import answer_parts
from pytest_imagejudge.protocols.checklist_answers import read_checklist
from pytest_imagejudge.protocols.edit_answers import read_scores
from pytest_imagejudge.protocols.mending import BRACE, COMMA, COMMENT, ESCAPE, LONGEST, QUOTES, mend
from pytest_imagejudge.taxonomy import LEVEL1, facets_of

GOOD = {
    "Realism": {"Physical Logic": {"score": 1}, "Material Texture": {"score": 2}},
    "Detail": {"Noise": {"score": "N/A"}, "Edge Clarity": {"score": 0}, "Naturalness": {"score": 1}},
    "Resolution": {"Resolution": {"score": 2}},
}
TEXT = json.dumps(GOOD)
LINES = json.dumps(GOOD, indent=2)
RAWS = {("Quality", two, three): facet["score"] for two, threes in GOOD.items() for three, facet in threes.items()}


def read(text, finish="stop"):
    reading = read_checklist("Quality", text, finish)
    raws = {path: facet.raw for path, facet in reading.level3.items()}
    assert set(raws) == set(RAWS) or reading.unreadable
    return raws, mends(reading), {problem.kind for problem in reading.problems}


def mends(reading):
    return [name for problem in reading.problems if problem.kind == "mended" for name in problem.detail.split("; ")]


def with_words(written):
    """The good answer with a string, as it is written, as the first facet's evidence."""
    return TEXT.replace('{"score": 1}', f'{{"evidence": {written}, "score": 1}}', 1)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (TEXT[:-1] + ",}", [COMMA]),
        (LINES.replace("}\n", "},\n").replace(",,", ",").removesuffix(",\n}") + "\n}", [COMMA]),
        (TEXT.replace("1}", "1 , }"), [COMMA]),
        (with_words('"", "x": [1, 2,]'), [COMMA]),
        (LINES.replace("{\n", "{ // it's fine\n", 1), [COMMENT]),
        (LINES.replace("{\n", "{ // it's fine\r\n", 1), [COMMENT]),
        (TEXT.replace("{", '{ /* "a" * b, // c\n */', 1), [COMMENT]),
        (TEXT.replace(":", "/**/:"), [COMMENT]),
        (TEXT[:-1] + "// the end\n}", [COMMENT]),
        (TEXT.replace('"', "'"), [QUOTES]),
        (TEXT.replace('"Noise"', "'Noise'"), [QUOTES]),
        (TEXT.replace('"N/A"', "'N/A'"), [QUOTES]),
        (repr(GOOD), [QUOTES]),
        (with_words(r"'it\'s a \"cat\"'"), [QUOTES]),
        (with_words("'a \"cat\", // no comment, {'"), [QUOTES]),
        (with_words(r'"it\'s"'), [ESCAPE]),
        (with_words(r'"50\% \_a \u12 \x41 \é"'), [ESCAPE]),
        (with_words(r"'50\%'"), [QUOTES, ESCAPE]),
        (TEXT[:-1], [BRACE]),
        (TEXT[:-2] + "\n", [BRACE]),
        (TEXT[:-3], [BRACE]),
        ("```json\n" + TEXT[:-1] + "\n```", [BRACE]),
        (repr(GOOD)[:-1] + ", } /* ok */", [QUOTES, COMMA]),
        ("I'd say {this}: " + TEXT[:-1] + ",}\nThat's {it}.", [COMMA]),
        (TEXT.replace('"', "'") + TEXT[:-1] + ",}", [QUOTES, COMMA]),
        ("[THINK]{'a': 0,}[/THINK]" + TEXT[:-1] + ",}", [COMMA]),
    ],
)
def test_mended_and_named(text, names):
    assert read(f"<think>{TEXT.replace('1', '0')}</think>{text}")[:2] == (RAWS, names)


@pytest.mark.parametrize("text", [TEXT, LINES, "So: " + TEXT, TEXT + TEXT, json.dumps({"Quality": GOOD})])
def test_json_is_not_looked_at(text):
    with patch.object(answer_parts, "mend", side_effect=AssertionError):
        assert read(text)[:2] == (RAWS, [])


@pytest.mark.parametrize(
    "text",
    [
        # what JSON lacks and no mend is for
        TEXT.replace('"N/A"', "None"),
        TEXT.replace('"N/A"', "True"),
        TEXT.replace('"N/A"', "N/A"),
        TEXT.replace('"N/A"', "+1"),
        TEXT.replace('"N/A"', "0x1"),
        TEXT.replace('"score"', "score"),
        TEXT.replace('"', "`"),
        TEXT.replace('"', "”"),
        TEXT.replace("{", "{ # no comment\n", 1),
        TEXT.replace(",", ";"),
        TEXT.replace(":", "=", 1),
        TEXT.replace(",", ",,", 1),
        TEXT.replace("{", "{,", 1),
        TEXT.replace(", ", " ", 1),
        TEXT.replace("}}", "}", 1)[:-1] + "]",
        "(" + TEXT.replace("{", "(").replace("}", ")") + ")",
        # more than one way
        with_words("'it's fine'"),
        with_words("'it reads 'score': 2'"),
        with_words('"it reads "score": 2"'),
        with_words("'one\nline more'"),
        with_words("u'a'"),
        with_words("'a' 'b'"),
        with_words('"", "x": [1, [2'),
        with_words('"", \'score\': 2, // "') + "\n",
        LINES.replace("{\n", '{ // "Noise": {"score": 1}\n', 1),
        LINES.replace("{\n", "{ // 'Noise' : 1,\n", 1),
        LINES.replace("{\n", "{ // ]\n", 1),
        LINES.replace("{\n", "{ // a\r", 1),
        LINES.replace("{\n", "{ // a\u2028 b\n", 1),
        LINES.replace("{\n", "{ // a\x0b b\n", 1),
        LINES.replace("{\n", "{ // a b", 1).replace("\n", ""),
        TEXT.replace("{", "{/* a /* b */ c */", 1),
        TEXT.replace("{", "{/*/", 1),
        TEXT.replace("{", "{/* ", 1),
        # what more may be missing than braces
        TEXT[:-1] + ",",
        "{" + LINES.replace('"', "'")[1:-2] + ", // end\n",
        TEXT[:-1] + " // fine",
        TEXT[:-1] + " // fine }",
        TEXT[:-1] + "\nI hope that this helps.",
        TEXT[:-1] + TEXT,
        TEXT + TEXT[:-10],
        TEXT + " and {so on",
        TEXT[: TEXT.index(": 2}}")],
        TEXT[:-1] + ', "x": [1',
        TEXT[:-1] + ', "x',
        TEXT[: TEXT.index('"score": 1}}')],
        (TEXT[:-1] + ",}").replace("1", "1/", 1),
        (TEXT[:-1] + ",}").replace("1", "1\xa0", 1),
        (TEXT[:-1] + ",}").replace("1", "1'", 1),
        (TEXT[:-1] + ",}").replace("2}}", "2]}", 1),
        "[" + TEXT[:-1] + ",}]",
        "[" + TEXT[:-1],
    ],
)
@pytest.mark.parametrize("finish", ["stop", None])
def test_nothing_is_guessed(text, finish):
    assert read(text, finish)[0] == {}


def test_a_score_is_no_other_for_being_mended():
    """Backslashes stay, so that no score and no name comes of leaving one out."""
    for written in (r"N\A", r"1\.", r"\1", r"\x31"):
        raws, _, kinds = read(TEXT.replace("N/A", written))
        assert ("Quality", "Detail", "Noise") not in raws
        assert "bad-score" in kinds
    facet = read_checklist("Quality", with_words(r'"50\% \u12 \x41 it\'s"'), "stop").level3
    assert facet["Quality", "Realism", "Physical Logic"].evidence == r"50\% \u12 \x41 it's"
    facet = read_checklist("Quality", with_words(r"'\"\\\'\n\u00e9'"), "stop").level3
    assert facet["Quality", "Realism", "Physical Logic"].evidence == "\"\\'\né"


def test_names_twice_are_still_seen():
    twice = TEXT.replace('"score": "N/A"', "'score': 'N/A', \"score\": 0")
    assert ("Quality", "Detail", "Noise") not in read(twice)[0]
    assert read(TEXT.replace('"', "'") + TEXT.replace("2", "1"))[0] == {}


@pytest.mark.parametrize("finish", ["length", "abort", "max_tokens", "?"])
def test_a_last_brace_is_mended_only_where_nothing_is_cut_off(finish):
    assert read("<think>a</think>" + TEXT[:-1], finish)[0] == {}
    assert read("<think>a</think>" + TEXT[:-1] + ",}", finish) == (RAWS, [COMMA], {"mended", "truncated"})
    assert read(TEXT[:-1] + ",}", finish)[0] == {}


def test_without_a_finish_reason_all_else_has_to_be_there():
    assert read(TEXT[:-1], None)[:2] == (RAWS, [BRACE])
    assert read(TEXT[:-3], None)[0] == {}  # ends with a number that may have had more digits
    part = TEXT[: TEXT.index(', "Resolution"')]
    assert read(part, None)[::2] == ({}, {"mended", "truncated", "missing"})
    assert len(read(part, "stop")[0]) == 5


def test_thinking_is_not_mended():
    for text in (TEXT[:-1], TEXT[:-1] + ",}", repr(GOOD)):
        for thinking in (f"<think>{text}", f"<think>a</think>{text}<think>", f"<reasoning>{text}"):
            assert read(thinking) == ({}, [], {"unfinished-thinking"})
        assert read(f"<think>{text}</think>I can't tell.")[0] == {}


# --- edits -----------------------------------------------------------------------------------------------------------

ASPECTS = ("text_alignment", "fidelity")
EDIT = {"text_alignment": 4.5, "fidelity": 3, "overall": 3.7}
FLAT = json.dumps(EDIT)


def edit(text, finish="stop"):
    reading = read_scores(text, finish, "overall", ASPECTS)
    return reading.score, dict(reading.aspects), mends(reading)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (repr(EDIT), [QUOTES]),
        (FLAT[:-1] + ",}", [COMMA]),
        (FLAT.replace("3,", "3, /* not a 4 */"), [COMMENT]),
        (FLAT[:-1] + r', "reason": "\d"}', [ESCAPE]),
        (FLAT[:-1], [BRACE]),
        (FLAT[:-1] + ', "reason": "a"', [BRACE]),
    ],
)
def test_edits_are_mended_too(text, names):
    assert edit(text) == (3.7, {"text_alignment": 4.5, "fidelity": 3.0}, names)


@pytest.mark.parametrize("finish", [None, "", "length"])
def test_a_number_that_may_go_on_is_not_read(finish):
    for text in ("<think>a</think>" + FLAT[:-1], "<think>a</think>" + FLAT[:-3]):
        assert edit(text, finish)[0] is None


def test_edits_without_a_finish_reason_lack_nothing_but_the_brace():
    whole = '{"overall": "3.7", "fidelity": 3, "text_alignment": "4.5"'
    assert edit(whole, None) == (3.7, {"text_alignment": 4.5, "fidelity": 3.0}, [BRACE])
    assert edit('{"overall": "3.7", "text_alignment": "4.5"', None) == (None, {}, [BRACE])
    assert edit('{"overall": "3.7", "text_alignment": "4.5"')[0] == 3.7


def test_a_comment_parts_what_it_stands_between():
    assert edit(FLAT.replace("3.7", "3./**/7"))[0] is None


# --- time ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "piece",
    ["{", "}", "[", "]", "{}", "[],", "'", '"', "\\", "//", "/*", "/**/", "{'", "{':", '{"a":', ",", "\\'", "a "],
)
@pytest.mark.parametrize("start", ["", '{"a": [', '{"a": /*', "{'a': '"])
def test_any_repetition_is_done_with(piece, start):
    """Anything quadratic would take hours here."""
    assert read((start + piece * LONGEST)[:LONGEST])[0] == {}


# --- properties ------------------------------------------------------------------------------------------------------

SCORES = st.sampled_from([0, 1, 2, "N/A"])
OTHER = {0: 1, 1: 2, 2: 0, "N/A": 1}
WORDS = st.text(st.sampled_from("ab ,:;/*#'\"\\\né{}[]"), max_size=12)


@st.composite
def answers(draw):
    """An L1 and scores of its facets."""
    one = draw(st.sampled_from(LEVEL1))
    return one, {path: draw(SCORES) for path in facets_of((one,))}


def nest(scores, words=""):
    tree = {}
    for (_, two, three), raw in scores.items():
        tree.setdefault(two, {})[three] = {"evidence": words, "score": raw} if words else {"score": raw}
    return tree


class Writer:
    """Writes a tree as some judges do, with a few of the mends' cases; ``used`` has the names of those.

    ``random`` is Python's own, since a draw of Hypothesis for each token takes long.
    """

    def __init__(self, random, may):
        self.random, self.may, self.used = random, may, set()

    def now(self, name):
        if name not in self.may or self.random.random() > 0.25:
            return False
        self.used.add(name)
        return True

    def quoted(self, text):
        quote = "'" if self.now(QUOTES) else '"'
        return quote + text.replace("\\", "\\\\").replace(quote, "\\" + quote).replace("\n", "\\n") + quote

    def words(self, text):
        written = self.quoted(text)
        bad = self.random.choice([r"\d", r"\%", r"\u1", r"\x4"]) if self.now(ESCAPE) else ""
        return written[:-1] + bad + written[-1]

    def gap(self):
        if not self.now(COMMENT):
            return self.random.choice(["", " ", "\n"])
        return self.random.choice(["/*{}*/", " // {}\n"]).format(self.random.choice(HARMLESS))

    def object(self, tree):
        written = []
        for name, value in tree.items():
            write = self.object if isinstance(value, dict) else self.words if name in WORDY else self.plain
            pair = (self.quoted(name), ":", write(value), "")
            written.append("".join(self.gap() + part for part in pair))
        return "{" + ",".join(written) + ("," + self.gap() if self.now(COMMA) else "") + "}"

    def plain(self, value):
        return self.quoted(value) if isinstance(value, str) else json.dumps(value)


HARMLESS = ["", "fine", "it's fine", 'so "called"', "a // b", "50%, 1 or 2", "* / *"]
WORDY = ("evidence", "reason")
MENDS = st.sets(st.sampled_from([COMMA, COMMENT, QUOTES, ESCAPE]))
RANDOMS = st.randoms(use_true_random=True)


@given(answers(), MENDS, RANDOMS, WORDS, st.sampled_from(["stop", None]))
def test_what_judges_write_is_read_as_meant(answer, may, random, words, finish):
    """Every score is the one that was written, every mend is named, and nothing comes from the thinking."""
    one, scores = answer
    writer = Writer(random, may)
    body = writer.object(nest(scores, words))
    draft = Writer(random, may).object(nest({path: OTHER[raw] for path, raw in scores.items()}))
    reading = read_checklist(one, f"<think>{draft}</think>{body}", finish)
    assert {path: facet.raw for path, facet in reading.level3.items()} == scores
    assert set(mends(reading)) == writer.used


@given(answers(), MENDS, RANDOMS, WORDS, st.sampled_from(["stop", None, "length", "abort"]))
def test_an_answer_cut_off_anywhere(answer, may, random, words, finish):
    """What is read of the start of an answer is what the whole one says; of one that was cut off nothing is read."""
    one, scores = answer
    body = Writer(random, may).object(nest(scores, words))
    part = body[: -random.randint(1, 30) if random.random() < 0.5 else random.randrange(len(body))]
    reading = read_checklist(one, f"<think>a</think>{part}", finish)
    assert all(facet.raw == scores[path] for path, facet in reading.level3.items())
    if finish != "stop":
        assert not reading.level3 or (finish is None and len(reading.level3) == len(scores))


@given(st.lists(st.integers(10, 50), min_size=3, max_size=3), MENDS, RANDOMS, st.sampled_from([None, "length"]))
def test_an_edit_cut_off_anywhere(tenths, may, random, finish):
    values = {name: tenth / 10 for name, tenth in zip((*ASPECTS, "overall"), tenths, strict=True)}
    body = Writer(random, may).object({**values, "reason": "a"} if random.random() < 0.5 else values)
    reading = read_scores(f"<think>a</think>{body[: random.randint(0, len(body))]}", finish, "overall", ASPECTS)
    assert reading.score in (None, values["overall"])
    assert all(score in (None, values[name]) for name, score in reading.aspects.items())


@given(answers(), MENDS, RANDOMS, WORDS, st.sampled_from(["stop", "length", None]))
def test_marks_put_in_and_taken_out_anywhere(answer, may, random, words, finish):
    """An answer with some of its marks lost, doubled or put in is read as it was, or not at all, facet by facet."""
    one, scores = answer
    body = Writer(random, may).object(nest(scores, words))[: random.choice([None, None, -1])]
    marks = "'\"{}[],:\\/*\n"
    for _ in range(random.randint(1, 4)):
        at = random.randint(0, len(body))
        put = random.choice([*marks, "//", "/*", "*/", "}", ""])
        lost = body[at : at + 1] if body[at : at + 1] in marks and random.random() < 0.5 else ""
        body = body[:at] + put + body[at + len(lost) :]
    draft = json.dumps(nest({path: OTHER[raw] for path, raw in scores.items()}, "DRAFT"))
    reading = read_checklist(one, f"<think>{draft}</think>{body}", finish)
    for path, facet in reading.level3.items():
        assert facet.raw == scores[path]
        assert facet.evidence != "DRAFT"


@given(answers(), RANDOMS, st.integers(0, 3), st.sampled_from(["stop", None]))
def test_a_draft_in_a_comment_or_beside_the_answer(answer, random, where, finish):
    """A score that is commented out is none, and two answers that differ are none."""
    one, scores = answer
    path = random.choice(sorted(scores))
    draft = Writer(random, {COMMA, QUOTES}).object(nest({**scores, path: OTHER[scores[path]]}))
    body = Writer(random, {COMMA, QUOTES}).object(nest(scores))
    line = draft.replace("\n", " ")
    text = [
        body.replace("{", f"{{/* {draft} */", 1),
        body.replace("{", f"{{// {line}\n", 1),
        f"{draft}\n{body}",
        f"{body} Or: {draft}",
    ][where]
    assert not read_checklist(one, text, finish).level3


NAMES = st.sampled_from(["Quality", "Detail", "Noise", "Naturalness", "score", "x"])
LEAVES = st.none() | st.booleans() | st.integers(-1, 3) | st.floats() | st.text(max_size=5)
OBJECTS = st.dictionaries(
    NAMES, st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=3), max_leaves=9), max_size=4
)


@given(OBJECTS)
def test_json_of_any_kind_is_not_looked_at(value):
    with patch.object(answer_parts, "mend", side_effect=AssertionError):
        read_checklist("Quality", json.dumps(value), "stop")


@given(st.text(st.sampled_from("{}[]'\"\\/*:,ab1 \n"), max_size=60), st.sampled_from([True, False, None]))
def test_any_text_is_mended_once(text, ended):
    """What was mended has nothing left to mend; any text is handled."""
    mended = mend(text, ended=ended)
    if mended is not None:
        assert mended.mends
        assert mend(mended.text, ended=False) is None
