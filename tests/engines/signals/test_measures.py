"""Pictures that look broken and are as they were asked for, through the public judge."""

from __future__ import annotations

import pytest
from PIL import Image

pytest.importorskip("cv2")

from . import pictures as p
from .failures import failed

PHOTO = p.photograph()
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
    "few levels": ("a posterised face of four tones", p.rounded(PHOTO, 4)),
}


@pytest.mark.parametrize("prompt", SOUND)
def test_a_sound_picture_fails_nothing(prompt):
    assert failed(SOUND[prompt], prompt) == {}


@pytest.mark.parametrize(("prompt", "picture"), ASKED.values(), ids=ASKED)
def test_what_the_prompt_asks_for_is_no_damage(prompt, picture):
    assert failed(picture, "a view of the town") != {}
    assert failed(picture, prompt) == {}
