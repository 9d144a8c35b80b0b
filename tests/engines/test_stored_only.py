"""``--judge-stored-only``: stored answers count as before, and nothing is sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pytest_imagejudge.engines import make_engine
from pytest_imagejudge.engines.signals.engine import SignalsEngine
from pytest_imagejudge.engines.stored_only import NOT_ASKED, StoredOnly
from pytest_imagejudge.judge import EditJudge, Judge
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.settings import API_KEY_VARIABLE, SIGNALS, JudgeSettings
from tests.stand_in.endpoint import StandIn
from tests.stand_in.judge import Sound
from tests.stand_in.pictures import marked


def test_stored_answers_count_and_nothing_is_sent(server: StandIn, tmp_path: Path) -> None:
    settings = JudgeSettings(model="judge", urls=(server.url,), revision="1")
    picture, store = marked((9, 99, 199)), tmp_path / "store"
    with Judge.from_settings(settings, store=store, engine=Sound("judge")) as judge:
        first = judge.score(picture, "a fox")
    with Judge.from_settings(replace(settings, stored_only=True), store=store) as judge:
        judge.preflight()
        assert isinstance(judge.engine, StoredOnly)
        asked = make_engine(settings, judge.protocol, state_dir=tmp_path)
        assert judge.engine.identity() == asked.identity()  # or nothing would be found
        again, other = judge.score(picture, "a fox"), judge.score(picture, "a hen")
    assert first.total == again.total == 60
    assert (again.source, again.error) == ("store", "")
    assert (other.total, other.error) == (None, NOT_ASKED)
    with Judge.from_settings(replace(settings, stored_only=True), engine=Sound("judge")) as judge:  # as a hook gives it
        assert judge.score(picture, "a fox").error == NOT_ASKED
    assert server.calls == []


def test_the_endpoint_is_not_asked_for_its_model(server: StandIn, tmp_path: Path) -> None:
    settings = JudgeSettings(urls=(server.url,), stored_only=True, kind="edit")
    said: list[str] = []
    picture = marked((9, 99, 199))
    with EditJudge.from_settings(settings, store=tmp_path, progress=said.append) as judge:
        judge.preflight()
        assert judge.score(picture, picture, "make it blue").error == NOT_ASKED
    assert said == [
        "--judge-stored-only finds no answer without --edit-judge-model: the endpoint is not asked its name"
    ]
    assert server.calls == []


def test_neither_key_nor_address_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(API_KEY_VARIABLE, "k\u00e9y")
    settings = JudgeSettings(model="judge", urls=("no address",), stored_only=True)
    make_engine(settings, load_protocol("house"), state_dir=tmp_path).preflight()


def test_signals_measures_as_ever(tmp_path: Path) -> None:
    settings = JudgeSettings(model=SIGNALS, stored_only=True)
    assert isinstance(make_engine(settings, load_protocol(None, model=SIGNALS), state_dir=tmp_path), SignalsEngine)


def test_the_embedded_judge_measures_as_ever_as_a_run_hands_it_over(tmp_path: Path) -> None:
    settings = JudgeSettings(model=SIGNALS, stored_only=True)
    engine = make_engine(settings, load_protocol(None, model=SIGNALS), state_dir=tmp_path)
    with Judge.from_settings(settings, engine=engine) as judge:
        assert judge.engine is engine
