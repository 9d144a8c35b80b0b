import json
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.protocols import checklist_answers
from pytest_imagejudge.protocols.checklist_answers import fold, read_checklist
from pytest_imagejudge.taxonomy import FACETS, LEVEL1, TREE, facets_of

GOOD = {
    "Realism": {"Physical Logic": {"score": 1}, "Material Texture": {"score": 2}},
    "Detail": {"Noise": {"score": "N/A"}, "Edge Clarity": {"score": 0}, "Naturalness": {"score": 1}},
    "Resolution": {"Resolution": {"score": 2}},
}
RAWS = {
    ("Quality", "Realism", "Physical Logic"): 1,
    ("Quality", "Realism", "Material Texture"): 2,
    ("Quality", "Detail", "Noise"): "N/A",
    ("Quality", "Detail", "Edge Clarity"): 0,
    ("Quality", "Detail", "Naturalness"): 1,
    ("Quality", "Resolution", "Resolution"): 2,
}
TEXT = json.dumps(GOOD)
NOISE = ("Quality", "Detail", "Noise")


def read(answer, finish="stop", one="Quality"):
    text = answer if isinstance(answer, str) else json.dumps(answer)
    reading = read_checklist(one, text, finish)
    return {path: facet.raw for path, facet in reading.level3.items()}, reading.unreadable, kinds(reading)


def kinds(reading):
    return {problem.kind for problem in reading.problems}


def edited(**changes):
    """The good answer with the facets of Detail changed."""
    return {**GOOD, "Detail": {**GOOD["Detail"], **{name.replace("_", " "): value for name, value in changes.items()}}}


def test_answer_as_published_is_read_without_a_problem():
    assert read("<think>Noise could be 0.</think>\n\n" + json.dumps(GOOD, indent=2)) == (RAWS, (), set())


@pytest.mark.parametrize("finish", ["stop", None])
def test_answer_of_a_model_that_does_not_think(finish):
    assert read(TEXT, finish) == (RAWS, (), set())


@pytest.mark.parametrize("name", ["think", "THINK", "thinking"])
def test_thinking_that_quotes_its_tag(name):
    assert read(f"<{name}>a <{name}> {{}} </{name}>{TEXT}") == (RAWS, (), set())
    assert read(f"<think>a</think> {{}} </think>{TEXT}") == (RAWS, (), set())


def test_thinking_opened_by_the_chat_template_has_only_its_end_tag():
    assert read('Is it {"Detail": {"Noise": {"score": 0}}}? No.</think>' + TEXT) == (RAWS, (), set())


OTHER_MARKS = [
    ("[THINK]", "[/THINK]"),
    ("<reasoning>", "</reasoning>"),
    ("<thought>", "</thought>"),
    ("<thoughts>", "</thoughts>"),
    ("<Reflection>", "</Reflection>"),
    ("<scratchpad>", "</scratchpad>"),
    ("<seed:think>", "</seed:think>"),
    ("◁think▷", "◁/think▷"),
    ("<|channel>thought\n", "<channel|>"),
    ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    ("<|channel|>commentary to=x<|message|>", "<|end|><|channel|>final<|message|>"),
]


@pytest.mark.parametrize(("opening", "closing"), OTHER_MARKS)
def test_thinking_between_other_marks(opening, closing):
    draft = TEXT.replace("1", "0")
    for before in ("", "Well.\n", "<think>a</think>"):
        assert read(f"{before}{opening}{draft} or {draft}{closing}I cannot judge this.")[0] == {}
        assert read(f"{before}{opening}{draft}{closing}\n{TEXT}") == (RAWS, (), set())
        assert read(f"{before}{opening}{draft} and so on")[2] == {"unfinished-thinking"}
    assert read(f"{draft}{closing}{TEXT}") == (RAWS, (), set())  # opened by the chat template
    assert read(f"<think>A {opening} is no answer.</think>{TEXT}") == (RAWS, (), set())


