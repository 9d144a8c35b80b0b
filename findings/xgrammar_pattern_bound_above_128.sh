#!/usr/bin/env bash
# xgrammar 0.2.8 takes a JSON schema whose pattern repeats more than 128 times, and can't compile it.
#
# Guess before the run: a bound of 140 compiles as one of 100 does, only slower; and what can't be compiled is refused
# when the schema is parsed, as servers do before they take a request.
# Seen with xgrammar 0.2.8 on CPython 3.11, Linux x86-64:
# - ^[a-z]{0,128}$ as the pattern of a string parses and compiles. With 129 it parses, and compiling fails on an inner
#   check (per_rule_fsm_hashes). The same for one letter in place of a class, and where the least is 129 too.
# - The same bound in maxLength, or in a regular expression by itself, compiles.
# torch is left out (2 GB): xgrammar needs it for masks, which are not made here.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check apache-tvm-ffi==0.1.15.post2 numpy pydantic 2>/dev/null
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps xgrammar==0.2.8 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import json
import sys
from unittest import mock

import tvm_ffi  # before torch, which it would look into

sys.modules["torch"] = sys.modules["transformers"] = mock.MagicMock()

import xgrammar

assert tvm_ffi
letters = [bytes([code]) for code in range(256)]
info = xgrammar.TokenizerInfo(letters, vocab_type=xgrammar.VocabType.RAW, stop_token_ids=[0])


def compiled(make, grammar):
    try:
        make(xgrammar.GrammarCompiler(info), grammar)
    except RuntimeError as error:
        return "per_rule_fsm_hashes" if "per_rule_fsm_hashes" in str(error) else str(error)
    return "compiled"


def schema(**string):
    text = json.dumps({"type": "string", **string})
    xgrammar.Grammar.from_json_schema(text)  # parses
    return compiled(xgrammar.GrammarCompiler.compile_json_schema, text)


seen = {
    "pattern, 128": schema(pattern="^[a-z]{0,128}$"),
    "pattern, 129": schema(pattern="^[a-z]{0,129}$"),
    "pattern of one letter, 129": schema(pattern="^a{0,129}$"),
    "pattern, just 129": schema(pattern="^[a-z]{129}$"),
    "maxLength, 129": schema(maxLength=129),
    "regular expression, 129": compiled(xgrammar.GrammarCompiler.compile_regex, "[a-z]{0,129}"),
}
expected = {
    "pattern, 128": "compiled",
    "pattern, 129": "per_rule_fsm_hashes",
    "pattern of one letter, 129": "per_rule_fsm_hashes",
    "pattern, just 129": "per_rule_fsm_hashes",
    "maxLength, 129": "compiled",
    "regular expression, 129": "compiled",
}
print("xgrammar", xgrammar.__version__ if hasattr(xgrammar, "__version__") else "0.2.8")
for name, value in seen.items():
    print(f"{name}: {value}")
assert seen == expected, "this has changed"
PYTHON
