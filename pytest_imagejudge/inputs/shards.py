"""Data sets whose rows lie in several files, named as the Hub names them: ``train-00000-of-00002.parquet``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from itertools import islice
from pathlib import Path

from ..errors import ConfigError
from ..support.escaping import escape

# Older files of the Hub have a hash of their own behind the count.
_NAME = re.compile(r"(?P<start>.*?)(?P<number>[0-9]+)-of-(?P<count>[0-9]+)(?P<hash>-[^/.]*)?(?P<end>(\.[^/]*)?)")


MOST_SHOWN = 5  # missing files that are named


def check_shards(files: Iterable[Path]) -> None:
    """See that of each set of shards among ``files`` every one is there, once.

    Raises:
        ConfigError: naming the files that are missing, or those that hold the same rows.
    """
    sets: dict[tuple[Path, str, str], dict[int, Path]] = {}  # by folder and what the names share; by number
    counts: dict[tuple[Path, str, str], int] = {}
    for file in files:
        if (match := _NAME.fullmatch(file.name)) is None:
            continue
        one, number, count = (file.parent, match["start"], match["end"]), int(match["number"]), int(match["count"])
        found = sets.setdefault(one, {})
        if number in found or counts.setdefault(one, count) != count:
            other = found.get(number) or next(iter(found.values()))
            raise ConfigError(f"{escape(other)} and {escape(file.name)} are shards of two sets; remove one of the sets")
        found[number] = file
    for one, found in sets.items():
        if words := _lacking(next(iter(found.values())), counts[one], found):
            raise ConfigError(f"{words} missing")


def lacking_beside(file: Path) -> str:
    """Name the shards that are missing beside a file that is one of several; empty for any other file."""
    match = _NAME.fullmatch(file.name)
    return "" if match is None else _lacking(file, int(match["count"]), {int(match["number"])})


def _lacking(file: Path, count: int, found: Collection[int]) -> str:
    """Name the shards of ``file``'s set that are not among ``found``; empty where all are.

    Their numbers begin with 0, or with 1 where there is no 0 and the last is the count itself.
    """
    first = 1 if count in found and 0 not in found else 0
    numbers = range(first, first + count)
    total = count - sum(number in numbers for number in found)
    if total < 1:
        return ""
    names = [_renumbered(file, at) for at in islice((at for at in numbers if at not in found), MOST_SHOWN)]
    more = f" and {total - len(names)} more" if total > len(names) else ""
    return f"{escape(file)} is one of {count} shards: {', '.join(names)}{more}"


def _renumbered(file: Path, number: int) -> str:
    match = _NAME.fullmatch(file.name)
    assert match is not None
    name = f"{match['start']}{number:0{len(match['number'])}}-of-{match['count']}"
    return escape(f"{name}{'-*' if match['hash'] else ''}{match['end']}")
