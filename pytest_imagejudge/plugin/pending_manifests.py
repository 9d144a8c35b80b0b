"""Manifests of images and edits that are judged after the last test, so that a killed run loses none.

There is one manifest a process and kind, as ``imagejudge score`` takes it; it is removed once its rows are judged.
The next run judges the manifests that a dead process left.
"""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..inputs.manifest import Row, RowError, read_manifest
from ..support.locks import Hold, is_held
from .expectation import Expectation


class PendingManifests:
    """The manifests of this process, and those that dead processes left.

    Attributes:
        files: manifests whose rows this run is to judge.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._name = uuid.uuid4().hex
        self._hold: Hold | None = None  # says that this process lives; process numbers come again
        self._numbers = itertools.count(1)
        self.files: set[Path] = set()

    def add(self, expected: Expectation) -> None:
        """Write images and edits to be judged into the manifest."""
        row: dict[str, Any] = {"ID": f"{expected.test or 'row'} {next(self._numbers)}"}
        if expected.kind == "edit":
            source, edited = expected.images
            row |= {"source_path": str(source.path), "edited_path": str(edited.path), "instruction": expected.text}
            if len(expected.dimensions) == 1:  # the type, for a judge that asks by it
                row["edit_type"] = expected.dimensions[0]
            if expected.region is not None:
                mask, box = expected.region.mask, expected.region.box
                row |= {"mask": str(mask.path)} if mask else {"box": box}
        else:
            row |= {"prompt": expected.text, "image_path": str(expected.images[0].path)}
            row["dimensions"] = list(expected.dimensions)
        if kept := [str(image.path) for image in expected.files if image.kept]:
            row["kept"] = kept
        file = self._folder / f"{self._name}.{expected.kind}.jsonl"
        if self._hold is None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._hold = Hold.take(self._folder / f"{self._name}.lock")
        self.files.add(file)
        with file.open("a", encoding="utf-8") as handle:
            handle.write(json.dumps(row) + "\n")

    def done(self) -> None:
        """Remove the manifests, all rows of which are judged."""
        for file in self.files:
            file.unlink(missing_ok=True)
            _lock_of(file).unlink(missing_ok=True)
        self.files.clear()
        if self._hold is not None:
            self._hold.let_go()
            self._hold = None

    def any_left(self) -> bool:
        """Tell whether there are manifests before this run has written any."""
        return next(self._folder.glob("*.jsonl"), None) is not None

    def take_up(self, kind: str, submit: Callable[[Sequence[Row]], None], say: Callable[[str], None]) -> None:
        """Submit the rows of ``kind`` that a killed run left, and print that."""
        for file in self._left(kind):
            try:
                rows = list(read_manifest(file)) if file.stat().st_size else []  # empty: killed before it was written
            except (ConfigError, OSError) as error:
                say(f"not judged, from a run that was killed: {error}; delete the file to end this warning")
                continue
            submit([row for row in rows if isinstance(row, Row)])
            for row in rows:
                if isinstance(row, RowError):
                    say(f"not judged, from a run that was killed: {file}: {row}")
            self.files.add(file)
            if rows:
                say(f"judged too, from a run that was killed: {file}")

    def _left(self, kind: str) -> Iterator[Path]:
        """Manifests of ``kind`` whose process is gone."""
        if self._folder.is_dir():
            for file in sorted(self._folder.glob(f"*.{kind}.jsonl")):
                if file not in self.files and not is_held(_lock_of(file)):  # of one's own lock this would let go
                    yield file


def _lock_of(file: Path) -> Path:
    return file.with_name(file.name.partition(".")[0] + ".lock")
