"""Tests that stay for their own verdicts, and tests that another plugin runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from .early_readers import EarlyReaders
from .other_runners import FORKED, OtherRunners
from .state import Kind, RunState

_TEST_BY_TEST = {"stepwise": "--stepwise", "setupshow": "--setup-show", "setuponly": "--setup-only", "usepdb": "--pdb"}

WAYS_OUT = (
    "Run without it (-p no:NAME); or list no:{name} under judge_wait_for_plugins in the ini file, if it may count "
    "such a test as passed; or give the judge GPUs of its own (--judge-gpus), or use --judge-url"
)


class Waiting:
    """Says of a test whether it is over only once it is decided.

    Where it may be run again, that must generate again. Where the next run goes on from the failure of this one
    (``--stepwise``), none may be found after a later test has failed. What ``--setup-show`` prints, and what ``--pdb``
    looks at, is of one test. What reads outcomes as tests end must read the right ones.

    Args:
        used_kinds: the kinds of judges that a test uses.
    """

    def __init__(self, state: RunState, used_kinds: Callable[[pytest.Item], set[Kind]]) -> None:
        self._config = config = state.config
        self._used_kinds = used_kinds
        self.readers = EarlyReaders(config, state.options.wait_for_plugins)
        self.runners = OtherRunners(config)
        options = [words for name, words in _TEST_BY_TEST.items() if getattr(config.option, name, False)]
        self._of_run = "reruns" if _reruns(config) else options[0] if options else ""
        self._told: set[str] = set()
        self._asked: tuple[pytest.Item | None, bool] = (None, False)
        self._in_body = bool(getattr(config.option, "usepdb", False))

    def why(self, item: pytest.Item) -> str:
        """The reason why ``item`` stays for its verdicts; empty where it need not."""
        if self._of_run:
            return self._of_run
        if item.get_closest_marker("flaky") is not None:
            return "it is marked as flaky"
        if reader := self.readers.of_test(item):
            return f"{reader} reads outcomes as tests end"
        if runner := self._runner(item):
            return f"{runner} runs it"
        return ""

    def in_body(self, item: pytest.Item) -> bool:
        """Tell whether ``item`` has to know each verdict where it hands an image over."""
        if self._asked[0] is not item:  # asked once more for each image of a test
            self._asked = item, self._in_body or is_expected_by_unittest(item) or self.readers.in_body(item)
        return self._asked[1]

    def ways_out(self, item: pytest.Item) -> str:
        """Ways to run ``item`` with a judge that comes after the tests."""
        name = "" if self._of_run else self.readers.of_test(item)
        return (
            WAYS_OUT.format(name=name)
            if name
            else "Run without it, give the judge GPUs of its own (--judge-gpus), or use --judge-url"
        )

    def runs_elsewhere(self, item: pytest.Item) -> bool:
        """Tell whether ``item`` is left to pytest, or to the plugin that is to run it: its reports are not ours."""
        if self.runners.of_test(item) == FORKED:
            return not self._used_kinds(item)
        return bool(self.why(item))

    def _runner(self, item: pytest.Item) -> str:
        """The plugin that runs ``item``; none does in another process, where a test can't use the judge."""
        runner = self.runners.of_test(item)
        return "" if runner == FORKED and self._used_kinds(item) else runner

    def words(self) -> list[str]:
        """Lines for the run's header: why tests wait, where all of them do, and what the ini file lists in vain."""
        lines = []
        if names := self.readers.of_run():
            self._told |= set(names)
            lines.append(_slower("each test waits", names))
        if unknown := self.readers.unknown():
            lines.append(f"judge_wait_for_plugins: no such plugin is active: {', '.join(unknown)}")
        return lines

    def found_late(self, items: Sequence[pytest.Item]) -> list[str]:
        """Lines on what reads outcomes of some of ``items`` only, or was found while they were collected."""
        names = {self.readers.of_test(item) for item in items} - self._told - {""}
        self._told |= names
        lines = [_slower("a test that uses a judge waits", sorted(names))] if names else []
        runners = {self.runners.of_test(item) for item in items} - {""}
        if FORKED in runners:
            lines.append(
                f"tests with pictures run in this process, for the forked ones of {FORKED} can't use the judge"
            )
        if others := sorted(runners - {FORKED}):
            lines.append(
                f"a test that uses a judge waits for its verdicts, which is slower: {', '.join(others)} runs it"
            )
        return lines

    def refuse_to_come_after(self, after: bool) -> None:
        """Refuse a judge that comes ``after`` the tests where something reads the outcome of each of them.

        Raises:
            pytest.UsageError: naming the plugin, and the ways out.
        """
        if after and (names := self.readers.of_run()):
            words = f"the judge starts when the last test is over, but {_reads(names)} outcomes as tests end"
            raise pytest.UsageError(f"{words}. {WAYS_OUT.format(name=names[0])}")


def _reads(names: Sequence[str]) -> str:
    return f"{', '.join(names)} {'reads' if len(names) == 1 else 'read'}"


def _slower(what: str, names: Sequence[str]) -> str:
    return f"{what} for its verdicts, which is slower: {_reads(names)} outcomes as tests end"


def is_expected_by_unittest(item: pytest.Item) -> bool:
    """Tell a test whose failure unittest expects: it decides in the test's body what that comes to."""
    places = (getattr(item, "obj", None), getattr(item, "cls", None))
    return any(getattr(place, "__unittest_expecting_failure__", False) for place in places)


def _reruns(config: pytest.Config) -> bool:
    """Tell whether pytest-rerunfailures is to run again, of all tests, what fails."""
    if getattr(config.option, "force_reruns", None) or getattr(config.option, "reruns", None):
        return True
    try:
        ini = config.getini("reruns") if getattr(config.option, "reruns", None) is None else None
    except ValueError:  # the plugin is not there
        return False
    return str(ini or 0) != "0"
