"""Processes that need vLLM, forked from one that imported it while the API server did.

vLLM starts its engine in a new Python, which imports PyTorch and vLLM again (19 to 24 s after the 25 s of the API
server, with 0.26 on one H200), and another one that looks at the model's class where that is not known yet (25 s).
multiprocessing's ``forkserver`` is made for this: its process imports what is named to it, does not touch the GPU, and
forks the others.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import sys
from collections.abc import Callable, Iterator
from multiprocessing import context, forkserver
from pathlib import Path
from typing import Any

PATIENCE = 600.0  # seconds for the imports; on a busy machine they take minutes


def begin() -> None:
    """Begin the imports in a second process, and fork from it what vLLM would start in a new Python."""
    if sys.platform != "linux" or "--numa-bind" in sys.argv:  # which puts another program in the new Python's place
        return
    multiprocessing.set_forkserver_preload(["imagejudge_prepared"])
    with _path_for_new_pythons():
        forkserver.ensure_running()
    original: Callable[..., Any] = multiprocessing.get_context

    def get_context(method: str | None = None) -> Any:
        return _Context() if method == "spawn" else original(method)

    multiprocessing.get_context = get_context


@contextlib.contextmanager
def _path_for_new_pythons() -> Iterator[None]:
    """Name this folder to them in the environment: a ``forkserver`` of Python 3.11 is not told the path."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(Path(__file__).parent), before)))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def look_at_models() -> None:
    """Have vLLM look at a model's class in a fork."""
    try:
        from vllm.model_executor.models import registry

        original: Callable[..., Any] = registry._run_in_subprocess
    except (ImportError, AttributeError):
        return  # another way of that vLLM's

    def look(function: Callable[[], Any]) -> Any:
        try:
            return in_fork(function)
        except Exception:  # noqa: BLE001 - whatever it is, the original tells it
            return original(function)

    registry._run_in_subprocess = look


def in_fork(function: Callable[[], Any]) -> Any:
    """Call ``function`` in a fork of the prepared process and return what it returns.

    Raises:
        RuntimeError: there is no such process, or the function raised something.
    """
    import cloudpickle

    if not prepared():
        raise RuntimeError("no process is prepared")
    receiving, sending = multiprocessing.Pipe(duplex=False)
    process = _Forked(target=_call, args=(cloudpickle.dumps(function), sending))
    process.start()
    sending.close()
    try:
        return pickle.loads(receiving.recv_bytes())  # noqa: S301 - from a fork of ours
    except EOFError:
        raise RuntimeError("the fork ended without an answer") from None
    finally:
        process.join()


def _call(function: bytes, sending: Any) -> None:
    sending.send_bytes(pickle.dumps(pickle.loads(function)()))  # noqa: S301 - from the process that forked this one


_prepared: bool | None = None


def prepared() -> bool:
    """Return True where the prepared process is good for forks; waits for the end of its imports."""
    global _prepared
    if _prepared is None:
        problem = _problem()
        if problem:
            print(f"imagejudge: processes start in a new Python: {problem}", flush=True)
        _prepared = not problem
    return _prepared


def _problem() -> str:
    """Ask a fork of the prepared process what speaks against forks; empty where nothing does."""
    receiving, sending = multiprocessing.Pipe(duplex=False)
    try:
        process = _Forked(target=_report, args=(sending,))
        process.start()
        sending.close()
        answer = str(receiving.recv()) if receiving.poll(PATIENCE) else "the prepared process does not answer"
        process.join(1.0)
        return answer
    except Exception as error:  # noqa: BLE001 - whatever it is, there is another way
        return f"{type(error).__name__}: {error}"


def _report(sending: Any) -> None:
    import imagejudge_imports

    sending.send(imagejudge_imports.problem())


class _Prepared:
    """What both kinds of processes do before their work."""

    _environment: dict[str, str]

    def start(self) -> None:
        self._environment = dict(os.environ)
        super().start()  # type: ignore[misc]

    def run(self) -> None:
        for name in os.environ.keys() - self._environment.keys():
            del os.environ[name]
        for name, value in self._environment.items():
            if os.environ.get(name) != value:
                os.environ[name] = value
        import imagejudge_kernels

        imagejudge_kernels.install()
        super().run()  # type: ignore[misc]


class _Forked(_Prepared, context.ForkServerProcess):
    """A fork of the prepared process, with the environment that this process has by then."""


class _Spawned(_Prepared, context.SpawnProcess):
    """A new Python."""


class _Context(context.SpawnContext):
    """A context whose processes are forks of the prepared process where that is possible, else spawned."""

    def Process(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]  # noqa: N802 - multiprocessing's name
        return (_Forked if prepared() else _Spawned)(*args, **kwargs)
