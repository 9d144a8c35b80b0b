"""One verdict for a terminal or a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from ..report.model import VerdictEntry
from ..support.escaping import escape
from .terminal_failure import clip_prompt
from .tree_drawing import glyphs_for, image_table, stream_encoding
from .tree_rows import tree_rows

if TYPE_CHECKING:
    from ..scoring.verdict import Verdict


def verdict_tree(verdict: Verdict) -> RenderableType:
    """One verdict as a rich renderable."""
    glyphs = glyphs_for(stream_encoding())
    entry = _entry(verdict)
    head = Text(clip_prompt(escape(entry.prompt)), style="bold")
    if entry.error:
        return Group(head, Text(f"not judged: {escape(entry.error)}", style="red"))
    return Group(head, image_table(entry, glyphs, 100))


def verdict_html(verdict: Verdict) -> str:
    """One verdict as HTML for a notebook: a table without script or style sheet."""
    from html import escape as html

    entry = _entry(verdict)
    lines = [f"<p><strong>{html(clip_prompt(escape(entry.prompt)))}</strong></p>"]
    if entry.error:
        return f"{lines[0]}<p>not judged: {html(escape(entry.error))}</p>"
    lines.append("<table><thead><tr><th>dimension</th><th>score</th><th>raw</th><th>evidence</th></tr></thead><tbody>")
    for row in tree_rows([entry]).walk():
        if row.state == "not asked" or (len(row.path) > 1 and row.state == "N/A"):
            continue
        score = f"{row.mean:.1f}" if row.mean is not None else row.state
        indent = "&emsp;" * len(row.path)
        raw = next(iter(row.counts), "")
        lines.append(
            f'<tr><td style="text-align:left">{indent}{html(row.name)}</td><td>{score}</td><td>{raw}</td>'
            f'<td style="text-align:left">{html(escape(row.evidence))}</td></tr>'
        )
    return "\n".join([*lines, "</tbody></table>"])


def _entry(verdict: Verdict) -> VerdictEntry:
    from ..report.entry import entry_of

    entry = entry_of(verdict, None)
    assert isinstance(entry, VerdictEntry)
    return entry
