"""Quality of what the model makes. Run: pytest --judge-model $judge --judge-thresholds thresholds.toml"""

import pytest
from PIL import Image, ImageDraw

PROMPTS = [
    'a poster with the words "Grand Opening" in large letters',
    "a red circle on a white wall",
]


@pytest.fixture(scope="session")
def pipeline():
    """Replace this with your own model: anything that takes a prompt and returns an image."""

    def draw(prompt):
        image = Image.effect_noise((768, 768), 6).convert("RGB")
        pen = ImageDraw.Draw(image)
        if '"' in prompt:
            pen.text((60, 320), prompt.split('"')[1], fill="black", font_size=84)
        else:
            pen.ellipse((200, 200, 560, 560), fill="red", outline="black", width=4)
        return image

    return draw


def test_images(image_judge, pipeline):
    for prompt in PROMPTS:
        image_judge.expect(pipeline(prompt), prompt=prompt)
