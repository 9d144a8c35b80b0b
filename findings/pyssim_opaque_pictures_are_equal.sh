#!/usr/bin/env bash
# pyssim 0.7.1 gives any two opaque pictures with an alpha channel the SSIM 1.
#
# Guess before the run: alpha is left out, or the picture is laid on black; opaque RGBA compares as the same RGB does.
# Seen with pyssim 0.7.1, numpy 2.3.5, scipy 1.17.1, Pillow 13.0.0 on CPython 3.11:
# - Before the comparison every pixel whose alpha is 255 becomes black, where the transparent ones were meant. Of an opaque
#   picture nothing is left: noise and plain white have 1.0 with any other, by `compute_ssim` and by the command.
# - Alpha of 254 all over, or none, gives the right values (noise 0.02, white 0.71).
# - The same picture with and without alpha has 0.00. So a gate that compares with a baseline fails on the good picture
#   where only one of the two has alpha, and passes everything where both have.
# - The complex wavelet variant (`--cw`) goes another way and is right.
# No warning is issued. Pipelines that write RGBA, screenshots of browsers and most exporters give opaque alpha.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    pyssim==0.7.1 numpy==2.3.5 scipy==1.17.1 pillow==13.0.0 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W error - <<'PYTHON'
import importlib.metadata
import subprocess
import sys

import numpy as np
from PIL import Image
from ssim import compute_ssim

rows, columns = np.mgrid[0:128, 0:128]
waves = np.dstack([128 + 60 * np.sin(rows / 17), 128 + 60 * np.cos(columns / 23), 90 + (rows + columns) / 8])
fine = Image.fromarray(waves.astype(np.uint8))
noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, waves.shape, dtype=np.uint8))
white = Image.new("RGB", fine.size, "white")


def nearly_opaque(picture):
    copy = picture.copy()
    copy.putalpha(254)
    return copy


def command(*options):
    line = ["venv/bin/pyssim", *options, "fine.png", "noise.png"]
    return round(float(subprocess.run(line, capture_output=True, check=True, text=True).stdout), 2)


def values(change):
    return [round(float(compute_ssim(change(fine), change(other))), 2) for other in (fine, noise, white)]


fine.convert("RGBA").save("fine.png")
noise.convert("RGBA").save("noise.png")
print("pyssim", importlib.metadata.version("pyssim"))
seen = {
    "RGB": values(lambda picture: picture),
    "RGBA": values(lambda picture: picture.convert("RGBA")),
    "LA": values(lambda picture: picture.convert("LA")),
    "alpha 254": values(nearly_opaque),
    "one with alpha": round(float(compute_ssim(fine, fine.convert("RGBA"))), 2),
    "command": command(),
    "command, --cw": command("--cw"),
}
for name, value in seen.items():
    print(f"{name}: {value}")
assert seen["RGBA"] == seen["LA"] == [1.0, 1.0, 1.0], "this has changed"
assert seen["RGB"] == seen["alpha 254"] and seen["RGB"][0] == 1.0 and max(seen["RGB"][1:]) < 0.8, "this has changed"
assert seen["one with alpha"] < 0.5 and seen["command"] == 1.0 and seen["command, --cw"] < 0.9, "this has changed"
PYTHON
