#!/usr/bin/env bash
# wandb 0.31.0 logs pictures of floats from 0 to 1 as black ones; 0.28.2 scaled them, and warned of other values only.
#
# Guess before the run: `wandb.Image(array)` scales floats from 0 to 1 to codes, as it did for years and as mlflow and
# tensorboardX do; what is no longer supported is an error or a warning.
# Seen with wandb 0.28.2 and 0.31.0, swanlab 0.10.3, mlflow-skinny 3.17.2, tensorboardX 2.6.5, Pillow 13.0.0, numpy 2.4.6 on
# CPython 3.11, Linux x86-64: one ramp from black to white as an array; the largest error of the logged picture, in codes.
#                     0 to 1    -1 to 1   0 to 255   0 to 1, 1.001 at one point
#   wandb 0.28.2      1         1         1          255
#   wandb 0.31.0      255       255       1          255
#   swanlab           255       255       1          255
#   mlflow            1         1 (*)     1 (*)      1 (*)
#   tensorboardX      1         128       254        1
# - wandb and swanlab cut the fraction off: black, without a warning. The warning of 0.28.2, "behavior will be removed",
#   comes for values below 0 and above 255 alone, so not for the pictures that turn black.
# - (*) warns, and stretches a picture from its least value to its greatest, here the ends of the ramp.
# - tensorboardX multiplies every float by 255 and lets it wrap at 256: of -1 to 1 the darker half comes out brighter, and
#   0 to 255 is noise.
# So whoever looks through logged outputs after an upgrade sees black pictures, and what was logged is lost.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    wandb==0.31.0 swanlab==0.10.3 mlflow-skinny==3.17.2 tensorboardX==2.6.5 pillow==13.0.0 numpy==2.4.6 2>/dev/null
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$folder/older" wandb==0.28.2 2>/dev/null
cd "$folder"
cat > logged.py <<'PYTHON'
import io
import sys
import warnings

import numpy as np
from PIL import Image

RAMP = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64, 1).repeat(3, axis=2)
POINT = RAMP.copy()
POINT[-1, -1] = 1.001
PICTURES = {"0 to 1": RAMP, "-1 to 1": RAMP * 2 - 1, "0 to 255": RAMP * 255, "1.001 at one point": POINT}


def wandb(picture):
    import wandb

    return wandb.Image(picture).image


def swanlab(picture):
    import swanlab

    return Image.open(swanlab.Image(picture).buffer)


def mlflow(picture):
    from mlflow.tracking.multimedia import convert_to_pil_image

    return convert_to_pil_image(picture)


def tensorboardX(picture):
    from tensorboardX.summary import image

    return Image.open(io.BytesIO(image("picture", picture, dataformats="HWC").value[0].image.encoded_image_string))


name = sys.argv[1]
seen = {}
for each, picture in PICTURES.items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        codes = np.asarray(globals()[name](picture))
    error = np.abs(codes.astype(int) - np.round(RAMP * 255).astype(int)).max()
    seen[each] = f"{error}{' (*)' if any('Rescaling' in str(warning.message) for warning in caught) else ''}"
print(name, sys.modules[name].__version__, seen)
PYTHON
export WANDB_MODE=disabled
{
    PYTHONPATH="$folder/older" venv/bin/python logged.py wandb 2> warnings
    for name in wandb swanlab mlflow tensorboardX; do venv/bin/python logged.py "$name"; done
} | tee outcomes
diff outcomes - <<'EXPECTED'
wandb 0.28.2 {'0 to 1': '1', '-1 to 1': '1', '0 to 255': '1', '1.001 at one point': '255'}
wandb 0.31.0 {'0 to 1': '255', '-1 to 1': '255', '0 to 255': '1', '1.001 at one point': '255'}
swanlab 0.10.3 {'0 to 1': '255', '-1 to 1': '255', '0 to 255': '1', '1.001 at one point': '255'}
mlflow 3.17.2 {'0 to 1': '1', '-1 to 1': '1 (*)', '0 to 255': '1 (*)', '1.001 at one point': '1 (*)'}
tensorboardX 2.6.5 {'0 to 1': '1', '-1 to 1': '128', '0 to 255': '254', '1.001 at one point': '1'}
EXPECTED
grep "behavior will be removed" warnings
