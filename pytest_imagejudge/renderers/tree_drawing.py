"""Drawing of the checklist's tree with rich: glyphs, bars, encodings."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rich.console import Console, Group, OverflowMethod, RenderableType
from rich.text import Text

from ..report.lookup import may_not_fail
from ..report.model import VerdictEntry
from ..support.escaping import escape
from ..support.words import plural
from ..taxonomy import from_written
from . import explanations
from .excerpts import clipped
from .text_lines import fits, in_columns
from .tree_rows import TreeRow, tree_rows


@dataclass(frozen=True)
class Glyphs:
    """Characters that the tree is drawn with."""

    branch: str
    last: str
    down: str
    full: str
    parts: str  # eighths of a cell
    rest: str
    mark: str
    bad: str
    good: str
    unsure: str
    dot: str
    overflow: OverflowMethod  # of what is too wide


UNICODE = Glyphs("├─ ", "└─ ", "│  ", "█", " ▏▎▍▌▋▊▉", "·", "┃", "✗", "✓", "?", " · ", "ellipsis")


ASCII = Glyphs("|- ", "`- ", "|  ", "#", " ", ".", "|", "x", "+", "?", " - ", "crop")


def suite_lines(root: TreeRow, glyphs: Glyphs, width: int, verbosity: int) -> list[Text]:
    """Draw the tree over many images, one line a row: n, mean, bound, bar, and failures.

    Where there is little room the bars go first, then the ends of names. A `Table` of rich takes several times as long
    for so many rows.
    """
    cells = max(10, min(40, width - 66))
    heads = ("", "n", "mean", "bound", "0" + "100".rjust(cells - 1), "")
    rows = [[Text(head, "dim") for head in heads]]
    for row, guide in _visible(root, glyphs, verbosity):
        drawn = _cells(row, guide, glyphs, cells)
        if verbosity < 0 and row.path and not drawn[-1]:  # what is wrong below would not be seen
            names = [each.name for each in row.walk() if each.missed or each.lost]
            drawn[-1].append(f"{glyphs.bad} {', '.join(names)}" if names else "", "bold red")
        rows.append(drawn)
    widths = [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)]
    notes = min(widths[-1], 12)
    if sum(widths[:-1]) + notes + 5 > width:
        widths[-2] = 0
    widths[0] = min(widths[0], max(20, width - sum(widths[1:-1]) - notes - 5))
    return [_line(row, widths, glyphs, width) for row in rows]


def _line(row: list[Text], widths: list[int], glyphs: Glyphs, width: int) -> Text:
    name, *figures, bar, notes = row
    name.truncate(widths[0], overflow=glyphs.overflow, pad=True)
    for figure, room in zip(figures, widths[1:4], strict=True):
        figure.pad_left(room - figure.cell_len)
    bar.truncate(widths[4], overflow="crop", pad=True)
    bars = widths[4] and not notes.no_wrap  # the reason why a facet does not apply takes the place of its bar
    line = Text(" ", no_wrap=True).join([name, *figures, bar, notes] if bars else [name, *figures, notes])
    line.truncate(width, overflow=glyphs.overflow)
    return line


def _visible(root: TreeRow, glyphs: Glyphs, verbosity: int) -> Iterator[tuple[TreeRow, str]]:
    yield root, ""
    yield from _below(root, "", glyphs, verbosity)


def _below(row: TreeRow, guide: str, glyphs: Glyphs, verbosity: int) -> Iterator[tuple[TreeRow, str]]:
    for child in row.children:
        last = child is row.children[-1]
        yield child, guide + (glyphs.last if last else glyphs.branch)
        shown = verbosity >= 0 and (not child.uniform or verbosity > 0)
        if shown and not _says_the_same(child):
            yield from _below(child, guide + ("   " if last else glyphs.down), glyphs, verbosity)


def _says_the_same(row: TreeRow) -> bool:
    """Tell whether an L2 has only one facet, of the same name and figure, so that one line shows both."""
    only = row.children[0] if len(row.children) == 1 else None
    return only is not None and only.name == row.name and only.bound in (None, row.bound) and not only.failed


def _cells(row: TreeRow, guide: str, glyphs: Glyphs, cells: int) -> list[Text]:
    row = _merged(row)
    dim = not row.n and not row.unread
    style = "dim" if dim else "bold" if len(row.path) < 2 else ""
    name = Text.assemble((guide, "dim"), (row.name, style))
    if dim:
        reason = escape(row.absent)
        notes = Text((_size(row) or reason) if row.path else "", "dim", no_wrap=bool(reason))
        return [name, Text(), Text(row.shown, "dim"), _bound(row), Text(), notes]
    wrong = row.wrong if row.path or not row.failed else row.wrong[:1]  # the first line says the rest of the total
    notes = Text(f"{glyphs.bad} {', '.join(wrong)}" if wrong else "", "bold red")
    if row.counts.get("0") and not row.failed:
        notes.append(", " if notes else "").append(f"{row.counts['0']} at 0", "dim")
    mean = Text("-" if row.mean is None else f"{row.mean:.1f}", "bold red" if row.low else "")
    return [name, Text(str(row.n)), mean, _bound(row), _bar(row, glyphs, cells), notes]


def _merged(row: TreeRow) -> TreeRow:
    """Copy the counts and words of an L2's only facet to the L2's row, where the two share a line."""
    if not _says_the_same(row):
        return row
    only = row.children[0]
    return replace(row, counts=only.counts, evidence=only.evidence, absent=only.absent)


def _size(row: TreeRow) -> str:
    facets = sum(len(each.path) == 3 for each in row.walk())
    return plural(facets, "facet") if facets > 1 else ""


def _bound(row: TreeRow) -> Text:
    return Text(row.shown_bound, "dim")


def _bar(row: TreeRow, glyphs: Glyphs, cells: int) -> Text:
    if row.mean is None:
        return Text()
    share = min(max(row.mean / 100, 0.0), 1.0) * cells
    full = int(share)
    part = glyphs.parts[int((share - full) * len(glyphs.parts))] if full < cells else ""
    bar = (glyphs.full * full + part.strip()).ljust(cells, glyphs.rest)
    text = Text(bar, style="red" if row.low else "green" if row.bound is not None and not row.failed else "cyan")
    text.stylize("dim", full + len(part.strip()))
    if row.tick is not None:
        at = min(int(row.tick / 100 * cells), cells - 1)
        text = text[:at] + Text(glyphs.mark, "bold") + text[at + 1 :]
    return text


def image_lines(entry: VerdictEntry, glyphs: Glyphs, width: int) -> list[Text]:
    """Draw the tree of one image: score, raw score, missed bounds, the judge's words."""
    bounds = {from_written(breach.path): breach.bound for breach in entry.breaches}
    root = tree_rows([entry], bounds)
    rows = [[Text(), Text("score", "dim"), Text("raw", "dim"), Text()]]
    for row, guide, grouped in _image_rows(root, "", glyphs):
        if grouped:
            rows.append(
                [Text(guide + "the rest", "dim"), Text(row.state, "dim"), Text(), Text(", ".join(grouped), "dim")]
            )
            continue
        row = _merged(row)
        style = "dim" if row.state in ("N/A", "not asked") else "bold" if len(row.path) < 2 else ""
        score = Text(f"{row.mean:.1f}" if row.mean is not None else {"no total": "N/A"}.get(row.state, row.state))
        score.stylize("bold red" if row.failed or row.state == "unreadable" else "dim" if row.mean is None else "")
        raw = next(iter(row.counts), "")
        notes = Text.assemble(
            (f"{glyphs.bad} {_missed(row)}  " if row.failed else "", "bold red"),
            (escape(" ".join(clipped(row.evidence).split())), "" if raw == "0" else "dim"),
        )
        notes.no_wrap = raw == "N/A"  # the reason why it does not apply, on one line
        raw_text = Text(raw if raw != "N/A" else "", "red" if raw == "0" else "")
        rows.append([Text.assemble((guide, "dim"), (row.name, style)), score, raw_text, notes])
    widths = [max(cell.cell_len for cell in column) for column in zip(*rows, strict=True)][:-1]
    widths[0] = min(widths[0], max(20, width - sum(widths[1:]) - 15))
    lines: list[Text] = []
    for name, score, *rest in rows:
        name.truncate(widths[0], overflow=glyphs.overflow)
        score.pad_left(widths[1] - score.cell_len)
        if rest[-1].no_wrap:
            rest[-1].truncate(max(1, width - sum(widths) - len(widths)), overflow=glyphs.overflow)
        lines += in_columns([name, score, *rest], widths, width)
    return lines


