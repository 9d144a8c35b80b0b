"""A comparison of two runs as a page, pictures side by side, or as Markdown."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..support.escaping import for_markdown
from ..support.words import plural
from ..taxonomy import show
from .templating import fill
from .thumbnails import Thumbnails

if TYPE_CHECKING:
    from ..statistics.comparison import Comparison


_BUDGET = 20 * 2**20  # bytes of all pictures


def to_html(found: Comparison) -> str:
    """Draw the comparison as one page without scripts or network."""
    pictures = Thumbnails(Path.cwd(), _BUDGET)
    numbers = [(pictures.add(move.before_image), pictures.add(move.after_image)) for move in found.moved]
    made = list(pictures.make())
    moves = [
        (move, [("", "no picture") if number is None else made[number] for number in pair])
        for move, pair in zip(found.moved, numbers, strict=True)
    ]
    return fill("compare.html", found=found, moves=moves, show=show, plural=plural)


def to_markdown(found: Comparison) -> str:
    """Write the comparison as Markdown for a pull request; prompts and names are escaped."""
    lines = [f"## {_cell(found.b)} against {_cell(found.a)}", "", f"{plural(found.pairs, 'pair')}. {found.method}.", ""]
    if found.gate is not None:
        lines += [f"**Gate {found.gate}** (no drop of more than {found.max_drop:g})", ""]
    lines += ["| | n | before | after | change | interval | |", "|---|--:|--:|--:|--:|:-:|---|"]
    for row in found.rows:
        interval = "" if row.low is None or row.high is None else f"{row.low:+.2f} to {row.high:+.2f}"
        words = f"{row.outcome}: {row.detail}" if row.outcome else row.detail
        figures = [_number(row.before, ".2f"), _number(row.after, ".2f"), _number(row.change, "+.2f")]
        lines.append(f"| {' | '.join([_cell(show(row.path)), str(row.n), *figures, interval, _cell(words)])} |")
    if found.moved:
        lines += ["", "### Largest changes", "", "| change | before | after | prompt |", "|--:|--:|--:|---|"]
        for move in found.moved:
            name = f"{move.id}: {move.prompt}" if move.id is not None else move.prompt
            lines.append(f"| {move.change:+.2f} | {move.before:.2f} | {move.after:.2f} | {_cell(name)} |")
    for words, labels in ((f"Only in {found.a}", found.only_a), (f"Only in {found.b}", found.only_b)):
        if labels:
            lines += ["", f"{_cell(words)} ({len(labels)}): {', '.join(_cell(label) for label in labels[:20])}"]
    lines += [f"\nWarning: {_cell(line)}" for line in found.warnings]
    return "\n".join(lines) + "\n"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _cell(text: str) -> str:
    return for_markdown(text, 300)
