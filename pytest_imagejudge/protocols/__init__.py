"""Protocols: the requests to judges, and the reading of their answers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import ConfigError
from ..settings import ImageFormat
from ..support.entry_points import PROTOCOLS, make, names_of
from ..taxonomy import nearest

if TYPE_CHECKING:
    from .base import Protocol

Kind = Literal["image", "edit"]
NAMES: dict[str, Kind] = {
    "q-judger": "image",
    "house": "image",
    "signals": "image",
    "ie-critic": "edit",
    "viescore": "edit",
    "editscore": "edit",
    "house-edit": "edit",
    "signals-edit": "edit",
}
# With an edit judge, these names mean their variant for edits.
MOST_PASSES = 64
ASKED_BY_MODEL = ("viescore", "editscore")  # a model of another family is sent other requests
_EDIT_VARIANT = {"house": "house-edit", "signals": "signals-edit"}


def default_name(model: str | None, kind: Kind) -> str:
    """Return the default protocol for a model (Hub id, folder or served name)."""
    # Parts of a path, and of a folder of the Hub's cache (models--Qwen--Qwen-Image-Bench).
    parts = [part.casefold() for part in re.split(r"[/\\]|--", model or "") if part]
    if parts == ["signals"]:
        return "signals" if kind == "image" else "signals-edit"
    if kind == "edit":
        if any(part.startswith("ie-critic") for part in parts):
            return "ie-critic"
        return "editscore" if any("editscore" in part for part in parts) else "house-edit"
    return "q-judger" if any(part.startswith(("qwen-image-bench", "q-judger")) for part in parts) else "house"


def load_protocol(
    name: str | None,
    *,
    model: str | None = None,
    kind: Kind | None = None,
    decoding: Literal["free", "constrained"] = "free",
    aspect: Literal["stretch", "keep"] = "stretch",
    thinking_budget: int | None = None,
    image_format: ImageFormat = "png",
    image_bytes: int | None = None,
    signals_style: Sequence[str] = (),
    passes: int = 1,
) -> Protocol:
    """Load the protocol ``name``: one of `NAMES`, a TOML file, or a protocol of another distribution.

    Without a name the default for ``model`` is loaded. Published words are fetched later, when ``digest`` or
    ``render`` first need them.

    Args:
        name: as ``--judge-protocol`` takes it.
        model: Hub id, folder or served name, for the default, and for how ``viescore`` and ``editscore`` ask it.
        kind: of the objects to judge; None takes the kind that the name implies, images where it implies none.
        decoding: "constrained" uses grammar and thinking budget from the start.
        aspect: "keep" keeps the aspect of Q-Judger's pictures; the other protocols always do.
        thinking_budget: tokens of thinking where they are limited (of ``ie-critic``, characters where decoding is
            constrained, else without effect); None is the protocol's own.
        image_format: format in which pictures are sent, see `Encoding`.
        image_bytes: most bytes of one picture as it is sent; None is no limit.
        signals_style: of the embedded judge, styles that all pictures have.
        passes: how often ``editscore`` asks each question; the others ask once.

    Raises:
        ConfigError: no such name or file, an invalid file, a protocol of the other kind, or a protocol of another
            distribution that is broken.
    """
    _check(decoding, aspect, thinking_budget, passes)
    chosen = name or default_name(model, kind or "image")
    if kind == "edit":
        chosen = _EDIT_VARIANT.get(chosen, chosen)
    if passes > 1 and chosen != "editscore":
        raise ConfigError(f'{passes} passes: the protocol "{chosen}" asks once; only editscore takes judge_passes')
    if chosen == "signals":
        from .signals import SignalsProtocol

        protocol: Protocol = SignalsProtocol(signals_style)
    elif chosen in ASKED_BY_MODEL:
        protocol = _score_pairs(chosen, model, decoding, passes)
    else:
        protocol = _named(chosen, kind, decoding, aspect, thinking_budget)
    if image_format != "png" or image_bytes is not None:
        from ..images.encoding import Encoding

        protocol.send_as(Encoding(image_format, image_bytes))
    if kind is not None and protocol.kind != kind:
        fit = ", ".join(known for known, its in NAMES.items() if its == kind)
        raise ConfigError(f'the protocol "{chosen}" judges {protocol.kind}s, not {kind}s; for {kind}s: {fit}')
    return protocol


def _check(decoding: str, aspect: str, thinking_budget: int | None, passes: int) -> None:
    if thinking_budget is not None and (type(thinking_budget) is not int or thinking_budget < 1):
        raise ConfigError(f"the thinking budget is a number of tokens, 1 or more, not {thinking_budget!r}")
    if decoding not in ("free", "constrained"):
        raise ConfigError(f'decoding is "free" or "constrained", not {decoding!r}')
    if aspect not in ("stretch", "keep"):
        raise ConfigError(f'aspect is "stretch" or "keep", not {aspect!r}')
    if type(passes) is not int or not 1 <= passes <= MOST_PASSES:
        raise ConfigError(f"the number of passes is 1 to {MOST_PASSES}, not {passes!r}")


def _score_pairs(name: str, model: str | None, decoding: Literal["free", "constrained"], passes: int) -> Protocol:
    from .editscore import EditScore
    from .score_pairs import family_of
    from .viescore import VIEScore

    return (EditScore if name == "editscore" else VIEScore)(family_of(model), decoding=decoding, passes=passes)


def _named(
    name: str,
    kind: Kind | None,
    decoding: Literal["free", "constrained"],
    aspect: Literal["stretch", "keep"],
    thinking_budget: int | None,
) -> Protocol:
    match name:
        case "q-judger":
            from .q_judger import QJudger

            return QJudger(decoding=decoding, aspect=aspect, thinking_budget=thinking_budget)
        case "ie-critic":
            from .ie_critic import IECritic

            return IECritic(decoding=decoding, thinking_budget=thinking_budget)
        case "signals-edit":
            from .signals import SignalsEditProtocol

            return SignalsEditProtocol()
    from .house import SHIPPED, from_text, source_of

    if name in SHIPPED:
        return from_text(source_of(name), name, thinking_budget=thinking_budget)
    path = Path(name)
    try:
        text = path.read_text(encoding="utf-8-sig") if path.is_file() else None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} can't be read as a protocol: {error}") from error
    if text is not None:
        return from_text(text, str(path), thinking_budget=thinking_budget)
    from .base import Protocol
    from .hookspecs import imagejudge_protocol

    asking = {"decoding": decoding, "aspect": aspect, "thinking_budget": thinking_budget}
    arguments = {"name": name, "kind": kind, **asking}
    made: Protocol | None = make(PROTOCOLS, name, imagejudge_protocol, Protocol, arguments)
    if made is not None:
        return made
    known = [*NAMES, *names_of(PROTOCOLS)]
    raise ConfigError(
        f'no protocol "{name}"{nearest(name, known)}; expected {", ".join(known)}, or a TOML file'
        + (": no such file" if path.suffix or len(path.parts) > 1 else "")
    )
