#!/usr/bin/env bash
# xgrammar 0.2.8 drops bounds that stand beside $ref, enum, anyOf or allOf, and forbids a property that the schema requires.
#
# Guess before the run: what a JSON schema says is enforced, or the schema is refused.
# Seen with xgrammar 0.2.8 on CPython 3.11, Linux x86-64; no error and no warning in any of these:
# - {"$ref": "#/$defs/score", "minimum": 3}: 1 is allowed. {"enum": [1, 2, 3], "maximum": 2}: 3 is allowed.
#   {"anyOf": [...], "minimum": 1} and {"type": "integer", "allOf": [{"minimum": 3}]}: 0 is allowed. JSON Schema applies
#   both since draft 2019-09. vLLM 0.33.0 refuses schemas that xgrammar can't keep (`has_xgrammar_unsupported_json_features`
#   names allOf of two and more), and these pass its check.
# - A name in "required" without an entry in "properties": the object that holds it, the only right answer, is refused,
#   and the one without it is allowed.
# - "pattern": "b" must match the whole string. JSON Schema searches: "abc" is right, and refused here.
# torch is left out (2 GB): xgrammar needs it for masks, which are not made here.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    apache-tvm-ffi==0.1.15.post2 numpy pydantic jsonschema==4.25.1 2>/dev/null
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps xgrammar==0.2.8 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import json
import sys
from unittest import mock

import tvm_ffi  # before torch, which it would look into

sys.modules["torch"] = sys.modules["transformers"] = mock.MagicMock()

import jsonschema
import xgrammar

assert tvm_ffi
END = 256
letters = [bytes([code]) for code in range(256)] + [b"</s>"]
info = xgrammar.TokenizerInfo(letters, vocab_type=xgrammar.VocabType.RAW, stop_token_ids=[END])
compiler = xgrammar.GrammarCompiler(info)
SCORE = {"$defs": {"score": {"type": "integer", "minimum": 0, "maximum": 10}}}


def seen(schema, answer):
    matcher = xgrammar.GrammarMatcher(compiler.compile_json_schema(json.dumps(schema)))
    grammar = matcher.accept_string(answer) and matcher.accept_token(END)
    right = jsonschema.Draft202012Validator(schema).is_valid(json.loads(answer))
    return "right" if right else "wrong", "allowed" if grammar else "refused"


cases = {
    "bound of the $ref, 50": seen({**SCORE, "$ref": "#/$defs/score"}, "50"),
    "beside $ref, 1": seen({**SCORE, "$ref": "#/$defs/score", "minimum": 3}, "1"),
    "beside enum, 3": seen({"type": "integer", "enum": [1, 2, 3], "maximum": 2}, "3"),
    "beside anyOf, 0": seen({"anyOf": [{"type": "integer"}, {"type": "number"}], "minimum": 1}, "0"),
    "beside allOf, 0": seen({"type": "integer", "allOf": [{"minimum": 3}]}, "0"),
    "required alone, present": seen(
        {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a", "b"]}, '{"a": 1, "b": 2}'
    ),
    "required alone, absent": seen(
        {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a", "b"]}, '{"a": 1}'
    ),
    "pattern b, abc": seen({"type": "string", "pattern": "b"}, '"abc"'),
}
print("xgrammar", importlib.metadata.version("xgrammar"))
for name, (by_schema, by_grammar) in cases.items():
    print(f"{name}: {by_schema} by the schema, {by_grammar} by the grammar")
assert cases == {
    "bound of the $ref, 50": ("wrong", "refused"),
    "beside $ref, 1": ("wrong", "allowed"),
    "beside enum, 3": ("wrong", "allowed"),
    "beside anyOf, 0": ("wrong", "allowed"),
    "beside allOf, 0": ("wrong", "allowed"),
    "required alone, present": ("right", "refused"),
    "required alone, absent": ("wrong", "allowed"),
    "pattern b, abc": ("right", "refused"),
}, "this has changed"
PYTHON