@pytest.mark.parametrize(
    "finish",
    [
        None,
        "",
        "stop",
        "STOP",
        "eos",
        "eos_token",
        "stop_sequence",
        "end_turn",
        "tool_calls",
        "function_call",
        "Completed",
    ],
)
def test_end_that_the_model_chose(finish):
    assert read(TEXT, finish) == (RAWS, (), set())
    assert read(f"I would say {TEXT} in all.", finish) == (RAWS, (), {"surrounded"})


@pytest.mark.parametrize(
    "finish",
    [
        "length",
        "max_tokens",
        "MAX_TOKENS",
        "abort",
        "repetition",
        "model_length",
        "incomplete",
        "safety",
        "recitation",
        "?",
    ],
)
def test_any_other_end_leaves_a_draft(finish):
    assert read(f"Let me draft: {TEXT} but wait", finish) == ({}, (("Quality",),), {"truncated"})
    assert read(TEXT, finish) == ({}, (("Quality",),), {"truncated"})
    assert read(f"<think>a</think>{TEXT} but wait", finish) == ({}, (("Quality",),), {"truncated"})
    assert read(f"<think>a</think>{TEXT}", finish) == (RAWS, (), {"truncated"})


@pytest.mark.parametrize(
    ("answer", "problems"),
    [
        ("```json\n" + TEXT + "\n```", {"fenced"}),
        ("```\n" + TEXT, {"fenced"}),
        ("Here you are: " + TEXT + "\nI hope that {this} helps.", {"surrounded"}),
        ("Sure.\n```JSON\n" + TEXT + "\n```\nDone.", {"fenced", "surrounded"}),
        ({"Quality": GOOD}, {"wrapped"}),
        ({"quality": GOOD}, {"wrapped"}),
        ({"result": {"Quality": GOOD}}, {"wrapped"}),
        ({"scores": GOOD, "note": "fine"}, {"wrapped", "invented"}),
        ({"Quality": GOOD, "Aesthetics": {"Composition": {"Composition": {"score": 0}}}}, {"wrapped", "invented"}),
        ({three: score for threes in GOOD.values() for three, score in threes.items()}, {"flat"}),
        ({**GOOD["Realism"], "Detail": GOOD["Detail"], "Resolution": GOOD["Resolution"]}, {"flat"}),
        ({"Realism": {**GOOD["Realism"], **GOOD["Detail"]}, "Resolution": GOOD["Resolution"]}, {"misplaced"}),
        ({"realism": GOOD["Realism"], "DETAIL": GOOD["Detail"], "Resolution": GOOD["Resolution"]}, {"renamed"}),
        ({**GOOD, "Realism": {"physical_logic": {"score": 1}, "MaterialTexture": {"score": 2}}}, {"renamed"}),
        ({**GOOD, "Realism": {"Phisical Logic": {"score": 1}, "Material Textures": {"score": 2}}}, {"renamed"}),
        (
            {"Details": GOOD["Detail"], "Realism": GOOD["Realism"], "Resolution": {"Resolution": {"score": 2}}},
            {"renamed"},
        ),
        (edited(Naturalness={"score": "1"}), {"coerced"}),
        (edited(Naturalness={"score": 1.0}), {"coerced"}),
        (edited(Naturalness={"score": " 1.00 "}), {"coerced"}),
        (edited(Naturalness=1), {"coerced"}),
        (edited(Naturalness="1"), {"coerced"}),
        (edited(Noise="N/A"), {"coerced"}),
        (edited(Noise={"score": "NA"}), {"coerced"}),
        (edited(Noise={"score": "n/a"}), {"coerced"}),
        (edited(Noise={"score": "Not applicable"}), {"coerced"}),
        (edited(Sharpness={"score": 0}), {"invented"}),
        ({**GOOD, "Mood": {"Calm": {"score": 0}, "Warm": 0}}, {"invented"}),
        ({**GOOD, "Mood": 0, "score": 2, "summary": "good"}, {"invented"}),
        (TEXT + "\n" + TEXT, {"duplicate"}),
        (
            TEXT.replace('{"Noise": {"score": "N/A"}', '{"Noise": {"score": "N/A"}, "Noise": {"score": "N/A"}'),
            {"duplicate"},
        ),
        (TEXT.replace('"Noise": {"score": "N/A"}', '"Noise": {"score": "N/A", "score": "N/A"}'), {"duplicate"}),
        ({**GOOD, "Noise": {"score": "N/A"}}, {"flat", "duplicate"}),
        ({**GOOD, "Detail / Noise": {"score": "N/A"}}, {"flat", "duplicate", "renamed"}),
    ],
)
def test_mended_and_named(answer, problems):
    assert read(answer) == (RAWS, (), problems)


