"""Gate the quality of generated and edited images with a vision-language judge.

The public names below are imported when they are first used; importing this package loads nothing heavy.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from ._version import __version__ as __version__

if TYPE_CHECKING:
    from .errors import ConfigError, EngineError, ImageError, ImageJudgeError
    from .judge import EditJudge, Judge
    from .plugin.fixtures import EditJudgeFixture, ImageJudgeFixture
    from .scoring.verdict import EditVerdict, FacetScore, Problem, Score, Verdict
    from .thresholds.loading import load_profile
    from .thresholds.profile import Profile

_PUBLIC = {
    "Judge": "judge",
    "EditJudge": "judge",
    "ImageJudgeFixture": "plugin.fixtures",  # to annotate with
    "EditJudgeFixture": "plugin.fixtures",
    "Profile": "thresholds.profile",
    "load_profile": "thresholds.loading",
    "Verdict": "judge",  # which lets it be drawn as a tree
    "EditVerdict": "scoring.verdict",
    "FacetScore": "scoring.verdict",
    "Problem": "scoring.verdict",
    "Score": "scoring.verdict",
    "ImageJudgeError": "errors",
    "ConfigError": "errors",
    "ImageError": "errors",
    "EngineError": "errors",
}

__all__ = [
    "ConfigError",
    "EditJudge",
    "EditJudgeFixture",
    "EditVerdict",
    "EngineError",
    "FacetScore",
    "ImageError",
    "ImageJudgeError",
    "ImageJudgeFixture",
    "Judge",
    "Problem",
    "Profile",
    "Score",
    "Verdict",
    "load_profile",
]


if not TYPE_CHECKING:  # a type checker that saw it would take every misspelt name for one of any type

    def __getattr__(name: str) -> Any:
        if name not in _PUBLIC:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f".{_PUBLIC[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
