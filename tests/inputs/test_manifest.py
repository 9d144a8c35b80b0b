"""Manifests and metadata: what is read, and what is said of rows that can't be."""

from __future__ import annotations

import csv
import datetime
import io
import json
import math
import re
import sys
import tracemalloc
import unicodedata
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.inputs.cells import BadCell, box_cell, row_id
from pytest_imagejudge.inputs.manifest import Row, RowError, read_manifest
from pytest_imagejudge.inputs.metadata import parse_facets, read_metadata
from pytest_imagejudge.support.escaping import escape
from pytest_imagejudge.tables import xlsx_rows
from pytest_imagejudge.taxonomy import FACETS, LEVEL1, PATHS, show


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    for name in ("fox.png", "owl.png", "images/deep.png"):
        (tmp_path / name).write_bytes(b"not looked into here")
    return tmp_path


def read(path: Path, content: str | bytes, **options: object) -> list[Row | RowError]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(read_manifest(path, **options))  # type: ignore[arg-type]


def rows_of(found: list[Row | RowError]) -> list[Row]:
    return [row for row in found if isinstance(row, Row)]


def errors_of(found: list[Row | RowError]) -> list[RowError]:
    return [row for row in found if isinstance(row, RowError)]


CSV = "ID,prompt,image_path\n1,a fox,fox.png\n2,an owl,owl.png\n"


def test_csv(folder: Path) -> None:
    one, two = rows_of(read(folder / "m.csv", CSV))
    assert (one.number, one.line, one.id, one.prompt, one.image) == (1, 2, "1", "a fox", folder / "fox.png")
    assert (two.where, two.kind, two.dimensions, two.seed) == ("row 2, line 3", "image", None, None)
    assert list(two.extra.items()) == [("ID", "2"), ("prompt", "an owl"), ("image_path", "owl.png")]


@pytest.mark.parametrize("mark", ";,|\t")
@pytest.mark.parametrize("said", ["sep={}\r\n", "SEP={}\n"])
def test_the_line_that_excel_writes_before_the_header(folder: Path, mark: str, said: str) -> None:
    (row,) = rows_of(
        read(folder / "m.csv", said.format(mark) + "ID,prompt,image_path\n1,a,fox.png\n".replace(",", mark))
    )
    assert (row.id, row.line, row.image) == ("1", 3, folder / "fox.png")
    with pytest.raises(ConfigError, match="is empty"):
        read(folder / "m.csv", said.format(mark))


def test_blanks_after_commas(folder: Path) -> None:
    found = read(folder / "m.csv", 'ID, prompt, image_path\n1, "a fox, red", fox.png\n2, an owl , owl.png \n')
    assert [(row.prompt, row.image) for row in rows_of(found)] == [
        ("a fox, red", folder / "fox.png"),
        ("an owl ", folder / "owl.png"),
    ]
    # Without them in the header they belong to the text.
    (row,) = rows_of(read(folder / "m.csv", 'ID,prompt,image_path\n1, "so" it says, fox.png\n'))
    assert (row.prompt, row.image) == (' "so" it says', folder / "fox.png")


@given(
    st.text(st.sampled_from("aé\u0301\ud55c\u1100\u1161. "), min_size=1, max_size=6), st.sampled_from(["NFC", "NFD"])
)
def test_accents_that_a_file_system_takes_apart(folder: Path, name: str, form: Any) -> None:
    file = folder / unicodedata.normalize(form, f"x{name}.png")
    file.write_bytes(b"")
    values = {"ID": 1, "prompt": "a", "image_path": unicodedata.normalize("NFC", file.name)}
    try:
        (row,) = read(folder / "m.jsonl", json.dumps(values))
    finally:
        file.unlink()
    assert isinstance(row, Row)
    assert row.image == file


def test_a_comma_too_many_is_named(folder: Path) -> None:
    good = '{"ID": 1, "prompt": "a", "image_path": "fox.png"}\n'
    (_, error) = read(folder / "m.jsonl", good + '{"ID": 2, "prompt": "b", }\n')
    assert "row 2, line 2: no valid JSON: a comma at character 24 with nothing after it" in str(error)


@pytest.mark.parametrize("cell", ['"[""Alignment"", ""Quality""]"', "Quality;Alignment", '"Quality, Alignment"'])
def test_dimensions_in_a_cell(folder: Path, cell: str) -> None:
    (row,) = rows_of(read(folder / "m.csv", f"ID,prompt,image_path,dimensions\n1,a fox,fox.png,{cell}\n"))
    assert row.dimensions == ("Quality", "Alignment")


