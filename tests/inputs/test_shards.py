"""Shards of a data set: a missing one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.inputs.shards import check_shards, lacking_beside

FOLDER = Path("data")


def check(*names: str) -> None:
    check_shards(FOLDER / name for name in names)


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["test.parquet"],
        ["test-00000-of-00001.parquet"],
        ["test-00001-of-00002.parquet", "test-00000-of-00002.parquet"],
        ["test-00000-of-00001.parquet", "train-00000-of-00001.parquet"],
        ["test-00000-of-00002-0a1b2c3d.parquet", "test-00001-of-00002-4e5f6071.parquet"],  # older files of the Hub
        ["part-1-of-2.parquet", "part-2-of-2.parquet"],
        ["00000-of-00001"],
    ],
)
def test_all_are_there(names: list[str]) -> None:
    check(*names)


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["test-00000-of-00002.parquet"], "one of 2 shards: test-00001-of-00002.parquet missing"),
        (["test-00001-of-00002.parquet"], "one of 2 shards: test-00000-of-00002.parquet missing"),
        (["test-00000-of-00002-0a1b2c3d.parquet"], "test-00001-of-00002-*.parquet missing"),
        (["part-2-of-3.parquet", "part-3-of-3.parquet"], "part-1-of-3.parquet missing"),
        (
            ["a/test-00000-of-00002.parquet", "b/test-00001-of-00002.parquet"],  # other folders, other sets
            "a/test-00000-of-00002.parquet is one of 2 shards: test-00001-of-00002.parquet missing",
        ),
        (
            ["test-0-of-9.parquet"],
            "test-1-of-9.parquet, test-2-of-9.parquet, test-3-of-9.parquet, test-4-of-9.parquet, "
            "test-5-of-9.parquet and 3 more missing",
        ),
        (["x-1-of-999999999999999999999999.parquet"], "and 999999999999999999999993 more missing"),
        (["x-00000-of-00001.parquet", "x-00000-of-00002.parquet"], "are shards of two sets"),
        (["x-00000-of-00001-aa.parquet", "x-00000-of-00001-bb.parquet"], "are shards of two sets"),
    ],
)
def test_what_is_missing_is_named(names: list[str], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        check(*names)
    assert said in str(error.value)


def test_a_file_that_is_read_alone() -> None:
    assert lacking_beside(FOLDER / "test-00000-of-00001.parquet") == ""
    assert lacking_beside(FOLDER / "test.parquet") == ""
    assert lacking_beside(FOLDER / "a-1-of-2.csv") == "data/a-1-of-2.csv is one of 2 shards: a-0-of-2.csv"
