"""Runs to plan from or to compare: a JSON report, a ``_judged`` file of the published shape, or a baseline."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import ConfigError
from ..inputs.cells import row_id
from ..inputs.judged_columns import ANSWER_COLUMNS
from ..protocols.signals import measured
from ..scoring import figures as scoring
from ..statistics.baseline_file import SCHEMA as BASELINE
from ..statistics.baseline_file import read_baseline
from ..statistics.figures import DIMENSIONS
from ..statistics.pairing import Scored, ScoredRun, scored
from ..tables.reading import read_rows
from ..taxonomy import EDIT_SCALE, EDIT_SCORE, TOTAL, TREE, FacetPath


def read_runs(files: Sequence[str], *, repeats: bool = False) -> list[ScoredRun]:
    """Read several runs, each called by its file's name, or by its path where two files have one name.

    Raises:
        ConfigError: the reasons of `read_run`.
    """
    if "" in files:  # a variable that is not set; as a path it would mean the working folder
        raise ConfigError("FILE is empty; a file is expected")
    names = [Path(file).name for file in files]
    called = names if len(set(names)) == len(names) else files
    return [read_run(file, name=name, repeats=repeats) for file, name in zip(files, called, strict=True)]


def read_run(path: Path | str, *, name: str | None = None, repeats: bool = False) -> ScoredRun:
    """Read a report, judged rows or a baseline; further judgements of the same image only with ``repeats``.

    Args:
        path: the file.
        name: the run's name in results and messages; None is the file's.
        repeats: whether further judgements count.

    Raises:
        ConfigError: naming the file, what was found and what was expected.
    """
    path = Path(path)
    name = name or path.name
    if not path.exists() or path.is_dir():
        raise ConfigError(f"{path}: {'is a folder; a file is expected' if path.is_dir() else 'there is no such file'}")
    if path.is_file():  # a pipe can be read only once, and so can't be looked into: it is taken for a report
        if _is_baseline(path):
            baseline = read_baseline(path)
            return ScoredRun(name, baseline.images, environment=baseline.environment)
        suffix = path.suffix.lower()
        if suffix in (".csv", ".jsonl") or (suffix == ".json" and _start(path).startswith("[")):
            return _judged(path, name)
    from ..report.json_file import read

    report = read(path)
    images = scored([*report.verdicts, *report.edits])
    return ScoredRun(name, [item for item in images if repeats or not item.repeat])


def _is_baseline(path: Path) -> bool:
    return re.match(rf'(<<<<<<<.*\s)?{{\s*"schema"\s*:\s*"{BASELINE}"', _start(path)) is not None


def _start(path: Path) -> str:
    """Text at the start of a file, without leading blanks."""
    with path.open("rb") as file:
        return file.read(1000).decode("utf-8-sig", "replace").lstrip()


def _judged(path: Path, name: str) -> ScoredRun:
    run = ScoredRun(name, [])
    seen: set[str] = set()
    for row in read_rows(path):
        where = f"{name}: row {row.number}, line {row.line}"
        if row.message:
            run.problems.append(f"{where}: {row.message}")
            run.unread += 1
            continue
        if "judge_model_output" not in row.values and "edit_score" not in row.values:
            message = (
                f'{where}: no "judge_model_output" and no "edit_score"; '
                "judged rows (*_judged files of `imagejudge score`) are expected"
            )
            if not run.images:
                raise ConfigError(message)
            run.problems.append(message)
            run.unread += 1
            continue
        item = _edit(path, row.values) if _is_edit(row.values) else _image(path, row.values)
        if item.id is not None and item.id in seen:
            run.problems.append(f"{where}: the ID {item.id!r} appears twice; the first row counts")
            continue
        seen.add(item.id or "")
        run.images.append(item)
    if not run.images:
        raise ConfigError(f"{path}: it has no judged rows" + (f"; {run.problems[0]}" if run.problems else ""))
    return run


def _is_edit(values: Mapping[str, Any]) -> bool:
    """Tell whether a row is an edit's: by the judge's output, or, where the row was not judged, by its input."""
    for column, edit in (("judge_model_output", False), ("edit_score", True), ("image_path", False)):
        if _given(values, column):
            return edit
    # Names of pictures that stood in a table may be empty, so the kind of the whole file says it too.
    return _given(values, "edited_path") or _given(values, "instruction") or "judge_model_output" not in values


def _given(values: Mapping[str, Any], column: str) -> bool:
    return values.get(column) not in (None, "")


def _edit(path: Path, values: Mapping[str, Any]) -> Scored:
    scale = _edit_scale(values.get("edit_scale"))
    score = _edit_score(values.get("edit_score"), scale)
    return Scored(
        kind="edit",
        id=row_id(values.get("ID")),
        prompt=str(values.get("instruction") or ""),
        image=_beside(path, values.get("edited_path")),
        figures={} if score is None else {EDIT_SCORE: score},
        lost=frozenset((EDIT_SCORE,)) if score is None else frozenset(),
        scale=scale,
    )


def _edit_scale(value: Any) -> tuple[float, float]:
    """The scale that a row names, as JSON or as a list; that of old rows, which name none, is 1 to 5."""
    try:
        low, high = json.loads(value) if isinstance(value, str) else value
        return float(low), float(high)
    except (TypeError, ValueError, RecursionError):
        return EDIT_SCALE


def _edit_score(value: Any, scale: tuple[float, float]) -> float | None:
    """The score, or None where there is no number on the scale."""
    try:
        found = float("nan" if isinstance(value, bool) else value)
    except (TypeError, ValueError, OverflowError):
        return None
    low, high = scale
    return found if low <= found <= high else None


def _beside(path: Path, name: Any) -> str:
    """A file that a row names, relative to the rows' own file."""
    return str(path.parent / str(name)) if name else ""


