"""Reports for the terminal, drawn by rich: the tree over all images, why one failed, one verdict.

Everything that comes from outside is escaped and enters rich as `Text`, never as markup.
"""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ..taxonomy import Path, show
from ..untrusted import escape
from . import rows, why
from .baseline import changes
from .build import judge_names
from .drawing import Glyphs, draw, glyphs_for, image_table, stream_encoding, suite_table
from .model import Breach, EditEntry, Report, SuiteRow, VerdictEntry
from .tally import Tally

if TYPE_CHECKING:
    from ..verdict import Verdict

MOST_PROMPT = 600  # characters of a prompt that are shown
LOG = "  | "  # begins the lines of a log in an error
MOST_LINES = 12  # lines of an error, such as the tail of a log, that are shown


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
    encoding = encoding or stream_encoding()
    glyphs = glyphs_for(encoding)
    tally = report.tally()
    parts: list[RenderableType] = [*_run_lines(report, tally, glyphs)]
    if tally.touched:  # else no image has a figure, and the head has said so
        root = rows.tree(tally, bounds)
        parts += [suite_table(root, glyphs, width, verbosity)]
        if words := rows.partial(report, root):
            parts.append(Text(words, style="yellow"))
    if tally.edits:
        parts.append(_edits_table(tally, bounds, glyphs, width))
    parts += _suite_lines(report.suite, glyphs)
    parts += _baseline_lines(report.baseline, glyphs)
    return draw(Group(*parts), width, color, encoding)


def failure_text(
    entry: VerdictEntry | EditEntry,
    *,
    width: int,
    color: bool,
    encoding: str | None = None,
    advice: bool = True,
    tree: bool = True,
    log: bool = True,
) -> str:
    """Why one image failed: what broke first and why, where the image is, what to do, and its tree.

    Without ``log`` the lines of a log that its error quotes are not repeated.
    """
    encoding = encoding or stream_encoding()
    glyphs = glyphs_for(encoding)
    parts: list[RenderableType] = [*_breach_lines(entry, glyphs)]
    if entry.error:
        parts.append(_error_text(entry.error, width, log=log))
    for place, words in why.unread(entry):
        parts.append(Text.assemble(("unreadable: ", "bold red"), escape(place)))
        if words:
            parts.append(Padding(Text(escape(f'the answer: "{words}"')), (0, 0, 0, 4)))
    kind = "image" if isinstance(entry, VerdictEntry) else "edit"
    if entry.not_applicable and not entry.breaches:
        parts.append(Text(f"bounded, but not applicable to this {kind}: {escape(_bounded(entry))}", style="yellow"))
    elif why.nothing_bounded(entry):
        parts.append(Text(escape(why.headline(entry)), style="bold red"))
    for problem in entry.problems:
        detail = f": {problem.detail}" if problem.detail else ""
        where = f" ({show(problem.path)})" if problem.path else ""
        parts.append(Text(escape(f"problem: {problem.kind}{where}{detail}"), style="dim"))
    drawn = tree and isinstance(entry, VerdictEntry) and entry.level1 and (entry.level3 or not entry.error)
    parts.append(Text())
    parts.append(_facts(entry, scores=not drawn))
    if advice and (words := why.advice(entry)):
        parts += [Text(), Text(words, style="italic")]
    if drawn and isinstance(entry, VerdictEntry):
        parts += [Text(), image_table(entry, glyphs, width)]
    return draw(Group(*parts), width, color, encoding, crop=not entry.error)


def _error_text(error: str, width: int, *, log: bool) -> Group:
    """What kept an image from being judged, line by line, of a long ``log`` the end, or nothing.

    A line with a path or a URL that is too long for one is left to the terminal: what is broken can't be copied.
    """
    head = "not judged: "
    first, *rest = error.splitlines() or [""]
    kept = list(itertools.takewhile(lambda line: not line.startswith(LOG), rest[:3]))  # the cause, and the log's place
    rest = rest[len(kept) :]
    if not log and rest:
        rest = ["(the rest is shown with the first test that it failed)"]
    elif len(rest) > MOST_LINES:
        rest = [f"({len(rest) - MOST_LINES} lines left out)", *rest[-MOST_LINES:]]
    rest = [*kept, *rest]
    lines = [Text().append(head, "bold red").append(escape(first)), *(Text(escape(line)) for line in rest)]
    for line in lines:
        if any(cell_len(word) > width for word in line.plain.split()):
            line.no_wrap, line.overflow = True, "ignore"
    return Group(*lines)


