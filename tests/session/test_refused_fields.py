"""A grammar that an endpoint refuses or ignores, as verdicts tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from pytest_imagejudge.engines.endpoint import EndpointEngine
from pytest_imagejudge.images.image_file import ImageFile
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.scoring.verdict import Verdict
from pytest_imagejudge.session.judge_session import JudgeSession
from pytest_imagejudge.session.task import Task
from pytest_imagejudge.settings import JudgeSettings
from pytest_imagejudge.store.answer_store import Store
from tests.stand_in.endpoint import StandIn, completion, failure
from tests.stand_in.judge import levels

LOOSE = f"Here it is:\n{levels('Quality', 2)}"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = StandIn()
    yield server
    server.close()


@pytest.fixture
def judge(server: StandIn, tmp_path: Path) -> Callable[[], tuple[Verdict, JudgeSession]]:
    picture = tmp_path / "a.png"
    Image.new("RGB", (8, 8), (1, 2, 3)).save(picture)

    def judge() -> tuple[Verdict, JudgeSession]:
        protocol = load_protocol("house")
        engine = EndpointEngine(
            JudgeSettings(urls=(server.url,), sight="assumed"), protocol, state_dir=tmp_path, first_wait=0.0
        )
        with Store(tmp_path / "store") as store, JudgeSession(protocol, engine, store) as session:
            verdict = session.judge(Task("a fox", (ImageFile(picture),), ("Quality",)))
        assert isinstance(verdict, Verdict)
        return verdict, session

    return judge


def test_a_grammar_that_is_ignored_is_named_and_not_claimed(
    server: StandIn, judge: Callable[[], tuple[Verdict, JudgeSession]]
) -> None:
    usage = {"prompt_tokens": 10, "completion_tokens": 2}
    server.answer = lambda call: completion(LOOSE, usage=usage)
    (first, session), (second, _) = judge(), judge()
    assert (session.stats.requests, session.stats.prompt_tokens, session.stats.output_tokens) == (1, 40, 8)
    assert (first.source, second.source) == ("engine", "store")
    for verdict in (first, second):
        assert verdict.level1 == {"Quality": 100.0}
        unconstrained = [problem for problem in verdict.problems if problem.kind == "unconstrained"]
        assert [problem.detail for problem in unconstrained] == [
            "structured_outputs: the endpoint ignores response_format, structured_outputs, guided_json and format: an "
            "answer broke the schema that was sent"
        ]
        assert verdict.fingerprint["notes"] == ["unconstrained", "without structured_outputs"]
        assert "grammar" not in verdict.fingerprint["sampling"]
        assert "seed" in verdict.fingerprint["sampling"]


def test_the_form_that_works_is_told_and_the_grammar_claimed(
    server: StandIn, judge: Callable[[], tuple[Verdict, JudgeSession]]
) -> None:
    server.answer = lambda call: (
        failure(400, "unknown field response_format")
        if "response_format" in call.body
        else completion(levels("Quality", 2) if "guided_json" in call.body else LOOSE)
    )
    verdict, _ = judge()
    assert verdict.problems == ()
    assert verdict.fingerprint["notes"] == ["guided_json"]
    assert verdict.fingerprint["sampling"]["grammar"] == "json"


def test_both_reasons_are_given(server: StandIn, judge: Callable[[], tuple[Verdict, JudgeSession]]) -> None:
    server.answer = lambda call: (
        failure(400, "unknown field structured_outputs") if "structured_outputs" in call.body else completion(LOOSE)
    )
    verdict, _ = judge()
    (detail,) = [problem.detail for problem in verdict.problems if problem.kind == "unconstrained"]
    assert "the endpoint ignores response_format, guided_json and format" in detail
    assert "; structured_outputs: HTTP 400 Bad Request: " in detail
    assert "unknown field structured_outputs" in detail
