"""The budget of a session: money or tokens, for both judges and for all processes of one run together.

A request is sent only where the most that it can use is still free, and that much is set aside until its real use is
known. So the sum is never passed by requests that keep to their limit of tokens, however many are in flight.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import ConfigError, EngineError
from ..settings import JudgeSettings
from ..support.judge_options import option_name
from ..support.prices import TOKENS, Limit, Price, limit_of, shown_amount, total
from ..support.usage import Usage

if TYPE_CHECKING:
    from ..report.model import BudgetUse

NOT_JUDGED = "not judged: budget"  # how the error of an image begins that was not asked about
_BUSY = 60.0  # seconds to wait for another process that writes the account


class BudgetError(EngineError):
    """The budget has no room for a request, and nothing is in flight that could leave some."""


@dataclass(frozen=True)
class Spent:
    """State of a budget.

    Attributes:
        used: what was used; where that was not told, the most that it can have been.
        reserved: set aside for requests in flight.
        in_flight: their number.
        refused: requests that were not sent.
    """

    limit: Limit
    used: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)
    in_flight: int = 0
    refused: int = 0


class Budget:
    """A limit, and what was used of it. Safe for several threads, and with a file for several processes.

    Args:
        limit: amount and unit.
        file: the account that the processes of a run share; None keeps it in memory.
        who: names this process in the account.
    """

    def __init__(self, limit: Limit, *, file: Path | None = None, who: str = "main") -> None:
        self.limit, self._who = limit, who
        self._lock = threading.Lock()
        self._last: Spent | None = None
        try:
            self._connection = sqlite3.connect(
                ":memory:" if file is None else file, timeout=_BUSY, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA synchronous = OFF")  # it is of no use after the run
            self._connection.execute("PRAGMA journal_mode = MEMORY")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS accounts"
                "(who TEXT PRIMARY KEY, used TEXT, reserved TEXT, in_flight INTEGER, refused INTEGER)"
            )
        except sqlite3.Error as error:
            raise ConfigError(
                f"{option_name('judge_budget')}: the account that all processes of a run share can't be opened "
                f"({error}); workers on other machines can't keep to one budget"
            ) from None

    def most(self, price: Price | None, prompt_tokens: int, output_tokens: int) -> Decimal:
        """Return the most that a request of so many tokens uses, in the budget's unit."""
        if self.limit.unit == TOKENS or price is None:
            return Decimal(prompt_tokens + output_tokens)
        return price.at_most(prompt_tokens, output_tokens)

    def use(self, price: Price | None, usage: Usage) -> Decimal:
        """Return what was used, in the budget's unit."""
        return Decimal(usage.tokens) if self.limit.unit == TOKENS or price is None else price.cost(usage)

    def reserve(self, amount: Decimal, *, wait: bool = True) -> Literal["granted", "wait", "refused"]:
        """Set ``amount`` aside for one request.

        "wait" is the answer where requests in flight may leave enough of what is set aside for them; without ``wait``
        that is refused too.
        """
        answer: Literal["granted", "wait", "refused"] = "granted"

        def change(mine: Spent, all_of_them: Spent) -> Spent:
            nonlocal answer
            if total((all_of_them.used, all_of_them.reserved, amount)) <= self.limit.amount:
                return replace(mine, reserved=total((mine.reserved, amount)), in_flight=mine.in_flight + 1)
            if wait and all_of_them.in_flight:
                answer = "wait"
                return mine
            answer = "refused"
            return replace(mine, refused=mine.refused + 1)

        self._change(change)
        return answer

    def settle(self, reserved: Decimal, used: Decimal) -> None:
        """End a request for which ``reserved`` was set aside: it used ``used``."""
        self._change(
            lambda mine, _: replace(
                mine,
                used=total((mine.used, used)),
                reserved=total((mine.reserved, -reserved)),
                in_flight=mine.in_flight - 1,
            )
        )

    def book(self, used: Decimal) -> bool:
        """Add what was used beside the requests; False where all that is set aside has no room any more."""
        fits = True

        def change(mine: Spent, all_of_them: Spent) -> Spent:
            nonlocal fits
            fits = total((all_of_them.used, all_of_them.reserved, used)) <= self.limit.amount
            return replace(mine, used=total((mine.used, used)))

        self._change(change)
        return fits

    def bury(self, who: str) -> None:
        """Count what a dead process had set aside as used: its requests may have been answered, and be charged."""
        with self._lock, self._transaction():
            found = self._of(who)
            used = total((found.used, found.reserved))
            self._write(who, replace(found, used=used, reserved=Decimal(0), in_flight=0))

    def spent(self) -> Spent:
        """Return the state, of all processes together; after `close` that of the end."""
        with self._lock:
            return self._last or self._sum()

    def count_refused(self) -> None:
        """Count a request that is not sent."""
        self._change(lambda mine, _: replace(mine, refused=mine.refused + 1))

    def is_over(self, amount: Decimal) -> bool:
        """Tell whether ``amount`` is more than is left, whatever the requests in flight will use."""
        return total((self.spent().used, amount)) > self.limit.amount

    def reported(self) -> BudgetUse:
        """Return the state as it stands in a report."""
        from ..report.model import BudgetUse

        now, limit = self.spent(), self.limit
        return BudgetUse(limit=float(limit.amount), unit=limit.unit, used=float(now.used), refused=now.refused)

    def refusal(self, amount: Decimal, *, more: bool = False) -> BudgetError:
        """Return the error of a request that may use ``amount``, or ``more`` than it, and is not sent."""
        unit = self.limit.unit
        used, limit, most = (shown_amount(one, unit) for one in (self.spent().used, self.limit.amount, amount))
        takes = f"more than {most}" if more else f"up to {most}"
        return BudgetError(
            f"{NOT_JUDGED}: {used} of {limit} are used, and this request may take {takes}. What was judged is "
            f"kept: run again to go on with a new budget, or raise {option_name('judge_budget')} (ini judge_budget)"
        )

    def close(self) -> None:
        """Close the account. Safe to call twice."""
        with self._lock:
            if self._last is None:
                self._last = self._sum()
                self._connection.close()

    # -- the account ----------------------------------------------------------------------------------------

    def _change(self, change: Callable[[Spent, Spent], Spent]) -> None:
        with self._lock, self._transaction():
            mine = self._of(self._who)
            if (changed := change(mine, self._sum())) is not mine:
                self._write(self._who, changed)

    def _transaction(self) -> _Transaction:
        return _Transaction(self._connection)

    def _of(self, who: str) -> Spent:
        rows = self._connection.execute("SELECT used, reserved, in_flight, refused FROM accounts WHERE who = ?", (who,))
        row = rows.fetchone()
        return Spent(self.limit) if row is None else Spent(self.limit, Decimal(row[0]), Decimal(row[1]), *row[2:])

    def _sum(self) -> Spent:
        rows = self._connection.execute("SELECT used, reserved, in_flight, refused FROM accounts").fetchall()
        return Spent(
            self.limit,
            total(Decimal(row[0]) for row in rows),
            total(Decimal(row[1]) for row in rows),
            sum(row[2] for row in rows),
            sum(row[3] for row in rows),
        )

    def _write(self, who: str, account: Spent) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO accounts VALUES (?, ?, ?, ?, ?)",
            (who, str(account.used), str(account.reserved), account.in_flight, account.refused),
        )


class _Transaction:
    """One change of the account: seen whole by the other processes, or not at all."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._do("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *exc: object) -> None:
        self._do("COMMIT" if kind is None else "ROLLBACK")

    def _do(self, statement: str) -> None:
        try:
            self._connection.execute(statement)
        except sqlite3.Error as error:  # nothing may be asked whose use can't be booked
            raise EngineError(f"{NOT_JUDGED}: the account of the budget can't be written: {error}") from None


def budget_of(judges: Sequence[JudgeSettings], *, file: Path | None = None, who: str = "main") -> Budget | None:
    """Make the budget that the judges of a session share; None where none is set.

    Raises:
        ConfigError: as `support.prices.limit_of`; the file can't be used.
    """
    limit = limit_of(judges, option_name)
    return None if limit is None else Budget(limit, file=file, who=who)
