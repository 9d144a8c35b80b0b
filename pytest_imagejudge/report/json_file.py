"""Reports as JSON: ``imagejudge-report/1``, with the schema beside this file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from ..errors import ConfigError
from ..support.files import replacing
from ..support.words import some
from ..tables.rows import bad_text, show_value
from ..taxonomy import nearest, nearest_found
from .model import SCHEMA, Entry, Report, json_schema, only_given
from .paths import relative_paths

SCHEMA_FILE = Path(__file__).with_name("schema.json")


_LARGEST = 1e60  # of a figure: means and squares of it are still numbers


def write(report: Report, path: Path | str) -> None:
    """Write ``report`` to ``path``, at once or not at all; image paths become relative to its folder.

    Raises:
        ConfigError: the file can't be written.
    """
    path = Path(path)
    with replacing(path, binary=True) as file:
        file.writelines(_parts(relative_paths(report, path.parent)))


def read(path: Path | str) -> Report:
    """Read a report; its image paths become relative to the working folder.

    Raises:
        ConfigError: naming the file, the field and what was expected.
    """
    path = Path(path)
    try:
        data = _DECODER.decode(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        why = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror or error
        raise ConfigError(f"{path}: {why}; a report is expected, as --judge-report FILE.json writes it") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not a report: not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        where = f"(line {error.lineno}, column {error.colno})"
        raise ConfigError(
            f"{path}: not JSON: {error.msg} {where}; a report is expected, as --judge-report FILE.json writes it"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: not a report: {error}") from None
    if not isinstance(data, dict):
        raise ConfigError(f"{path}: a report is a JSON object, not {_kind(data)}")
    if (found := data.get("schema")) != SCHEMA:
        raise ConfigError(_other_schema(path, data, found))
    try:
        report = Report.model_validate(data)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_first(error, data)}") from None
    return relative_paths(report, Path.cwd(), base=path.parent)


def _parts(report: Report) -> Iterator[bytes]:
    """Yield the file's text, an entry at a time."""
    outline = report.model_copy(update={"verdicts": [], "edits": []}).model_dump(mode="json", by_alias=True)
    outline["run"] = only_given(outline["run"])
    lists: Mapping[str, Sequence[Entry]] = {"verdicts": report.verdicts, "edits": report.edits}
    for number, (name, value) in enumerate(outline.items()):
        yield (b",\n  " if number else b"{\n  ") + json.dumps(name).encode() + b": "
        if not (entries := lists.get(name)):
            yield _indented(value, 1)
            continue
        for which, entry in enumerate(entries):
            yield b",\n    " if which else b"[\n    "
            yield _indented(entry.model_dump(mode="json", by_alias=True), 2)
        yield b"\n  ]"
    yield b"\n}\n"


def _indented(value: Any, depth: int) -> bytes:
    """Return ``value`` as JSON, indented by ``depth`` levels."""
    json.dumps(value, allow_nan=False)  # NaN is an error: below it would become null, which means something else
    try:
        text = orjson.dumps(value, option=orjson.OPT_INDENT_2)
    except orjson.JSONEncodeError:  # half a surrogate pair, which a prompt may hold, or a number of many digits
        text = json.dumps(value, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace")
    return text.replace(b"\n", b"\n" + b"  " * depth)


def schema_text() -> str:
    """Return the content of ``schema.json``: the JSON Schema of a report."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _float(written: str) -> float:
    if abs(value := float(written)) <= _LARGEST:
        return value
    raise ValueError(f"{written[:40]} is larger than any figure of a report")


def _int(written: str) -> int:
    if len(written) <= 60:
        return int(written)
    raise ValueError(f"{written[:40]}… is larger than any figure of a report")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for name, _ in pairs:
        if message := bad_text(name):  # names are written as they are; values can be escaped
            raise ValueError(f"a name {show_value(name)}: {message}")
    return dict(pairs)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_float, parse_int=_int)


def _kind(value: Any) -> str:
    names = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _other_schema(path: Path, data: dict[str, Any], found: Any) -> str:
    if found is None:
        hint = nearest_found("schema", data) or f"; its fields: {some(list(map(str, data)), 8) or 'none'}"
        return f'{path}: not a report of this project: field "schema" is missing, expected "{SCHEMA}"{hint}'
    if kind := re.fullmatch(r"imagejudge-(baseline|ranking)/\d+", str(found)):
        return f"{path}: a {kind[1]}, not a report; name the JSON file of --judge-report"
    newer = isinstance(found, str) and found.startswith(SCHEMA.rpartition("/")[0] + "/")
    hint = "; another version of pytest-imagejudge wrote it" if newer else nearest(str(found), [SCHEMA])
    return f'{path}: field "schema" is {json.dumps(found)[:80]}, expected "{SCHEMA}"{hint}'


def _first(error: ValidationError, data: dict[str, Any]) -> str:
    """Describe the first error: place, value found, and the nearest name where one is missing."""
    first = error.errors(include_url=False)[0]
    place = _place(first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "missing":
        parent = _at(data, first["loc"][:-1])
        hint = nearest_found(str(first["loc"][-1]), map(str, parent)) if isinstance(parent, dict) else ""
        return f"{place} is missing{hint}{more}"
    found = json.dumps(first["input"], ensure_ascii=False, default=str)
    found = found if len(found) <= 80 else found[:80] + " …"
    hint = ""
    if first["type"] == "literal_error" and isinstance(first["input"], str):
        hint = nearest(first["input"], str(first.get("ctx", {}).get("expected", "")).replace("'", "").split(", "))
    return f"{place} is {found}: {first['msg']}{hint}{more}"


def _place(location: Sequence[int | str]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _at(data: Any, location: Sequence[int | str]) -> Any:
    for part in location:
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return None
    return data