def verdict_tree(verdict: Verdict) -> RenderableType:
    """One verdict as a rich renderable."""
    glyphs = glyphs_for(stream_encoding())
    entry = _entry(verdict)
    head = Text(_clip(escape(entry.prompt)), style="bold")
    if entry.error:
        return Group(head, Text(f"not judged: {escape(entry.error)}", style="red"))
    return Group(head, image_table(entry, glyphs, 100))


def verdict_html(verdict: Verdict) -> str:
    """One verdict as HTML for a notebook: a table without script or style sheet."""
    from html import escape as html

    entry = _entry(verdict)
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


# The run


def _run_lines(report: Report, tally: Tally, glyphs: Glyphs) -> Iterator[Text]:
    run = report.run
    count = [_many(tally.images, "image")] if tally.images or not tally.edits else []
    count += [_many(tally.edits, "edit")] if tally.edits else []
    line = Text().append(", ".join(count), "bold")
    for outcome, word, style in (
        ("failed", "failed", "bold red"),
        ("error", "not judged", "bold red"),
        ("passed", "passed", "green"),
    ):
        if number := tally.outcomes[outcome]:
            line.append(glyphs.dot, "dim").append(f"{number} {word}", style)
    if tally.excused:
        line.append(glyphs.dot, "dim").append(f"{tally.excused} excused", "yellow")
    if gates := why.failed_gates(report):
        line.append(glyphs.dot, "dim").append(escape(f"the run failed: {', '.join(gates)}"), "bold red")
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
    for name, versions in judge_names(run).items():
        yield Text(escape(glyphs.dot.join((f"judge {name}", *filter(None, [", ".join(versions)])))), style="dim")
    for judge in run.judges:
        if len(judge.engine_versions) > 1:
            yield Text(
                escape(f"warning: answers of several engine versions are mixed: {', '.join(judge.engine_versions)}"),
                style="yellow",
            )
    if run.restarts:
        words = f"warning: the judge's server died and was started again, {_many(run.restarts, 'time')}"
        yield Text(words, style="yellow")


