"""Edits made by script, for the calibration of the embedded judge: clean local ones, and whole pictures spoilt."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

Picture = Any  # RGB, uint8, (H, W, 3)
Mask = Any  # bool, (H, W)
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"
WORDS = ["OPEN TODAY", "Sale", "CAFE", "Room 12", "HELLO", "No parking", "Bakery", "Exit"]


# --- where --------------------------------------------------------------------------------------------------------


def blob(shape: tuple[int, ...], share: float, random: np.random.Generator, avoid: Mask | None = None) -> Mask:
    """A smooth shape that covers about ``share`` of the picture, away from ``avoid``."""
    height, width = shape[:2]
    best: Mask | None = None
    for _ in range(12):
        noise = cv2.GaussianBlur(
            random.normal(size=(height, width)).astype(np.float32), (0, 0), max(height, width) / 18
        )
        noise /= noise.std()
        y, x = random.uniform(0.2, 0.8) * height, random.uniform(0.2, 0.8) * width
        radius = np.sqrt(share * height * width / np.pi)
        rows, columns = np.mgrid[:height, :width]
        field = np.hypot(rows - y, columns - x) / radius + 0.2 * noise
        mask = field < np.quantile(field, share)
        if avoid is None or not (mask & grown(avoid, 40)).any():
            return mask
        best = mask if best is None else best
    assert best is not None
    return best & ~grown(avoid, 40)


def grown(mask: Mask, pixels: int) -> Mask:
    """The mask and ``pixels`` around it, as people draw masks."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return cv2.dilate(mask.astype(np.uint8), kernel) > 0


def feathered(one: Picture, other: Picture, mask: Mask, sigma: float = 1.5) -> Picture:
    """``other`` in the mask, ``one`` elsewhere."""
    cover = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), sigma)[..., None]
    return np.clip(one * (1 - cover) + other * cover, 0, 255).round().astype(np.uint8)


# --- clean local edits: the edited picture and what was touched ----------------------------------------------------


