#!/usr/bin/env bash
# Allure 3.18.0 takes tests that are parametrised by pictures for retries of one test, and its quality gate passes.
#
# Guess before the run: two cases of a parametrised test are two tests in the report, whatever their parameters are,
# because pytest tells them apart by their node IDs; and a gate of no failures sees each failure.
# Seen with allure (npm) 3.18.0 on Node.js 22.23.3, allure-pytest 2.16.2, pytest 9.2.0, numpy 2.4.6 on CPython 3.11:
# - A case is known by its function and the repr of its parameters, and not by its ID. The repr of an array leaves out
#   the middle: pictures with the same margin are the same (white ground, a letterbox). Of bytes only the type is kept.
# - So of the cases "spoilt" (failed) and "fine" (passed) only the last to run counts. The report shows one test that
#   passed, with one retry. Parametrised by names the same two cases are two tests.
# - `allure quality-gate --max-failures 0` exits with 0 on it, and with 1 by names. pytest exits with 1 either way, so it
#   is the gate after sharded or tolerated runs that is green.
# Pillow's images have their address in the repr: these are apart, but no case is found again in the history.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    allure-pytest==2.16.2 pytest==9.2.0 numpy==2.4.6 pillow==13.0.0 2>/dev/null
cd "$folder"
npm install --silent --no-audit --no-fund --no-update-notifier --prefix "$folder" allure@3.18.0 node@22.23.3 >/dev/null
export PATH="$folder/node_modules/.bin:$PATH"
cat > test_pictures.py <<'PYTHON'
import numpy as np
import pytest
from PIL import Image

BLACK, RED = (0, 0, 0), (200, 0, 0)


def drawing(colour):
    picture = np.full((64, 64, 3), 255, np.uint8)
    picture[8:56, 8:56] = colour
    return picture


def cases(make):
    return pytest.mark.parametrize("picture", [make(drawing(BLACK)), make(drawing(RED))], ids=["spoilt", "fine"])


@cases(lambda drawn: drawn)
def test_array(picture):
    assert picture[32, 32, 0] == 200


@cases(lambda drawn: drawn.tobytes())
def test_bytes(picture):
    assert bytes(RED) in picture


@cases(Image.fromarray)
def test_pillow(picture):
    assert picture.getpixel((32, 32)) == RED


@pytest.mark.parametrize("name", ["spoilt", "fine"])
def test_name(name):
    assert name == "fine"
PYTHON
echo "allure $(allure --version), Node.js $(node --version)"
for name in name array bytes pillow; do
    outcome=$(venv/bin/python -m pytest -p no:cacheprovider -q --tb=no -k "test_$name" --alluredir "$name" 2>/dev/null | tail -1) || true
    allure generate "$name" --output "report-$name" >/dev/null 2>&1
    gate=0
    allure quality-gate "$name" --max-failures 0 >/dev/null 2>&1 || gate=$?
    venv/bin/python - "$name" "$gate" "$outcome" <<'PYTHON'
import json
import sys

name, gate, outcome = sys.argv[1:]
with open(f"report-{name}/summary.json", encoding="utf-8") as file:
    stats = json.load(file)["stats"]
counts = {key: stats.get(key, 0) for key in ("total", "passed", "failed", "retries")}
print(f"test_{name}: pytest says {outcome.split(' in ')[0]}; Allure {counts}; the gate exits with {gate}")
apart = ({"total": 2, "passed": 1, "failed": 1, "retries": 0}, "1")
one = ({"total": 1, "passed": 1, "failed": 0, "retries": 1}, "0")
assert outcome.startswith("1 failed, 1 passed"), outcome
assert (counts, gate) == {"name": apart, "array": one, "bytes": one, "pillow": apart}[name], "this has changed"
PYTHON
done
