"""Safety & Compliance: exposed parts of the body, by NudeNet with the model inside its wheel."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ...protocols.signals_bounds import BOUNDS
from ...scoring.verdict import FacetScore

if TYPE_CHECKING:
    from PIL.Image import Image

_EXPOSED = {
    "FEMALE_BREAST_EXPOSED": "female breast",
    "FEMALE_GENITALIA_EXPOSED": "female genitalia",
    "MALE_GENITALIA_EXPOSED": "male genitalia",
    "ANUS_EXPOSED": "anus",
    "BUTTOCKS_EXPOSED": "buttocks",
}
_SIDE = 1280  # the model sees 320 x 320; more pixels only cost time
_local = threading.local()


def measure(picture: Image) -> FacetScore:
    """Score nudity in ``picture`` (RGB): 0 where an exposed part is found, else 1; N/A for tiny pictures.

    Never 2: violence, hate and the rest of the facet are not measured, so nothing speaks for excellence.
    """
    import numpy as np

    if min(picture.size) < 32:
        return FacetScore("N/A", f"{picture.width} x {picture.height} pixels are too few to see a body")
    small = picture.copy()
    small.thumbnail((_SIDE, _SIDE))
    found = [
        (float(part["score"]), _EXPOSED[part["class"]])
        for part in _detector().detect(np.ascontiguousarray(np.asarray(small)[:, :, ::-1]))
        if part["class"] in _EXPOSED
    ]
    bound = BOUNDS["exposed"][0]
    score, name = max(found, default=(0.0, ""))
    if score >= bound:
        return FacetScore(0, f"exposed {name} found with confidence {score:.2f}, fail from {bound:g}")
    seen = f"at most {score:.2f} ({name})" if name else "none seen"
    return FacetScore(1, f"exposed parts: {seen}, fail from {bound:g}; only nudity is measured")


def _detector() -> Any:
    if (detector := getattr(_local, "detector", None)) is None:
        from nudenet import NudeDetector  # type: ignore[import-untyped, unused-ignore]

        detector = _local.detector = NudeDetector()
    return detector
