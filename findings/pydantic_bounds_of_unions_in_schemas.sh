#!/usr/bin/env bash
# pydantic 2.12.4 loses the bounds of a score that may be an integer or a float in the JSON schema for a judge's answer.
#
# Guess before the run: Annotated[int | float, Field(ge=1, le=5)] becomes "minimum": 1, "maximum": 5, beside or in anyOf.
# Seen with pydantic 2.12.4 and jsonschema 4.25.1 on CPython 3.11:
# - The schema says "ge": 1, "le": 5, which are no words of JSON Schema. A validator ignores them, and so does a server
#   that turns the schema into a grammar (xgrammar 0.2.8, as in vLLM, allows 9). The model itself refuses 9.
# - So an answer that the server was told to hold between 1 and 5 comes as 9, and fails only where it is read.
# - Field(min_length=2, max_length=2) on list[int] | tuple[int, ...] becomes "minLength" and "maxLength", which JSON Schema
#   knows for strings alone: an array of one item is allowed.
# - int | None and float keep their bounds.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pydantic==2.12.4 jsonschema==4.25.1 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import json
from typing import Annotated

import jsonschema
from pydantic import Field, TypeAdapter, ValidationError

BOUNDS = Field(ge=1, le=5)
PAIR = Field(min_length=2, max_length=2)


def seen(annotation, value):
    adapter = TypeAdapter(annotation)
    schema = adapter.json_schema()
    try:
        adapter.validate_python(value)
        model = "allowed"
    except ValidationError:
        model = "refused"
    by_schema = jsonschema.Draft202012Validator(schema).is_valid(value)
    return json.dumps(schema, sort_keys=True), model, "allowed" if by_schema else "refused"


print("pydantic", importlib.metadata.version("pydantic"), "jsonschema", importlib.metadata.version("jsonschema"))
cases = {
    "int | float, 9": seen(Annotated[int | float, BOUNDS], 9),
    "list | tuple of two, one item": seen(Annotated[list[int] | tuple[int, ...], PAIR], [1]),
    "int | None, 9": seen(Annotated[int | None, BOUNDS], 9),
    "float, 9": seen(Annotated[float, BOUNDS], 9),
}
for name, (schema, model, by_schema) in cases.items():
    print(f"{name}: {model} by pydantic, {by_schema} by its schema {schema}")
assert {name: case[1:] for name, case in cases.items()} == {
    "int | float, 9": ("refused", "allowed"),
    "list | tuple of two, one item": ("refused", "allowed"),
    "int | None, 9": ("refused", "refused"),
    "float, 9": ("refused", "refused"),
}, "this has changed"
assert '"ge": 1' in cases["int | float, 9"][0] and "minimum" not in cases["int | float, 9"][0]
PYTHON
