"""One judge for the length of a session."""

import asyncio
import dataclasses
import json
import signal
import subprocess
import sys
import threading
from concurrent.futures import CancelledError

import pytest
from PIL import Image

from pytest_imagejudge.engines.base import Answer, Engine, EngineIdentity, HeadStart
from pytest_imagejudge.errors import ConfigError, EngineError
from pytest_imagejudge.images.image_file import ImageFile
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.session.judge_session import JudgeSession
from pytest_imagejudge.session.task import Task
from pytest_imagejudge.store.answer_store import Store
from pytest_imagejudge.taxonomy import EDIT, TREE
from tests.stand_in import published_words
from tests.stand_in.project import ROOT


class Scripted(Engine):
    """Answers 1 to everything; ``ask`` can be replaced, and held back by ``gate``."""

    name = "scripted"
    concurrency = 4

    def __init__(self):
        self.asked = []
        self.started = self.closed = 0
        self.images_at_once = self.most = 0
        self.gate = None
        self.start_error = None
        self.primed = []

    def identity(self):
        return EngineIdentity("scripted", "1")

    def preflight(self):
        pass

    async def start(self, progress):
        self.started += 1
        if self.start_error:
            raise self.start_error

    async def prime(self, request):
        self.primed.append(request)
        assert not self.asked or self.asked[-1].text != request.text

    async def ask(self, request):
        self.asked.append(request)
        self.images_at_once += 1
        self.most = max(self.most, self.images_at_once)
        try:
            if self.gate is not None:
                await self.gate.wait()
            return self.reply(request)
        finally:
            self.images_at_once -= 1

    def reply(self, request):
        tree = TREE[request.dimension]
        scores = {two: {three: {"score": 1} for three in threes} for two, threes in tree.items()}
        return Answer(json.dumps(scores), "stop", 10, 5, 3, "scripted", "1", created="2026-01-01")

    async def close(self):
        self.closed += 1


@pytest.fixture
def engine():
    return Scripted()


@pytest.fixture
def make(tmp_path, engine):
    made = []

    def make(**options):
        session = JudgeSession(load_protocol("house"), engine, Store(tmp_path / "store"), **options)
        made.append(session)
        return session

    yield make
    for session in made:
        session.close()
        session.store.close()


