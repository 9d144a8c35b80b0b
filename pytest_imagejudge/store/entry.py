"""One entry of the store: its text, its checksum and, where a key is set, its HMAC. This module uses no disk."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson

from ..engines.base import Answer

KEY_VARIABLE = "IMAGEJUDGE_STORE_KEY"  # secret of the HMAC; never an option, so never in a log


_LAST = 253_402_300_799.0  # the end of the year 9999


MAX_TEXT = 64 << 20  # bytes of an entry's text, checked while it is unpacked


class DamagedError(ValueError):
    """An entry whose checksum or shape is wrong."""


class UntrustedError(ValueError):
    """An entry whose HMAC is wrong, or missing though a key is set."""


@dataclass(frozen=True)
class StoredAnswer:
    """One stored answer: key, answer, facts about it, and time of storing (seconds since 1970)."""

    key: str
    answer: Answer
    about: Mapping[str, Any]
    stored: float


class StoredRow(NamedTuple):
    """An entry as a row of the database. All columns but the seals repeat the text, so that SQL can select by them."""

    key: str
    model: str
    revision: str
    protocol: str
    dimension: str
    stored: float
    body: bytes  # the text, compressed
    sum: bytes  # SHA-256
    mac: bytes | None  # HMAC-SHA-256

    def text(self) -> bytes:
        """Decompress the text.

        Raises:
            DamagedError: the text can't be decompressed, or is longer than an entry may be.
        """
        try:
            unpacker = zlib.decompressobj()
            text = unpacker.decompress(self.body, MAX_TEXT)
        except (zlib.error, TypeError) as error:
            raise DamagedError(str(error)) from error
        if not unpacker.eof:
            raise DamagedError("cut off, or longer than an entry may be")
        return text


class PixelsRow(NamedTuple):
    """One line of the index from file bytes to pixels."""

    file: str
    pixels: str  # their digest and, behind a blank, what was found of them
    stored: float  # only selects what is pruned, so it is not sealed
    sum: bytes
    mac: bytes | None


class Seal:
    """Maker and checker of checksums and, where the environment has a key, HMACs."""

    def __init__(self) -> None:
        secret = os.environ.get(KEY_VARIABLE, "")
        self._secret = secret.encode("utf-8", "surrogateescape") or None

    @property
    def keyed(self) -> bool:
        """Tell whether entries are signed, and only signed ones trusted."""
        return self._secret is not None

    def row(self, entry: StoredAnswer) -> StoredRow:
        """The row of a new entry."""
        answer = {name: value for name, value in vars(entry.answer).items() if value != _UNSAID.get(name, _NEVER)}
        data = {"about": dict(entry.about), "answer": answer, "key": entry.key, "stored": entry.stored}
        text = canonical(data)
        return self.row_of(text, *self._make(b"answer\n" + text))

    def row_of(self, text: bytes, checksum: bytes, mac: bytes | None) -> StoredRow:
        """Make the row of an entry's text from another store, with its seals.

        Raises:
            DamagedError, UntrustedError
        """
        self._check(b"answer\n" + text, checksum, mac)
        return StoredRow(*_columns(_parse(text)), body=zlib.compress(text, 3), sum=checksum, mac=mac)

    def entry(self, row: StoredRow) -> StoredAnswer:
        """The entry of a row.

        Raises:
            DamagedError, UntrustedError
        """
        text = row.text()
        self._check(b"answer\n" + text, row.sum, row.mac)
        entry = _parse(text)
        if row[: len(_COLUMNS)] != _columns(entry):
            raise DamagedError(f"its {', '.join(_COLUMNS)} are not those of its text")
        return entry

    def pixels_row(self, file: str, pixels: str, stored: float) -> PixelsRow:
        """A line of the index from file bytes to pixels."""
        return PixelsRow(file, pixels, stored, *self._make(f"pixels\n{file}\n{pixels}".encode()))

    def check_pixels(self, row: PixelsRow) -> None:
        """Check a line of the index.

        Raises:
            DamagedError, UntrustedError
        """
        self._check(f"pixels\n{row.file}\n{row.pixels}".encode("utf-8", "replace"), row.sum, row.mac)
        digest(row.file, treated=True)
        digest(row.pixels, found=True)
        moment(row.stored)

    def _make(self, content: bytes) -> tuple[bytes, bytes | None]:
        mac = hmac.digest(self._secret, content, "sha256") if self._secret else None
        return hashlib.sha256(content).digest(), mac

    def _check(self, content: bytes, checksum: object, mac: object) -> None:
        expected, expected_mac = self._make(content)
        if checksum != expected:
            raise DamagedError("the checksum does not match")
        if not isinstance(mac, bytes | None):
            raise DamagedError("the HMAC is no byte string")
        if expected_mac is not None and not (mac and hmac.compare_digest(mac, expected_mac)):
            raise UntrustedError("the HMAC does not match" if mac else "there is no HMAC")


def digest(value: object, *, treated: bool = False, found: bool = False) -> str:
    """Check a SHA-256 in hex: a key, or a digest of pixels; a file's is ``treated``, with a treatment's name after it.

    A digest of pixels may be ``found``, with a finding after it.

    Raises:
        DamagedError: ``value`` is no such digest.
    """
    if not isinstance(value, str) or not (_TREATED if treated else _FOUND if found else _DIGEST)(value):
        more = " and the name of a treatment" if treated else ""
        raise DamagedError(f"expected 64 hex digits{more}, found {_short(value)}")
    return value


def moment(value: object) -> float:
    """Check seconds since 1970, within the range of dates.

    Raises:
        DamagedError: ``value`` is no such number.
    """
    if type(value) not in (int, float) or not 0 <= value <= _LAST:  # type: ignore[operator]
        raise DamagedError(f"expected a time, 0 to {_LAST:.0f} seconds, found {_short(value)}")
    return float(value)  # type: ignore[arg-type]


_DIGEST = re.compile("[0-9a-f]{64}").fullmatch


_TREATED = re.compile("[0-9a-f]{64}:[ -~]{1,100}").fullmatch


_FOUND = re.compile("[0-9a-f]{64}( [ -~]{1,200})?").fullmatch


def _short(value: object) -> str:
    return repr(value)[:40]


_COUNT, _WORD = (int,), (str,)


# Fields that are left out where they say nothing: earlier versions, which read new stores too, don't know them so.
_UNSAID: dict[str, object] = {
    "cached_prompt_tokens": None,
    "refused": {},
    "served_model": "",
    "system_fingerprint": "",
}


_NEVER = object()


_KINDS: dict[str, tuple[type, ...]] = {  # of an answer's fields, as JSON has them
    "text": _WORD,
    "finish_reason": (str, type(None)),
    **dict.fromkeys(("prompt_tokens", "cached_prompt_tokens", "output_tokens"), _COUNT),
    **dict.fromkeys(("engine", "engine_version", "created", "served_model", "system_fingerprint"), _WORD),
    "notes": (list,),
    "refused": (dict,),
}


_COLUMNS = StoredRow._fields[:6]  # those that the text has too


def _columns(entry: StoredAnswer) -> tuple[str, str, str, str, str, float]:
    model, revision, protocol, dimension = (_word(entry.about.get(name)) for name in _COLUMNS[1:5])
    return entry.key, model, revision, protocol, dimension, entry.stored


def _word(value: object) -> str:
    """Return a fact as text for a column, without lone surrogates."""
    text = "" if value is None else str(value)
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def canonical(data: Any) -> bytes:
    """Return ``data`` as the JSON that checksums cover: keys sorted, no spaces, ASCII."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), default=str).encode()


def _loads(text: bytes) -> Any:
    try:
        return orjson.loads(text)  # several times as quick
    except orjson.JSONDecodeError:
        return json.loads(text)  # half a surrogate pair, which a prompt may hold


def _parse(text: bytes) -> StoredAnswer:
    """Parse the text of an entry. Fields of an answer that a later version added are left out."""
    try:
        data = _loads(text)
        given, about = data["answer"], data["about"]
        if not isinstance(about, dict):
            raise DamagedError("not an entry")
        values = {name: value for name, value in given.items() if name in _KINDS}
        for name, value in values.items():
            if type(value) not in _KINDS[name]:
                raise DamagedError(f"{name} is no {_KINDS[name][0].__name__}")
        values["notes"] = notes = tuple(values.get("notes", ()))
        if notes and not all(isinstance(note, str) for note in notes):
            raise DamagedError("notes are not a list of words")
        if not all(isinstance(reason, str) for reason in values.get("refused", {}).values()):
            raise DamagedError("reasons are not words")
        return StoredAnswer(digest(data["key"]), Answer(**values), about, moment(data["stored"]))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise error if isinstance(error, DamagedError) else DamagedError(f"not an entry: {error}") from error
