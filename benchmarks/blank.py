"""What the measure of content finds: in faulty pictures it should, in photographs and sparse pictures it should not.

    python benchmarks/blank.py FOLDER

FOLDER holds photographs, such as those of github.com/EliSchwartz/imagenet-sample-images; `benchmarks/blank.md` has the
figures. Sparse and faulty pictures are drawn here.
"""

from __future__ import annotations

import io
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from pytest_imagejudge.errors import ImageError
from pytest_imagejudge.images.content import finding_of
from pytest_imagejudge.images.loading import load

SIDE = 1024
_RANDOM = np.random.default_rng(3)


def _flat(colour: tuple[int, int, int]) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), colour, np.float64)


def _picture(codes: np.ndarray) -> Image.Image:
    return Image.fromarray(np.rint(codes.clip(0, 255)).astype(np.uint8))


def _jpeg(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def faulty() -> Iterator[tuple[str, Image.Image]]:
    """Pictures that show nothing."""
    colours = {"black": (0, 0, 0), "white": (255, 255, 255), "grey": (128, 128, 128), "brown": (137, 112, 84)}
    ramp = np.linspace(0, 1, SIDE)[None, :, None]
    for name, colour in colours.items():
        flat = _flat(colour)
        yield name, _picture(flat)
        for sigma in (1, 2, 4, 8):
            noisy = _picture(flat + _RANDOM.normal(0, sigma, flat.shape))
            yield f"{name}, noise of sigma {sigma}", noisy
            yield f"{name}, noise of sigma {sigma}, JPEG 30", _jpeg(noisy, 30)
        for rise in (8, 16, 24):
            sign = -1 if colour[0] > 200 else 1
            yield f"{name}, gradient of {rise} codes", _picture(flat + sign * rise * ramp)
        framed = _picture(flat)
        ImageDraw.Draw(framed).rectangle((0, 0, SIDE - 1, SIDE - 1), outline=(90, 30, 200), width=4)
        yield f"{name}, a border of 4 pixels", framed


def sparse() -> Iterator[tuple[str, Image.Image]]:
    """Pictures that show little, and show it."""
    for radius in (16, 20, 30, 60):
        for name, paper, ink in (
            ("white", "white", "black"),
            ("black", "black", "white"),
            ("sky", "#87b5e0", "#b07060"),
        ):
            picture = Image.new("RGB", (SIDE, SIDE), paper)
            ImageDraw.Draw(picture).ellipse((500 - radius, 600 - radius, 500 + radius, 600 + radius), fill=ink)
            yield f"a dot of {2 * radius} pixels on {name}", picture
    for stars in (50, 100, 400):
        picture = Image.new("RGB", (SIDE, SIDE), (4, 4, 10))
        draw = ImageDraw.Draw(picture)
        for x, y in _RANDOM.integers(20, SIDE - 20, (stars, 2)):
            draw.rectangle((x, y, x + 1, y + 1), fill="white")
        yield f"{stars} stars of 2 pixels", picture
    for width in (1, 2, 4):
        picture = Image.new("RGB", (SIDE, SIDE), "white")
        ImageDraw.Draw(picture).line((100, 700, 400, 300, 900, 650), fill="black", width=width)
        yield f"a line of {width} pixels", picture
    for size in (24, 48):
        picture = Image.new("RGB", (SIDE, SIDE), "white")
        ImageDraw.Draw(picture).text((200, 500), "Hello, world", fill=(40, 40, 40), font_size=size)
        yield f"12 letters of {size} pixels", picture
    for rise in (40, 80):
        yield (
            f"a gradient of {rise} codes",
            _picture(_flat((120, 120, 140)) + rise * np.linspace(0, 1, SIDE)[:, None, None]),
        )
    fog = np.asarray(Image.effect_noise((SIDE, SIDE), 90).filter(ImageFilter.GaussianBlur(60)), np.float64)
    fog = (fog - fog.mean()) / fog.std()
    for spread in (4, 8, 12):
        yield f"fog, clouds of sigma {spread} codes", _picture(_flat((200, 200, 205)) + spread * fog[:, :, None])


def main() -> None:
    """Print what is found, and how long it takes."""
    for title, pictures in (("Faulty", faulty()), ("Sparse", sparse())):
        print(f"## {title}\n")
        for name, picture in pictures:
            found = finding_of(picture)
            print(f"- {name}: {'nothing found' if found is None else f'{found.kind}: {found.detail}'}")
        print()
    if len(sys.argv) < 2:
        return
    counts: Counter[str] = Counter()
    seconds = 0.0
    print("## Photographs\n")
    for path in sorted(Path(sys.argv[1]).glob("*.[jJ]*")):
        try:
            picture = load(path)
        except ImageError:
            continue
        begun = time.perf_counter()
        found = finding_of(picture)
        seconds += time.perf_counter() - begun
        counts[found.kind if found else "nothing found"] += 1
        if found is not None:
            print(f"- {path.name}: {found.kind}: {found.detail}")
    print(f"\n{dict(counts)}, {1000 * seconds / max(1, counts.total()):.1f} ms a picture")


if __name__ == "__main__":
    main()
