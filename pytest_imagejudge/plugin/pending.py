"""What waits for the end of the tests, on disk: a run that is killed before it is judged loses nothing.

One manifest a process and kind, as ``imagejudge score`` takes it; removed when its rows are judged. What a dead
process left is taken up by the next run.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..support.locks import Hold, is_held

if TYPE_CHECKING:
    from .expectation import Expectation


class Pending:
    """The manifests of this process, and those that others left."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = uuid.uuid4().hex
        self._hold: Hold | None = None  # says that this process lives; process numbers come again
        self._numbers = itertools.count(1)
        self.files: set[Path] = set()

    def add(self, expected: Expectation) -> None:
        """Write down what is expected."""
        row: dict[str, Any] = {"ID": f"{expected.test or 'row'} {next(self._numbers)}"}
        if expected.kind == "edit":
            source, edited = expected.images
            row |= {"source_path": str(source.path), "edited_path": str(edited.path), "instruction": expected.text}
        else:
            row |= {"prompt": expected.text, "image_path": str(expected.images[0].path)}
            row["dimensions"] = list(expected.dimensions)
        if kept := [str(image.path) for image in expected.images if image.kept]:
            row["kept"] = kept
        file = self._folder / f"{self._name}.{expected.kind}.jsonl"
        if self._hold is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._hold = Hold.take(self._folder / f"{self._name}.lock")
        self.files.add(file)
        with file.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(row) + "\n")

    def done(self) -> None:
        """All of it is judged."""
        for file in self.files:
            file.unlink(missing_ok=True)
            _lock_of(file).unlink(missing_ok=True)
        self.files.clear()
        if self._hold is not None:
            self._hold.let_go()
            self._hold = None

    def left(self, kind: str) -> Iterator[Path]:
        """Manifests of ``kind`` whose process is gone."""
        if self._folder.is_dir():
            for file in sorted(self._folder.glob(f"*.{kind}.jsonl")):
                if file not in self.files and not is_held(_lock_of(file)):  # of one's own lock this would let go
                    yield file


def _lock_of(file: Path) -> Path:
    return file.with_name(file.name.partition(".")[0] + ".lock")
