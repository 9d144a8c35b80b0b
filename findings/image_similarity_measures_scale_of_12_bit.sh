#!/usr/bin/env bash
# image-similarity-measures 0.3.6 measures 8-bit pictures on a scale of 12 bits, and its command has no option for it.
#
# Guess before the run: the peak value comes from the array's type (255 for uint8), as in scikit-image and sewar.
# Seen with image-similarity-measures 0.3.6 on CPython 3.11: every measure has `max_p=4095` by default, and the command
# `image-similarity-measures` reads a PNG with OpenCV and leaves the default. For a picture of 8 bits:
# - PSNR is 24.1 dB too high: black against white is 24.1 dB and not 0; noise of sigma 25 is 44 dB and not 20.
# - SSIM loses its sight: the same noise keeps 0.96 of 1, which is 0.12 on the right scale.
# - RMSE is 16 times too small.
# So a bound such as "SSIM at least 0.9" or "PSNR at least 30 dB" passes a picture that is spoilt.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    image-similarity-measures==0.3.6 numpy==1.26.4 opencv-python-headless==4.10.0.84 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import json
import subprocess
import sys

import cv2
import numpy as np
from image_similarity_measures.quality_metrics import ssim

rows, columns = np.mgrid[0:256, 0:256]
picture = np.dstack([128 + 60 * np.sin(rows / 17), 128 + 60 * np.cos(columns / 23), 90 + (rows + columns) / 8])
noisy = picture + np.random.default_rng(0).normal(0, 25, picture.shape)
for name, array in {"fine": picture, "noisy": noisy, "black": picture * 0, "white": picture * 0 + 255}.items():
    cv2.imwrite(f"{name}.png", array.clip(0, 255).round().astype(np.uint8))


def command(one, other):
    line = [sys.executable, "-m", "image_similarity_measures.evaluate", "--org_img_path", one, "--pred_img_path", other]
    done = subprocess.run(line + ["--metric", "psnr", "--metric", "ssim", "--metric", "rmse"], capture_output=True, check=True)
    return {name: round(value, 4) for name, value in json.loads(done.stdout)["metrics"].items()}


print("image-similarity-measures", importlib.metadata.version("image-similarity-measures"))
opposite, spoilt = command("black.png", "white.png"), command("fine.png", "noisy.png")
fine, noisy = cv2.imread("fine.png"), cv2.imread("noisy.png")
right = ssim(fine, noisy, max_p=255)
print("command, black and white:", opposite)
print("command, noise of sigma 25:", spoilt)
print("SSIM of the noise with max_p=255:", round(float(right), 4), "and cv2.PSNR:", round(cv2.PSNR(fine, noisy), 2))
assert abs(opposite["psnr"] - 24.11) < 0.01 and abs(opposite["rmse"] - 255 / 4095) < 0.0001
assert abs(spoilt["psnr"] - cv2.PSNR(fine, noisy) - 24.11) < 0.02
assert spoilt["ssim"] > 0.9 and right < 0.5
PYTHON