@pytest.mark.parametrize(
    "bad", [None, True, False, 1.9, 3, -1, "3", "good", "", [], [1], {"a": 1}, 10**400, "1.5", 1e300]
)
@pytest.mark.parametrize("bare", [False, True])
def test_bad_score_makes_its_facet_unreadable(bad, bare):
    raws, unreadable, problems = read(edited(Noise=bad if bare else {"score": bad}))
    assert raws == {path: raw for path, raw in RAWS.items() if path != NOISE}
    assert unreadable == (NOISE,)
    assert problems & {"bad-score", "missing"}


@pytest.mark.parametrize(
    "number", ["NaN", "Infinity", "-Infinity", "1e0", "-0", "9" * 5000, "1.0000000000000000001", "01"]
)
def test_number_that_is_no_score(number):
    raws, unreadable, _ = read(TEXT.replace('"N/A"', number))
    assert NOISE not in raws
    assert unreadable in ((NOISE,), (("Quality",),))


@pytest.mark.parametrize(
    "other",
    [
        {**GOOD, "Noise": {"score": 0}},
        {"Quality": GOOD, "Noise": 0},
        {**GOOD, "Realism": {**GOOD["Realism"], "Noise": {"score": 0}}},
        edited(noise={"score": 0}),
        edited(Noise={"score": "N/A", "Score": 0}),
        {**GOOD, "Quality": {"Detail": {"Noise": {"score": 1}}}},
        {**GOOD, "Other": {"Noise": {"score": 1}}},
        edited(Edge_Clarity={"score": 0, "Noise": {"score": 1}}),
        edited(noise=None),
    ],
)
def test_two_scores_that_differ_make_the_facet_unreadable(other):
    raws, unreadable, problems = read(other)
    assert raws == {path: raw for path, raw in RAWS.items() if path != NOISE}
    assert unreadable == (NOISE,)
    assert "duplicate" in problems


def test_close_name_beside_the_right_one_is_invented():
    raws, _, problems = read({**GOOD, "Detail": {**GOOD["Detail"], "Natural ness x": {"score": 0}}})
    assert raws == RAWS
    assert "invented" in problems
    assert "renamed" not in problems


def test_known_variant_of_a_name():
    facet = ("Creative Generation", "Feature Matching", "Feature Matching")
    for answer in (
        {"Feature Matching": {"Feature Mapping": {"score": 2}}},
        {"Feature Mapping": {"Feature Mapping": {"score": 2}}},
        {"Feature Mapping": {"Feature Matching": {"score": 2}}},
        {"Feature Mapping": {"score": 2}},
    ):
        raws, _, problems = read(answer, one="Creative Generation")
        assert raws == {facet: 2}
        assert "renamed" in problems


@pytest.mark.parametrize(("other", "kept"), [(2, True), (0, False)])
def test_known_variant_beside_the_right_name_is_a_duplicate(other, kept):
    answer = {"Feature Matching": {"Feature Matching": {"score": 2}, "Feature Mapping": {"score": other}}}
    raws, unreadable, problems = read(answer, one="Creative Generation")
    assert bool(raws) is kept
    assert ("Creative Generation",) not in unreadable or not kept
    assert "duplicate" in problems


def test_score_under_a_key_in_another_case_is_named():
    assert read(edited(Noise={"Score": "N/A"})) == (RAWS, (), {"renamed"})


