"""Draw the prompts as two models might: one sharp, one soft."""

import csv
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

HERE = Path(__file__).parent

for model in ("sharp", "soft"):
    folder = HERE / "models" / model
    folder.mkdir(parents=True, exist_ok=True)
    for row in csv.DictReader((HERE / "prompts.csv").open(encoding="utf-8")):
        image = Image.effect_noise((512, 512), 6).convert("RGB")
        ImageDraw.Draw(image).ellipse((156, 156, 356, 356), fill=row["prompt"].split()[1], outline="grey", width=6)
        if model == "soft":
            image = image.filter(ImageFilter.GaussianBlur(6))
        image.save(folder / row["image"])
