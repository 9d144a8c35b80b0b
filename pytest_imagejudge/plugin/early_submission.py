"""Tests before they run: the judges that they need, and their rows and marked images, which are submitted."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pytest

from .manifest_items import RowItem
from .options import judge_required
from .refusal import refuse
from .required import missing_judge
from .state import KINDS, Kind, RunState
from .submitting import Submitter

_FIXTURES: dict[str, Kind] = {"image_judge": "image", "edit_judge": "edit"}


def used_kinds(item: pytest.Item) -> set[Kind]:
    """The kinds of judges that a test, or a manifest's row, uses."""
    return {item.kind} if isinstance(item, RowItem) else kinds_by_fixture(item)


def kinds_by_fixture(item: pytest.Item) -> set[Kind]:
    """The kinds of judges whose fixtures a test uses."""
    return {kind for name, kind in _FIXTURES.items() if name in getattr(item, "fixturenames", ())}


def refuse_missing_judges(items: Sequence[pytest.Item], state: RunState) -> None:
    """Refuse each test that needs a judge of a kind that is not configured, if a judge is required."""
    if not judge_required(state.config):
        return
    for kind in KINDS:
        if kind in state.protocols:
            continue
        needing = [item for item in items if kind in used_kinds(item)]
        if words := missing_judge(state.config, kind, needing):
            for item in needing:
                refuse(item, pytest.UsageError(words))


def submit_early(items: Sequence[pytest.Item], state: RunState, submitter: Submitter) -> None:
    """Submit all that is known in advance of ``items``.

    Raises:
        pytest.UsageError: a marker names no image.
    """
    for item in items:
        state.item = item
        if isinstance(item, RowItem):
            if item.judged:
                with contextlib.suppress(Exception):  # it is that row's error, and raised again by the row itself
                    item.submit_early()
        elif state.options.image.configured:
            submitter.submit_marked(item)
    state.item = None
