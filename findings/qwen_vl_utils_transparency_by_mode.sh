#!/usr/bin/env bash
# qwen-vl-utils 0.0.14 shows a judge other pictures for one transparent PNG, by the way in which the file stores it.
#
# Guess before the run: transparent parts become white, as in vLLM's server, whatever the mode of the file.
# Seen with qwen-vl-utils 0.0.14 and Pillow 12.0.0 on CPython 3.11:
# - RGBA is laid on white. Grey with alpha (LA) and a palette with transparency (what pngquant and many exporters write)
#   are not: the colours under the transparent parts show, which are usually black. Nothing warns.
# - So a drawing with a transparent ground is judged on white, and the same drawing after a lossless optimizer on black.
#   vLLM's server lays all three on white (`convert_image_mode` in vllm/multimodal/image.py of 0.32.0 and 0.33.0), so
#   offline and served results of one file differ too.
# The way of a picture through `fetch_image` uses neither torch nor torchvision, which the module imports for videos:
# empty modules stand for them, to spare a download of gigabytes.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps \
    qwen-vl-utils==0.0.14 pillow==12.0.0 numpy==2.3.4 packaging==25.0 \
    requests==2.32.5 urllib3==2.5.0 idna==3.11 certifi==2025.10.5 charset-normalizer==3.4.4 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import importlib.metadata
import sys
import types

for name in ("torch", "torchvision", "torchvision.io", "torchvision.transforms"):
    sys.modules[name] = types.ModuleType(name)
sys.modules["torch"].Tensor = object
sys.modules["torchvision"].io = sys.modules["torchvision.io"]
sys.modules["torchvision"].transforms = sys.modules["torchvision.transforms"]
sys.modules["torchvision.transforms"].InterpolationMode = object

from PIL import Image
from qwen_vl_utils import vision_process

# a mid-grey square of 56 pixels on a transparent ground of 112
colour = Image.new("RGBA", (112, 112), (0, 0, 0, 0))
colour.paste((128, 128, 128, 255), (28, 28, 84, 84))
colour.save("rgba.png")
colour.convert("LA").save("la.png")
palette = Image.new("P", (112, 112), 0)
palette.putpalette([0, 0, 0, 128, 128, 128])
palette.paste(1, (28, 28, 84, 84))
palette.save("palette.png", transparency=0)

pixels = [Image.open(file).convert("RGBA").tobytes() for file in ("rgba.png", "la.png", "palette.png")]
assert pixels[0] == pixels[1] == pixels[2], "the three files hold one picture"
seen = {file: vision_process.fetch_image({"image": file}).getpixel((4, 4)) for file in ("rgba.png", "la.png", "palette.png")}
print("qwen-vl-utils", importlib.metadata.version("qwen-vl-utils"), "Pillow", importlib.metadata.version("pillow"))
for file, pixel in seen.items():
    print(f"{file}: the transparent ground is {pixel}")
assert seen == {"rgba.png": (255, 255, 255), "la.png": (0, 0, 0), "palette.png": (0, 0, 0)}, "this has changed"
PYTHON
