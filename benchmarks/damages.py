"""Damages of the calibration: each a function of a picture, at its final size but for those that make it larger.

What is drawn at random comes from a seed that the picture gives. Lengths are in the picture's own pixels.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (H, W, 3)
Change = Callable[[Pixels], Pixels]


def clip(pixels: Any) -> Pixels:
    """As pixels again, rounded."""
    return np.asarray(np.rint(pixels)).clip(0, 255).astype(np.uint8)


def random_of(pixels: Pixels) -> np.random.Generator:
    """A generator that the picture seeds."""
    return np.random.default_rng(zlib.crc32(pixels[::16, ::16].tobytes()))


def gaussian(pixels: Pixels, sigma: float) -> Pixels:
    """Gaussian blur."""
    return clip(cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), sigma))


def through(pixels: Pixels, kernel: Any) -> Pixels:
    """Convolved."""
    return clip(cv2.filter2D(pixels.astype(np.float32), -1, kernel / kernel.sum(), borderType=cv2.BORDER_REFLECT))


def defocus(pixels: Pixels, radius: float) -> Pixels:
    """Blur by a disc, smooth at its rim."""
    reach = int(np.ceil(radius)) + 1
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return through(pixels, np.clip(radius + 0.5 - np.hypot(x, y), 0, 1).astype(np.float32))


def motion(pixels: Pixels, length: int) -> Pixels:
    """Motion blur along a direction that the picture gives."""
    angle = random_of(pixels).uniform(0, np.pi)
    size, scale = length + 4, 8
    large = np.zeros((size * scale, size * scale), np.float32)
    middle = np.array([size * scale / 2] * 2)
    reach = np.array([np.cos(angle), np.sin(angle)]) * length * scale / 2
    begin, end = (tuple(int(value) for value in np.rint(point)) for point in (middle - reach, middle + reach))
    cv2.line(large, begin, end, 1.0, scale)
    return through(pixels, cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA))


def noise(pixels: Pixels, sigma: float) -> Pixels:
    """Gaussian noise by channel."""
    return clip(pixels + random_of(pixels).normal(0, sigma, pixels.shape))


def grain(pixels: Pixels, sigma: float) -> Pixels:
    """Grain of film: the same in all channels, soft, strongest in middle tones."""
    field = cv2.GaussianBlur(random_of(pixels).normal(0, 1, pixels.shape[:2]), (0, 0), 0.7)
    field *= sigma / field.std()
    tone = pixels.mean(2) / 255
    return clip(pixels + (field * (0.5 + 2 * tone * (1 - tone)))[..., None])


def impulses(pixels: Pixels, share: float) -> Pixels:
    """This share of pixels black or white."""
    draw = random_of(pixels).random(pixels.shape[:2])
    out = pixels.copy()
    out[draw < share / 2] = 0
    out[draw > 1 - share / 2] = 255
    return out


def saved(pixels: Pixels, kind: str, **options: Any) -> Pixels:
    """Through a file of this kind, as Pillow writes it."""
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return np.asarray(Image.open(io.BytesIO(file.getvalue())).convert("RGB"))


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    """Through JPEG at this quality, colour at half the resolution."""
    return saved(pixels, "JPEG", quality=quality, subsampling=2)


def enlarged(pixels: Pixels, times: float, how: int) -> Pixels:
    """Made smaller by area, then as large as it was."""
    height, width = pixels.shape[:2]
    small = cv2.resize(
        pixels, (max(1, round(width / times)), max(1, round(height / times))), interpolation=cv2.INTER_AREA
    )
    return clip(cv2.resize(small.astype(np.float32), (width, height), interpolation=how))


def larger(pixels: Pixels, times: int, how: int) -> Pixels:
    """Enlarged to so many times its size."""
    height, width = pixels.shape[:2]
    return clip(cv2.resize(pixels.astype(np.float32), (times * width, times * height), interpolation=how))


def levels(pixels: Pixels, count: int) -> Pixels:
    """This many levels a channel, from black to white."""
    return clip(np.rint(pixels / 255 * (count - 1)) / (count - 1) * 255)


def palette(pixels: Pixels, count: int) -> Pixels:
    """This many colours in all, without dithering."""
    from PIL import Image

    return np.asarray(Image.fromarray(pixels).quantize(count, dither=Image.Dither.NONE).convert("RGB"))


def stripes(pixels: Pixels, width: int) -> Pixels:
    """Every second band of rows of this width darker by half."""
    out = pixels.astype(np.float32)
    out[(np.arange(len(out)) // width) % 2 == 1] *= 0.5
    return clip(out)


def tiles(pixels: Pixels, count: int) -> Pixels:
    """The picture, made smaller, repeated this many times in each direction."""
    height, width = pixels.shape[0] // count, pixels.shape[1] // count
    return np.tile(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), (count, count, 1))


def plain(pixels: Pixels, colour: float | None) -> Pixels:
    """Nothing but one colour; None is the picture's mean."""
    return clip(np.full(pixels.shape, pixels.mean((0, 1)) if colour is None else colour))


