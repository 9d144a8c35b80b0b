"""The baseline file: JSON with one image a line, sorted, so that it is small, reads well as a diff and merges.

``{"schema": "imagejudge-baseline/1", "environment", "judges": {digest: fingerprint}, "images": [...]}``. The
environment produced the answers without deciding them: this package's version, engines and their versions. An
image has ``id``, ``prompt``, ``seed`` and ``count``; the digest of its ``judge``; its ``pixels``; its ``outcome``;
``total``, ``level1`` and ``level2`` (an edit: ``score``, with its ``scale`` where
that is not 1 to 5), rounded to four decimals. Figures that do not apply are
absent.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .._version import __version__
from ..errors import ConfigError
from ..report.fingerprints import deciding
from ..report.model import EditEntry, VerdictEntry
from ..support.digests import digest_of
from ..support.files import write_text
from ..taxonomy import EDIT_SCALE, EDIT_SCORE, LEVEL1, TOTAL, FacetPath, check_path, show_scale
from .pairing import Scored, scored
from .served_models import served_models

SCHEMA = "imagejudge-baseline/1"
_Score = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
_EditScore = Annotated[float, Field(allow_inf_nan=False)]


@dataclass
class Baseline:
    """Content of a baseline file."""

    images: list[Scored] = field(default_factory=list)
    environment: dict[str, list[str]] = field(default_factory=dict)


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)
    kind: Literal["image", "edit"] = "image"
    id: str | None = None
    prompt: str
    seed: int | str | None = None
    count: int = Field(1, ge=1)
    judge: str
    pixels: str = ""
    asked: list[str] | None = None
    outcome: Literal["passed", "failed"] | None = None
    total: _Score | None = None
    level1: dict[str, _Score] = {}
    level2: dict[str, dict[str, _Score]] = {}
    score: _EditScore | None = None
    scale: list[_EditScore] = Field(list(EDIT_SCALE), min_length=2, max_length=2)

    @model_validator(mode="after")
    def _on_scale(self) -> _Line:
        low, high = self.scale
        if self.score is not None and not low <= self.score <= high:
            raise ValueError(f"score {self.score:g} is not on its scale, {show_scale(self.scale)}")
        return self


class _File(BaseModel):
    model_config = ConfigDict(strict=True)
    schema_: Literal["imagejudge-baseline/1"] = Field(alias="schema")
    environment: dict[str, list[str]] = {}
    judges: dict[str, dict[str, Any]]
    images: list[_Line]


def update_baseline(
    path: Path | str, verdicts: Iterable[VerdictEntry], edits: Iterable[EditEntry] = ()
) -> tuple[int, list[str]]:
    """Write the scores of a run as the baseline, at once or not at all, in place of the baseline before.

    Returns:
        The number of images written, and the labels of images left out because they were not judged.

    Raises:
        ConfigError: nothing was judged, or the file can't be written.
    """
    items = scored(itertools.chain(verdicts, edits))
    kept = [item for item in items if not item.lost]
    if not kept:
        raise ConfigError(f"{path}: no image of this run was judged, so there is no baseline to write")
    write_baseline(path, Baseline(kept, environment_of(kept)))
    return len(kept), [item.label for item in items if item.lost]


def environment_of(items: Sequence[Scored]) -> dict[str, list[str]]:
    """Environment of the answers, which does not decide them.

    That is: package, engines, settings that an engine changed, and models that an endpoint names.
    """
    prints = [item.fingerprint for item in items]
    engines = {f"{one['engine']} {one.get('engine_version', '')}".strip() for one in prints if one.get("engine")}
    notes = {str(note) for one in prints for note in one.get("notes") or ()}
    common = {"pytest-imagejudge": [__version__], "engines": sorted(engines), "notes": sorted(notes)}
    return common | served_models(prints)


def write_baseline(path: Path | str, baseline: Baseline) -> None:
    """Write ``baseline``; the same content gives the same bytes.

    Raises:
        ConfigError: the file can't be written.
    """
    judges = {_digest(item): deciding(item.fingerprint) for item in baseline.images}
    lines = [_dump(_line(item)) for item in sorted(baseline.images, key=_order)]
    text = "\n".join(
        [
            "{",
            f'"schema": {_dump(SCHEMA)},',
            f'"environment": {_dump(baseline.environment)},',
            '"judges": {',
            ",\n".join(f"{_dump(name)}: {_dump(judges[name])}" for name in sorted(judges)),
            "},",
            '"images": [',
            ",\n".join(lines),
            "]",
            "}",
            "",
        ]
    )
    write_text(Path(path), text)


def read_baseline(path: Path | str) -> Baseline:
    """Read a baseline file.

    Raises:
        ConfigError: with the file, the value found and the value expected.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such baseline; write it with --judge-update-baseline") from None
    except OSError as error:
        raise ConfigError(f"{path}: a baseline is expected, a file: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a baseline: not UTF-8 (byte {error.start})") from None
    if marker := next(
        (n for n, line in enumerate(text.splitlines(), 1) if line.startswith(("<<<<<<< ", ">>>>>>> "))), 0
    ):
        raise ConfigError(f"{path}: line {marker}: a merge conflict is not resolved")
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{path}: not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not a baseline: {error}") from None
    found = data.get("schema") if isinstance(data, dict) else None
    if found != SCHEMA:
        hint = (
            "; that is a report: write a baseline with --judge-update-baseline"
            if str(found).startswith("imagejudge-report")
            else ""
        )
        raise ConfigError(f'{path}: not a baseline: schema is {found!r}, "{SCHEMA}" was expected{hint}')
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{path}: {where}: {first['msg']}, found {_short(first['input'])}") from None
    return Baseline(_images(path, file), file.environment)


