"""Prices of a judge's tokens, budgets, and exact sums of money.

Amounts are `decimal.Decimal`. Prices have at most nine digits on either side of the point, so that no product and no
sum of a run is ever rounded; only what is shown to people is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, localcontext

from ..errors import ConfigError
from ..settings import SIGNALS, JudgeSettings
from ..taxonomy import nearest
from .usage import Usage

PRICE_EXAMPLE = "input=2.50 cached=1.25 output=10 currency=USD"
BUDGET_EXAMPLES = "5, 5.00 USD or 200,000 tokens"
TOKENS = "tokens"  # the unit of a budget that is no money
DEFAULT_CURRENCY = "USD"
_PER = -6  # the power of ten that one token is of what a price is for
_EXACT = Context(prec=150)
_NUMBER = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_CURRENCY = re.compile(r"[A-Za-z]{3}", re.ASCII)
_BUDGET = re.compile(r"(?P<amount>[\d.,]+)\s*(?P<unit>[A-Za-z]+)?", re.ASCII)
_WHOLE = re.compile(r"\d{1,15}|\d{1,3}(,\d{3}){1,4}", re.ASCII)
_SHORTEST = Decimal(1)  # smaller amounts are shown with two digits that say something


@dataclass(frozen=True)
class Price:
    """Prices of a million tokens, in one currency."""

    input: Decimal
    output: Decimal
    cached: Decimal
    currency: str = DEFAULT_CURRENCY

    def cost(self, usage: Usage) -> Decimal:
        """Return the exact price of the tokens that were told; prompt tokens not told as cached count in full."""
        cached = min(usage.cached_prompt_tokens or 0, usage.prompt_tokens)
        with localcontext(_EXACT):
            of_input = (usage.prompt_tokens - cached) * self.input + cached * self.cached
            return (of_input + usage.output_tokens * self.output).scaleb(_PER)

    def at_most(self, prompt_tokens: int, output_tokens: int) -> Decimal:
        """Return the exact price of these tokens where none or all of the prompt may come from a cache."""
        with localcontext(_EXACT):
            return (prompt_tokens * max(self.input, self.cached) + output_tokens * self.output).scaleb(_PER)


@dataclass(frozen=True)
class Limit:
    """A budget: an amount and its unit, `TOKENS` or a currency; empty for the currency of the prices."""

    amount: Decimal
    unit: str


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Return the exact sum."""
    with localcontext(_EXACT):
        return sum(amounts, Decimal(0))


def read_price(text: str, shown: str) -> Price:
    """Read a price, such as ``input=2.50 cached=1.25 output=10 currency=USD``; ``shown`` names the option in errors.

    Raises:
        ConfigError: anything else.
    """
    names = ("input", "cached", "output", "currency")
    found: dict[str, str] = {}
    for word in str(text).split():
        name, equals, value = word.partition("=")
        if name not in names or not equals:
            raise _no_price(shown, text, f"{word!r} is none of {', '.join(names)} with = and its value"
                                         f"{nearest(name, names)}")  # fmt: skip
        if name in found:
            raise _no_price(shown, text, f"{name} is given twice")
        if name == "currency" and not _CURRENCY.fullmatch(value):
            raise _no_price(shown, text, f"a currency has three letters, not {value!r}")
        if name != "currency" and not _NUMBER.fullmatch(value):
            raise _no_price(shown, text, f"{name} is to be a plain number, 0 or more, not {value!r}")
        found[name] = value
    if missing := [name for name in ("input", "output") if name not in found]:
        raise _no_price(shown, text, f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    return Price(
        input=Decimal(found["input"]),
        output=Decimal(found["output"]),
        cached=Decimal(found.get("cached", found["input"])),
        currency=found.get("currency", DEFAULT_CURRENCY).upper(),
    )


def _no_price(shown: str, text: str, why: str) -> ConfigError:
    return ConfigError(
        f"{shown}: {text!r} is no price: {why}; prices of a million tokens are expected, such as {PRICE_EXAMPLE!r}"
    )


def read_budget(text: str, shown: str) -> Limit:
    """Read a budget, such as ``5``, ``5.00 USD`` or ``200,000 tokens``; ``shown`` names the option in errors.

    Raises:
        ConfigError: anything else, and nothing or less.
    """
    match = _BUDGET.fullmatch(str(text).strip())
    if match is None:
        raise _no_budget(shown, text, "it is no amount of money or tokens")
    written, unit = match["amount"], match["unit"] or ""
    if unit.casefold() in ("token", TOKENS):
        if not _WHOLE.fullmatch(written):
            raise _no_budget(shown, text, "tokens are a whole number")
        limit = Limit(Decimal(written.replace(",", "")), TOKENS)
    elif unit and not _CURRENCY.fullmatch(unit):
        raise _no_budget(shown, text, f"{unit!r} is no currency of three letters and not {TOKENS!r}")
    elif not _NUMBER.fullmatch(written):
        raise _no_budget(shown, text, "money is a plain number without other signs")
    else:
        limit = Limit(Decimal(written), unit.upper())
    if not limit.amount:
        raise _no_budget(shown, text, "nothing could be asked with it; leave the option out for no limit")
    return limit


def _no_budget(shown: str, text: str, why: str) -> ConfigError:
    return ConfigError(f"{shown}: {text!r} is no budget: {why}; {BUDGET_EXAMPLES} is expected")


def limit_of(judges: Sequence[JudgeSettings], shown: Callable[[str], str]) -> Limit | None:
    """Return the budget of a session's judges, with its unit, or None where there is none.

    Args:
        judges: of the session, as they are set; those that are not configured are passed over.
        shown: returns the user's name of an option.

    Raises:
        ConfigError: prices in two currencies, a budget of money where a price is missing, or in another currency.
    """
    judges = [one for one in judges if one.configured]
    keys = {one.kind: "edit_judge_price" if one.kind == "edit" else "judge_price" for one in judges}
    prices = {one.kind: read_price(one.price, shown(keys[one.kind])) for one in judges if one.price}
    if len(currencies := {price.currency for price in prices.values()}) > 1:
        said = " and ".join(f"{shown(keys[kind])} is in {price.currency}" for kind, price in prices.items())
        raise ConfigError(f"{said}; give both in one currency")
    text = next((one.budget for one in judges if one.budget), None)
    if text is None:
        return None
    option = shown("judge_budget")
    limit = read_budget(text, option)
    if limit.unit == TOKENS:
        return limit
    unpriced = [keys[one.kind] for one in judges if not one.price and one.model != SIGNALS]
    if unpriced or not prices:
        missing = shown((unpriced or ["judge_price"])[0])
        raise ConfigError(
            f"{option}: {text!r} is money, which needs {missing}, the price of a million tokens (such as "
            f"{PRICE_EXAMPLE!r}); or give a budget of tokens, such as '200,000 tokens'"
        )
    (currency,) = currencies
    if limit.unit not in ("", currency):
        raise ConfigError(
            f"{option}: {text!r} is in {limit.unit}, but the judge's price is in {currency}; give both in one currency"
        )
    return Limit(limit.amount, currency)


def shown_amount(amount: Decimal, unit: str) -> str:
    """Write an amount for people: ``12.35 USD``, ``0.0012 USD``, ``200,000 tokens``."""
    if unit == TOKENS:
        return f"{amount:,.0f} {TOKENS}"
    places = 2
    if 0 < abs(amount) < _SHORTEST:
        places = max(2, 1 - amount.adjusted())
    return f"{amount:,.{places}f} {unit}"
