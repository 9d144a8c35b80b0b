"""Settings of a judge: plain data, filled by the options of the plugin or the command."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from .errors import ConfigError

SIGNALS = "signals"  # the name of the embedded judge
API_KEY_VARIABLE = "IMAGEJUDGE_API_KEY"  # bearer token for --judge-url; never an option, so never in a log
DEFAULT_MAX_PIXELS = 100_000_000
ImageFormat = Literal["png", "jpeg", "webp"]
CACHE_HINT = "set IMAGEJUDGE_CACHE to a folder that can be written"


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
        image_format: format in which pictures are sent: "png" and "webp" are lossless, "jpeg" is not.
        image_bytes: most bytes of one picture as it is sent; None is no limit.
        headers: ``NAME=VARIABLE`` texts, headers for ``urls`` with the values of environment variables.
        timeout: seconds for one request; None is the engine's own.
        args: tokens for the vLLM server, as they are.
        keep_alive: minutes to leave the server up; None stops it with the session.
        gpus: comma-separated GPU indices or UUIDs; None is all that are visible.
        allow_fp8: serve in FP8 where only that fits.
        memory_share: share of each GPU's memory for the server, 0 to 1; None is computed.
        sleep: seconds without use after which the server sleeps (its weights in main memory); 0 sleeps on command
            only, None never.
        stored_only: ask nothing; what the store has no answer to is not judged.
        price: prices of a million tokens, such as "input=2.50 output=10"; None is unknown.
        budget: money or tokens beyond which nothing is asked, such as "5 USD"; None is no limit.
        sight: "checked" asks an endpoint once whether pictures reach it; "assumed" takes it for granted.
        beside: the session's other judge, for which our server leaves room on shared GPUs.
        concurrency: requests in flight at each of ``urls``; None for as many as 48 images have.
        signals_style: of the embedded judge, styles that all pictures have, such as "pixel-art".
        passes: how often ``editscore`` asks each question; None for once.
        adapter: Hub id or folder of a LoRA adapter of ``model``, which our server serves with it.
    """

    model: str | None = None
    urls: tuple[str, ...] = ()
    protocol: str | None = None
    kind: Literal["image", "edit"] = "image"
    revision: str | None = None
    decoding: Literal["free", "constrained"] = "free"
    aspect: Literal["stretch", "keep"] = "stretch"
    thinking_budget: int | None = None
    image_format: ImageFormat = "png"
    image_bytes: int | None = None
    headers: tuple[str, ...] = ()
    timeout: float | None = None
    args: tuple[str, ...] = ()
    keep_alive: float | None = None
    gpus: str | None = None
    allow_fp8: bool = False
    memory_share: float | None = None
    sleep: float | None = None
    stored_only: bool = False
    price: str | None = None
    budget: str | None = None
    sight: Literal["checked", "assumed"] = "checked"
    beside: JudgeSettings | None = None
    concurrency: int | None = None
    signals_style: tuple[str, ...] = ()
    passes: int | None = None
    adapter: str | None = None

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
    """Return this project's folder in the user's cache (``IMAGEJUDGE_CACHE`` overrides it).

    Raises:
        ConfigError: no home folder is known, as for a user id without an entry in the passwd file.
    """
    import os

    import platformdirs

    try:
        if named := os.environ.get("IMAGEJUDGE_CACHE"):
            return Path(named).expanduser()
        folder = Path(platformdirs.user_cache_dir("imagejudge", appauthor=False))
    except RuntimeError:
        folder = Path("~")
    if not folder.is_absolute():  # older versions of platformdirs leave the "~" there
        raise ConfigError(
            "there is no home folder to keep files in (neither HOME nor the user's entry in the passwd file has one): "
            f"{CACHE_HINT}, and HF_HOME to one for models of the Hub"
        )
    return folder
