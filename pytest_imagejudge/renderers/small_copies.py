"""Small copies of pictures, made when these are decoded to be judged, for the reports at the end of the run."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import tempfile
import threading
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from ..errors import ImageError
from ..images.image_file import file_hash
from ..images.loading import watching
from ..report.model import VerdictEntry
from .small_pictures import drawn, encoded, fit, side_within

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..report.model import AnyEntry

Paths = tuple[str, ...]  # of one file, or of two for the map of changes between them


Digests = tuple[str, ...]  # SHA-256 of the same files: tests have copies of their pictures judged


_ENOUGH = 0.9  # of the side that a report has room for: a copy that is smaller is made anew


@dataclass(frozen=True, slots=True)
class _Copy:
    """One small copy: its place in a file of copies, and the sides of the picture and of the copy."""

    file: IO[bytes]
    at: int
    length: int
    size: tuple[int, int]  # of the whole picture
    side: int  # the long side of the copy


class SmallCopies:
    """Small copies of the pictures of a run, in a file that vanishes with the process, even when that is killed.

    Pictures come from whichever thread decodes them. A picture is made as large as a report with as many pictures as
    there are so far has room for; a report of more makes it smaller.

    Args:
        budget: bytes for all pictures of a report, as they stand in it (base64).
        folder: where the file lies under a name, so that another process can take it over; None gives it none.
    """

    def __init__(self, budget: int, folder: Path | None = None) -> None:
        self._budget, self._folder = budget, folder
        self._copies: dict[Digests, _Copy] = {}
        self._digests: dict[str, tuple[tuple[int, ...], str]] = {}  # by path: of which version of the file
        self._file: IO[bytes] | None = None
        self._end = 0
        self._full = False  # the disk
        self._process = os.getpid()
        self._lock = threading.Lock()
        self._exit = contextlib.ExitStack()
        self._watch = contextlib.ExitStack()
        self._wanted: queue.SimpleQueue[Paths | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._stopped = False

    def __enter__(self) -> Self:
        self._watch.enter_context(watching(self._see))
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
        self._exit.close()

    def stop(self) -> None:
        """Make no more copies. Safe to call twice."""
        self._stopped = True
        self._watch.close()
        if self._thread is not None:
            self._wanted.put(None)
            self._thread.join()

    # -- making ---------------------------------------------------------------------------------------------

    def _see(self, path: Path, status: os.stat_result, digest: str, picture: Image) -> None:
        if os.getpid() != self._process:
            return  # a fork has the same file
        with contextlib.suppress(Exception):  # a page is no reason to fail an image
            self._digests[os.path.normpath(path)] = _version(status), digest
            self._keep((digest,), picture)

    def _keep(self, digests: Digests, picture: Image) -> None:
        with self._lock:
            if self._full or digests in self._copies:
                return
            share = self._budget * 3 // 4 // (len(self._copies) + 1)
        side = side_within(share, picture.size)
        data = encoded(picture, side)
        with self._lock, contextlib.suppress(OSError):
            file = self._opened()
            self._full = True
            if os.pwrite(file.fileno(), data, self._end) == len(data):
                self._copies[digests] = _Copy(file, self._end, len(data), picture.size, side)
                self._end += len(data)
                self._full = False

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            if self._folder is None:
                file: IO[bytes] = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - stays open
            else:  # goes with its folder
                file = tempfile.NamedTemporaryFile(dir=self._folder, buffering=0, delete=False)  # noqa: SIM115
            self._file = self._exit.enter_context(file)
        return self._file

    def want(self, entry: AnyEntry) -> None:
        """Make the copies for an entry in the background, where judging it has not made them."""
        if self._stopped or entry.error:
            return
        for paths in _pictures_of(entry):
            self._wanted.put(paths)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="imagejudge-copies", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while (paths := self._wanted.get()) is not None:
            if self._stopped or self._found(paths) is not None:
                continue
            with contextlib.suppress(ImageError, OSError):  # said when the report is written
                picture = drawn(paths)  # of one file, watching has made the copy
                if len(paths) > 1:
                    self._keep(self._digests_of(paths), picture)

    # -- using ----------------------------------------------------------------------------------------------

    def within(self, paths: Paths, most: int) -> bytes | None:
        """Return a copy of at most ``most`` bytes, as `fit` makes one of the whole picture.

        Returns None where there is no copy of the files as they are now, or too small a one.
        """
        from PIL import Image

        copy = self._found(paths)
        if copy is None or copy.side < _ENOUGH * side_within(most, copy.size):
            return None
        with contextlib.suppress(OSError):  # the disk: the file itself can still be shown
            data = os.pread(copy.file.fileno(), copy.length, copy.at)
            if copy.length <= most:
                return data
            with Image.open(BytesIO(data), formats=["JPEG"]) as picture:
                side = side_within(most, copy.size)
                picture.draft("RGB", (side, side))
                return fit(picture.convert("RGB"), most)
        return None

    def _found(self, paths: Paths) -> _Copy | None:
        if not self._copies:
            return None
        with contextlib.suppress(ImageError, OSError, ValueError):  # said by whoever reads the file
            return self._copies.get(self._digests_of(paths))
        return None

    def _digests_of(self, paths: Paths) -> Digests:
        """SHA-256 of the files as they are now."""
        found = []
        for path in paths:
            version = _version(os.stat(path))  # noqa: PTH116 - there may be very many
            known = self._digests.get(path)
            if known is None or known[0] != version:
                known = self._digests[path] = version, file_hash(path)
            found.append(known[1])
        return tuple(found)

    # -- from one process to another ------------------------------------------------------------------------

    def hand_over(self) -> str | None:
        """Stop, and return the path of a list of the copies, which `take_over` takes; None where there is none."""
        self.stop()
        if self._file is None or self._folder is None:
            return None
        rows = [(digests, copy.at, copy.length, copy.size, copy.side) for digests, copy in self._copies.items()]
        path = Path(f"{self._file.name}.json")
        listed = {"file": self._file.name, "copies": rows, "digests": self._digests}
        with contextlib.suppress(OSError):
            path.write_text(json.dumps(listed), encoding="utf-8")
            return str(path)
        return None

    def take_over(self, path: str) -> None:
        """Take over the copies of another process, by what its `hand_over` returned, if they are on this machine."""
        with contextlib.suppress(OSError):
            listed = json.loads(Path(path).read_text(encoding="utf-8"))
            file = self._exit.enter_context(Path(listed["file"]).open("rb", buffering=0))  # noqa: SIM115
            for digests, at, length, (width, height), side in listed["copies"]:
                self._copies.setdefault(tuple(digests), _Copy(file, at, length, (width, height), side))
            for name, (version, digest) in listed["digests"].items():
                self._digests.setdefault(name, (tuple(version), digest))


def _version(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _pictures_of(entry: AnyEntry) -> list[Paths]:
    """The files of each picture that a page shows of an entry; a map with the outline of a region is made for it."""
    if isinstance(entry, VerdictEntry):
        names: list[Paths] = [(entry.image,)]
    else:
        names = [(entry.source_image,), (entry.edited_image,)]
        if not entry.mask and not entry.box:
            names.append((entry.source_image, entry.edited_image))
    return [tuple(os.path.abspath(name) for name in some) for some in names if all(some)]  # noqa: PTH100
