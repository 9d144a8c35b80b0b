from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from pytest_imagejudge.errors import ImageError
from pytest_imagejudge.renderers.small_pictures import LARGEST, SMALLEST, drawn, encoded, fit, side_within


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def test_a_picture_is_made_smaller_and_never_larger() -> None:
    original = Image.new("RGB", (36, 24), "red")
    assert opened(encoded(original, 12)).size == (12, 8)
    assert opened(encoded(original, 500)).size == (36, 24)
    assert original.size == (36, 24)
    assert opened(encoded(Image.new("RGB", (2000, 10), "red"), 100)).size == (100, 1)


@pytest.mark.parametrize(
    ("most", "size", "side"),
    [(10**9, (4000, 3000), LARGEST), (10**9, (300, 200), 300), (1, (4000, 3000), SMALLEST), (20_000, (600, 600), 316)],
)
def test_the_side_that_a_share_of_bytes_has_room_for(most: int, size: tuple[int, int], side: int) -> None:
    assert side_within(most, size) == side


def test_a_picture_that_takes_many_bytes_becomes_smaller_still() -> None:
    noise = Image.effect_noise((600, 600), 120).convert("RGB")
    data = fit(noise, 20_000)
    assert len(data) <= 20_000
    assert SMALLEST <= max(opened(data).size) < side_within(20_000, noise.size)


def test_a_file_is_drawn_as_it_is_and_two_as_the_map_of_their_changes(tmp_path: Path) -> None:
    names = []
    for colour in ("white", "blue"):
        names.append(str(tmp_path / f"{colour}.png"))
        Image.new("RGB", (64, 48), colour).save(names[-1])
    one, changes = drawn((names[1],)), drawn((names[0], names[1]))
    assert one.getpixel((5, 5)) == (0, 0, 255)
    assert changes.size == (64, 48)
    assert changes.getpixel((5, 5)) != one.getpixel((5, 5))
    with pytest.raises(ImageError):
        drawn((str(tmp_path / "not there.png"),))
