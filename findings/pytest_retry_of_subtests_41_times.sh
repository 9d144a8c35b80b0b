#!/usr/bin/env bash
# pytest-retry 1.7.0 runs a test 41 times for `--retries 1`, where one of its subtests fails.
#
# Guess before the run: one retry, so two runs; or none, if the plugin does not know pytest's own subtests. The report
# names the assertion of the subtest.
# Seen with pytest-retry 1.7.0, pytest 9.2.0 on CPython 3.11, Linux:
# - A test that checks three facets of one picture in subtests, of which one fails, runs 41 times, whether one retry is
#   asked for or three. Each report of a failed subtest starts the retries anew inside the last ones, until Python's limit
#   of recursion ends it. Where each run makes a picture, these are 41 pictures.
# - The summary names KeyError: 'subtests', the end of the recursion, and not the assertion; the plugin's own report says
#   "passed on attempt 2".
# - The same assertions without subtests run twice, and with pytest-rerunfailures 16.7 and subtests twice too.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for plugin in pytest-retry==1.7.0 pytest-rerunfailures==16.7; do
    python3 -m venv "$folder/${plugin%==*}"
    "$folder/${plugin%==*}/bin/pip" install --quiet --disable-pip-version-check "$plugin" pytest==9.2.0 2>/dev/null
done
cd "$folder"
cat > test_picture.py <<'PYTHON'
import pathlib

SCORES = {"Quality": 80, "Text": 12, "Hands": 61}


def run():
    with pathlib.Path("runs").open("a", encoding="utf-8") as file:
        file.write("x")


def test_subtests(subtests):
    run()
    for facet, score in SCORES.items():
        with subtests.test(facet=facet):
            assert score >= 60


def test_plain():
    run()
    assert min(SCORES.values()) >= 60
PYTHON
seen() {
    local name=$1 test=$2
    shift 2
    : > runs
    "$name/bin/python" -m pytest -p no:cacheprovider -q --tb=no -k "$test" "$@" > log 2>&1 || true
    runs=$(wc -c < runs)
    error=$(grep -E '^(SUBFAILED|FAILED)' log | head -1 | sed 's/.* - //')
    passed=$(grep -c 'passed on attempt 2' log || true)
    echo "$name $* $test: $runs runs, $error; 'passed on attempt 2' $passed times"
}
seen pytest-retry test_subtests --retries 1
test "$runs" -gt 20 && test "$error" = "KeyError: 'subtests'" && test "$passed" -gt 0
seen pytest-retry test_subtests --retries 3
test "$runs" -gt 20 && test "$error" = "KeyError: 'subtests'" && test "$passed" -gt 0
seen pytest-retry test_plain --retries 1
test "$runs" -eq 2 && [[ $error == *"assert 12 >= 60" ]]
seen pytest-rerunfailures test_subtests --reruns 1
test "$runs" -eq 2 && [[ $error == *"assert 12 >= 60" ]]
