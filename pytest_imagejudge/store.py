"""The verdict store: a judge's raw answers by content, kept between runs.

One SQLite file, ``answers.sqlite``, in one folder. SQLite rather than a file an answer: five answers an image make
half a million files of 100,000 images, slow to pack into a CI cache and slow on network disks. A rollback journal
rather than a write-ahead log: between writes there is just the one file, it can be copied and cached as it is, read
from a read-only folder, and used over network file systems, where a write-ahead log can't be.

Each entry carries a checksum over its key and content, and an HMAC too where ``IMAGEJUDGE_STORE_KEY`` is set; what
does not match is treated as missing, counted, and overwritten when it has been judged again. Nothing is unpickled.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sqlite3
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from .engines.base import Answer
from .errors import ConfigError
from .untrusted import escape

FILE_NAME = "answers.sqlite"
KEY_VARIABLE = "IMAGEJUDGE_STORE_KEY"  # secret of the HMAC; never an option, so never in a log
SCHEMA = 1
_APPLICATION = 0x494A5331  # "IJS1", in the file's header: tells a store from another program's database
_WAIT = 30.0  # seconds for another process's write
_MAX_BODY = 64 << 20  # bytes of an entry's text, checked while it is unpacked
_MAX_UNSAVED = 64 << 20  # bytes held in memory when the disk takes no more
_COLUMNS = "key, model, revision, protocol, dimension, stored, body, sum, mac"
_TABLES = """
CREATE TABLE IF NOT EXISTS answers(key TEXT PRIMARY KEY, model TEXT NOT NULL, revision TEXT NOT NULL,
  protocol TEXT NOT NULL, dimension TEXT NOT NULL, stored REAL NOT NULL, body BLOB NOT NULL, sum BLOB NOT NULL, mac BLOB);
