"""Rows out of Parquet files: cells of every kind, damage, memory, and a machine without pyarrow."""

from __future__ import annotations

import datetime
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as pq
import pytest

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.inputs.manifest import Row, RowError, read_manifest
from pytest_imagejudge.tables import parquet_rows
from pytest_imagejudge.tables.reading import peek, read_rows
from pytest_imagejudge.tables.rows import PARQUET, SUFFIXES, Picture

TABLES = (*SUFFIXES, PARQUET)
IMAGE = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])


def write(path: Path, columns: dict[str, Any], group: int = 4) -> Path:
    pq.write_table(arrow.table(columns), path, row_group_size=group)
    return path


def test_cells(tmp_path: Path) -> None:
    pictures = [
        {"bytes": b"one", "path": "a.png"},
        {"bytes": None, "path": "b.png"},
        {"bytes": b"", "path": None},
        None,
    ]
    path = write(
        tmp_path / "x.parquet",
        {
            "image": arrow.array(pictures, IMAGE),
            "pair": arrow.array([[pictures[0], pictures[1]], [], None, [None]], arrow.list_(IMAGE)),
            "raw": arrow.array([b"x", None, b"", b"y"]),
            "score": arrow.array([1.5, None, 3.0, 4.0]),
            "on": arrow.array([datetime.date(2026, 1, 2)] * 4),
            "deep": arrow.array([{"a": 1, "b": [True]}] * 4),
            "word": arrow.array(["é", "", None, "x"]).dictionary_encode(),
        },
        group=3,
    )
    columns, rows = peek(path, TABLES)
    assert columns == ["image", "pair", "raw", "score", "on", "deep", "word"]
    found = list(rows)
    assert [(row.number, row.line, row.message) for row in found] == [(i, 0, "") for i in (1, 2, 3, 4)]
    assert found[0].values == {
        "image": Picture(b"one", "a.png"),
        "pair": [Picture(b"one", "a.png"), "b.png"],
        "raw": Picture(b"x"),
        "score": 1.5,
        "on": "2026-01-02",
        "deep": {"a": 1, "b": [True]},
        "word": "é",
    }
    assert [row.values["image"] for row in found[1:]] == ["b.png", Picture(b""), None]
    assert parquet_rows.count_parquet_rows(path) == 4


def test_a_row_of_bad_text_is_the_only_one(tmp_path: Path) -> None:
    raw = arrow.array([b"fine", b"\xff\xfe", b"fine"]).view(arrow.string())
    found = list(read_rows(write(tmp_path / "x.parquet", {"prompt": raw}), TABLES))
    assert [bool(row.message) for row in found] == [False, True, False]
    assert "prompt" in found[1].message


def test_a_damaged_row_group_is_accounted_for_row_by_row(tmp_path: Path) -> None:
    table = {"image": arrow.array([{"bytes": bytes([i]) * 4000, "path": f"{i}"} for i in range(12)], IMAGE)}
    path = tmp_path / "x.parquet"
    pq.write_table(arrow.table(table), path, row_group_size=4, compression="zstd", use_dictionary=False)
    chunk = pq.ParquetFile(path).metadata.row_group(1).column(0)
    data = bytearray(path.read_bytes())
    start = chunk.data_page_offset
    data[start : start + chunk.total_compressed_size] = b"\xa5" * chunk.total_compressed_size
    path.write_bytes(data)
    found = list(read_rows(path, TABLES))
    assert [row.number for row in found] == list(range(1, 13))
    assert [bool(row.message) for row in found] == [False] * 4 + [True] * 4 + [False] * 4
    assert "row group 2" in found[4].message


@pytest.mark.parametrize("content", ["empty", "text", "cut", "rows", "twice"])
def test_files_that_cannot_be_used(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.parquet"
    write(path, {"a": arrow.array(["x" * 100] * 50)})
    if content == "rows":
        write(path, {"a": arrow.array([], arrow.string())})
    elif content == "twice":
        pq.write_table(arrow.Table.from_arrays([arrow.array([1]), arrow.array([2])], names=["a", "a"]), path)
    else:
        path.write_bytes({"empty": b"", "text": b"a,b\n1,2\n", "cut": path.read_bytes()[:-20]}[content])
    with pytest.raises(ConfigError, match=r"x\.parquet") as error:
        list(peek(path, TABLES)[1])
    assert {"rows": "no rows", "twice": "twice"}.get(content, "can't be read as Parquet") in str(error.value)


def test_it_is_read_only_where_it_is_expected(tmp_path: Path) -> None:
    path = write(tmp_path / "x.parquet", {"ID": ["1"], "prompt": ["p"], "image_path": ["x.png"]})
    with pytest.raises(ConfigError, match="files ending in"):
        read_manifest(path)


def test_manifests_hold_pictures(tmp_path: Path) -> None:
    (tmp_path / "b.png").write_bytes(b"b")
    cells = [{"bytes": b"one", "path": "a.png"}, {"bytes": None, "path": "b.png"}, {"bytes": None, "path": "no.png"}]
    path = write(
        tmp_path / "x.parquet",
        {"ID": [1, 2, 3], "prompt": ["p", "q", "r"], "image_path": arrow.array([*cells], IMAGE)},
    )
    one, two, three = read_manifest(path, suffixes=TABLES)
    assert isinstance(one, Row)
    assert (one.where, one.id, one.image, one.extra["image_path"]) == ("row 1", "1", b"one", "a.png")
    assert isinstance(two, Row)
    assert two.image == tmp_path / "b.png"
    assert isinstance(three, RowError)
    assert str(three).startswith('row 3 (ID "3"): image_path: no file "no.png"')


def test_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "x.parquet", {"a": ["x"]})
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(ConfigError, match=r'pip install "pytest-imagejudge\[parquet\]"'):
        peek(path, TABLES)


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """300 MB of pictures in one row group."""
    path = tmp_path / "x.parquet"
    schema = arrow.schema([("image", IMAGE)])
    picture = bytes(range(256)) * 4096
    batch = arrow.record_batch([arrow.array([{"bytes": picture, "path": ""}] * 30, IMAGE)], schema=schema)
    table = arrow.Table.from_batches([batch] * 10)
    pq.write_table(table, path, row_group_size=300, compression="none", use_dictionary=False, write_batch_size=16)
    script = (
        "import resource, sys; from pathlib import Path; from pytest_imagejudge.tables.reading import read_rows\n"
        "import pyarrow.parquet; before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "count = sum(len(row.values['image'].data) == 2**20 for row in read_rows(Path(sys.argv[1]), ('.parquet',)))\n"
        "print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    count, megabytes = map(int, done.stdout.split())
    assert count == 300
    assert megabytes < 120
