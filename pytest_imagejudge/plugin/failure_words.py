"""Texts of failures that the judge decided."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import pytest

from ..renderers.explanations import advice, file_name, prompt, scored
from ..support.escaping import for_log
from ..support.words import and_more
from .expectation import AnyEntry
from .xdist_types import worker_input

MOST_SHOWN = 100  # images of one test whose failure is shown
MOST_SCORED = 20  # images that are listed where a test failed that only scored them


class FailureWords:
    """Writer of failures' texts, with words that all of them would repeat given once in a run.

    Attributes:
        width: columns of the terminal that will show the reports.
    """

    def __init__(self, config: pytest.Config) -> None:
        # taken now, for it isn't known while a test's output is caught
        self.width: int = worker_input(config).get("imagejudge_width", 0) or shutil.get_terminal_size().columns
        self._config = config
        self._told: set[str] = set()

    def explain(self, entries: Sequence[AnyEntry]) -> str:
        """Explain why entries fail their test; with ``-v`` the first has a tree, no others: there may be hundreds."""
        from ..renderers.terminal_failure import failure_text  # rich, which a worker without failures does not need

        width = min(self.width, 140)
        verbose = self._config.getoption("verbose", 0) > 0
        texts: list[str] = []
        for entry in entries[:MOST_SHOWN]:
            words = advice(entry)
            # what all failures of a run would repeat: what to do, and of a server that died the end of its log
            new, log = words not in self._told, entry.error not in self._told
            self._told |= {words, entry.error}
            tree = verbose and not texts
            texts.append(failure_text(entry, width=width, color=False, advice=new, tree=tree, log=log))
        if len(entries) > 1:
            more = f"; the first {MOST_SHOWN} are shown" if len(entries) > MOST_SHOWN else ""
            texts.append(f"{len(entries)} images of this test failed{more}.\n")
        return "\n".join(texts)


def scored_lines(entries: Sequence[AnyEntry]) -> str:
    """A line for each image that no bound decided: its figure, its name, its prompt, and where it was scored."""
    lines = []
    for entry in entries[:MOST_SCORED]:
        name = f"{entry.id or file_name(entry)} ".lstrip()
        lines.append(for_log(f'{scored(entry)}: {name}"{prompt(entry)[:80]}" ({entry.where})'))
    if len(entries) > MOST_SCORED:
        lines.append(and_more(len(entries) - MOST_SCORED))
    return "\n".join(lines)
