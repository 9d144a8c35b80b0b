"""Logs of the HTTP client without secrets: it logs the URL of each request, which may hold a key, and headers."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from .address import mask

# Of httpx and httpcore; a filter of a logger does not see what its children log.
LOGGERS = ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "http2", "proxy", "socks")))


class _Mask(logging.Filter):
    def __init__(self) -> None:
        super().__init__()
        self.secrets: frozenset[str] = frozenset()

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        masked = mask(text, self.secrets)
        if masked != text:
            record.msg, record.args = masked, ()
        return True


_MASK = _Mask()


def mask_in_logs(secrets: Iterable[str]) -> None:
    """Mask ``secrets`` in all that the HTTP client logs from now on."""
    _MASK.secrets |= frozenset(secrets)
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_MASK)
