"""Small pictures for the tests of the embedded judge: photographs, what breaks them, and what only looks broken."""

from __future__ import annotations

import numpy as np
import skimage.data
from PIL import Image, ImageDraw, ImageFilter


def photograph(name="astronaut"):
    return Image.fromarray(getattr(skimage.data, name)()).convert("RGB")


def of(pixels):
    return Image.fromarray(np.clip(np.rint(pixels), 0, 255).astype(np.uint8)).convert("RGB")


def shifted(picture, pattern):
    """The picture with a pattern (H, W) or (3,) added."""
    pixels = np.asarray(picture, float)
    pattern = np.asarray(pattern, float)
    return of(pixels + (pattern[..., None] if pattern.ndim == 2 else pattern))


def grid(picture):
    return np.mgrid[: picture.height, : picture.width]


def rounded(picture, levels):
    step = 255 / (levels - 1)
    return of(np.rint(np.asarray(picture) / step) * step)


def few_bits(picture, bits):
    return of(np.asarray(picture) >> (8 - bits) << (8 - bits))


def checkered(picture, cell, amplitude):
    y, x = grid(picture)
    return shifted(picture, np.where((x // cell + y // cell) % 2, amplitude, -amplitude))


def striped(picture, period, amplitude, *, upright):
    y, x = grid(picture)
    return shifted(picture, np.where((x if upright else y) % period < period / 2, amplitude, -amplitude))


def tiled(picture, times):
    tile = picture.resize((-(-picture.width // times), -(-picture.height // times)), Image.Resampling.BOX)
    return of(np.tile(np.asarray(tile), (times, times, 1))[: picture.height, : picture.width])


def covered(picture, colour, box):
    """A part blanked out; the box in shares of width and height."""
    picture = picture.copy()
    left, top, right, bottom = box
    size = (picture.width, picture.height, picture.width, picture.height)
    picture.paste(colour, tuple(round(a * b) for a, b in zip((left, top, right, bottom), size, strict=True)))
    return picture


def saturated(picture, factor):
    grey = np.asarray(picture.convert("L"), float)[..., None]
    return of(grey + (np.asarray(picture, float) - grey) * factor)


def gradient(low, high, side=512):
    """A smooth gradient from the top down, of these two colours."""
    share = np.linspace(0, 1, side)[:, None, None]
    return of(np.broadcast_to((1 - share) * np.array(low) + share * np.array(high), (side, side, 3)))


def stars(count=300, side=512):
    random = np.random.default_rng(1)
    pixels = np.full((side, side, 3), (2.0, 3.0, 9.0))
    for y, x in random.integers(2, side - 2, (count, 2)):
        pixels[y - 1 : y + 1, x - 1 : x + 1] = random.integers(90, 255)
    return of(pixels)


def fog():
    far = np.asarray(photograph("rocket").filter(ImageFilter.GaussianBlur(2)), float)
    return of(190 + (far - 128) * 0.2)


def silhouette():
    picture = gradient((250, 150, 60), (255, 220, 150))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(0, 512), (0, 380), (120, 300), (260, 390), (400, 270), (512, 400), (512, 512)], fill=(4, 3, 5))
    return picture


def product_on_white():
    """A cup with a soft shadow on a studio's ground."""
    picture = Image.new("RGB", (512, 512), "white")
    shadow = Image.new("L", (512, 512), 0)
    ImageDraw.Draw(shadow).ellipse((130, 380, 400, 430), fill=110)
    shadow = shadow.filter(ImageFilter.GaussianBlur(14))
    picture.paste((120, 120, 125), (0, 0), shadow)
    cup = photograph("coffee").resize((220, 220))
    mask = Image.new("L", (220, 220), 0)
    ImageDraw.Draw(mask).rounded_rectangle((2, 2, 218, 218), 60, fill=255)
    picture.paste(cup, (150, 190), mask.filter(ImageFilter.GaussianBlur(1)))
    return picture


def smooth(draw_on, size=512, ground="white"):
    """Drawn at three times the size, so that edges are smooth."""
    picture = Image.new("RGB", (3 * size, 3 * size), ground)
    draw_on(ImageDraw.Draw(picture), 3 * size)
    return picture.resize((size, size), Image.Resampling.BOX)


def line_art():
    def strokes(draw, side):
        random = np.random.default_rng(4)
        for _ in range(40):
            x, y, radius = random.integers(side // 8, side * 7 // 8, 3)
            radius = radius // 5
            draw.arc(
                (x - radius, y - radius, x + radius, y + radius), *random.integers(0, 360, 2), fill="black", width=6
            )

    return smooth(strokes)


def flat_illustration():
    def shapes(draw, side):
        draw.rectangle((0, side * 3 // 5, side, side), fill=(92, 158, 91))
        draw.ellipse((side // 10, side // 10, side // 3, side // 3), fill=(250, 205, 72))
        draw.polygon(
            [(side // 4, side * 7 // 10), (side // 2, side // 4), (side * 3 // 4, side * 7 // 10)], fill=(214, 92, 70)
        )
        draw.rectangle((side // 3, side // 2, side * 2 // 3, side * 4 // 5), fill=(247, 233, 206))
        draw.rectangle((side * 9 // 20, side * 3 // 5, side * 11 // 20, side * 4 // 5), fill=(120, 72, 48))

    return smooth(shapes, ground=(140, 200, 232))


def pixel_art():
    """A scene of 32 x 32 pixels of ten colours, enlarged 16 times."""
    random = np.random.default_rng(2)
    palette = np.array(
        [
            *((34, 32, 52), (69, 40, 60), (102, 57, 49), (143, 86, 59), (223, 113, 38), (217, 160, 102)),
            *((106, 190, 48), (55, 148, 110), (99, 155, 255), (203, 219, 252)),
        ]
    )
    scene = np.full((32, 32), 8)
    scene[20:] = random.choice([6, 7], (12, 32))
    scene[26:] = random.choice([2, 3], (6, 32))
    scene[12:20, 10:20] = random.choice([3, 4, 5], (8, 10))
    scene[3:6, 22:28] = 9
    return of(palette[scene].repeat(16, axis=0).repeat(16, axis=1))


def floor():
    """A floor of black and white squares, in perspective, below a wall."""
    y, x = np.mgrid[:512, :512].astype(float)
    depth = 60 / np.maximum(y - 199, 1)
    squares = (np.floor((x - 256) * depth / 24) + np.floor(depth * 40)) % 2
    shade = 60 + 150 * np.clip((y - 200) / 312, 0, 1)
    pixels = np.where(y > 200, 40 + squares * shade, 170 - 0.1 * y + 6 * np.sin(x / 70))
    return of(np.asarray(of(pixels).filter(ImageFilter.GaussianBlur(0.6))))


def shirt():
    """Stripes of a shirt in the middle of a photograph, with the folds of cloth."""
    picture = photograph("rocket").resize((512, 512))
    y, x = np.mgrid[:512, :512]
    inside = ((x - 256) / 140) ** 2 + ((y - 300) / 170) ** 2 < 1
    waves = np.sin((y + 14 * np.sin(x / 40)) * 2 * np.pi / 14) > 0
    pixels = np.asarray(picture).copy()
    pixels[inside] = np.where(waves[inside][:, None], (235, 235, 240), (30, 50, 110))
    return of(pixels)


def mosaic(times=8):
    """A wallpaper: one small motif, repeated."""

    def motif(draw, side):
        draw.ellipse((side // 5, side // 5, side * 3 // 5, side * 3 // 5), fill=(200, 60, 80))
        draw.line((0, side, side, side // 3), fill=(40, 90, 60), width=side // 14)

    return of(np.tile(np.asarray(smooth(motif, 512 // times, (244, 238, 220))), (times, times, 1)))