@pytest.mark.parametrize("suffix", ["json", "jsonl"])
def test_json_and_lines_say_the_same(folder: Path, suffix: str) -> None:
    values = [
        {"ID": 1, "prompt": "a fox", "image_path": "fox.png", "seed": 7, "dimensions": ["Alignment", "Quality"]},
        {"ID": "b", "prompt": "an owl\u2028here", "image_path": str(folder / "owl.png"), "mine": {"x": [1]}},
    ]
    text = json.dumps(values, indent=2) if suffix == "json" else "\n".join(map(json.dumps, values))
    one, two = rows_of(read(folder / f"m.{suffix}", text))
    assert (one.id, one.seed, one.dimensions) == ("1", 7, ("Quality", "Alignment"))
    assert (two.id, two.prompt, two.image, two.extra["mine"]) == (
        "b",
        "an owl\u2028here",
        folder / "owl.png",
        {"x": [1]},
    )
    assert one.line == (2 if suffix == "json" else 1)


def test_json_lines_in_a_json_file(folder: Path) -> None:
    text = '{"ID": 1, "prompt": "a", "image_path": "fox.png"}\r\n{"ID": 2, "prompt": "b", "image_path": "owl.png"}\r\n'
    assert [row.id for row in rows_of(read(folder / "m.json", text))] == ["1", "2"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom", "utf-16-be-bom", "utf-32"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "json"])
def test_encodings_and_line_ends(folder: Path, encoding: str, newline: str, suffix: str) -> None:
    if suffix == "csv":
        text = CSV.replace("a fox", "ein Füchs 狐")
    else:
        values = [{"ID": i, "prompt": "ein Füchs 狐", "image_path": "fox.png"} for i in (1, 2)]
        lines = [json.dumps(value, ensure_ascii=False) for value in values]
        text = "\n".join(lines) + "\n" if suffix == "jsonl" else "[\n" + ",\n".join(lines) + "\n]\n"
    if encoding.endswith("-bom"):
        encoding, text = encoding[:-4], "\ufeff" + text
    found = read(folder / f"m.{suffix}", text.replace("\n", newline).encode(encoding))
    assert [row.id for row in rows_of(found)] == ["1", "2"]
    assert rows_of(found)[0].prompt == "ein Füchs 狐"
    assert [row.line for row in found] == ([1, 2] if suffix == "jsonl" else [2, 3])


def test_mixed_encodings_cost_only_their_row(folder: Path) -> None:
    content = b"ID,prompt,image_path\n1,a fox,fox.png\n2,caf\xe9,owl.png\n3,an owl,owl.png\n"
    found = read(folder / "m.csv", content)
    assert [row.id for row in rows_of(found)] == ["1", "3"]
    (error,) = errors_of(found)
    assert str(error).startswith('row 2, line 3 (ID "2"): byte 0xE9 is not valid UTF-8')
    lines = (
        b'{"ID": 1, "prompt": "caf\xe9", "image_path": "fox.png"}\n{"ID": 2, "prompt": "b", "image_path": "fox.png"}\n'
    )
    found = read(folder / "m.jsonl", lines)
    assert [type(row) for row in found] == [RowError, Row]
    array = (
        b'[{"ID": 1, "prompt": "caf\xe9", "image_path": "fox.png"},{"ID": 2, "prompt": "b", "image_path": "fox.png"}]'
    )
    assert [type(row) for row in read(folder / "m.json", array)] == [RowError, Row]


def test_the_first_of_two_rows_with_one_id_counts(folder: Path) -> None:
    found = read(
        folder / "m.jsonl",
        '{"ID": 1, "prompt": "a", "image_path": "fox.png"}\n'
        '{"ID": "1", "prompt": "b", "image_path": "fox.png"}\n'
        '{"ID": 1.0, "prompt": "c", "image_path": "fox.png"}\n'
        '{"ID": true, "prompt": "d", "image_path": "fox.png"}\n',
    )
    assert [row.prompt for row in rows_of(found)] == ["a"]
    assert [error.kind for error in errors_of(found)] == ["duplicate", "duplicate", "row"]
    assert "row 1" in errors_of(found)[0].message


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"ID": 1, "image_path": "fox.png"}, "no prompt"),
        ({"ID": 1, "promt": "a", "image_path": "fox.png"}, 'no prompt (is "promt" meant for it?)'),
        ({"ID": 1, "prompt": "  ", "image_path": "fox.png"}, "the prompt is empty"),
        ({"ID": 1, "prompt": float("nan"), "image_path": "fox.png"}, "the prompt is empty"),
        ({"ID": 1, "prompt": None, "image_path": "fox.png"}, "the prompt is empty"),
        ({"ID": 1, "prompt": ["a"], "image_path": "fox.png"}, "prompt: text was expected"),
        ({"ID": 1, "prompt": "\ud83d", "image_path": "fox.png"}, "half a surrogate pair"),
        ({"ID": 1, "prompt": "a\0b", "image_path": "fox.png"}, "NUL"),
        ({"ID": 1, "prompt": "a", "image_path": "gone.png"}, 'no file "gone.png"'),
        ({"ID": 1, "prompt": "a", "image_path": "fox.png\0"}, "NUL"),
        ({"ID": 1, "prompt": "a", "image_path": "images"}, "is not a file"),
        ({"ID": 1, "prompt": "a", "image_path": "x" * 5000}, "image_path"),
        ({"ID": 1, "prompt": "a", "image_path": 5}, "image_path: text was expected"),
        ({"ID": 1, "prompt": "a", "image_path": float("nan")}, "the image_path is empty"),
        ({"ID": 1, "prompt": "a", "image_path": "C:\\data\\fox.png"}, "a Windows path"),
        ({"ID": 1, "prompt": "a", "image_path": "\\\\server\\fox.png"}, "a Windows path"),
        ({"ID": 1, "prompt": "a", "image_path": "https://example.org/fox.png"}, "is a URL"),
        ({"ID": 1, "prompt": "a", "image_path": "data:text/html;base64,eA=="}, 'a data: URL of "text/html"'),
        ({"ID": 1, "prompt": "a", "image_path": "data:image/png;base64,e?A=="}, "a data: URL that can't be read"),
        ({"ID": 1, "prompt": "a", "image_path": "data:image/png;base64"}, "a data: URL with no comma before its data"),
        ({"ID": 1, "prompt": "a", "image_path": "data:,"}, "a data: URL with no data"),
        ({"ID": 1, "prompt": "a", "image_path": {"bytes": None, "path": None}}, "the image_path is empty"),
        ({"ID": 1, "prompt": "a", "image_path": {"bytes": None, "path": "gone.png"}}, 'no file "gone.png"'),
        ({"ID": 1, "prompt": "a", "image_path": {"bytes": "eA==", "path": "fox.png"}}, "bytes of a picture can't be"),
        ({"ID": float("nan"), "prompt": "a", "image_path": "fox.png"}, "no ID"),
        ({"ID": "", "prompt": "a", "image_path": "fox.png"}, "no ID"),
        ({"prompt": "a", "image_path": "fox.png"}, "no ID"),
        ({"ID": 1, "prompt": "a", "image_path": "fox.png", "dimensions": "Qualty"}, 'did you mean "Quality"?'),
        ({"ID": 1, "prompt": "a", "image_path": "fox.png", "dimensions": []}, "no dimension is named"),
        ({"ID": 1, "prompt": "a", "image_path": "fox.png", "dimensions": 5}, 'dimensions: text was expected, not "5"'),
        ({"ID": 1, "prompt": "a", "image_path": "fox.png", "thresholds": 5}, 'thresholds: text was expected, not "5"'),
        ({"ID": 1, "prompt": "a", "image_path": "fox.png", "seed": True}, "seed: a number or text was expected"),
        ([1, 2], "a list where an object was expected"),
        (None, "null where an object was expected"),
        (3, "a number where an object was expected"),
    ],
)
def test_bad_rows_are_named_and_the_rest_goes_on(folder: Path, row: object, said: str) -> None:
    good = {"ID": "good", "prompt": "a", "image_path": "fox.png"}
    for suffix in ("jsonl", "json"):
        values = [{"ID": "zero", "prompt": "z", "image_path": "owl.png"}, row, good]
        text = json.dumps(values, indent=1) if suffix == "json" else "\n".join(map(json.dumps, values))
        found = read(folder / f"m.{suffix}", text)
        assert [row.id for row in rows_of(found)] == ["zero", "good"]
        (error,) = errors_of(found)
        assert error.number == 2
        assert said in error.message
        assert escape(error) == str(error)


