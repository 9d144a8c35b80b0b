#!/usr/bin/env bash
# outlines-core 0.2.14 and lm-format-enforcer 0.11.3 drop the bounds of a number.
#
# Guess before the run: {"type": "integer", "minimum": 0, "maximum": 10} is enforced, as xgrammar does in the same place, or
# the schema is refused.
# Seen with outlines-core 0.2.14, lm-format-enforcer 0.11.3 on CPython 3.11, Linux x86-64; no error, no warning:
# - A score of 0 to 10 may be 85 or -3, a fraction of 0 to 1 may be 7; exclusive bounds and multipleOf are dropped as well.
# - outlines-core drops "uniqueItems", "not", "contains" and "minProperties" too, and a required property that has no entry in
#   "properties": it allows {"Quality": 1} alone, where "Text" is required beside it, and refuses the object that has both.
# - What stands alone, as {"minimum": 3} in allOf, is an error in outlines-core: so it does refuse what it can't keep, elsewhere.
# vLLM 0.32.0 has both as backends (`--structured-outputs-config.backend`), and its checks of a request for these two build the
# same expression. A judge's score off its scale passes the very grammar that was to prevent it, and it does so after the
# backend is changed, with the same request.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check outlines-core==0.2.14 lm-format-enforcer==0.11.3 numpy==2.4.6 2>/dev/null
"$folder/venv/bin/python" -W error - <<'PYTHON'
import importlib.metadata
import json
import re

from lmformatenforcer import JsonSchemaParser
from outlines_core.json_schema import build_regex_from_schema


def outlines(schema, text):
    return re.fullmatch(build_regex_from_schema(json.dumps(schema)), text) is not None


def enforcer(schema, text):
    parser = JsonSchemaParser(schema)
    for character in text:
        if character not in parser.get_allowed_characters():
            return False
        parser = parser.add_character(character)
    return parser.can_end()


SCORE = {"type": "integer", "minimum": 0, "maximum": 10}
FACET = {"type": "integer"}
BOTH = {"type": "object", "properties": {"Quality": FACET}, "required": ["Quality", "Text"]}
for name in ("outlines-core", "lm-format-enforcer"):
    print(name, importlib.metadata.version(name))
# schema, a text that is no JSON of it, whether each of the two allows it
for schema, text, expected in [
    (SCORE, "x", (False, False)),
    (SCORE, "85", (True, True)),
    (SCORE, "-3", (True, True)),
    ({"type": "number", "minimum": 0, "maximum": 1}, "7.5", (True, True)),
    ({"type": "integer", "exclusiveMinimum": 0}, "0", (True, True)),
    ({"type": "integer", "multipleOf": 5}, "3", (True, True)),
    ({"type": "object", "properties": {"s": SCORE}, "required": ["s"]}, '{"s": 85}', (True, True)),
    ({"type": "integer", "not": {"const": 3}}, "3", (True, None)),
    ({"type": "array", "items": FACET, "minItems": 2, "maxItems": 2, "uniqueItems": True}, "[1, 1]", (True, None)),
    ({"type": "array", "items": FACET, "contains": {"const": 1}}, "[2]", (True, None)),
    (BOTH, '{"Quality": 1}', (True, None)),
]:
    seen = tuple(allows(schema, text) if value is not None else None for allows, value in zip((outlines, enforcer), expected))
    print(json.dumps(schema), text, "outlines-core:", seen[0], "lm-format-enforcer:", seen[1])
    assert seen == expected, "this has changed"
assert outlines(SCORE, "5") and enforcer(SCORE, "5")
assert not outlines(BOTH, '{"Quality": 1, "Text": 2}'), "this has changed"
try:
    build_regex_from_schema(json.dumps({"allOf": [{"type": "integer"}, {"minimum": 3}]}))
    refused = ""
except ValueError as error:
    refused = str(error)
print(refused.splitlines()[0])
assert "Unsupported JSON Schema" in refused, "this has changed"
PYTHON
