"""Use of the judges in a run: images, time and tokens of each, and what these cost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Literal

from ..support.counts import sum_of_told
from ..support.prices import Price, read_price, total
from ..support.usage import Usage
from .model import Cost, ReportPart


class JudgeUse(ReportPart):
    """Use of one judge; only what was asked in the run counts.

    Attributes:
        price: of its tokens, as the user gave it; None where it is not known.
        images: images, or edits, that were judged with at least one new answer.
        requests: questions that were asked.
        began, ended: time of the first request and of the last answer, in seconds since 1970; 0 where none was.
        uncounted: requests that may have used tokens of which no number was told.
    """

    kind: Literal["image", "edit"] = "image"
    model: str = ""
    protocol: str = ""
    price: str | None = None
    images: int = 0
    requests: int = 0
    began: float = 0.0
    ended: float = 0.0
    prompt_tokens: int = 0
    cached_prompt_tokens: int | None = None
    output_tokens: int = 0
    uncounted: int = 0

    @property
    def seconds(self) -> float:
        """Time from the first request to the last answer."""
        return max(0.0, self.ended - self.began)

    @property
    def usage(self) -> Usage:
        """The tokens."""
        return Usage(self.prompt_tokens, self.cached_prompt_tokens, self.output_tokens, self.uncounted)


def together(uses: Iterable[JudgeUse]) -> list[JudgeUse]:
    """Add the uses of each judge in several processes: counts are added up, times are those of all together."""
    found: dict[str, JudgeUse] = {}
    for use in uses:
        if use.kind not in found:
            found[use.kind] = use.model_copy()
            continue
        whole = found[use.kind]
        whole.model, whole.protocol = whole.model or use.model, whole.protocol or use.protocol
        for name in ("images", "requests", "prompt_tokens", "output_tokens", "uncounted"):
            setattr(whole, name, getattr(whole, name) + getattr(use, name))
        whole.cached_prompt_tokens = sum_of_told((whole.cached_prompt_tokens, use.cached_prompt_tokens))
        whole.began = min(filter(None, (whole.began, use.began)), default=0.0)
        whole.ended = max(whole.ended, use.ended)
    return list(found.values())


def cost_of(uses: Iterable[JudgeUse]) -> Cost | None:
    """Return what the judges with a price cost together, all in one currency; None where none has one."""
    costs = [cost_at(read_price(use.price, "price"), use.usage) for use in uses if use.price]
    return sum_of_costs(costs)


def cost_at(price: Price, usage: Usage) -> Cost:
    """Return what ``usage`` costs; without an amount where nobody told how much was used."""
    unknown = usage.uncounted and not usage.tokens
    return Cost(
        amount=None if unknown else float(price.cost(usage)),
        currency=price.currency,
        prompt_tokens=usage.prompt_tokens,
        cached_prompt_tokens=usage.cached_prompt_tokens,
        output_tokens=usage.output_tokens,
        uncounted=usage.uncounted,
    )


def sum_of_costs(costs: Sequence[Cost]) -> Cost | None:
    """Add up costs of one currency; those of several stand side by side in ``by_currency``, without a sum.

    None where there are no costs.
    """
    parts = [part for cost in costs for part in (cost.by_currency or [cost])]
    if len(parts) < 2:
        return parts[0] if parts else None
    currencies = sorted({part.currency for part in parts})
    if len(currencies) > 1:
        sums = [sum_of_costs([part for part in parts if part.currency == one]) for one in currencies]
        by_currency = [one for one in sums if one is not None]
        amount = None
    else:
        by_currency = []
        told = [Decimal(repr(part.amount)) for part in parts if part.amount is not None]
        amount = float(total(told)) if told else None
    return Cost(
        amount=amount,
        currency=", ".join(currencies),
        prompt_tokens=sum(part.prompt_tokens for part in parts),
        cached_prompt_tokens=sum_of_told(part.cached_prompt_tokens for part in parts),
        output_tokens=sum(part.output_tokens for part in parts),
        uncounted=sum(part.uncounted for part in parts),
        by_currency=by_currency,
    )
