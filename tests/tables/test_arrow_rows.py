"""Rows of Arrow files: as the library ``datasets`` writes them (a stream), as others do (a file), and damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as arrow
import pytest

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.inputs.split_files import split_files
from pytest_imagejudge.tables.reading import count_rows, peek, read_rows
from pytest_imagejudge.tables.rows import ARROW, Picture

IMAGE = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
COUNT = 12


def write(path: Path, *, stream: bool = True, rows: int = COUNT, **columns: Any) -> Path:
    table = arrow.table(
        {
            "number": list(range(rows)),
            "picture": arrow.array([{"bytes": b"data", "path": f"{i}.png"} for i in range(rows)], IMAGE),
            "pair": arrow.array([[{"bytes": b"a", "path": None}, {"bytes": None, "path": "b.png"}]] * rows,
                                arrow.list_(IMAGE, 2)),
            **columns,
        }
    )  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    make = arrow.ipc.new_stream if stream else arrow.ipc.new_file
    with make(str(path), table.schema) as writer:
        for batch in table.to_batches(max_chunksize=5):
            writer.write_batch(batch)
    return path


@pytest.mark.parametrize("stream", [True, False])
def test_rows_with_pictures(tmp_path: Path, stream: bool) -> None:
    path = write(tmp_path / "data.arrow", stream=stream)
    columns, rows = peek(path, (ARROW,))
    assert columns == ["number", "picture", "pair"]
    found = list(rows)
    assert [row.number for row in found] == list(range(1, COUNT + 1))
    assert found[7].values == {
        "number": 7,
        "picture": Picture(b"data", "7.png"),
        "pair": [Picture(b"a"), "b.png"],
    }
    assert count_rows(path, (ARROW,)) == COUNT


@pytest.mark.parametrize("stream", [True, False])
def test_a_file_that_breaks_off(tmp_path: Path, stream: bool) -> None:
    path = write(tmp_path / "data.arrow", stream=stream)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    if not stream:  # its footer is gone
        with pytest.raises(ConfigError, match=r"data.arrow can't be read as Arrow"):
            list(read_rows(path, (ARROW,)))
        return
    found = list(read_rows(path, (ARROW,)))
    assert [row.message == "" for row in found] == [True] * 5 + [False]
    assert "the file can't be read from here on" in found[-1].message


@pytest.mark.parametrize("content", [b"", b"PAR1", b'{"a": 1}', bytes(100)])
def test_what_is_no_arrow_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "data.arrow"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"data.arrow can't be read as Arrow"):
        list(read_rows(path, (ARROW,)))


def test_an_empty_one_and_columns_of_one_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is empty: it has no rows"):
        peek(write(tmp_path / "empty.arrow", rows=0), (ARROW,))
    path = tmp_path / "twice.arrow"
    table = arrow.Table.from_arrays([arrow.array([1]), arrow.array([2])], names=["a", "a"])
    with arrow.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(ConfigError, match='"a" appears twice'):
        peek(path, (ARROW,))


def test_a_cell_that_is_no_text(tmp_path: Path) -> None:
    broken = arrow.Array.from_buffers(
        arrow.string(), 2, [None, arrow.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0"), arrow.py_buffer(b"a\xff")]
    )
    good, bad = read_rows(write(tmp_path / "data.arrow", rows=2, text=broken), (ARROW,))
    assert good.values["text"] == "a"
    assert "text" in bad.message


# --- which files are a split ---


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["data-00000-of-00002.arrow", "data-00001-of-00002.arrow", "cache-1234.arrow"], 2),
        (["train/data-00000-of-00001.arrow", "test/data-00000-of-00001.arrow"], 1),
        (["data/train-00000-of-00001.parquet", "data-00000-of-00001.arrow"], 1),
    ],
)
def test_the_files_of_a_data_set(tmp_path: Path, files: list[str], expected: int) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    _, found = split_files(str(tmp_path), "train", arrow=True)
    assert [path.relative_to(tmp_path).as_posix() for path in found] == files[:expected]


def test_a_split_or_a_shard_that_is_missing(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test/data-00000-of-00001.arrow").write_bytes(b"")
    with pytest.raises(ConfigError, match="no Parquet or Arrow files of the split train"):
        split_files(str(tmp_path), "train", arrow=True)
    with pytest.raises(ConfigError, match="no Parquet files of the split train"):
        split_files(str(tmp_path), "train")
    (tmp_path / "data-00000-of-00003.arrow").write_bytes(b"")
    with pytest.raises(ConfigError, match=r"data-00001-of-00003\.arrow, data-00002-of-00003\.arrow missing"):
        split_files(str(tmp_path), "train", arrow=True)