def _missed(row: TreeRow) -> str:
    strict = row.bound is not None and may_not_fail(row.path, row.bound)
    return explanations.AT_LEAST_ONE if strict else f"bound {row.shown_bound}"


def _image_rows(row: TreeRow, guide: str, glyphs: Glyphs) -> Iterator[tuple[TreeRow, str, list[str]]]:
    """Yield row, guide and, where siblings that lack a figure for one reason share a line, their names."""
    if not row.path:
        yield row, "", []
    single: list[list[TreeRow]] = []
    for child in row.children:
        beside = single[-1][0] if single and row.path else None
        if beside is not None and _alike(child, beside):
            single[-1].append(child)
        else:
            single.append([child])
    for group in single:
        first, last = group[0], group is single[-1]
        yield first, guide + (glyphs.last if last else glyphs.branch), [one.name for one in group] if group[1:] else []
        if not (first.uniform and not first.explained) and not _says_the_same(first):
            yield from _image_rows(first, guide + ("   " if last else glyphs.down), glyphs)


def _alike(one: TreeRow, two: TreeRow) -> bool:
    """Tell whether two rows lack all figures for one reason, and the judge said no more of it."""
    return all(row.uniform and not row.explained for row in (one, two)) and one.state == two.state


# A workflow command of GitHub's runner: two colons at the start of a line, white space aside. Wrapping could put
# those of a prompt there.
_COMMAND = re.compile(r"^((?:\s|\x1b\[[0-9;]*m)*)::")