@pytest.mark.parametrize("suffix", ["jsonl", "json"])
def test_a_picture_of_the_hub_without_bytes_is_its_path(folder: Path, suffix: str) -> None:
    picture = {"bytes": None, "path": "fox.png"}
    deep: Any = picture
    for _ in range(400):
        deep = [deep]
    values = [{"ID": 1, "prompt": "a", "image_path": picture, "more": {"x": [picture]}, "deep": deep}]
    (row,) = rows_of(read(folder / f"m.{suffix}", json.dumps(values) if suffix == "json" else json.dumps(values[0])))
    assert row.image == folder / "fox.png"
    assert (row.extra["image_path"], row.extra["more"]) == ("fox.png", {"x": ["fox.png"]})


def test_a_picture_in_a_data_url_lies_in_no_folder(folder: Path) -> None:
    (row,) = read(
        folder / "m.jsonl", json.dumps({"ID": 1, "prompt": "a", "image_path": "data:;base64,eA=="}), root=folder
    )
    assert isinstance(row, Row)
    assert row.image == b"x"


def test_a_relative_windows_path_is_taken_with_slashes(folder: Path) -> None:
    found = read(folder / "m.csv", "ID,prompt,image_path\n1,a,images\\deep.png\n2,b,images\\gone.png\n")
    assert rows_of(found)[0].image == folder / "images/deep.png"
    assert "images\\\\gone.png" not in errors_of(found)[0].message
    (folder / "odd\\name.png").write_bytes(b"x")
    assert (
        rows_of(read(folder / "m.csv", "ID,prompt,image_path\n1,a,odd\\name.png\n"))[0].image
        == folder / "odd\\name.png"
    )


