"""Progress of a server's start, as its log tells it."""

from __future__ import annotations

import re
import time
from pathlib import Path

from ...support.escaping import escape
from ..base import Progress
from .server_copy import AGAIN
from .state import CopyState, State, log_file, log_tail

REPORT_SECONDS = 20.0  # between two lines about the same phase of a start


# What a line of vLLM's log says about how far a start has come; the last that matches counts.
PHASES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), phase)
    for pattern, phase in (
        (r"imagejudge: (downloading .*)", r"\1"),
        (r"non-default args", "reading the model's configuration"),
        (r"Resolved architecture|Using max model len", "starting the engine's processes"),
        (r"Initializing a V1 LLM engine|Starting to load model", "loading the model"),
        (r"Loading safetensors checkpoint shards: +(\d+%)", r"loading weights, \1"),
        (r"Loading weights took|Model loading took", "weights are loaded"),
        (r"[Tt]orch\.compile |Dynamo bytecode|Compiling a graph|Cache the graph", "compiling"),
        (r"Encoder cache will be initialized|[Mm]emory profiling|profile run", "measuring memory"),
        (r"[GC]PU KV cache size|Available KV cache memory", "setting up the caches"),
        (r"Capturing CUDA graphs?", "capturing CUDA graphs"),
        (r"init engine .* took|Starting vLLM server|Started server process", "starting the HTTP server"),
    )
)


ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")


class StartWatcher:
    """Reports the start of a server, the first of those in ``folder``, as a line of progress now and then."""

    def __init__(self, folder: Path, progress: Progress) -> None:
        self._folder, self._progress = folder, progress
        self._phase, self._said = "", 0.0

    def look(self, state: State) -> None:
        """Report a new phase, or that the same one goes on."""
        copy = next(iter(state.of("starting")), CopyState(started=time.time()))
        phase = "downloading" if state.phase == "download" else "importing vLLM"
        log = log_tail(log_file(self._folder, copy.number)).rpartition(AGAIN)[2]  # not what the one before has come to
        for line in ANSI.sub("", log).replace("\r", "\n").splitlines():
            for pattern, words in PHASES:
                if match := pattern.search(line):
                    phase = match.expand(words) if "\\" in words else words
        kind = re.sub(r"[\d.,%]+", "", phase)
        now = time.monotonic()
        if kind != self._phase or now - self._said > REPORT_SECONDS:
            self._phase, self._said = kind, now
            self._progress(f"{escape(state.title)}: {escape(phase)} ({time.time() - copy.started:.0f} s so far)")

    def done(self, state: State) -> None:
        """Report that the server is ready, where its start was seen."""
        if self._phase:
            self._progress(f"{escape(state.title)}: ready after {time.time() - state.first.started:.0f} s")
