"""Entries of reports, made of facet scores."""

from __future__ import annotations

import random
from typing import Any

from pytest_imagejudge.report.model import EditEntry, VerdictEntry
from pytest_imagejudge.scoring import figures as scoring
from pytest_imagejudge.taxonomy import FACETS, LEVEL1

JUDGE = {"model": "judge", "revision": "r1", "protocol_digest": "d", "treatment": "t", "sampling": {"temperature": 0}}


def image(number: int, value: float | None = 60.0, /, **fields: Any) -> VerdictEntry:
    """An image whose every figure is ``value``."""
    level1 = dict.fromkeys(LEVEL1, value)
    level2 = {one: {"Realism": value} if one == "Quality" else {} for one in LEVEL1}
    common = {
        "key": f"key {number}",
        "image": f"{number}.png",
        "prompt": f"prompt {number}",
        "outcome": "passed",
        "fingerprint": {**JUDGE, "engine": "vllm", "engine_version": "1"},
        "pixels": f"pixels {number}",
    }
    return VerdictEntry(**{**common, "total": value, "level1": level1, "level2": level2, **fields})


def drawn(number: int, rng: random.Random, fail: float = 0.15, **fields: Any) -> VerdictEntry:
    """An image with random facets, of which a share ``fail`` is 0."""
    scores = {
        path: rng.choices((0.0, 60.0, 100.0), (fail, 0.5, 0.5 - fail))[0] if rng.random() < 0.7 else None
        for path in FACETS
    }
    found = scoring.aggregate(scores, LEVEL1)
    figures = {"total": found.total, "level1": found.level1, "level2": found.level2}
    return image(number, **{**figures, "key": f"{number} {rng.random()}", **fields})


def edit(number: int, score: float | None = 3.0, **fields: Any) -> EditEntry:
    """An edit."""
    common = {
        "key": f"edit {number}",
        "source_image": "a.png",
        "edited_image": f"{number}.png",
        "instruction": f"edit {number}",
        "outcome": "passed",
        "fingerprint": JUDGE,
    }
    return EditEntry(**{**common, "score": score, **fields})
