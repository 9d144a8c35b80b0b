import pytest
from PIL import Image, ImageDraw


def picture(wall):
    """Stands for your model."""
    image = Image.new("RGB", (512, 512), wall)
    ImageDraw.Draw(image).ellipse((156, 156, 356, 356), fill="red")
    return image


def test_bright(image_judge):
    verdict = image_judge.check(picture("white"), prompt="a red ball before a white wall")
    assert verdict.total == 100


@pytest.mark.xfail(reason="it is too dark, and the stand-in says so")
def test_dark(image_judge):
    image_judge.check(picture("black"), prompt="a red ball in a dark room")
