"""The answer store: a judge's raw answers by content, kept between runs.

The store is one SQLite file, ``answers.sqlite``, in one folder. With a file an answer, at five answers an image,
100,000 images would make half a million files, slow to pack into a CI cache and slow on network disks. The journal is
a rollback journal, no write-ahead log: between writes there is just the one file, which can be copied and cached as
it is, read from a read-only folder, and used over network file systems, where a write-ahead log can't be.

Each entry has a checksum over its key and content, and an HMAC too where ``IMAGEJUDGE_STORE_KEY`` is set. An entry
that does not match is treated as missing, counted, and overwritten once it is judged again. Nothing is unpickled.
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
from concurrent.futures import Future
from pathlib import Path
from typing import Any, NamedTuple

from ..engines.base import Answer
from ..errors import ConfigError
from ..support.escaping import escape
from ..support.words import plural
from .entry import DamagedError, PixelsRow, Seal, StoredAnswer, StoredRow, UntrustedError
from .sqlite_file import PIXELS_COLUMNS, StoreFile
from .writer import Writer

FILE_NAME = "answers.sqlite"


_MAX_UNSAVED = 64 << 20  # compressed bytes held in memory when the disk takes no more


_MAX_WAITING = 256  # lines of the index that wait for the next answer to be written with


Say = Callable[[str], None]


def default_root() -> Path:
    """Default folder of the store: ``.imagejudge/store`` under the current directory."""
    return Path.cwd() / ".imagejudge" / "store"


def key_of(**deciding: Any) -> str:
    """Return an answer's key: SHA-256 (hex) over the fields that decide the answer, as canonical JSON.

    Raises:
        TypeError, ValueError: a value that JSON can't hold, NaN included.
    """
    return hashlib.sha256(_ENCODE(deciding).encode()).hexdigest()


_ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False).encode


class Outline(NamedTuple):
    """Fields of an entry that pruning needs; ``size`` in bytes, compressed."""

    key: str
    model: str
    stored: float
    size: int


class Store:
    """Raw answers by key, safe for several threads and processes.

    A store that can't be read or written does not stop a run: answers count as missing, new answers stay in memory,
    and ``say`` gets one line.

    Attributes:
        root: the folder.
        path: the file in it.
        damaged: number of entries that were looked up and whose checksum did not match.
        untrusted: number of entries that were looked up and whose HMAC is wrong, or missing though a key is set.
        troubles: the lines given to ``say``.
    """

    def __init__(self, root: Path | str, *, create: bool = True, lasting: bool = True, say: Say | None = None) -> None:
        """Use the store in ``root``, made there only with ``create``; not ``lasting``, it goes with its process.

        Raises:
            ConfigError: ``root`` is no folder, or has a database of another program or of a newer version.
        """
        self.root = Path(root).absolute()
        self.path = self.root / FILE_NAME
        self.damaged = self.untrusted = 0
        self.troubles: list[str] = []
        self.seal = Seal()
        self._say = say or _to_stderr
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._writer = Writer(self._put_now, lasting)
        self._unsaved: dict[str, StoredRow] = {}
        self._unsaved_bytes = self._given_up = 0
        self._waiting: dict[str, str] = {}
        with contextlib.suppress(OSError):  # a folder that may not be looked into: said below
            there = next(path for path in (self.root, *self.root.parents) if path.exists())
            if not there.is_dir():
                raise ConfigError(f"the store {escape(self.root)}: {escape(there)} is not a folder")
            if self.path.exists() and not self.path.is_file():
                raise ConfigError(f"the store's {escape(self.path)} is not a file")
        self.file = StoreFile(self.path, create, self._trouble, lambda row: self.read(row) is not None, lasting)
        self.file.do(lambda connection: None, None)

    # --- answers

    def get(self, key: str) -> Answer | None:
        """The answer under ``key``, or None where there is none that can be trusted."""
        return self.get_many([key]).get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, Answer]:
        """Return the stored answers by key; keys without an answer are absent."""
        return {key: entry.answer for key, entry in self.entries_of(keys).items()}

    def entries_of(self, keys: Iterable[str]) -> dict[str, StoredAnswer]:
        """Return stored answers as `get_many` does, with all that is stored beside each."""
        entries = map(self.read, self.find(dict.fromkeys(keys)))
        return {entry.key: entry for entry in entries if entry is not None}

    def find(self, keys: Iterable[str]) -> list[StoredRow]:
        """Return the rows under ``keys``, without checking their seals."""
        wanted = list(keys)
        guard = self._guard()
        found = {row.key: row for row in self._writer.pending(wanted)}  # before the file: it may get there meanwhile
        with guard:
            found |= {key: self._unsaved[key] for key in wanted if key in self._unsaved and key not in found}
            rows = list(map(StoredRow._make, self.file.answers([key for key in wanted if key not in found])))
        return [*found.values(), *rows]

    def put(self, key: str, answer: Answer, about: Mapping[str, Any]) -> None:
        """Store ``answer`` under ``key``, in place of an earlier one. A disk that is full or read-only raises nothing.

        ``about`` (model, revision, protocol, dimension, prompt, pixels, url, ...) is recorded to select entries by, and
        is no part of the key.
        """
        self.put_rows([self.seal.row(StoredAnswer(key, answer, about, time.time()))])

    def hand_over(self, key: str, answer: Answer, about: Mapping[str, Any]) -> Future[None]:
        """As `put`, without waiting: readable from now on; done once on the disk, or at once if it is not to last."""
        return self._add([self.seal.row(StoredAnswer(key, answer, about, time.time()))], later=True)

    def put_rows(self, rows: Iterable[StoredRow]) -> None:
        """Store sealed rows as `put` does; return once they are on the disk. Several threads' rows go together."""
        self._add(rows).result()

    def _add(self, rows: Iterable[StoredRow], *, later: bool = False) -> Future[None]:
        self._guard()
        return self._writer.add(rows, later=later)

    def _put_now(self, batch: list[StoredRow]) -> None:
        """Write a batch, in the writer's thread; what the disk does not take is held in memory."""
        with self._guard():
            written = False
            try:
                written = self._write(batch)
            finally:
                for row in batch if not written else ():
                    self._hold(row)
            if written and self._unsaved:
                self._flush_held()

    @property
    def unsaved(self) -> int:
        """Number of answers that could not be written: kept in memory, or dropped because there were too many."""
        return len(self._unsaved) + self._given_up

    def entries(self) -> Iterator[StoredAnswer]:
        """Yield all entries that can be trusted, in the order they were written; others are counted."""
        for row in self.rows():
            entry = self.read(row)
            if entry is not None:
                yield entry

    def rows(self) -> Iterator[StoredRow]:
        """Yield all rows without checking their seals, in the order they were written; they are read in portions."""
        self._drain()
        position = -1
        while True:
            with self._guard():
                rows, position = self.file.portion(position)
            if not rows:
                return
            yield from rows

    # --- the index from file bytes to pixels

    def pixels(self, file: Path) -> str | None:
        """Return the index's line on an image file whose bytes were decoded before, or None. Hashes the bytes.

        The line is the hash of the pixels and, after a blank, the finding on them.

        Raises:
            ImageError: the file can't be read.
        """
        from ..images.image_file import file_hash

        content = file_hash(file)
        return self.pixels_of([content]).get(content)

    def pixels_of(self, file_hashes: Iterable[str]) -> dict[str, str]:
        """Return the known pixel hashes of several files, by the SHA-256 (hex) of a file's bytes."""
        names = {_file_key(file_hash): file_hash for file_hash in file_hashes}
        return {names[name]: pixels for name, pixels in self._lines_of(list(names)).items()}

    def knows_pixels(self) -> bool:
        """Return False where the index is empty, as in a new store: then no file need be hashed to look there."""
        with self._guard():
            return bool(self._waiting) or self.file.has_pixels()

    def _lines_of(self, names: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        with self._guard():
            for row in map(PixelsRow._make, self.file.pixels(names)):
                if self.trusts_pixels(row):
                    found[row.file] = row.pixels
            return found | {name: self._waiting[name] for name in names if name in self._waiting}

    def remember_pixels(self, file_hash: str, line: str) -> None:
        """Record the index's line on a file's bytes, as in `pixels`; written with the next answer, or by `flush`."""
        with self._guard():
            self._waiting[_file_key(file_hash)] = line
            if len(self._waiting) >= _MAX_WAITING and not self._write([]):
                self._waiting.clear()  # the disk takes nothing: decoding again is all that is lost

    def trusts_pixels(self, row: PixelsRow) -> bool:
        """Tell whether a line of the index can be trusted; others are counted."""
        return self._counting(lambda: self.seal.check_pixels(row)) is not _BAD

    def index(self) -> list[PixelsRow]:
        """Yield all lines of the index that can be trusted."""
        query = f"SELECT {PIXELS_COLUMNS} FROM pixels ORDER BY rowid"  # noqa: S608
        none: list[PixelsRow] = []
        with self._guard():
            rows = self.file.do(lambda connection: [PixelsRow(*row) for row in connection.execute(query)], none)
            return [row for row in rows if self.trusts_pixels(row)]

    def add_to_index(self, rows: Sequence[PixelsRow]) -> tuple[int, int]:
        """Add sealed lines to the index, except where it has one that can be trusted.

        Returns the number of lines written, and the number of lines that differ from the index's own.
        """
        with self._guard():
            ours = self._lines_of([row.file for row in rows])
            new = {row.file: row for row in rows if row.file not in ours}
            written = len(new) if new and self.file.write([], new.values()) else 0
        return written, sum(ours.get(row.file, row.pixels) != row.pixels for row in rows)

    # --- making it smaller

    def outline(self) -> list[Outline]:
        """Return key, model, time and size of every entry, in the order they were written, without checking seals."""
        query = "SELECT key, model, CAST(stored AS REAL), length(body) FROM answers ORDER BY rowid"
        none: list[Outline] = []
        with self._guard():
            return self.file.do(lambda connection: [Outline(*row) for row in connection.execute(query)], none)

    def used_bytes(self) -> int:
        """Number of the file's bytes that are in use."""

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

        Lines of the index that were stored before a time go too, and of the others the oldest ``index_share`` (0 to 1).
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
        """Write rows that are still in memory, if the disk takes them."""
        self._drain()
        self._flush_held()

    def _drain(self) -> None:
        self._guard()
        self._writer.drain()

    def _flush_held(self) -> None:
        with self._guard():
            if (self._unsaved or self._waiting) and self._write(self._unsaved.values()):
                self._unsaved.clear()
                self._unsaved_bytes = 0

    def close(self) -> None:
        """Write rows that are still in memory and close the file, which is opened again at the next use."""
        self.flush()  # without the lock, which the writer needs
        with self._guard():
            if self.unsaved:
                self._trouble(f"{plural(self.unsaved, 'answer')} could not be saved and will be asked for again")
            self.file.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _guard(self) -> contextlib.AbstractContextManager[Any]:
        """Return the process's lock; a forked process gets a new one, since the parent's may have been locked."""
        if self._pid != os.getpid():
            self._pid, self._lock, self._writer = os.getpid(), threading.RLock(), self._writer.renewed()
        return self._lock

    def read(self, row: StoredRow) -> StoredAnswer | None:
        """Return the entry of a row, or None where it is damaged or can't be trusted, which is counted."""
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
        """Keep a row that could not be written in memory; beyond a limit the oldest are dropped."""
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
