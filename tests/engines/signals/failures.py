"""The facets of the embedded judge that a picture fails, asked as users ask."""

from __future__ import annotations

from typing import Any

from PIL import Image

from pytest_imagejudge import Judge

NATURALNESS = ("Quality", "Detail", "Naturalness")
COLOUR = ("Aesthetics", "Color Harmony", "Color Harmony")
LIGHT = ("Aesthetics", "Lighting", "Lighting & Atmosphere")


def failed(picture: Image.Image, prompt: str) -> dict[Any, str]:
    """Return the evidence of the facets that fail, of naturalness, colour and light."""
    with Judge("signals") as judge:
        verdict = judge.score(picture, prompt, dimensions=["Quality", "Aesthetics"])
    assert not verdict.error
    facets = {path: verdict.level3[path] for path in (NATURALNESS, COLOUR, LIGHT)}
    assert all(facet.evidence for facet in facets.values())
    return {path: facet.evidence for path, facet in facets.items() if facet.raw == 0}
