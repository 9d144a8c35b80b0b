"""What is told of the copies of a judge, each once."""

from __future__ import annotations

import time

from pytest_imagejudge.engines.vllm.copy_news import CopyNews, copies_words
from pytest_imagejudge.engines.vllm.state import CopyState, State


def test_each_change_is_told_once() -> None:
    news = CopyNews()
    one = CopyState(number=1, generation=1, place="GPU 0", started=time.time())
    state = State(title="judge\x1b[31m", copies=[one])
    assert news.of(state, up=0) == []
    one.status = "ready"
    assert news.of(state, up=1) == []  # told by the start itself
    two = CopyState(number=2, generation=2, place="GPU 1", why="60 images wait", started=time.time())
    state.copies.append(two)
    (started,) = news.of(state, up=1)
    assert started.endswith(", copy 2 on GPU 1: it is started: 60 images wait")
    assert "\x1b" not in started
    assert news.of(state, up=1) == []
    two.status = "ready"
    (ready,) = news.of(state, up=2)
    assert "copy 2 on GPU 1: ready after 0 s" in ready
    two.status, two.generation, two.restarts = "starting", 3, 1
    (died,) = news.of(state, up=1)
    assert died.endswith("it died, and is started again; the others take its images over meanwhile")
    two.status, two.message = "failed", "the server died again"
    (failed,) = news.of(state, up=1)
    assert failed.endswith("the server died again; the others take its images over")
    one.status, one.message = "failed", "and this one"
    (last,) = news.of(state, up=0)
    assert last.endswith("copy 1 on GPU 0: and this one")


def test_copies_in_a_sentence() -> None:
    copies = [{"place": "GPU 0", "why": ""}, {"place": "GPU 1", "why": "60 images wait"}]
    assert copies_words("judge", copies, lacks_room=False) == "judge: 2 copies, on GPU 0, GPU 1: 60 images wait"
    one = copies_words("judge", copies[:1], lacks_room=False)
    assert one == "judge: 1 copy, on GPU 0: no more images waited than it answers at once"
    assert copies_words("judge", copies[:1], lacks_room=True) == "judge: 1 copy, on GPU 0: no other GPU was unused"
