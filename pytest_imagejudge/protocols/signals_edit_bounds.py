"""The aspects that the embedded judge measures of an edit: names, units and ranges.

Their bounds are those of the profile ``edit-signals``; ``benchmarks/edit_calibration.py`` set them.
"""

from __future__ import annotations

from dataclasses import dataclass

REVISION = "5"  # of the measurements of edits: another figure for the same pictures is another revision


@dataclass(frozen=True)
class Aspect:
    """One aspect of an edit.

    Attributes:
        name: under ``[edit.aspects]``.
        title: the figure in words.
        unit: of the figure; empty for a share or a ratio.
        high: the most that it can be; the least is 0.
    """

    name: str
    title: str
    unit: str
    high: float


MEASURED = (
    Aspect("changed_area", "share of the picture whose colour differs visibly (CIEDE2000 of 6)", "", 1),
    Aspect("edited_area", "share of the picture that changed in whole patches, within the mask or box", "", 1),
    Aspect("outside_change", "share of the change that lies outside of the mask or box", "", 1),
    Aspect("outside_patch", "largest patch that changed outside of the mask or box, of the picture", "", 1),
    Aspect("fidelity", "structural similarity (SSIM) of the rest", "", 1),
    Aspect("content_kept", "share of the source's detail that is found again in its place", "", 1),
    Aspect("shift", "displacement of the whole picture, at a long side of at most 1,024", "pixels", 2000),
    Aspect("rotation", "turn of the whole picture", "degrees", 180),
    Aspect("rescaling", "change of the whole picture's scale", "%", 1000),
    Aspect("brightness_change", "change of the mean luma of the rest, up or down", "%", 2000),
    Aspect("contrast_change", "change of the spread of the luma of the rest, up or down", "%", 2000),
    Aspect("colour_shift", "distance that the colours of the rest moved", "a*b* of CIELAB", 400),
    Aspect("sharpness", "contrast of the finest detail of the rest, against the source's", "ratio", 100),
    Aspect("block_artifacts", "share of fine detail that is lost on the grid of JPEG's blocks", "", 1),
)
ASPECTS = (*(aspect.name for aspect in MEASURED), "text_alignment")  # the last is not measured yet: always None
RANGES: dict[str, tuple[float, float]] = {aspect.name: (0.0, float(aspect.high)) for aspect in MEASURED}