@pytest.fixture
def task(tmp_path):
    def task(number=0, text="a fox", dimensions=("Quality",), **more):
        path = tmp_path / f"{number}.png"
        if not path.exists():
            Image.new("RGB", (4, 4), (number % 256, number // 256, 0)).save(path)
        return Task(text, (ImageFile(path),), dimensions, **more)

    return task


def test_a_verdict(make, task, engine):
    session = make()
    verdict = session.judge(task(dimensions=("Quality", "Alignment")))
    assert verdict.level1 == {"Quality": 60.0, "Alignment": 60.0}
    assert verdict.readable
    assert verdict.source == "engine"
    assert verdict.fingerprint["model"] == "scripted"
    assert verdict.fingerprint["protocol"] == "house"
    assert verdict.fingerprint["engine_version"] == "1"
    assert len(verdict.pixels) == 64
    assert engine.started == 1
    assert (session.stats.requests, session.stats.prompt_tokens, session.stats.output_tokens) == (2, 20, 6)


def test_nothing_starts_before_the_first_request(make, engine):
    session = make()
    assert not session.started
    session.close()
    assert engine.started == 0


def test_stored_answers_start_no_engine(make, task, engine):
    first = make().judge(task())
    engine.start_error = EngineError("no GPU")
    session = make()
    second = session.judge(task())
    assert second.source == "store"
    assert second.key == first.key
    assert second.level1 == first.level1
    assert engine.started == 1
    assert session.stats.from_store == 1


def test_stored_verdicts_that_nobody_reads_keep_nobody_waiting(make, task, engine, monkeypatch):
    tasks = [task(number) for number in range(20)]
    with make() as session:
        for one in tasks:
            session.judge(one)
    asked = len(engine.asked)
    monkeypatch.setattr("pytest_imagejudge.session.judge_session._UNREAD", 3)
    monkeypatch.setattr("pytest_imagejudge.session.judge_session._LOOKED_UP", 2)
    with make() as session:
        futures = [session.submit(one) for one in tasks]
        last = futures[-1].result(timeout=600)  # the others are not read before
        assert last.source == "store"
        assert session.judge(task(0)) == futures[0].result()
        assert [future.result().prompt for future in futures] == [one.text for one in tasks]
        assert futures[3].result() is futures[3].result()
    assert len(engine.asked) == asked


def test_identical_requests_are_asked_once(make, task, engine):
    session = make()
    futures = [session.submit(task()) for _ in range(20)]
    assert len({future.result().key for future in futures}) == 1
    assert len(engine.asked) == 1
    assert (session.stats.requests, session.stats.from_store) == (20, 19)


def test_what_differs_is_asked_again(make, task, engine):
    session = make()
    keys = {
        session.judge(each).key
        for each in (
            task(),
            task(1),
            task(text="a cat"),
            task(dimensions=("Alignment",)),
            task(dimensions=("Quality", "Alignment")),
            task(repeat=1),
        )
    }
    assert len(keys) == 6
    assert len(engine.asked) == 5  # of the two dimensions together both answers are there


def test_in_flight_is_bounded_and_an_images_requests_are_adjacent(make, task, engine):
    session = make()
    dimensions = ("Quality", "Alignment")
    for future in [session.submit(task(number, dimensions=dimensions)) for number in range(20)]:
        assert future.result().readable
    assert engine.most <= engine.concurrency * 2
    order = [request.images[0].getpixel((0, 0))[0] for request in engine.asked]
    positions = {number: [at for at, seen in enumerate(order) if seen == number] for number in range(20)}
    assert max(last - first for first, last in positions.values()) <= 2 * engine.concurrency * 2


def test_an_engine_that_can_do_more_gets_more_at_once(make, task, engine):
    at_work, all_are = [], asyncio.Event()

    async def grow_when_full(request):
        at_work.append(request)
        if len(at_work) == engine.concurrency == 4:
            engine.concurrency = 9
            engine.grown()
        if len(at_work) == 9:
            all_are.set()
        await all_are.wait()
        return engine.reply(request)

    engine.ask = grow_when_full
    session = make()
    futures = [session.submit(task(number, dimensions=("Quality",))) for number in range(9)]
    assert all(future.result().readable for future in futures)


def test_an_engine_knows_how_many_images_wait_for_it(make, task, engine):
    told, all_are, expected = [], asyncio.Event(), [1]

    def awaits(images):
        told.append(images)
        if images in expected:
            all_are.set()

    async def when_all_are_known(request):
        await all_are.wait()
        return engine.reply(request)

    engine.awaits, engine.ask = awaits, when_all_are_known
    session = make()
    session.judge(task(0))
    told.clear()
    all_are.clear()
    expected[0] = 39  # of forty, the first of which is stored
    for future in [session.submit(task(number)) for number in range(40)]:
        assert future.result().readable
    session.close()
    assert max(told) == 39
    assert told[-1] == 0


def test_urgent_goes_before_what_waits(make, task, engine):
    engine.concurrency = 1
    session = make(hold=True)
    for number in range(5):
        session.submit(task(number))
    session.submit(task(9), urgent=True)
    session.release()
    for future in session.open_futures():
        future.result()
    assert engine.asked[0].images[0].getpixel((0, 0))[0] == 9


def test_held_asks_nothing_until_released(make, task, engine):
    session = make(hold=True)
    future = session.submit(task())
    assert not session.started
    session.release()
    assert future.result().readable
    assert engine.started == 1


def test_errors_are_of_their_image(make, task, engine, tmp_path):
    (tmp_path / "text.png").write_text("no picture")

    def reply(request):
        if request.text == "refused":
            raise EngineError("refused by the judge")
        if request.text == "fault":
            raise ZeroDivisionError("oops")
        if request.text == "words":
            return Answer("no idea", "stop")
        return Scripted.reply(engine, request)

    engine.reply = reply
    session = make()
    broken = Task("a fox", (ImageFile(tmp_path / "text.png"),), ("Quality",))
    absent = Task("a fox", (ImageFile(tmp_path / "absent.png"),), ("Quality",))
    tasks = [broken, absent, task(text="refused"), task(text="fault"), task(text="words"), task(text="fine")]
    verdicts = [future.result() for future in [session.submit(each) for each in tasks]]
    assert [bool(verdict.error) for verdict in verdicts] == [True, True, True, True, False, False]
    assert [verdict.readable for verdict in verdicts] == [False] * 5 + [True]
    assert "text.png" in verdicts[0].error
    assert "absent.png: no such file" in verdicts[1].error
    assert verdicts[2].error == "refused by the judge"
    assert "ZeroDivisionError" in verdicts[3].error
    assert verdicts[4].unreadable == (("Quality",),)
    assert verdicts[4].answers == {"Quality": "no idea"}
    assert all(verdict.total is None for verdict in verdicts[:5])


def test_one_unreadable_dimension_keeps_the_others(make, task, engine):
    def reply(request):
        return Answer("?") if request.dimension == "Alignment" else Scripted.reply(engine, request)

    engine.reply = reply
    verdict = make().judge(task(dimensions=("Quality", "Alignment")))
    assert verdict.level1 == {"Quality": 60.0, "Alignment": None}
    assert verdict.total is None
    assert verdict.unreadable == (("Alignment",),)


def test_an_unreadable_answer_is_asked_once_more_and_says_so(make, task, engine):
    def reply(request):
        return Answer("?") if request.sampling["max_tokens"] < 2000 else Scripted.reply(engine, request)

    session = make()
    first, again = (session.protocol.sampling("Quality", again=again)["max_tokens"] for again in (False, True))
    engine.reply = lambda request: (
        Answer("?") if request.sampling["max_tokens"] == first else Scripted.reply(engine, request)
    )
    assert first != again
    verdict = session.judge(task())
    assert verdict.readable
    assert [problem.kind for problem in verdict.problems][-1] == "asked-again"
    assert len(engine.asked) == 2
    assert make().judge(task()).readable
    assert len(engine.asked) == 2


def test_a_second_unreadable_answer_says_that_it_was_asked_for(make, task, engine):
    engine.reply = lambda request: Answer("?")
    session = make()
    for _ in range(2):  # the second time from the store
        verdict = session.judge(task())
        assert verdict.unreadable == (("Quality",),)
        assert [problem.kind for problem in verdict.problems][-1] == "asked-again"
        assert "second" in verdict.problems[-1].detail
    assert len(engine.asked) == 2
    assert verdict.source == "store"


@pytest.fixture
def first_and_again(make):
    """The limits that tell a first try at "Quality" from the second."""
    protocol = make().protocol
    return [protocol.sampling("Quality", again=again)["max_tokens"] for again in (False, True)]


def sound(engine, text=None, reason="stop", output_tokens=3):
    """A reply with its ending chosen; without a text one that can be read."""

    def reply(request):
        whole = Scripted.reply(engine, request).text
        return Answer(whole if text is None else text, reason, 10, output_tokens=output_tokens)

    return reply


UNSETTLED = [
    ("no idea", "stop"),
    ("", "stop"),
    ('{"Realism": ', "length"),
    ("I will not", "refusal"),
    ("half", "error"),
    ("half", "content_filter"),
    ("half", "abort"),
    ("half", "a word of tomorrow"),
    ("<think>hm</think>{}", "stop"),
]


@pytest.mark.parametrize(("text", "reason"), UNSETTLED)
def test_what_could_not_be_read_is_asked_again_by_a_later_run(make, task, engine, text, reason):
    engine.reply = sound(engine, text, reason, output_tokens=0)
    before = make()
    verdicts = [future.result() for future in [before.submit(task(dimensions=("Quality", "Alignment")))]]
    assert before.judge(task()).unreadable == verdicts[0].unreadable[:1]
    assert len(engine.asked) == 4  # both tries of both, and none for the same run
    engine.reply = sound(engine)
    after = make()
    assert after.judge(task()).level1 == {"Quality": 60.0}
    assert (len(engine.asked), after.stats.from_store) == (5, 0)
    last = make()
    assert last.judge(task()).source == "store"
    assert (len(engine.asked), last.stats.requests) == (5, 1)


@pytest.mark.parametrize("reason", ["length", "abort", "error", "content_filter"])
def test_an_answer_that_was_read_but_cut_off_counts_for_its_run_only(make, task, engine, reason):
    def reply(request):
        whole = Scripted.reply(engine, request).text
        return Answer(f"<think>hm</think>{whole}", reason, 10, output_tokens=request.sampling["max_tokens"])

    engine.reply = reply
    session = make()
    verdict = session.judge(task())
    assert verdict.level1 == {"Quality": 60.0}
    assert [problem.kind for problem in verdict.problems] == ["truncated"]
    assert session.judge(task()).source == "store"
    assert len(engine.asked) == 1
    engine.reply = sound(engine)
    verdict = make().judge(task())
    assert (verdict.source, verdict.problems) == ("engine", ())
    assert len(engine.asked) == 2


def test_a_second_answer_that_can_be_read_settles_the_first(make, task, engine, first_and_again):
    first, again = first_and_again
    engine.reply = lambda request: (
        Answer("?", "abort") if request.sampling["max_tokens"] == first else sound(engine)(request)
    )
    make().judge(task())
    assert [request.sampling["max_tokens"] for request in engine.asked] == [first, again]
    session = make()
    assert session.judge(task()).readable
    assert (len(engine.asked), session.stats.from_store) == (2, 2)


def test_a_second_answer_that_was_cut_off_settles_nothing(make, task, engine, first_and_again):
    first, again = first_and_again

    def reply(request):
        if request.sampling["max_tokens"] == first:
            return Answer("?", "stop")
        return Answer("<think>hm</think>" + Scripted.reply(engine, request).text, "length", 10, output_tokens=again)

    engine.reply = reply
    assert make().judge(task()).readable
    assert make().judge(task()).readable
    assert [request.sampling["max_tokens"] for request in engine.asked] == [first, again] * 2


def test_what_another_process_of_this_run_could_not_read_is_not_asked_again(make, task, engine):
    engine.reply = sound(engine, "?")
    one, other = make(), make()  # two workers
    assert one.judge(task()).unreadable
    assert other.judge(task()).unreadable
    assert (len(engine.asked), other.stats.from_store) == (2, 2)


def test_an_answer_from_the_future_is_of_no_run(make, task, engine, monkeypatch):
    engine.reply = sound(engine, "?")
    with monkeypatch.context() as patch:
        patch.setattr("pytest_imagejudge.store.answer_store.time.time", lambda: 4e9)
        make().judge(task())
    before = len(engine.asked)
    make().judge(task())
    assert len(engine.asked) > before


def test_what_a_cluster_has_to_ask(make, task, engine):
    def wanted(session):
        return [session.unanswered(task(), pixels, "Quality", again=again) for again in (False, True)]

    pixels = (make().judge(task(1, text="a cat")).pixels,)
    session = make()
    first, none = wanted(session)
    assert none is None  # the first comes first
    about = session.about(task(), pixels, "Quality", Answer("?"))
    session.store.put(first, Answer("?"), about)
    none, again = wanted(session)
    assert none is None
    assert again not in (None, first)
    later = make()
    assert wanted(later) == [first, None]
    session.store.put(again, Answer("?"), about)
    assert wanted(session) == [None, None]
    assert wanted(make()) == [first, None]
    session.store.put(again, sound(engine)(engine.asked[0]), about)
    assert wanted(make()) == [None, None]


def test_a_second_try_that_fails_is_asked_for_by_the_next_run(make, task, engine, first_and_again):
    first, _ = first_and_again

    def reply(request):
        if request.sampling["max_tokens"] == first:
            return Answer("?")
        raise EngineError("gone")

    engine.reply = reply
    assert make().judge(task()).error == "gone"
    engine.reply = sound(engine)
    assert make().judge(task()).readable


# --- a context that is full


def test_a_context_that_is_full_is_named(make, task, engine, first_and_again):
    def reply(request):
        whole = Scripted.reply(engine, request).text
        return Answer(f"<think>hm</think>{whole}", "length", 3000, output_tokens=1234)

    engine.reply = reply
    session = make()
    for verdict in (session.judge(task()), session.judge(task())):
        assert verdict.unreadable == (("Quality",),)
        assert verdict.level1 == {"Quality": None}
        kinds = [problem.kind for problem in verdict.problems]
        assert kinds == ["context-full", "asked-again"]
        detail = verdict.problems[0].detail
        assert f"1,234 of {first_and_again[0]:,} tokens with a prompt of 3,000" in detail
        assert "--judge-arg=--max-model-len=N" in detail
    engine.reply = sound(engine)
    assert make().judge(task()).readable


@pytest.mark.parametrize("tokens", [0, None])
def test_a_limit_that_was_reached_says_nothing_of_the_context(make, task, engine, tokens):
    engine.reply = lambda request: Answer(
        "{", "length", output_tokens=request.sampling["max_tokens"] if tokens is None else tokens
    )
    assert {problem.kind for problem in make().judge(task()).problems} == {"truncated", "asked-again"}


def test_an_edit_for_which_the_context_is_full(tmp_path, engine, task):
    engine.reply = lambda request: Answer("<think>a</think>" + json.dumps({"overall": 3}), "length", 9, output_tokens=9)
    pictures = task(1).images + task(2).images
    with JudgeSession(load_protocol("house", kind="edit"), engine, Store(tmp_path / "store")) as session:
        verdict = session.judge(Task("bluer", pictures, (EDIT,)))
        session.store.close()
    assert verdict.score is None
    assert verdict.unreadable == ((EDIT,),)
    assert verdict.problems[0].kind == "context-full"


# --- models behind an alias


def test_what_an_endpoint_tells_of_its_model_is_in_the_fingerprint_and_not_in_the_key(make, task, engine):
    served = {"Quality": "gpt-b", "Aesthetics": "gpt-a"}

    def reply(request):
        told = {"served_model": served[request.dimension], "system_fingerprint": "fp_1"}
        return dataclasses.replace(Scripted.reply(engine, request), **told)

    engine.reply = reply
    both = dataclasses.replace(task(), dimensions=tuple(served))
    for source in ("engine", "store"):
        verdict = make().judge(both)
        assert verdict.source == source
        assert verdict.fingerprint["served_model"] == "gpt-a, gpt-b"
        assert verdict.fingerprint["system_fingerprint"] == "fp_1"
    served["Quality"] = "gpt-c"  # the same question still
    assert make().judge(both).source == "store"


def test_a_fingerprint_without_such_facts_has_no_place_for_them(make, task):
    assert not {"served_model", "system_fingerprint"} & make().judge(task()).fingerprint.keys()


# --- fields that were refused


def refusing(engine, *notes, **refused):
    def reply(request):
        return dataclasses.replace(Scripted.reply(engine, request), notes=notes, refused=refused)

    return reply


def test_what_the_endpoint_refused_is_named_and_not_claimed(make, task, engine, tmp_path):
    whole = make().fingerprint()["sampling"]
    assert {"seed", "chat_template_kwargs", "temperature"} <= whole.keys()
    engine.reply = refusing(engine, "without seed", seed="HTTP 400: no", chat_template_kwargs="HTTP 400: no")
    for source in ("engine", "store"):
        verdict = make().judge(task())
        assert verdict.source == source
        (problem,) = verdict.problems
        assert (problem.path, problem.kind) == (("Quality",), "refused-field")
        assert problem.detail == "chat_template_kwargs, seed: HTTP 400: no"
        assert verdict.fingerprint["sampling"].keys() == whole.keys() - {"seed", "chat_template_kwargs"}
    with Store(tmp_path / "store") as store:
        (entry,) = store.entries()
    assert entry.about["sampling"] == verdict.fingerprint["sampling"]


def test_a_grammar_that_was_refused_is_not_claimed(tmp_path, task, engine, monkeypatch):
    published_words.use(monkeypatch, tmp_path)
    protocol = load_protocol("q-judger", decoding="constrained")
    engine.reply = refusing(
        engine, "unconstrained", structured_outputs="no grammar", thinking_token_budget="no budget", top_k="no top"
    )
    with JudgeSession(protocol, engine, Store(tmp_path / "store")) as session:
        assert {"grammar", "thinking_token_budget", "top_k"} <= session.fingerprint()["sampling"].keys()
        verdict = session.judge(task())
        session.store.close()
    assert not {"grammar", "thinking_token_budget", "top_k"} & verdict.fingerprint["sampling"].keys()
    assert [(problem.kind, problem.detail) for problem in verdict.problems] == [
        ("unconstrained", "structured_outputs: no grammar; thinking_token_budget: no budget"),
        ("refused-field", "top_k: no top"),
    ]


def test_answers_of_older_stores_name_what_was_refused(make, task, engine):
    engine.reply = refusing(engine, "unconstrained", "without seed", "without thinking_token_budget")
    verdict = make().judge(task())
    assert {(problem.kind, problem.detail) for problem in verdict.problems} == {
        ("refused-field", "the endpoint refused seed"),
        ("unconstrained", "the endpoint refused thinking_token_budget"),
    }
    assert "seed" not in verdict.fingerprint["sampling"]


def test_what_any_answer_lacked_is_not_claimed_for_all(make, task, engine):
    def reply(request):
        refused = {"seed": "no"} if request.dimension == "Quality" else {}
        return dataclasses.replace(Scripted.reply(engine, request), refused=refused)

    engine.reply = reply
    verdict = make().judge(task(dimensions=("Quality", "Alignment")))
    assert "seed" not in verdict.fingerprint["sampling"]
    assert [problem.path for problem in verdict.problems] == [("Quality",)]


@pytest.mark.parametrize(("told", "total"), [((None, None), None), ((0, 0), 0), ((None, 5), 5), ((3, 4), 7)])
def test_cached_tokens_are_counted_where_they_are_told(make, task, engine, told, total):
    counts = iter(told)
    engine.reply = lambda request: dataclasses.replace(
        Scripted.reply(engine, request), cached_prompt_tokens=next(counts)
    )
    session = make()
    session.judge(task(dimensions=("Quality", "Alignment")))
    assert session.stats.cached_prompt_tokens == total


# --- answers reach the disk


class Busy(Scripted):
    """Answers when the loop's pool of threads has so much to do that nothing else gets a turn."""

    def __init__(self, free):
        super().__init__()
        self.free = free

    async def ask(self, request):
        loop = asyncio.get_running_loop()
        for _ in range(100):
            loop.run_in_executor(None, self.free.wait)
        return self.reply(request)


def test_an_answer_is_stored_however_busy_the_process_is(tmp_path, task):
    free = threading.Event()
    store = Store(tmp_path / "store")
    session = JudgeSession(load_protocol("house"), Busy(free), store)
    try:
        assert session.submit(task()).result(timeout=600).readable
        with Store(tmp_path / "store") as other:
            assert len(list(other.entries())) == 1
    finally:
        free.set()
        session.close()
        store.close()


KILLED = """
import os, signal, sys, threading
from pathlib import Path
from pytest_imagejudge.images.image_file import ImageFile
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.session.judge_session import JudgeSession
from pytest_imagejudge.session.task import Task
from pytest_imagejudge.store.answer_store import Store
from tests.session.test_judge_session import Busy

handed_over, never = threading.Event(), threading.Event()
class Watched(Store):
    def hand_over(self, key, answer, about):
        done = super().hand_over(key, answer, about)
        done.add_done_callback(lambda future: print(key, flush=True))  # the writer has committed it
        return done

session = JudgeSession(load_protocol("house"), Busy(never), Watched(sys.argv[1]))
for path in sys.argv[2:]:
    session.submit(Task("a fox", (ImageFile(Path(path)),), ("Quality",)))
never.wait()
"""


def test_an_answer_that_was_committed_outlives_a_kill(tmp_path, task):
    path = task(3).images[0].path
    command = [sys.executable, "-c", KILLED, str(tmp_path / "store"), str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    timer = threading.Timer(600, process.kill)
    timer.start()
    key = process.stdout.readline().strip()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    timer.cancel()
    with Store(tmp_path / "store") as store:
        assert store.get(key).finish_reason == "stop"


def test_an_image_that_is_none_has_no_key(make, task, tmp_path):
    (tmp_path / "text.png").write_text("hello")
    session = make()
    verdict = session.judge(Task("a fox", (ImageFile(tmp_path / "text.png"),), ("Quality",)))
    assert "not an image" in verdict.error
    assert (verdict.key, verdict.pixels) == ("", "")


def test_an_engine_that_does_not_start_is_an_error_of_every_image(make, task, engine):
    engine.start_error = EngineError("out of memory")
    session = make()
    verdicts = [future.result() for future in [session.submit(task(number)) for number in range(10)]]
    assert {verdict.error for verdict in verdicts} == {"out of memory"}
    assert engine.started == 1


def test_an_engine_whose_start_has_a_fault(make, task, engine):
    engine.start_error = OSError("disk")
    session = make()
    verdicts = [future.result() for future in [session.submit(task(number)) for number in range(3)]]
    assert all("disk" in verdict.error for verdict in verdicts)


def test_closing_with_work_outstanding(make, task, engine):
    asking = threading.Event()

    async def never(request):
        asking.set()
        await asyncio.Event().wait()

    engine.ask = never
    session = make()
    futures = [session.submit(task(number)) for number in range(10)]
    assert asking.wait(600)
    session.close()
    session.close()
    assert engine.closed == 1
    assert session.outstanding == 0
    for future in futures:
        assert future.done()
        with pytest.raises((CancelledError, EngineError)):
            future.result()
    with pytest.raises(RuntimeError, match="closed"):
        session.submit(task())


def test_a_cancelled_verdict_is_not_asked_for(make, task, engine):
    session = make(hold=True)
    first, second = session.submit(task(1)), session.submit(task(2))
    assert first.cancel()
    session.release()
    assert second.result().readable
    assert len(engine.asked) == 1
    assert session.outstanding == 0


def test_priming_comes_first_and_once_an_image(make, task, engine):
    engine.primes = True
    session = make()
    dimensions = ("Quality", "Alignment", "Aesthetics")
    for future in [session.submit(task(number, text=f"{number}", dimensions=dimensions)) for number in range(3)]:
        assert future.result().readable
    assert sorted(request.text for request in engine.primed) == ["0", "1", "2"]
    session.judge(task(0, text="0", dimensions=dimensions))
    assert len(engine.primed) == 3


def test_a_primer_that_fails_fails_nothing(make, task, engine):
    async def prime(request):
        raise EngineError("no")

    engine.primes, engine.prime = True, prime
    assert make().judge(task()).readable


def test_an_answer_is_stored_before_its_verdict_is_out(make, task, engine, tmp_path):
    make().judge(task())
    with Store(tmp_path / "store") as store:
        (entry,) = store.entries()
    assert entry.about["model"] == "scripted"
    assert entry.about["dimension"] == "Quality"
    assert entry.about["text"] == "a fox"


def test_suspended_it_starts_again(make, task, engine):
    session = make()
    session.judge(task())
    session.suspend()
    assert engine.closed == 1
    assert session.judge(task(1)).readable
    assert engine.started == 2


class Head(HeadStart):
    """Begins, or says what is in the way."""

    def __init__(self, why=""):
        self.why, self.begun = why, []

    def apart(self):
        return "it is alone"

    def free_memory(self):
        return {}

    def begin(self, progress, free=None):
        self.begun.append(free)
        if isinstance(self.why, Exception):
            raise self.why
        return self.why


def test_a_head_start_is_ended_with_the_session(make, task, engine):
    engine.head_start = Head()
    session = make()
    assert session.begin({"0 Card": 5}) == ""
    assert (session.started, session.needed, engine.started) == (True, False, 0)
    session.close()
    assert engine.closed == 1
    assert engine.head_start.begun == [{"0 Card": 5}]


def test_a_head_start_gives_way_to_another_judge(make, task, engine):
    engine.head_start = Head()
    session = make()
    session.begin()
    session.suspend()
    assert (session.started, engine.closed) == (False, 1)
    assert session.judge(task()).readable
    assert (session.started, session.needed, engine.started) == (True, True, 1)


@pytest.mark.parametrize("why", ["no room", EngineError("no room"), ConfigError("no room")])
def test_a_head_start_that_can_not_be_leaves_the_start_to_the_first_request(make, task, engine, why):
    engine.head_start = Head(why)
    session = make()
    assert session.begin() == "no room"
    assert not session.started
    assert session.judge(task()).readable
    assert engine.started == 1


def test_an_engine_without_a_head_start(make, engine):
    session = make()
    assert session.begin()
    session.close()
    assert (session.started, engine.closed) == (False, 0)


def test_what_the_store_answers_needs_no_engine(make, task):
    first = make()
    assert not first.stored([task()])
    first.judge(task())
    second = make()
    assert second.stored([task()])
    assert not second.stored([task(), task(1)])
    second.judge(task())
    assert not second.needed


def test_edits(tmp_path, engine, task):
    engine.reply = lambda request: Answer(
        json.dumps(dict.fromkeys(request.sampling["structured_outputs"]["json"]["required"], 3.5))
    )
    pictures = task(1).images + task(2).images
    with JudgeSession(load_protocol("house", kind="edit"), engine, Store(tmp_path / "store")) as session:
        verdict = session.judge(Task("bluer", pictures, (EDIT,)))
        assert verdict.score == 3.5
        assert verdict.source_image.endswith("1.png")
        assert verdict.edited_image.endswith("2.png")
        swapped = session.judge(Task("bluer", pictures[::-1], (EDIT,)))
        assert swapped.key != verdict.key
        session.store.close()
    assert len(engine.asked) == 2


def test_many_threads_may_submit(make, task, engine):
    session = make()
    tasks = [task(number) for number in range(8)]
    verdicts = []

    def work():
        verdicts.extend(session.submit(each).result() for each in tasks)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(verdicts) == 48
    assert all(verdict.readable for verdict in verdicts)
    assert len(engine.asked) == 8


def test_a_judge_without_an_identity_is_an_error_and_no_deadlock(make, task, engine):
    def identity():
        raise ConfigError("no such model")

    engine.identity = identity
    futures = [make().submit(task(number)) for number in range(10)]
    for future in futures:
        with pytest.raises(EngineError, match="no such model"):
            future.result(timeout=600)


@pytest.mark.parametrize("error", [pytest.fail.Exception("no GPU"), asyncio.CancelledError(), SystemExit(3)])
@pytest.mark.parametrize("where", ["start", "ask"])
def test_whatever_an_engine_raises_is_an_error_of_the_image(make, task, engine, error, where):
    def reply(request):
        raise error

    if where == "start":
        engine.start_error = error
    else:
        engine.reply = reply
    session = make()
    for number in range(6):  # more than there are workers
        assert type(error).__name__ in session.submit(task(number)).result(timeout=600).error
