#!/usr/bin/env bash
# mkdocs 1.6.1 counts no warnings for --strict where --quiet hides them.
#
# Guess before the run: --quiet is about what is printed, and --strict still exits with 1 where a link leads nowhere.
# Seen with mkdocs 1.6.1 on CPython 3.11, Linux x86-64:
# - `build --strict` exits with 1: "Aborted with 1 warnings in strict mode!".
# - `build --strict --quiet` exits with 0 on the same folder. --quiet raises the level of mkdocs' logger to errors, and
#   the handler that counts for --strict hangs on that logger.
# So a job that builds with both is green whatever the links are.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mkdocs==1.6.1 2>/dev/null
mkdir "$folder/docs"
echo 'site_name: a' >"$folder/mkdocs.yml"
echo '[gone](gone.md)' >"$folder/docs/index.md"
cd "$folder"
code=0
said=$(venv/bin/mkdocs build --strict 2>&1) || code=$?
echo "strict: $code"
[ "$code" = 1 ] && grep -q "Aborted with 1 warnings in strict mode" <<<"$said"
code=0
venv/bin/mkdocs build --strict --quiet || code=$?
echo "strict and quiet: $code"
[ "$code" = 0 ]
echo "as described"
