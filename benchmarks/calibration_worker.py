"""Measure damaged pictures with the checkout and the packages of the Python that runs this; for calibration.py.

Each line of the standard input is a JSON object: a picture's file, and its jobs, a list of [damage or null, prompt].
Each line of the standard output is a list of [score, evidence of those that failed] by facet, one a job, null for a
damage that is none to this picture.

Pictures as they are go through the public judge. Of what is measured on pixels alone, damaged ones and those whose
prompt names a style are given to the judge's own measures at once, which saves writing and reading each as a file; the
answers are the same. A checkout from before there were such measures has the judge for all.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from calibration_figures import NEUTRAL
from damages import BY_NAME, applied
from PIL import Image

from pytest_imagejudge import Judge

try:
    from pytest_imagejudge.engines.signals import measures, planes
except ImportError:
    measures = planes = None  # type: ignore[assignment]

PIXELS = ("Quality", "Aesthetics")
ALL = (*PIXELS, "Real-world Fidelity", "Creative Generation")


def facets(judge: Any, picture: Image.Image, prompt: str, dimensions: tuple[str, ...]) -> dict[Any, Any]:
    """Score the facets of these dimensions."""
    if dimensions == PIXELS and measures is not None:
        known = planes.Planes(picture)
        return {path: facet for one in PIXELS for path, facet in measures.score_pixels(known, one, prompt).items()}
    verdict = judge.score(picture, prompt, dimensions=dimensions)
    if verdict.error:
        raise SystemExit(verdict.error)
    return dict(verdict.level3)


def main() -> None:
    """Measure until the input ends."""
    cv2.setNumThreads(1)
    with Judge("signals") as judge:
        for line in sys.stdin:
            file, jobs = json.loads(line)
            pixels = np.asarray(Image.open(Path(file)).convert("RGB"))
            rows: list[Any] = []
            for damage, prompt in jobs:
                damaged = applied(BY_NAME[damage], pixels) if damage else pixels
                if damaged is None:
                    rows.append(None)
                    continue
                dimensions = ALL if not damage and prompt == NEUTRAL else PIXELS
                scored = facets(judge, Image.fromarray(damaged), prompt, dimensions)
                found = {path[2]: facet for path, facet in scored.items() if facet.raw != "N/A" or facet.evidence}
                raws = {name: facet.raw for name, facet in found.items()}
                rows.append([raws, {name: facet.evidence for name, facet in found.items() if facet.raw in (0, "N/A")}])
            print(json.dumps(rows, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