def test_composition_is_looked_up_in_the_dimension_that_was_asked():
    answer = {"Composition": {"score": 2}}
    assert read(answer, one="Creative Generation")[0] == {
        ("Creative Generation", "Visual Storytelling", "Composition"): 2
    }
    assert read(answer, one="Aesthetics")[0] == {("Aesthetics", "Composition", "Composition"): 2}
    wrapped = {"Aesthetics": {"Composition": {"Composition": {"score": 2}}}}
    assert read(wrapped, one="Creative Generation") == ({}, (("Creative Generation",),), {"invented"})


def test_names_with_a_slash():
    answer = {"Relations": {"Difference/Similarity": {"score": 1}}, "Containment": 2}
    raws, _, _ = read(answer, one="Alignment")
    assert raws == {
        ("Alignment", "Relations", "Difference/Similarity"): 1,
        ("Alignment", "Relations", "Containment"): 2,
    }


def test_score_of_a_level_2_counts_only_where_it_has_one_facet():
    raws, unreadable, _ = read({"Lighting": {"score": 2}, "Style Control": 1}, one="Aesthetics")
    assert raws == {
        ("Aesthetics", "Lighting", "Lighting & Atmosphere"): 2,
        ("Aesthetics", "Style Control", "Style Control"): 1,
    }
    raws, unreadable, _ = read({**GOOD, "Detail": {"score": 2}})
    assert [path for path in unreadable if path[1] == "Detail"] == [path for path in RAWS if path[1] == "Detail"]


def test_missing_facet_is_unreadable_and_named():
    _, unreadable, problems = read({**GOOD, "Detail": {"Noise": {"score": 1}}})
    assert unreadable == (("Quality", "Detail", "Edge Clarity"), ("Quality", "Detail", "Naturalness"))
    assert problems == {"missing"}


def test_evidence_is_kept():
    reading = read_checklist("Quality", json.dumps(edited(Noise={"score": 0, "evidence": "x" * 5000})), "stop")
    assert reading.level3[NOISE].evidence == "x" * 2000


@pytest.mark.parametrize("finish", ["stop", "length", None])
@pytest.mark.parametrize("after", ["", "wait"])
def test_a_tag_in_a_reason_of_a_draft_that_is_no_json(finish, after):
    """The rest of the draft is no answer, and no facet of it is read."""
    draft = edited(Naturalness={"reason": "it says </think>", "score": 1})
    broken = json.dumps(draft, indent=1).replace("}", ",}", 1)
    assert read(f"<think>so: {broken}{after}", finish)[:2] == ({}, (("Quality",),))


