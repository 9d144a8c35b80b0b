"""The environment of this process, as it can be read while other threads change it."""

from __future__ import annotations

import os


def environment() -> dict[str, str]:
    """Return a copy of the environment variables.

    pytest sets and deletes ``PYTEST_CURRENT_TEST`` around each phase of a test, in its own thread. `os.environ.items`
    and `os.environ.copy` look each name up after they have listed the names, so that in another thread they raise
    KeyError now and then.
    """
    return {name: value for name in os.environ if (value := os.environ.get(name)) is not None}
