#!/usr/bin/env bash
# mistral-common 1.13.1 shrinks pictures without smoothing, so that fine detail is lost, or becomes flat black or white.
#
# Guess before the run: as in Pillow and in the processors of transformers for the same models, bicubic over all of the
# pixels that fall together; a fine hatching becomes grey.
# Seen with mistral-common 1.13.1, opencv-python-headless 5.0.0.93, numpy 2.3.5, Pillow 13.0.0 on CPython 3.11: the encoder of
# pictures resizes with OpenCV's INTER_CUBIC, which looks at 4 x 4 pixels whatever the ratio is. What a model of 1024 pixels
# at most (`max_image_size`) gets of a white picture with one black line of one pixel every n:
#                                     4096 pixels, n = 4             8192 pixels, n = 8
#   Pillow, BICUBIC                   grey 191                       grey 223
#   mistral-common                    103 or beyond white, by the    nothing for half of the places (plain white)
#                                     place of the first line
# - So of thin lines and small letters in a picture of 4K some are gone and others are too strong, and moving the picture by
#   one pixel changes the answer. A judge is asked of what it was not shown.
# - The codes of the result are not kept in the range: 279 of 255 before the normalization.
# vLLM uses this encoder for Mistral's own format (`--tokenizer-mode mistral`).
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    mistral-common==1.13.1 opencv-python-headless==5.0.0.93 numpy==2.3.5 pillow==13.0.0 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata

import numpy as np
from mistral_common.protocol.instruct.chunk import ImageChunk
from mistral_common.tokens.tokenizers import image
from PIL import Image

print("mistral-common", importlib.metadata.version("mistral-common"))
config = image.ImageConfig(image_patch_size=16, max_image_size=1024)
encoder = image.ImageEncoder(config, image.SpecialImageIDs(img=10, img_break=12, img_end=13))
mean, std = np.array(image.DATASET_MEAN), np.array(image.DATASET_STD)
seen = {}
for every in (4, 8):
    for first in range(every):
        hatched = np.full((1024, 1024 * every, 3), 255, np.uint8)
        hatched[:, first::every] = 0
        picture = Image.fromarray(hatched)
        shown = encoder(ImageChunk(image=picture)).image.transpose(1, 2, 0)
        codes = (shown * std + mean) * 255
        pillow = np.asarray(picture.resize((codes.shape[1], codes.shape[0]), Image.Resampling.BICUBIC))
        inner = slice(8, -8)  # the margins have their own values in both
        seen[every, first] = (round(float(codes[:, inner].min())), round(float(codes[:, inner].max())))
        grey = round(float(pillow[:, inner].mean()))
        print(f"one line of {every}, the first at {first}: {codes.shape[1]} wide, codes {seen[every, first]}; Pillow {grey}")
        assert codes.shape[1] == 1024 and grey == {4: 191, 8: 223}[every]
assert [seen[4, first] for first in range(4)] == [(279, 279), (104, 104), (104, 104), (279, 279)], "this has changed"
plain = [first for first in range(8) if seen[8, first] == (255, 255)]
assert plain == [0, 1, 6, 7], "this has changed"
PYTHON
