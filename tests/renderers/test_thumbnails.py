from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from pytest_imagejudge.renderers.small_pictures import LARGEST, SMALLEST
from pytest_imagejudge.renderers.thumbnails import Thumbnails


def size(uri: str) -> tuple[int, int]:
    head, _, data = uri.partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data))).size


def test_pictures_keep_to_the_budget_whatever_they_show(tmp_path: Path) -> None:
    """Noise takes the most bytes a pixel."""
    for number in range(8):
        Image.effect_noise((900, 700), 120).convert("RGB").save(tmp_path / f"{number}.png")
    budget = 200_000
    pictures = Thumbnails(tmp_path, budget)
    for number in range(8):
        pictures.add(f"{number}.png")
    made = [uri for uri, _ in pictures.make()]
    assert sum(map(len, made)) <= budget + 8 * len("data:image/jpeg;base64,") + 8 * 4
    assert all(SMALLEST <= max(size(uri)) < 900 for uri in made)


def test_a_few_pictures_are_shown_large_and_small_ones_are_never_enlarged(tmp_path: Path) -> None:
    Image.new("RGB", (2000, 500), "red").save(tmp_path / "wide.png")
    Image.new("RGB", (30, 20), "red").save(tmp_path / "small.png")
    pictures = Thumbnails(tmp_path, 10_000_000)
    assert (pictures.add("wide.png"), pictures.add("small.png"), pictures.add("wide.png")) == (0, 1, 0)
    assert pictures.add("") is None
    wide, small = (uri for uri, _ in pictures.make())
    assert size(wide) == (LARGEST, LARGEST // 4)
    assert size(small) == (30, 20)


def test_a_map_of_changes(tmp_path: Path) -> None:
    Image.new("RGB", (64, 48), "white").save(tmp_path / "a.png")
    Image.new("RGB", (64, 48), "blue").save(tmp_path / "b.png")
    pictures = Thumbnails(tmp_path, 1_000_000)
    assert pictures.add_change("a.png", "b.png") == 0
    assert pictures.add_change("a.png", "") is None
    ((uri, _),) = pictures.make()
    assert size(uri) == (64, 48)


def test_a_map_of_changes_with_a_region(tmp_path: Path) -> None:
    for name in ("a", "b"):
        Image.new("RGB", (64, 48), "white").save(tmp_path / f"{name}.png")
    mask = Image.new("L", (64, 48), 0)
    mask.paste(255, (10, 10, 40, 40))
    mask.save(tmp_path / "mask.png")
    Image.new("L", (9, 9), 255).save(tmp_path / "small.png")
    pictures = Thumbnails(tmp_path, 1_000_000)
    regions = [("", None), ("mask.png", None), ("", [10, 10, 40, 40]), ("small.png", None), ("gone.png", None)]
    assert [pictures.add_change("a.png", "b.png", mask, box) for mask, box in regions] == [0, 1, 2, 3, 4]
    plain, *others = (uri for uri, _ in pictures.make())
    assert [uri != plain for uri in others] == [True, True, False, False]  # the last two are errors of their rows
    assert others[0] == others[1]


@pytest.mark.parametrize("content", [None, b"", b"not an image"])
def test_what_cant_be_shown_has_a_reason_that_names_it_as_the_report_does(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "x.png").write_bytes(content)
    pictures = Thumbnails(tmp_path, 1_000_000)
    pictures.add("x.png")
    ((uri, reason),) = pictures.make()
    assert uri == ""
    assert reason.startswith("x.png: ")
    assert str(tmp_path) not in reason


def test_no_pictures() -> None:
    assert list(Thumbnails(Path(), 1).make()) == []
