#!/usr/bin/env bash
# torchmetrics 1.9.0 takes SSIM's range from the pictures of a batch, so that a score depends on the batch, or is NaN.
#
# Guess before the run: without `data_range` it is 1.0 for floats, or an error as in scikit-image and as for PSNR in this
# release; the score of a picture does not depend on what else is in the batch; equal pictures have the SSIM 1.
# Seen with torchmetrics 1.9.0, torch 2.13.0 on CPython 3.11, CPU, for floats from 0 to 1 without `data_range`:
# - The range, "determined from the data (max - min)", is the larger of the spans of the two batches. A dark picture with a
#   little noise (up to 0.03, sigma 0.02) has 0.31 alone, and 0.78 in a batch with a bright one; with `data_range=1.0` it
#   has 0.78 in both.
# - The module takes the range anew at each update: with batches of one the mean is 0.63, with one batch of two 0.86, and
#   nothing changed but the batch size.
# - Two equal pictures of one colour have the SSIM NaN (zero by zero). One such pair that comes alone makes the module's
#   mean NaN for good, and NaN < 0.9 is false: a gate written so passes. Multi-scale SSIM is alike.
# - Beside it: total_variation of uint8 wraps at 256, and is off by half without a warning, where SSIM refuses uint8.
# torch from PyPI is large (on Linux x86-64 with CUDA some 3 GB); no GPU is used.
# This fails if any of it changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torchmetrics==1.9.0 torch==2.13.0 numpy==2.4.6 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import warnings

import torch
import torchmetrics
from torchmetrics.functional.image import structural_similarity_index_measure as ssim
from torchmetrics.functional.image import total_variation
from torchmetrics.image import MultiScaleStructuralSimilarityIndexMeasure, StructuralSimilarityIndexMeasure

warnings.simplefilter("error")
random = torch.Generator().manual_seed(0)


def pair(most, sigma):
    """A picture of codes from 0 to ``most``, and the same with noise."""
    picture = torch.rand(1, 3, 64, 64, generator=random) * most
    return (picture + sigma * torch.randn(picture.shape, generator=random)).clamp(0, 1), picture


def mean(metric, *batches):
    for batch in batches:
        metric.update(*batch)
    return round(metric.compute().item(), 2)


dark, bright = pair(0.03, 0.02), pair(1.0, 0.1)
both = tuple(torch.cat(each) for each in zip(dark, bright, strict=True))
black = (torch.zeros(1, 3, 192, 192),) * 2
print("torchmetrics", torchmetrics.__version__, "torch", torch.__version__)
seen = {
    "dark, alone": round(ssim(*dark).item(), 2),
    "dark, beside bright": round(ssim(*both, reduction="none")[0].item(), 2),
    "dark, alone, range 1": round(ssim(*dark, data_range=1.0).item(), 2),
    "dark, beside bright, range 1": round(ssim(*both, reduction="none", data_range=1.0)[0].item(), 2),
    "mean of both, batches of one": mean(StructuralSimilarityIndexMeasure(), dark, bright),
    "mean of both, one batch": mean(StructuralSimilarityIndexMeasure(), both),
    "black and black": mean(StructuralSimilarityIndexMeasure(), black),
    "black and black, multi-scale": mean(MultiScaleStructuralSimilarityIndexMeasure(), black),
    "black and black, range 1": mean(StructuralSimilarityIndexMeasure(data_range=1.0), black),
    "mean with a black pair": mean(StructuralSimilarityIndexMeasure(), bright, black),
}
for name, value in seen.items():
    print(f"{name}: {value}")
codes = (bright[1] * 255).to(torch.uint8)
variation = [total_variation(each).item() for each in (codes, codes.float())]
print("total variation of uint8 and of the same as floats:", variation)
assert {name: str(value) for name, value in seen.items()} == {
    "dark, alone": "0.31",
    "dark, beside bright": "0.78",
    "dark, alone, range 1": "0.78",
    "dark, beside bright, range 1": "0.78",
    "mean of both, batches of one": "0.63",
    "mean of both, one batch": "0.86",
    "black and black": "nan",
    "black and black, multi-scale": "nan",
    "black and black, range 1": "1.0",
    "mean with a black pair": "nan",
}, "this has changed"
assert variation == [3079993, 2060035], "this has changed"
PYTHON
