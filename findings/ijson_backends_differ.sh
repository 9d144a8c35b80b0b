#!/usr/bin/env bash
# ijson 3.6.0 reads one JSON document into different values by backend, and says nothing of it.
#
# Guess before the run: the C backend (yajl2_c, the default where it is built) is only quicker than the Python one.
# Seen with ijson 3.6.0 on CPython 3.11, Linux x86-64:
# - The escape of half a surrogate pair, which the JSON grammar allows, comes back as "?" from yajl2_c. The Python
#   backend and the standard library give the code point itself. No error, no warning: an ID or a prompt is another one.
# - use_float=True is documented for numbers with a fraction, which it makes floats instead of Decimals. With yajl2_c it
#   refuses integers beyond 64 bits too ("integer overflow"), anywhere in the document; without it, or with the Python
#   backend, they are read.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check ijson==3.6.0 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import io
import json

import ijson

half = rb'["\ud83d tail"]'
large = b"[18446744073709551616]"


def read(backend, document, **options):
    try:
        return list(ijson.get_backend(backend).items(io.BytesIO(document), "item", **options))
    except ijson.JSONError as error:
        return str(error).splitlines()[0]


seen = {
    "json, half a pair": ascii(json.loads(half)),
    "python, half a pair": ascii(read("python", half)),
    "yajl2_c, half a pair": ascii(read("yajl2_c", half)),
    "python, large, use_float": read("python", large, use_float=True),
    "yajl2_c, large": read("yajl2_c", large),
    "yajl2_c, large, use_float": read("yajl2_c", large, use_float=True),
}
expected = {
    "json, half a pair": "['\\ud83d tail']",
    "python, half a pair": "['\\ud83d tail']",
    "yajl2_c, half a pair": "['? tail']",
    "python, large, use_float": [18446744073709551616],
    "yajl2_c, large": [18446744073709551616],
    "yajl2_c, large, use_float": "parse error: integer overflow",
}
print("ijson", ijson.__version__)
for name, value in seen.items():
    print(f"{name}: {value}")
assert seen == expected, "this has changed"
PYTHON
