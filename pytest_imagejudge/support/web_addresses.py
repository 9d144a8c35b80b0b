"""Addresses that a page may link to."""

from __future__ import annotations

from urllib.parse import urlsplit

_LONGEST = 2_000  # characters


def web_address(text: str) -> str:
    """Return ``text`` where it is an address of http or https without a user's name; else an empty text."""
    try:
        parts = urlsplit(text)
        plain = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        return ""
    return text if plain and len(text) <= _LONGEST and text.isprintable() else ""
