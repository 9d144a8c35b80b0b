"""Advice on manifests, and rows of them, that a run does not find: given as tests, or left out of a rerun."""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from ..errors import ConfigError
from ..support.escaping import for_log
from ..support.words import some
from ..taxonomy import nearest
from .options import manifests
from .options import path as path_of

_MOST_NAMED = 3  # manifests


def advised(error: pytest.UsageError, config: pytest.Config, endings: Collection[str]) -> pytest.UsageError:
    """Return ``error`` with advice for each table of the command line that pytest says it did not find.

    Args:
        error: by which pytest ends the collection; each of its arguments becomes a line of its own.
        config: of the run.
        endings: of the files that are collected by their names, such as ``.imagejudge.csv``.
    """
    found = [words for given in dict.fromkeys(config.args) for words in _advice(given, error, config, endings)]
    return pytest.UsageError(*error.args, *found)


def _advice(given: str, error: pytest.UsageError, config: pytest.Config, endings: Collection[str]) -> Iterator[str]:
    file, _, row = given.partition("::")
    name = Path(file)
    path = os.path.abspath(config.invocation_params.dir / name)  # noqa: PTH100  # as pytest writes it
    ending = next((ending for ending in endings if ending.endswith(f".{name.suffix[1:].lower()}")), None)
    if not ending or not any(path in str(words) for words in error.args):
        return
    if name.name.endswith(tuple(endings)) or Path(path).resolve() in {each.resolve() for each in manifests(config)}:
        yield from map(for_log, _no_such_row(name, Path(path), row, config))
    else:
        renamed, quoted = name.with_name(name.stem + ending), shlex.quote(str(name))
        yield for_log(
            f"{name} is no test file. Where it is a manifest, whose rows are images or edits to judge, rename it to "
            f"{renamed}, or give it by an option too: pytest {quoted} --judge-manifest {quoted}"
        )


def _no_such_row(name: Path, path: Path, row: str, config: pytest.Config) -> Iterator[str]:
    """Say that the manifest can't be read, or that it lacks the row; nothing where it has the row."""
    from .manifest_items import named_rows

    if not row:
        return
    try:
        rows = [each for each, _ in named_rows(path, path_of(config, "judge_root"))]
    except ConfigError as error:
        yield str(error)
        return
    if row not in rows and row not in {each.partition("[")[0] for each in rows}:  # pytest takes the name up to it too
        yield f'{name} has no row "{row}"{nearest(row, rows)}'


def left_out_rows(config: pytest.Config, endings: Collection[str]) -> str:
    """Name the manifests whose rows failed in an earlier run and are not rerun, for want of ``--judge-manifest``.

    A rerun collects what its own command line names, and pytest says nothing of failures elsewhere.
    """
    cache = getattr(config, "cache", None)  # pytest may run without its cache
    if cache is None:
        return ""
    suffixes = {f".{ending.rpartition('.')[2]}" for ending in endings}
    given = {path.resolve() for path in manifests(config)}
    rows = Counter(str(nodeid).partition("::")[0] for nodeid in cache.get("cache/lastfailed", {}))
    left: dict[str, int] = {}
    for name, number in rows.items():
        path = config.rootpath / name
        if path.suffix not in suffixes or name.endswith(tuple(endings)) or path.resolve() in given:
            continue
        if path.is_file():
            left[os.path.relpath(path, config.invocation_params.dir)] = number
    if not left:
        return ""
    names = some([f"{name} ({number})" for name, number in left.items()], _MOST_NAMED)
    option = f"--judge-manifest {shlex.quote(next(iter(left)))}" if len(left) == 1 else "their --judge-manifest"
    return for_log(f"left out are rows that failed before, of {names}; to run them again, repeat {option}")
