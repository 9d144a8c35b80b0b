#!/usr/bin/env bash
# xgrammar 0.2.8: with minLength or maxLength a string may hold raw control characters, and no escape at all.
#
# Guess before the run: a bound on the length only counts characters; what is allowed inside stays JSON.
# Seen with xgrammar 0.2.8 on CPython 3.11, Linux x86-64, for {"type": "string"} with and without "maxLength": 200:
# - Without a bound the grammar is JSON's: control characters are refused, \", \n and \u00e4 are allowed.
# - With a bound a raw tab and every control character but line feed and carriage return is allowed: not JSON any more,
#   json.loads refuses the whole answer. "minLength": 1 alone does the same.
# - With a bound every escape is refused, so a judge can't quote what a sign says, nor break a line: at a quotation mark the
#   string has to end.
# So the usual care, a bound on the reason's length lest it never ends, makes some answers unreadable after they are paid
# for. vLLM 0.33.0 pins this xgrammar, and its check of schemas (`has_xgrammar_unsupported_json_features`) lets a bound
# without a pattern through.
# torch is left out (2 GB): xgrammar needs it for masks, which are not made here.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    apache-tvm-ffi==0.1.15.post2 numpy==2.4.6 pydantic==2.14.4 2>/dev/null
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps xgrammar==0.2.8 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import json
import sys
from unittest import mock

import tvm_ffi  # before torch, which it would look into

sys.modules["torch"] = sys.modules["transformers"] = mock.MagicMock()

import xgrammar

assert tvm_ffi
END = 256
letters = [bytes([code]) for code in range(256)] + [b"</s>"]
info = xgrammar.TokenizerInfo(letters, vocab_type=xgrammar.VocabType.RAW, stop_token_ids=[END])
compiler = xgrammar.GrammarCompiler(info)


def allowed(reason, bounds):
    """Whether an answer with ``reason``, as written between its quotation marks, is allowed."""
    schema = {
        "type": "object",
        "properties": {"reason": {"type": "string", **bounds}, "score": {"type": "integer", "minimum": 0, "maximum": 10}},
        "required": ["reason", "score"],
        "additionalProperties": False,
    }
    matcher = xgrammar.GrammarMatcher(compiler.compile_json_schema(json.dumps(schema)))
    return matcher.accept_string(f'{{"reason": "{reason}", "score": 8}}') and matcher.accept_token(END)


def is_json(reason):
    try:
        json.loads(f'"{reason}"')
    except ValueError:
        return False
    return True


REASONS = {
    "plain": "two fingers are missing",
    "quoted": r"the sign says \"STOP\"",
    "escaped line feed": r"two fingers\nare missing",
    "escaped letter": r"\u00e4",
    "raw tab": "two fingers\tare missing",
    "raw escape character": "two fingers\x1bare missing",
    "raw line feed": "two fingers\nare missing",
}
print("xgrammar", importlib.metadata.version("xgrammar"))
seen = {}
for name, reason in REASONS.items():
    seen[name] = tuple(allowed(reason, bounds) for bounds in ({}, {"maxLength": 200}, {"minLength": 1}))
    words = ["allowed" if each else "refused" for each in seen[name]]
    print(f"{name}: {'JSON' if is_json(reason) else 'not JSON'}; {words[0]}, with maxLength {words[1]}, with minLength {words[2]}")
    assert seen[name][0] == is_json(reason)
controls = [code for code in range(32) if allowed(chr(code), {"maxLength": 200})]
print("raw control characters with maxLength:", len(controls))
assert seen == {
    "plain": (True, True, True),
    "quoted": (True, False, False),
    "escaped line feed": (True, False, False),
    "escaped letter": (True, False, False),
    "raw tab": (False, True, True),
    "raw escape character": (False, True, True),
    "raw line feed": (False, False, False),
}, "this has changed"
assert set(range(1, 32)) - {10, 13} <= set(controls), "this has changed"
PYTHON
