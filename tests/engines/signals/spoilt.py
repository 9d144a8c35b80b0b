"""Pictures as they should be, by kind, and what spoils them."""

from __future__ import annotations

import io
from functools import cache

import cv2
import numpy as np
import skimage.data
from PIL import Image, ImageDraw, ImageFont

RANDOM = 7


@cache
def photograph(name: str = "astronaut") -> Image.Image:
    """A photograph of scikit-image."""
    return Image.fromarray(getattr(skimage.data, name)()).convert("RGB")


@cache
def illustration() -> Image.Image:
    """Flat shapes with smooth edges, 768 x 768."""
    large = Image.new("RGB", (1536, 1536), (236, 226, 198))
    draw = ImageDraw.Draw(large)
    draw.rectangle((160, 1000, 1200, 1430), fill=(20, 90, 160))
    draw.polygon([(160, 1000), (700, 500), (1200, 1000)], fill=(150, 40, 30))
    for step in range(9):
        draw.ellipse((90 + 150 * step, 130, 200 + 150 * step, 240 + 40 * step), fill=(200, 60 + 15 * step, 40))
    draw.text((700, 1200), "MARKET", fill="white", font=ImageFont.load_default(200), anchor="mm")
    return large.resize((768, 768), Image.Resampling.LANCZOS)


@cache
def line_art() -> Image.Image:
    """Black strokes on white, 768 x 768."""
    large = Image.new("RGB", (1536, 1536), "white")
    draw = ImageDraw.Draw(large)
    for step in range(12):
        draw.arc((100 + 40 * step, 100, 1400 - 30 * step, 1400 - 60 * step), 20 * step, 300, fill="black", width=5)
        draw.line((60, 120 * step, 1500, 60 + 130 * step), fill="black", width=4)
    return large.resize((768, 768), Image.Resampling.LANCZOS)


@cache
def pixel_art(size: int = 8, *, grey: bool = False) -> Image.Image:
    """A figure of squares in five colours, 96 squares wide, each ``size`` pixels."""
    draw = np.random.default_rng(RANDOM)
    cells = np.zeros((96, 96), int)
    for colour in range(1, 5):
        for _ in range(12):
            top, left, tall, wide = (*draw.integers(0, 88, 2), *draw.integers(3, 16, 2))
            cells[top : top + tall, left : left + wide] = colour
    colours = [(250, 240, 220), (30, 30, 60), (200, 60, 50), (70, 140, 90), (240, 190, 60)]
    palette = np.array([[sum(one) // 3] * 3 for one in colours] if grey else colours, np.uint8)
    return Image.fromarray(palette[cells].repeat(size, axis=0).repeat(size, axis=1))


def as_picture(pixels: np.ndarray) -> Image.Image:
    """Rounded."""
    return Image.fromarray(np.rint(pixels).clip(0, 255).astype(np.uint8))


def noisy(picture: Image.Image, sigma: float) -> Image.Image:
    """Gaussian noise by channel."""
    pixels = np.asarray(picture, float)
    return as_picture(pixels + np.random.default_rng(RANDOM).normal(0, sigma, pixels.shape))


def grainy(picture: Image.Image, sigma: float) -> Image.Image:
    """Grain, the same in all channels and a little soft."""
    field = cv2.GaussianBlur(np.random.default_rng(RANDOM).normal(0, 1, picture.size[::-1]), (0, 0), 0.7)
    return as_picture(np.asarray(picture, float) + (field * sigma / field.std())[..., None])


def speckled(picture: Image.Image, share: float = 0.05) -> Image.Image:
    """Black and white pixels."""
    pixels = np.asarray(picture).copy()
    draw = np.random.default_rng(RANDOM).random(pixels.shape[:2])
    pixels[draw < share / 2], pixels[draw > 1 - share / 2] = 0, 255
    return Image.fromarray(pixels)


def blurred(picture: Image.Image, sigma: float) -> Image.Image:
    """Gaussian blur."""
    return as_picture(cv2.GaussianBlur(np.asarray(picture, np.float32), (0, 0), sigma))


def through(picture: Image.Image, kernel: np.ndarray) -> Image.Image:
    """Convolved."""
    return as_picture(cv2.filter2D(np.asarray(picture, np.float32), -1, kernel / kernel.sum()))


def moved(picture: Image.Image, length: int, degrees: float) -> Image.Image:
    """Motion blur."""
    kernel = np.zeros((length * 8 + 16, length * 8 + 16), np.uint8)
    reach = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]) * length * 4
    middle = len(kernel) / 2
    begin, end = (tuple(int(middle + side * part) for part in reach) for side in (-1, 1))
    cv2.line(kernel, begin, end, 255, 8)
    small = cv2.resize(kernel.astype(np.float32), (length + 2, length + 2), interpolation=cv2.INTER_AREA)
    return through(picture, small)


def defocused(picture: Image.Image, radius: float) -> Image.Image:
    """Blur by a disc."""
    reach = int(radius) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return through(picture, np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32))


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    """Through JPEG."""
    return saved(picture, "JPEG", quality=quality)


def saved(picture: Image.Image, kind: str, **options: int) -> Image.Image:
    """Through a file of this kind."""
    file = io.BytesIO()
    if kind == "AVIF":
        options.setdefault("speed", 9)  # by default, 6, it takes ten times as long
    picture.save(file, kind, **options)
    return Image.open(file).convert("RGB")


def enlarged(picture: Image.Image, times: float, how: Image.Resampling) -> Image.Image:
    """Made smaller by area, then as large as it was."""
    small = picture.resize(tuple(round(side / times) for side in picture.size), Image.Resampling.BOX)
    return small.resize(picture.size, how)
