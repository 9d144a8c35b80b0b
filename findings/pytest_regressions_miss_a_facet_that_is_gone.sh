#!/usr/bin/env bash
# pytest-regressions 2.11.0 compares the columns that a test still has, so a facet that is gone passes.
#
# Guess before the run: `num_regression` compares the table of scores with the stored one, and a column less is a
# difference as a column more or a row less is.
# Seen with pytest-regressions 2.11.0, pytest 9.2.0, pandas 3.1.1, numpy 2.4.6 on CPython 3.11:
# - `num_regression` and `dataframe_regression` walk the columns of the new table alone. Scores whose worst facet is no
#   longer measured pass, down to a table of one column; a column more and a row less fail.
# - A score that is no number in the stored table and in the new one passes as well (NaN equals NaN).
# - `ndarrays_regression` and `data_regression` of the same scores fail for a key less.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pytest-regressions==2.11.0 pytest==9.2.0 pandas==3.1.1 numpy==2.4.6 2>/dev/null
cd "$folder"
cat > test_scores.py <<'PYTHON'
import os

import numpy as np
import pandas as pd

STORED = {"Quality": [80.0, 75.0, 78.0], "Text": [70.0, 12.0, 66.0], "Hands": [61.0, 64.0, 60.0]}


def scores(**changes):
    """The stored scores at first, later with changes: None takes a facet out."""
    changed = {**STORED, **changes} if os.environ.get("LATER") else STORED
    return {name: values for name, values in changed.items() if values is not None}


def test_num_one_less(num_regression):
    num_regression.check(scores(Text=None))


def test_num_two_less(num_regression):
    num_regression.check(scores(Text=None, Hands=None))


def test_num_one_more(num_regression):
    num_regression.check(scores(Light=[50.0, 50.0, 50.0]))


def test_num_one_row_less(num_regression):
    num_regression.check(scores(**{name: values[:2] for name, values in STORED.items()}))


def test_num_another_score(num_regression):
    num_regression.check(scores(Text=[70.0, 10.0, 66.0]))


def test_num_nan_before_and_after(num_regression):
    num_regression.check({"Quality": [80.0, float("nan")]})


def test_dataframe_one_less(dataframe_regression):
    dataframe_regression.check(pd.DataFrame(scores(Text=None)))


def test_ndarrays_one_less(ndarrays_regression):
    ndarrays_regression.check({name: np.array(values) for name, values in scores(Text=None).items()})


def test_data_one_less(data_regression):
    data_regression.check(scores(Text=None))
PYTHON
run=(venv/bin/python -m pytest -p no:cacheprovider -rA --tb=no test_scores.py)
"${run[@]}" --force-regen >/dev/null || true  # stores the tables
"${run[@]}" >/dev/null                        # all pass on the same scores
LATER=1 "${run[@]}" > seen || true
"$folder/venv/bin/pip" list --disable-pip-version-check 2>/dev/null | grep -E '^(pytest|pytest-regressions) '
grep -E '^(PASSED|FAILED|ERROR)' seen | cut -d' ' -f1,2 | sort > outcomes
cat outcomes
diff outcomes - <<'EXPECTED'
FAILED test_scores.py::test_data_one_less
FAILED test_scores.py::test_ndarrays_one_less
FAILED test_scores.py::test_num_another_score
FAILED test_scores.py::test_num_one_more
FAILED test_scores.py::test_num_one_row_less
PASSED test_scores.py::test_dataframe_one_less
PASSED test_scores.py::test_num_nan_before_and_after
PASSED test_scores.py::test_num_one_less
PASSED test_scores.py::test_num_two_less
EXPECTED
