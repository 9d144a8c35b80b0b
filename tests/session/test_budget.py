"""One budget for several sessions, threads and processes."""

import subprocess
import sys
import threading
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.errors import ConfigError, EngineError
from pytest_imagejudge.report.model import BudgetUse
from pytest_imagejudge.session.budget import NOT_JUDGED, Budget, BudgetError, budget_of
from pytest_imagejudge.settings import JudgeSettings
from pytest_imagejudge.support.prices import TOKENS, Limit, read_price
from pytest_imagejudge.support.usage import Usage
from tests.stand_in.project import ROOT

PRICE = read_price("input=2 output=10", "x")


@pytest.fixture
def budget():
    made = Budget(Limit(Decimal(100), TOKENS))
    yield made
    made.close()


def test_what_is_set_aside_is_not_there_for_others(budget):
    assert budget.reserve(Decimal(60)) == "granted"
    assert budget.reserve(Decimal(40)) == "granted"
    assert budget.reserve(Decimal(1)) == "wait"  # either may use less
    budget.settle(Decimal(60), Decimal(10))
    assert budget.reserve(Decimal(50)) == "granted"
    now = budget.spent()
    assert (now.used, now.reserved, now.in_flight, now.refused) == (10, 90, 2, 0)


def test_refused_only_where_nothing_is_in_flight(budget):
    assert budget.reserve(Decimal(101)) == "refused"
    assert budget.reserve(Decimal(100)) == "granted"
    assert budget.reserve(Decimal(101)) == "wait"
    assert budget.reserve(Decimal(101), wait=False) == "refused"
    budget.settle(Decimal(100), Decimal(100))
    assert budget.reserve(Decimal(1)) == "refused"
    assert budget.spent().refused == 3


def test_a_server_that_takes_more_than_it_may_ends_the_asking(budget):
    assert budget.reserve(Decimal(100)) == "granted"
    budget.settle(Decimal(100), Decimal(130))
    assert budget.reserve(Decimal(0)) == "refused"
    assert budget.is_over(Decimal(0))
    assert budget.reported() == BudgetUse(limit=100, unit=TOKENS, used=130, refused=1)


def test_what_is_booked_beside(budget):
    assert budget.reserve(Decimal(90)) == "granted"
    assert budget.book(Decimal(10))
    assert not budget.book(Decimal(1))
    assert budget.spent().used == 11


@given(st.lists(st.tuples(st.integers(0, 60), st.floats(0, 1), st.booleans()), max_size=40))
def test_never_passed_where_nobody_takes_more_than_was_set_aside(requests):
    budget = Budget(Limit(Decimal(100), TOKENS))
    flights = []
    for most, share, ends in requests:
        if budget.reserve(Decimal(most)) == "granted":
            flights.append((Decimal(most), Decimal(int(most * share))))
        now = budget.spent()
        assert now.used + now.reserved <= 100
        assert now.in_flight == len(flights)
        if ends and flights:
            budget.settle(*flights.pop(0))
    budget.close()


def test_money_and_tokens():
    in_money, in_tokens = Budget(Limit(Decimal(5), "USD")), Budget(Limit(Decimal(5), TOKENS))
    usage = Usage(1_000_000, None, 100_000)
    assert in_money.use(PRICE, usage) == Decimal(3)
    assert in_money.most(PRICE, 1_000_000, 100_000) == Decimal(3)
    assert in_tokens.use(PRICE, usage) == in_tokens.most(PRICE, 1_000_000, 100_000) == 1_100_000
    in_money.close()
    in_tokens.close()


def test_the_refusal_says_figures_and_what_to_do():
    budget = Budget(Limit(Decimal(5), "USD"))
    budget.book(Decimal("4.90"))
    error = budget.refusal(Decimal("0.25"))
    budget.close()
    assert isinstance(error, BudgetError)
    assert isinstance(error, EngineError)
    assert str(error).startswith(
        f"{NOT_JUDGED}: 4.90 USD of 5.00 USD are used, and this request may take up to 0.25 USD."
    )
    assert "run again" in str(error)
    assert "--judge-budget" in str(error)


def test_threads_share_it(budget):
    granted = []

    def take():
        granted.extend(Decimal(1) for _ in range(40) if budget.reserve(Decimal(1)) == "granted")

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(granted) == 100


OTHER = """
import sys
from decimal import Decimal
from pathlib import Path
from pytest_imagejudge.session.budget import Budget
from pytest_imagejudge.support.prices import TOKENS, Limit

budget = Budget(Limit(Decimal(100), TOKENS), file=Path(sys.argv[1]), who="gw0")
print(budget.reserve(Decimal(70)), budget.reserve(Decimal(70)), flush=True)
"""


def test_processes_share_a_file_and_a_dead_one_has_used_what_it_had_set_aside(tmp_path):
    file = tmp_path / "budget.sqlite"
    budget = Budget(Limit(Decimal(100), TOKENS), file=file)
    assert budget.reserve(Decimal(20)) == "granted"
    other = subprocess.run(
        [sys.executable, "-c", OTHER, str(file)], capture_output=True, text=True, check=True, cwd=ROOT, timeout=120
    )
    assert other.stdout.split() == ["granted", "wait"]
    assert budget.reserve(Decimal(20)) == "wait"
    budget.settle(Decimal(20), Decimal(20))
    assert budget.reserve(Decimal(20)) == "wait"  # for the one that has died
    budget.bury("gw0")
    budget.bury("gw1")  # of which nothing is known
    assert budget.reserve(Decimal(20)) == "refused"
    budget.close()
    assert (budget.spent().used, budget.spent().reserved, budget.spent().in_flight) == (90, 0, 0)


def test_a_file_that_is_not_there_for_all(tmp_path):
    with pytest.raises(ConfigError, match=r"--judge-budget.*other machines"):
        Budget(Limit(Decimal(1), TOKENS), file=tmp_path / "gone" / "budget.sqlite")


def test_what_can_t_be_booked_is_not_asked(tmp_path):
    file = tmp_path / "budget.sqlite"
    budget = Budget(Limit(Decimal(1), TOKENS), file=file)
    budget.close()
    with pytest.raises(EngineError, match=NOT_JUDGED):
        budget.reserve(Decimal(1))


def test_the_budget_of_settings():
    assert budget_of([JudgeSettings(model="m")]) is None
    made = budget_of([JudgeSettings(model="m", budget="7 tokens")])
    assert made is not None
    assert made.limit == Limit(Decimal(7), TOKENS)
    made.close()
