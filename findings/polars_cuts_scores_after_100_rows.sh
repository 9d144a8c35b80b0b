#!/usr/bin/env bash
# polars 2.1.0 cuts the fraction off scores, and drops whole facets, that come after the first 100 rows of records.
#
# Guess before the run: the types come from the first 100 rows, and a row that does not fit is an error that names
# `infer_schema_length`. `strict`, which is on by default, is documented so: an error "if any value does not exactly
# match the given or inferred data type".
# Seen with polars 2.1.0 on CPython 3.11: `DataFrame(records)` and `from_dicts(records)`, where the records are what
# json.loads makes of a judge's answers (4 is an int there, and 4.9 a float).
# - With 100 whole scores first, 4.9 becomes 4, strict or not. The mean of 900 of them behind 100 times 3 is 3.9, and 4.71
#   in truth. It is the same inside objects and lists.
# - A key that no row had before, such as a facet or an error, is dropped. "4" and True become 4 and 1.
# - With 99 whole scores first all is right, and so are columns: DataFrame({"score": [3, 3, 4.9]}) is an error.
#   What can't be cut is an error too: "N/A", or 4.9 after a hundred nulls.
# No warning is issued in any of these, so a table of results is right for as long as it is short.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check polars==2.1.0 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import json
import warnings

import polars

warnings.simplefilter("error")


def last(score, before=100, first='{"score": 3}', **options):
    """The last row of a table of ``before`` rows of ``first`` and one of ``score``, all read from JSON."""
    records = [json.loads(line) for line in [first] * before + [score]]
    try:
        tables = [make(records, **options) for make in (polars.DataFrame, polars.from_dicts)]
    except polars.exceptions.ComputeError as error:
        assert "infer_schema_length" in str(error)
        return "error"
    assert tables[0].equals(tables[1])
    return tables[0].rows(named=True)[-1]


print("polars", polars.__version__)
seen = {
    "4.9 as row 100": last('{"score": 4.9}', before=99),
    "4.9 as row 101": last('{"score": 4.9}'),
    "4.9 as row 101, strict": last('{"score": 4.9}', strict=True),
    "4.9 as row 101, all rows looked at": last('{"score": 4.9}', infer_schema_length=None),
    "in an object": last('{"score": {"Quality": 4.9}}', first='{"score": {"Quality": 3}}'),
    "in a list": last('{"score": [4.9]}', first='{"score": [3]}'),
    "a key more": last('{"score": 3, "error": "no picture"}'),
    "a string": last('{"score": "4"}'),
    "a boolean": last('{"score": true}'),
    "no number": last('{"score": "N/A"}'),
    "4.9 after nulls": last('{"score": 4.9}', first='{"score": null}'),
}
for name, value in seen.items():
    print(f"{name}: {value}")
records = [{"score": 3}] * 100 + [{"score": 4.9}] * 900
mean, truth = polars.DataFrame(records)["score"].mean(), sum(record["score"] for record in records) / 1000
print(f"mean of 1,000: {mean:.2f}, in truth {truth:.2f}")
try:
    polars.DataFrame({"score": [3, 3, 4.9]})
    columns = "taken"
except TypeError:
    columns = "error"
print("as columns:", columns)
assert seen == {
    "4.9 as row 100": {"score": 4.9},
    "4.9 as row 101": {"score": 4},
    "4.9 as row 101, strict": {"score": 4},
    "4.9 as row 101, all rows looked at": {"score": 4.9},
    "in an object": {"score": {"Quality": 4}},
    "in a list": {"score": [4]},
    "a key more": {"score": 3},
    "a string": {"score": 4},
    "a boolean": {"score": 1},
    "no number": "error",
    "4.9 after nulls": "error",
}, "this has changed"
assert (round(mean, 2), round(truth, 2), columns) == (3.9, 4.71, "error"), "this has changed"
PYTHON