def recolour(picture: Picture, other: Picture, random: np.random.Generator) -> tuple[Picture, Mask]:
    """Another colour for a part of the picture."""
    mask = blob(picture.shape, random.uniform(0.03, 0.2), random)
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    turn = random.uniform(0, 2 * np.pi)
    lab[..., 1] += 35 * np.cos(turn)
    lab[..., 2] += 35 * np.sin(turn)
    lab[..., 0] = lab[..., 0] * 0.75 + 32  # white and black take no colour
    return feathered(picture, cv2.cvtColor(np.clip(lab, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB), mask), mask


def remove(picture: Picture, other: Picture, random: np.random.Generator) -> tuple[Picture, Mask]:
    """A part of the picture painted over from its surroundings."""
    best: tuple[float, Picture, Mask] | None = None
    for _ in range(6):  # what is removed was to be seen
        mask = blob(picture.shape, random.uniform(0.02, 0.08), random)
        painted = cv2.inpaint(picture, mask.astype(np.uint8), 5, cv2.INPAINT_TELEA)
        seen = float(np.abs(painted.astype(int) - picture)[mask].mean())
        if best is None or seen > best[0]:
            best = seen, painted, mask
        if seen > 20:
            break
    assert best is not None
    return best[1:]


def add(picture: Picture, other: Picture, random: np.random.Generator) -> tuple[Picture, Mask]:
    """An object out of another picture."""
    height, width = picture.shape[:2]
    fitted = cv2.resize(other, (width, height), interpolation=cv2.INTER_AREA)
    mask = blob(picture.shape, random.uniform(0.02, 0.12), random)
    if np.abs(fitted.astype(int) - picture)[mask].mean() < 25:  # nothing new would be seen
        fitted = 255 - fitted
    return feathered(picture, fitted, mask), mask


def replace(picture: Picture, other: Picture, random: np.random.Generator) -> tuple[Picture, Mask]:
    """A part painted over, and an object of another size put in its place."""
    gone, first = remove(picture, other, random)
    height, width = picture.shape[:2]
    fitted = cv2.resize(other, (width, height), interpolation=cv2.INTER_AREA)
    mask = cv2.erode(first.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    if np.abs(fitted.astype(int) - picture)[mask].mean() < 25:
        fitted = 255 - fitted
    return feathered(gone, fitted, mask), first


def text(picture: Picture, other: Picture, random: np.random.Generator) -> tuple[Picture, Mask]:
    """Words written over the picture."""
    height, width = picture.shape[:2]
    size = int(random.uniform(0.06, 0.12) * min(height, width))
    font, words = ImageFont.truetype(FONT, size), WORDS[int(random.integers(len(WORDS)))]
    left, top, right, bottom = font.getbbox(words)
    x = int(random.uniform(0, max(1, width - right)))
    y = int(random.uniform(0, max(1, height - bottom)))
    light = picture[y : y + int(bottom), x : x + int(right)].mean() > 127
    image = Image.fromarray(picture)
    ImageDraw.Draw(image).text((x, y), words, font=font, fill=(20, 20, 60) if light else (255, 250, 220))
    mask = np.zeros((height, width), bool)
    mask[max(0, y + int(top)) : y + int(bottom) + 1, max(0, x + int(left)) : x + int(right) + 1] = True
    return np.asarray(image), mask


EDITS: dict[str, Callable[[Picture, Picture, np.random.Generator], tuple[Picture, Mask]]] = {
    "recolour": recolour,
    "remove": remove,
    "add": add,
    "replace": replace,
    "text": text,
}


# --- what edit models do to all pixels -----------------------------------------------------------------------------


def jpeg(picture: Picture, quality: int) -> Picture:
    """Through JPEG, colour at half the resolution."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(io.BytesIO(file.getvalue())).convert("RGB"))


def regenerated(picture: Picture, strength: float, random: np.random.Generator) -> Picture:
    """All pixels anew, as an autoencoder of latents gives them back.

    Fine detail is a little weaker and partly made up, colour is softer, and tone and colour drift by a level or two.
    """
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb).astype(np.float32)
    height, width = lab.shape[:2]
    luma = lab[..., 0]
    low = cv2.GaussianBlur(luma, (0, 0), 1.2)
    fine = luma - low
    local = np.sqrt(cv2.GaussianBlur(fine * fine, (0, 0), 4))
    made_up = random.normal(size=(height, width)).astype(np.float32)
    made_up -= cv2.GaussianBlur(made_up, (0, 0), 1.2)
    made_up = cv2.GaussianBlur(made_up, (0, 0), 0.5)
    made_up /= made_up.std()
    lab[..., 0] = low + fine * (1 - 0.25 * strength) + made_up * (0.35 * strength * local + 0.8 * strength)
    for channel in (1, 2):
        lab[..., channel] = cv2.GaussianBlur(lab[..., channel], (0, 0), 0.5 + strength)
    drift = random.normal(size=(height // 16 + 1, width // 16 + 1, 3)).astype(np.float32)
    drift = cv2.GaussianBlur(drift, (0, 0), 1.5)
    drift = cv2.resize(drift / drift.std() * 1.2 * strength, (width, height), interpolation=cv2.INTER_CUBIC)
    lab = (lab - 128) * (1 + 0.015 * strength * random.uniform(-1, 1)) + 128 + drift
    lab += strength * random.uniform(-2, 2, size=3).astype(np.float32)
    return cv2.cvtColor(np.clip(lab, 0, 255).round().astype(np.uint8), cv2.COLOR_YCrCb2RGB)


def bucket(picture: Picture) -> Picture:
    """The sides as many models need them: multiples of 32."""
    height, width = (max(32, round(side / 32) * 32) for side in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_LANCZOS4)


FINISHES: dict[str, Callable[[Picture, np.random.Generator], Picture]] = {
    "as it is": lambda picture, random: picture,
    "JPEG 95": lambda picture, random: jpeg(picture, 95),
    "JPEG 90": lambda picture, random: jpeg(picture, 90),
    "JPEG 75": lambda picture, random: jpeg(picture, 75),
    "made anew": lambda picture, random: regenerated(picture, 1.0, random),
    "made anew, JPEG 92": lambda picture, random: jpeg(regenerated(picture, 1.0, random), 92),
    "made anew by 1.5, in sides of 32": lambda picture, random: bucket(regenerated(picture, 1.5, random)),
}


# --- whole pictures spoilt ------------------------------------------------------------------------------------------


def moved(picture: Picture, *, degrees: float = 0, scale: float = 1, shift: tuple[float, float] = (0, 0)) -> Picture:
    """Turned and rescaled about the middle, and shifted; the border is mirrored."""
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, scale)
    matrix[:, 2] += shift
    return cv2.warpAffine(picture, matrix, (width, height), flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REFLECT)


def blurred(picture: Picture, sigma: float) -> Picture:
    """Gaussian blur, of a picture of at most 1,024 pixels."""
    return cv2.GaussianBlur(picture, (0, 0), sigma)


def toned(picture: Picture, gain: float) -> Picture:
    """Darker or brighter by a factor."""
    return np.clip(picture * gain, 0, 255).round().astype(np.uint8)


def box_of(mask: Mask) -> Mask:
    """The smallest box around what was touched."""
    rows, columns = np.nonzero(mask)
    box = np.zeros_like(mask)
    box[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1] = True
    return box


def block(picture: Picture, box: Mask, share: float) -> Picture | None:
    """A red block of this share of the picture at an edge, far from the box; None where there is no room for it."""
    height, width = picture.shape[:2]
    high, wide = (round(side * share**0.5) for side in (height, width))
    for top in (0, (height - high) // 2, height - high):
        for left in (0, (width - wide) // 2, width - wide):
            if not grown(box, 20)[top : top + high, left : left + wide].any():
                spoilt = picture.copy()
                spoilt[top : top + high, left : left + wide] = (255, 0, 0)
                return spoilt
    return None


def cast(picture: Picture, random: np.random.Generator) -> Picture:
    """A colour over all, as of a wrong white balance."""
    turn = random.uniform(0, 2 * np.pi)
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    lab[..., 1] += 15 * np.cos(turn)
    lab[..., 2] += 15 * np.sin(turn)
    lab[..., 0] = np.clip(lab[..., 0], 20, 235)
    return cv2.cvtColor(np.clip(lab, 0, 255).astype(np.uint8), cv2.COLOR_LAB2RGB)


Spoil = Callable[[Picture, np.random.Generator], Picture]


def _sides(random: np.random.Generator, by: float) -> tuple[float, float]:
    turn = random.uniform(0, 2 * np.pi)
    return by * np.cos(turn), by * np.sin(turn)


SPOILT: dict[str, Spoil] = {
    **{f"blurred, sigma {sigma:g}": lambda p, r, s=sigma: blurred(p, s) for sigma in (1, 1.5, 2)},
    **{f"blurred, sigma {sigma}, JPEG 75": lambda p, r, s=sigma: jpeg(blurred(p, s), 75) for sigma in (1, 3)},
    **{f"rotated by {by:g} degrees": lambda p, r, b=by: moved(p, degrees=b * r.choice([-1, 1])) for by in (1, 5, 17)},
    **{f"shifted by {by} pixels": lambda p, r, b=by: moved(p, shift=_sides(r, b)) for by in (3, 8, 20)},
    **{f"rescaled by {by:+d}%": lambda p, r, b=by: moved(p, scale=1 + b / 100) for by in (2, -2, 10)},
    "darkened by 30%": lambda p, r: toned(p, 0.7),
    "brightened by 30%": lambda p, r: toned(p, 1.3),
    "a cast of colour": cast,
    "contrast by -30%": lambda p, r: np.clip((p - p.mean()) * 0.7 + p.mean(), 0, 255).round().astype(np.uint8),
    **{f"JPEG {quality}": lambda p, r, q=quality: jpeg(p, q) for quality in (20, 10)},
}

WEAKEST = frozenset(
    (
        "blurred, sigma 1",
        "blurred, sigma 1, JPEG 75",
        "blurred, sigma 3, JPEG 75",
        "rotated by 1 degrees",
        "shifted by 3 pixels",
        "rescaled by +2%",
        "darkened by 30%",
        "a cast of colour",
        "JPEG 10",
    )
)
