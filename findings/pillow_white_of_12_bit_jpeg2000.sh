#!/usr/bin/env bash
# Pillow 13.0.0 turns the white of a colour JPEG 2000 of 12 bits black.
#
# Guess before the run: what is deeper than 8 bits is scaled down, at worst by cutting bits off.
# Seen: colour of 12 bits opens as "RGB" without a warning. Codes are rounded to 8 bits, and what rounds up to 256 wraps
# to 0: of a ramp from 0 to 4,095 the brightest codes come out as 0, next to 255. imagecodecs reads the same bytes back
# as they were written. Grey of 12 bits opens as "I;16", scaled to 16 bits, and is right.
# This fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pillow==13.0.0 imagecodecs==2026.3.6 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import io

import imagecodecs
import numpy as np
import PIL
from PIL import Image

ramp = np.tile(np.linspace(0, 4095, 256).astype(np.uint16), (64, 1))
colour = np.stack([ramp] * 3, axis=-1)
data = imagecodecs.jpeg2k_encode(colour, level=0, bitspersample=12, codecformat="jp2", reversible=True)
assert np.array_equal(imagecodecs.jpeg2k_decode(data), colour)
image = Image.open(io.BytesIO(data))
row = np.asarray(image)[0, :, 0]
print("Pillow", PIL.__version__, "mode", image.mode)
print("written", ramp[0, -3:].tolist(), "of 4095; read", row[-3:].tolist(), "of 255")
grey = imagecodecs.jpeg2k_encode(ramp, level=0, bitspersample=12, codecformat="jp2", reversible=True)
opened = Image.open(io.BytesIO(grey))
print("grey: mode", opened.mode, "white", int(np.asarray(opened)[0, -1]))
assert (image.mode, int(ramp[0, -1]), int(row[-1]), int(row.max())) == ("RGB", 4095, 0, 255), "this has changed"
assert opened.mode == "I;16"
PYTHON
