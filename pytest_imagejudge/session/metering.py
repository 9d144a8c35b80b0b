"""Meter of one judge: what its requests use, and whether the budget has room for the next one."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from ..engines.base import Answer, Engine, Progress
from ..engines.spending import ACCOUNT, used_by
from ..errors import EngineError
from ..protocols.base import Request
from ..support.judge_options import option_name
from ..support.prices import Price
from ..support.usage import Usage
from .budget import NOT_JUDGED, Budget, BudgetError
from .prompt_estimate import Sizes, picture_at_most, sizes_of, text_at_most
from .task import Stats

T = TypeVar("T")
_LOOK = 0.1  # seconds between two looks at a budget that other processes and the other judge use too
_MOST_SIZES = 256  # sizes of pictures whose prompts are remembered, for each dimension


@dataclass
class Together:
    """The requests on one image. Where the budget has no room for one, the others are not sent either."""

    refused: BudgetError | None = None


class Meter:
    """Sends requests, and keeps account of them.

    Before the first answer on pictures of a size, the tokens of a prompt are taken to be the most that its text and
    pictures can come to. After it no picture of that size has more tokens than that prompt, and the next prompt of the
    dimension has as many, but for the text that the user wrote.
    """

    def __init__(self, engine: Engine, stats: Stats, price: Price | None = None, budget: Budget | None = None) -> None:
        self.engine, self.stats, self.price = engine, stats, price
        self.budget = budget if engine.counts_tokens else None
        self._turn = asyncio.Lock()  # a request that waits for the budget is not overtaken by a smaller one
        self._freed = asyncio.Event()
        self._prompts: dict[tuple[str, bool], dict[Sizes, int]] = {}  # the most tokens, by sizes of pictures
        self._pictures: dict[Sizes, int] = {}  # the fewest tokens of a prompt with these pictures

    async def start(self, progress: Progress) -> None:
        """Start the engine."""
        ACCOUNT.set(_Charge(self, Decimal(0)))
        await _from_engine(self.engine.start(progress))

    async def ask(self, request: Request, together: Together, *, again: bool) -> Answer:
        """Answer one request, of those on one image.

        Raises:
            BudgetError: the budget has no room for it.
            EngineError: as `Engine.ask`.
        """
        sizes = sizes_of(request) if self.budget is not None else ()
        charge = _Charge(self, await self._set_aside(request, sizes, again, together))
        self.stats.began = self.stats.began or time.time()
        answer = await self._charged(charge, lambda: self.engine.ask(request))
        self.stats.ended = time.time()
        usage = used_by(answer) if self.engine.counts_tokens else Usage()
        self.stats.add(usage)
        charge.settle(usage)
        if self.budget is not None and not usage.uncounted:
            self._learn(request.dimension, again, sizes, usage.prompt_tokens)
        return answer

    def check(self, dimension: str, sampling: Mapping[str, Any], together: Together, *, again: bool) -> None:
        """Refuse a request before its pictures are decoded, where the budget has no room for any of its kind.

        Raises:
            BudgetError: the budget has none.
        """
        if (budget := self.budget) is None or (limit := _most_output(sampling)) is None:
            return
        least = min(self._prompts.get((dimension, again), {}).values(), default=0)
        amount = budget.most(self.price, least, limit)
        if together.refused is None and budget.is_over(amount):
            together.refused = budget.refusal(amount, more=True)  # its pictures are not known yet
        self._stop_after_refusal(budget, together)

    async def prime(self, request: Request) -> None:
        """Put what an image's requests share into the server's cache, where the budget has room for that.

        Raises:
            EngineError: as `Engine.ask`; the budget has no room.
        """
        amount = Decimal(0)
        if self.budget is not None:
            amount = self.budget.most(self.price, self._prompt_tokens(request, sizes_of(request), again=False), 1)
            if self.budget.reserve(amount, wait=False) != "granted":
                raise self.budget.refusal(amount)
        charge = _Charge(self, amount)
        await self._charged(charge, lambda: self.engine.prime(request))
        charge.settle(Usage())  # its tokens were told while it ran

    # -- the budget -----------------------------------------------------------------------------------------

    async def _charged(self, charge: _Charge, work: Callable[[], Awaitable[T]]) -> T:
        """Await an engine's work for which ``charge`` stands; it is settled here where the work fails."""
        before = ACCOUNT.set(charge)
        try:
            return await _from_engine(work())
        except EngineError:
            charge.settle(Usage())
            raise
        except BaseException:
            lost = Usage(uncounted=1)  # broken off, or a fault: it may have been answered
            self.stats.add(lost)
            charge.settle(lost)
            raise
        finally:
            ACCOUNT.reset(before)

    def _stop_after_refusal(self, budget: Budget, together: Together) -> None:
        if together.refused is not None:
            budget.count_refused()
            raise together.refused

    async def _set_aside(self, request: Request, sizes: Sizes, again: bool, together: Together) -> Decimal:
        """Set the most that ``request`` can use aside, as soon as there is room; return that amount."""
        if (budget := self.budget) is None:
            return Decimal(0)
        limit = _most_output(request.sampling)
        if limit is None:
            raise EngineError(
                f"{NOT_JUDGED}: the protocol's requests have no max_tokens, so nothing bounds what they use; set it in "
                f"the protocol, or leave {option_name('judge_budget')} out"
            )
        async with self._turn:
            while True:
                self._stop_after_refusal(budget, together)
                amount = budget.most(self.price, self._prompt_tokens(request, sizes, again=again), limit)
                match budget.reserve(amount):
                    case "granted":
                        return amount
                    case "refused":
                        together.refused = budget.refusal(amount)
                        raise together.refused
                self._freed.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK):
                        await self._freed.wait()

    def settled(self) -> None:
        """Tell those who wait that a request has ended."""
        self._freed.set()

    # -- the tokens of prompts ------------------------------------------------------------------------------

    def _prompt_tokens(self, request: Request, sizes: Sizes, *, again: bool) -> int:
        """Return an upper estimate of a request's prompt tokens, with pictures of these ``sizes``."""
        known = self._prompts.get((request.dimension, again), {}).get(sizes)
        if known is not None:
            return known * 11 // 10 + len(request.text.encode("utf-8", "replace"))
        with_pictures = self._pictures.get(sizes)
        pictures = sum(picture_at_most(*size) for size in sizes) if with_pictures is None else with_pictures * 11 // 10
        return pictures + text_at_most(request)

    def _learn(self, dimension: str, again: bool, sizes: Sizes, tokens: int) -> None:
        prompts = self._prompts.setdefault((dimension, again), {})
        if sizes in prompts or len(prompts) < _MOST_SIZES:
            prompts[sizes] = max(tokens, prompts.get(sizes, 0))
        if sizes in self._pictures or len(self._pictures) < _MOST_SIZES:
            self._pictures[sizes] = min(tokens, self._pictures.get(sizes, tokens))


