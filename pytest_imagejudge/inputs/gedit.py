"""GEdit-Bench, as published: a folder of a model's edits, and the data set with the instructions.

A model's folder holds ``fullset/TASK/LANGUAGE/KEY.png``, the edit, and ``KEY_SRCIMG.png``, its source. The data set of
the Hub (stepfun-ai/GEdit-Bench) lies there in Arrow files and has ``key``, ``task_type``, ``instruction``,
``instruction_language`` (``en`` or ``cn``), ``Intersection_exist`` and ``input_image``. As read by test_gedit_score.py
of stepfun-ai/Step1X-Edit, commit 570eba6ebda0c45c013983a483afbf2fd12bfcbc.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..support.escaping import escape
from ..support.words import listed, some
from ..tables.reading import count_rows, peek, read_rows
from ..tables.rows import WITH_PICTURES, Picture, RawRow, check_columns, show_value
from ..taxonomy import nearest
from .cells import BadCell, flag_cell
from .hub import TABLES
from .manifest import Row, RowError, manifest_rows
from .row_source import Input
from .split_files import split_files

TASKS = (
    *("background_change", "color_alter", "material_alter", "motion_change", "ps_human", "style_change"),
    *("subject-add", "subject-remove", "subject-replace", "text_change", "tone_transfer"),
)
LANGUAGES = ("en", "cn")
DATA_SET = "stepfun-ai/GEdit-Bench"
SPLIT = "train"
_ABOUT = ("key", "task_type", "instruction", "instruction_language", "Intersection_exist")
_PLACE = ("task_type", "instruction_language", "key")  # of an edit, below fullset
_EDITED = ("edited_path", "edited_image", "output_image")  # where a table holds the edits too
_SOURCES = ("source_path", "source_image", "input_image")
_PICTURES = (*_EDITED, *_SOURCES, "input_image_raw")


@dataclass(frozen=True)
class GEdit:
    """Edits of one model.

    Attributes:
        name: of the model.
        folder: of its edits, or of the table that holds them.
        files: of the data set, in order.
        edited: the column of the edits, where they are in the table; None where they lie in ``folder``.
        source: the column of the sources in the table; None where there is none.
    """

    name: str
    folder: Path
    files: tuple[Path, ...]
    edited: str | None = None
    source: str | None = None

    def rows(self) -> Iterator[Row | RowError]:
        """Yield the edits in the order of the data set; a row that can't be used is a `RowError`.

        The ID is ``TASK/LANGUAGE/KEY``. ``extra`` has the columns of the data set, ``Intersection_exist`` as a boolean,
        and ``source_image`` and ``edited_image``: their paths in the published layout.
        """
        return manifest_rows(self._base, self._raw(), "edit")

    @property
    def _base(self) -> Path:
        """The folder that paths in rows start from."""
        return self.files[0].parent if self.edited else Path()

    def count(self) -> int:
        """Count the edits."""
        return sum(count_rows(path, TABLES) for path in self.files)

    def as_input(self) -> Input:
        """Return the edits as an input of ``imagejudge score``."""
        return Input(
            name=self.name,
            suffix=".csv",
            folder=self.folder,
            base=self._base,
            columns=["ID", *_ABOUT, "source_path", "edited_path"],
            rows=self.rows,
            count=self.count,
        )

    def _raw(self) -> Iterator[RawRow]:
        number = 0
        for path in self.files:
            for row in read_rows(path, TABLES):
                number += 1
                yield self._as_manifest(replace(row, number=number))

    def _as_manifest(self, row: RawRow) -> RawRow:
        about = {name: row.values.get(name) for name in _ABOUT}
        message = row.message or _fault(about)
        if message:
            named = [name for name in map(about.get, _PLACE) if isinstance(name, str) and name]
            one = "/".join(named) if len(named) == len(_PLACE) else str(row.number)
            return replace(row, values={"ID": one, **about}, message=message)
        task, language, key = (str(about[name]) for name in _PLACE)
        place = self.folder / "fullset" / task / language
        about["Intersection_exist"] = flag_cell(about["Intersection_exist"])
        values: dict[str, Any] = {
            "ID": f"{task}/{language}/{key}",
            **about,
            "source_path": str(place / f"{key}_SRCIMG.png"),
            "edited_path": str(place / f"{key}.png"),
        }
        published = {"source_image": values["source_path"], "edited_image": values["edited_path"]}
        held = None if self.source is None else row.values.get(self.source)
        if self.edited is not None:
            values |= {"source_path": held, "edited_path": row.values.get(self.edited)}
        elif isinstance(held, Picture) and not (place / f"{key}_SRCIMG.png").is_file():
            values["source_path"] = held  # the generating script saves just this picture there
        return replace(row, values={**values, **published})


def open_gedit(source: str, data: str = DATA_SET) -> GEdit:
    """Open the edits in ``source``.

    Args:
        source: a model's folder of the published layout; or a table or data set as `split_files` takes it, which has
            the edits in a column ``edited_image`` or ``edited_path``.
        data: the data set with the instructions, for a folder; as `split_files` takes it.

    Raises:
        ConfigError: no such folder or data set, or a column is missing.
    """
    folder = Path(source)
    if (folder / "fullset").is_dir():
        files = _files(data)
        return GEdit(folder.resolve().name, folder, files, source=_column(files, _SOURCES))
    if folder.is_dir() and not any(path.suffix in WITH_PICTURES for path in folder.rglob("*")):
        inside = sorted(path.parent.name for path in folder.glob("*/fullset"))
        hint = f"; name one of its folders: {some(inside, 5)}" if inside else ""
        raise ConfigError(f"{escape(folder)}: no folder fullset/TASK/LANGUAGE in it{escape(hint)}")
    files = _files(source)
    edited, held = _column(files, _EDITED), _column(files, _SOURCES)
    if edited is None or held is None:
        raise ConfigError(
            f"{escape(source)}: no column of edits ({', '.join(_EDITED)}) beside the sources ({', '.join(_SOURCES)}); "
            "a model's folder with fullset/TASK/LANGUAGE/KEY.png, or a data set with both, is expected"
        )
    name = folder.resolve().stem if folder.exists() else source.rstrip("/").rpartition("/")[2].partition("@")[0]
    return GEdit(name, Path(name), files, edited=edited, source=held)


def _files(data: str) -> tuple[Path, ...]:
    try:
        _, files = split_files(data, SPLIT, arrow=True)
    except ConfigError as error:
        if data != DATA_SET:
            raise
        raise ConfigError(
            f"the instructions of GEdit-Bench are needed: {error}; --bench-data names a copy, a folder or a table"
        ) from error
    for path in files:
        columns, _ = peek(path, TABLES)
        check_columns(path, columns, _ABOUT)
    return tuple(files)


def _column(files: tuple[Path, ...], names: tuple[str, ...]) -> str | None:
    columns, _ = peek(files[0], TABLES)
    return next((name for name in names if name in columns), None)


def _fault(about: dict[str, Any]) -> str:
    """The reason why a row of the data set can't be used; empty where it can."""
    for name in _PLACE:
        value = about[name]
        if not isinstance(value, str) or not value.strip():
            return f"{name}: a name was expected, not {show_value(value)}"
        if value in (".", "..") or any(mark in value for mark in "/\\\0"):
            return f"{name}: {show_value(value)} is no name of a file"
    if about["task_type"] not in TASKS:
        task = about["task_type"]
        return f"task_type: {show_value(task)} is no task of GEdit-Bench{nearest(escape(task), TASKS)}"
    if about["instruction_language"] not in LANGUAGES:
        return f"instruction_language: {show_value(about['instruction_language'])}; {listed(LANGUAGES)} are known"
    try:
        if flag_cell(about["Intersection_exist"]) is None:
            return "Intersection_exist is empty; true or false is expected"
    except BadCell as error:
        return f"Intersection_exist: {error}"
    return ""