def _image(path: Path, values: Mapping[str, Any]) -> Scored:
    output = values.get("judge_model_output")
    figures: dict[FacetPath, float] = {}
    lost = frozenset(DIMENSIONS)
    asked: tuple[str, ...] = ()
    if (answers := _object(output)) and (asked := tuple(one for one in TREE if one in answers)):
        scores, broken = _scores(answers)
        raw = {one: str(values.get(name) or "") for one, name in zip(TREE, ANSWER_COLUMNS, strict=True)}
        found = scoring.aggregate(scores, asked, broken, has_total=not measured(raw))
        every: dict[FacetPath, float | None] = {TOTAL: found.total}
        every.update({(one,): value for one, value in found.level1.items()})
        every.update({(one, two): value for one, twos in found.level2.items() for two, value in twos.items()})
        figures = {place: value for place, value in every.items() if value is not None}
        lost = frozenset(_containing(broken))
    return Scored(
        kind="image",
        id=row_id(values.get("ID")),
        prompt=str(values.get("prompt") or ""),
        image=_beside(path, values.get("image_path")),
        figures=figures,
        lost=lost,
        asked=asked,
    )


def _object(output: Any) -> Mapping[str, Any]:
    if isinstance(output, str):
        try:
            output = json.loads(output)
        except (ValueError, RecursionError):
            return {}
    return output if isinstance(output, Mapping) else {}


def _scores(answers: Mapping[str, Any]) -> tuple[dict[FacetPath, float | None], list[FacetPath]]:
    """Mapped scores by facet, and the facets whose score is null. An absent facet is left out, as published."""
    scores: dict[FacetPath, float | None] = {}
    broken: list[FacetPath] = []
    for one, twos in TREE.items():
        if one not in answers:
            continue
        below = answers[one]
        if not isinstance(below, Mapping) or not below:
            broken.append((one,))
            continue
        for two, threes in twos.items():
            facets = below.get(two, {})
            for three in threes:
                if not isinstance(facets, Mapping):
                    broken.append((one, two, three))
                elif three in facets:
                    facet = facets[three]
                    raw: Any = facet.get("score") if isinstance(facet, Mapping) else facet
                    try:
                        scores[one, two, three] = scoring.mapped(raw)
                    except (ValueError, TypeError):
                        broken.append((one, two, three))
    return scores, broken


def _containing(broken: list[FacetPath]) -> set[FacetPath]:
    found: set[FacetPath] = set()
    for path in broken:
        found |= {TOTAL, path[:1]}
        found |= {place for place in DIMENSIONS if place[: len(path[:2])] == path[:2] and place != TOTAL}
    return found
