"""The cost of a run and its budget in words, the same in every report."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ..report.model import Cost, Run
from ..support.prices import shown_amount
from ..support.words import plural


def cost_words(run: Run) -> str:
    """Say what the run cost, such as ``1.23 USD``; empty where no price is given."""
    if run.cost is None:
        return ""
    words = cost_in_words(run.cost)
    left = run.prompt_tokens + run.output_tokens - run.cost.prompt_tokens - run.cost.output_tokens
    if left > 0:
        words += f" (without {plural(left, 'token')} that no price is given for)"
    return words


def cost_in_words(cost: Cost) -> str:
    """Say an amount; of several currencies each."""
    if cost.by_currency:
        return " and ".join(cost_in_words(part) for part in cost.by_currency)
    untold = f"the tokens of {plural(cost.uncounted, 'request')} were not reported"
    if cost.amount is None:
        return f"unknown: {untold}"
    shown = shown_amount(Decimal(repr(cost.amount)), cost.currency)
    return f"at least {shown} ({untold})" if cost.uncounted else shown


def budget_words(run: Run) -> str:
    """Say what was used of the budget, and what was not asked for it; empty where there is none."""
    if (budget := run.budget) is None:
        return ""
    used, limit = Decimal(repr(budget.used)), Decimal(repr(budget.limit))
    words = f"{shown_amount(used, budget.unit)} of {shown_amount(limit, budget.unit)} used"
    if used > limit:
        over = shown_amount(used - limit, budget.unit)
        words += f", passed by {over}: a server counted more tokens than a request was estimated at"
    if budget.refused:
        words += f"; {plural(budget.refused, 'request')} not sent"
    return words


def budget_is_over(run: Run) -> bool:
    """Tell whether the budget kept anything from being asked, or was passed."""
    return run.budget is not None and bool(run.budget.refused or run.budget.used > run.budget.limit)


def run_lines(run: Run) -> Iterator[str]:
    """Yield a line on the tokens and their cost, and one on the budget, as far as there are any."""
    cost = cost_words(run)
    if run.prompt_tokens or run.output_tokens or cost:
        cached = "" if run.cached_prompt_tokens is None else f" ({run.cached_prompt_tokens:,} cached)"
        asked = plural(run.requests - run.from_store, "request")
        line = f"{asked}: {run.prompt_tokens:,} prompt tokens{cached}, {run.output_tokens:,} output tokens"
        yield f"{line}; cost {cost}" if cost else line
    if words := budget_words(run):
        yield f"budget: {words}"
