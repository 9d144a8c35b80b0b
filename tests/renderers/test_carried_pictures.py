"""Pictures that travel beside a JSON report, so that a page made elsewhere shows them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from pytest_imagejudge.cli import main
from pytest_imagejudge.renderers.carried_pictures import with_copies
from pytest_imagejudge.report import json_file
from pytest_imagejudge.report.model import EditEntry, Report, VerdictEntry


def shard(folder: Path, name: str) -> Path:
    """A shard's folder with a report, whose picture lies elsewhere."""
    picture = folder / "work" / f"{name}.png"
    picture.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((1500, 900), 40).save(picture)
    entry = VerdictEntry(
        id=name, test=f"t.py::{name}", image=str(picture), prompt="a fox", key=name, outcome="passed", total=60.0
    )
    place = folder / name
    place.mkdir()
    json_file.write(with_copies(Report(verdicts=[entry]), place), place / "report.json")
    return place


def test_a_merge_elsewhere_has_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [shard(tmp_path / "machine", name) for name in ("one", "two")]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for place in places:
        shutil.move(place, elsewhere / place.name)
    shutil.rmtree(tmp_path / "machine")
    monkeypatch.chdir(elsewhere)
    assert main(["report", "one/report.json", "two/report.json", "-o", "all.html", "-o", "all.json"]) == 0
    page = (elsewhere / "all.html").read_text()
    assert page.count("data:image/jpeg;base64,") == 2
    for entry in json.loads((elsewhere / "all.json").read_text())["verdicts"]:
        assert entry["image"].startswith(f"{entry['id']}/imagejudge-pictures/")
        with Image.open(elsewhere / entry["image"]) as copy:
            assert copy.size == (1024, 614)
    shutil.rmtree(elsewhere / "one/imagejudge-pictures")
    assert main(["report", "one/report.json", "-o", "one.html"]) == 0  # and says that it has none
    assert "data:image/jpeg" not in (elsewhere / "one.html").read_text()


def test_a_picture_that_is_there_is_shown_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = shard(tmp_path, "one")
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(place / "report.json"), "-o", "all.json"]) == 0
    (entry,) = json.loads(Path("all.json").read_text())["verdicts"]
    assert entry["image"] == "work/one.png"
    assert list(entry["copies"]) == ["image"]


def test_both_pictures_of_an_edit_and_one_that_is_gone(tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), "red").save(tmp_path / "a.png")
    edit = EditEntry(source_image=str(tmp_path / "a.png"), edited_image=str(tmp_path / "b.png"), instruction="x")
    (found,) = with_copies(Report(edits=[edit]), tmp_path).edits
    assert list(found.copies) == ["source_image"]
    assert Path(found.copies["source_image"]).parent == tmp_path / "imagejudge-pictures"
