"""Where a message's answer stands."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.engines.answer_message import EMPTY_CONTENT, IN_REASONING, answer_text, read_message
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.protocols.base import Request
from tests.stand_in.judge import levels

REQUEST = Request("Quality", [{"role": "user", "content": "?"}], {})
ANSWER = levels("Quality", 2)


@pytest.mark.parametrize("content", [None, "", " \n", []])
@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])  # vLLM before and since 0.12, and others
def test_an_answer_in_the_field_for_thinking_is_found(field: str, content: Any) -> None:
    message = {"role": "assistant", "content": content, field: f"\n{ANSWER} \n"}
    assert read_message(message, REQUEST, "stop") == (ANSWER, (IN_REASONING,))


@pytest.mark.parametrize(
    ("thinking", "reason", "content"),
    [
        (f"So: {ANSWER}", "stop", None),
        (f"{ANSWER} That is it.", "stop", None),
        (f"{ANSWER} {ANSWER}", "stop", None),
        (f"```json\n{ANSWER}\n```", "stop", None),
        (ANSWER[:-1], "stop", None),
        ("[1]", "stop", None),
        ("2", "stop", None),
        (ANSWER, "length", None),
        (ANSWER, "content_filter", None),
        (ANSWER, "refusal", None),
        (ANSWER, None, None),
        (ANSWER, "stop", "I see."),
        (ANSWER, "stop", "{}"),
    ],
)
def test_thinking_stays_thinking(thinking: str, reason: str | None, content: str | None) -> None:
    message = {"content": content, "reasoning_content": thinking}
    text, notes = read_message(message, REQUEST, reason)
    assert text == answer_text(message, REQUEST, reason)
    assert text.startswith("<think>")
    assert notes == ((EMPTY_CONTENT,) if reason == "stop" and content is None else ())


def test_a_draft_in_a_text_of_the_answer_is_not_read() -> None:
    answer = json.dumps({"draft": f"</think>{ANSWER}"})
    text, _ = read_message({"content": None, "reasoning_content": answer}, REQUEST, "stop")
    reading = load_protocol("house").read("Quality", text, "stop")
    assert (reading.level3, reading.unreadable) == ({}, (("Quality",),))


def test_a_message_without_thinking_has_no_note() -> None:
    for message in ({"content": ANSWER}, {"content": None}, {"content": "", "reasoning": " "}):
        assert read_message(message, REQUEST, "stop")[1] == ()


ODDMENTS = st.sampled_from(["Let me see: ", "</think>", "<think>", "```", "{}"])
PIECES = st.lists(st.one_of(st.just(ANSWER), st.text(max_size=20), ODDMENTS), max_size=4)


@given(pieces=PIECES, content=st.sampled_from([None, "", "  "]))
def test_no_score_is_ever_read_from_thinking(pieces: list[str], content: str | None) -> None:
    thinking = "".join(pieces)
    text, notes = read_message({"content": content, "reasoning_content": thinking}, REQUEST, "stop")
    reading = load_protocol("house").read("Quality", text, "stop")
    if reading.level3:
        assert notes == (IN_REASONING,)
        assert isinstance(json.loads(thinking), dict)
        assert thinking.strip() == text