@pytest.mark.parametrize(
    ("text", "finish", "kind"),
    [
        ("", "stop", "no-answer"),
        ("", "length", "truncated"),
        ("  \n", None, "no-answer"),
        ("I can't judge this.", "stop", "no-answer"),
        ("{}", "stop", "no-answer"),
        ("<think>a</think>", "stop", "no-answer"),
        ("<think>a</think>\n", "length", "truncated"),
        ("<think>" + TEXT, "length", "unfinished-thinking"),
        ("<think>" + TEXT, "stop", "unfinished-thinking"),
        ("<think>a</think>" + TEXT + "<think>or", "stop", "unfinished-thinking"),
        ("<think>a</think><think>" + TEXT, None, "unfinished-thinking"),
        ("<think>a</ think>" + TEXT, "stop", "unfinished-thinking"),
        ("<think>a</thinking>" + TEXT, "stop", "unfinished-thinking"),
        ("<thinking>a</think>" + TEXT, "stop", "unfinished-thinking"),
        ("<THINK>" + TEXT, None, "unfinished-thinking"),
        ("<reasoning>" + TEXT, "stop", "unfinished-thinking"),
        ("<reasoning>a</thought>" + TEXT, "stop", "unfinished-thinking"),
        ("<think>a</think><reasoning>" + TEXT, "stop", "unfinished-thinking"),
        ("<|channel|>analysis<|message|>" + TEXT + "<|end|>", "stop", "unfinished-thinking"),
        ("[THINK]a[/THINK]" + TEXT, "length", "truncated"),
        (TEXT, "length", "truncated"),
        ("Draft: " + TEXT + " Let me check", "length", "truncated"),
        ("<think>a</think>" + TEXT[:-1], "length", "truncated"),
        ("<think>a</think>" + TEXT[:-20], "stop", "truncated"),
        ("<think>a</think>" + TEXT + " Wait, no:", "length", "truncated"),
        ("<think>a</think>" + TEXT + TEXT[:40], "stop", "truncated"),
        ("[1, 2]", "stop", "wrong-type"),
        ("[" + TEXT + "]", "stop", "wrong-type"),
        ("So: [" + TEXT + "]", "stop", "wrong-type"),
        ("42", "stop", "wrong-type"),
        ("null", "stop", "wrong-type"),
        (json.dumps(TEXT), "stop", "wrong-type"),
        (TEXT + TEXT.replace("0", "1"), "stop", "duplicate"),
        (TEXT + "{}", "stop", "duplicate"),
        (json.dumps({"Realism": GOOD["Realism"]}) + json.dumps({"Detail": GOOD["Detail"]}), "stop", "duplicate"),
        (TEXT.replace('"score"', "score"), "stop", "no-answer"),
        ("{" * 1_000_000, "stop", "wrong-type"),
        ('{"a":' * 200_000, "stop", "wrong-type"),
        ("[" * 1_000_000, "stop", "wrong-type"),
        ("{}" * 500_000, "stop", "duplicate"),
        ('{"' + "\\" * 999_999, "stop", "truncated"),
        ('{"a": ' + '"' * 999_999, "stop", "truncated"),
        ("<" * 1_000_000, "stop", "no-answer"),
        ("<reasoning>" * 100_000, "stop", "unfinished-thinking"),
        ("<|channel|>" * 100_000, "stop", "no-answer"),
        ("`" * 1_000_000, "stop", "no-answer"),
        ("< " * 500_000, "stop", "no-answer"),
        ("\ud800\x00", "stop", "no-answer"),
    ],
)
def test_nothing_is_read(text, finish, kind):
    raws, unreadable, problems = read(text, finish)
    assert (raws, unreadable) == ({}, (("Quality",),))
    assert kind in problems


def test_whole_object_that_was_cut_off_after_it():
    assert read("<think>a</think>" + TEXT, "length") == (RAWS, (), {"truncated"})


def test_names_of_one_dimension_stay_apart_when_folded():
    for twos in TREE.values():
        names = [name for threes in twos.values() for name in threes]
        assert len({fold(name) for name in names}) == len(names)
        assert len({fold(name) for name in twos}) == len(twos)


# --- properties ------------------------------------------------------------------------------------------------------

SCORES = st.sampled_from([0, 1, 2, "N/A"])
OTHER = {0: 1, 1: 2, 2: 0, "N/A": 1}


@st.composite
def answers(draw):
    """An L1, its scores, and them as an answer's tree."""
    one = draw(st.sampled_from(LEVEL1))
    scores = {path: draw(SCORES) for path in facets_of((one,))}
    return one, scores, nest(scores)


def nest(scores):
    tree = {}
    for (_, two, three), raw in scores.items():
        tree.setdefault(two, {})[three] = {"score": raw}
    return tree


def covered(reading, one, facets=FACETS):
    """Every facet asked is read or reported, once; nothing else is."""
    read, lost = set(reading.level3), set(reading.unreadable)
    assert all(type(facet.raw) in (int, str) and facet.raw in (0, 1, 2, "N/A") for facet in reading.level3.values())
    if lost == {(one,)}:
        assert not read
    else:
        assert read | lost == {path for path in facets if path[0] == one}
        assert not read & lost
    assert not lost or reading.problems


def respell(draw, name):
    return draw(st.sampled_from([str.upper, str.lower, lambda n: n.replace(" ", "_"), lambda n: f" {n} ", str.title]))(
        name
    )


