"""Export and import of a store's answers as JSON Lines, with their seals."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from ..errors import ConfigError
from ..support.escaping import escape
from ..support.files import whole_file
from ..support.words import plural
from .answer_store import Store
from .entry import DamagedError, PixelsRow, StoredRow, UntrustedError, canonical

EXPORT = "imagejudge-store/1"


_MAX_LINE = 256 << 20  # bytes of one line of an import


_AT_ONCE = 500  # lines that are added together


_MOST_TOLD = 10  # of what was refused, and of what differs


@dataclass
class Import:
    """Counts of an import.

    Attributes:
        added, already, conflicts: answers that were new, that the store had, and that differ from the store's.
        damaged, untrusted: lines that were refused.
        images: lines of the index, from files to pixels, that were new.
    """

    added: int = 0
    already: int = 0
    conflicts: int = 0
    damaged: int = 0
    untrusted: int = 0
    images: int = 0


def export_answers(store: Store, name: str) -> int:
    """Write all answers of ``store`` to the file ``name``, or to standard output where that is ``-``.

    Returns:
        The number of answers written.

    Raises:
        ConfigError: the file can't be written, or the store can't be read as a whole.
    """
    count = 0
    _must_be_whole(store)  # before anything goes into a pipe, from which nothing can be taken back
    with _writing(name) as out:
        out.write(canonical({"schema": EXPORT}) + b"\n")
        for row in store.rows():
            if store.read(row) is None:
                continue
            out.write(b'{"entry":' + row.text() + b"," + _seals(row) + b"}\n")
            count += 1
        for line in store.index():
            out.write(b'{"pixels":' + canonical([line.file, line.pixels, line.stored]) + b"," + _seals(line) + b"}\n")
        _must_be_whole(store)
    return count


def import_answers(store: Store, name: str, found: Import) -> Iterator[str]:
    """Add the answers of the file ``name`` to ``store``, counted in ``found``.

    Yields:
        Lines about refused answers and about answers that differ from the store's, the first few of each.

    Raises:
        ConfigError: the file can't be read, or was not written by `export_answers`.
    """
    rows: list[StoredRow] = []
    lines: list[PixelsRow] = []
    for number, line in _reading(name):
        try:
            data = json.loads(line)
            if not isinstance(data, dict):
                raise DamagedError("not an object")
            if "entry" in data:
                row = store.seal.row_of(canonical(data["entry"]), *_unseal(data))
                store.seal.entry(row)
                rows.append(row)
            elif "pixels" in data:
                file, pixels, stored = data["pixels"]
                index = PixelsRow(file, pixels, stored, *_unseal(data))
                store.seal.check_pixels(index)
                lines.append(index)
            else:
                raise DamagedError("neither an answer nor an image")
        except UntrustedError as error:
            found.untrusted += 1
            yield from _refused(name, number, error, found.untrusted)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            found.damaged += 1
            yield from _refused(name, number, error, found.damaged)
        if len(rows) + len(lines) >= _AT_ONCE:
            yield from _merge(store, rows, lines, found)
            rows.clear()
            lines.clear()
    yield from _merge(store, rows, lines, found)


def _refused(file: str, number: int, error: Exception, count: int) -> Iterator[str]:
    if count <= _MOST_TOLD:
        yield f"{file}, line {number}: {escape(error) or 'damaged'}; left out"


def _must_be_whole(store: Store) -> None:
    """Refuse a store that could not be read as a whole."""
    if store.troubles:
        raise ConfigError(f"{escape(store.path)} could not be read as a whole: the export is not complete")


def _seals(row: StoredRow | PixelsRow) -> bytes:
    return canonical({"mac": row.mac.hex() if row.mac else None, "sum": row.sum.hex()})[1:-1]


def _unseal(data: dict[str, Any]) -> tuple[bytes, bytes | None]:
    mac = data.get("mac")
    return bytes.fromhex(data["sum"]), None if mac is None else bytes.fromhex(mac)


def _merge(store: Store, rows: list[StoredRow], lines: list[PixelsRow], found: Import) -> Iterator[str]:
    """Add answers that the store lacks, and report those that differ; trusted answers of the store stay."""
    ours = {entry.key: entry for row in store.find([row.key for row in rows]) if (entry := store.read(row))}
    new: dict[str, StoredRow] = {}
    for row in rows:
        theirs = store.seal.entry(row)
        have = ours.get(row.key)
        if have is None and row.key in new:
            have = store.seal.entry(new[row.key])
        if have is None:
            new[row.key] = row
            found.added += 1
        elif (have.answer.text, have.answer.finish_reason) == (theirs.answer.text, theirs.answer.finish_reason):
            found.already += 1
        else:
            found.conflicts += 1
            if found.conflicts <= _MOST_TOLD:
                about = escape(" ".join(str(have.about.get(name) or "") for name in ("model", "dimension")))
                yield f"{row.key[:16]} ({about.strip()}) differs from the store's, which is kept"
    if new:
        store.put_rows(new.values())
    written, differ = store.add_to_index(lines)
    found.images += written
    if differ:
        found.conflicts += differ
        yield f"pixels of {plural(differ, 'image')} differ from the store's, which are kept"


@contextlib.contextmanager
def _writing(name: str) -> Iterator[IO[bytes]]:
    """Open a file that is written at once or not at all; ``-`` is stdout, a pipe or a device is written directly."""
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    try:
        with whole_file(Path(name), binary=True) as raw:
            if name.endswith(".gz"):
                with gzip.GzipFile("", "wb", 6, raw, mtime=0) as out:
                    yield out  # type: ignore[misc]
            else:
                yield raw
    except OSError as error:
        raise ConfigError(f"{escape(name)} can't be written: {escape(error)}") from error


def _reading(name: str) -> Iterator[tuple[int, bytes]]:
    """Yield the lines after the first, which names the format, with their numbers."""
    try:
        with contextlib.ExitStack() as stack:
            raw = cast("io.BufferedReader", sys.stdin.buffer if name == "-" else stack.enter_context(open(name, "rb")))  # noqa: PTH123
            packed = raw.peek(2)[:2] == b"\x1f\x8b"
            lines: io.BufferedIOBase = stack.enter_context(gzip.GzipFile(fileobj=raw)) if packed else raw
            _check_head(name, lines.readline(1000))
            number = 1
            while line := lines.readline(_MAX_LINE):
                number += 1
                if line.strip():
                    yield number, line
    except (OSError, EOFError, zlib.error) as error:
        raise ConfigError(f"{escape(name)} can't be read: {escape(error)}") from error


def _check_head(name: str, line: bytes) -> None:
    try:
        found = json.loads(line)["schema"]
    except (ValueError, TypeError, KeyError):
        found = None
    if found != EXPORT:
        what = (
            f'"{escape(found)}"'
            if isinstance(found, str)
            else escape(line[:60].decode("utf-8", "replace")) or "nothing"
        )
        raise ConfigError(f'{escape(name)}, line 1: expected {{"schema":"{EXPORT}"}}, found {what}')
