"""What a judge's requests use, and how they keep to a budget."""

import asyncio
import json
import threading
from decimal import Decimal

import pytest
from PIL import Image

from pytest_imagejudge.engines import spending
from pytest_imagejudge.engines.base import Answer
from pytest_imagejudge.errors import EngineError
from pytest_imagejudge.images.image_file import ImageFile
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.protocols.base import Request
from pytest_imagejudge.session.budget import NOT_JUDGED, Budget
from pytest_imagejudge.session.judge_session import JudgeSession
from pytest_imagejudge.session.task import Task
from pytest_imagejudge.store.answer_store import Store
from pytest_imagejudge.support.prices import TOKENS, Limit, read_price
from pytest_imagejudge.taxonomy import LEVEL1, TREE
from tests.session.test_judge_session import Scripted

PROMPT, OUTPUT = 3000, 500  # tokens of an answer
HOUSE_OUTPUT = 4096  # max_tokens of a request


class Counting(Scripted):
    """Counts tokens as a server does."""

    concurrency = 64

    def reply(self, request):
        tree = TREE[request.dimension]
        scores = {two: {three: {"score": 1} for three in threes} for two, threes in tree.items()}
        return Answer(json.dumps(scores), "stop", PROMPT, None, OUTPUT, "scripted", "1", created="2026-01-01")


class Peak(Budget):
    """Remembers the most that was in use at once."""

    peak = Decimal(0)

    def reserve(self, amount, *, wait=True):
        answer = super().reserve(amount, wait=wait)
        now = self.spent()
        self.peak = max(self.peak, now.used + now.reserved)
        return answer


@pytest.fixture
def engine():
    return Counting()


@pytest.fixture
def make(tmp_path, engine):
    made = []

    def make(tokens=None, *, price=None, engine=engine):
        budget = None if tokens is None else Peak(Limit(Decimal(tokens), TOKENS))
        price = price and read_price(price, "x")
        store = Store(tmp_path / "store")
        session = JudgeSession(load_protocol("house"), engine, store, price=price, budget=budget)
        made.append((session, budget))
        return session, budget

    yield make
    for session, budget in made:
        session.close()
        session.store.close()
        if budget is not None:
            budget.close()


