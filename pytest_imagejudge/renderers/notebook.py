"""One verdict for a terminal or a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from ..report.model import VerdictEntry
from ..support.escaping import escape
from .explanations import found_words, headline
from .terminal_failure import clip_prompt
from .tree_drawing import glyphs_for, image_lines, stream_encoding
from .tree_rows import tree_rows

if TYPE_CHECKING:
    from ..scoring.verdict import Verdict


def verdict_tree(verdict: Verdict) -> RenderableType:
    """Draw one verdict with rich."""
    glyphs = glyphs_for(stream_encoding())
    entry = _entry(verdict)
    head = Text(clip_prompt(escape(entry.prompt)), style="bold")
    if entry.error:
        return Group(head, Text(escape(headline(entry)), style="red"))
    found = [Text(f"found: {escape(found_words(each))}", style="yellow") for each in entry.findings]
    return Group(head, *found, *image_lines(entry, glyphs, 100))


def verdict_html(verdict: Verdict) -> str:
    """Draw one verdict as HTML for a notebook: a table without script or style sheet."""
    from .templating import fill

    entry = _entry(verdict)
    found = [found_words(each) for each in entry.findings]
    shown = [] if entry.error else tree_rows([entry]).walk()
    kept = [row for row in shown if row.state != "not asked" and (len(row.path) < 2 or row.state != "N/A")]
    return fill("verdict.html", prompt=clip_prompt(entry.prompt), error=entry.error, found=found, rows=kept)


def _entry(verdict: Verdict) -> VerdictEntry:
    from ..report.entry import entry_of

    entry = entry_of(verdict, None)
    assert isinstance(entry, VerdictEntry)
    return entry
