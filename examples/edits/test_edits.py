import pytest
from PIL import Image, ImageDraw

CUP = (200, 150, 440, 390)  # left, top, right, bottom


def picture(cup, wall):
    """Stands for your model."""
    image = Image.effect_noise((640, 480), 6).convert("RGB")
    image.paste(wall, (0, 0, 640, 240), Image.new("L", (640, 240), 120))
    ImageDraw.Draw(image).ellipse(CUP, fill=cup, outline="black", width=4)
    return image


@pytest.mark.parametrize("wall", ["wheat", "skyblue"], ids=["the wall stays", "the wall changes too"])
def test_blue_cup(edit_judge, wall):
    before, after = picture("white", "wheat"), picture("steelblue", wall)
    edit_judge.check(before, after, instruction="make the cup blue", box=CUP)
