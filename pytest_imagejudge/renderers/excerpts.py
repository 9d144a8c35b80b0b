"""Excerpts of what a judge wrote, short enough to stand beside a score."""

from __future__ import annotations

import re

EXCERPT = 320  # characters of the judge's evidence, or of its reasoning where it gave none, that are shown


def clipped(evidence: str, most: int = EXCERPT) -> str:
    """The start of a judge's words; one that was told to write a sentence may write a page."""
    return evidence if len(evidence) <= most else f"{evidence[:most].rstrip()} …"


def excerpt(reasoning: str, name: str, most: int = EXCERPT) -> str:
    """Cut the reasoning to one paragraph: from the last mention of ``name`` on, else the end."""
    text = " ".join(reasoning.split())
    if len(text) <= most:
        return text
    at = max((match.start() for match in re.finditer(re.escape(name), text, re.IGNORECASE)), default=-1) if name else -1
    if at < 0:
        tail = text[-most:]
        start = re.search(r"[.!?。！？]\s*", tail)
        return "… " + tail[start.end() if start and start.end() < most // 2 else 0 :]
    stop = max(text.rfind(mark, 0, at) for mark in ".!?。！？\n")
    start_at = stop + 1 if 0 <= at - stop < 120 else at
    piece = text[start_at : start_at + most].strip()
    return ("… " if start_at else "") + piece + (" …" if start_at + most < len(text) else "")
