"""Quotas of hosted servers: what a response says about when to ask again, and about quotas that are used up."""

from __future__ import annotations

import re
from collections.abc import Mapping

from .retries import LONGEST_WAIT, retry_after

# A length of time as OpenAI writes it, such as "6m0s", "12ms" or "1h2m3.5s"; Azure writes bare seconds.
# https://developers.openai.com/api/docs/guides/rate-limits (June 2026)
_NUMBER = r"(\d{1,9}(?:\.\d{1,12})?)"
_LENGTH = re.compile("".join(f"(?:{_NUMBER}{unit})?" for unit in ("d", "h", "m", "s", "ms")), re.ASCII)
_UNITS = (86_400.0, 3600.0, 60.0, 1.0, 0.001)
_DAY = re.compile(r"per[ _-]?(?:1[ _-])?day|daily|\b[rt]pd\b", re.IGNORECASE)
_MINUTE = re.compile(r"per[ _-]?(?:1[ _-])?min|\b[rt]pm\b", re.IGNORECASE)
# Google lists the quotas that a request violates, those of a minute beside those of a day.
_DAY_OF_GOOGLE = re.compile(r'"quotaId"\s*:\s*"\w*PerDay')
_AGAIN = ("retry", "try again")


def pause_asked(status: int, headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a response asks to wait for, or None.

    ``retry-after-ms`` (OpenAI, Azure) is finer than ``Retry-After``, which is a number or a date. With neither, a 429
    says when the limit that was reached is reset in full: the latest time at which another request is let in.
    """
    after = _seconds(headers.get("retry-after-ms", ""))
    if after is not None:
        return after / 1000
    after = retry_after(headers.get("retry-after"))
    return _until_reset(headers) if after is None and status == 429 else after


def used_up(body: str) -> bool:
    """Return True where "too many requests" is about money or a day, so that waiting does not help.

    Google speaks of billing at each limit, also at those of a minute, and Groq links to it. Both say when to try again.
    """
    text = body.lower()
    if ("insufficient_quota" in text or "billing" in text) and not any(words in text for words in _AGAIN):
        return True
    return bool(_DAY_OF_GOOGLE.search(body)) or bool(_DAY.search(body) and not _MINUTE.search(body))


def _until_reset(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until the limit that was reached is reset, a minute at most.

    Of tokens some may remain, fewer than a request needs. Requests may be counted by the day (Groq), so their reset
    counts only where none remains.
    """
    spent = {kind: headers.get(f"x-ratelimit-remaining-{kind}", "").strip() == "0" for kind in ("requests", "tokens")}
    kinds = [kind for kind, none in spent.items() if none] or ["tokens"]
    resets = [_seconds(headers.get(f"x-ratelimit-reset-{kind}", "")) for kind in kinds]
    return min(max((reset for reset in resets if reset is not None), default=None) or 0.0, LONGEST_WAIT) or None


def _seconds(value: str) -> float | None:
    """Return a length of time in seconds, or None where ``value`` is none."""
    if re.fullmatch(_NUMBER, value.strip(), re.ASCII):
        return float(value)
    found = _LENGTH.fullmatch(value.strip())
    if not found or not any(found.groups()):
        return None
    return sum(float(part) * unit for part, unit in zip(found.groups(), _UNITS, strict=True) if part)
