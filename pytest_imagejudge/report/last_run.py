"""The last run's use of its judges, kept in the folder of the store, so that the next run can be planned."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, ValidationError

from ..errors import ConfigError
from ..support.files import whole_file
from .model import ReportPart
from .uses import JudgeUse

FILE_NAME = "last-run.json"


class LastRun(ReportPart):
    """The last run that asked a judge: when it began, and the use of each judge."""

    started: str = ""
    judges: list[JudgeUse] = Field(default=[])


def keep_last_run(store: Path | None, started: str, uses: Sequence[JudgeUse]) -> None:
    """Write the use of the judges into the folder of the store, unless nothing was asked, or there is no store.

    A folder that can't be written is no error: the figures are only an estimate's.
    """
    uses = [use for use in uses if use.images]
    if store is None or not uses:
        return
    run = LastRun(started=started, judges=list(uses))
    with contextlib.suppress(OSError, ConfigError), whole_file(store / FILE_NAME) as file:
        file.write(run.model_dump_json(indent=1) + "\n")


def last_run(store: Path) -> LastRun | None:
    """Return the last run that asked a judge with the store in ``store``; None where none is known.

    Raises:
        ConfigError: the file is there and holds something else.
    """
    path = store / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    try:
        return LastRun.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ConfigError(f"{path}: {place}: {first['msg']}; remove the file, the next run writes it anew") from None