def half(pixels: Pixels, colour: int) -> Pixels:
    """Its lower half of one grey."""
    out = pixels.copy()
    out[len(out) // 2 :] = colour
    return out


def exposed(pixels: Pixels, times: float) -> Pixels:
    """Brighter, in light rather than in levels; what is too bright is clipped."""
    light = (pixels / 255.0) ** 2.2 * times
    return clip(np.minimum(light, 1) ** (1 / 2.2) * 255)


def brighter(pixels: Pixels, times: float) -> Pixels:
    """Levels times this, clipped."""
    return clip(pixels.astype(np.float32) * times)


def saturated(pixels: Pixels, times: float) -> Pixels:
    """Colour further from grey, clipped."""
    grey = pixels @ np.array([0.299, 0.587, 0.114])
    return clip(grey[..., None] + (pixels - grey[..., None]) * times)


def checkerboard(pixels: Pixels, period: int, amplitude: float) -> Pixels:
    """Squares of half this period, lighter and darker in turn, as transposed convolutions leave them."""
    y, x = np.indices(pixels.shape[:2]) // (period // 2)
    return clip(pixels + np.where((x + y) % 2, amplitude, -amplitude)[..., None])


def cast(pixels: Pixels, gains: tuple[float, float, float], offsets: tuple[float, float, float]) -> Pixels:
    """Of a decoder with the wrong scale or shift: each channel with its own gain and offset."""
    return clip(pixels * np.array(gains) + np.array(offsets))


def clipped_share(pixels: Pixels) -> float:
    """Pixels with a channel at its end, 0 to 1."""
    return float(((pixels == 0) | (pixels == 255)).any(2).mean())


@dataclass(frozen=True)
class Damage:
    """A damage with its group, its strength in words, and the facets that it counts for.

    Attributes:
        once: it takes nothing from the picture but its size.
        from_clipped: the share of pixels that it must clip beyond those that were, to be one.
        from_changed: the share of pixels that it must change by more than 2 levels, to be one: four levels a channel
            are none to a drawing in black and white.
        mild: shown, and no target: few people see it.
        harmless: no damage: what was fine must pass with it.
        least: so many pictures of a kind get it at least, where fewer would say little.
    """

    name: str
    facets: tuple[str, ...]
    change: Change
    once: bool = False
    from_clipped: float = 0.0
    from_changed: float = 0.01
    mild: bool = False
    harmless: bool = False
    least: int = 0


NOISE, EDGES, NATURAL, RESOLUTION = "Noise", "Edge Clarity", "Naturalness", "Resolution"
COLOUR, LIGHT = "Color Harmony", "Lighting & Atmosphere"
CUBIC, LANCZOS, LINEAR, NEAREST = cv2.INTER_CUBIC, cv2.INTER_LANCZOS4, cv2.INTER_LINEAR, cv2.INTER_NEAREST
DAMAGES = (
    *(Damage(f"Gaussian blur, sigma {s:g}", (EDGES,), lambda p, s=s: gaussian(p, s)) for s in (1, 1.5, 2, 4)),
    *(Damage(f"defocus, radius {r} pixels", (EDGES,), lambda p, r=r: defocus(p, r)) for r in (3, 8)),
    *(Damage(f"motion blur, {n} pixels", (EDGES,), lambda p, n=n: motion(p, n)) for n in (15, 25)),
    *(Damage(f"motion blur, {n} pixels", (EDGES,), lambda p, n=n: motion(p, n)) for n in (5, 7)),
    *(
        Damage(f"mean of {n} pixels, {name}", (EDGES,), lambda p, n=n, line=line: through(p, line(n)))
        for n in (5, 7)
        for name, line in (
            ("across", lambda n: np.ones((1, n), np.float32)),
            ("down", lambda n: np.ones((n, 1), np.float32)),
            ("along a diagonal", lambda n: np.eye(n, dtype=np.float32)),
        )
    ),
    *(
        Damage(f"Gaussian blur, sigma {s}, JPEG {q}", (EDGES,), lambda p, s=s, q=q: jpeg(gaussian(p, s), q))
        for s in (1, 2, 3, 4)
        for q in (75, 85)
    ),
    Damage("defocus, radius 8 pixels, JPEG 75", (EDGES,), lambda p: jpeg(defocus(p, 8), 75)),
    Damage("motion blur, 15 pixels, JPEG 75", (EDGES,), lambda p: jpeg(motion(p, 15), 75)),
    Damage("Gaussian noise, sigma 25", (NOISE,), lambda p: noise(p, 25)),
    Damage("film grain, sigma 25", (NOISE,), lambda p: grain(p, 25)),
    Damage("salt and pepper, 5%", (NOISE,), lambda p: impulses(p, 0.05)),
    Damage("JPEG 40", (RESOLUTION,), lambda p: jpeg(p, 40), mild=True),
    *(Damage(f"JPEG {q}", (RESOLUTION, EDGES), lambda p, q=q: jpeg(p, q), harmless=True, least=150) for q in (75, 85)),
    Damage("JPEG 10", (RESOLUTION,), lambda p: jpeg(p, 10), least=150),
    *(
        Damage(f"squares of {n} pixels", (RESOLUTION,), lambda p, n=n: enlarged(p, n, NEAREST), least=150)
        for n in (4, 8)
    ),
    Damage("enlarged 2 times, bicubic", (RESOLUTION,), lambda p: enlarged(p, 2, CUBIC)),
    Damage("enlarged 2 times, Lanczos", (RESOLUTION,), lambda p: enlarged(p, 2, LANCZOS)),
    Damage("enlarged 2 times, bilinear", (RESOLUTION,), lambda p: enlarged(p, 2, LINEAR)),
    Damage("enlarged 3 times, Lanczos", (RESOLUTION,), lambda p: enlarged(p, 3, LANCZOS)),
    Damage("enlarged 4 times, bicubic", (RESOLUTION,), lambda p: enlarged(p, 4, CUBIC)),
    *(
        Damage(f"made {n} times as large, {how}", (RESOLUTION,), lambda p, n=n, by=by: larger(p, n, by))
        for n, how, by in (
            (2, "bicubic", CUBIC),
            (2, "Lanczos", LANCZOS),
            (2, "bilinear", LINEAR),
            (3, "Lanczos", LANCZOS),
            (4, "bicubic", CUBIC),
        )
    ),
    *(
        Damage(
            f"enlarged {n} times, {how}, JPEG {q}",
            (RESOLUTION,),
            lambda p, n=n, by=by, q=q: jpeg(enlarged(p, n, by), q),
        )
        for n, how, by in (
            (2, "bicubic", CUBIC),
            (2, "Lanczos", LANCZOS),
            (3, "Lanczos", LANCZOS),
            (4, "bicubic", CUBIC),
        )
        for q in (75, 85)
    ),
    *(Damage(f"{n} levels a channel", (NATURAL,), lambda p, n=n: levels(p, n), from_changed=0.1) for n in (4, 8)),
    Damage("32 levels a channel", (NATURAL,), lambda p: levels(p, 32), from_changed=0.1),
    *(
        Damage(f"{n} colours in all", (NATURAL,), lambda p, n=n: palette(p, n), from_changed=0.1, mild=True)
        for n in (8, 16)
    ),
    Damage("stripes of 8 pixels", (NATURAL,), lambda p: stripes(p, 8)),
    *(Damage(f"repeated {n} x {n} times", (NATURAL,), lambda p, n=n: tiles(p, n)) for n in (2, 4, 8)),
    Damage("black", (NATURAL,), lambda p: plain(p, 0), once=True),
    Damage("white", (NATURAL,), lambda p: plain(p, 255), once=True),
    Damage("one colour", (NATURAL,), lambda p: plain(p, None), once=True),
    *(
        Damage(f"lower half {name}", (NATURAL,), lambda p, grey=grey: half(p, grey), from_changed=0.05)
        for name, grey in (("black", 0), ("white", 255), ("grey", 128))
    ),
    Damage("levels x 2, 30% clipped", (LIGHT,), lambda p: brighter(p, 2), from_clipped=0.3),
    Damage("light x 4, 30% clipped", (LIGHT,), lambda p: exposed(p, 4), from_clipped=0.3),
    Damage("levels x 2, 20% clipped", (LIGHT,), lambda p: brighter(p, 2), from_clipped=0.2, mild=True),
    Damage("light x 4, 20% clipped", (LIGHT,), lambda p: exposed(p, 4), from_clipped=0.2, mild=True),
    *(Damage(f"levels x {by:g}", (LIGHT,), lambda p, by=by: brighter(p, by)) for by in (0.08, 0.2)),
    Damage("levels x 0.4", (LIGHT,), lambda p: brighter(p, 0.4), mild=True),
    Damage("levels + 140", (LIGHT,), lambda p: clip(p + 140.0)),
    Damage("contrast x 0.15", (LIGHT,), lambda p: clip(p.mean() + (p - p.mean()) * 0.15)),
    Damage("saturation x 4, 20% clipped", (COLOUR,), lambda p: saturated(p, 4), from_clipped=0.2, least=150),
    *(
        Damage(f"checkerboard, period {n}, 8 levels", (NATURAL,), lambda p, n=n: checkerboard(p, n, 8))
        for n in (2, 4, 8)
    ),
    Damage("cast, magenta", (COLOUR,), lambda p: cast(p, (0.75, 0.55, 0.75), (60, 10, 60))),
    Damage("cast, green", (COLOUR,), lambda p: cast(p, (0.55, 0.75, 0.55), (10, 60, 10))),
    Damage("shift, magenta", (COLOUR,), lambda p: cast(p, (1, 1, 1), (40, -30, 40))),
    Damage("shift, green", (COLOUR,), lambda p: cast(p, (1, 1, 1), (-30, 40, -30))),
    *(
        Damage(f"gains, {name}", (COLOUR,), lambda p, gains=gains: cast(p, gains, (0, 0, 0)))
        for name, gains in (
            ("green", (0.5, 1, 0.5)),
            ("magenta", (1, 0.5, 1)),
            ("blue", (0.5, 0.6, 1)),
            ("yellow", (1, 1, 0.4)),
        )
    ),
)
FILES: dict[str, Change] = {  # that models and their servers hand over
    "PNG": lambda p: p,
    "WebP 50": lambda p: saved(p, "WEBP", quality=50),
    "WebP 80": lambda p: saved(p, "WEBP", quality=80),
    "AVIF 75": lambda p: saved(p, "AVIF", quality=75, speed=8),
    "JPEG 2000, 20 to 1": lambda p: saved(p, "JPEG2000", quality_layers=[20], irreversible=True),
    "GIF": lambda p: saved(p, "GIF"),
    "JPEG 30": lambda p: jpeg(p, 30),
    "JPEG 50": lambda p: jpeg(p, 50),
}
_SPOILT: dict[str, tuple[str, Change]] = {
    **{f"Gaussian blur, sigma {s:g}": (EDGES, lambda p, s=s: gaussian(p, s)) for s in (1.5, 3, 6)},
    "enlarged 2 times, bicubic": (RESOLUTION, lambda p: enlarged(p, 2, CUBIC)),
    "enlarged 3 times, Lanczos": (RESOLUTION, lambda p: enlarged(p, 3, LANCZOS)),
    "motion blur, 15 pixels": (EDGES, lambda p: motion(p, 15)),
    "Gaussian noise, sigma 25": (NOISE, lambda p: noise(p, 25)),
}
IN_FILES = (  # measured by themselves: calibration.py --files
    *(
        Damage(
            f"as they are, {file}",
            (EDGES, RESOLUTION, NATURAL),
            save,
            from_changed=-1,
            harmless=True,
            least=1000 if file == "PNG" else 40,
        )
        for file, save in FILES.items()
    ),
    *(
        Damage(f"{name}, in {file}", (facet,), lambda p, spoil=spoil, save=save: save(spoil(p)))
        for name, (facet, spoil) in _SPOILT.items()
        for file, save in FILES.items()
        if file != "PNG"
    ),
)
BY_NAME = {damage.name: damage for damage in (*DAMAGES, *IN_FILES)}


def applied(damage: Damage, pixels: Pixels) -> Pixels | None:
    """The damaged picture; None where it would not be damaged by it."""
    out = damage.change(pixels)
    if len(out) > len(pixels):
        return out
    changed = (np.abs(out.astype(np.int16) - pixels[: len(out), : out.shape[1]]) > 2).any(2).mean()
    if changed < damage.from_changed:
        return None
    if damage.from_clipped and clipped_share(out) - clipped_share(pixels) < damage.from_clipped:
        return None
    return out
