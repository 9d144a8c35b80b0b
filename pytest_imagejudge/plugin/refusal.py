"""Refusal of a test with wrong markers. Loaded with the plugin, and light."""

from __future__ import annotations

import pytest

from .xdist_types import is_worker

_REFUSAL = pytest.StashKey[str]()  # of an item


def refuse(item: pytest.Item, error: Exception) -> None:
    """Stop for what is wrong with a test; on a worker of xdist, which cannot say it, let that test say it."""
    if not is_worker(item.config):
        raise pytest.UsageError(str(error)) from None
    item.stash.setdefault(_REFUSAL, str(error))


def refusal(item: pytest.Item) -> str:
    """The reason why ``item`` was refused; empty where it was not."""
    return item.stash.get(_REFUSAL, "")
