"""Reports for the terminal, drawn by rich: the tree over all images, why one failed, one verdict.

Everything that comes from outside is escaped and enters rich as `Text`, never as markup.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..taxonomy import FACETS, Path, show
from ..untrusted import escape
from . import rows, why
from .model import Breach, EditEntry, Report, SuiteRow, VerdictEntry

if TYPE_CHECKING:
    from ..verdict import Verdict

MOST_PROMPT = 600  # characters of a prompt that are shown


@dataclass(frozen=True)
class Glyphs:
    """What the tree is drawn with."""

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
    below: str
    dot: str


UNICODE = Glyphs("├─ ", "└─ ", "│  ", "█", " ▏▎▍▌▋▊▉", "·", "┃", "✗", "✓", "?", "<", " · ")
ASCII = Glyphs("|- ", "`- ", "|  ", "#", " ", ".", "|", "x", "+", "?", "<", " - ")


def suite_tree(
    report: Report,
    bounds: Mapping[tuple[str, ...], float],
    *,
    width: int,
    color: bool,
    verbosity: int,
    encoding: str | None = None,
) -> str:
    """The summary over all images: run, tree, suite bounds and baseline; ends with a newline.

    Args:
        report: the run.
        bounds: of the profile, by path; the total's under ``()`` or ``("total",)``, an edit's under ``("score",)``.
        width: columns.
        color: whether to write ANSI colours.
        verbosity: below 0 only the L1; above 0 every facet, N/A ones too.
        encoding: of the stream that will show it; None is that of the standard output.
    """
    encoding = encoding or _encoding()
    glyphs = _glyphs(encoding)
    parts: list[RenderableType] = [*_run_lines(report, glyphs)]
    if report.verdicts:
        root = rows.tree(report.verdicts, bounds)
        parts += [_tree_table(root, glyphs, width, verbosity)]
        parts += _partial_lines(report, root)
    if report.edits:
        parts.append(_edits_table(report, bounds, glyphs, width))
    parts += _suite_lines(report.suite, glyphs)
    parts += _baseline_lines(report.baseline, glyphs)
    return _print(Group(*parts), width, color, encoding)


def failure_text(entry: VerdictEntry | EditEntry, *, width: int, color: bool, encoding: str | None = None) -> str:
    """Why one image failed: what broke first and why, where the image is, what to do, and its tree."""
    encoding = encoding or _encoding()
    glyphs = _glyphs(encoding)
    parts: list[RenderableType] = [*_breach_lines(entry, glyphs)]
    if entry.error:
        parts.append(Text.assemble(("not judged: ", "bold red"), escape(entry.error)))
    for path in entry.unreadable:
        parts.append(Text.assemble(("unreadable: ", "bold red"), escape(show(path))))
    if entry.not_applicable:
        names = ", ".join(why.place(path) for path in entry.not_applicable)
        parts.append(Text(f"bounded, but not applicable to this image: {escape(names)}", style="yellow"))
    for problem in entry.problems:
        detail = f": {problem.detail}" if problem.detail else ""
        where = f" ({show(problem.path)})" if problem.path else ""
        parts.append(Text(escape(f"problem: {problem.kind}{where}{detail}"), style="dim"))
    parts.append(Text())
    parts.append(_facts(entry))
    if words := why.advice(entry):
        parts += [Text(), Text(words, style="italic")]
    if isinstance(entry, VerdictEntry) and entry.level1:
        parts += [Text(), _image_tree(entry, glyphs, width)]
    return _print(Group(*parts), width, color, encoding)


def verdict_tree(verdict: Verdict) -> RenderableType:
    """One verdict as a rich renderable."""
    glyphs = _glyphs(_encoding())
    entry = entry_of(verdict)
    head = Text(_clip(escape(entry.prompt)), style="bold")
    if entry.error:
        return Group(head, Text(f"not judged: {escape(entry.error)}", style="red"))
    return Group(head, _image_tree(entry, glyphs, 100))


def verdict_html(verdict: Verdict) -> str:
    """One verdict as HTML for a notebook: a table without script or style sheet."""
    from html import escape as html

    entry = entry_of(verdict)
    lines = [f"<p><strong>{html(_clip(escape(entry.prompt)))}</strong></p>"]
    if entry.error:
        return f"{lines[0]}<p>not judged: {html(escape(entry.error))}</p>"
    lines.append("<table><thead><tr><th>dimension</th><th>score</th><th>raw</th><th>evidence</th></tr></thead><tbody>")
    for row in rows.tree([entry]).walk():
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


def entry_of(verdict: Verdict) -> VerdictEntry:
    """A verdict as a report's entry, without outcome, test or bounds."""
    from ..verdict import nested
    from .model import Facet, ProblemEntry

    return VerdictEntry(
        key=verdict.key,
        outcome="passed" if verdict.readable else "error",
        source=verdict.source,
        judged_at=verdict.judged_at,
        error=verdict.error,
        unreadable=[list(path) for path in verdict.unreadable],
        problems=[
            ProblemEntry(path=list(problem.path), kind=problem.kind, detail=problem.detail)
            for problem in verdict.problems
        ],
        fingerprint=dict(verdict.fingerprint),
        image=verdict.image,
        prompt=verdict.prompt,
        total=verdict.total,
        level1=verdict.level1,
        level2=verdict.level2,
        level3={
            one: {
                two: {
                    three: Facet(raw=facet.raw, score=facet.score, evidence=facet.evidence)
                    for three, facet in threes.items()
                }
                for two, threes in twos.items()
            }
            for one, twos in nested(verdict.level3).items()
        },
        answers=dict(verdict.answers),
    )


