#!/usr/bin/env bash
# colorthief 0.2.1 never names white: the dominant colour of a white picture with a red dot is red.
#
# Guess before the run: the dominant colour is the one of the most pixels, white where nearly all of them are white.
# Seen with colorthief 0.2.1, Pillow 13.0.0 on CPython 3.11; `get_color` and `get_palette`, with quality=1 (every pixel):
# - Pixels whose three codes are all above 250 are left out before the colours are counted, as are those with alpha below 125.
#   Of white with one red pixel of 10,000 the dominant colour is red, and no palette has white in it. Codes of 250 count.
# - So a check "is the car white" fails on the right picture, and "is it red" passes on one that is white but for a tail light.
# - A picture that is white all over is an exception: "Empty pixels when quantize."
# Neither a parameter nor a warning tells of it.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check colorthief==0.2.1 pillow==13.0.0 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import io

from colorthief import ColorThief
from PIL import Image

WHITE, RED, BLACK, GREY = (255, 255, 255), (200, 0, 0), (0, 0, 0), (250, 250, 250)


def near(colour, other):
    return max(abs(a - b) for a, b in zip(colour, other, strict=True)) <= 8


def seen(ground, dot=None):
    picture = Image.new("RGB", (100, 100), ground)
    if dot:
        picture.putpixel((50, 50), dot)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    thief = ColorThief(buffer)
    try:
        return thief.get_color(quality=1), thief.get_palette(color_count=5, quality=1)
    except Exception as error:
        return str(error), []


print("colorthief", importlib.metadata.version("colorthief"))
for name, arguments, expected in [
    ("white with a red dot", (WHITE, RED), RED),
    ("white with a black dot", (WHITE, BLACK), BLACK),
    ("black with a white dot", (BLACK, WHITE), BLACK),
    ("grey of 250 with a red dot", (GREY, RED), GREY),
    ("white", (WHITE,), "Empty pixels when quantize."),
]:
    colour, palette = seen(*arguments)
    print(f"{name}: {colour}, palette {palette}")
    assert (colour == expected) if isinstance(expected, str) else near(colour, expected), "this has changed"
    assert WHITE not in palette and (arguments[0] != WHITE or not any(min(one) > 208 for one in palette)), "this has changed"
PYTHON
