"""Prices and budgets: what is read, what is refused, and sums without rounding."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.settings import JudgeSettings
from pytest_imagejudge.support.judge_options import option_name
from pytest_imagejudge.support.prices import (
    PRICE_EXAMPLE,
    TOKENS,
    Limit,
    Price,
    limit_of,
    read_budget,
    read_price,
    shown_amount,
    total,
)
from pytest_imagejudge.support.usage import Usage

NUMBERS = st.decimals(0, 999_999_999, places=9)
COUNTS = st.integers(0, 10**12)


def price(text="input=2.50 cached=1.25 output=10"):
    return read_price(text, "judge_price")


def test_a_price():
    assert read_price(PRICE_EXAMPLE, "x") == Price(Decimal("2.50"), Decimal(10), Decimal("1.25"), "USD")
    assert price(" output=10\n  input=2 ") == Price(Decimal(2), Decimal(10), Decimal(2), "USD")
    assert price("currency=eur output=0 input=0") == Price(Decimal(0), Decimal(0), Decimal(0), "EUR")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "input and output are missing"),
        ("input=2.50", "output is missing"),
        ("2.50", "'2.50' is none of input, cached, output, currency"),
        ("inpt=1 output=2", 'did you mean "input"'),
        ("input=1 input=2 output=3", "input is given twice"),
        ("input=-1 output=2", "'-1'"),
        ("input=nan output=2", "'nan'"),
        ("input=inf output=2", "'inf'"),
        ("input=1e3 output=2", "'1e3'"),
        ("input=1,5 output=2", "'1,5'"),
        ("input=$1 output=2", "'$1'"),
        ("input= output=2", "''"),
        ("input=1 output=2 currency=euro", "'euro'"),
        ("input=1 output=2 currency=", "three letters"),
        ("input=١ output=2", "'١'"),
    ],
)
def test_no_price(text, words):
    with pytest.raises(ConfigError) as caught:
        read_price(text, "ini judge_price")
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"ini judge_price: {text!r} is no price")
    assert PRICE_EXAMPLE in str(caught.value)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("5", Limit(Decimal(5), "")),
        (" 5.00 ", Limit(Decimal(5), "")),
        ("5 usd", Limit(Decimal(5), "USD")),
        ("0.05EUR", Limit(Decimal("0.05"), "EUR")),
        ("200000 tokens", Limit(Decimal(200_000), TOKENS)),
        ("200,000 Tokens", Limit(Decimal(200_000), TOKENS)),
        ("1 token", Limit(Decimal(1), TOKENS)),
    ],
)
def test_a_budget(text, limit):
    assert read_budget(text, "--judge-budget") == limit


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0.00",
        "0 tokens",
        "-1",
        "+1",
        "$5",
        "5.5 tokens",
        "1,000",
        "1,00 tokens",
        "5 USD now",
        "5 dollars",
        "five",
        "nan",
        "inf",
        "1e3",
        "1.2.3",
    ],
)
def test_no_budget(text):
    with pytest.raises(ConfigError) as caught:
        read_budget(text, "--judge-budget")
    assert str(caught.value).startswith(f"--judge-budget: {text!r} is no budget")
    assert "200,000 tokens" in str(caught.value)


@given(NUMBERS, NUMBERS, NUMBERS, COUNTS, COUNTS, COUNTS)
def test_costs_are_exact(of_input, of_output, of_cached, prompt, cached, output):
    cached = min(cached, prompt)
    found = Price(of_input, of_output, of_cached).cost(Usage(prompt, cached, output))
    exact = (prompt - cached) * Fraction(of_input) + cached * Fraction(of_cached) + output * Fraction(of_output)
    assert Fraction(found) == exact / 10**6


@given(NUMBERS, NUMBERS, NUMBERS, COUNTS, COUNTS, COUNTS)
def test_nothing_costs_more_than_at_most(of_input, of_output, of_cached, prompt, cached, output):
    found = Price(of_input, of_output, of_cached)
    assert found.cost(Usage(prompt, min(cached, prompt), output)) <= found.at_most(prompt, output)


@given(st.lists(st.decimals(-(10**9), 10**9, places=15), max_size=30))
def test_sums_are_exact(amounts):
    assert Fraction(total(amounts)) == sum(map(Fraction, amounts))


def test_more_cached_than_there_were_costs_no_less():
    assert price().cost(Usage(1000, 5000, 0)) == price().cost(Usage(1000, 1000, 0)) == Decimal("0.00125")


def test_prompts_not_told_as_cached_cost_in_full():
    assert price().cost(Usage(1_000_000, None, 0)) == Decimal("2.5")


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "0.00 USD"),
        ("12.3456", "12.35 USD"),
        ("1234567.8", "1,234,567.80 USD"),
        ("0.0012345", "0.0012 USD"),
        ("0.5", "0.50 USD"),
    ],
)
def test_shown(amount, shown):
    assert shown_amount(Decimal(amount), "USD") == shown


def test_tokens_shown():
    assert shown_amount(Decimal(200_000), TOKENS) == "200,000 tokens"


# --- the judges of a session ---


def limit(image=None, edit=None, *, url_of_edit=True):
    return limit_of(
        [
            JudgeSettings(model="m", **(image or {})),
            JudgeSettings(model="m" if url_of_edit else None, kind="edit", **(edit or {})),
        ],
        option_name,
    )


def test_no_budget_is_no_limit():
    assert limit({"price": "input=1 output=2"}) is None


def test_tokens_need_no_price():
    assert limit({"budget": "100 tokens"}) == Limit(Decimal(100), TOKENS)


def test_money_is_of_the_prices_currency():
    both = {"price": "input=1 output=2 currency=EUR"}
    assert limit({**both, "budget": "5"}, both) == Limit(Decimal(5), "EUR")
    assert limit({**both, "budget": "5 eur"}, both) == Limit(Decimal(5), "EUR")


def test_a_judge_that_is_not_configured_needs_no_price():
    assert limit({"price": "input=1 output=2", "budget": "5"}, url_of_edit=False) == Limit(Decimal(5), "USD")


def test_signals_needs_no_price():
    edit = JudgeSettings(model="signals", kind="edit", budget="5")
    image = JudgeSettings(model="m", price="input=1 output=2", budget="5")
    assert limit_of([image, edit], option_name) == Limit(Decimal(5), "USD")
    with pytest.raises(ConfigError, match=r"--judge-budget.*--judge-price"):
        limit_of([edit], option_name)


@pytest.mark.parametrize(
    ("image", "edit", "words"),
    [
        ({"budget": "5"}, None, "--judge-budget: '5' is money, which needs --judge-price"),
        ({"budget": "5", "price": "input=1 output=2"}, None, "needs --edit-judge-price"),
        ({"budget": "5 EUR", "price": "input=1 output=2"}, {"price": "input=1 output=2"}, "'5 EUR' is in EUR"),
        (
            {"price": "input=1 output=2"},
            {"price": "input=1 output=2 currency=EUR"},
            "--judge-price is in USD and --edit-judge-price is in EUR",
        ),
    ],
)
def test_what_does_not_go_together(image, edit, words):
    with pytest.raises(ConfigError) as caught:
        limit(image, edit)
    assert words in str(caught.value)
