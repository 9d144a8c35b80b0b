"""The page on rewards: its code, asked of a server that answers as each edit says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.docs.pages import DOCS, examples
from tests.stand_in import pair_words
from tests.stand_in.endpoint import Call, Reply, StandIn, completion


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of ``reward.py``, with words of our own in place of the published ones."""
    pair_words.use(monkeypatch, tmp_path)
    monkeypatch.setenv("IMAGEJUDGE_CACHE", str(tmp_path / "cache"))
    (example,) = [one for one in examples(DOCS / "reward.md") if one.says.get("file") == "reward.py"]
    names: dict[str, Any] = {"__name__": "reward"}
    exec(compile(example.text, "reward.py", "exec"), names)
    return names


def answer(call: Call) -> Reply | None:
    """25 of 25 for how it looks; for the change what the instruction says."""
    said = pair_words.asked_for(call)
    if said == "odd":
        return completion("I would rather not say")
    number = 25 if said is None else int(said)
    return completion(json.dumps({"reasoning": "so it is", "score": [number, 25]}))


def test_rewards_of_a_batch(page: dict[str, Any]) -> None:
    server = StandIn(answer)
    source, edited = Image.new("RGB", (32, 32)), Image.new("RGB", (32, 32), (200, 0, 0))
    reward = page["Reward"]([server.url])
    edits = [(source, edited, said) for said in ("25", "4", "odd", "0", "4")]
    try:
        assert reward(edits) == [1.0, pytest.approx(0.4), None, 0.0, pytest.approx(0.4)]
    finally:
        reward.close()
        server.close()
    asked = [json.dumps(call.body["messages"]) for call in server.asked]
    assert sum("How does it look" in text for text in asked) == 4  # the same instruction is not asked about twice


def test_advantages_leave_out_what_has_no_reward(page: dict[str, Any]) -> None:
    assert page["advantages"]([1.0, None, 0.0]) == [1.0, 0.0, -1.0]
    assert page["advantages"]([0.5, 0.5]) == [0.0, 0.0]
    assert page["advantages"]([None, 0.7]) == [0.0, 0.0]