@pytest.mark.parametrize(
    "path", ["../outside.png", "images/../../outside.png", "link.png", "linked/outside.png", "ABSOLUTE"]
)
def test_root_confines(folder: Path, tmp_path_factory: pytest.TempPathFactory, path: str) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "outside.png").write_bytes(b"x")
    base = folder / "base"
    (base / "images").mkdir(parents=True)
    (base / "in.png").write_bytes(b"x")
    (folder / "outside.png").write_bytes(b"x")
    (base / "link.png").symlink_to(outside / "outside.png")
    (base / "linked").symlink_to(outside)
    path = str(outside / "outside.png") if path == "ABSOLUTE" else path
    content = f"ID,prompt,image_path\n1,a,{path}\n2,b,in.png\n3,c,images/../in.png\n"
    found = read(base / "m.csv", content, root=base)
    assert [row.id for row in rows_of(found)] == ["2", "3"]
    assert "lies outside of" in errors_of(found)[0].message
    assert errors_of(read(base / "m.csv", content)) == []
    with pytest.raises(ConfigError, match="is not a folder"):
        read(base / "m.csv", content, root=base / "gone")


def test_edits(folder: Path) -> None:
    found = read(
        folder / "m.csv",
        "ID,source_path,edited_path,instruction\n"
        "1,fox.png,owl.png,make it an owl\n2,fox.png,gone.png,x\n3,fox.png,owl.png,\n",
    )
    (row,) = rows_of(found)
    assert (row.kind, row.source, row.edited, row.instruction) == (
        "edit",
        folder / "fox.png",
        folder / "owl.png",
        "make it an owl",
    )
    assert [error.message for error in errors_of(found)][1] == "the instruction is empty"


@given(
    st.tuples(*[st.integers(0, 99)] * 4),
    st.sampled_from([", ", ",", ";", " ", " ; "]),
    st.sampled_from(["", "[]", "()"]),
)
def test_a_box_is_text_or_a_list(box: tuple[int, ...], between: str, around: str) -> None:
    text = around[:1] + between.join(map(str, box)) + around[1:]
    if box[0] < box[2] and box[1] < box[3]:
        assert box_cell(text) == box_cell(list(box)) == box_cell([float(one) for one in box]) == box
    else:
        for value in (text, list(box)):
            with pytest.raises(BadCell, match="it is empty"):
                box_cell(value)


@pytest.mark.parametrize("value", [None, "", "  ", math.nan])
def test_no_box(value: object) -> None:
    assert box_cell(value) is None


@pytest.mark.parametrize(
    "value", ["1 2 3", "1,2,3,4,5", "a,b,c,d", "1.5,2,3,4", "1e1,2,30,40", [1, 2, "x", 4], {}, True, 7, []]
)
def test_what_is_no_box(value: object) -> None:
    with pytest.raises(BadCell):
        box_cell(value)


def test_regions_of_edits(folder: Path) -> None:
    found = read(
        folder / "m.csv",
        "ID,source_path,edited_path,instruction,mask,box\n"
        '1,fox.png,owl.png,x,owl.png,\n2,fox.png,owl.png,x,,"1, 2, 3, 4"\n3,fox.png,owl.png,x,,\n'
        "4,fox.png,owl.png,x,gone.png,\n5,fox.png,owl.png,x,owl.png,1 2 3 4\n6,fox.png,owl.png,x,,-1 2 3 4\n",
    )
    assert [(row.mask, row.box) for row in rows_of(found)] == [
        (folder / "owl.png", None),
        (None, (1, 2, 3, 4)),
        (None, None),
    ]
    missing, both, outside = [error.message for error in errors_of(found)]
    assert missing.startswith("mask: no file")
    assert both.startswith("both mask and box are given")
    assert outside.startswith("box: [-1, 2, 3, 4]: it lies outside of the picture")
    inner = folder / "images" / "m.jsonl"
    row = {"ID": 1, "source_path": "deep.png", "edited_path": "deep.png", "instruction": "x", "mask": "../owl.png"}
    assert rows_of(read(inner, json.dumps(row)))
    (confined,) = errors_of(read(inner, json.dumps(row), root=folder / "images"))
    assert confined.message.startswith('mask: "../owl.png" lies outside of')


