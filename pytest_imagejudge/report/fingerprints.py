"""Fingerprints of judges, and their fields that decide an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Facts that an endpoint tells of its answers, each a word, or several with a comma between them.
TOLD = ("served_model", "system_fingerprint")
# What gave an answer, but does not decide it: another one is worth a warning, no more.
NOT_DECIDING = frozenset(
    {"engine", "engine_version", "engine_versions", "version", "url", "urls", "created", "notes", *TOLD}
)


def deciding(fingerprint: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a fingerprint that decides answers: all but the engine, its version and address."""
    return {key: item for key, item in fingerprint.items() if key not in NOT_DECIDING}


def told(fingerprint: Mapping[str, Any], name: str) -> list[str]:
    """Return the values of a fact in `TOLD`; none where no endpoint told any."""
    return [value for value in str(fingerprint.get(name) or "").split(", ") if value]
