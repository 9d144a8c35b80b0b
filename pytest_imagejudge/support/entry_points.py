"""Entry points of other distributions: listed by name, imported when used."""

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
    """Return the names of a group's entry points, without importing them."""
    return tuple(sorted(_entries(group).names))


def distributions_of(group: str) -> dict[str, str]:
    """Return the distributions behind a group's names, for messages."""
    entries = _entries(group)
    return {name: _distributions(entries.select(name=name)) for name in sorted(entries.names)}


def make(group: str, name: str, hook: Callable[..., Any], expected: type, arguments: Mapping[str, Any]) -> Any:
    """Make the object of the entry point ``name``; None where no distribution has it.

    Args:
        group: `ENGINES` or `PROTOCOLS`.
        name: the entry point's name.
        hook: the specification of the group's hook.
        expected: the class of the object.
        arguments: for the hook.

    Raises:
        ConfigError: two distributions have that name, or the entry point is broken; names the distribution.
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