def test_images_and_edits_in_one_file(folder: Path) -> None:
    found = read(
        folder / "m.csv",
        "ID,prompt,image_path,source_path,edited_path,instruction\n"
        "1,a,fox.png,,,\n2,,,fox.png,owl.png,x\n3,a,fox.png,fox.png,owl.png,x\n",
    )
    assert [row.kind for row in rows_of(found)] == ["image", "edit"]
    assert "an image or an edit" in errors_of(found)[0].message


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("m.csv", "", "is empty"),
        ("m.csv", "\n\n", "is empty"),
        ("m.csv", "ID,prompt,image_path\n", "no rows"),
        ("m.json", "", "is empty"),
        ("m.json", "  \n", "is empty"),
        ("m.json", "[]", "no rows"),
        ("m.json", '[]\n[{"ID": 1}]', "row 1, line 2: no valid JSON"),
        ("m.jsonl", "\n", "no rows"),
        ("m.csv", "\ufeff", "is empty"),
        ("m.txt", "x", ".csv, .tsv, .json, .jsonl, .xlsx"),
        ("m.xlsx", "x", "can't be read as a workbook"),
        ("m", "x", ".csv, .tsv, .json, .jsonl, .xlsx"),
        ("m.csv", "ID,words,image_path\n1,a,fox.png\n", 'no column "prompt"'),
        ("m.csv", "ID,prompts,image_path\n1,a,fox.png\n", 'no column "prompt" (is "prompts" meant for it?)'),
        ("m.csv", "ID,prompt,images\n1,a,fox.png\n", 'no column "image_path" (is "images" meant for it?)'),
        ("m.csv", "ID,source_path,edited_path,instructions\n1,a,b,c\n", 'is "instructions" meant for it?'),
        ("m.csv", "ID,prompt,prompt,image_path\n1,a,b,c\n", "appears twice"),
        ("m.jsonl", '{"ID": 1, "prompt": "a", "images": "fox.png"}\n', 'is "images" meant for it?'),
        ("m.jsonl", "not json\n", "none of its first rows"),
        ("m.json", '{"rows": [\n1\n]}', "an array of objects was expected"),
        ("m.json", "[1, 2]", "none of its first rows"),
        ("m.csv", "I\0D\n", "UTF-16"),
    ],
)
def test_files_that_cannot_be_used(folder: Path, name: str, content: str, said: str) -> None:
    (folder / name).write_bytes(content.encode())
    with pytest.raises(ConfigError) as caught:
        read_manifest(folder / name)
    assert said in str(caught.value)
    assert name in str(caught.value)


def test_files_that_are_not_there(folder: Path) -> None:
    for name in ("gone.csv", "folder.csv"):
        (folder / "folder.csv").mkdir(exist_ok=True)
        with pytest.raises(ConfigError, match=name):
            read_manifest(folder / name)


def test_lines_of_csv_rows(folder: Path) -> None:
    content = 'ID,prompt,image_path\n1,"two\r\nlines, ""quoted""",fox.png\n\n2,"a\n\nb",gone.png\n3,c,owl.png\n'
    found = read(folder / "m.csv", content)
    assert [(row.number, row.line) for row in found] == [(1, 2), (2, 5), (3, 8)]
    assert rows_of(found)[0].prompt == 'two\r\nlines, "quoted"'


def test_csv_oddities(folder: Path) -> None:
    found = read(
        folder / "m.csv",
        'ID,prompt,image_path\n1,a, fox,fox.png\n2,"a "red" fox",fox.png\n3,short\n'
        '4,fine,fox.png,\n,,\n5,"open,fox.png\n6,x,fox.png\n',
    )
    assert [row.id for row in rows_of(found)] == ["4"]
    said = [error.message for error in errors_of(found)]
    assert "4 fields where the header has 3" in said[0]
    assert "no valid CSV" in said[1]
    assert said[2] == "no image_path"
    assert "never closed" in said[3]
    semicolons = read(folder / "m.csv", "ID;prompt;image_path\n1;a fox, red;fox.png\n")
    assert rows_of(semicolons)[0].prompt == "a fox, red"


def test_json_that_breaks_off(folder: Path) -> None:
    found = read(
        folder / "m.json",
        '[{"ID": 1, "prompt": "a", "image_path": "fox.png"},\n {"ID": 2, "prompt": "b" "image_path": 1}, {}]',
    )
    assert [row.id for row in rows_of(found)] == ["1"]
    (error,) = errors_of(found)
    assert (error.number, error.line) == (2, 2)
    assert "the rest of the file can't be read" in error.message
    found = read(folder / "m.json", '[{"ID": 1, "prompt": "a", "image_path": "fox.png"}, {"ID": 2')
    assert [type(row) for row in found] == [Row, RowError]


