#!/usr/bin/env bash
# pillow-jxl-plugin 1.3.8 opens an animated JPEG XL at its last frame, and drops the alpha of grey with 16 bits.
#
# Guess before the run: as with GIF, WebP and AVIF, an animation opens at its first frame and n_frames counts them; grey
# with alpha opens in a mode that has alpha.
# Seen with Pillow 13.0.0: three lossless frames of the codes 10, 100 and 200 open as one RGB picture of 200, n_frames 1.
# Grey with alpha of 16 bits opens as "I;16", without alpha. Neither warns.
# This fails if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  pillow==13.0.0 pillow-jxl-plugin==1.3.8 imagecodecs==2026.3.6 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import io

import imagecodecs
import numpy as np
import pillow_jxl  # noqa: F401 - registers the format
from PIL import Image

frames = np.stack([np.full((16, 16, 3), code, np.uint8) for code in (10, 100, 200)])
animated = Image.open(io.BytesIO(imagecodecs.jpegxl_encode(frames, lossless=True)))
print("animated:", animated.mode, "n_frames", getattr(animated, "n_frames", None), np.asarray(animated)[0, 0].tolist())
grey = np.zeros((16, 16, 2), np.uint16)
grey[..., 0], grey[..., 1] = 30000, 20000
alpha = Image.open(io.BytesIO(imagecodecs.jpegxl_encode(grey, lossless=True, photometric="gray")))
print("grey with alpha, 16 bits:", alpha.mode, alpha.getbands(), np.asarray(alpha)[0, 0].tolist())
assert np.asarray(animated)[0, 0].tolist() == [200, 200, 200], "this has changed"
assert getattr(animated, "n_frames", 1) == 1
assert (alpha.mode, "A" in alpha.getbands()) == ("I;16", False)
PYTHON
