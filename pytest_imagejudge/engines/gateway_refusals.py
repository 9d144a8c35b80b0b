"""Refusals by a gateway itself that name another cause than theirs, or that have another status than usual.

Seen with LiteLLM 1.100.5 (tests/real_servers/test_litellm.py).
"""

from __future__ import annotations

from ..settings import API_KEY_VARIABLE


def unknown_model(body: str) -> bool:
    """Tell whether a gateway has no model of the name that was asked for, which LiteLLM says with HTTP 400."""
    return "Invalid model name passed in model=" in body


def unknown_key(body: str) -> str:
    """Return a hint where a gateway does not know the key and speaks of a database; else an empty string."""
    if "no_db_connection" not in body:
        return ""
    return f" (a LiteLLM proxy without a database says so of a key that it does not know: check {API_KEY_VARIABLE})"
