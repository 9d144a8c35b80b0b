import os

from PIL import Image, ImageDraw, ImageFilter

PROMPTS = [f"a {colour} ball before a wall" for colour in ("red", "green", "blue", "purple", "yellow", "black")]


def model(prompt):
    """Stands for your model: the new version blurs."""
    image = Image.effect_noise((512, 512), 6).convert("RGB")
    ImageDraw.Draw(image).ellipse((156, 156, 356, 356), fill=prompt.split()[1], outline="grey", width=6)
    return image.filter(ImageFilter.GaussianBlur(6)) if os.environ.get("MODEL") == "new" else image


def test_balls(image_judge):
    for prompt in PROMPTS:
        image_judge.expect(model(prompt), prompt=prompt, seed=1)
