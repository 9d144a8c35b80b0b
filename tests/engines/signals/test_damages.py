"""The embedded judge on broken pictures, and on pictures that look broken and are as they were asked for."""

from __future__ import annotations

import pytest
from PIL import Image

pytest.importorskip("cv2")

from pytest_imagejudge import Judge

from . import pictures as p

NATURALNESS = ("Quality", "Detail", "Naturalness")
COLOUR = ("Aesthetics", "Color Harmony", "Color Harmony")
LIGHT = ("Aesthetics", "Lighting", "Lighting & Atmosphere")

PHOTO = p.photograph()
BROKEN = {
    "black": (NATURALNESS, "next to one colour, black", Image.new("RGB", (256, 256), "black")),
    "white": (NATURALNESS, "next to one colour, white", Image.new("RGB", (256, 256), "white")),
    "one colour": (NATURALNESS, "next to one colour", Image.new("RGB", (256, 256), (120, 60, 30))),
    "upper half black": (NATURALNESS, "along its top edge", p.covered(PHOTO, "black", (0, 0, 1, 0.5))),
    "lower half white": (NATURALNESS, "along its bottom edge", p.covered(PHOTO, "white", (0, 0.5, 1, 1))),
    "left half grey": (NATURALNESS, "along its left edge", p.covered(PHOTO, "grey", (0, 0, 0.5, 1))),
    "right half grey": (NATURALNESS, "along its right edge", p.covered(PHOTO, "grey", (0.5, 0, 1, 1))),
    "most of it in a rectangle": (NATURALNESS, "a blank rectangle", p.covered(PHOTO, "grey", (0.1, 0.1, 0.9, 0.9))),
    "4 levels": (NATURALNESS, "4 levels of colour are 85 codes apart", p.rounded(PHOTO, 4)),
    "8 levels": (NATURALNESS, "8 levels of colour are 36", p.rounded(PHOTO, 8)),
    "5 bits": (NATURALNESS, "32 levels of colour are 8 codes apart", p.few_bits(PHOTO, 5)),
    "gradient of 5 bits": (NATURALNESS, "are 8 codes apart", p.few_bits(p.gradient((10, 10, 10), (240, 220, 250)), 5)),
    "upright stripes": (NATURALNESS, "vertical stripes of 8.0 pixels", p.striped(PHOTO, 8, 10, upright=True)),
    "level stripes": (NATURALNESS, "horizontal stripes of 8.0 pixels", p.striped(PHOTO, 8, 10, upright=False)),
    "nothing but stripes": (
        NATURALNESS,
        "stripes of 8.0 pixels",
        p.striped(Image.new("RGB", (256, 256), "grey"), 8, 120, upright=True),
    ),
    **{f"{n} x {n} tiles": (NATURALNESS, "alike to", p.tiled(PHOTO, n)) for n in (2, 3, 5, 8)},
    **{f"checkerboard of {n}": (NATURALNESS, "a checkerboard", p.checkered(PHOTO, n, 4)) for n in (1, 2, 4, 8)},
    "green cast": (COLOUR, "colour cast", p.shifted(PHOTO, (-30, 40, -30))),
    "violet cast": (COLOUR, "colour cast", p.shifted(PHOTO, (40, -30, 40))),
    "burnt colour": (COLOUR, "saturated to the end", p.saturated(PHOTO, 3)),
    "exposed twice": (LIGHT, "burnt to white", p.of(2.0 * p.np.asarray(PHOTO))),
    "crushed": (LIGHT, "crushed to black", p.of(1.5 * (p.np.asarray(PHOTO, float) - 100))),
}
# as asked for: the picture alone tells, without a word in the prompt
SOUND = {
    "a photograph": PHOTO,
    "a cat": p.photograph("chelsea"),
    "a brick wall": p.photograph("brick"),
    "a lawn": p.photograph("grass"),
    "a pale gradient": p.gradient((230, 240, 250), (200, 215, 240)),
    "a purple gradient": p.gradient((20, 10, 60), (200, 90, 150)),
    "a sky full of stars": p.stars(),
    "a rocket far off": p.fog(),
    "hills before sunset": p.silhouette(),
    "a cup": p.product_on_white(),
    "arcs": p.line_art(),
    "a house": p.flat_illustration(),
    "a castle": p.pixel_art(),
    "a hall": p.floor(),
    "a sailor": p.shirt(),
}
# as asked for, and the prompt has to say so
ASKED = {
    "one colour": ("a plain white image", Image.new("RGB", (256, 256), "white")),
    "wallpaper": ("a seamless pattern of cherries", p.mosaic()),
    "stripes": ("black and white stripes", p.striped(Image.new("RGB", (256, 256), "grey"), 8, 120, upright=True)),
    "chessboard": ("a chessboard from above", p.checkered(Image.new("RGB", (256, 256), "grey"), 16, 100)),
    "few levels": ("flat vector art of a face", p.rounded(PHOTO, 4)),
}


@pytest.fixture(scope="module")
def failed():
    """Ask the embedded judge: failed(picture, prompt) -> {facet: evidence} of the facets that fail."""
    with Judge("signals") as judge:

        def ask(picture, prompt):
            verdict = judge.score(picture, prompt, dimensions=["Quality", "Aesthetics"])
            facets = {path: facet for path, facet in verdict.level3.items() if path in (NATURALNESS, COLOUR, LIGHT)}
            assert len(facets) == 3
            assert all(facet.evidence for facet in facets.values())
            return {path: facet.evidence for path, facet in facets.items() if facet.raw == 0}

        yield ask


@pytest.mark.parametrize(("facet", "words", "picture"), BROKEN.values(), ids=BROKEN)
def test_a_broken_picture_fails_the_facet_that_is_about_it(failed, facet, words, picture):
    found = failed(picture, "an astronaut")
    assert words in found[facet]
    assert "fail above" in found[facet]


@pytest.mark.parametrize("prompt", SOUND)
def test_a_sound_picture_fails_nothing(failed, prompt):
    assert failed(SOUND[prompt], prompt) == {}


@pytest.mark.parametrize(("prompt", "picture"), ASKED.values(), ids=ASKED)
def test_what_the_prompt_asks_for_is_no_damage(failed, prompt, picture):
    assert failed(picture, "a view of the town") != {}
    assert failed(picture, prompt) == {}