# The run


def _run_lines(report: Report, glyphs: Glyphs) -> Iterator[Text]:
    run = report.run
    entries = [*report.verdicts, *report.edits]
    failed = sum(entry.outcome == "failed" for entry in entries)
    errors = sum(entry.outcome == "error" for entry in entries)
    count = [_many(len(report.verdicts), "image")] if report.verdicts or not report.edits else []
    count += [_many(len(report.edits), "edit")] if report.edits else []
    line = Text(", ".join(count), style="bold")
    passed = len(entries) - failed - errors
    for number, word, style in (
        (failed, "failed", "bold red"),
        (errors, "not decided", "bold red"),
        (passed, "passed", "green"),
    ):
        if number:
            line.append(glyphs.dot, "dim").append(f"{number} {word}", style)
    yield line
    facts = [f"{_many(run.requests, 'request')}, {run.from_store} from the store"]
    asked = run.requests - run.from_store
    if run.prompt_tokens or run.output_tokens:
        cached = f" ({run.cached_prompt_tokens / run.prompt_tokens:.0%} cached)" if run.prompt_tokens else ""
        mean = f" (mean {run.output_tokens / asked:,.0f} an answer)" if asked > 0 else ""
        facts.append(f"{run.prompt_tokens:,} prompt tokens{cached}, {run.output_tokens:,} output tokens{mean}")
    if run.seconds:
        facts.append(f"{run.seconds:,.1f} s")
    yield Text(glyphs.dot.join(facts), style="dim")
    for judge in run.judges:
        versions = f"{glyphs.dot}{', '.join(judge.engine_versions)}" if judge.engine_versions else ""
        yield Text(escape(f"judge {judge.model}{versions}"), style="dim")
        if len(judge.engine_versions) > 1:
            yield Text(
                escape(f"warning: answers of several engine versions are mixed: {', '.join(judge.engine_versions)}"),
                style="yellow",
            )
    if run.restarts:
        words = f"warning: the judge's server died and was started again, {_many(run.restarts, 'time')}"
        yield Text(words, style="yellow")


def _partial_lines(report: Report, root: rows.Row) -> Iterator[Text]:
    if root.state != "no total":
        return
    names = {tuple(path) for judge in report.run.judges for path in getattr(judge, "measures", None) or ()}
    if names:
        yield Text(
            f"This judge measures {len(names)} of the {len(FACETS)} facets, so there is no total.", style="yellow"
        )
    else:
        scored = sum(len(row.path) == 3 and row.n > 0 for row in root.walk())
        yield Text(f"{scored} of the {len(FACETS)} facets were measured; this judge gives no total.", style="yellow")


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# The tree


