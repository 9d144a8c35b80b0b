"""The verdict store: a judge's raw answers by content, kept between runs.

One SQLite file, ``answers.sqlite``, in one folder. SQLite rather than a file an answer: five answers an image make
half a million files of 100,000 images, slow to pack into a CI cache and slow on network disks. A rollback journal
rather than a write-ahead log: between writes there is just the one file, it can be copied and cached as it is, read
from a read-only folder, and used over network file systems, where a write-ahead log can't be.

Each entry carries a checksum over its key and content, and an HMAC too where ``IMAGEJUDGE_STORE_KEY`` is set; what
does not match is treated as missing, counted, and overwritten when it has been judged again. Nothing is unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..engines.base import Answer
from ..errors import ConfigError
from ..support.escaping import escape
from ..support.words import plural
from .entry import DamagedError, PixelsRow, Seal, StoredAnswer, StoredRow, UntrustedError
from .sqlite_file import PIXELS_COLUMNS, StoreFile

FILE_NAME = "answers.sqlite"


_MAX_UNSAVED = 64 << 20  # compressed bytes held in memory when the disk takes no more


_MAX_WAITING = 256  # lines of the index that wait for the next answer to be written with


def default_root() -> Path:
    """Where answers are kept when nothing else is said: ``.imagejudge/store`` under the current directory."""
    return Path.cwd() / ".imagejudge" / "store"


def key_of(**deciding: Any) -> str:
    """The key of an answer: SHA-256 (hex) over everything that decides it, as canonical JSON.

    Raises:
        TypeError, ValueError: a value that JSON can't hold, NaN included.
    """
    return hashlib.sha256(_ENCODE(deciding).encode()).hexdigest()


_ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


class _Line:
    """Rows of several threads that wait to be written together."""

    def __init__(self) -> None:
        self.turn = threading.Condition()
        self.rows: list[StoredRow] = []
        self.last = self.done = 0  # numbers of the last put that came, and of the last that is written
        self.writing = False


class Outline(NamedTuple):
    """What pruning needs to know of an entry; ``size`` in bytes, compressed."""

    key: str
    model: str
    stored: float
    size: int


class Store:
    """Raw answers by key, safe for several threads and processes.

    A store that can't be read or written does not stop a run: what is asked for is missing, what is put stays in
    memory, and ``say`` is told once, in one line.

    Attributes:
        root: the folder.
        path: the file in it.
        damaged: entries that were asked for and whose checksum did not match.
        untrusted: the same, without the HMAC that the environment's key asks for, or with a wrong one.
        troubles: what was said, one line each.
    """

    def __init__(self, root: Path | str, *, create: bool = True, say: Callable[[str], None] | None = None) -> None:
        """Use the store in the folder ``root``; unless ``create``, a store that is not there stays so.

        Raises:
            ConfigError: ``root`` is no folder, or holds another program's database or a newer version's.
        """
        self.root = Path(root).absolute()
        self.path = self.root / FILE_NAME
        self.damaged = self.untrusted = 0
        self.troubles: list[str] = []
        self.seal = Seal()
        self._say = say or _to_stderr
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._line = _Line()
        self._unsaved: dict[str, StoredRow] = {}
        self._unsaved_bytes = self._given_up = 0
        self._waiting: dict[str, str] = {}
        with contextlib.suppress(OSError):  # a folder that may not be looked into: said below
            there = next(path for path in (self.root, *self.root.parents) if path.exists())
            if not there.is_dir():
                raise ConfigError(f"the store {escape(self.root)}: {escape(there)} is not a folder")
            if self.path.exists() and not self.path.is_file():
                raise ConfigError(f"the store's {escape(self.path)} is not a file")
        self.file = StoreFile(self.path, create, self._trouble, lambda row: self.read(row) is not None)
        self.file.do(lambda connection: None, None)

    # --- answers

    def get(self, key: str) -> Answer | None:
        """The answer under ``key``, or None where there is none that can be trusted."""
        return self.get_many([key]).get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, Answer]:
        """The answers that are there, by key."""
        entries = map(self.read, self.find(dict.fromkeys(keys)))
        return {entry.key: entry.answer for entry in entries if entry is not None}

    def find(self, keys: Iterable[str]) -> list[StoredRow]:
        """The rows under ``keys``, unchecked."""
        wanted = list(keys)
        with self._guard():
            rows = [self._unsaved[key] for key in wanted if key in self._unsaved]
            rows += map(StoredRow._make, self.file.answers([key for key in wanted if key not in self._unsaved]))
        return rows

    def put(self, key: str, answer: Answer, about: Mapping[str, Any]) -> None:
        """Keep ``answer`` under ``key``, in place of what was there. A disk that is full or read-only raises nothing.

        ``about`` (model, revision, protocol, dimension, prompt, pixels, url, ...) is recorded with it, so that entries
        can be selected by it; it decides nothing.
        """
        self.put_rows([self.seal.row(StoredAnswer(key, answer, about, time.time()))])

    def put_rows(self, rows: Iterable[StoredRow]) -> None:
        """As `put`, for sealed rows; on the disk when it returns. What threads put meanwhile goes together."""
        rows = list(rows)
        self._guard()
        line = self._line
        with line.turn:
            line.rows += rows
            line.last += 1
            mine = line.last
            while line.writing and line.done < mine:
                line.turn.wait()
            if line.done >= mine:
                return  # another thread has written for this one
            line.writing = True
            batch, line.rows, upto = line.rows, [], line.last
        try:
            self._put_now(batch)
        finally:
            with line.turn:
                line.writing, line.done = False, upto
                line.turn.notify_all()

    def _put_now(self, batch: list[StoredRow]) -> None:
        with self._guard():
            written = False
            try:
                written = self._write(batch)
            finally:
                for row in batch if not written else ():
                    self._hold(row)
            if written and self._unsaved:
                self.flush()

    @property
    def unsaved(self) -> int:
        """Answers that the disk has not taken; they are lost at the end, or were too many to be kept till then."""
        return len(self._unsaved) + self._given_up

    def entries(self) -> Iterator[StoredAnswer]:
        """All entries that can be trusted, in the order they were written; those that can't are counted."""
        for row in self.rows():
            entry = self.read(row)
            if entry is not None:
                yield entry

    def rows(self) -> Iterator[StoredRow]:
        """All rows, unchecked, in the order they were written; read in portions."""
        position = -1
        while True:
            with self._guard():
                rows, position = self.file.portion(position)
            if not rows:
                return
            yield from rows

    # --- the index from file bytes to pixels

    def pixels(self, file: Path) -> str | None:
        """What the index keeps of an image file whose bytes were decoded before, or None. Hashes the bytes each time.

        That is the hash of its pixels and, behind a blank, what was found of them.

        Raises:
            ImageError: the file can't be read.
        """
        from ..images.image_file import file_hash

        content = file_hash(file)
        return self.pixels_of([content]).get(content)

    def pixels_of(self, file_hashes: Iterable[str]) -> dict[str, str]:
        """As `pixels`, for several files: what is known, by the SHA-256 (hex) of a file's bytes."""
        names = {_file_key(file_hash): file_hash for file_hash in file_hashes}
        return {names[name]: pixels for name, pixels in self._lines_of(list(names)).items()}

    def _lines_of(self, names: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        with self._guard():
            for row in map(PixelsRow._make, self.file.pixels(names)):
                if self.trusts_pixels(row):
                    found[row.file] = row.pixels
            return found | {name: self._waiting[name] for name in names if name in self._waiting}

    def remember_pixels(self, file_hash: str, line: str) -> None:
        """Record what a file with these bytes decodes to, as `pixels` gives it. Written with the next answer, or by
        `flush`.
        """
        with self._guard():
            self._waiting[_file_key(file_hash)] = line
            if len(self._waiting) >= _MAX_WAITING and not self._write([]):
                self._waiting.clear()  # the disk takes nothing: decoding again is all that is lost

    def trusts_pixels(self, row: PixelsRow) -> bool:
        """Whether a line of the index can be trusted; counted where not."""
        return self._counting(lambda: self.seal.check_pixels(row)) is not _BAD

    def index(self) -> list[PixelsRow]:
        """All lines of the index that can be trusted."""
        query = f"SELECT {PIXELS_COLUMNS} FROM pixels ORDER BY rowid"  # noqa: S608
        none: list[PixelsRow] = []
        with self._guard():
            rows = self.file.do(lambda connection: [PixelsRow(*row) for row in connection.execute(query)], none)
            return [row for row in rows if self.trusts_pixels(row)]

    def add_to_index(self, rows: Sequence[PixelsRow]) -> tuple[int, int]:
        """Add sealed lines to the index but where another can be trusted.

        Returns how many are written, and how many differ from the one that is there.
        """
        with self._guard():
            ours = self._lines_of([row.file for row in rows])
            new = {row.file: row for row in rows if row.file not in ours}
            written = len(new) if new and self.file.write([], new.values()) else 0
        return written, sum(ours.get(row.file, row.pixels) != row.pixels for row in rows)

    # --- making it smaller

    def outline(self) -> list[Outline]:
        """Key, model, time and size of every entry, in the order they were written, unchecked."""
        query = "SELECT key, model, CAST(stored AS REAL), length(body) FROM answers ORDER BY rowid"
        none: list[Outline] = []
        with self._guard():
            return self.file.do(lambda connection: [Outline(*row) for row in connection.execute(query)], none)

    def used_bytes(self) -> int:
        """Bytes of the file that are in use."""

        def used(connection: sqlite3.Connection) -> int:
            pages, free, size = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("page_count", "freelist_count", "page_size")
            )
            return int((pages - free) * size)

        with self._guard():
            return self.file.do(used, 0)

    def remove(self, keys: Iterable[str], index_before: float = 0.0, index_share: float = 0.0) -> bool:
        """Remove entries and give their space back to the disk.

        Of the index go the lines stored before a time, and the oldest ``index_share`` (0 to 1) of what is left.
        """
        wanted = [(key,) for key in keys]
        oldest = "DELETE FROM pixels WHERE rowid IN (SELECT rowid FROM pixels ORDER BY stored LIMIT ?)"

        def delete(connection: sqlite3.Connection) -> bool:
            connection.executemany("DELETE FROM answers WHERE key = ?", wanted)
            connection.execute("DELETE FROM pixels WHERE stored < ?", (index_before,))
            lines = connection.execute("SELECT count(*) FROM pixels").fetchone()[0]
            connection.execute(oldest, (math.ceil(lines * index_share),))
            return True

        with self._guard():
            if not self.file.transaction(delete, False):
                return False
            return self.file.do(lambda connection: bool(connection.execute("VACUUM")), False, write=True)

    # --- keeping

    def flush(self) -> None:
        """Write what is still in memory, if the disk takes it."""
        with self._guard():
            if (self._unsaved or self._waiting) and self._write(self._unsaved.values()):
                self._unsaved.clear()
                self._unsaved_bytes = 0

    def close(self) -> None:
        """Write what is still in memory and close the file; it is opened again if the store is used again."""
        with self._guard():
            self.flush()
            if self.unsaved:
                self._trouble(f"{plural(self.unsaved, 'answer')} could not be saved and will be asked for again")
            self.file.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _guard(self) -> contextlib.AbstractContextManager[Any]:
        """The lock; a fork gets its own, since its parent's may have been held when it forked."""
        if self._pid != os.getpid():
            self._pid, self._lock, self._line = os.getpid(), threading.RLock(), _Line()
        return self._lock

    def read(self, row: StoredRow) -> StoredAnswer | None:
        """The entry of a row, or None, counted, where it is damaged or not to be trusted."""
        entry = self._counting(lambda: self.seal.entry(row))
        return entry if isinstance(entry, StoredAnswer) else None

    def _counting(self, check: Callable[[], Any]) -> Any:
        try:
            return check()
        except DamagedError:
            with self._guard():
                self.damaged += 1
        except UntrustedError:
            with self._guard():
                self.untrusted += 1
        return _BAD

    def _write(self, rows: Iterable[StoredRow]) -> bool:
        now = time.time()
        lines = [self.seal.pixels_row(file, pixels, now) for file, pixels in self._waiting.items()]
        if not self.file.write(rows, lines):
            return False
        self._waiting.clear()
        return True

    def _hold(self, row: StoredRow) -> None:
        """Keep a row that the disk did not take, within bounds: the oldest give way."""
        self._unsaved_bytes += len(row.body) - len(self._unsaved[row.key].body if row.key in self._unsaved else b"")
        self._unsaved[row.key] = row
        while self._unsaved_bytes > _MAX_UNSAVED:
            self._trouble("too many answers could not be saved; the oldest are not kept")
            self._unsaved_bytes -= len(self._unsaved.pop(next(iter(self._unsaved))).body)
            self._given_up += 1

    def _trouble(self, line: str) -> None:
        if line not in self.troubles:
            self.troubles.append(line)
            self._say(f"store: {line}")


_BAD = object()


def _file_key(file_hash: str) -> str:
    from ..images.image_file import CONTENT_RULE, TREATMENT

    # what stood here before there was a rule is not found: such a file is decoded once more
    return f"{file_hash}:{TREATMENT}{CONTENT_RULE}"


def _to_stderr(line: str) -> None:
    print(f"imagejudge: {line}", file=sys.stderr)