def stream_encoding() -> str:
    """The encoding of the real standard output, which capturing does not change."""
    return getattr(sys.__stdout__, "encoding", None) or "utf-8"


def glyphs_for(encoding: str) -> Glyphs:
    """Choose box-drawing characters where the encoding has them, else ASCII."""
    try:
        "├└│█▏·┃✗✓".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def draw(parts: Sequence[RenderableType], width: int, color: bool, encoding: str, *, crop: bool = True) -> str:
    """Draw ``parts`` below each other, in characters that ``encoding`` has; the text ends with one newline.

    Without ``crop`` lines that must not be wrapped may be wider than the terminal.
    """
    file = io.StringIO()
    width = max(width, 40)
    console = Console(
        file=file,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        no_color=not color,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
        soft_wrap=False,
        _environ={},
    )
    for part in parts:
        if not color and isinstance(part, Text) and fits(part, width):
            file.write(part.plain + "\n")  # as the console would, which takes much longer
        else:
            console.print(Group(part), crop=crop)  # without a group a text would lose its own way to wrap
    lines = [_COMMAND.sub(r"\1: :", line.rstrip()).replace("##[", "## [") for line in file.getvalue().split("\n")]
    text = "\n".join(lines).rstrip("\n") + "\n"
    if glyphs_for(encoding) is ASCII:
        text = text.replace("…", "...")
    try:
        return text.encode(encoding, "backslashreplace").decode(encoding)
    except LookupError:
        return text.encode("ascii", "backslashreplace").decode("ascii")