def _tree_table(root: rows.Row, glyphs: Glyphs, width: int, verbosity: int) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim", width=width)
    table.add_column("", no_wrap=True, overflow="ellipsis" if glyphs is UNICODE else "crop")
    for head in ("n", "mean", "bound"):
        table.add_column(head, justify="right", no_wrap=True)
    cells = max(10, min(40, width - 66))
    table.add_column("0" + "100".rjust(cells - 1), no_wrap=True, width=cells)
    table.add_column("", ratio=1, no_wrap=True, overflow="ellipsis" if glyphs is UNICODE else "crop")
    for row, guide in _visible(root, glyphs, verbosity):
        table.add_row(*_cells(row, guide, glyphs, cells))
    return table


def _visible(root: rows.Row, glyphs: Glyphs, verbosity: int) -> Iterator[tuple[rows.Row, str]]:
    yield root, ""
    yield from _below(root, "", glyphs, verbosity)


def _below(row: rows.Row, guide: str, glyphs: Glyphs, verbosity: int) -> Iterator[tuple[rows.Row, str]]:
    for child in row.children:
        last = child is row.children[-1]
        yield child, guide + (glyphs.last if last else glyphs.branch)
        shown = verbosity >= 0 and (not child.uniform or verbosity > 0)
        if shown and not _says_the_same(child):
            yield from _below(child, guide + ("   " if last else glyphs.down), glyphs, verbosity)


def _says_the_same(row: rows.Row) -> bool:
    """An L2 whose only facet has its name and its figure: one line says both."""
    only = row.children[0] if len(row.children) == 1 else None
    return only is not None and only.name == row.name and only.bound in (None, row.bound) and not only.failed


def _cells(row: rows.Row, guide: str, glyphs: Glyphs, cells: int) -> list[Text]:
    row = _merged(row)
    dim = not row.n and not row.unread
    style = "dim" if dim else "bold" if len(row.path) < 2 else ""
    name = Text(guide, style="dim").append(row.name, style)
    if dim:
        return [name, Text(), Text(row.state, "dim"), _bound(row), Text(), Text(_size(row), "dim")]
    notes = Text()
    if row.failed:
        notes.append(f"{glyphs.bad} {row.failed} failed", "bold red")
    elif row.missed:
        notes.append(f"{glyphs.bad} mean", "red")
    if row.lost and (row.path or not row.failed):  # the first line says it of the total
        notes.append(", " if notes else "").append(f"{row.lost} unread", "bold red")
    if row.counts.get("0"):
        notes.append(", " if notes else "").append(f"{row.counts['0']} at 0", "dim")
    mean = Text("-" if row.mean is None else f"{row.mean:.1f}", "bold red" if row.missed else "")
    if row.mean is None and row.state in ("no total", "unreadable"):
        mean = Text("none" if row.state == "no total" else "-", "dim")
    return [name, Text(str(row.n)), mean, _bound(row), _bar(row, glyphs, cells), notes]


def _merged(row: rows.Row) -> rows.Row:
    """The row, with what its only facet says where the two share a line."""
    if not _says_the_same(row):
        return row
    return replace(row, counts=row.children[0].counts, evidence=row.children[0].evidence)


def _size(row: rows.Row) -> str:
    facets = sum(len(each.path) == 3 for each in row.walk())
    return f"{facets} facets" if facets > 1 else ""


def _bound(row: rows.Row) -> Text:
    return Text("" if row.bound is None else f"{row.bound:g}", "dim")


def _bar(row: rows.Row, glyphs: Glyphs, cells: int) -> Text:
    if row.mean is None:
        return Text()
    share = min(max(row.mean / 100, 0.0), 1.0) * cells
    full = int(share)
    part = glyphs.parts[int((share - full) * len(glyphs.parts))] if full < cells else ""
    bar = (glyphs.full * full + part.strip()).ljust(cells, glyphs.rest)
    text = Text(bar, style="red" if row.missed else "green" if row.bound is not None else "cyan")
    text.stylize("dim", full + len(part.strip()))
    if row.bound is not None:
        at = min(int(row.bound / 100 * cells), cells - 1)
        text = text[:at] + Text(glyphs.mark, "bold") + text[at + 1 :]
    return text


