"""Copies of images that this package wrote, and that stay only where a failed test needs them."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from ..report.model import FAILED, EditEntry

if TYPE_CHECKING:
    from .expectation import AnyEntry


class KeptImages:
    """The copies of one run.

    Args:
        spool: folder in which they lie.
        keep: "failed", "all" or "none", as in the ini key ``judge_keep_images``.
    """

    def __init__(self, spool: Path, keep: str) -> None:
        self._spool, self._keep = spool, keep
        self._tests: dict[str, set[str | None] | None] = {}  # by copy: the tests with it; None: its image failed

    def note(self, entry: AnyEntry, *, counts: bool) -> None:
        """Note the copies of an entry's pictures; an entry that does not count needs none."""
        pictures = (
            {entry.source_image, entry.edited_image, entry.mask} if isinstance(entry, EditEntry) else {entry.image}
        )
        for path in (entry.model_extra or {}).pop("kept", ()):
            # a copy is needed where its test failed and the original has changed since
            tests = self._tests.setdefault(path, set())
            if counts and path in pictures and tests is not None:
                tests.add(entry.test)
                self._tests[path] = None if entry.outcome in FAILED else tests

    def delete_unneeded(self, failed_tests: Collection[str | None]) -> None:
        """Delete the copies that neither a failed image nor one of ``failed_tests`` needs."""
        if self._keep == "all" or not self._spool.is_dir():
            return
        for image, tests in self._tests.items():
            if not (self._keep == "failed" and (tests is None or tests.intersection(failed_tests))):
                Path(image).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty: what failed is there, or another run's
            self._spool.rmdir()
