#!/usr/bin/env bash
# OpenCV 5.0.0 multiplies the colours of a TIFF by its alpha as it reads them, where the file has 8 bits and says that it has alpha.
#
# Guess before the run: `imread` gives the colours that are in the file: with alpha for IMREAD_UNCHANGED, without for IMREAD_COLOR,
# whatever the format, the depth and the program that wrote it.
# Seen with opencv-python-headless 5.0.0.93, Pillow 13.0.0, tifffile 2026.3.3, numpy 2.4.6 on CPython 3.11; a picture of one colour,
# (200, 100, 50) with alpha 128, as RGB:
#                                 IMREAD_UNCHANGED             IMREAD_COLOR
#   PNG                           200, 100, 50, alpha 128      200, 100, 50
#   TIFF of Pillow or tifffile    100, 50, 25, alpha 128       100, 50, 25
#   the same with 16 bits         as stored                    100, 50, 25
#   TIFF of OpenCV itself         200, 100, 50, alpha 128      200, 100, 50
# - All of these files hold the same, straight (unassociated) colours, and Pillow reads them so. OpenCV's own
#   lacks the entry ExtraSamples, by which a TIFF says what its fourth channel is.
# - So a cut-out or a layer that goes through OpenCV gets dark edges: read, written as PNG and laid on white, half transparent
#   white is grey 191 instead of white. With alpha 0 all is black, and two pictures that differ there are equal.
# - Against the same picture as PNG, the colours are at a PSNR of 12 dB.
# Neither a warning nor the documentation of the flags says so; the latter promises the picture as it is for IMREAD_UNCHANGED.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    opencv-python-headless==5.0.0.93 pillow==13.0.0 tifffile==2026.3.3 numpy==2.4.6 2>/dev/null
cd "$folder"
venv/bin/python - <<'PYTHON' 2> said || { cat said && exit 1; }
import io

import cv2
import numpy
import tifffile
from PIL import Image


def stored(colour, alpha):
    pixels = numpy.full((32, 32, 4), (*colour, alpha), numpy.uint8)
    files = {}
    for form in ("PNG", "TIFF"):
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, form)
        files[f"{form} of Pillow"] = buffer.getvalue()
    for name, samples in {"TIFF of tifffile": pixels, "TIFF of tifffile, 16 bits": pixels.astype(numpy.uint16) * 257}.items():
        buffer = io.BytesIO()
        tifffile.imwrite(buffer, samples, photometric="rgb", extrasamples=["unassalpha"])
        files[name] = buffer.getvalue()
    files["TIFF of OpenCV"] = cv2.imencode(".tiff", cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA))[1].tobytes()
    return files


def read(data, flag):
    pixels = cv2.imdecode(numpy.frombuffer(data, numpy.uint8), flag)
    pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB if pixels.shape[2] == 3 else cv2.COLOR_BGRA2RGBA)
    assert (pixels == pixels[0, 0]).all()
    if pixels.dtype == numpy.uint16:
        pixels = pixels // 257
    return tuple(pixels[0, 0].tolist())


print("opencv", cv2.__version__)
seen = {}
for name, data in stored((200, 100, 50), 128).items():
    assert Image.open(io.BytesIO(data)).getpixel((0, 0)) == (200, 100, 50, 128), "the file differs"
    seen[name] = read(data, cv2.IMREAD_UNCHANGED), read(data, cv2.IMREAD_COLOR)
    print(f"{name}: {seen[name][0]} as it is, {seen[name][1]} as colours")
straight, dark = ((200, 100, 50, 128), (200, 100, 50)), ((100, 50, 25, 128), (100, 50, 25))
assert seen == {
    "PNG of Pillow": straight,
    "TIFF of Pillow": dark,
    "TIFF of tifffile": dark,
    "TIFF of tifffile, 16 bits": (straight[0], dark[1]),
    "TIFF of OpenCV": straight,
}, "this has changed"

white = cv2.imdecode(numpy.frombuffer(stored((255, 255, 255), 128)["TIFF of Pillow"], numpy.uint8), cv2.IMREAD_UNCHANGED)
again = Image.open(io.BytesIO(cv2.imencode(".png", white)[1].tobytes()))
ground = Image.new("RGBA", again.size, "white")
ground.alpha_composite(again)
print("half transparent white, read and written and laid on white:", ground.getpixel((0, 0))[:3])
assert ground.getpixel((0, 0)) == (191, 191, 191, 255), "this has changed"

empty = {read(stored(colour, 0)["TIFF of Pillow"], cv2.IMREAD_UNCHANGED) for colour in ((200, 100, 50), (0, 0, 255))}
print("two colours with alpha 0:", empty)
assert empty == {(0, 0, 0, 0)}, "this has changed"

quality = cv2.PSNR(numpy.uint8([[straight[1]]]), numpy.uint8([[seen["TIFF of Pillow"][1]]]))
print(f"PSNR of the TIFF's colours and the PNG's: {quality:.2f} dB")
assert 11 < quality < 12, "this has changed"
PYTHON
# Of the TIFFs read here, OpenCV grumbles at its own only.
if grep -v "ExtraSamples doesn't match SamplesPerPixel" said; then
    echo "this has changed"
    exit 1
fi
