"""Judges of edits that ask several times, over local HTTP."""

import json
import math

import pytest
from PIL import Image

from pytest_imagejudge.judge import EditJudge
from pytest_imagejudge.report.entry import entry_of
from pytest_imagejudge.thresholds.loading import load_profile
from tests.stand_in import published_words
from tests.stand_in.endpoint import StandIn, completion, models


@pytest.fixture
def server():
    server = StandIn()
    yield server
    server.close()


@pytest.fixture
def edit(tmp_path, monkeypatch):
    published_words.use(monkeypatch, tmp_path)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(tmp_path / "cache"))
    for name, colour in (("before", "red"), ("after", "blue")):
        Image.new("RGB", (64, 48), colour).save(tmp_path / f"{name}.png")
    return tmp_path / "before.png", tmp_path / "after.png", "make it blue"


def asks_for_change(call):
    return "Wanted: make it blue" in json.dumps(call.body["messages"])


def judge(server, tmp_path, **options):
    return EditJudge(url=server.url, sight="assumed", store=tmp_path / "store", **options)


def test_viescore(server, edit, tmp_path):
    server.listing = lambda: models("Qwen2.5-VL-72B-Instruct-AWQ")
    server.answer = lambda call: completion('{"score": [9, 4]}' if asks_for_change(call) else '{"score": [1, 10]}')
    with judge(server, tmp_path, protocol="viescore") as viescore:
        verdict = viescore.score(*edit)
        again = viescore.score(*edit)
    assert verdict.score == math.sqrt(4 * 1)
    assert (verdict.scale, verdict.unreadable, verdict.error) == ((0.0, 10.0), (), "")
    assert verdict.aspects == {
        "SC": 4.0,
        "PQ": 1.0,
        "prompt_following": 9.0,
        "consistency": 4.0,
        "naturalness": 1.0,
        "artifacts": 10.0,
    }
    assert json.loads(verdict.answer) == {"SC": '{"score": [9, 4]}', "PQ": '{"score": [1, 10]}'}
    assert (again.score, again.source, again.key) == (verdict.score, "store", verdict.key)
    assert len(server.asked) == 2
    assert [json.dumps(call.body).count("image_url") for call in server.asked if asks_for_change(call)] == [4]
    entry = entry_of(verdict, load_profile("edit-10"))
    assert (entry.scale, entry.outcome) == ([0.0, 10.0], "failed")
    assert entry.answers == dict(verdict.answers)


def test_passes_are_one_batch_and_further_ones_ask_only_what_is_new(server, edit, tmp_path):
    server.listing = lambda: models("EditScore/EditScore-Qwen3-VL-4B-Instruct")
    server.answer = lambda call: completion(json.dumps({"score": [call.body["seed"] - 40, 25]}))
    with judge(server, tmp_path, passes=2) as editscore:
        verdict = editscore.score(*edit)
        assert editscore.protocol.name == "editscore"
    assert sorted(call.body["seed"] for call in server.asked) == [42, 42, 43, 43]
    assert {call.body["temperature"] for call in server.asked} == {0.7}
    assert verdict.score == pytest.approx((2 + 3) / 2 / 2.5)
    assert verdict.fingerprint["sampling"]["seed"] == [42, 43]
    with judge(server, tmp_path, passes=3) as editscore:
        more = editscore.score(*edit)
    assert sorted(call.body["seed"] for call in server.asked) == [42, 42, 43, 43, 44, 44]
    assert more.score == pytest.approx((2 + 3 + 4) / 3 / 2.5)
    assert more.key != verdict.key


def test_an_answer_that_no_try_makes_readable_is_an_error_of_the_edit(server, edit, tmp_path):
    server.listing = lambda: models("Qwen2.5-VL-7B-Instruct")
    server.answer = lambda call: completion('{"score": [9, 9]}' if asks_for_change(call) else "I can't help with that.")
    with judge(server, tmp_path, protocol="viescore") as viescore:
        verdict = viescore.score(*edit)
    assert verdict.score is None
    assert verdict.unreadable == (("PQ",),)
    assert verdict.aspects["SC"] == 9.0
    assert verdict.aspects["PQ"] is None
    assert {problem.kind for problem in verdict.problems} == {"no-answer", "drawn", "asked-again"}
    assert len(server.asked) == 3
    entry = entry_of(verdict, load_profile("edit-10"))
    assert entry.outcome == "error"
    assert entry.score is None


def test_the_second_try_draws_another_answer(server, edit, tmp_path):
    server.listing = lambda: models("editscore")
    server.answer = lambda call: completion("[" if call.body["seed"] == 42 else '{"score": [10, 20]}')
    with judge(server, tmp_path) as editscore:
        verdict = editscore.score(*edit)
    assert verdict.score == 4.0
    assert {problem.kind for problem in verdict.problems} == {"asked-again"}
    assert {call.body["max_tokens"] for call in server.asked} == {512, 1024}


def test_an_adapter_beside_its_base_model_is_the_judge(server, edit, tmp_path):
    base, adapter = "Qwen/Qwen3-VL-4B-Instruct", "Qwen/Qwen3-VL-4B-Instruct+EditScore-Qwen3-VL-4B-Instruct"
    data = [{"id": base, "parent": None}, {"id": adapter, "parent": base}]
    server.listing = lambda: (200, {}, json.dumps({"object": "list", "data": data}).encode())
    server.answer = lambda call: completion('{"score": [10, 20]}')
    with judge(server, tmp_path) as editscore:
        assert editscore.score(*edit).score == 4.0
        assert (editscore.protocol.name, editscore.protocol.family) == ("editscore", "qwen3-vl")
    assert {call.body["model"] for call in server.asked} == {adapter}
