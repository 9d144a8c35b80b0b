"""The order of the tests for pytest-xdist, whose workers begin with equal parts of it and then take from each other.

A worker takes from the end of another one's part. Tests that start processes take long, so that they stand at the
beginnings: a run whose last tests are quick ends for all workers at once. Those with servers of their own wait most of
their time, and are left to half of the workers while the others compute.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, islice
from pathlib import Path

import pytest

BROWSER = "browser"  # a fixture: one for all tests of a folder that need it
STARTS_PROCESSES = {BROWSER, "forks"}
WITH_SERVERS = "vllm"  # a folder


def spread(items: Sequence[pytest.Item], workers: int) -> list[pytest.Item]:
    """Return the tests in an order in which each worker begins with its share of the files that take long."""
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        place = item.path.parent if BROWSER in getattr(item, "fixturenames", ()) else item.path
        files.setdefault(place, []).append(item)
    parts: list[list[pytest.Item]] = [[] for _ in range(workers)]
    half = (workers + 1) // 2
    quick: list[list[pytest.Item]] = []
    for path, tests in sorted(files.items(), key=lambda file: -len(file[1])):
        fixtures = {name for test in tests for name in getattr(test, "fixturenames", ())}
        if not fixtures & STARTS_PROCESSES:
            quick.append(tests)
        else:
            min(parts[:half] if WITH_SERVERS in path.parts else parts[half:] or parts, key=len).extend(tests)
    rest = chain(*reversed(quick))  # of many tests in a file each is the quicker
    for part in parts[:-1]:
        part += islice(rest, max(0, len(items) // workers - len(part)))
    return [*chain(*parts), *rest]
