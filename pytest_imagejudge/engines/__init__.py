"""Engines: a judge in this process (signals), in a local vLLM server, or behind an OpenAI-compatible URL."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..settings import SIGNALS
from ..support.entry_points import ENGINES, make, names_of

if TYPE_CHECKING:
    from ..protocols.base import Protocol
    from ..settings import JudgeSettings
    from .base import Engine


def make_engine(settings: JudgeSettings, protocol: Protocol, *, state_dir: Path) -> Engine:
    """Make the engine of a judge, without starting or looking up anything.

    Args:
        settings: the judge.
        protocol: the protocol that asks the judge.
        state_dir: a folder of this project's for what processes share: locks, sockets, logs, compiled kernels.

    Raises:
        ConfigError: no judge is named, the settings contradict each other, or an engine of another distribution is
            broken.
    """
    option = "edit-judge" if settings.kind == "edit" else "judge"
    if settings.stored_only:
        from .stored_only import StoredOnly, sending_nothing

        if settings.urls:  # the endpoint's engine would ask for its key and its headers
            return StoredOnly(None, settings)
        asked = dataclasses.replace(settings, stored_only=False)
        return sending_nothing(make_engine(asked, protocol, state_dir=state_dir), settings)
    if settings.adapter and (settings.urls or settings.model in (None, SIGNALS)):
        raise ConfigError(
            f"--{option}-adapter {settings.adapter!r}: an adapter is served with the model of --{option}-model, by our "
            f"own server; an endpoint has it under a name of its own, for --{option}-model beside --{option}-url"
        )
    if settings.urls:
        from .endpoint import EndpointEngine

        return EndpointEngine(settings, protocol, state_dir=state_dir)
    if settings.model == SIGNALS:
        from .signals.engine import SignalsEngine

        return SignalsEngine(settings, protocol)
    if settings.model:
        if (name := _name_of_others(settings.model)) is not None:
            from .base import Engine
            from .hookspecs import imagejudge_engine

            arguments = {"settings": settings, "protocol": protocol, "state_dir": state_dir}
            engine: Engine | None = make(ENGINES, name, imagejudge_engine, Engine, arguments)
            if engine is not None:
                return engine
        _refuse_typo(settings.model, f"--{option}-model")
        from .vllm.engine import VllmEngine

        other = settings.beside
        if other is not None and _name_of_others(str(other.model)) in names_of(ENGINES):
            settings = dataclasses.replace(settings, beside=None)  # it is no server of ours, to be left room for
        return VllmEngine(settings, protocol, state_dir=state_dir)
    raise ConfigError(f"no judge is named: give --{option}-model or --{option}-url")


def _name_of_others(model: str) -> str | None:
    """The name that an engine of another distribution may have: the part of ``model`` before a colon.

    None where it can be nobody's name: a folder, or a name with a slash, as most models of the Hub have.
    """
    name = model.partition(":")[0]
    return None if not name or "/" in name or Path(model).is_dir() else name


def _refuse_typo(model: str, option: str) -> None:
    from ..taxonomy import closest

    known = [SIGNALS] if "/" in model else [SIGNALS, *names_of(ENGINES)]
    close = closest(model, known, 0.8)
    if close and not Path(model).exists():
        others = f"; engines by name: {', '.join(known)}" if len(known) > 1 else ""
        hub = ", and a model of the Hub is OWNER/NAME"
        raise ConfigError(f'{option} {model!r}: no such folder (did you mean "{close}"?){hub}{others}')
