"""Submission, before the first test runs, of manifests' rows and of images that markers name."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pytest

from .manifest_items import RowItem
from .state import RunState
from .submitting import Submitter


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
