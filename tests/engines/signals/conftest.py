"""The embedded judge, asked for the facets of Quality."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("cv2")

from PIL import Image

from pytest_imagejudge import Judge

Quality = Callable[..., Any]


@pytest.fixture(scope="session")
def quality() -> Iterator[Quality]:
    """Score a picture: ``quality(picture, prompt, *styles)["Noise"]`` is a `FacetScore`."""
    judges: dict[tuple[str, ...], Judge] = {}

    def scored(picture: Image.Image, prompt: str = "", *styles: str) -> dict[str, Any]:
        if styles not in judges:
            judges[styles] = Judge("signals", signals_style=styles)
        verdict = judges[styles].score(picture, prompt, dimensions=["Quality"])
        assert not verdict.error
        return {path[2]: facet for path, facet in verdict.level3.items()}

    yield scored
    for judge in judges.values():
        judge.close()


@pytest.fixture(scope="module", autouse=True)
def quick(uncompressed: None) -> None:
    """Have all tests of measures use it."""
