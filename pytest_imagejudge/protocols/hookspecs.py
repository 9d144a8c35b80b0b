"""The hook of the entry points in ``imagejudge.protocols``: protocols of other distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pluggy

from ..support.entry_points import PROJECT

if TYPE_CHECKING:
    from .base import Protocol


@pluggy.HookspecMarker(PROJECT)(firstresult=True)
def imagejudge_protocol(
    name: str,
    kind: Literal["image", "edit"] | None,
    decoding: Literal["free", "constrained"],
    aspect: Literal["stretch", "keep"],
    thinking_budget: int | None,
) -> Protocol | None:
    """Give the protocol of the entry point's name.

    Args:
        name: the entry point's name.
        kind: of the objects to judge; None where the protocol itself sets it.
        decoding: "constrained" uses grammar and thinking budget from the start.
        aspect: "keep" keeps the aspect of the pictures.
        thinking_budget: tokens of thinking where they are limited; None is the protocol's own.
    """