def _edits_table(report: Report, bounds: Mapping[Path, float], glyphs: Glyphs, width: int) -> Table:
    names = ["score", *sorted({name for entry in report.edits for name in entry.aspects})]
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim", width=width)
    table.add_column("Edits", no_wrap=True)
    for head in ("n", "mean", "bound"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("", ratio=1)
    for name in names:
        values = [entry.score if name == "score" else entry.aspects.get(name) for entry in report.edits]
        present = [value for value in values if value is not None]
        bound = bounds.get(("score",), bounds.get(("edit", "score"))) if name == "score" else None
        failed = sum(any(breach.path == [name] for breach in entry.breaches) for entry in report.edits)
        lost = sum(entry.score is None and bool(entry.unreadable or entry.error) for entry in report.edits)
        notes = Text(f"{glyphs.bad} {failed} failed" if failed else "", "bold red")
        if name == "score" and lost:
            notes.append(", " if notes else "").append(f"{lost} unreadable or not judged", "bold red")
        mean = f"{sum(present) / len(present):.2f}" if present else "N/A"
        label = "Score (1 to 5)" if name == "score" else escape(name)
        table.add_row(
            Text(label), Text(str(len(present))), Text(mean), Text("" if bound is None else f"{bound:g}", "dim"), notes
        )
    return table


def _suite_lines(suite: Sequence[SuiteRow], glyphs: Glyphs) -> Iterator[Text]:
    if suite:
        yield Text("Suite bounds (on the mean of the run)", style="bold")
    order = {"failed": 0, "undecided": 1, "passed": 2}
    for row in sorted(suite, key=lambda row: order[row.outcome]):
        sign, style = {
            "failed": (glyphs.bad, "bold red"),
            "undecided": (glyphs.unsure, "yellow"),
            "passed": (glyphs.good, "green"),
        }[row.outcome]
        mean = "no mean" if row.mean is None else f"mean {row.mean:.1f}"
        interval = "" if row.low is None or row.high is None else f" [{row.low:.1f}, {row.high:.1f}]"
        needed = f"; about {row.needed:,} images would decide it" if row.needed and row.outcome == "undecided" else ""
        detail = f"; {row.detail}" if row.detail else ""
        text = f"{why.place(row.path)}: {mean}{interval}, n {row.n}, bound {row.bound:g}: "
        yield (
            Text(f"  {sign} ", style=style)
            .append(escape(text), "")
            .append(row.outcome, style)
            .append(escape(needed + detail), "dim")
        )


def _baseline_lines(baseline: Mapping[str, Any] | None, glyphs: Glyphs) -> Iterator[Text]:
    if not baseline:
        return
    from .baseline import changes

    name, lines, warnings = changes(baseline)
    yield Text(escape(f"Against the baseline {name}".rstrip()), style="bold")
    signs = {
        "failed": (glyphs.bad, "bold red"),
        "undecided": (glyphs.unsure, "yellow"),
        "passed": (glyphs.good, "green"),
    }
    for outcome, text in lines:
        sign, style = signs.get(outcome, (" ", "dim"))
        yield Text(f"  {sign} ", style=style).append(escape(text), "")
    for text in warnings:
        yield Text(escape(f"  warning: {text}"), style="yellow")


# One image


def _breach_lines(entry: VerdictEntry | EditEntry, glyphs: Glyphs) -> Iterator[RenderableType]:
    said: set[tuple[Path, str]] = set()
    for breach in why.worst_first(entry.breaches):
        score, bound = why.below(breach, entry)
        yield Text.assemble(
            (f"{glyphs.bad} {escape(why.place(breach.path))}: ", "bold red"), (score, "bold red"), f", bound {bound}"
        )
        for cause in why.causes(entry, breach.path):
            if (cause.path, cause.words) in said:
                continue
            said.add((cause.path, cause.words))
            yield Padding(_cause(cause, breach, entry), (0, 0, 0, 4))


def _cause(cause: why.Cause, breach: Breach, entry: VerdictEntry | EditEntry) -> Text:
    relative = cause.path[len(breach.path) :] if list(cause.path[: len(breach.path)]) == breach.path else cause.path
    name = escape(show(relative) if relative else cause.path[-1])
    meaning = f" ({why.MEANING[cause.raw]})" if isinstance(entry, VerdictEntry) and cause.raw in why.MEANING else ""
    text = Text(f"{name}: {cause.raw}{meaning}", style="bold")
    if cause.words:
        words = escape(" ".join(cause.words.split()))
        text.append(": ", "").append(f'"{words}"' if cause.quoted else words, "")
    return text


def _facts(entry: VerdictEntry | EditEntry) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    if isinstance(entry, VerdictEntry):
        facts = [("image", entry.image or "(in memory, not kept)"), ("prompt", _clip(entry.prompt))]
    else:
        facts = [
            ("source", entry.source_image),
            ("edited", entry.edited_image),
            ("instruction", _clip(entry.instruction)),
        ]
    if entry.id is not None:
        facts.append(("row ID", entry.id))
    facts.append(("at", entry.where or entry.test or ""))
    if entry.thresholds:
        facts.append(("thresholds", entry.thresholds))
    if entry.source == "store":
        facts.append(("judged", f"from the store{', ' + entry.judged_at if entry.judged_at else ''}"))
    for name, value in facts:
        if value:
            table.add_row(name, Text(escape(value)))
    return table


def _clip(text: str) -> str:
    return text if len(text) <= MOST_PROMPT else text[:MOST_PROMPT] + " …"


def _image_tree(entry: VerdictEntry, glyphs: Glyphs, width: int) -> Table:
    bounds = {() if breach.path == ["total"] else tuple(breach.path): breach.bound for breach in entry.breaches}
    root = rows.tree([entry], bounds)
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim", width=width)
    table.add_column("", no_wrap=True)
    table.add_column("score", justify="right", no_wrap=True)
    table.add_column("raw", no_wrap=True)
    table.add_column("", ratio=1, overflow="fold")
    for row, guide, grouped in _image_rows(root, "", glyphs):
        if grouped:
            table.add_row(
                Text(guide + "the rest", "dim"), Text(row.state, "dim"), Text(), Text(", ".join(grouped), "dim")
            )
            continue
        row = _merged(row)
        style = "dim" if row.state in ("N/A", "not asked") else "bold" if len(row.path) < 2 else ""
        score = Text(f"{row.mean:.1f}" if row.mean is not None else {"no total": "none"}.get(row.state, row.state))
        score.stylize("bold red" if row.failed or row.state == "unreadable" else "dim" if row.mean is None else "")
        raw = next(iter(row.counts), "")
        notes = Text(f"{glyphs.bad} bound {row.bound:g}  " if row.failed else "", "bold red")
        notes.append(escape(" ".join(row.evidence.split())), "dim" if raw != "0" else "")
        raw_text = Text(raw if raw != "N/A" else "", "red" if raw == "0" else "")
        table.add_row(Text(guide, "dim").append(row.name, style), score, raw_text, notes)
    return table


def _image_rows(row: rows.Row, guide: str, glyphs: Glyphs) -> Iterator[tuple[rows.Row, str, list[str]]]:
    """Row, guide and, where siblings that lack a figure for one reason share a line, their names."""
    if not row.path:
        yield row, "", []
    single: list[list[rows.Row]] = []
    for child in row.children:
        if single and child.uniform and single[-1][0].uniform and child.state == single[-1][0].state and row.path:
            single[-1].append(child)
        else:
            single.append([child])
    for group in single:
        first, last = group[0], group is single[-1]
        yield first, guide + (glyphs.last if last else glyphs.branch), [one.name for one in group] if group[1:] else []
        if not first.uniform and not _says_the_same(first):
            yield from _image_rows(first, guide + ("   " if last else glyphs.down), glyphs)


# Writing

# A workflow command of GitHub's runner: two colons at the start of a line, white space aside. Wrapping could put
# those of a prompt there.
_COMMAND = re.compile(r"^((?:\s|\x1b\[[0-9;]*m)*)::")


def _encoding() -> str:
    return getattr(sys.__stdout__, "encoding", None) or "utf-8"


def _glyphs(encoding: str) -> Glyphs:
    try:
        "├└│█▏·┃✗✓".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return ASCII
    return UNICODE


def _print(renderable: RenderableType, width: int, color: bool, encoding: str) -> str:
    file = io.StringIO()
    console = Console(
        file=file,
        width=max(width, 40),
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
    console.print(renderable)
    lines = [_COMMAND.sub(r"\1: :", line.rstrip()).replace("##[", "## [") for line in file.getvalue().split("\n")]
    return ("\n".join(lines).rstrip("\n") + "\n").encode(encoding, "backslashreplace").decode(encoding)
