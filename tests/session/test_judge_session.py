"""One judge for the length of a session."""

import asyncio
import json
import signal
import subprocess
import sys
import threading
from concurrent.futures import CancelledError

import pytest
from PIL import Image

from pytest_imagejudge.engines.base import Answer, Engine, EngineIdentity
from pytest_imagejudge.errors import ConfigError, EngineError
from pytest_imagejudge.images.image_file import ImageFile
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.session.judge_session import JudgeSession
from pytest_imagejudge.session.task import Task
from pytest_imagejudge.store.answer_store import Store
from pytest_imagejudge.taxonomy import EDIT, TREE
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
    for _ in range(2):  # the second time from the store
        verdict = make().judge(task())
        assert verdict.unreadable == (("Quality",),)
        assert [problem.kind for problem in verdict.problems][-1] == "asked-again"
        assert "second" in verdict.problems[-1].detail
    assert len(engine.asked) == 2


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
