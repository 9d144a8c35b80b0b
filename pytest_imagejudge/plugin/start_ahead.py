"""A start beside the tests: it begins when the collection is over, and the first image waits for the rest of it."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ..engines.base import HeadStart
from ..errors import ConfigError
from ..session.judge_session import JudgeSession
from ..session.task import Task
from ..support.digests import digest_of
from ..support.files import whole_file
from .early_submission import used_kinds
from .judges import AnyJudge, Judges
from .judging_time import JudgingTime
from .manifest_items import RowItem
from .marker import marker_values
from .progress import Progress
from .start_records import StartRecord, StartRecords
from .stash import REFUSAL
from .state import Kind, RunState
from .submitting import Submitter
from .xdist_types import worker_input

EVERY = 1.0  # seconds between two looks at the free memory
AT_ONCE = 16  # tasks that are looked up together
FIRST = "gw0"  # the worker of xdist that tells the controller what its tests will ask
NOTES = "*.asks"


class StartAhead:
    """Has judges start when the collection is over, where that can take nothing from the tests' own models.

    It can't where the judge takes no GPU, or has GPUs of its own. On a GPU that it shares with the tests, a judge takes
    the memory that the last run of the same tests left free until its first image; a run without such a record keeps
    one. With xdist the controller has the server started, since it outlives the workers.
    """

    def __init__(
        self, state: RunState, judges: Judges, judging_time: JudgingTime, submitter: Submitter, progress: Progress
    ) -> None:
        self._state, self._judges, self._time, self._submitter = state, judges, judging_time, submitter
        self._progress = progress
        self._records = StartRecords(state.options.store)
        self._tests: dict[Kind, str] = {}  # digests of the tests that may ask, and of the judge
        self._head_starts: dict[Kind, HeadStart] = {}
        self._shares: set[Kind] = set()  # judges that started beside the tests on their GPU
        self._during: set[Kind] = set()
        self._watches: dict[Kind, _Watch] = {}
        judging_time.on_during = self._decided

    # -- when the collection is over ------------------------------------------------------------------------

    def begin(self, items: Sequence[pytest.Item]) -> None:
        """Have the judges start that ``items`` may ask, in the process that runs them all."""
        found = self._asking(items)
        for kind, asking in found.items():
            self._tests[kind] = self._digest(kind, asking)
            if any(_makes_images(item) for item in asking):
                self._begin(kind, alone=len(found) == 1)
            elif self._head_start(kind).apart():  # all is submitted: the store or the judge answers it
                self._time.decide(kind, self._judges.get(kind))

    def note(self, items: Sequence[pytest.Item]) -> None:
        """Tell xdist's controller, from its first worker, which judges ``items`` may ask."""
        given = worker_input(self._state.config)
        if given.get("workerid") != FIRST or not given.get("imagejudge_progress"):
            return
        notes = {
            kind: {"tests": self._digest(kind, asking), "unknown": self._unknown(kind, asking)}
            for kind, asking in self._asking(items).items()
        }
        with (
            contextlib.suppress(OSError),
            whole_file(Path(given["imagejudge_progress"]) / NOTES.replace("*", FIRST)) as file,
        ):
            json.dump(notes, file)

    def begin_noted(self, folder: Path) -> None:
        """Have the judges start that the first worker has noted in ``folder``, once."""
        for path in folder.glob(NOTES):
            notes: dict[Kind, dict[str, Any]] = json.loads(path.read_text("utf-8"))
            for kind, note in notes.items():
                if kind not in self._tests:
                    self._tests[kind] = note["tests"]
                    if note["unknown"]:
                        self._begin(kind, alone=False)

    def _asking(self, items: Sequence[pytest.Item]) -> dict[Kind, list[pytest.Item]]:
        """The tests that may ask, by the kind of a judge that may start now."""
        config = self._state.config
        session = self._state.session
        fails = session is not None and session.testsfailed and not config.option.continue_on_collection_errors
        if fails or self._state.options.when == "after" or config.getoption("forked", False):
            return {}
        found = {kind: asking for kind in self._state.protocols if (asking := _asking(items, kind))}
        return {kind: asking for kind, asking in found.items() if self._judges.get(kind).engine.head_start}

    def _head_start(self, kind: Kind) -> HeadStart:
        found = self._head_starts.get(kind) or self._judges.get(kind).engine.head_start
        assert found is not None
        self._head_starts[kind] = found
        return found

    def _digest(self, kind: Kind, asking: Iterable[pytest.Item]) -> str:
        settings, protocol = self._state.settings[kind], self._state.protocols[kind]
        judge = kind, settings.model, settings.revision, settings.args, settings.gpus, protocol.digest
        return digest_of("tests", judge, sorted(item.nodeid for item in asking))

    def _begin(self, kind: Kind, *, alone: bool) -> None:
        judge, record = self._judges.get(kind), self._records.get(self._tests[kind])
        if record.answered:
            self._say(judge, "the last run of these tests needed no judge")
            return
        if apart := self._head_start(kind).apart():
            why = self._why_not(judge) or judge.session.begin()
            self._say(judge, why, apart)
            if not (why or self._state.is_controller):
                self._time.decide(kind, judge)
        elif self._state.is_controller:
            self._say(judge, "with xdist only a judge with GPUs of its own starts earlier (--judge-gpus)")
        elif not alone:
            self._say(judge, "two judges start earlier only on GPUs of their own (--judge-gpus)")
        elif kind not in self._time.decided:
            self._begin_beside(kind, judge, record)

    def _begin_beside(self, kind: Kind, judge: AnyJudge, record: StartRecord) -> None:
        """Begin on a GPU that the tests' own models take too, where the record says what they leave."""
        why = "how much GPU memory these tests take is not known before a first run"
        if record.free:
            why = judge.session.begin(record.free)
            self._say(judge, why, "the last run of these tests left the memory for it")
            if not why:
                self._shares.add(kind)
                return
        elif self._head_start(kind).free_memory():
            self._say(judge, why)
        self._watches[kind] = _Watch(judge.session, self._head_start(kind))

    def _why_not(self, judge: AnyJudge) -> str:
        """Return why a lease of xdist's controller would be in the way of its workers."""
        sleeps = self._state.is_controller and judge.settings.sleep is not None
        return "it is to sleep between the workers' images (judge_sleep)" if sleeps else ""

    def _say(self, judge: AnyJudge, why_not: str, why: str = "") -> None:
        when = f"at its first image: {why_not}" if why_not else f"while the tests run: {why}"
        self._progress.say(f"{judge.settings.model} starts {when}")

    # -- what the store knows ---------------------------------------------------------------------------------

    def _unknown(self, kind: Kind, asking: Sequence[pytest.Item]) -> bool:
        """Tell whether the store lacks an answer that ``asking`` will need, or it is not known before they run."""
        if any(_makes_images(item) for item in asking):
            return True
        session, some = self._judges.get(kind).session, []
        for item in asking:
            try:
                some += self._tasks(item)
            except Exception:  # noqa: BLE001, S112 - it is that test's error, and raised again when it runs
                continue
            if len(some) >= AT_ONCE:
                if not session.stored(some):
                    return True
                some = []
        return not session.stored(some)

    def _tasks(self, item: pytest.Item) -> list[Task]:
        if isinstance(item, RowItem):
            return item.tasks()
        task = self._submitter.marked_task(item)
        return [] if task is None else [task]

    # -- what the next run is to know -------------------------------------------------------------------------

    def _decided(self, kind: Kind) -> None:
        """Look at the memory once more, before the judge starts beside the tests."""
        self._during.add(kind)
        if kind in self._watches:
            self._watches[kind].look()

    def ran_out_of_memory(self) -> None:
        """Have the next run of the tests begin as a first one, after a test ran out of GPU memory."""
        self._shares.clear()

    def keep(self, session: pytest.Session, judges: Mapping[Kind, AnyJudge], needed: Iterable[str]) -> None:
        """Record, at the end of a whole run, which judges were needed, and the memory that was left for them.

        Args:
            session: of the run, with its exit status.
            judges: of this process, closed.
            needed: the kinds of judges that were needed in others.
        """
        least = {kind: watch.end() for kind, watch in self._watches.items()}
        whole = session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)
        if not whole or session.shouldfail or session.shouldstop:
            return
        records = {}
        for kind, tests in self._tests.items():
            judge = judges.get(kind)
            record = StartRecord(answered=kind not in needed and not (judge and judge.session.needed))
            if judge and kind in self._shares and not self._head_start(kind).in_vain:
                record.free = self._records.get(tests).free
            elif judge and judge.session.needed and kind in self._during:
                record.free = least.get(kind, {})
            records[tests] = record
        self._records.put(records)


