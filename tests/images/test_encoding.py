"""Encodings of pictures that are sent."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from pytest_imagejudge.errors import ConfigError, ImageError
from pytest_imagejudge.images.encoding import FORMATS, Encoding

NOISE = Image.fromarray(np.random.default_rng(7).integers(0, 256, (512, 640, 3), dtype=np.uint8))


def opened(encoded: bytes) -> Image.Image:
    return Image.open(io.BytesIO(encoded))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_format_without_a_limit(kind):
    encoding = Encoding(kind)
    encoded = encoding.encode(NOISE)
    picture = opened(encoded)
    assert (picture.format, picture.size) == (kind.upper(), NOISE.size)
    assert encoding.media_type == f"image/{kind}"
    same = (np.asarray(picture.convert("RGB")) == np.asarray(NOISE)).all()
    assert same == (kind != "jpeg")
    assert Encoding(kind).encode(NOISE.copy()) == encoded


def test_full_colours_in_jpeg():
    red = Image.new("RGB", (64, 64), "blue")
    red.paste((255, 0, 0), (0, 0, 64, 1))  # one line, which shared colours would halve
    top = np.asarray(opened(Encoding("jpeg").encode(red)).convert("RGB"))[0]
    assert top[:, 0].min() > 200


@pytest.mark.parametrize("kind", FORMATS)
def test_quality_then_size_are_lowered(kind):
    whole = len(Encoding(kind).encode(NOISE))
    assert Encoding(kind, whole).encode(NOISE) == Encoding(kind).encode(NOISE)
    sizes = []
    for most in (whole - 1, whole * 2 // 3, whole // 3, whole // 6):
        encoded = Encoding(kind, most).encode(NOISE)
        assert len(encoded) <= most
        assert Encoding(kind, most).encode(NOISE) == encoded
        sizes.append(opened(encoded).size)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] < NOISE.size
    assert (sizes[0] == NOISE.size) == (kind != "png")  # PNG has no quality to give, and noise does not pack
    assert all(abs(width / height - 1.25) < 0.02 for width, height in sizes)


def test_lossless_webp_gives_way_to_a_lossy_one_only_where_it_must():
    lossless = Encoding("webp").encode(NOISE)
    assert (np.asarray(opened(Encoding("webp", len(lossless)).encode(NOISE)).convert("RGB")) == np.asarray(NOISE)).all()
    lossy = opened(Encoding("webp", len(lossless) - 1).encode(NOISE))
    assert lossy.size == NOISE.size


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_that_would_show_too_little_is_an_error(kind):
    with pytest.raises(ImageError, match=r"judge_image_bytes = 5000: .*640x512.* bytes") as caught:
        Encoding(kind, 5000).encode(NOISE)
    assert ("judge_image_format = jpeg" in str(caught.value)) == (kind != "jpeg")
    needed = int(str(caught.value).partition("judged has ")[2].partition(" bytes")[0].replace(",", ""))
    assert max(opened(Encoding(kind, needed).encode(NOISE)).size) >= 256


def test_small_pictures_are_not_made_smaller():
    small = NOISE.crop((0, 0, 200, 100))
    with pytest.raises(ImageError, match="200x100"):
        Encoding("png", 5000).encode(small)


def test_a_strip_stays_within_the_ratio_that_is_judged():
    strip = NOISE.resize((4000, 20))
    width, height = opened(Encoding("png", 20_000).encode(strip)).size
    assert width <= 200 * height


@pytest.mark.parametrize(
    ("kind", "most", "words"),
    [("jpg", None, 'judge_image_format: one of png, jpeg, webp is expected, not \'jpg\' .did you mean "jpeg"'),
     ("png", 0, "judge_image_bytes: .*1 or more, not 0"), ("png", True, "not True"), ("png", 1.5, "not 1.5")],
)  # fmt: skip
def test_what_is_no_encoding(kind, most, words):
    with pytest.raises(ConfigError, match=words):
        Encoding(kind, most)


def test_names_tell_encodings_apart():
    names = {Encoding(kind, most).name for kind in FORMATS for most in (None, 5000, 6000)}
    assert len(names) == 9