def _images(path: Path, file: _File) -> list[Scored]:
    found: dict[Any, Scored] = {}
    for number, line in enumerate(file.images, 1):
        if line.judge not in file.judges:
            raise ConfigError(f"{path}: image {number}: its judge {line.judge!r} is not among the judges of the file")
        try:
            item = _item(line, file.judges[line.judge])
        except KeyError as error:
            raise ConfigError(f"{path}: image {number}: {error.args[0]}") from None
        other = found.setdefault(item.key, item)
        if other != item:
            raise ConfigError(
                f"{path}: image {number} ({_short(item.label)}) appears twice, with different scores; was it merged? "
                "Write the baseline again with --judge-update-baseline"
            )
    return list(found.values())


def _item(line: _Line, fingerprint: dict[str, Any]) -> Scored:
    figures: dict[FacetPath, float] = {}
    if line.kind == "edit":
        if line.score is not None:
            figures[EDIT_SCORE] = line.score
    else:
        if line.total is not None:
            figures[TOTAL] = line.total
        figures.update({check_path((one,)): value for one, value in line.level1.items()})
        for one, twos in line.level2.items():
            figures.update({check_path((one, two)): value for two, value in twos.items()})
    for one in line.asked or ():
        check_path((one,))
    asked = tuple(LEVEL1 if line.asked is None else line.asked) if line.kind == "image" else ()
    return Scored(
        kind=line.kind,
        id=line.id,
        prompt=line.prompt,
        seed=line.seed,
        count=line.count,
        pixels=line.pixels,
        figures=figures,
        asked=asked,
        fingerprint=fingerprint,
        outcome=line.outcome or "",
        bounded=line.outcome is not None,
        scale=(line.scale[0], line.scale[1]),
    )


def _line(item: Scored) -> dict[str, Any]:
    line: dict[str, Any] = {"kind": "edit"} if item.kind == "edit" else {}
    if item.id is not None:
        line["id"] = item.id
    line["prompt"] = item.prompt
    if item.seed is not None:
        line["seed"] = item.seed
    if item.count != 1:
        line["count"] = item.count
    line["judge"] = _digest(item)
    if item.pixels:
        line["pixels"] = item.pixels
    if item.kind == "image" and set(item.asked) != set(LEVEL1):
        line["asked"] = list(item.asked)
    if item.bounded and item.outcome in ("passed", "failed"):
        line["outcome"] = item.outcome
    rounded = {path: round(value, 4) for path, value in item.figures.items()}
    if EDIT_SCORE in rounded:
        line["score"] = rounded[EDIT_SCORE]
        if item.scale != EDIT_SCALE:
            line["scale"] = list(item.scale)
    if TOTAL in rounded:
        line["total"] = rounded[TOTAL]
    ones = {path[0]: value for path, value in rounded.items() if len(path) == 1 and path != EDIT_SCORE}
    twos: dict[str, dict[str, float]] = {}
    for path, value in rounded.items():
        if len(path) == 2:
            twos.setdefault(path[0], {})[path[1]] = value
    if ones:
        line["level1"] = ones
    if twos:
        line["level2"] = twos
    return line


def _digest(item: Scored) -> str:
    return digest_of("judge", deciding(item.fingerprint))[:12]


def _order(item: Scored) -> tuple[Any, ...]:
    number = int(item.id) if item.id is not None and item.id.isascii() and item.id.isdigit() else -1
    return (item.kind, item.id is None, number, item.id or "", item.prompt, str(item.seed), item.count)


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
