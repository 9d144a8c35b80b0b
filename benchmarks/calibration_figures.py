"""Figures of the calibration: pictures, jobs, processes that measure, and a file that keeps what was measured."""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus_sources import KINDS
from damages import DAMAGES, Damage

HERE = Path(__file__).parent
NEUTRAL = "a picture"
WORDS = {  # natural prompts, whose word turns off measures; "a photograph" and the like turn off none
    "illustration": "a flat illustration of a scene",
    "lineart": "line art of a scene",
    "pixelart": "pixel art of a scene",
}


@dataclass(frozen=True)
class Picture:
    """One picture of the corpus."""

    kind: str
    file: str
    sha256: str


@dataclass(frozen=True)
class Build:
    """A checkout, and the Python whose packages it uses."""

    name: str
    checkout: Path
    python: Path

    @property
    def digest(self) -> str:
        """Of all code that decides a score."""
        package = self.checkout / "pytest_imagejudge"
        files = [
            *sorted((package / "engines" / "signals").glob("*.py")),
            *sorted(package.glob("protocols/signals*.py")),
        ]
        content = b"".join(path.read_bytes() for path in files)
        return hashlib.sha256(content).hexdigest()[:16]


@dataclass(frozen=True)
class Figure:
    """Scores by facet (0, 1, 2 or "N/A") of a picture with a damage and a prompt, and evidence of what failed."""

    picture: Picture
    damage: str  # "" without
    prompt: str
    raws: dict[str, Any]
    evidence: dict[str, str]

    @property
    def failed(self) -> list[str]:
        """Facets that failed."""
        return [facet for facet, raw in self.raws.items() if raw == 0]


def pictures(folder: Path, half: str) -> list[Picture]:
    """The pictures of one half, in an order that says nothing of kinds and names."""
    rows = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    found = [Picture(row["kind"], row["file"], row["sha256"]) for row in rows if row["half"] == half]
    return sorted(found, key=lambda picture: picture.sha256)


Jobs = list[tuple[Picture, list[tuple[str, str]]]]  # damage and prompt of each measurement


def jobs(found: list[Picture], fine: int, damaged: int, words: bool, damages: Sequence[Damage] = DAMAGES) -> Jobs:
    """What is to be measured, in an order that can be cut off anywhere.

    First of each kind ``fine`` pictures as they are, then, by turns, ``damaged`` of each kind with each damage; with
    ``words`` also with the prompt that names the kind, half as many of the damaged ones. A damage may need more.
    """
    whole: Jobs = []
    turns: list[tuple[int, Picture, list[tuple[str, str]]]] = []
    count = dict.fromkeys(KINDS, 0)
    for picture in found:
        number, named = count[picture.kind], words and picture.kind in WORDS
        count[picture.kind] += 1
        if number < fine:
            prompts = [NEUTRAL, WORDS[picture.kind]] if named else [NEUTRAL]
            whole.append((picture, [("", prompt) for prompt in prompts]))
        mine: list[tuple[str, str]] = []
        for damage in damages:
            if number < max(damaged, damage.least) and not (damage.once and number % 6):
                mine.append((damage.name, NEUTRAL))
                if named and number % 2 == 0 and number < damaged:
                    mine.append((damage.name, WORDS[picture.kind]))
        if mine:
            turns.append((number, picture, mine))
    return whole + [(picture, mine) for _, picture, mine in sorted(turns, key=lambda turn: turn[0])]


class Measured:
    """What a build measured, kept a line a picture's call, so that a run that was cut off goes on from there."""

    def __init__(self, build: Build, folder: Path, file: Path) -> None:
        self.build, self.folder, self.file = build, folder, file
        self.known: dict[tuple[str, str, str], Any] = {}
        self.lock = threading.Lock()
        self.end = math.inf
        code = hashlib.sha256((HERE / "damages.py").read_bytes()).hexdigest()[:8]
        self.digests = {False: build.digest, True: f"{build.digest}+{code}"}  # without and with a damage
        if file.exists():
            for line in file.read_text().splitlines():
                digest, sha256, damage, prompt, row = json.loads(line)
                if digest == self.digests[bool(damage)]:
                    self.known[sha256, damage, prompt] = row

    def measure(self, wanted: Jobs, processes: int, minutes: float) -> None:
        """Measure what is not known; begin with no picture after so many minutes."""
        self.end = time.monotonic() + 60 * minutes
        todo = [
            (picture, missing)
            for picture, mine in wanted
            if (missing := [job for job in mine if (picture.sha256, *job) not in self.known])
        ]
        queue = iter(todo)
        left = sum(len(missing) for _, missing in todo)
        print(f"{self.build.name}: {left} to measure, {len(self.known)} known", file=sys.stderr, flush=True)
        errors: list[BaseException] = []

        def run() -> None:
            try:
                self._process(queue)
            except BaseException as error:  # a thread's own would be lost
                errors.append(error)

        threads = [threading.Thread(target=run) for _ in range(processes)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def _process(self, queue: Iterator[tuple[Picture, list[tuple[str, str]]]]) -> None:
        """Feed one process of the build."""
        environment = {**os.environ, "PYTHONPATH": str(self.build.checkout), "OMP_NUM_THREADS": "1"}
        command = [str(self.build.python), str(HERE / "calibration_worker.py")]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=self.build.checkout
        ) as process:
            assert process.stdin
            assert process.stdout
            while True:
                with self.lock:
                    item = next(queue, None)
                if item is None or time.monotonic() > self.end:
                    break
                picture, missing = item
                process.stdin.write(json.dumps([str((self.folder / picture.file).resolve()), missing]) + "\n")
                process.stdin.flush()
                answer = process.stdout.readline()
                if not answer:
                    raise SystemExit(f"{self.build.name}: the process that measures ended at {picture.file}")
                with self.lock, self.file.open("a") as lines:
                    for job, row in zip(missing, json.loads(answer), strict=True):
                        self.known[picture.sha256, *job] = row
                        lines.write(json.dumps([self.digests[bool(job[0])], picture.sha256, *job, row]) + "\n")
            process.stdin.close()

    def figures(self, wanted: Jobs) -> Iterable[Figure]:
        """All that is known of what is wanted; a damage that is none to a picture is left out."""
        for picture, mine in wanted:
            for job in mine:
                row = self.known.get((picture.sha256, *job))
                if row is not None:
                    yield Figure(picture, *job, *row)
