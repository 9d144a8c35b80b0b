"""One image or edit as plain text, for reports of other tools: outcome, causes, scores, the tree."""

from __future__ import annotations

from ..report.model import AnyEntry, EditEntry, VerdictEntry
from ..support.escaping import escape
from . import explanations
from .terminal_failure import failure_text

WIDTH = 100  # columns


def entry_text(entry: AnyEntry, *, tree: bool = True) -> str:
    """Describe an entry on several lines; without ``tree`` its dimensions stand on one line."""
    lines = [f"{escape(explanations.title(entry))}: {escape(explanations.headline(entry))}"]
    if isinstance(entry, EditEntry) and not entry.error:
        figures = {"score": entry.score, **entry.aspects}
        given = [f"{escape(name)} {value:.2f}" for name, value in figures.items() if value is not None]
        lines.append(f"scores: {', '.join(given)}" if given else "no score")
    text = failure_text(entry, width=WIDTH, color=False, encoding="utf-8", tree=tree)
    return "\n".join([*lines, "", text.strip("\n"), ""])


def pictures_of(entry: AnyEntry) -> list[tuple[str, str]]:
    """Label and path of each picture of an entry that has a file."""
    if isinstance(entry, VerdictEntry):
        found = [("Image", entry.image)]
    else:
        found = [("Edited", entry.edited_image), ("Source", entry.source_image)]
    return [(label, path) for label, path in found if path]
