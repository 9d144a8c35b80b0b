#!/usr/bin/env bash
# Two pytest plugins that compare pictures with a stored one pass pictures of another size, and one of other colours.
#
# Guess before the run: a picture of another size differs from the stored one, and so does one of other colours.
# Seen with pytest-image-snapshot 0.5.3, pytest-regressions 2.11.0, pytest 9.0.1, Pillow 12.0.0 on CPython 3.11:
# - pytest-image-snapshot extends the smaller picture with black to the right and below. A picture that came out twice
#   as wide with a black half (a canvas that was not filled) passes, and so does one that lost a black border.
# - pytest-image-snapshot compares two pictures with a palette by the numbers of their colours. The same drawing in blue
#   instead of red passes; after `convert("RGB")` it fails.
# - pytest-regressions compares only the part that both pictures have (Pillow's ImageChops crops to it). The upper left
#   corner of the stored picture passes alone, and so does the stored picture with any other picture beside it.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pytest-image-snapshot==0.5.3 pytest-regressions==2.11.0 pytest==9.0.1 pillow==12.0.0 numpy==2.3.4 2>/dev/null
cd "$folder"
cat > test_pictures.py <<'PYTHON'
import pathlib

from PIL import Image, ImageDraw


def drawing(colour=(200, 0, 0)):
    picture = Image.new("P", (64, 64))
    picture.putpalette([255, 255, 255, *colour])
    ImageDraw.Draw(picture).ellipse((8, 8, 56, 56), fill=1)
    return picture


def wider(ground):
    picture = Image.new("RGB", (128, 64), ground)
    picture.paste(drawing().convert("RGB"))
    return picture


RGB = pathlib.Path("rgb.png").absolute()
drawing().save("palette.png")
drawing().convert("RGB").save(RGB)
wider("black").save("wider.png")


def test_snapshot_black_half_more(image_snapshot):
    image_snapshot(wider("black"), "rgb.png")


def test_snapshot_black_half_less(image_snapshot):
    image_snapshot(drawing().convert("RGB"), "wider.png")


def test_snapshot_white_half_more(image_snapshot):
    image_snapshot(wider("white"), "rgb.png")


def test_snapshot_blue_for_red_palette(image_snapshot):
    image_snapshot(drawing((0, 0, 200)), "palette.png")


def test_snapshot_blue_for_red_rgb(image_snapshot):
    image_snapshot(drawing((0, 0, 200)).convert("RGB"), "rgb.png")


def test_regressions_corner_of_12_pixels(image_regression):
    image_regression.check(drawing().convert("RGB").crop((0, 0, 12, 12)), fullpath=RGB)


def test_regressions_another_picture_beside(image_regression):
    image_regression.check(wider("green"), fullpath=RGB)


def test_regressions_blue_for_red(image_regression):
    image_regression.check(drawing((0, 0, 200)).convert("RGB"), fullpath=RGB)
PYTHON
"$folder/venv/bin/pip" list --disable-pip-version-check 2>/dev/null | grep -iE '^(pytest|pytest-image-snapshot|pytest-regressions|pillow) '
"$folder/venv/bin/python" -m pytest -p no:cacheprovider --image-snapshot-fail-if-missing -rA --tb=no > seen || true
grep -E '^(PASSED|FAILED|ERROR)' seen | cut -d' ' -f1,2 | sort > outcomes
cat outcomes
diff outcomes - <<'EXPECTED'
FAILED test_pictures.py::test_regressions_blue_for_red
FAILED test_pictures.py::test_snapshot_blue_for_red_rgb
FAILED test_pictures.py::test_snapshot_white_half_more
PASSED test_pictures.py::test_regressions_another_picture_beside
PASSED test_pictures.py::test_regressions_corner_of_12_pixels
PASSED test_pictures.py::test_snapshot_black_half_less
PASSED test_pictures.py::test_snapshot_black_half_more
PASSED test_pictures.py::test_snapshot_blue_for_red_palette
EXPECTED