def _many(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _edits_table(tally: Tally, bounds: Mapping[Path, float], glyphs: Glyphs, width: int) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim", width=width)
    table.add_column("Edits", no_wrap=True)
    for head in ("n", "mean", "bound"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("", ratio=1)
    for name, figure in tally.edit_scores():
        bound = bounds.get(("score",), bounds.get(("edit", "score"))) if name == "score" else None
        mark = f"{glyphs.bad} " if figure.failed else ""
        notes = Text(mark + ", ".join(rows.in_words(figure.failed, figure.unread)), "bold red")
        mean = "N/A" if figure.mean.value is None else f"{figure.mean.value:.2f}"
        label = "Score (1 to 5)" if name == "score" else escape(name)
        table.add_row(
            Text(label), Text(str(figure.mean.n)), Text(mean), Text("" if bound is None else f"{bound:g}", "dim"), notes
        )
    return table


def _suite_lines(suite: Sequence[SuiteRow], glyphs: Glyphs) -> Iterator[RenderableType]:
    if suite:
        yield Text("Suite bounds (on the mean of the run)", style="bold")
    for row in why.failed_first(suite):
        sign, style = {
            "failed": (glyphs.bad, "bold red"),
            "undecided": (glyphs.unsure, "yellow"),
            "passed": (glyphs.good, "green"),
        }[row.outcome]
        digits = 2 if row.path == ["score"] else 1
        mean = "no mean" if row.mean is None else f"mean {row.mean:.{digits}f}"
        interval = "" if row.low is None or row.high is None else f" [{row.low:.{digits}f}, {row.high:.{digits}f}]"
        needed = f"; about {row.needed:,} images would decide it" if row.needed and row.outcome == "undecided" else ""
        detail = f"; {row.detail}" if row.detail else needed
        text = f"{why.place(row.path)}: {mean}{interval}, n {row.n}, bound {row.bound:g}: "
        yield _hanging(Text(sign, style), Text(escape(text)).append(row.outcome, style).append(escape(detail), "dim"))


def _hanging(sign: Text, text: Text) -> RenderableType:
    """``text`` behind its sign; what is wrapped begins below its first word."""
    line = Table.grid(padding=(0, 1))
    line.add_column(width=3, justify="right")
    line.add_column(overflow="fold")
    line.add_row(sign, text)
    return line


def _baseline_lines(baseline: Mapping[str, Any] | None, glyphs: Glyphs) -> Iterator[RenderableType]:
    if not baseline:
        return
    name, lines, warnings = changes(baseline)
    yield Text(escape(f"Against the baseline {name}".rstrip()), style="bold")
    signs = {
        "failed": (glyphs.bad, "bold red"),
        "undecided": (glyphs.unsure, "yellow"),
        "passed": (glyphs.good, "green"),
    }
    for outcome, text in lines:
        sign, style = signs.get(outcome, (" ", "dim"))
        yield _hanging(Text(sign, style), Text(escape(text)))
    for text in warnings:
        yield _hanging(Text("!", "yellow"), Text(escape(f"warning: {text}"), "yellow"))


# One image


def _breach_lines(entry: VerdictEntry | EditEntry, glyphs: Glyphs) -> Iterator[RenderableType]:
    for breach, causes in why.explained(entry):
        score, bound = why.missed(breach, entry)
        yield Text.assemble((f"{glyphs.bad} {escape(why.place(breach.path))}: {score}", "bold red"), f", {bound}")
        for cause in causes:
            yield Padding(_cause(cause, breach, entry), (0, 0, 0, 4))


def _cause(cause: why.Cause, breach: Breach, entry: VerdictEntry | EditEntry) -> Text:
    name = escape(why.named(cause, breach))
    meaning = f" ({why.MEANING[cause.raw]})" if isinstance(entry, VerdictEntry) and cause.raw in why.MEANING else ""
    text = Text().append(f"{name}: {cause.raw}{meaning}", "bold")
    if cause.words:
        words = escape(" ".join(cause.words.split()))
        text.append(": ", "").append(f'"{words}"' if cause.quoted else words, "")
    return text


def _facts(entry: VerdictEntry | EditEntry, *, scores: bool) -> Table:
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    if isinstance(entry, VerdictEntry):
        facts = [("prompt", _clip(entry.prompt)), ("image", _near(entry.image) or "(in memory, not kept)")]
    else:
        facts = [
            ("source", _near(entry.source_image)),
            ("edited", _near(entry.edited_image)),
            ("instruction", _clip(entry.instruction)),
        ]
    if entry.id is not None:
        facts.append(("row ID", entry.id))
    facts.append(("at", entry.where or entry.test or ""))
    if scores and isinstance(entry, VerdictEntry):
        figures = {"total": entry.total, **entry.level1}
        words = [f"{name} {value:.1f}" for name, value in figures.items() if value is not None]
        facts.append(("scores", ", ".join(words)))
    if entry.breaches and entry.not_applicable:
        facts.append(("N/A", f"{_bounded(entry)} (bounded)"))
    if entry.thresholds:
        facts.append(("thresholds", entry.thresholds))
    if entry.source == "store":
        facts.append(("judged", f"from the store{', ' + entry.judged_at if entry.judged_at else ''}"))
    for name, value in facts:
        if value:
            table.add_row(name, Text(escape(value)))
    return table


def _bounded(entry: VerdictEntry | EditEntry) -> str:
    """What is bounded and does not apply."""
    return ", ".join(why.place(path) for path in entry.not_applicable)


def _near(path: str) -> str:
    """A path as short as it can be said from here."""
    here = pathlib.Path.cwd()
    return str(pathlib.Path(path).relative_to(here)) if path and pathlib.Path(path).is_relative_to(here) else path


def _clip(text: str) -> str:
    return text if len(text) <= MOST_PROMPT else text[:MOST_PROMPT] + " …"


def _entry(verdict: Verdict) -> VerdictEntry:
    from .entry import entry_of

    entry = entry_of(verdict, None)
    assert isinstance(entry, VerdictEntry)
    return entry
