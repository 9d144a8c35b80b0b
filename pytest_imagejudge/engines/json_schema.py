"""The JSON Schemas of answers: the form that every server takes, and the check of an answer against one.

The check knows the keywords that protocols use, and ignores all others: an answer that it refuses breaks the schema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

DEFINITIONS = "#/$defs/"


_TYPES: dict[type, str] = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}


def portable(schema: Any) -> Any:
    """Return a schema of the same meaning that every server takes: no references, and a type for each enum.

    OpenAI refuses an enum without a type ("schema must have a 'type' key",
    https://github.com/FlowiseAI/Flowise/issues/4502); one of several types becomes an ``anyOf``. Servers that convert
    schemas themselves may not follow ``$ref``; a definition that refers to itself can't be written out and stays.
    """
    shared = schema.get("$defs", {}) if isinstance(schema, Mapping) else {}
    written = _portable(schema, shared, frozenset())
    if shared and '"$ref"' not in json.dumps(written):
        written.pop("$defs", None)
    return written


def _portable(schema: Any, shared: Mapping[str, Any], inside: frozenset[str]) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    name = str(schema.get("$ref", "")).removeprefix(DEFINITIONS)
    if name in shared and name not in inside:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        return _portable({**shared[name], **rest}, shared, inside | {name})
    typed = {key: _parts(key, part, shared, inside) for key, part in schema.items()}
    if "enum" not in typed or "type" in typed:
        return typed
    by_type: dict[str, list[Any]] = {}
    for value in typed.pop("enum"):
        by_type.setdefault(_TYPES[type(value)], []).append(value)
    forms = [{"type": name, "enum": values} for name, values in by_type.items()]
    return {**typed, **(forms[0] if len(forms) == 1 else {"anyOf": forms})}


def _parts(key: str, part: Any, shared: Mapping[str, Any], inside: frozenset[str]) -> Any:
    """The value of one keyword, with the schemas in it made portable."""
    if key in ("properties", "$defs"):
        return {name: _portable(value, shared, inside) for name, value in part.items()}
    if key == "anyOf":
        return [_portable(value, shared, inside) for value in part]
    return _portable(part, shared, inside) if key == "items" else part


def whole_object(text: str) -> dict[str, Any] | None:
    """Return the JSON object that ``text`` is, blanks around it aside; None where it is anything else, or more."""
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def breaks(text: str, schema: Any) -> bool:
    """Tell whether ``text`` can't have been written under a grammar of ``schema``, which is an object's."""
    value = whole_object(text)
    return value is None or not _satisfies(value, schema, schema)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name that comes twice")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _satisfies(value: Any, schema: Any, root: Mapping[str, Any]) -> bool:
    if not isinstance(schema, Mapping):
        return schema is not False
    shared = root.get("$defs", {}).get(str(schema.get("$ref", "")).removeprefix(DEFINITIONS))
    if shared is not None and not _satisfies(value, shared, root):
        return False
    for name, wanted in schema.items():
        check = _CHECKS.get(name)
        if check is not None and not check(value, wanted, schema, root):
            return False
    return True


def _is_a(value: Any, name: str) -> bool:
    kind = _TYPES[type(value)]
    if kind == "number" and name == "integer":
        return float(value).is_integer()
    return kind == name or (kind == "integer" and name == "number")


def _type(value: Any, names: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    return _is_a(value, names) if isinstance(names, str) else any(_is_a(value, name) for name in names)


def _same(one: Any, other: Any) -> bool:
    """Compare as JSON does: 1 is 1.0, and not true."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _enum(value: Any, values: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    return any(_same(value, one) for one in values)


def _properties(value: Any, properties: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    if not isinstance(value, dict):
        return True
    return all(_satisfies(value[name], part, root) for name, part in properties.items() if name in value)


def _required(value: Any, names: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    return not isinstance(value, dict) or all(name in value for name in names)


def _additional(value: Any, allowed: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    return allowed is not False or not isinstance(value, dict) or value.keys() <= schema.get("properties", {}).keys()


def _pattern(value: Any, pattern: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    return not isinstance(value, str) or re.search(pattern, value) is not None


def _any_of(value: Any, schemas: Any, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    return any(_satisfies(value, one, root) for one in schemas)


_CHECKS: dict[str, Callable[[Any, Any, Mapping[str, Any], Mapping[str, Any]], bool]] = {
    "type": _type,
    "enum": _enum,
    "properties": _properties,
    "required": _required,
    "additionalProperties": _additional,
    "pattern": _pattern,
    "anyOf": _any_of,
}
