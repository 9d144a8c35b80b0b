"""What `doctor` finds out about an endpoint by asking it, in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_imagejudge.cli import main
from pytest_imagejudge.settings import API_KEY_VARIABLE
from tests.stand_in.endpoint import Call, Reply, StandIn, completion, failure, shows
from tests.stand_in.judge import levels

Doctor = Callable[..., tuple[int, str]]
USAGE = {"prompt_tokens": 1700, "completion_tokens": 210}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.delenv(API_KEY_VARIABLE, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(tmp_path))
    server = StandIn(lambda call: completion(levels("Quality", 2), usage=USAGE))
    yield server
    server.close()


@pytest.fixture
def doctor(server: StandIn, capsys: pytest.CaptureFixture[str]) -> Doctor:
    def run(*args: str) -> tuple[int, str]:
        code = main(["doctor", "--judge-url", server.url, *args])
        return code, capsys.readouterr().out

    return run


def judge(doctor: Doctor, *args: str) -> dict[str, Any]:
    code, text = doctor("--json", *args)
    found = json.loads(text)
    assert code == (0 if found["ok"] else 2)
    one: dict[str, Any] = found["judges"][0]
    return one


def told(call: Call, pictured: int) -> Reply:
    return completion("Red", usage={"prompt_tokens": pictured if shows(call) else 12})


def test_one_question_is_asked_and_what_came_back_is_said(server: StandIn, doctor: Doctor) -> None:
    found = judge(doctor)
    (sight,) = found["sight"]
    assert sight["url"] == f"{server.url}/v1"
    assert (sight["sees"], sight["prompt_tokens"], sight["prompt_tokens_with_picture"]) == (True, 12, 74)
    question = found["question"]
    assert (question["dimension"], question["readable"], question["asked_again"]) == ("Quality", True, False)
    assert (question["prompt_tokens"], question["output_tokens"], question["problems"]) == (1700, 210, [])
    assert question["answer"].startswith('{"Realism": {"Physical Logic": {"reason": "", "score": 2}')
    assert len(question["answer"]) < 200
    code, text = doctor()
    assert code == 0
    assert "pictures reach the judge: 74 prompt tokens with a picture, 12 without one" in text
    assert "one question (Quality): readable, 0." in text
    assert 's, 1700 prompt tokens, 210 output tokens: {"Realism"' in text
    assert text.endswith("  can run here\n")
    assert len(server.asked) == 2
    assert "a red disc on a white background" in json.dumps(server.asked[0].body)


def test_edits_are_asked_about_with_two_pictures(server: StandIn, doctor: Doctor) -> None:
    server.answer = lambda call: completion(json.dumps(dict.fromkeys(("success", "preservation", "quality"), 4)))
    main(["doctor", "--json", "--edit-judge-url", server.url, "--edit-judge-protocol=house-edit"])
    assert json.dumps(server.asked[0].body).count('"image_url":') == 2
    assert "make the disc blue" in json.dumps(server.asked[0].body)


def test_a_blind_judge_can_not_run(server: StandIn, doctor: Doctor) -> None:
    server.sight = lambda call: told(call, 13)
    found = judge(doctor)
    assert "13 prompt tokens with a picture, 12 without one" in found["problems"][0]
    assert found["question"] is None
    assert not server.asked
    code, text = doctor()
    assert code == 2
    assert text.count("no picture reaches the judge") == 1
    assert "can run here" not in text


def test_tokens_that_are_not_told_are_no_problem(server: StandIn, doctor: Doctor) -> None:
    server.sight = lambda call: completion("Red")
    server.answer = lambda call: completion(levels("Quality", 2))
    code, text = doctor()
    assert code == 0
    assert "so it can't be known whether pictures reach the judge" in text
    assert "tokens not reported" in text


def test_an_answer_that_can_not_be_read_is_a_problem(server: StandIn, doctor: Doctor) -> None:
    server.answer = lambda call: completion("I see a\x1b[31m red disc.")
    found = judge(doctor)
    assert found["question"]["readable"] is False
    assert found["question"]["asked_again"]
    (problem,) = found["problems"]
    assert "its answer to one question of protocol house (Quality) can't be read" in problem
    assert "red disc." in problem
    code, text = doctor()
    assert code == 2
    assert "unreadable, twice" in text
    assert "\x1b" not in text


def test_a_second_try_that_can_be_read_is_as_good(server: StandIn, doctor: Doctor) -> None:
    replies = [completion("Well,", reason="length"), completion(levels("Quality", 1))]
    server.answer = lambda call: replies.pop(0)
    code, text = doctor()
    assert code == 0
    assert "readable at the second try" in text


def test_a_question_that_is_refused_is_a_problem(server: StandIn, doctor: Doctor) -> None:
    server.answer = lambda call: failure(403, "not for you")
    found = judge(doctor)
    assert "not for you" in found["problems"][0]


def test_what_is_assumed_is_not_asked(server: StandIn, doctor: Doctor) -> None:
    assert judge(doctor, "--judge-sight=assumed")["sight"] == []
    assert not server.looks
    assert server.asked
