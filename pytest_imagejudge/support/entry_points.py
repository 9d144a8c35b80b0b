"""Entry points of other distributions: listed by name, imported only when their name is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, ImageJudgeError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint, EntryPoints

ENGINES = "imagejudge.engines"
PROTOCOLS = "imagejudge.protocols"
PROJECT = "imagejudge"  # of pluggy's markers


def names_of(group: str) -> tuple[str, ...]:
    """The names that installed distributions give to a group's entry points; nothing of theirs is imported."""
    return tuple(sorted(_entries(group).names))


def distributions_of(group: str) -> dict[str, str]:
    """The distributions behind a group's names, as they are shown."""
    entries = _entries(group)
    return {name: _distributions(entries.select(name=name)) for name in sorted(entries.names)}


def make(group: str, name: str, hook: Callable[..., Any], expected: type, arguments: Mapping[str, Any]) -> Any:
    """The object that the entry point ``name`` makes; None where no distribution has one.

    Args:
        group: `ENGINES` or `PROTOCOLS`.
        name: the entry point's name.
        hook: the specification of the group's hook.
        expected: the class that the object has to be of.
        arguments: those of the group's hook.

    Raises:
        ConfigError: two distributions have that name, or the entry point is broken; it names the distribution.
    """
    found = _entries(group).select(name=name)
    if not found:
        return None
    shown = f"{name!r} (entry point in {group} of {_distributions(found)})"
    if len({_distribution(one) for one in found}) > 1:
        raise ConfigError(f"{shown}: one distribution is expected; uninstall the others")
    try:
        made = _call(group, name, hook, arguments)
    except ImageJudgeError:
        raise  # in the words of whoever gives it
    except Exception as error:
        raise ConfigError(f"{shown} can't be used: {type(error).__name__}: {error}") from error
    if not isinstance(made, expected):
        raise ConfigError(
            f"{shown}: an object of {expected.__module__}.{expected.__qualname__} is expected of its hook "
            f"{hook.__name__}, not {'none' if made is None else type(made).__qualname__}"
        )
    return made


def _call(group: str, name: str, hook: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    import pluggy

    specification = ModuleType(PROJECT)
    setattr(specification, hook.__name__, hook)
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(specification)
    manager.load_setuptools_entrypoints(group, name)
    return getattr(manager.hook, hook.__name__)(**arguments)


def _entries(group: str) -> EntryPoints:
    from importlib.metadata import entry_points  # takes a while to import

    return entry_points(group=group)


def _distributions(found: EntryPoints) -> str:
    return " and ".join(sorted({_distribution(one) for one in found}))


def _distribution(entry: EntryPoint) -> str:
    return "an unknown distribution" if entry.dist is None else f"{entry.dist.name} {entry.dist.version}"
