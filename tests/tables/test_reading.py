"""JSON arrays are read a row at a time, with the line of each, whatever is in one of them."""

import math
import subprocess
import sys

import pytest

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.tables.reading import read_rows
from pytest_imagejudge.tables.rows import RawRow


@pytest.fixture
def read(tmp_path):
    def read(content):
        path = tmp_path / "rows.json"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_rows(path))

    return read


def test_a_row_has_the_line_on_which_it_starts(read):
    rows = read('[{"a": 1}, {"a":\n2\n},\n\n  {"a": 3}\n,{"a": 4}, 5,\n[\n6]]')
    assert [(row.number, row.line, row.values) for row in rows] == [
        (1, 1, {"a": 1}),
        (2, 1, {"a": 2}),
        (3, 5, {"a": 3}),
        (4, 6, {"a": 4}),
        (5, 6, {}),
        (6, 7, {}),
    ]
    assert [row.message for row in rows[4:]] == [
        "a number where an object was expected",
        "a list where an object was expected",
    ]


def test_numbers_as_python_writes_them(read):
    (row,) = read(
        '[{"nan": NaN, "inf": Infinity, "low": -Infinity, "big": 123456789012345678901234567890, "far": 1e400}]'
    )
    assert not row.message
    assert math.isnan(row.values.pop("nan"))
    assert row.values == {"inf": math.inf, "low": -math.inf, "big": 123456789012345678901234567890, "far": math.inf}
    assert type(row.values["big"]) is int


@pytest.mark.parametrize("indent", ["", "\n"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": "caf\xe9"}', "byte 0xE9 is not valid UTF-8; does the file use another encoding, or several?"),
        (b'{"a": 1, "a": 2}', 'the name "a" appears twice in one object'),
        (b'"a"', "a string where an object was expected"),
    ],
)
def test_a_bad_row_costs_only_itself(read, indent, content, message):
    array = b'[{"a": 0},' + indent.encode() + content + b',{"a": 3}]'
    bad = 2 if indent else 1
    rows = read(array)
    assert [(row.number, row.line, row.message) for row in rows] == [(1, 1, ""), (2, bad, message), (3, bad, "")]
    assert rows[2].values == {"a": 3}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "no valid JSON: nested too deeply"),
        ('{"a":' * 200_000, "no valid JSON: nested too deeply"),
        ("{" * 2**20, "no valid JSON: Expecting property name enclosed in double quotes"),
        ('{"a": ' + "9" * 10_000 + "}", "no valid JSON: a number of too many digits"),
        ('{"a": 1,}', "no valid JSON: a comma"),
        ('{"a": 1', "no valid JSON: Expecting ',' delimiter"),
        ('{"a": 1} {"a": 2}', 'no valid JSON: "," or "]" was expected after it'),
    ],
)
def test_what_can_not_be_read_is_told_with_row_and_line(read, content, message):
    rows = read('[{"a": 0},\n' + content)
    assert rows == [RawRow(1, 1, {"a": 0}), RawRow(2, 2, {}, f"{message}; the rest of the file can't be read")]


def test_a_byte_order_mark_and_a_comma_at_the_end(read):
    assert read(b"\xef\xbb\xbf" + b'[\r\n{"a": 1},\r\n{"a": 2},\r\n]\r\n') == [
        RawRow(1, 2, {"a": 1}),
        RawRow(2, 3, {"a": 2}),
    ]


MEASURE = """
import sys, tracemalloc
from pathlib import Path
from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.tables.reading import read_rows
tracemalloc.start()
rows = sum(1 for _ in read_rows(Path(sys.argv[1])))
print(rows, tracemalloc.get_traced_memory()[1])
"""


def test_memory_does_not_grow_with_the_file(tmp_path):
    path = tmp_path / "rows.json"
    row = '{"a": "' + "x" * 1000 + '"}'
    path.write_text("[" + ",".join([row] * 20_000) + "]")
    done = subprocess.run([sys.executable, "-c", MEASURE, path], capture_output=True, text=True, check=True)
    rows, most = map(int, done.stdout.split())
    assert rows == 20_000
    assert most < path.stat().st_size / 4


def test_a_folder_is_called_one(tmp_path):
    with pytest.raises(ConfigError, match=r"is a folder; a file is expected, ending in \.csv, "):
        list(read_rows(tmp_path))