CREATE TABLE IF NOT EXISTS pixels(file TEXT PRIMARY KEY, pixels TEXT NOT NULL, sum BLOB NOT NULL, mac BLOB);
"""


def default_root() -> Path:
    """Where answers are kept when nothing else is said: ``.imagejudge/store`` under the current directory."""
    return Path.cwd() / ".imagejudge" / "store"


def key_of(**deciding: Any) -> str:
    """The key of an answer: SHA-256 (hex) over everything that decides it, as canonical JSON.

    Raises:
        TypeError, ValueError: a value that JSON can't hold, NaN included.
    """
    text = json.dumps(deciding, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Entry:
    """One stored answer: its key, the answer, what it is about, and when it was stored (seconds since 1970)."""

    key: str
    answer: Answer
    about: Mapping[str, Any]
    stored: float


class Store:
    """Raw answers by key, safe for several threads and processes.

    A store that can't be read or written does not stop a run: what is asked for is missing, what is put stays in
    memory, and ``say`` is told once, in one line.

    Attributes:
        root: the folder.
        hits, misses: of `get` and `get_many`, in this process.
        damaged: entries whose checksum did not match.
        untrusted: entries without the HMAC that the environment's key asks for, or with a wrong one.
        troubles: what was said, one line each.
    """

    def __init__(self, root: Path | str, *, create: bool = True, say: Callable[[str], None] | None = None) -> None:
        """Use the store in the folder ``root``; unless ``create``, a store that is not there stays so.

        Raises:
            ConfigError: ``root`` is no folder, or holds another program's database or a newer version's.
        """
        self.root = Path(os.path.abspath(root))  # noqa: PTH100  (later changes of directory don't move it)
        self.path = self.root / FILE_NAME
        self.hits = self.misses = self.damaged = self.untrusted = 0
        self.troubles: list[str] = []
        self._create = create
        self._say = say or _to_stderr
        secret = os.environ.get(KEY_VARIABLE, "")
        self._secret = secret.encode("utf-8", "surrogateescape") if secret else None
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._pid = os.getpid()
        self._inode: int | None = None
        self._unsaved: dict[str, _Row] = {}
        self._unsaved_pixels: dict[str, str] = {}
        self._unsaved_bytes = 0
        if self.root.exists() and not self.root.is_dir():
            raise ConfigError(f"the store {escape(self.root)} is a file; expected a folder")
        if self.path.is_dir():
            raise ConfigError(f"the store's file {escape(self.path)} is a folder; expected a file or nothing")
        self._do(lambda connection: None, None)

    # --- answers

    def get(self, key: str) -> Answer | None:
        """The answer under ``key``, or None where there is none that can be trusted."""
        return self.get_many([key]).get(key)

    def get_many(self, keys: Iterable[str]) -> dict[str, Answer]:
        """The answers that are there, by key."""
        wanted = list(dict.fromkeys(keys))
        found: dict[str, Answer] = {}
        with self._lock:
            rows = [self._unsaved[key] for key in wanted if key in self._unsaved]
            for start in range(0, len(wanted), 500):
                chunk = [key for key in wanted[start : start + 500] if key not in self._unsaved]
                marks = ",".join("?" * len(chunk))
                query = f"SELECT {_COLUMNS} FROM answers WHERE key IN ({marks})"  # noqa: S608  (marks are "?")
                rows += self._do(lambda connection, q=query, c=chunk: connection.execute(q, c).fetchall(), [])
            for row in rows:
                entry = self._read(row)
                if entry is not None:
                    found[entry.key] = entry.answer
            self.hits += len(found)
            self.misses += len(wanted) - len(found)
        return found

    def put(self, key: str, answer: Answer, about: Mapping[str, Any]) -> None:
        """Keep ``answer`` under ``key``; ``about`` (model, revision, protocol, dimension, prompt, pixels, url, ...) is
        recorded with it, for `entries` and pruning, and decides nothing. Replaces what was there. Never raises for a
        disk that is full or read-only."""
        row = self._row(Entry(key, answer, about, time.time()))
        with self._lock:
            if not self._insert([row]):
                self._hold(row)
            elif self._unsaved:
                self.flush()

    def entries(self) -> Iterator[Entry]:
        """All entries that can be trusted, the oldest first; read in portions."""
        last = (-1.0, "")
        while True:
            query = f"SELECT {_COLUMNS} FROM answers WHERE (stored, key) > (?, ?) ORDER BY stored, key LIMIT 500"
            rows: list[_Row] = self._do(lambda connection, l=last, q=query: connection.execute(q, l).fetchall(), [])
            if not rows:
                return
            for row in rows:
                with self._lock:
                    entry = self._read(row)
                if entry is not None:
                    yield entry
            last = (rows[-1][5], rows[-1][0])

    # --- the index from file bytes to pixels

    def pixels(self, file: Path) -> str | None:
        """The pixel hash of an image file whose bytes were decoded before, or None. Hashes the bytes each time.

        Raises:
            ImageError: the file can't be read.
        """
        from .images import file_hash

        return self.pixels_of(file_hash(file))

    def pixels_of(self, file_hash: str) -> str | None:
        """As `pixels`, for the SHA-256 (hex) of a file's bytes."""
        name = _file_key(file_hash)
        with self._lock:
            if name in self._unsaved_pixels:
                return self._unsaved_pixels[name]
            query = "SELECT pixels, sum, mac FROM pixels WHERE file = ?"
            row = self._do(lambda connection: connection.execute(query, (name,)).fetchone(), None)
            if row is None or not self._genuine(f"pixels\n{name}\n{row[0]}".encode("utf-8", "replace"), row[1], row[2]):
                return None
            return str(row[0])

    def remember_pixels(self, file_hash: str, pixel_hash: str) -> None:
        """Record that a file with these bytes decodes to these pixels. Written with the next answer, or by `flush`."""
        with self._lock:
            self._unsaved_pixels[_file_key(file_hash)] = pixel_hash
            if len(self._unsaved_pixels) >= 256:
                self.flush()

    # --- keeping

    def flush(self) -> None:
        """Write what is still in memory, if the disk takes it."""
        with self._lock:
            if (self._unsaved or self._unsaved_pixels) and self._insert(list(self._unsaved.values())):
                self._unsaved.clear()
                self._unsaved_bytes = 0

    def close(self) -> None:
        """Write what is still in memory and close the file; the store opens it again if it is used again."""
        with self._lock:
            self.flush()
            if self._unsaved:
                self._trouble(f"{len(self._unsaved)} answers could not be saved and will be asked for again")
            self._disconnect()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # --- rows

    def _row(self, entry: Entry) -> _Row:
        text = _text(entry)
        about = entry.about
        columns = (str(about.get(name) or "") for name in ("model", "revision", "protocol", "dimension"))
        safe = (value.encode("utf-8", "replace").decode() for value in columns)
        return (entry.key, *safe, entry.stored, zlib.compress(text, 3), *self._seal(b"answer\n" + text))  # type: ignore[return-value]

    def _read(self, row: _Row) -> Entry | None:
        """The entry of a row, or None, counted, where it is damaged or not to be trusted."""
        try:
            unpacker = zlib.decompressobj()
            text = unpacker.decompress(row[6], _MAX_BODY)
            if not unpacker.eof:
                raise ValueError("longer than an entry may be")
            if not self._genuine(b"answer\n" + text, row[7], row[8]):
                return None
            entry = _entry(json.loads(text))
            if entry.key != row[0]:
                raise ValueError("under another key")
        except (zlib.error, ValueError, TypeError, KeyError, RecursionError):
            self.damaged += 1
            return None
        return entry

    def _seal(self, content: bytes) -> tuple[bytes, bytes | None]:
        mac = hmac.digest(self._secret, content, "sha256") if self._secret else None
        return hashlib.sha256(content).digest(), mac

    def _genuine(self, content: bytes, checksum: Any, mac: Any) -> bool:
        """Whether checksum and, where a key is set, HMAC match; counts it where not."""
        expected, expected_mac = self._seal(content)
        if checksum != expected:
            self.damaged += 1
            return False
        if expected_mac is not None and not (isinstance(mac, bytes) and hmac.compare_digest(mac, expected_mac)):
            self.untrusted += 1
            return False
        return True

    def _insert(self, rows: list[_Row]) -> bool:
        """Write rows, and the index's that wait, in one transaction; False where the disk does not take them."""
        pixels = [
            (name, value, *self._seal(f"pixels\n{name}\n{value}".encode()))
            for name, value in self._unsaved_pixels.items()
        ]

        def work(connection: sqlite3.Connection) -> bool:
            connection.execute("BEGIN IMMEDIATE")
            try:
                connection.executemany(f"INSERT OR REPLACE INTO answers({_COLUMNS}) VALUES(?,?,?,?,?,?,?,?,?)", rows)
                connection.executemany("INSERT OR REPLACE INTO pixels(file, pixels, sum, mac) VALUES(?,?,?,?)", pixels)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return True

        if not self._do(work, False, write=True):
            return False
        self._unsaved_pixels.clear()
        return True

    def _hold(self, row: _Row) -> None:
        """Keep a row that the disk did not take, within bounds: the oldest give way."""
        self._unsaved[row[0]] = row
        self._unsaved_bytes += len(row[6])
        while self._unsaved_bytes > _MAX_UNSAVED:
            oldest = next(iter(self._unsaved))
            self._unsaved_bytes -= len(self._unsaved.pop(oldest)[6])

    # --- the database

    def _do(self, work: Callable[[sqlite3.Connection], Any], default: Any, *, write: bool = False) -> Any:
        """Run ``work`` on the database; ``default``, with one line said, where it can't be used."""
        with self._lock:
            for last in (False, True):
                try:
                    connection = self._connect(write)
                    return default if connection is None else work(connection)
                except sqlite3.Error as error:
                    code = getattr(error, "sqlite_errorcode", None) or 0
                    if code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) and not last:
                        self._set_aside(error)
                    elif code == sqlite3.SQLITE_READONLY_DBMOVED and not last:
                        self._disconnect()  # another process has set the file aside, or it was deleted
                    else:
                        self._trouble(_why(error, self.path, write=write))
                        return default
                except OSError as error:
                    self._trouble(f"{escape(self.path)}: {escape(error)}")
                    return default
            return default

    def _connect(self, write: bool) -> sqlite3.Connection | None:
        if self._pid != os.getpid():  # a fork must not use its parent's connection
            self._pid, self._connection, self._lock = os.getpid(), None, threading.RLock()
        if self._connection is not None:
            return self._connection
        if not self.path.exists():
            if not write or not self._create:
                return None
            self.root.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=_WAIT, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute("PRAGMA cell_size_check=ON")
            connection.execute("PRAGMA synchronous=NORMAL")
            self._check_schema(connection)
            self._inode = self.path.stat().st_ino
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        return connection

    def _check_schema(self, connection: sqlite3.Connection) -> None:
        owner, version = _header(connection)
        if (owner, version) == (_APPLICATION, SCHEMA):
            return
        name = escape(self.path)
        if owner == _APPLICATION and version > SCHEMA:
            raise ConfigError(f"the store {name} was written by a newer version (schema {version}, here {SCHEMA})")
        if owner != _APPLICATION and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise ConfigError(f"{name} is a database of another program; expected a store of imagejudge")
        connection.execute("BEGIN IMMEDIATE")
        for statement in filter(str.strip, _TABLES.split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id={_APPLICATION}")
        connection.execute(f"PRAGMA user_version={SCHEMA}")
        connection.execute("COMMIT")

    def _disconnect(self) -> None:
        if self._connection is not None and self._pid == os.getpid():
            self._connection.close()
        self._connection = None

    def _set_aside(self, error: sqlite3.Error) -> None:
        """Move a database that SQLite can't read out of the way; what can still be read of it goes into a fresh one."""
        from filelock import FileLock

        inode = self._inode if self._connection is not None else self.path.stat().st_ino
        self._disconnect()
        with FileLock(self.root / ".aside.lock", timeout=_WAIT):
            if not self.path.exists() or self.path.stat().st_ino != inode:
                return  # another process was first
            aside = self.root / f"damaged-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.sqlite"
            journal = self.path.with_name(FILE_NAME + "-journal")
            if journal.exists():  # belongs to the damaged file: it must not be played into the fresh one
                journal.replace(aside.with_name(aside.name + "-journal"))
            self.path.replace(aside)
        saved = self._salvage(aside)
        self._trouble(
            f"{escape(self.path)} is damaged ({escape(error)}): moved to {aside.name}, "
            f"{saved} answers saved from it, the rest will be asked for again"
        )

    def _salvage(self, aside: Path) -> int:
        """Copy the rows whose checksum holds from a damaged file into the present one; returns how many."""
        rows: dict[str, _Row] = {}
        for order in ("ASC", "DESC"):  # each reads as far as the damage
            try:
                source = sqlite3.connect(f"{aside.as_uri()}?mode=ro&immutable=1", uri=True)
                try:
                    query = f"SELECT {_COLUMNS} FROM answers ORDER BY rowid {order}"
                    for row in source.execute(query):
                        if self._read(row) is not None:
                            rows.setdefault(row[0], row)
                finally:
                    source.close()
            except sqlite3.Error:
                continue
        return len(rows) if rows and self._insert(list(rows.values())) else 0

    def _trouble(self, line: str) -> None:
        if line not in self.troubles:
            self.troubles.append(line)
            self._say(f"store: {line}")


_Row = tuple[str, str, str, str, str, float, bytes, bytes, bytes | None]  # of _COLUMNS


def _file_key(file_hash: str) -> str:
    from .images import TREATMENT

    return f"{file_hash}:{TREATMENT}"


def _text(entry: Entry) -> bytes:
    """What the checksum covers: the entry as canonical JSON, in ASCII."""
    data = {"about": dict(entry.about), "answer": asdict(entry.answer), "key": entry.key, "stored": entry.stored}
    return json.dumps(data, sort_keys=True, separators=(",", ":"), default=str).encode()


def _entry(data: dict[str, Any]) -> Entry:
    """An entry from what `_text` wrote. Fields that a later version added are left out.

    Raises:
        KeyError, TypeError, ValueError: it is not one.
    """
    given = data["answer"]
    values: dict[str, Any] = {}
    for field in fields(Answer):
        if field.name not in given:
            continue
        value = given[field.name]
        if field.name == "notes":
            value = tuple(str(note) for note in value)
        elif field.name == "finish_reason":
            if value is not None and not isinstance(value, str):
                raise TypeError(field.name)
        elif type(value) is not (int if field.name.endswith("tokens") else str):
            raise TypeError(field.name)
        values[field.name] = value
    if not isinstance(data["key"], str) or not isinstance(data["about"], dict):
        raise TypeError("key or about")
    return Entry(data["key"], Answer(**values), data["about"], float(data["stored"]))


def _header(connection: sqlite3.Connection) -> tuple[int, int]:
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    return owner, connection.execute("PRAGMA user_version").fetchone()[0]


def _why(error: sqlite3.Error, path: Path, *, write: bool) -> str:
    goes_on = "new answers are kept for this run only" if write else "nothing is read from it"
    return f"{escape(path)}: {escape(error)}; {goes_on}"


def _to_stderr(line: str) -> None:
    print(f"imagejudge: {line}", file=sys.stderr)
