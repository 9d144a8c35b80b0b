"""What the judges of a run used and cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.report.model import Cost
from pytest_imagejudge.report.uses import JudgeUse, cost_of, sum_of_costs, together

PRICE = "input=2 cached=1 output=10"


def use(**fields):
    return JudgeUse(**{"price": PRICE, "prompt_tokens": 1_000_000, "output_tokens": 100_000, **fields})


def cost(amount, currency="USD", **fields):
    return Cost(amount=amount, currency=currency, **fields)


def test_the_cost_of_one_judge():
    found = cost_of([use(cached_prompt_tokens=500_000)])
    assert found == cost(2.5, prompt_tokens=1_000_000, cached_prompt_tokens=500_000, output_tokens=100_000)


def test_only_priced_judges_are_in_it():
    assert cost_of([use(price=None)]) is None
    assert cost_of([]) is None
    found = cost_of([use(), use(kind="edit", price=None)])
    assert (found.amount, found.prompt_tokens) == (3.0, 1_000_000)


def test_two_judges_are_added():
    found = cost_of([use(), use(kind="edit", price="input=0.1 output=0.2", uncounted=2)])
    assert found == cost(3.12, prompt_tokens=2_000_000, output_tokens=200_000, uncounted=2)


def test_what_nobody_told_has_no_amount():
    found = cost_of([use(prompt_tokens=0, output_tokens=0, uncounted=3)])
    assert (found.amount, found.uncounted) == (None, 3)
    assert cost_of([use(prompt_tokens=0, output_tokens=0)]).amount == 0  # nothing was asked


def test_an_amount_beside_an_unknown_one_is_a_least_one():
    found = sum_of_costs([cost(1.5), cost(None, uncounted=2)])
    assert (found.amount, found.uncounted) == (1.5, 2)
    assert sum_of_costs([cost(None, uncounted=1), cost(None, uncounted=2)]).amount is None


def test_two_currencies_have_no_sum():
    found = sum_of_costs([cost(1.5, prompt_tokens=3), cost(2.5, "EUR", prompt_tokens=4), cost(0.1)])
    assert (found.amount, found.currency, found.prompt_tokens) == (None, "EUR, USD", 7)
    assert [(part.amount, part.currency) for part in found.by_currency] == [(2.5, "EUR"), (1.6, "USD")]
    more = sum_of_costs([found, cost(1.0, "EUR")])  # a merged report, merged again
    assert [(part.amount, part.currency) for part in more.by_currency] == [(3.5, "EUR"), (1.6, "USD")]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_sums_of_written_amounts_are_not_rounded(millionths):
    found = sum_of_costs([cost(one / 10**6) for one in millionths])
    assert found.amount == sum(millionths) / 10**6


def test_processes_of_one_run_are_put_together():
    first = use(model="m", protocol="house", images=2, requests=10, began=100.0, ended=130.0)
    second = use(model="m", protocol="house", images=1, requests=5, began=90.0, ended=120.0, cached_prompt_tokens=7)
    idle = use(prompt_tokens=0, output_tokens=0)
    edits = use(kind="edit", images=4)
    image, edit = together([idle, first, edits, second])
    assert (image.model, image.images, image.requests, image.seconds) == ("m", 3, 15, 40.0)
    assert (image.prompt_tokens, image.cached_prompt_tokens) == (2_000_000, 7)
    assert edit.images == 4
    assert (idle.images, first.images) == (0, 2)


def test_a_judge_that_was_not_asked_took_no_time():
    assert use().seconds == pytest.approx(0)
