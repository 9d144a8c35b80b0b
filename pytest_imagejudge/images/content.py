"""Pictures without content, told from canonical pixels, whichever judge is asked.

The figures below come from ``benchmarks/blank.md``.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, NamedTuple

from ..scoring.findings import KINDS, Finding
from .loading import pixel_hash

if TYPE_CHECKING:
    from PIL.Image import Image

NEAR = 12  # codes in each channel: what noise, compression and a faint gradient leave around one colour
LEAST = 0.001  # of the area: what is smaller is not seen at a glance
HALF = 0.5  # of the area
_SIDE = 256  # pixels of the shorter side at which a picture is looked at: averaging takes noise away, not content
_shares: dict[int, tuple[float, str]] = {}  # of living pictures that `finding_of` was given, which nobody changes
_RIM = 64  # a border of one part in so many of each side does not count: networks leave traces there


class Look(NamedTuple):
    """Result of one look at a picture's pixels: their SHA-256 in hex, and a finding, if any."""

    pixels: str
    finding: Finding | None = None

    def line(self) -> str:
        """One line, as an index keeps it."""
        return self.pixels if self.finding is None else f"{self.pixels} {self.finding.kind} {self.finding.detail}"

    @classmethod
    def of_line(cls, line: str) -> Look | None:
        """The inverse of `line`; None where it is empty, or of no kind that is known here."""
        pixels, _, words = line.partition(" ")
        if not pixels:
            return None
        if not words:
            return cls(pixels)
        name, _, detail = words.partition(" ")
        return next((cls(pixels, Finding(kind, detail)) for kind in KINDS if kind == name), None)


def look_at(image: Image) -> Look:
    """Hash a canonical picture and say what is found of its content."""
    return Look(pixel_hash(image), finding_of(image))


def finding_of(image: Image) -> Finding | None:
    """The finding of a canonical picture (RGB): "blank", "half-blank" or None. Takes a few milliseconds."""
    import numpy as np

    small = _small(image)
    share, colour = found = _one_colour(small)
    weakref.finalize(image, _shares.pop, id(image), None)
    _shares[id(image)] = found
    if share > 1 - LEAST:
        return Finding("blank", f"{_percent(share)} of it is within {NEAR} codes of {colour}")
    return _band(np.asarray(small))


def one_colour(image: Image) -> tuple[float, str]:
    """Return the share of a canonical picture (RGB) that is next to one colour, 0 to 1, and that colour in words.

    Above 1 - `LEAST` it is exact; lower ones count each channel by itself, and are somewhat high.
    """
    found = _shares.get(id(image))  # of a picture that was looked at before it was judged
    return _one_colour(_small(image)) if found is None else found


def _small(image: Image) -> Image:
    factor = max(1, min(image.size) // _SIDE)
    return image.reduce(factor) if factor > 1 else image


def _one_colour(small: Image) -> tuple[float, str]:
    import numpy as np

    across, down = small.width // _RIM, small.height // _RIM
    inner = small.crop((across, down, small.width - across, small.height - down))
    counts = np.array(inner.histogram()).reshape(3, 256)
    colour = [int(np.searchsorted(each, each[-1] / 2)) for each in counts.cumsum(axis=1)]
    far = np.abs(np.arange(256) - np.array(colour)[:, None]) > NEAR  # by channel and code
    share = 1 - float((counts * far).sum(axis=1).max()) / counts[0].sum()
    if share > 1 - LEAST:  # in every channel; now in all of them at once
        codes = np.asarray(inner)
        share = 1 - float((far[0][codes[:, :, 0]] | far[1][codes[:, :, 1]] | far[2][codes[:, :, 2]]).mean())
    return share, _named(colour)


def _band(codes: Any) -> Finding | None:
    """The largest band along an edge in which all codes are within twice `NEAR` of each other, if it is half of it."""
    best, side = 0.0, ""
    colour: list[int] = []
    for edge, turned in (
        ("top", codes),
        ("bottom", codes[::-1]),
        ("left", codes.transpose(1, 0, 2)),
        ("right", codes.transpose(1, 0, 2)[::-1]),
    ):
        half = turned[: max(1, int(len(turned) * HALF))]
        if _spread(half[::8, ::8]) <= 2 * NEAR and (share := _length(turned) / len(turned)) > best:
            best, side, colour = share, edge, turned[0].min(axis=0).tolist()
    if best < HALF:
        return None
    return Finding(
        "half-blank", f"{_percent(best)} of it, along the {side} edge, is next to one colour, {_named(colour)}"
    )


def _spread(codes: Any) -> int:
    """The largest difference in any channel."""
    return int((codes.max(axis=(0, 1)).astype(int) - codes.min(axis=(0, 1))).max())


def _length(codes: Any) -> int:
    """Count the rows, from the first on, whose codes are all within twice `NEAR` of each other."""
    import numpy as np

    low, high = codes.min(axis=1).astype(np.int16), codes.max(axis=1).astype(np.int16)
    wide: Any = ((np.maximum.accumulate(high) - np.minimum.accumulate(low)) > 2 * NEAR).any(axis=1)
    return int(wide.argmax()) if wide.any() else len(codes)


def _percent(share: float) -> str:
    return f"{int(share * 1000) / 10:g}%"  # rounded down: 100% is all of it


def _named(colour: list[int]) -> str:
    code = "#{:02x}{:02x}{:02x}".format(*colour)
    grey = max(colour) - min(colour) <= 4
    if grey and max(colour) <= NEAR:
        return f"black ({code})"
    if grey and min(colour) >= 255 - NEAR:
        return f"white ({code})"
    return f"grey ({code})" if grey else code
