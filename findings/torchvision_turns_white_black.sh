#!/usr/bin/env bash
# torchvision 0.28.0 turns white black: in pictures of half precision, and on the way to 16 bits in those of single precision.
#
# Guess before the run: 1.0 becomes the highest code of any integer type, and a picture in half precision the same codes as in
# single precision, to within 1.
# Seen with torchvision 0.28.0, torch 2.13.0 on CPython 3.11, Linux x86-64, on the processor; what white (1.0) becomes:
#                                          float32   float16   bfloat16
#   to_dtype(torch.uint8, scale=True)      255       0         0
#   to_dtype(torch.uint16, scale=True)     0         0         0
#   draw_bounding_boxes, draw_keypoints    1.0       0.0       0.0
#   equalize                               1.0       0.0       0.0
#   resize, save_image                     white     white     white
# - The picture is multiplied by the highest code plus 0.999 in its own precision, where 255.999 is 256, or 65535.999 is 65536,
#   and the cast to the integer type starts again at 0. ToDtype and ConvertImageDtype do the same. What is below 1.0 is right.
# - Pipelines of diffusion models work in half precision and clamp to 1.0, so a white ground becomes black, and a yellow of
#   (1.0, 0.9, 0.1) green: (0, 230, 25). A judge then scores the fault of the conversion, be it for the file, or for boxes that
#   were drawn to point at parts of the picture. The same picture is white where save_image wrote it.
# - A picture of 16 bits that goes to float32 and back has holes in its lights: 65535 becomes 0.
# None warns. The documentation names the casts that are refused (float32 to int32 and int64, float64 to int64) and nothing of
# these. An open report in the tracker (pytorch/vision, 6799) tells of half precision in `convert_image_dtype`, not of the rest.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
    torchvision==0.28.0 torch==2.13.0 numpy==2.4.6 pillow==13.0.0 2>/dev/null
cd "$folder"
venv/bin/python - <<'PYTHON'
import pathlib
import warnings
from importlib.util import find_spec

import torch

torch.set_num_threads(1)
if torch.version.cuda is None and "+cu" in pathlib.Path(find_spec("torchvision").origin).with_name("version.py").read_text():
    # PyPI's torchvision is built for GPUs, and is not loaded beside a torch without them unless its operators have a name.
    operators = torch.library.Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms"):
        operators.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
import torchvision
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional
from torchvision.utils import draw_bounding_boxes, draw_keypoints, save_image

warnings.simplefilter("error")
BOX, POINT = torch.tensor([[40, 40, 50, 50]]), torch.tensor([[[45.0, 45.0]]])


def saved(picture):
    save_image(picture, "picture.png")
    with Image.open("picture.png") as image:
        return image.getpixel((0, 0))[0]


print("torchvision", torchvision.__version__)
picture = torch.full((3, 64, 64), 0.5)
picture[:, :32] = 1.0  # the upper half is white, and two rows of the lower one are black
picture[:, 60:62] = 0.0
seen = {}
for precision in (torch.float32, torch.float16, torch.bfloat16):
    half = picture.to(precision)
    eight = functional.to_dtype(half, torch.uint8, scale=True)
    assert torch.equal(v2.ToDtype(torch.uint8, scale=True)(half), eight), "this has changed"
    assert torch.equal(torchvision.transforms.ConvertImageDtype(torch.uint8)(half), eight), "this has changed"
    assert eight[0, 61, 0] == 0 and 126 <= eight[0, 50, 0] <= 129, "this has changed"
    shown = {
        "uint8": eight,
        "uint16": functional.to_dtype(half, torch.uint16, scale=True),
        "boxes": draw_bounding_boxes(half, BOX, colors="red"),
        "points": draw_keypoints(half, POINT, colors="red"),
        "equalize": functional.equalize(half),
        "resize": functional.resize(half, [32, 32]),
    }
    seen[precision] = [one[0, 0, 0].item() for one in shown.values()] + [saved(half)]
    print(f"white in {precision}:", dict(zip([*shown, "save_image"], seen[precision], strict=True)))
assert seen == {
    torch.float32: [255, 0, 1.0, 1.0, 1.0, 1.0, 255],
    torch.float16: [0, 0, 0.0, 0.0, 0.0, 1.0, 255],
    torch.bfloat16: [0, 0, 0.0, 0.0, 0.0, 1.0, 255],
}, "this has changed"

deep = torch.tensor([0, 1000, 65534, 65535], dtype=torch.int32).to(torch.uint16).reshape(1, 1, 4)
again = functional.to_dtype(functional.to_dtype(deep, torch.float32, scale=True), torch.uint16, scale=True)
print("16 bits by way of float32:", deep.flatten().tolist(), "become", again.flatten().tolist())
assert again.flatten().tolist() == [0, 1000, 65535, 0], "this has changed"

yellow = torch.tensor([1.0, 0.9, 0.1]).to(torch.float16).reshape(3, 1, 1)
colour = functional.to_dtype(yellow, torch.uint8, scale=True).flatten().tolist()
print("yellow of (1.0, 0.9, 0.1) in float16:", colour)
assert colour == [0, 230, 25], "this has changed"
PYTHON
