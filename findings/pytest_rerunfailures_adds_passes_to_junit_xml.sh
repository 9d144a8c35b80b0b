#!/usr/bin/env bash
# pytest-rerunfailures 16.7 writes every failed attempt into the JUnit XML as a test that passed; 16.6 wrote the last attempt only.
#
# Guess before the run: a test that fails in all of its attempts is one test in the file, a failure, or a failure ten times.
# Seen with pytest-rerunfailures 16.7 and 16.6, pytest 9.2.0, pytest-xdist 3.8.0, junitparser 5.0.3 on CPython 3.11 and
# junit-to-ctrf 0.0.14 on Node.js 20.20.2; one test that passes and one that always fails, with `--reruns 9` and `--junitxml`:
#                                 in the file                        junitparser, merged     junit-to-ctrf
#   16.6                          2 tests, 1 failed                  2 tests, 1 failed       1 passed, 1 failed
#   16.7, with and without -n 1   11 tests, of which one is failed,  11 tests, 1 failed      10 passed, 1 failed
#                                 but tests="2" in its head
# - An attempt that is to be repeated has an element without <failure>, <error> or <skipped>, which is what a passed test has.
# - So the worse a picture is, the more passed tests it brings: a gate on the share of passed tests sees 91 % instead of 50 %,
#   and who counts the share of attempts that passed, for a flaky judge, has 90 % for a test that never did.
# - pytest itself counts one failure, and its exit code is 1.
# None of the programs warns. The documentation of the plugin says nothing of JUnit; its tracker has open reports of attempts
# without a failure (170) and of tests that are counted twice (76).
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for version in 16.6 16.7; do
    python3 -m venv "$folder/$version"
    "$folder/$version/bin/pip" install --quiet --disable-pip-version-check \
        pytest-rerunfailures=="$version" pytest==9.2.0 pytest-xdist==3.8.0 junitparser==5.0.3 2>/dev/null
done
cd "$folder"
npm install --silent --no-audit --no-fund --no-update-notifier --prefix "$folder" junit-to-ctrf@0.0.14 >/dev/null
mkdir tests
cat > tests/test_pictures.py <<'PYTHON'
def test_good():
    assert 0.9 >= 0.7


def test_bad():
    assert 0.4 >= 0.7
PYTHON
export NO_COLOR=1
for run in "16.6" "16.7" "16.7 -n 1"; do
    read -r version options <<< "$run"
    code=0
    # shellcheck disable=SC2086
    "$version/bin/python" -m pytest -q --rootdir tests -p no:cacheprovider --reruns 9 $options --junitxml=one.xml tests \
        > said || code=$?
    echo "$run: exit code $code, $(tail -1 said | sed 's/ in .*//')"
    "$version/bin/junitparser" merge one.xml one.xml merged.xml
    node_modules/.bin/junit-to-ctrf one.xml -o ctrf.json >/dev/null
    "$version/bin/python" - <<'PYTHON'
import json
import xml.etree.ElementTree as tree

cases = tree.parse("one.xml").findall(".//testcase")
failed = [case.get("name") for case in cases if len(case)]
merged, ctrf = tree.parse("merged.xml").getroot(), json.load(open("ctrf.json"))["results"]["summary"]
print(f"  in the file: {len(cases)} tests, failed {failed}, by its head {tree.parse('one.xml').find('.//testsuite').get('tests')}")
print(f"  junitparser, twice: {merged.get('tests')} tests, {merged.get('failures')} failed")
print(f"  junit-to-ctrf: {ctrf['passed']} passed, {ctrf['failed']} failed")
PYTHON
done > outcomes
cat outcomes
diff outcomes - <<'EXPECTED'
16.6: exit code 1, 1 failed, 1 passed, 9 rerun
  in the file: 2 tests, failed ['test_bad'], by its head 2
  junitparser, twice: 4 tests, 2 failed
  junit-to-ctrf: 1 passed, 1 failed
16.7: exit code 1, 1 failed, 1 passed, 9 rerun
  in the file: 11 tests, failed ['test_bad'], by its head 2
  junitparser, twice: 22 tests, 2 failed
  junit-to-ctrf: 10 passed, 1 failed
16.7 -n 1: exit code 1, 1 failed, 1 passed, 9 rerun
  in the file: 11 tests, failed ['test_bad'], by its head 2
  junitparser, twice: 22 tests, 2 failed
  junit-to-ctrf: 10 passed, 1 failed
EXPECTED
