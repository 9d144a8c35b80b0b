"""A comparison of two runs as a page, pictures side by side, or as Markdown."""

from __future__ import annotations

from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from ..support.escaping import for_markdown
from ..support.words import plural, some
from ..taxonomy import show
from .gate_words import outcome_words, sign_of
from .outcome_styles import SIGNS
from .templating import fill
from .thumbnails import Thumbnails

if TYPE_CHECKING:
    from ..statistics.baseline import BaselineRow
    from ..statistics.comparison import Comparison, Move


_BUDGET = 20 * 2**20  # bytes of all pictures


def to_html(found: Comparison) -> str:
    """Draw the comparison as one page without scripts or network."""
    pictures = Thumbnails(Path.cwd(), _BUDGET)
    numbers = [(pictures.add(move.before_image), pictures.add(move.after_image)) for move in found.moved]
    made = list(pictures.make())
    moves = [
        (move, [("", why) if number is None else made[number] for number, why in zip(pair, _absent(move), strict=True)])
        for move, pair in zip(found.moved, numbers, strict=True)
    ]
    return fill(
        "compare.html",
        found=found,
        moves=moves,
        show=show,
        plural=plural,
        gate=gate_words,
        words=row_words,
        sign=sign_of,
        called=move_name,
        figures=moved_figures(found),
    )


def _absent(move: Move) -> tuple[str, str]:
    """Say why there is no picture before, and after, where there is none."""
    over = "the later run wrote over this file; --judge-pictures keeps a copy beside each report"
    before = over if move.written_over else "no picture; for those of a baseline name --baseline-pictures DIR"
    return before, "no picture"


def to_markdown(found: Comparison) -> str:
    """Write the comparison as Markdown for a pull request; prompts and names are escaped."""
    lines = [f"## {_cell(found.b)} against {_cell(found.a)}", "", f"{plural(found.pairs, 'pair')}, {found.method}.", ""]
    if found.gate is not None:
        lines += [f"{SIGNS[found.gate]} **{_cell(gate_words(found))}**", ""]
    if found.outcomes.n:
        lines += [f"By their bounds: {_cell(found.outcomes.detail)}.", ""]
    lines += ["| | n | before | after | change | interval | |", "|---|--:|--:|--:|--:|:-:|---|"]
    for row in found.rows:
        interval = "" if row.low is None or row.high is None else f"{row.low:+z.2f} to {row.high:+z.2f}"
        figures = [_number(row.before, ".2f"), _number(row.after, ".2f"), _number(row.change, "+z.2f")]
        cells = [_cell(show(row.path)), str(row.n), *figures, interval, _cell(row_words(row))]
        lines.append(f"| {' | '.join(cells)} |")
    if found.moved:
        lines += ["", f"### Largest changes of {moved_figures(found)}", ""]
        lines += ["| image | before | after | change |", "|---|--:|--:|--:|"]
        for move in found.moved:
            name = _cell(move_name(move))
            lines.append(f"| {name} | {move.before:.2f} | {move.after:.2f} | {move.change:+z.2f} |")
    for words, labels in ((f"Only in {found.a}", found.only_a), (f"Only in {found.b}", found.only_b)):
        if labels:
            lines += ["", f"{_cell(words)} ({len(labels)}): {some([_cell(label) for label in labels], 20)}"]
    lines += [f"\nWarning: {_cell(line)}" for line in found.warnings]
    return "\n".join(lines) + "\n"


def move_name(move: Move) -> str:
    """Name an image that changed: by its ID and prompt, else by its file."""
    words = move.prompt if move.id is None else f"{move.id}: {move.prompt}".removesuffix(": ")
    return words or PurePath(move.after_image.replace("\\", "/")).name or "an image without a prompt"


def moved_figures(found: Comparison) -> str:
    """Name the figures by which the largest changes are told."""
    names = dict.fromkeys(_FIGURES.get(tuple(move.path), show(move.path)) for move in found.moved)
    return " and ".join(names)


_FIGURES: dict[tuple[str, ...], str] = {
    ("total",): "the total",
    ("score",): "an edit's score",
    ("mean of L1",): "the mean of the dimensions",
}


def row_words(row: BaselineRow) -> str:
    """Say a row's outcome, if it has one, and why."""
    return f"{outcome_words(row.outcome, row.gate)}: {row.detail}" if row.outcome else row.detail


def gate_words(found: Comparison) -> str:
    """Say what the gate came to, on one line, and what by."""
    names = []
    for row in found.rows:
        if row.gate == "failed" and row.outcome == "undecided":
            why = "the mean decided" if found.on_undecided == "mean" else f"on_undecided = {found.on_undecided}"
            names.append(f"{show(row.path)} (undecided: {why})")
        elif row.gate == "failed" or row.outcome == found.gate == "undecided":
            names.append(show(row.path))
    if not any(row.gate for row in found.rows):
        names.append(f"{found.a} has no total, L1 or score of an edit")
    if found.reworded:
        names.append(f"{len(found.reworded)} with another prompt or other dimensions")
    if found.unread:
        names.append(f"{plural(found.unread, 'row')} of {found.b} can't be read")
    why = f": {', '.join(names)}" if names else ""
    return f"Gate (no drop of more than {found.max_drop:g}): {found.gate}{why}"


def _number(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _cell(text: str) -> str:
    return for_markdown(text, 300)
