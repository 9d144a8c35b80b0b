#!/usr/bin/env bash
# datasets 5.2.0 stores the file that a Pillow image was opened from, and not the image that it is given.
#
# Guess before the run: `Image()` encodes the pixels that the image has when it is handed over.
# Seen with datasets 5.2.0, Pillow 13.0.0 on CPython 3.11:
# - An image of `Image.open` keeps its file name, and `Image()` stores that name alone. What was done in place since is
#   lost: `thumbnail`, `paste`, drawing, `putalpha`. A picture cut down to 32 pixels comes back with the file's 64; a
#   region painted over, or a watermark, is as before. In `map` it is the same.
# - What makes a new image (`resize`, `crop`, `convert`, `copy`) is stored as it is, so two lines that look alike differ.
# - `save_to_disk` and `to_parquet` put the file's pixels in. Until then a row is the name alone: a loop that writes each
#   image into one file and opens it gets rows that all show the last one.
# No warning is issued in any of these: an edited picture is judged by its source.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0 pillow==13.0.0 2>/dev/null
cd "$folder"
HF_HOME="$folder/home" HF_HUB_OFFLINE=1 "$folder/venv/bin/python" - <<'PYTHON'
import warnings

import datasets
from PIL import Image, ImageDraw

datasets.disable_progress_bars()
warnings.simplefilter("error")
FEATURES = datasets.Features({"image": datasets.Image()})


def opened(colour="white"):
    Image.new("RGB", (64, 64), colour).save("picture.png")
    image = Image.open("picture.png")
    image.load()
    return image


def look(image):
    return image.size, image.mode, image.getpixel((0, 0))


def seen(image):
    rows = datasets.Dataset.from_dict({"image": [image]}, features=FEATURES)
    return look(image), look(rows[0]["image"])


def in_place(change):
    image = opened()
    change(image)
    return seen(image)


def shrink(row):
    image = Image.open(row["path"])
    image.thumbnail((32, 32))
    return {"image": image}


print("datasets", datasets.__version__)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
FILE = ((64, 64), "RGB", WHITE)
cases = {
    "thumbnail": in_place(lambda image: image.thumbnail((32, 32))),
    "paste": in_place(lambda image: image.paste("black", (0, 0, 32, 32))),
    "drawing": in_place(lambda image: ImageDraw.Draw(image).rectangle((0, 0, 31, 31), "black")),
    "putalpha": in_place(lambda image: image.putalpha(0)),
    "resize": seen(opened().resize((32, 32))),
    "a copy, pasted": seen((lambda copy: copy.paste("black", (0, 0, 32, 32)) or copy)(opened().copy())),
}
for name, (given, stored) in cases.items():
    print(f"{name}: given {given}, stored {stored}")
assert cases == {
    "thumbnail": (((32, 32), "RGB", WHITE), FILE),
    "paste": (((64, 64), "RGB", BLACK), FILE),
    "drawing": (((64, 64), "RGB", BLACK), FILE),
    "putalpha": (((64, 64), "RGBA", (*WHITE, 0)), FILE),
    "resize": (((32, 32), "RGB", WHITE),) * 2,
    "a copy, pasted": (((64, 64), "RGB", BLACK),) * 2,
}, "this has changed"

size = datasets.Dataset.from_dict({"path": ["picture.png"]}).map(shrink)[0]["image"].size
print("thumbnail in map:", size)
assert size == (64, 64)

image = opened()
image.paste("black", (0, 0, 32, 32))
rows = datasets.Dataset.from_dict({"image": [image]}, features=FEATURES)
rows.to_parquet("rows.parquet")
rows.save_to_disk("saved")
pixels = [
    kept[0]["image"].getpixel((0, 0))
    for kept in (datasets.Dataset.from_parquet("rows.parquet"), datasets.load_from_disk("saved"))
]
print("painted black, in Parquet and saved:", pixels)
assert pixels == [WHITE, WHITE], "this has changed"

images = [opened(colour) for colour in ("red", "lime", "blue")]
rows = datasets.Dataset.from_dict({"image": images}, features=FEATURES)
given, stored = [image.getpixel((0, 0)) for image in images], [row["image"].getpixel((0, 0)) for row in rows]
print("three images by way of one file: given", given, "stored", stored)
assert given == [(255, 0, 0), (0, 255, 0), (0, 0, 255)] and stored == [(0, 0, 255)] * 3, "this has changed"
PYTHON
