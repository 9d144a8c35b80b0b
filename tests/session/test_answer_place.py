"""Answers that stood in the field for thinking, from the engine and from the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pytest_imagejudge.engines.endpoint import EndpointEngine
from pytest_imagejudge.images.image_file import ImageFile
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.scoring.verdict import EditVerdict, Verdict
from pytest_imagejudge.session.judge_session import JudgeSession
from pytest_imagejudge.session.task import Task
from pytest_imagejudge.settings import JudgeSettings
from pytest_imagejudge.store.answer_store import Store
from tests.stand_in.endpoint import StandIn, completion
from tests.stand_in.judge import levels

ANSWER = levels("Quality", 2)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = StandIn()
    yield server
    server.close()


def judge(server: StandIn, folder: Path) -> Verdict | EditVerdict:
    picture = folder / "a.png"
    Image.new("RGB", (8, 8), (1, 2, 3)).save(picture)
    protocol = load_protocol("house")
    engine = EndpointEngine(JudgeSettings(urls=(server.url,)), protocol, state_dir=folder, first_wait=0.0)
    with Store(folder / "store") as store, JudgeSession(protocol, engine, store) as session:
        return session.judge(Task("a fox", (ImageFile(picture),), ("Quality",)))


def message(server: StandIn, **fields: Any) -> None:
    server.answer = lambda call: completion(**fields)


def test_it_is_read_and_named_from_the_store_too(server: StandIn, tmp_path: Path) -> None:
    message(server, content=None, reasoning_content=ANSWER)
    found = [judge(server, tmp_path), judge(server, tmp_path)]
    assert [verdict.source for verdict in found] == ["engine", "store"]
    for verdict in found:
        assert isinstance(verdict, Verdict)
        assert verdict.level1 == {"Quality": 100.0}
        assert verdict.answers == {"Quality": ANSWER}
        (problem,) = verdict.problems
        assert (problem.path, problem.kind) == (("Quality",), "answer-in-reasoning")
        assert "reasoning parser" in problem.detail
        assert "without --reasoning-parser" in problem.detail
        assert verdict.fingerprint["notes"] == ["response_format"]
    assert len(server.asked) == 1


@pytest.mark.parametrize("content", [None, ""])
def test_what_is_no_whole_object_is_unreadable_and_says_what_may_be_the_cause(
    server: StandIn, tmp_path: Path, content: str | None
) -> None:
    message(server, content=content, reasoning=f"It is fine: {ANSWER}")  # Ollama: ollama/ollama#15288
    verdict = judge(server, tmp_path)
    assert verdict.unreadable == (("Quality",),)
    first = verdict.problems[0]
    assert first.kind in ("unfinished-thinking", "no-answer")
    assert "the content was empty" in first.detail
    assert "reasoning parser may have taken" in first.detail
    assert verdict.fingerprint["notes"] == ["response_format"]
    assert len(server.asked) == 2  # as any answer that can't be read, and in no other form


def test_thinking_that_was_cut_off_is_not_laid_to_the_parser(server: StandIn, tmp_path: Path) -> None:
    message(server, content=None, reasoning_content="I wonder", reason="length")
    assert not any("parser" in problem.detail for problem in judge(server, tmp_path).problems)


def test_the_session_tells_it_once(server: StandIn, tmp_path: Path) -> None:
    message(server, content=None, reasoning_content=ANSWER)
    lines: list[str] = []
    picture = tmp_path / "a.png"
    Image.new("RGB", (8, 8), (1, 2, 3)).save(picture)
    protocol = load_protocol("house")
    engine = EndpointEngine(JudgeSettings(urls=(server.url,)), protocol, state_dir=tmp_path, first_wait=0.0)
    with Store(tmp_path / "store") as store, JudgeSession(protocol, engine, store, progress=lines.append) as session:
        session.judge(Task("a fox", (ImageFile(picture),), ("Quality", "Alignment")))
    assert len([line for line in lines if "reasoning parser" in line]) == 1
