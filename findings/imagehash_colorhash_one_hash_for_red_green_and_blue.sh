#!/usr/bin/env bash
# ImageHash 4.3.2 gives red, green and blue one `colorhash`, where the strongest channel is three times the weakest.
#
# Guess before the run: pictures of a flat red, green and blue of the same lightness differ in both of their hue's groups of bits,
# whichever red it is, so by four bits or more of 42.
# Seen with ImageHash 4.3.2, Pillow 13.0.0, numpy 2.3.5 on CPython 3.11; bits that differ, for a flat picture and for a square of the
# colour on white:
#                                       red and green    red and blue    green and blue
#   #993333, #339933, #333399           0                0               0
#   #ff5555, #55ff55, #5555ff           0                0               0
#   #992e2e and #993939, likewise       6                6               6
# - The colours are sorted into faint ones (saturation below 170 of 255) and bright ones (above 170). A colour of 170 is counted
#   in neither, so that no hue is left of it. That is each whose channels are 3 to 1 at the extremes: (90, 30, 30), (150, 50, 50),
#   (240, 80, 80), and of the 216 web-safe colours the 12 between #993333 and #333399.
# - `binbits` makes no difference, which the maintainer names as the way to a finer hash.
# - A square of #993333 on white is 1 bit away from no square at all, and one of #992e2e is 4 away.
# The docstring speaks of "highly saturated" and "mildly saturated parts", and the issues of small changes of a colour ("hashes are
# lossy"), neither of a colour that is left out. A test that an edit turned the red button green by the distance of the hashes
# fails, and one that the colours stayed as they were passes.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check imagehash==4.3.2 pillow==13.0.0 numpy==2.3.5 2>/dev/null
"$folder/venv/bin/python" -W error - <<'PYTHON'
import importlib.metadata
import itertools

import imagehash
from PIL import Image, ImageColor, ImageDraw


def flat(colour):
    return Image.new("RGB", (64, 64), colour)


def square(colour):
    picture = flat("white")
    ImageDraw.Draw(picture).rectangle((16, 16, 47, 47), fill=colour)
    return picture


def seen(colours, draw, **options):
    hashes = [imagehash.colorhash(draw(colour), **options) for colour in colours]
    return [int(first - second) for first, second in itertools.combinations(hashes, 2)]


def turned(colour):
    """A red and the green and blue with the same channels."""
    red = ImageColor.getrgb(colour)
    return red, red[1:] + red[:1], red[2:] + red[:2]


print(*(f"{name} {importlib.metadata.version(name)}" for name in ("imagehash", "pillow", "numpy")))
for red, expected in {
    "#993333": 0, "#ff5555": 0, "#5a1e1e": 0, "#963232": 0, "#f05050": 0,
    "#992e2e": 6, "#993939": 6, "#ff5454": 6, "#ff5656": 6,
}.items():  # fmt: skip
    found = {draw.__name__: seen(turned(red), draw) for draw in (flat, square)}
    saturation = flat(red).convert("HSV").getpixel((0, 0))[1]
    print(f"{red} turned to green and blue, saturation {saturation}: {found}")
    assert all(distances == [expected] * 3 for distances in found.values()), "this has changed"
    assert (saturation == 170) == (expected == 0)
for bits in (3, 4, 8):
    distances = seen(turned("#993333"), flat, binbits=bits)
    print(f"#993333, binbits={bits}: {distances}")
    assert distances == [0, 0, 0], "this has changed"
steps = range(0, 256, 51)
safe = [
    "#{:02x}{:02x}{:02x}".format(*colour)
    for colour in itertools.product(steps, repeat=3)
    if not imagehash.colorhash(flat(colour)).hash.any()
]
print(f"web-safe colours without a bit: {len(safe)}, {safe}")
assert len(safe) == 12, "this has changed"
away = [seen(["white", colour], square)[0] for colour in ("#993333", "#992e2e")]
print(f"a square of #993333 and of #992e2e, and no square: {away}")
assert away == [1, 4], "this has changed"
PYTHON
