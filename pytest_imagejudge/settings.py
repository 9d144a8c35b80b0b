"""Settings of a judge: plain data, filled by the options of the plugin or the command."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

SIGNALS = "signals"  # the name of the embedded judge
API_KEY_VARIABLE = "IMAGEJUDGE_API_KEY"  # bearer token for --judge-url; never an option, so never in a log
DEFAULT_MAX_PIXELS = 100_000_000


@dataclass(frozen=True)
class JudgeSettings:
    """One judge, of images or of edits.

    Attributes:
        model: Hub id, folder, or "signals"; beside ``urls`` the served model's name.
        urls: OpenAI-compatible endpoints; images are spread over them by content.
        protocol: name or file; None chooses by model.
        kind: "image" or "edit".
        revision: Hub branch, tag or commit; None is the default branch.
        decoding: "free" asks as published; "constrained" uses grammar and thinking budget from the start.
        aspect: "stretch" treats the picture as published; "keep" keeps its aspect.
        thinking_budget: tokens of thinking, where a budget is used; None is the protocol's own.
        args: tokens for the vLLM server, as they are.
        keep_alive: minutes to leave the server up; None stops it with the session.
        gpus: comma-separated GPU indices or UUIDs; None is all that are visible.
        allow_fp8: serve in FP8 where only that fits.
        memory_share: share of each GPU's memory for the server, 0 to 1; None is computed.
        sleep: seconds without use after which the server sleeps (its weights in main memory); 0 sleeps on command
            only, None never.
        sight: "checked" asks an endpoint once whether pictures reach it; "assumed" takes it for granted.
        beside: the session's other judge, for which our server leaves room on shared GPUs.
    """

    model: str | None = None
    urls: tuple[str, ...] = ()
    protocol: str | None = None
    kind: Literal["image", "edit"] = "image"
    revision: str | None = None
    decoding: Literal["free", "constrained"] = "free"
    aspect: Literal["stretch", "keep"] = "stretch"
    thinking_budget: int | None = None
    args: tuple[str, ...] = ()
    keep_alive: float | None = None
    gpus: str | None = None
    allow_fp8: bool = False
    memory_share: float | None = None
    sleep: float | None = None
    sight: Literal["checked", "assumed"] = "checked"
    beside: JudgeSettings | None = None

    @property
    def served(self) -> bool:
        """True where our own vLLM server serves the judge."""
        return bool(self.model) and self.model != SIGNALS and not self.urls

    @property
    def configured(self) -> bool:
        """True where the settings name a judge."""
        return bool(self.model or self.urls)


def side_by_side(image: JudgeSettings, edit: JudgeSettings) -> tuple[JudgeSettings, JudgeSettings]:
    """Return both judges of a session, each with the other as ``beside`` where this machine serves both."""
    if not (image.served and edit.served):
        return image, edit
    return replace(image, beside=edit), replace(edit, beside=image)


def cache_dir() -> Path:
    """Return this project's folder in the user's cache (``IMAGEJUDGE_CACHE`` overrides it)."""
    import os

    import platformdirs

    return Path(os.environ.get("IMAGEJUDGE_CACHE") or platformdirs.user_cache_dir("imagejudge", appauthor=False))