class _Watch:
    """A watch on the memory that is free on a judge's GPUs until the judge needs it itself."""

    def __init__(self, session: JudgeSession[Any], head_start: HeadStart) -> None:
        self._session, self._head_start = session, head_start
        self._least: dict[str, int] = {}
        self._ended = threading.Event()
        self._looking = threading.Lock()
        self.look()
        if self._least:
            threading.Thread(target=self._go_on, name="imagejudge-memory", daemon=True).start()

    def look(self) -> None:
        """Look at the memory now, unless the judge was needed already."""
        with self._looking, contextlib.suppress(ConfigError):
            free = self._head_start.free_memory()
            if not self._session.needed:
                self._least = {name: min(count, self._least.get(name, count)) for name, count in free.items()}

    def end(self) -> dict[str, int]:
        """End the watch; return the least free bytes by GPU."""
        self._ended.set()
        return self._least

    def _go_on(self) -> None:
        while not (self._ended.wait(EVERY) or self._session.needed):
            self.look()


def _asking(items: Iterable[pytest.Item], kind: Kind) -> list[pytest.Item]:
    """The tests that may ask a judge of ``kind``."""
    return [
        item
        for item in items
        if kind in used_kinds(item) and REFUSAL not in item.stash and item.get_closest_marker("skip") is None
    ]


def _makes_images(item: pytest.Item) -> bool:
    """Tell a test whose images are not known before it runs."""
    return not isinstance(item, RowItem) and marker_values(item).image is None