def mutate(draw, one, tree, touched):
    """One change of the tree; facets whose own scores it changes or hides are put into ``touched``."""
    home = draw(st.sampled_from(sorted(tree)))
    if not isinstance(tree[home], dict) or not tree[home] or "score" in tree[home]:
        return tree
    name = draw(st.sampled_from(sorted(tree[home])))
    path = next((p for p in facets_of((one,)) if fold(p[2]) == fold(name)), None)
    value = tree[home][name]
    rest = {key: inner for key, inner in tree[home].items() if key != name}
    match draw(st.integers(0, 12)):
        case 0:
            return {**tree, home: {**rest, respell(draw, name): value}}
        case 1:
            return {**{key: inner for key, inner in tree.items() if key != home}, respell(draw, home): tree[home]}
        case 2:  # flat
            return {**tree, home: rest, **({name: value} if name not in tree else {home: tree[home]})}
        case 3:  # under another L2
            other = draw(st.sampled_from(sorted(tree)))
            if not isinstance(tree[other], dict) or "score" in tree[other]:
                return tree
            return {**tree, home: rest, other: {**tree[other], name: value}} if other != home else tree
        case 4:
            touched.add(path)
            return {**tree, home: rest}
        case 5:
            touched.add(path)
            bad = draw(st.sampled_from([None, True, 1.9, 3, -1, [], {}, "x", {"score": {"score": 1}}]))
            return {**tree, home: {**rest, name: draw(st.sampled_from([bad, {"score": bad}]))}}
        case 6 if isinstance(value, dict) and "score" in value:
            raw = value["score"]
            shown = draw(st.sampled_from([{"score": str(raw)}, raw, str(raw)]))
            return {**tree, home: {**rest, name: shown}}
        case 7 if isinstance(value, dict) and type(value.get("score")) is int:
            return {**tree, home: {**rest, name: {"score": float(value["score"])}}}
        case 8:
            return {**tree, home: {**tree[home], draw(st.text(max_size=8)) + "~ invented ~": {"score": draw(SCORES)}}}
        case 9:
            return {**tree, "~ invented ~": {"~ this too ~": {"score": draw(SCORES)}}}
        case 10 if isinstance(value, dict):
            return {**tree, home: {**rest, name: {**value, "evidence": draw(st.text(max_size=20))}}}
        case 11 if isinstance(value, dict) and type(value.get("score")) in (int, str) and value["score"] in OTHER:
            again = draw(st.sampled_from([value["score"], OTHER[value["score"]]]))
            if again != value["score"]:
                touched.add(path)
            return {**tree, home: {**tree[home], name + " ": {"score": again}}}
        case 12:
            return {**tree, home: tree[home], "~ empty ~": {}}
    return tree


@given(st.data())
def test_mutated_answers(data):
    """No exception, no silent drop, no score from the thinking, and no score that the answer does not have."""
    one, scores, tree = data.draw(answers())
    touched = set()
    for _ in range(data.draw(st.integers(0, 4))):
        tree = mutate(data.draw, one, tree, touched)
    draft = nest({path: OTHER[raw] for path, raw in scores.items()})
    thinking = f"<think>Perhaps {json.dumps(draft)}? Or {{</think>"
    body = json.dumps(tree, indent=data.draw(st.sampled_from([None, 2])))
    wrap = data.draw(st.integers(0, 7))
    if wrap == 1:
        body = json.dumps({one: tree})
    elif wrap == 2:
        body = f"```json\n{body}\n```"
    elif wrap == 3:
        body = f"Here it is.\n{body}\nThat is all."
    elif wrap == 4:
        body = f"{body}\n{body}"
    elif wrap == 5:
        body += "\n" + json.dumps(draft)
    elif wrap == 6:
        body = body[: data.draw(st.integers(0, len(body)))]
    elif wrap == 7:
        thinking = data.draw(
            st.sampled_from(
                [
                    "",
                    thinking.removeprefix("<think>"),
                    thinking.removesuffix("</think>"),
                    thinking * 2,
                    thinking + "<think>",
                ]
            )
        )
    finish = data.draw(st.sampled_from(["stop", "length", None]))
    reading = read_checklist(one, thinking + body, finish)
    covered(reading, one)
    for path, facet in reading.level3.items():
        assert path in touched or facet.raw == scores[path]
        assert path not in touched or facet.raw == scores[path] or wrap in (0, 1, 2, 3, 4, 7)
    if wrap == 5 and not touched:
        assert not reading.level3
    if wrap < 4 and not touched and finish != "length":
        assert {path: facet.raw for path, facet in reading.level3.items()} == scores
        assert not reading.unreadable


