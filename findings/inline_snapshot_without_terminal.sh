#!/usr/bin/env bash
# inline-snapshot 0.36.1 ends a pytest run without the terminal plugin in a traceback, even if no test uses a snapshot.
#
# Guess before the run: `-p no:terminal`, which programs that run pytest use to have it print nothing, works with any
# plugin that only adds a fixture.
# Seen with pytest 9.2.0: the option --color belongs to pytest's terminal plugin, inline-snapshot asks for it when every
# run ends, and the run of one passing test exits with 1 and "no option named 'color'". Without inline-snapshot the same
# run exits with 0. It is loaded by its entry point, so it is enough that it is installed.
# This fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pytest==9.2.0 inline-snapshot==0.36.1 2>/dev/null
cd "$folder"
printf 'def test_nothing():\n    pass\n' > test_nothing.py
code=0
"$folder/venv/bin/python" -m pytest -p no:terminal test_nothing.py > with.log 2>&1 || code=$?
tail -n 1 with.log
without=0
"$folder/venv/bin/python" -m pytest -p no:terminal -p no:inline_snapshot test_nothing.py > without.log 2>&1 || without=$?
echo "exit $code with inline-snapshot, $without without"
grep -q "no option named 'color'" with.log
test "$code" = 1
test "$without" = 0
