"""Threads for work that must not wait for other work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


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
