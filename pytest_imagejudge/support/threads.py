"""Threads for work that must not wait for other work."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
S = TypeVar("S")
T = TypeVar("T")


def in_order(function: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
    """Call ``function`` on the items in several threads; yield the results in the order of the items.

    Items are taken only a few ahead of the result that is read, so that an iterator of large ones stays small.
    """
    from concurrent.futures import ThreadPoolExecutor

    threads = min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        ahead: deque[Future[T]] = deque()
        for item in items:
            ahead.append(pool.submit(function, item))
            if len(ahead) == 2 * threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def in_own_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
    """Call ``function`` in a thread that is started for it; the process does not wait for the thread at its end."""
    future: Future[T] = Future()
    future.set_running_or_notify_cancel()  # from here on nobody can cancel it

    def run() -> None:
        try:
            result = function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - whoever waits for the future is told
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name=f"imagejudge-{function.__name__}", daemon=True).start()
    return future