@pytest.fixture
def task(tmp_path):
    def task(number=0, size=(64, 64), dimensions=LEVEL1):
        path = tmp_path / f"{number}.png"
        if not path.exists():
            Image.new("RGB", size, (number % 256, number // 256, 9)).save(path)
        return Task("a fox", (ImageFile(path),), tuple(dimensions))

    return task


def verdicts(session, tasks):
    return [future.result(60) for future in [session.submit(task) for task in tasks]]


def test_tokens_are_counted(make, task):
    session, _ = make()
    verdicts(session, [task(1), task(2)])
    stats = session.stats
    assert (stats.prompt_tokens, stats.output_tokens, stats.uncounted, stats.images) == (10 * PROMPT, 10 * OUTPUT, 0, 2)
    assert 0 < stats.began <= stats.ended
    verdicts(session, [task(1)])
    assert (session.stats.images, session.stats.prompt_tokens) == (2, 10 * PROMPT)


def test_a_budget_ends_in_the_middle_and_loses_nothing(make, task, engine):
    session, budget = make(20 * (PROMPT + OUTPUT) + 20_000)
    found = verdicts(session, [task(number) for number in range(12)])
    refused = [verdict for verdict in found if verdict.error]
    assert 0 < len(refused) < 12
    assert all(verdict.error.startswith(NOT_JUDGED) for verdict in refused)
    assert not any(verdict.error for verdict in found if verdict not in refused)
    assert budget.peak <= budget.limit.amount
    assert session.stats.images == 12 - len(refused)
    now = budget.spent()
    assert now.used == len(engine.asked) * (PROMPT + OUTPUT) == session.stats.tokens
    assert now.refused == 60 - len(engine.asked)
    assert (now.reserved, now.in_flight) == (0, 0)
    asked = len(engine.asked)
    # what the store knows is still answered, and the next run goes on
    again = verdicts(session, [task(found.index(verdict)) for verdict in found if not verdict.error])
    assert not any(verdict.error for verdict in again)
    assert len(engine.asked) == asked
    later, _ = make(60 * (PROMPT + OUTPUT) + 50_000)
    assert not any(verdict.error for verdict in verdicts(later, [task(number) for number in range(12)]))
    assert len(engine.asked) == 60


def test_a_request_waits_for_those_in_flight(make, task, engine):
    """The first request sets far more aside than it uses; the others are not refused for that."""
    first = 26_000 + HOUSE_OUTPUT
    session, budget = make(first + 5 * (PROMPT + OUTPUT))
    (found,) = verdicts(session, [task(1)])
    assert found.error == ""
    assert budget.peak <= budget.limit.amount


def test_a_budget_that_is_too_small_for_any_request(make, task, engine):
    session, _budget = make(HOUSE_OUTPUT)
    (found,) = verdicts(session, [task(1)])
    assert found.error.startswith(f"{NOT_JUDGED}: 0 tokens of {HOUSE_OUTPUT:,} tokens are used, and ")
    assert "this request may take up to " in found.error
    assert engine.asked == []


def test_after_the_end_no_picture_is_decoded_and_no_engine_started(make, task, engine, monkeypatch):
    session, _ = make(HOUSE_OUTPUT - 1)
    monkeypatch.setattr("pytest_imagejudge.session.pictures.TaskPictures.images", None)
    (found,) = verdicts(session, [task(1)])
    assert found.error.startswith(NOT_JUDGED)
    assert f"this request may take more than {HOUSE_OUTPUT:,} tokens" in found.error  # its prompt is not known yet
    assert engine.started == 0


def test_a_greedy_server_passes_the_budget_once(make, task, engine):
    session, _budget = make(100_000)

    def reply(request):
        return Answer(Counting.reply(engine, request).text, "stop", 10**6, None, 5, created="2026-01-01")

    engine.reply = reply
    (one,) = verdicts(session, [task(1, dimensions=["Quality"])])
    assert one.error == ""
    (two,) = verdicts(session, [task(2, dimensions=["Quality"])])
    assert two.error.startswith(f"{NOT_JUDGED}: 1,000,005 tokens of 100,000 tokens")
    assert len(engine.asked) == 1


def test_an_answer_without_usage_counts_as_the_most(make, task, engine):
    session, budget = make(100_000)
    engine.reply = lambda request: Answer(Counting.reply(engine, request).text, "stop", created="2026-01-01")
    verdicts(session, [task(1, dimensions=["Quality"])])
    assert session.stats.uncounted == 1
    assert session.stats.tokens == 0
    assert budget.spent().used > HOUSE_OUTPUT


def test_a_refused_request_costs_nothing(make, task, engine):
    session, budget = make(100_000)

    def reply(request):
        raise EngineError("no")

    engine.reply = reply
    (found,) = verdicts(session, [task(1, dimensions=["Quality"])])
    assert found.error == "no"
    assert budget.spent().used == budget.spent().reserved == budget.spent().in_flight == 0


def test_a_fault_counts_as_the_most(make, task, engine):
    session, budget = make(100_000)

    def reply(request):
        raise RuntimeError("a fault")

    engine.reply = reply
    verdicts(session, [task(1, dimensions=["Quality"])])
    assert session.stats.uncounted == 1
    assert budget.spent().used > HOUSE_OUTPUT
    assert budget.spent().in_flight == 0


class Losing(Counting):
    """Loses ``tries`` answers before it gives one."""

    tries = 1

    async def ask(self, request):
        for _ in range(self.tries):
            spending.lose()
        return await super().ask(request)


def test_lost_tries_count_as_the_most(make, task):
    session, budget = make(100_000, engine=Losing())
    (found,) = verdicts(session, [task(1, dimensions=["Quality"])])
    assert found.error == ""
    assert session.stats.uncounted == 1
    used = budget.spent().used
    assert HOUSE_OUTPUT + PROMPT + OUTPUT < used <= budget.limit.amount


def test_a_try_that_the_budget_has_no_room_for_is_not_made(make, task):
    engine = Losing()
    engine.tries = 50
    session, budget = make(60_000, engine=engine)
    (found,) = verdicts(session, [task(1, dimensions=["Quality"])])
    assert found.error.startswith(NOT_JUDGED)
    assert engine.asked == []
    assert budget.spent().used <= budget.limit.amount
    assert session.stats.uncounted > 0


class Trying(Counting):
    """Asks a question of its own as it starts."""

    async def start(self, progress):
        spending.spend(Answer("red", "stop", 120, None, 3))


def test_an_engines_own_questions_count(make, task):
    session, budget = make(100_000, engine=Trying())
    verdicts(session, [task(1, dimensions=["Quality"])])
    assert session.stats.tokens == budget.spent().used == PROMPT + OUTPUT + 123


class Priming(Counting):
    primes = True

    async def prime(self, request):
        spending.spend(Answer("", "length", 700, None, 1))


def test_primers_count(make, task):
    session, budget = make(200_000, engine=Priming())
    verdicts(session, [task(1)])
    assert session.stats.tokens == budget.spent().used == 5 * (PROMPT + OUTPUT) + 701
    assert budget.spent().in_flight == 0


class Free(Counting):
    counts_tokens = False

    def reply(self, request):
        return Answer(super().reply(request).text, "stop", created="2026-01-01")


def test_an_engine_without_tokens_needs_no_budget(make, task):
    session, budget = make(1, engine=Free())
    (found,) = verdicts(session, [task(1)])
    assert found.error == ""
    assert session.stats.uncounted == 0
    assert budget.spent().used == 0


def test_money(tmp_path, task, engine):
    budget = Peak(Limit(Decimal("0.10"), "USD"))
    price = read_price("input=1 output=4", "x")
    with JudgeSession(load_protocol("house"), engine, Store(tmp_path / "s"), price=price, budget=budget) as session:
        found = verdicts(session, [task(number) for number in range(12)])
        assert 0 < sum(bool(verdict.error) for verdict in found) < 12
        assert budget.spent().used == price.cost(session.stats)
        assert budget.peak <= budget.limit.amount
    session.store.close()
    budget.close()


def test_two_sessions_share_one_budget(tmp_path, task, engine):
    budget = Peak(Limit(Decimal(20 * (PROMPT + OUTPUT) + 20_000), TOKENS))
    sessions = [JudgeSession(load_protocol("house"), engine, Store(tmp_path / str(i)), budget=budget) for i in range(2)]
    futures = [session.submit(task(number)) for number in range(12) for session in sessions]
    found = [future.result(60) for future in futures]
    assert 0 < sum(bool(verdict.error) for verdict in found) < 24
    assert budget.peak <= budget.limit.amount
    assert budget.spent().used == sum(session.stats.tokens for session in sessions)
    for session in sessions:
        session.close()
        session.store.close()
    budget.close()


def test_a_request_without_a_limit_of_tokens_is_not_sent(make, task, engine, monkeypatch):
    session, _ = make(10**9)
    asked = session.protocol.render
    endless = {"temperature": 0}

    def render(*args, **options):
        request = asked(*args, **options)
        return Request(request.dimension, request.messages, endless, request.text, request.images)

    monkeypatch.setattr(session.protocol, "render", render)
    monkeypatch.setattr(session.protocol, "sampling", lambda dimension, again=False: endless)
    (found,) = verdicts(session, [task(1, dimensions=["Quality"])])
    assert found.error.startswith(NOT_JUDGED)
    assert "max_tokens" in found.error
    assert engine.asked == []


def test_what_is_broken_off_may_be_charged(make, task):
    began = threading.Event()

    class Hanging(Counting):
        async def ask(self, request):
            began.set()
            await asyncio.Event().wait()

    session, budget = make(100_000, engine=Hanging())
    session.submit(task(1, dimensions=["Quality"]))
    assert began.wait(60)
    session.close()
    assert session.stats.uncounted == 1
    assert budget.spent().used > HOUSE_OUTPUT
