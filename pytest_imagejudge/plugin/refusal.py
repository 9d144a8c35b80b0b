"""Refusal of a test with wrong markers."""

from __future__ import annotations

import pytest

from .stash import REFUSAL
from .xdist_types import is_worker


def refuse(item: pytest.Item, error: Exception) -> None:
    """Stop the run for an error of a test; on a worker of xdist, which can't stop it, fail that test."""
    if not is_worker(item.config):
        raise pytest.UsageError(str(error)) from None
    item.stash.setdefault(REFUSAL, str(error))
