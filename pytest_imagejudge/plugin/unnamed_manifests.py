"""Advice on tables that were given to pytest as if they were test files."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from ..support.escaping import for_log


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
    name = Path(given.partition("::")[0])
    path = os.path.abspath(config.invocation_params.dir / name)  # noqa: PTH100  # as pytest writes it
    ending = next((ending for ending in endings if ending.endswith(f".{name.suffix[1:].lower()}")), None)
    if ending and any(path in str(words) for words in error.args):
        renamed, quoted = name.with_name(name.stem + ending), shlex.quote(str(name))
        yield for_log(
            f"{name} is no test file. Where it is a manifest, whose rows are images or edits to judge, rename it to "
            f"{renamed}, or give it by an option too: pytest {quoted} --judge-manifest {quoted}"
        )
