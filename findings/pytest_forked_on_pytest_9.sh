#!/usr/bin/env bash
# pytest-forked 1.7.5 fails every test that it forks under pytest 9.2.0, an empty one too.
#
# Guess before the run: --forked works as with pytest 8, for the plugin installs with pytest 9 without a complaint.
# Seen on CPython 3.11, Linux: a test with an empty body "EXITED with status 3", which is pytest's code of an internal
# error; the error itself is shown nowhere. The same test passes without --forked.
# This fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pytest==9.2.0 pytest-forked==1.7.5 2>/dev/null
cd "$folder"
printf 'def test_nothing():\n    pass\n' > test_nothing.py
code=0
"$folder/venv/bin/python" -m pytest -q --forked test_nothing.py > forked.log || code=$?
grep "EXITED with status 3" forked.log | head -n 1
tail -n 1 forked.log
test "$code" = 1
"$folder/venv/bin/python" -m pytest -q test_nothing.py | tail -n 1 | grep "1 passed"
