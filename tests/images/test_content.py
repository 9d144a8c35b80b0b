"""Pictures that show nothing, and pictures that show little."""

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pytest_imagejudge.images.content import Look, finding_of, look_at
from pytest_imagejudge.images.loading import pixel_hash
from pytest_imagejudge.scoring.findings import Finding

SIDE = 512


def flat(colour=(0, 0, 0)):
    return np.full((SIDE, SIDE, 3), colour, np.float64)


def picture(codes):
    return Image.fromarray(np.rint(codes.clip(0, 255)).astype(np.uint8))


def noisy(colour, sigma):
    return picture(flat(colour) + np.random.default_rng(3).normal(0, sigma, (SIDE, SIDE, 3)))


def as_jpeg(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def bordered(image):
    ImageDraw.Draw(image).rectangle((0, 0, SIDE - 1, SIDE - 1), outline=(200, 30, 30), width=2)
    return image


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (picture(flat()), "black (#000000)"),
        (picture(flat((255, 255, 255))), "white (#ffffff)"),
        (picture(flat((128, 128, 128))), "grey (#808080)"),
        (picture(flat((137, 112, 84))), "#897054"),
        (Image.new("RGB", (1, 1)), "black"),
        (Image.new("RGB", (200, 1), "red"), "#ff0000"),
        (Image.new("RGB", (3000, 2000), "navy"), "#000080"),
        (noisy((0, 0, 0), 3), "black"),
        (noisy((128, 128, 128), 3), "grey"),
        (as_jpeg(noisy((90, 120, 160), 3), 30), "within 12 codes of #"),
        (picture(flat((100, 100, 100)) + np.linspace(0, 20, SIDE)[None, :, None]), "grey"),
        (bordered(picture(flat((20, 90, 20)))), "#145a14"),
    ],
)
def test_nothing_is_to_be_seen(image, words):
    found = finding_of(image)
    assert found.kind == "blank"
    assert words in found.detail


def drawn(draw, paper="white"):
    image = Image.new("RGB", (SIDE, SIDE), paper)
    draw(ImageDraw.Draw(image))
    return image


def test_little_is_something():
    stars = np.random.default_rng(3).integers(10, SIDE - 10, (40, 2))
    for image in (
        drawn(lambda pen: pen.ellipse((200, 200, 218, 218), fill="black")),
        drawn(lambda pen: pen.line((50, 300, 450, 200), fill="black")),
        drawn(lambda pen: pen.text((100, 250), "fox", fill=(40, 40, 40), font_size=30)),
        drawn(lambda pen: [pen.rectangle((x, y, x + 1, y + 1), fill="white") for x, y in stars.tolist()], "black"),
        picture(flat((120, 120, 120)) + np.linspace(0, 60, SIDE)[None, :, None]),
        Image.fromarray(np.indices((8, 8)).sum(0).astype(np.uint8) % 2 * 255).convert("RGB"),
        noisy((128, 128, 128), 60),
    ):
        found = finding_of(image)
        assert found is None or found.kind == "half-blank"


@pytest.mark.parametrize("edge", ["top", "bottom", "left", "right"])
def test_half_of_it(edge):
    codes = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3))
    sideways = codes.transpose(1, 0, 2)
    turned = {"top": codes, "bottom": codes[::-1], "left": sideways, "right": sideways[::-1]}
    turned[edge][: int(SIDE * 0.6)] = (10, 200, 10)
    found = finding_of(picture(codes))
    assert found.kind == "half-blank"
    assert found.detail.endswith(f"along the {edge} edge, is next to one colour, #0ac80a")
    assert not found.fails()


def test_less_than_half_is_not_named():
    codes = np.random.default_rng(3).integers(0, 256, (SIDE, SIDE, 3))
    codes[: int(SIDE * 0.45)] = 255
    assert finding_of(picture(codes)) is None


def test_what_fails():
    assert Finding("blank", "").fails()
    assert not Finding("blank", "").fails(blank=True)
    assert Finding("nsfw", "").fails(blank=True)


def test_a_look_is_a_line_of_an_index():
    black = look_at(Image.new("RGB", (9, 9)))
    assert black.pixels == pixel_hash(Image.new("RGB", (9, 9)))
    for look in (black, Look("0" * 64), Look("0" * 64, Finding("half-blank", "50% of it"))):
        assert Look.of_line(look.line()) == look
        assert look.line().isascii()
        assert len(look.line()) < 264
    assert Look.of_line("") is None
    assert Look.of_line("0" * 64 + " unheard-of 3") is None  # of a later version: looked at again