@given(st.data())
def test_answers_with_characters_changed(data):
    """Characters lost, doubled and put in anywhere: what was drafted in the thinking is still not read."""
    one, scores, tree = data.draw(answers())
    draft = {
        two: {three: {"score": 2, "evidence": "DRAFT"} for three in threes} for two, threes in nest(scores).items()
    }
    text = f"<think>{json.dumps(draft)}</think>{json.dumps(tree)}"
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(text)))
        put = data.draw(
            st.sampled_from(["", '"', "{", "}", "[", "]", ":", ",", "\\", "<think>", "</think>", "```", "1", "\x00"])
        )
        text = text[:at] + put + text[at + data.draw(st.integers(0, 3)) :]
    reading = read_checklist(one, text, data.draw(st.sampled_from(["stop", "length", None])))
    covered(reading, one)
    if text.count("<think>") == text.count("</think>") == 1 and text.startswith("<think>"):
        assert not any("DRAFT" in facet.evidence for facet in reading.level3.values())


@given(
    st.lists(
        st.sampled_from(
            [mark for pair in [*OTHER_MARKS, ("<think>", "</think>")] for mark in pair] + [TEXT, "a", "\n"]
        ),
        max_size=8,
    ),
    st.sampled_from(["stop", "length", None]),
)
def test_marks_of_thinking_in_any_order(pieces, finish):
    """What is read stands after every mark that closes, and nothing is read after one that opens."""
    reading = read_checklist("Quality", "".join(pieces), finish)
    covered(reading, "Quality")
    openings, closings = map(set, zip(*OTHER_MARKS, ("<think>", "</think>"), strict=True))
    last = max((at for at, piece in enumerate(pieces) if piece in closings), default=-1)
    assert not reading.level3 or TEXT in pieces[last + 1 :]
    assert not reading.level3 or openings.isdisjoint(pieces[last + 1 :])


@given(st.data())
def test_the_quick_way_reads_what_the_walk_reads(data):
    """With a character or a piece changed here and there, in any layout."""
    one, _, tree = data.draw(answers())
    for threes in tree.values():
        for facet in threes.values():
            if words := data.draw(st.sampled_from(["", "", "fine", 'a "q": b', 'x ": y', "é", "-0"])):
                facet["evidence"] = words
    separators = data.draw(st.sampled_from([(",", ":"), (", ", ": "), (", ", " : ")]))
    text = json.dumps(tree, separators=separators, ensure_ascii=data.draw(st.booleans()))
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(text)))
        piece = text[at : at + data.draw(st.integers(0, 40))]
        put = data.draw(st.sampled_from([piece * 2, "", "-", "0", "1.0", "true", '"', "}", "\\", " ", "[THINK]"]))
        text = text[:at] + put + text[at + len(piece) :]
    finish = data.draw(st.sampled_from(["stop", "length", "safety", None]))
    quick = read_checklist(one, text, finish)
    with patch.object(checklist_answers, "_read_plainly", return_value=None):
        assert quick == read_checklist(one, text, finish)


NAMES = st.sampled_from(
    [*LEVEL1, *{path[1] for path in FACETS}, *{path[2] for path in FACETS}, "score", "evidence", "x"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.floats() | st.text(max_size=5) | st.just("N/A"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=30,
)


@given(st.sampled_from(LEVEL1), JSON | st.text(max_size=200), st.sampled_from(["stop", "length", None, "other"]))
def test_any_json_and_any_text(one, value, finish):
    text = value if isinstance(value, str) else json.dumps(value)
    covered(read_checklist(one, text, finish), one)
