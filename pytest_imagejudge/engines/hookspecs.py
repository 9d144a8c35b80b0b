"""The hook of the entry points in ``imagejudge.engines``: engines of other distributions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pluggy

from ..support.entry_points import PROJECT

if TYPE_CHECKING:
    from ..protocols.base import Protocol
    from ..settings import JudgeSettings
    from .base import Engine


@pluggy.HookspecMarker(PROJECT)(firstresult=True)
def imagejudge_engine(settings: JudgeSettings, protocol: Protocol, state_dir: Path) -> Engine | None:
    """Give the engine for a judge whose model is the entry point's name, or that name and a colon before more.

    Args:
        settings: the judge; ``settings.model`` as the user wrote it.
        protocol: the protocol that asks the judge.
        state_dir: a folder of this project's for what processes share.
    """
