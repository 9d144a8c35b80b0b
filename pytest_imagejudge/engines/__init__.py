"""Where a judge runs: in this process (signals), in a local vLLM server, or behind any OpenAI-compatible URL."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..settings import SIGNALS

if TYPE_CHECKING:
    from ..protocols.base import Protocol
    from ..settings import JudgeSettings
    from .base import Engine


def make_engine(settings: JudgeSettings, protocol: Protocol, *, state_dir: Path) -> Engine:
    """The engine that ``settings`` ask for; nothing is started and nothing is looked up yet.

    Args:
        settings: one judge.
        protocol: how it will be asked.
        state_dir: a folder of this project's for what processes share: locks, sockets, logs, compiled kernels.

    Raises:
        ConfigError: no judge is named, or the settings contradict each other.
    """
    option = "edit-judge" if settings.kind == "edit" else "judge"
    if settings.urls:
        from .endpoint import EndpointEngine

        return EndpointEngine(settings, protocol, state_dir=state_dir)
    if settings.model == SIGNALS:
        from .signals.engine import SignalsEngine

        return SignalsEngine(settings, protocol)
    if settings.model:
        close = difflib.get_close_matches(settings.model.casefold(), [SIGNALS], cutoff=0.8)
        if close and not Path(settings.model).exists():
            raise ConfigError(f'--{option}-model {settings.model!r}: no such folder (did you mean "{SIGNALS}"?)')
        from .vllm.engine import VllmEngine

        return VllmEngine(settings, protocol, state_dir=state_dir)
    raise ConfigError(f"no judge is named: give --{option}-model or --{option}-url")
