"""The store's SQLite file: opened, shared between processes, and set aside when it is damaged."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..errors import ConfigError
from ..support.escaping import escape
from ..support.words import plural
from .entry import PixelsRow, StoredRow

SCHEMA = 1


_APPLICATION = 0x494A5331  # "IJS1", in the file's header: tells a store from another program's database


_WAIT_S = 30.0  # for another process's write


_BUSY_WAIT_S = 1.0  # once that was not enough


_AT_ONCE = 500  # names in one question; older SQLite take 999


COLUMNS = ", ".join(StoredRow._fields)


PIXELS_COLUMNS = ", ".join(PixelsRow._fields)


_TABLES = (
    "CREATE TABLE IF NOT EXISTS answers(key TEXT PRIMARY KEY, model TEXT NOT NULL, revision TEXT NOT NULL,"
    " protocol TEXT NOT NULL, dimension TEXT NOT NULL, stored REAL NOT NULL, body BLOB NOT NULL, sum BLOB NOT NULL,"
    " mac BLOB)",
    "CREATE TABLE IF NOT EXISTS pixels(file TEXT PRIMARY KEY, pixels TEXT NOT NULL, stored REAL NOT NULL,"
    " sum BLOB NOT NULL, mac BLOB)",
)


_PUT = f"INSERT OR REPLACE INTO answers({COLUMNS}) VALUES(?,?,?,?,?,?,?,?,?)"


_PUT_PIXELS = f"INSERT OR REPLACE INTO pixels({PIXELS_COLUMNS}) VALUES(?,?,?,?,?)"


T = TypeVar("T")


class StoreFile:
    """An SQLite file whose errors do not stop a run: the first one is reported, and the run goes on.

    The journal is a rollback journal, no write-ahead log: between writes there is just the one file. Callers hold the
    store's lock.
    """

    def __init__(
        self,
        path: Path,
        create: bool,
        trouble: Callable[[str], None],
        good: Callable[[StoredRow], bool],
        lasting: bool = True,
    ) -> None:
        """Use ``path``, made at the first write where ``create``. ``good`` tells intact rows from damaged ones.

        A file that is not ``lasting`` goes with its process: no write waits for the disk.
        """
        self.path = path
        self._lasting = lasting
        self._create = create
        self._trouble = trouble
        self._good = good
        self._connection: sqlite3.Connection | None = None
        self._pid = os.getpid()
        self._inode: int | None = None
        self._wait = _WAIT_S

    def do(self, work: Callable[[sqlite3.Connection], T], default: T, *, write: bool = False) -> T:
        """Return the result of ``work`` on the database; ``default`` where the file is missing or can't be used.

        Raises:
            ConfigError: the file belongs to another program, or to a newer version.
        """
        for last in (False, True):
            try:
                connection = self._connect(write)
                return default if connection is None else work(connection)
            except (sqlite3.Error, UnicodeDecodeError) as failure:
                # SQLite's words for a damaged schema quote it, and may not be text
                error = failure if isinstance(failure, sqlite3.Error) else _damaged("its schema can't be read")
                code = getattr(error, "sqlite_errorcode", None) or 0
                if last or not self._mend(code, error):
                    if code & 0xFF == sqlite3.SQLITE_BUSY:
                        self._wait = _BUSY_WAIT_S
                        self.close()
                    goes_on = "new answers are kept for this run only" if write else "nothing is read from it"
                    self._trouble(f"{escape(self.path)}: {escape(error)}; {goes_on}")
                    return default
            except OSError as error:
                self._trouble(escape(error))
                return default
        return default

    def write(self, rows: Iterable[StoredRow], pixels: Iterable[PixelsRow] = ()) -> bool:
        """Write rows in one transaction; False where they could not be written, and then none is."""
        rows, pixels = list(rows), list(pixels)

        def put(connection: sqlite3.Connection) -> bool:
            connection.executemany(_PUT, rows)
            connection.executemany(_PUT_PIXELS, pixels)
            _check_found(connection, "answers WHERE key", (row.key for row in rows))
            _check_found(connection, "pixels WHERE file", (row.file for row in pixels))
            return True

        return self.transaction(put, False)

    def transaction(self, work: Callable[[sqlite3.Connection], T], default: T) -> T:
        """Run ``work``, which writes, as `do` does, within one transaction."""

        def within(connection: sqlite3.Connection) -> T:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return result

        return self.do(within, default, write=True)

    def answers(self, keys: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return the rows under ``keys``, without checking their seals."""
        return self._select(f"SELECT {COLUMNS} FROM answers WHERE key", keys)  # noqa: S608

    def pixels(self, files: Sequence[str]) -> list[tuple[Any, ...]]:
        """Return the lines of the index for ``files``, without checking their seals."""
        return self._select(f"SELECT {PIXELS_COLUMNS} FROM pixels WHERE file", files)  # noqa: S608

    def has_pixels(self) -> bool:
        """Return True where the index has a line."""
        query = "SELECT EXISTS(SELECT 1 FROM pixels)"
        return self.do(lambda connection: bool(connection.execute(query).fetchone()[0]), False)

    def _select(self, query: str, names: Sequence[str]) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []
        for which, some in _portions(names):
            found += self.do(partial(_fetch, query + which, some), [])
        return found

    def portion(self, after: int) -> tuple[list[StoredRow], int]:
        """Return up to 500 rows beyond a position (-1 is the start), in the order written, and the next position."""
        query = f"SELECT rowid, {COLUMNS} FROM answers WHERE rowid > ? ORDER BY rowid LIMIT 500"  # noqa: S608
        none: list[tuple[Any, ...]] = []
        found = self.do(lambda connection: connection.execute(query, (after,)).fetchall(), none)
        return [StoredRow(*row[1:]) for row in found], found[-1][0] if found else after

    def close(self) -> None:
        """Close the file, which is opened again at the next use."""
        if self._connection is not None and self._pid == os.getpid():
            self._connection.close()
        self._connection = None

    def _connect(self, write: bool) -> sqlite3.Connection | None:
        if self._pid != os.getpid():  # a fork must neither use nor close its parent's connection
            _inherited.append(self._connection)
            self._pid, self._connection = os.getpid(), None
        if self._connection is not None:
            return self._connection
        if not self.path.exists():
            if not write or not self._create:
                return None
            self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=self._wait, isolation_level=None, check_same_thread=False)
        try:
            self._inode = self.path.stat().st_ino
            connection.text_factory = _text
            connection.execute("PRAGMA page_size=8192")  # of a new file: a page holds three answers, not one
            connection.execute("PRAGMA trusted_schema=OFF")
            connection.execute("PRAGMA cell_size_check=ON")
            connection.execute(f"PRAGMA synchronous={'NORMAL' if self._lasting else 'OFF'}")
            if not self._lasting:
                connection.execute("PRAGMA journal_mode=MEMORY")
            self._check_schema(connection)
        except BaseException as error:
            connection.close()
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR:  # our own statements are right
                raise _damaged(str(error)) from error
            raise
        self._connection = connection
        return connection

    def _check_schema(self, connection: sqlite3.Connection) -> None:
        """Make the tables in an empty file; refuse another program's file."""
        header = _header(connection)
        if header[0] != _APPLICATION:
            header = self._make_tables(connection)
        if header[1] != SCHEMA:
            name = escape(self.path)
            raise ConfigError(f"the store {name} was written by a newer version: schema {header[1]}, expected {SCHEMA}")
        for table, columns in (("answers", COLUMNS), ("pixels", PIXELS_COLUMNS)):  # damage may change a column's name
            connection.execute(f"SELECT {columns} FROM {table} LIMIT 0")  # noqa: S608

    def _make_tables(self, connection: sqlite3.Connection) -> tuple[int, int]:
        """Make the tables, unless another process was first, and set the file's header."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            if (header := _header(connection))[0] == _APPLICATION:
                return header
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if {"answers", "pixels"} <= tables:
                raise _damaged("its header is not a store's")
            if tables:
                name = escape(self.path)
                raise ConfigError(f"{name} is a database of another program; expected a store of imagejudge")
            for statement in _TABLES:
                connection.execute(statement)
            connection.execute(f"PRAGMA application_id={_APPLICATION}")
            connection.execute(f"PRAGMA user_version={SCHEMA}")
            connection.execute("COMMIT")
            return _APPLICATION, SCHEMA
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")

    def _mend(self, code: int, error: sqlite3.Error) -> bool:
        """Repair the file after an error where possible; tells whether to try again."""
        if code == sqlite3.SQLITE_READONLY_DBMOVED:  # another process has set the file aside, or it was deleted
            self.close()
            return True
        if code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            try:
                self._set_aside(error)
            except OSError as why:
                self._trouble(f"{escape(self.path)} is damaged and can't be moved aside: {escape(why)}")
                return False
            return True
        return False

    def _set_aside(self, error: sqlite3.Error) -> None:
        """Rename a damaged file, and copy the rows that can still be read into a new one."""
        from filelock import FileLock

        inode = self._inode
        self.close()
        with FileLock(self.path.with_name(".aside.lock"), timeout=_WAIT_S):
            if not self.path.exists() or self.path.stat().st_ino != inode:
                return  # another process was first
            aside = self.path.with_name(f"damaged-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}.sqlite")
            journal = self.path.with_name(self.path.name + "-journal")
            if journal.exists():  # belongs to the damaged file: it must not be played into the fresh one
                journal.replace(aside.with_name(aside.name + "-journal"))
            self.path.replace(aside)
        rows = self._salvage(aside)
        saved = len(rows) if self.write(rows) else 0
        self._trouble(
            f"{escape(self.path)} is damaged ({escape(error)}): moved to {aside.name}; "
            f"{plural(saved, 'answer')} could be saved from it, others will be asked for again"
        )

    def _salvage(self, aside: Path) -> list[StoredRow]:
        """Return the intact rows of a damaged file, read from both ends up to the damage."""
        rows: dict[str, StoredRow] = {}
        for order in ("ASC", "DESC"):
            try:
                source = sqlite3.connect(f"{aside.as_uri()}?mode=ro&immutable=1", uri=True)
                source.text_factory = _text
                try:
                    for found in source.execute(f"SELECT {COLUMNS} FROM answers ORDER BY rowid {order}"):  # noqa: S608
                        row = StoredRow(*found)
                        if self._good(row):
                            rows.setdefault(row.key, row)
                finally:
                    source.close()
            except (sqlite3.Error, UnicodeDecodeError):
                continue
        return list(rows.values())


_inherited: list[sqlite3.Connection | None] = []  # keeps a parent's connections from being closed by its forks


_text = partial(str, encoding="utf-8", errors="replace")  # damage in one column must not hide the others


def _fetch(query: str, names: Sequence[str], connection: sqlite3.Connection) -> list[tuple[Any, ...]]:
    return connection.execute(query, names).fetchall()


def _portions(names: Sequence[str]) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield the end of a query and the names that it asks for, as many as fit into one."""
    for start in range(0, len(names), _AT_ONCE):
        some = names[start : start + _AT_ONCE]
        yield f" IN ({','.join('?' * len(some))})", some


def _check_found(connection: sqlite3.Connection, place: str, names: Iterable[str]) -> None:
    """Look up what was just written: where damage has put the index out of order, some of it is not found."""
    for which, some in _portions(list(set(names))):
        if connection.execute(f"SELECT count(*) FROM {place}{which}", some).fetchone()[0] != len(some):  # noqa: S608
            raise _damaged("its index is out of order")


def _damaged(words: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(words)
    error.sqlite_errorcode = sqlite3.SQLITE_NOTADB
    return error


def _header(connection: sqlite3.Connection) -> tuple[int, int]:
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    return owner, connection.execute("PRAGMA user_version").fetchone()[0]