@pytest.mark.parametrize("comma", ["", ",", " ,\n"])
@pytest.mark.parametrize("space", ["", "\n", " " * 200_000 + "\n"])
@pytest.mark.parametrize("rest", ["]junk", "\n[{}]", ",", "\0", "\udc80"])
def test_what_follows_an_array_is_no_secret(folder: Path, comma: str, space: str, rest: str) -> None:
    array = '[{"ID": 1, "prompt": "a", "image_path": "fox.png"}' + comma + "]" + space
    assert [type(row) for row in read(folder / "m.json", array)] == [Row]
    found = read(folder / "m.json", (array + rest).encode(errors="surrogateescape"))
    assert [type(row) for row in found] == [Row, RowError]
    (error,) = errors_of(found)
    assert error.number == 2
    assert error.line == (array + rest[: -len(rest.lstrip())]).count("\n") + 1
    assert 'after the "]" that ends the array' in error.message


def test_repeated_names_and_deep_nesting(folder: Path) -> None:
    found = read(
        folder / "m.jsonl",
        '{"ID": 1, "prompt": "a", "prompt": "b", "image_path": "fox.png"}\n'
        '{"ID": 2, "prompt": "b", "image_path": "fox.png"}\n'
        '{"ID": 3, "x": ' + "[" * 100_000 + "\n" + '{"ID": ' + "9" * 10_000 + "}\n",
    )
    assert [row.id for row in rows_of(found)] == ["2"]
    said = [error.message for error in errors_of(found)]
    assert said[0] == 'the name "prompt" appears twice in one object'
    assert "nested too deeply" in said[1]
    assert "too many digits" in said[2]


def test_rows_that_are_too_long(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("json_rows", "rows", "text"):
        monkeypatch.setattr(f"pytest_imagejudge.tables.{module}.MAX_ROW", 100)
    long = json.dumps({"ID": 1, "prompt": "x" * 500, "image_path": "fox.png"})
    good = '{"ID": 2, "prompt": "b", "image_path": "fox.png"}'
    found = read(folder / "m.jsonl", f"{long}\n{good}\n")
    assert [(row.number, row.line, type(row)) for row in found] == [(1, 1, RowError), (2, 2, Row)]
    found = read(folder / "m.csv", f"ID,prompt,image_path\n1,{'x' * 500},fox.png\n2,b,fox.png\n")
    assert [(row.number, row.line, type(row)) for row in found] == [(1, 2, RowError), (2, 3, Row)]


def test_large_fields_are_read(folder: Path) -> None:
    prompt = "word " * 100_000
    (row,) = rows_of(read(folder / "m.csv", f"ID,prompt,image_path\n1,{prompt},fox.png\n"))
    assert row.prompt == prompt


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "json"])
def test_memory_does_not_grow_with_the_file(folder: Path, suffix: str) -> None:
    count, filler = 4000, "x" * 5000  # 20 MB
    path = folder / f"m.{suffix}"
    with path.open("w") as file:
        file.write("ID,prompt,image_path\n" if suffix == "csv" else "[" if suffix == "json" else "")
        for i in range(count):
            if suffix == "csv":
                file.write(f"{i},{filler},fox.png\n")
            else:
                comma = "," if suffix == "json" and i else ""
                file.write(f'{comma}{{"ID": {i}, "prompt": "{filler}", "image_path": "fox.png"}}\n')
        file.write("]" if suffix == "json" else "")
    tracemalloc.start()
    try:
        assert sum(isinstance(row, Row) for row in read_manifest(path)) == count
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 0.3 * path.stat().st_size


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40).filter(
    lambda text: text.strip().lower() not in ("", "nan")
)


@given(
    prompts=st.lists(TEXT, min_size=1, max_size=6),
    suffix=st.sampled_from(["csv", "json", "jsonl"]),
    ascii_=st.booleans(),
)
def test_round_trip(folder: Path, prompts: list[str], suffix: str, ascii_: bool) -> None:
    values = [{"ID": i, "prompt": prompt, "image_path": "fox.png"} for i, prompt in enumerate(prompts)]
    if suffix == "csv":
        buffer = io.StringIO(newline="")
        writer = csv.DictWriter(buffer, ["ID", "prompt", "image_path"])
        writer.writeheader()
        writer.writerows(values)
        text = buffer.getvalue()
    elif suffix == "json":
        text = json.dumps(values, ensure_ascii=ascii_)
    else:
        text = "".join(json.dumps(value, ensure_ascii=ascii_) + "\n" for value in values)
    found = read(folder / f"m.{suffix}", text)
    assert [row.prompt for row in rows_of(found)] == prompts
    assert [row.number for row in found] == list(range(1, len(prompts) + 1))


@given(content=st.binary(max_size=300), suffix=st.sampled_from(["csv", "json", "jsonl"]))
def test_no_bytes_crash_the_reader(folder: Path, content: bytes, suffix: str) -> None:
    header = (
        b"ID,prompt,image_path\n1,a,fox.png\n" if suffix == "csv" else b'{"ID":1,"prompt":"a","image_path":"fox.png"}\n'
    )
    start = b"[" + header + b"," if suffix == "json" else header
    found = read(folder / f"m.{suffix}", start + content)
    assert isinstance(found[0], (Row, RowError))
    assert all(escape(row) == str(row) for row in errors_of(found))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, "1"),
        ("1", "1"),
        (1.0, "1"),
        (" a ", "a"),
        (1.5, "1.5"),
        (True, None),
        (None, None),
        ("NaN", None),
        ([], None),
    ],
)
def test_row_id(value: object, expected: str | None) -> None:
    assert row_id(value) == expected


