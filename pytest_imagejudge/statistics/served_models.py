"""Models behind a name: those that an endpoint says have answered, and whether they are others than before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..report.fingerprints import TOLD, told

# keys of a baseline's environment, each with the name that was asked for after it
_KEYS = dict(zip(TOLD, ("served model of ", "system_fingerprint of "), strict=True))


def served_models(fingerprints: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return what endpoints told of the models that answered, for a baseline's environment, sorted."""
    found: dict[str, set[str]] = {}
    for fingerprint in fingerprints:
        for name, key in _KEYS.items():
            for value in told(fingerprint, name):
                found.setdefault(f"{key}{fingerprint.get('model')}", set()).add(value)
    return {key: sorted(found[key]) for key in sorted(found)}


def is_of_models(key: str) -> bool:
    """Tell whether a key of a baseline's environment is one of `served_models`."""
    return key.startswith(tuple(_KEYS.values()))


def other_models(there: Mapping[str, list[str]], here: Mapping[str, list[str]]) -> list[str]:
    """Return a line for each name with another model behind it, or with the same one in another setup.

    Args:
        there: the environment of the earlier run.
        here: that of this run. What one of them does not tell is not compared.
    """
    served, system = _KEYS.values()
    lines = []
    for key, after in here.items():
        if not (before := there.get(key)) or before == after:
            continue
        left, right = ", ".join(before), ", ".join(after)
        if key.startswith(served):
            name = key.removeprefix(served)
            lines.append(f"{name} was answered by {left} before, by {right} now: another model under the same name")
        elif key.startswith(system) and not set(after) <= set(before):
            name = key.removeprefix(system)
            if there.get(f"{served}{name}") == here.get(f"{served}{name}"):
                lines.append(f"other system_fingerprint of {name}: {left} before, {right} now (the setup may differ)")
    return lines
