"""Measurements of an edit: the changed area, by colour difference, and the fidelity of the rest.

Fidelity is the mean structural similarity (SSIM, Wang et al. 2004, on scikit-image) of the picture, weighted by
how little the colour changed: a change in one place costs nothing elsewhere, and the unchanged rest counts in
full. The colour difference is CIEDE2000.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...images.change_map import CHANGED, aligned, colour_difference

if TYPE_CHECKING:
    from PIL.Image import Image

_REPLACED = 20.0  # CIEDE2000 at which a place counts as replaced, not kept
_LEAST = 0.05  # weight of a replaced place: of a picture that is replaced everywhere, its likeness still counts


def measure_edit(source: Image, edited: Image) -> tuple[dict[str, float | None], dict[str, str]]:
    """Measure the aspects (0 to 1, or None) of an edit of ``source`` (both RGB), with evidence in words for each."""
    import numpy as np
    from skimage.metrics import structural_similarity

    one, other = aligned(source, edited)
    difference = colour_difference(one, other)
    changed = float((difference >= CHANGED).mean())
    rest = difference[difference < CHANGED]
    a, b = (np.asarray(picture.convert("L"), np.float64) for picture in (one, other))
    window = min(7, min(a.shape) - 1 + min(a.shape) % 2)
    if window >= 3:
        similarity, local = structural_similarity(  # type: ignore[no-untyped-call, unused-ignore]
            a, b, data_range=255, win_size=window, full=True
        )
    else:  # too narrow for a window: what is left is whether the pixels are alike
        local = 1 - np.abs(a - b) / 255
        similarity = local.mean()
    weight = np.maximum(_LEAST, 1 - difference / _REPLACED)
    fidelity = float(np.clip((local * weight).sum() / weight.sum(), 0, 1))
    words = f"structural similarity of what was kept {fidelity:.3f}, of the whole picture {float(similarity):.3f}"
    if rest.size:
        words += f"; mean colour difference of the rest {float(rest.mean()):.1f} (CIEDE2000)"
    if edited.size != source.size:
        words += f"; edited {edited.width} x {edited.height} was resized to {source.width} x {source.height}"
    where = _where(difference >= CHANGED) if changed else "nothing changed visibly"
    return (
        {"fidelity": round(fidelity, 6), "changed_area": round(changed, 6), "text_alignment": None},
        {
            "fidelity": words,
            "changed_area": f"{changed:.1%} of the picture differs by {CHANGED:g} or more (CIEDE2000): {where}",
            "text_alignment": "not measured",
        },
    )


def _where(mask: object) -> str:
    """Describe the box that holds the middle 90% of the change, as shares of width and height."""
    import numpy as np

    rows, columns = np.nonzero(np.asarray(mask))
    height, width = np.asarray(mask).shape
    left, right = np.percentile(columns, (5, 95)) / max(1, width - 1)
    top, bottom = np.percentile(rows, (5, 95)) / max(1, height - 1)
    return f"mostly from {left:.0%} to {right:.0%} of the width and {top:.0%} to {bottom:.0%} of the height"
