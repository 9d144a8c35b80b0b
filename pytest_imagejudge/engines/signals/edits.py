"""Measurements of an edit: the change itself, and what became of the rest.

The changed area is where colours differ visibly (CIEDE2000). Fidelity is the mean structural similarity (SSIM, Wang et
al. 2004) of the rest: outside the region that was asked for, or, where none is known, of the picture weighted by how
little the colour changed, so that a change in one place costs nothing elsewhere. `registration` and `rest` measure what
happens to a whole picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...images.change_map import CHANGED, aligned, ciede2000, colour_difference, to_lab
from ...protocols.signals_edit_bounds import ASPECTS, RANGES
from .registration import Registration, register
from .rest import Colours, block_loss, compare_colours, sharpness

if TYPE_CHECKING:
    from PIL.Image import Image

_REPLACED = 20.0  # CIEDE2000 at which a place counts as replaced, not kept
_LEAST = 0.05  # weight of a replaced place: of a picture that is replaced everywhere, its likeness still counts
_MARGIN = 1 / 64  # of the long side, and at least a block of JPEG: a mask is seldom exact, an edit's border soft
_PATCH = 10.0  # CIEDE2000 of a patch that was edited, beyond what making all pixels anew does at edges
_COARSE = 4  # pixels a side of the cells in which a change is looked for outside of the region
_MOST_SIDE = 2048  # pixels of a side at which JPEG's blocks are looked for
_COLOUR_SIDE = 512  # pixels of the long side at which colours are compared; they are smoothed anyway
_WINDOW = 7  # pixels a side of the windows of the structural similarity
_NOTHING = "not measured: "


def measure_edit(
    source: Image, edited: Image, region: Image | None = None
) -> tuple[dict[str, float | None], dict[str, str]]:
    """Measure the aspects of an edit of ``source`` (both RGB), or None, with evidence in words for each.

    ``region``, mode "L" and of the source's size, is 255 where the edit was asked to be. Units are those of
    `protocols.signals_edit_bounds`.
    """
    import cv2
    import numpy as np

    one, other = aligned(source, edited)
    difference = colour_difference(*aligned(source, edited, _COLOUR_SIDE))
    pixels, edited_pixels = np.asarray(one), np.asarray(other)
    luma, edited_luma = (cv2.cvtColor(each, cv2.COLOR_RGB2GRAY).astype(np.float32) for each in (pixels, edited_pixels))
    asked = None if region is None else _asked(region, one.size)
    found = _Findings()
    patches = _add_change(found, difference, asked, pixels, edited_pixels)
    _add_fidelity(found, luma, edited_luma, difference, asked)
    if edited.size != source.size:
        sizes = f"edited {edited.width} x {edited.height} was resized to {source.width} x {source.height}"
        found.words["fidelity"] += f"; {sizes}"
    place = register(luma, edited_luma, asked)
    lacks = asked is not None and (place.kept is None or not place.found)
    _add_registration(found, place, register(luma, luma) if lacks else place)
    _add_colours(found, compare_colours(pixels, edited_pixels, asked))
    ratio = sharpness(luma, edited_luma, asked)
    found.add("sharpness", ratio, "{:.2f} of the contrast of the source's finest detail" if ratio is not None else
              _NOTHING + "the source has no fine detail")  # fmt: skip
    lost = block_loss(*_own_pixels(source, edited, patches if asked is None else asked))
    found.add("block_artifacts", lost, _NOTHING + "too little fine detail" if lost is None else
              "{:.0%} of the fine detail is lost on the grid of JPEG's blocks")  # fmt: skip
    found.add("text_alignment", None, "not measured")
    return {name: found.values[name] for name in ASPECTS}, {name: found.words[name] for name in ASPECTS}


class _Findings:
    """Figures with their words, by aspect."""

    def __init__(self) -> None:
        self.values: dict[str, float | None] = {}
        self.words: dict[str, str] = {}

    def add(self, name: str, value: float | None, words: str) -> None:
        """Add one figure, within its range; ``words`` may have a place for it."""
        if value is not None:
            low, high = RANGES[name]
            value = round(min(max(value, low), high), 6)
        self.values[name] = value
        self.words[name] = words if value is None else words.format(value)


def _asked(region: Image, size: tuple[int, int]) -> Any:
    """The region with a margin, bool (H, W), at the size at which pictures are compared."""
    import cv2
    import numpy as np

    mask = (np.asarray(region) > 0).astype(np.uint8)
    mask = (cv2.resize(mask * np.uint8(255), size, interpolation=cv2.INTER_AREA) > 0).astype(np.uint8)
    return cv2.dilate(mask, np.ones((2 * max(8, round(_MARGIN * max(size))) + 1,) * 2, np.uint8)) > 0


def _add_change(found: _Findings, difference: Any, asked: Any, source: Any, edited: Any) -> Any:
    """Add the figures of the change; returns the patches that changed, bool by cells."""
    import cv2
    import numpy as np

    changed = difference >= CHANGED
    area = float(changed.mean())
    where = _where(changed) if area else "nothing changed visibly"
    found.add("changed_area", area, f"{area:.2%} of the picture differs by {CHANGED:g} or more (CIEDE2000): {where}")
    changed, patches = _coarse(source, edited)
    inside = None
    if asked is not None:
        inside = cv2.resize(asked.astype(np.uint8), changed.shape[::-1], interpolation=cv2.INTER_NEAREST) > 0
    edited_area = float((patches if inside is None else patches & inside).mean())
    found.add("edited_area", edited_area, f"{edited_area:.2%} of the picture changed in whole patches"
              + ("" if inside is None else ", within where the edit was asked to be"))  # fmt: skip
    if inside is None:
        for name in ("outside_change", "outside_patch"):
            found.add(name, None, _NOTHING + "no mask or box says where the edit was asked to be")
        return patches
    outside = int((patches & ~inside).sum())
    every = outside + int((changed & inside).sum())
    share = outside / every if every else None
    found.add("outside_change", share, _NOTHING + "nothing changed in whole patches" if share is None else
              f"{share:.1%} of the change lies outside of where the edit was asked to be")  # fmt: skip
    largest, where = _largest_patch(patches & ~inside)
    found.add("outside_patch", largest, "no patch changed outside of where the edit was asked to be" if not largest
              else f"{{:.2%}} of the picture is one patch that changed outside: {where}")  # fmt: skip
    return patches


def _largest_patch(patches: Any) -> tuple[float, str]:
    """The largest connected patch as a share of the picture, and where it is."""
    import cv2

    count, labels, facts, _ = cv2.connectedComponentsWithStats(patches.astype("uint8"), connectivity=8)
    if count < 2:  # the first is what did not change
        return 0.0, ""
    at = 1 + int(facts[1:, cv2.CC_STAT_AREA].argmax())
    return float(facts[at, cv2.CC_STAT_AREA] / patches.size), _where(labels == at)


def _coarse(source: Any, edited: Any) -> tuple[Any, Any]:
    """The cells that changed, bool (h, w), and those of them that form patches: noise and edges average out."""
    import cv2
    import numpy as np

    height, width = source.shape[:2]
    size = (max(1, width // _COARSE), max(1, height // _COARSE))
    labs = [
        to_lab(cv2.GaussianBlur(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), (0, 0), 1))
        for picture in (source, edited)
    ]
    difference = ciede2000(*labs)
    patches = cv2.morphologyEx((difference >= _PATCH).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    return difference >= CHANGED, patches | (difference >= 2 * _PATCH)


def _add_fidelity(found: _Findings, luma: Any, edited: Any, difference: Any, asked: Any) -> None:
    import cv2
    import numpy as np

    local = _similarity(luma, edited)
    difference = cv2.resize(difference, luma.shape[::-1], interpolation=cv2.INTER_LINEAR)
    if asked is None:
        weight, kept = np.maximum(_LEAST, 1 - difference / _REPLACED), difference < CHANGED
    else:
        weight, kept = (~asked).astype(np.float64), ~asked
    if not weight.any():
        found.add("fidelity", None, _NOTHING + "the whole picture was asked to change")
        return
    fidelity = float((local * weight).sum() / weight.sum())
    words = f"structural similarity of what was kept {fidelity:.3f}, of the whole picture {float(local.mean()):.3f}"
    if kept.any():
        words += f"; mean colour difference of the rest {float(difference[kept].mean()):.1f} (CIEDE2000)"
    found.add("fidelity", fidelity, words)


def _similarity(one: Any, other: Any) -> Any:
    """SSIM by pixel (H, W), as scikit-image gives it for 8-bit luma."""
    import cv2
    import numpy as np

    window = min(_WINDOW, min(one.shape) - 1 + min(one.shape) % 2)
    if window < 3:  # too narrow for a window: what is left is whether the pixels are alike
        return 1 - np.abs(one - other) / 255

    def mean(values: Any) -> Any:
        return cv2.blur(values, (window, window), borderType=cv2.BORDER_REFLECT)

    one, other = one.astype(np.float64), other.astype(np.float64)
    sample = window**2 / (window**2 - 1)
    u, v = mean(one), mean(other)
    uu, vv, uv = (
        sample * (mean(a * b) - c * d) for a, b, c, d in ((one, one, u, u), (other, other, v, v), (one, other, u, v))
    )
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    return (2 * u * v + c1) * (2 * uv + c2) / ((u * u + v * v + c1) * (uu + vv + c2))


def _add_registration(found: _Findings, place: Registration, whole: Registration) -> None:
    """Add the figures of the movement; ``whole``, of the source on itself without a region, tells why some lack."""
    little, covered = "the source has too little detail", "too little of the source lies outside the mask or box"
    kept = place.kept
    found.add("content_kept", kept, "{:.0%} of the source's detail is found again" if kept is not None else
              _NOTHING + (little if whole.kept is None else covered))  # fmt: skip
    if not place.found:
        why = "no common place is found" if place.has_places else covered if whole.has_places else little
        for name in ("shift", "rotation", "rescaling"):
            found.add(name, None, _NOTHING + why)
        return
    (dx, dy), rotation, percent = place.shift, place.rotation, 100 * (place.scale - 1)
    by = f"{place.agreed} of {place.tiles} places agree"
    found.add("shift", (dx**2 + dy**2) ** 0.5, f"moved by {dx:+.2f}, {dy:+.2f} pixels (right, down): {by}")
    found.add("rotation", abs(rotation), f"turned by {rotation:+.2f} degrees (counter-clockwise): {by}")
    found.add("rescaling", abs(percent), f"rescaled by {percent:+.2f}%: {by}")


def _add_colours(found: _Findings, colours: Colours | None) -> None:
    names = ("brightness_change", "contrast_change", "colour_shift")
    if colours is None:
        for name in names:
            found.add(name, None, _NOTHING + "the whole picture was asked to change")
        return
    found.add(names[0], abs(colours.brightness), f"mean luma of the rest {colours.brightness:+.1f}%")
    flat = colours.contrast
    found.add(names[1], None if flat is None else abs(flat), _NOTHING + "the source is of one tone" if flat is None
              else f"spread of the luma of the rest {flat:+.1f}%")  # fmt: skip
    found.add(names[2], colours.shift, "the colours of the rest moved by {:.1f} (a*, b* of CIELAB)")


def _own_pixels(source: Image, edited: Image, touched: Any) -> tuple[Any, Any, Any]:
    """Both pictures' luma, and what was edited, at the edited one's own pixels; of a large one the middle."""
    import cv2
    import numpy as np

    pictures = [picture if picture.size == edited.size else picture.resize(edited.size) for picture in (source, edited)]
    left, top = (max(0, (side - _MOST_SIDE) // 2) // 8 * 8 for side in edited.size)
    box = (left, top, min(edited.width, left + _MOST_SIDE), min(edited.height, top + _MOST_SIDE))
    lumas = [np.asarray(each.crop(box).convert("L")).astype(np.float32) for each in pictures]
    cover = cv2.resize(touched.astype(np.uint8), edited.size, interpolation=cv2.INTER_NEAREST) > 0
    return lumas[0], lumas[1], cover[box[1] : box[3], box[0] : box[2]]


def _where(mask: object) -> str:
    """Describe the box that holds the middle 90% of the change, as shares of width and height."""
    import numpy as np

    rows, columns = np.nonzero(np.asarray(mask))
    height, width = np.asarray(mask).shape
    left, right = np.percentile(columns, (5, 95)) / max(1, width - 1)
    top, bottom = np.percentile(rows, (5, 95)) / max(1, height - 1)
    return f"mostly from {left:.0%} to {right:.0%} of the width and {top:.0%} to {bottom:.0%} of the height"