def test_published_shape_of_metadata(tmp_path: Path) -> None:
    path = tmp_path / "bench_metadata.json"
    path.write_text(
        json.dumps(
            [
                {
                    "ID": 1,
                    "dims_en": "Creative Generation / Visual Storytelling / Camera / Lens Style; "
                    "Quality / Detail / Noise",
                },
                {"ID": "x", "dims_en": "Alignment / Relations / Difference/Similarity;"},
            ]
        )
    )
    assert read_metadata(path) == {"1": ("Quality", "Creative Generation"), "x": ("Alignment",)}
    (tmp_path / "m.csv").write_text("ID,dimensions\n1,Quality;Alignment\n")
    assert read_metadata(tmp_path / "m.csv") == {"1": ("Quality", "Alignment")}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"ID": 1, "dims_en": "Quality / Detail / Nose"}], 'did you mean "Quality / Detail / Noise"?'),
        ([{"ID": 1, "dims_en": ""}], "dims_en is empty"),
        ([{"ID": 1, "dims_en": " ; "}], "dims_en is empty"),
        ([{"ID": 1, "dims_en": "Quality"}, {"ID": "1", "dims_en": "Quality"}], "row 2"),
        ([{"ID": 1, "dims": "Quality"}], 'is "dims" meant for it?'),
        ([{"ID": 1, "dims_en": 5}], "text was expected"),
        ([{"dims_en": "Quality", "ID": None}], "no ID"),
    ],
)
def test_bad_metadata(tmp_path: Path, rows: object, said: str) -> None:
    path = tmp_path / "meta.json"
    path.write_text(json.dumps(rows))
    with pytest.raises(ConfigError) as caught:
        read_metadata(path)
    assert said in str(caught.value)


@given(paths=st.lists(st.sampled_from(sorted(PATHS)), unique=True), slash=st.sampled_from(["/", " / ", "  /", "/ "]))
def test_facets_round_trip(paths: list[tuple[str, ...]], slash: str) -> None:
    text = "; ".join(slash.join(path) for path in paths)
    assert parse_facets(text) == tuple(paths)


def test_every_facet_has_a_text_of_its_own() -> None:
    assert parse_facets("; ".join(map(show, FACETS))) == FACETS
    assert {path[0] for path in FACETS} == set(LEVEL1)


@given(st.text(max_size=60))
def test_facets_of_any_text(text: str) -> None:
    try:
        assert set(parse_facets(text)) <= PATHS
    except KeyError as error:
        assert escape(error.args[0]) == error.args[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("m.csv", "ID,prompt,image_path,Treshold\n1,x,a.png,safety\n"),
        ("m.jsonl", '{"ID": 1, "prompt": "x", "image_path": "a.png", "dimension": "Quality"}\n'),
    ],
)
def test_a_column_that_is_almost_one_of_ours_is_told_of(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.warns(
        UserWarning, match=r"the column '\w+' is not used \(did you mean \"(thresholds|dimensions)\"\?\)"
    ):
        list(read_manifest(tmp_path / name))


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("maks", "mask"),
        ("Mask", "mask"),
        ("masks", "mask"),
        ("bbox", "box"),
        ("boxx", "box"),
        ("edit_typ", "edit_type"),
    ],
)
@pytest.mark.parametrize("of_both", ["", ",prompt,image_path"])
def test_a_column_of_edits_that_is_almost_one_of_ours_is_told_of(folder, name, meant, of_both):
    cells = ",," if of_both else ""
    text = f"ID,source_path,edited_path,instruction,{name}{of_both}\n1,fox.png,owl.png,an owl,x{cells}\n"
    with pytest.warns(UserWarning, match=rf"the column '{name}' is not used \(did you mean \"{meant}\"\?\)"):
        read(folder / "m.csv", text)


@pytest.mark.parametrize("name", ["task", "note", "masker", "text"])
def test_other_columns_of_edits_are_nothing_to_tell(folder, name, recwarn):
    read(folder / "m.csv", f"ID,source_path,edited_path,instruction,{name}\n1,fox.png,owl.png,make it an owl,x\n")
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.parametrize("name", ["mask_path", "mask_image"])
def test_a_mask_as_people_name_it(folder, name):
    text = f"ID,source_path,edited_path,instruction,{name}\n1,fox.png,owl.png,make it an owl,fox.png\n"
    (row,) = rows_of(read(folder / "m.csv", text))
    assert row.mask == folder / "fox.png"


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("id,text,image", ["1", "2"]),
        ("Id,caption,file_name", ["1", "2"]),
        ("note,prompt,image_path", ["fox.png", "owl.png"]),
        ("note,text,path", ["fox.png", "owl.png"]),
    ],
)
def test_columns_as_people_name_them(folder: Path, header: str, names: list[str]) -> None:
    text = f"{header}\n1,a fox,fox.png\n2,an owl,owl.png\n"
    one, two = rows_of(read(folder / "m.csv", text))
    assert [row.id for row in (one, two)] == names
    assert (one.prompt, one.image) == ("a fox", folder / "fox.png")
    assert list(one.extra) == ["ID", *(["note"] if "note" in header else []), "prompt", "image_path"]


