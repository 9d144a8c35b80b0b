"""The thread that writes to the store: what arrives goes to the disk at once, whatever else the process does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future

from .entry import StoredRow

LINGER_S = 0.2  # how long the thread waits for more: to start one takes longer than to wake it, most of all under load
GATHER_S = 0.2  # how long rows may wait for others where nobody waits for them: each transaction costs as much as ten

_DONE: Future[None] = Future()
_DONE.set_result(None)


class Writer:
    """Writes rows in the order in which they came, all that wait in one go, in a thread of its own.

    The interpreter waits for the thread at its end, so that what was handed over is written even where nobody closes
    the store. The thread ends by itself when there is nothing to do.

    Args:
        write: writes rows, or keeps those that the disk does not take; called by one thread at a time.
        lasting: whether what is written outlives the process; else rows wait for others, unless the writer is drained.
    """

    def __init__(self, write: Callable[[list[StoredRow]], None], lasting: bool = True) -> None:
        self._write, self.lasting = write, lasting
        self._turn = threading.Condition()
        self._waiting: list[tuple[list[StoredRow], Future[None]]] = []
        self._rows: dict[str, StoredRow] = {}  # what waits and what is being written, by key
        self._writing = False
        self._ending = False  # nobody is about to hand over more
        self._thread: threading.Thread | None = None

    def add(self, rows: Iterable[StoredRow], *, later: bool = False) -> Future[None]:
        """Hand ``rows`` over; the future is done when they are written, or raises what kept them from it.

        ``later`` says that nobody needs them on the disk: where they do not last, the future is then done at once.
        """
        batch, done = list(rows), Future[None]()
        done.set_running_or_notify_cancel()  # who stops waiting does not take them back
        with self._turn:
            first = not self._waiting
            self._waiting.append((batch, done))
            self._rows.update((row.key, row) for row in batch)
            self._ending = False
        if first:  # else the thread has been told, and has not looked yet
            self._wake()
        return _DONE if later and not self.lasting else done

    def renewed(self) -> Writer:
        """Return a writer as this one was at its start, for a forked process, which has none of its threads."""
        return Writer(self._write, self.lasting)

    def pending(self, keys: Sequence[str]) -> list[StoredRow]:
        """The rows under ``keys`` that are not written yet."""
        with self._turn:
            return [self._rows[key] for key in keys if key in self._rows] if self._rows else []

    def drain(self) -> None:
        """Wait until all that was handed over is written."""
        with self._turn:
            self._ending = True
        self._wake()
        with self._turn:
            self._turn.wait_for(lambda: not self._waiting and not self._writing)

    def _wake(self) -> None:
        """Have the thread look at what waits."""
        with self._turn:
            self._turn.notify_all()
            if not self._waiting or (self._thread is not None and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._run, name="imagejudge-store", daemon=False)
            try:
                self._thread.start()
                return
            except RuntimeError:  # there can be no more threads, as at the interpreter's end
                self._ending = True
        self._run()

    def _run(self) -> None:
        while batch := self._next():
            rows = [row for some, _ in batch for row in some]
            error: BaseException | None = None
            try:
                self._write(rows)
            except BaseException as caught:  # noqa: BLE001 - whoever handed rows over is told
                error = caught
            with self._turn:
                newer = {row.key for some, _ in self._waiting for row in some}
                for key in {row.key for row in rows} - newer:
                    del self._rows[key]
                self._writing = False
                self._turn.notify_all()
            for _, done in batch:
                if error is None:
                    done.set_result(None)
                else:
                    done.set_exception(error)

    def _next(self) -> list[tuple[list[StoredRow], Future[None]]]:
        """All that waits; nothing when the thread is to end."""
        with self._turn:
            self._turn.wait_for(lambda: self._waiting or self._ending, LINGER_S)
            if self._waiting and not self.lasting:
                self._turn.wait_for(lambda: self._ending, GATHER_S)
            batch, self._waiting = self._waiting, []
            self._writing = bool(batch)
            if not batch and self._thread is threading.current_thread():
                self._thread = None
            return batch
