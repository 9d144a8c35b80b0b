"""Export and import of a store's answers as JSON Lines, with their seals."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import sys
import uuid
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from ..commands.printing import note
from ..errors import ConfigError
from ..support.escaping import escape
from ..support.words import plural
from .answer_store import Store
from .entry import PixelsRow, Row, canonical

EXPORT = "imagejudge-store/1"


_MAX_LINE = 256 << 20  # bytes of one line of an import


def must_be_whole(store: Store) -> None:
    """Half a store must not pass for one."""
    if store.troubles:
        raise ConfigError(f"{escape(store.path)} could not be read as a whole: the export is not complete")


def seals_json(row: Row | PixelsRow) -> bytes:
    """Checksum and HMAC of a row as JSON, without the braces."""
    return canonical({"mac": row.mac.hex() if row.mac else None, "sum": row.sum.hex()})[1:-1]


def merge_rows(store: Store, rows: list[Row], lines: list[PixelsRow], counts: dict[str, int]) -> None:
    """Add what is not there; what is there and can be trusted stays."""
    ours = {entry.key: entry for row in store.find([row.key for row in rows]) if (entry := store.read(row))}
    new: dict[str, Row] = {}
    for row in rows:
        theirs = store.seal.entry(row)
        have = ours.get(row.key)
        if have is None and row.key in new:
            have = store.seal.entry(new[row.key])
        if have is None:
            new[row.key] = row
            counts["added"] += 1
        elif (have.answer.text, have.answer.finish_reason) == (theirs.answer.text, theirs.answer.finish_reason):
            counts["already"] += 1
        else:
            counts["conflicts"] += 1
            if counts["conflicts"] <= 10:
                about = escape(" ".join(str(have.about.get(name) or "") for name in ("model", "dimension")))
                note(f"{row.key[:16]} ({about.strip()}) differs from ours; ours kept")
    if new:
        store.put_rows(new.values())
    written, differ = store.add_to_index(lines)
    counts["images"] += written
    if differ:
        counts["conflicts"] += differ
        note(f"pixels of {plural(differ, 'image')} differ from ours; ours kept")


def read_seals(data: dict[str, Any]) -> tuple[bytes, bytes | None]:
    """Checksum and HMAC of an imported row; the HMAC is None where it has none."""
    mac = data.get("mac")
    return bytes.fromhex(data["sum"]), None if mac is None else bytes.fromhex(mac)


@contextlib.contextmanager
def open_export(name: str) -> Iterator[IO[bytes]]:
    """A file that is there whole or not at all; ``-`` is stdout, and a pipe or a device is written as it is."""
    if name == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    straight = os.path.exists(name) and not os.path.isfile(name)  # noqa: PTH110, PTH113
    path = Path(name if straight else os.path.realpath(name))  # a pipe behind /dev/stdout has no path of its own
    part = path if straight else path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with part.open("wb") as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile("", "wb", 6, raw, mtime=0) as out:
                    yield out  # type: ignore[misc]
            else:
                yield raw
        if not straight:
            part.replace(path)
    except OSError as error:
        raise ConfigError(f"{escape(path)} can't be written: {escape(error)}") from error
    finally:
        if not straight:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def open_import(name: str) -> Iterator[tuple[int, bytes]]:
    """The lines after the first, which names the format, with their numbers."""
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
