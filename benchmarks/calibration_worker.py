"""Measure damaged pictures with the checkout and the packages of the Python that runs this; for calibration.py.

Each line of the standard input is a JSON object: a picture's file, and its jobs, a list of [damage or null, prompt].
Each line of the standard output is a list of [score, evidence of those that failed] by facet, one a job, null for a
damage that is none to this picture.
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

PIXELS = ("Quality", "Aesthetics")
ALL = (*PIXELS, "Real-world Fidelity", "Creative Generation")


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
                verdict = judge.score(Image.fromarray(damaged), prompt, dimensions=dimensions)
                if verdict.error:
                    raise SystemExit(f"{file}: {verdict.error}")
                facets = {
                    path[2]: facet for path, facet in verdict.level3.items() if facet.raw != "N/A" or facet.evidence
                }
                raws = {name: facet.raw for name, facet in facets.items()}
                rows.append([raws, {name: facet.evidence for name, facet in facets.items() if facet.raw in (0, "N/A")}])
            print(json.dumps(rows, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