def test_of_two_names_the_usual_one_counts(folder: Path) -> None:
    (row,) = rows_of(read(folder / "m.csv", "ID,text,prompt,image,image_path\n1,no,a fox,no.png,fox.png\n"))
    assert (row.prompt, row.image, row.extra["text"]) == ("a fox", folder / "fox.png", "no")


@pytest.mark.parametrize("suffix", [".json", ".jsonl"])
def test_each_object_of_json_names_its_own_columns(folder: Path, suffix: str) -> None:
    objects = [
        {"ID": 1, "caption": "a fox", "file_name": "fox.png"},
        {"id": 2, "text": "an owl", "path": "owl.png", "caption": "no"},
        {"Id": 3, "prompt": "a fox", "image_path": "fox.png", "text": "no"},
        {"ID": 4, "txt": "a fox", "image": "fox.png"},
    ]
    found = read(folder / f"m{suffix}", "\n".join(map(json.dumps, objects)))
    assert [(row.id, row.prompt, row.image) for row in rows_of(found)] == [
        ("1", "a fox", folder / "fox.png"),
        ("2", "an owl", folder / "owl.png"),
        ("3", "a fox", folder / "fox.png"),
    ]
    (lost,) = errors_of(found)
    assert (lost.id, lost.message.partition(" ")[0], "prompt" in lost.message) == ("4", "no", True)


def test_a_header_names_the_columns_of_all_rows(folder: Path) -> None:
    (lost,) = errors_of(read(folder / "m.csv", "ID,image_path,text,prompt\n1,fox.png,not this\n2,fox.png,,a\n"))
    assert lost.message.startswith("no prompt")


def test_edits_as_people_name_their_columns(folder: Path) -> None:
    (row,) = rows_of(read(folder / "m.csv", "source_image,edited_image,instruction\nfox.png,owl.png,make it an owl\n"))
    assert (row.id, row.source, row.edited) == ("owl.png", folder / "fox.png", folder / "owl.png")


def test_tab_separated(folder: Path) -> None:
    (row,) = rows_of(read(folder / "m.tsv", "ID\tprompt\timage_path\n1\ta, fox; red\tfox.png\n"))
    assert (row.prompt, row.image, row.line) == ("a, fox; red", folder / "fox.png", 2)
    (row,) = rows_of(read(folder / "n.tsv", "ID,prompt\timage_path\n1,a\tfox.png\n".replace("ID,prompt", "text")))
    assert row.prompt == "1,a"


def workbook(path: Path, *rows: list[object]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def test_a_workbook(folder: Path) -> None:
    header: list[object] = ["ID", "prompt", "image_path", "seed", "made"]
    rows = [
        header,
        [1, "a fox", "fox.png", 7, datetime.date(2026, 1, 2)],
        [],
        [2.0, "=1+1", "owl.png"],
        [3, "x", "gone.png"],
    ]
    found = list(read_manifest(workbook(folder / "m.xlsx", [], *rows)))
    one, *others = found
    assert isinstance(one, Row)
    assert (one.id, one.prompt, one.seed, one.line, one.extra["made"]) == ("1", "a fox", 7, 3, "2026-01-02")
    assert [str(row) for row in errors_of(others)] == [
        'row 2, sheet row 5 (ID "2"): the prompt is empty',  # a formula that no program has computed
        f'row 3, sheet row 6 (ID "3"): image_path: no file "gone.png" in {folder}',
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [([], "is empty: its first sheet has no rows"), ([["ID", "ID"], [1, 2]], 'the column "ID" appears twice')],
)
def test_workbooks_that_cannot_be_used(folder: Path, rows: list[list[object]], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        read_manifest(workbook(folder / "m.xlsx", *rows))


def test_a_workbook_that_unpacks_to_very_much(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(folder / "m.xlsx", ["ID", "prompt", "image_path"], [1, "a", "fox.png"])
    monkeypatch.setattr(xlsx_rows, "_MOST", 1000)
    with pytest.raises(ConfigError, match="unpacked"):
        read_manifest(path)


def test_workbooks_need_openpyxl(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = workbook(folder / "m.xlsx", ["ID"], [1])
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ConfigError, match=r"pip install \"pytest-imagejudge\[xlsx\]\""):
        read_manifest(path)
