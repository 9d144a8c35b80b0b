"""The engine of the embedded judge: measurements on the CPU, in threads of this process."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, EngineError
from ...protocols.base import Request
from ...protocols.signals_bounds import INSTALL, MODULES, PIXELS, REVISION, SAFETY, TEXT
from ...scoring.verdict import FacetScore
from ...settings import SIGNALS
from ...support.words import plural
from ...taxonomy import EDIT
from ..base import Answer, Engine, EngineIdentity, Progress
from .planes import Kept

if TYPE_CHECKING:
    from ...protocols.base import Protocol
    from ...settings import JudgeSettings
    from ...taxonomy import Path

_AHEAD = 1  # pictures that are decoded, or whose answers are kept, while others are measured
_BLOCK = 16 << 20  # bytes; more than a plane in colour has at most
LOADED = ("cv2", "numpy", "onnxruntime")  # libraries that every picture needs


class SignalsEngine(Engine):
    """An engine that measures images and edits without a model server or any setting."""

    name = SIGNALS
    counts_tokens = False

    def __init__(self, settings: JudgeSettings | None = None, protocol: Protocol | None = None) -> None:
        self._measuring = max(1, min(8, _cores()))
        self.concurrency = self._measuring + _AHEAD
        self._threads: ThreadPoolExecutor | None = None
        self._kept = Kept(self.concurrency + 1)
        self._opencv_threads: int | None = None  # that OpenCV had before, in all of the process

    def identity(self) -> EngineIdentity:
        """Return the name of this judge and the revision of its measurements."""
        return EngineIdentity(model=SIGNALS, revision=REVISION)

    def preflight(self) -> None:
        """Check that the libraries of the extra ``signals`` are installed.

        Raises:
            ConfigError: some are missing; the message names them and the command that installs them.
        """
        missing = [name for name in MODULES if importlib.util.find_spec(name) is None]
        if missing:
            raise ConfigError(f"--judge-model signals needs {', '.join(missing)}: {INSTALL}")

    async def start(self, progress: Progress) -> None:
        """Import the libraries, and have OpenCV do without threads of its own until the end.

        Raises:
            EngineError: an installed library can't be loaded.
        """
        self._threads = ThreadPoolExecutor(self._measuring, thread_name_prefix="signals")
        try:
            self._opencv_threads = await asyncio.get_running_loop().run_in_executor(self._threads, _load)
        except Exception as error:
            raise EngineError(f"--judge-model signals could not load its libraries: {error}; {INSTALL}") from error

    async def ask(self, request: Request) -> Answer:
        """Measure the dimension of ``request``.

        Raises:
            EngineError: the engine was not started, or a measurement failed.
        """
        if self._threads is None:
            raise EngineError("the embedded judge was asked before it was started")
        try:
            text = await asyncio.get_running_loop().run_in_executor(self._threads, answer, request, self._kept)
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(f"the measurement of {request.dimension} failed: {error!r}") from error
        return Answer(
            text=text,
            finish_reason="stop",
            engine=SIGNALS,
            engine_version=REVISION,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    async def close(self) -> None:
        """End the threads after their current measurements."""
        threads, self._threads = self._threads, None
        if threads is not None:
            threads.shutdown(wait=True, cancel_futures=True)
        had, self._opencv_threads = self._opencv_threads, None
        if had is not None:
            _give_threads(had)
        self._kept.clear()


def answer(request: Request, kept: Kept) -> str:
    """Measure and answer ``request`` as JSON: {L2: {L3: {"score", "evidence"}}}, or aspects and evidence of an edit."""
    if request.dimension == EDIT:
        from .edits import measure_edit

        source, edited = _pictures(request, 2)
        aspects, evidence = measure_edit(source, edited, request.region)
        return json.dumps({"aspects": aspects, "evidence": evidence}, ensure_ascii=False)
    (picture,) = _pictures(request, 1)
    scores: dict[Path, FacetScore] = {}
    if request.dimension in {facet[0] for facet in PIXELS}:
        from . import measures

        styles = request.sampling.get("style", ())
        scores = measures.score_pixels(kept.of(picture), request.dimension, request.text, styles)
    elif request.dimension == SAFETY[0]:
        from . import safety

        scores[SAFETY] = safety.measure(kept.of(picture))
    elif request.dimension == TEXT[0]:
        from . import text

        scores[TEXT] = text.measure(picture, request.text)
    tree: dict[str, dict[str, dict[str, Any]]] = {}
    for (_, two, three), facet in scores.items():
        tree.setdefault(two, {})[three] = {"score": facet.raw, "evidence": facet.evidence}
    return json.dumps(tree, ensure_ascii=False)


def _pictures(request: Request, count: int) -> tuple[Any, ...]:
    if len(request.images) != count:
        raise EngineError(
            f"the embedded judge needs {plural(count, 'picture')} for {request.dimension}, not {len(request.images)}"
        )
    return request.images


def _load() -> int:
    """Import the measuring modules, in one thread, and the libraries that every picture needs; as `_take_threads`.

    pytest parses the modules of its plugins itself when they are first imported, and CPython 3.11 fails now and then
    where two threads do so at once. What reads text, or compares edits, loads its libraries when first asked.
    """
    for name in LOADED:
        importlib.import_module(name)
    from . import edits, measures, safety, text  # noqa: F401

    _keep_blocks()
    return _take_threads()


def _take_threads() -> int:
    """Have OpenCV work on the thread that calls it; return how many it had.

    Pictures are measured side by side. OpenCV's own threads would take the cores from them, and wait awake for work.
    """
    import cv2

    had = cv2.getNumThreads()
    cv2.setNumThreads(1)
    return had


def _give_threads(had: int) -> None:
    """Give OpenCV back the threads that it had, unless somebody else has changed them since."""
    import cv2

    if cv2.getNumThreads() == 1:
        cv2.setNumThreads(had)


def _keep_blocks() -> None:
    """Have the C library keep blocks of freed memory that are as large as the planes of a picture.

    That of Linux gives large blocks back to the system, and then each page of the next one costs a fault. Once a block
    was freed it keeps those of up to that size.
    """
    import numpy as np

    np.empty(_BLOCK, np.uint8)


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