class _Charge:
    """Account of one request: the amount that is set aside for it, and for each further try."""

    def __init__(self, meter: Meter, amount: Decimal) -> None:
        self._meter, self._amount = meter, amount
        self._open = True

    def spend(self, usage: Usage) -> None:
        """Book tokens of a request that is no try of this one."""
        self._meter.stats.add(usage)
        if (budget := self._meter.budget) is not None:
            budget.book(budget.use(self._meter.price, usage))

    def lose(self, usage: Usage | None) -> None:
        """Book a try without an answer, and set as much aside for the next one.

        Raises:
            BudgetError: there is no room for the next one.
        """
        self._meter.stats.add(usage or Usage(uncounted=1))
        if (budget := self._meter.budget) is None:
            return
        if not budget.book(self._used(usage or Usage(uncounted=1))):
            raise budget.refusal(self._amount)

    def settle(self, usage: Usage) -> None:
        """End the request, whose answer used ``usage``."""
        if (budget := self._meter.budget) is not None and self._open:
            self._open = False
            budget.settle(self._amount, self._used(usage))
            self._meter.settled()

    def _used(self, usage: Usage) -> Decimal:
        """Return what was used; of what was not told the most that it can have been."""
        assert self._meter.budget is not None
        known = self._meter.budget.use(self._meter.price, usage)
        return max(known, self._amount) if usage.uncounted else known


def _most_output(sampling: Mapping[str, Any]) -> int | None:
    """Return the limit of a request's output tokens; None where it has none."""
    limit = sampling.get("max_completion_tokens", sampling.get("max_tokens"))
    return limit if isinstance(limit, int) else None


async def _from_engine(work: Awaitable[T]) -> T:
    """Await an engine's result.

    Raises:
        EngineError: the engine raised an exception that would end the loop's thread, or pass for the session's end.
    """
    try:
        return await work
    except Exception:
        raise
    except BaseException as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        raise EngineError(f"{type(error).__name__}: {error}") from error
