"""Records of earlier runs, by their tests: whether they needed the judge, and the GPU memory that they left free."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..support.files import whole_file

FILE_NAME = "last-starts.json"
MOST = 64  # records, the newest


@dataclass
class StartRecord:
    """One kind of judge in the last run of the same tests.

    Attributes:
        answered: True where the store answered all, so that no judge was needed.
        free: the least bytes of each GPU, by name, that were free until the judge started beside the tests; empty
            where that is not known.
        at: when the run ended, in seconds since 1970.
    """

    answered: bool = False
    free: dict[str, int] = field(default_factory=dict)
    at: float = field(default_factory=time.time)


class StartRecords:
    """The records of a store's folder. A file that can't be read or written is none: a judge then starts later.

    Args:
        store: the folder; None where nothing is kept.
    """

    def __init__(self, store: Path | None) -> None:
        self._file = None if store is None else store / FILE_NAME

    def get(self, tests: str) -> StartRecord:
        """Return the record of ``tests``, a digest; an empty one where there is none."""
        return self._read().get(tests) or StartRecord()

    def put(self, records: dict[str, StartRecord]) -> None:
        """Add ``records`` by the digests of their tests, in place of older ones."""
        if self._file is None or not records:
            return
        together = sorted((self._read() | records).items(), key=lambda item: item[1].at)[-MOST:]
        with contextlib.suppress(OSError), whole_file(self._file) as file:
            json.dump({tests: asdict(record) for tests, record in together}, file, indent=1)
            file.write("\n")

    def _read(self) -> dict[str, StartRecord]:
        if self._file is None:
            return {}
        try:
            found: dict[str, Any] = json.loads(self._file.read_text(encoding="utf-8"))
            return {tests: _record(fields) for tests, fields in found.items()}
        except (OSError, LookupError, ValueError, TypeError, AttributeError):
            return {}


def _record(fields: dict[str, Any]) -> StartRecord:
    """Make a record of a file's data.

    Raises:
        TypeError, ValueError: it is none.
    """
    free = {str(name): int(count) for name, count in dict(fields["free"]).items()}
    return StartRecord(fields["answered"] is True, free, float(fields["at"]))
