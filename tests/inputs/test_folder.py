"""Folders of images with their prompts: nothing that lies in one is passed over in silence."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.inputs.manifest import Row, RowError
from pytest_imagejudge.inputs.opening import open_input


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    add(folder, "a.png")
    return folder


def add(folder: Path, name: str) -> None:
    """An image (whose bytes nobody reads here) with a prompt beside it."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    path.with_suffix(".txt").write_text(f"prompt of {name}")


def read(folder: Path, **options: Path) -> dict[str | None, Row | RowError]:
    rows = list(open_input(str(folder), **options).rows())
    found = {row.id: row for row in rows}
    assert len(found) == len(rows)
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    return found


def test_a_broken_link_is_a_missing_image(folder: Path) -> None:
    (folder / "dang.png").symlink_to("gone.png")
    (folder / "dang.txt").write_text("a fox")
    row = read(folder)["dang.png"]
    assert isinstance(row, RowError)
    assert row.kind == "image"
    assert "No such file" in row.message
    assert "a link to gone.png" in row.message


@pytest.mark.parametrize("name", ["orphan.txt", "deep/orphan.txt"])
def test_a_prompt_without_an_image(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("a fox")
    found = read(folder)
    assert isinstance(found["a.png"], Row)
    row = found[name]
    assert isinstance(row, RowError)
    assert (row.kind, row.message) == ("image", f"no image for {name}")


def test_each_row_of_json_names_its_own_columns(folder: Path, tmp_path: Path) -> None:
    add(folder, "sub/b.png")
    rows = ['{"file_name": "a.png", "text": "an owl"}', '{"image": "sub/b.png", "caption": "a cat"}']
    (tmp_path / "p.jsonl").write_text("\n".join(rows))
    found = read(folder, prompts=tmp_path / "p.jsonl")
    assert {name: row.prompt for name, row in found.items() if isinstance(row, Row)} == {
        "a.png": "an owl",
        "sub/b.png": "a cat",
    }


def test_texts_that_are_no_prompts(folder: Path, tmp_path: Path) -> None:
    for name in ("README.txt", "LICENSE.txt", "requirements.txt"):
        (folder / name).write_text("words")
    assert list(read(folder)) == ["a.png"]
    (folder / "notes.txt").write_text("words")
    (tmp_path / "p.csv").write_text("ID,prompt\na,a fox\n")
    assert list(read(folder, prompts=tmp_path / "p.csv")) == ["a.png"]
    (folder / "a.txt").unlink()
    with pytest.raises(ConfigError, match="no prompts"):
        read(folder)


def test_a_prompt_that_cannot_be_read_costs_its_row_only(folder: Path) -> None:
    add(folder, "b.png")
    (folder / "b.txt").write_bytes(b"\xff\xfe\xfd")
    add(folder, "c.png")
    (folder / "c.txt").unlink()
    (folder / "c.txt").symlink_to("gone.txt")
    found = read(folder)
    assert isinstance(found["a.png"], Row)
    for name in ("b", "c"):
        row = found[f"{name}.png"]
        assert isinstance(row, RowError)
        assert f"{name}.txt can't be read" in row.message


def test_linked_folders_are_read_once(folder: Path, tmp_path: Path) -> None:
    add(tmp_path / "other", "far.png")
    add(folder, "run/near.png")
    (folder / "latest").symlink_to("run")
    (folder / "round").symlink_to(".")
    (folder / "linked").symlink_to(tmp_path / "other")
    (tmp_path / "other" / "back").symlink_to(folder)
    found = read(folder)
    assert list(found) == ["a.png", "linked/far.png", "run/near.png"]
    assert all(isinstance(row, Row) for row in found.values())
    confined = read(folder, root=folder)["linked/far.png"]
    assert isinstance(confined, RowError)
    assert "outside" in confined.message


def test_a_link_that_leads_up(folder: Path) -> None:
    (folder / "up").symlink_to("..")
    with pytest.raises(ConfigError, match=r"up is a link to .*, a folder that contains it"):
        read(folder)


def test_a_folder_that_cannot_be_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "locked").mkdir()
    iterdir = Path.iterdir

    def refuse(path: Path) -> object:
        if path.name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", refuse)  # root may read any folder, so no mode keeps the tests out
    with pytest.raises(ConfigError, match="locked can't be read: Permission denied"):
        read(folder)


@pytest.mark.parametrize("suffix", ["jfif", "heic", "heif", "jxl", "apng", "jp2", "JXL"])
def test_images_of_every_kind_that_is_read(folder: Path, suffix: str) -> None:
    add(folder, f"b.{suffix}")
    assert isinstance(read(folder)[f"b.{suffix}"], Row)


def picture(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"x")


def test_an_imagefolder_with_splits(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for name in ("0.png", "1.png"):
            picture(tmp_path / split, name)
    (tmp_path / "train" / "metadata.csv").write_text("file_name,text\n0.png,a fox\n1.png,an owl\n")
    (tmp_path / "test" / "metadata.jsonl").write_text('{"file_name": "0.png", "text": "a hen"}\n')
    found = read(tmp_path)
    prompts = {name: row.prompt for name, row in found.items() if isinstance(row, Row)}
    assert prompts == {"train/0.png": "a fox", "train/1.png": "an owl", "test/0.png": "a hen"}
    assert isinstance(found["test/1.png"], RowError)
    assert found["test/1.png"].message == "no prompt for test/1.png"


@pytest.mark.parametrize("place", [".", "train"])
def test_metadata_in_parquet(tmp_path: Path, place: str) -> None:
    picture(tmp_path / place, "0.png")
    table = pyarrow.table({"file_name": ["0.png"], "text": ["a fox"]})
    pyarrow.parquet.write_table(table, tmp_path / place / "metadata.parquet")
    (row,) = read(tmp_path).values()
    assert isinstance(row, Row)
    assert (row.prompt, row.image) == ("a fox", tmp_path / place / "0.png")


def test_the_folders_of_geneval(tmp_path: Path) -> None:
    for number, prompt in enumerate(("a photo of a bench", "a photo of two cows")):
        here = tmp_path / f"{number:05}"
        for name in ("samples/0000.png", "samples/0001.png", "grid.png"):
            picture(here, name)
        (here / "metadata.jsonl").write_text(
            json.dumps({"tag": "single_object", "include": [], "prompt": prompt}) + "\n"
        )
    picture(tmp_path / "00002", "samples/0000.png")
    (tmp_path / "00002" / "metadata.jsonl").write_text('{"tag": "counting"}\n')
    found = read(tmp_path)
    assert {name: row.prompt for name, row in found.items() if isinstance(row, Row)} == {
        "00000/samples/0000.png": "a photo of a bench",
        "00000/samples/0001.png": "a photo of a bench",
        "00001/samples/0000.png": "a photo of two cows",
        "00001/samples/0001.png": "a photo of two cows",
    }
    lost = found["00002/samples/0000.png"]
    assert isinstance(lost, RowError)
    assert lost.message == "00002/metadata.jsonl: no prompt"
    assert len(found) == 5
