"""The summary of a run for the terminal, drawn by rich.

Text from outside is escaped and enters rich as `Text`, never as markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from ..report.model import Report, Run, SuiteRow
from ..report.tally import Tally, tally_of
from ..support.escaping import escape
from ..support.words import and_more, plural, some, times
from ..taxonomy import EDIT_SCORE, FACETS, Path, show, written
from . import explanations
from .baseline_lines import changes
from .cost_words import budget_is_over, budget_words, cost_words
from .edit_figures import edit_rows
from .gate_words import failed_first, failed_gates, outcome_words, replaced_gates, sign_of, undecided_gates
from .outcome_styles import STYLES
from .quarantine_words import quarantine_lines
from .text_lines import in_columns
from .tree_drawing import Glyphs, draw, glyphs_for, stream_encoding, suite_lines
from .tree_rows import TreeRow, partial, tree_rows

MOST, MOST_ROWS = 3, 6  # facets that are named where they pulled a figure down, and such figures


def suite_tree(
    report: Report,
    bounds: Mapping[tuple[str, ...], float],
    *,
    width: int,
    color: bool,
    verbosity: int,
    encoding: str | None = None,
) -> str:
    """Draw the summary over all images: run, tree, suite bounds and baseline; the text ends with a newline.

    Args:
        report: the run.
        bounds: of the profile on images, by path; the total's under ``()`` or ``("total",)``.
        width: columns.
        color: whether to write ANSI colours.
        verbosity: below 0 only the L1; above 0 every facet, N/A ones too; up to 0 one image that passed has no tree.
        encoding: of the stream that will show it; None is that of the standard output.
    """
    encoding = encoding or stream_encoding()
    glyphs = glyphs_for(encoding)
    tally = tally_of(report)
    if verbosity <= 0 and _is_one_that_passed(report, tally, bounds):
        return draw([*_in_short(report, tally, bounds, glyphs)], width, color, encoding)
    parts: list[RenderableType] = [*_run_lines(report, tally, glyphs)]
    if tally.touched:  # else no image has a figure, and the head has said so
        root = tree_rows(tally, bounds)
        parts += [*suite_lines(root, glyphs, width, verbosity), *(_pulled_down(root) if verbosity >= 0 else ())]
        if words := partial(report, root):
            parts.append(Text(words, style="yellow"))
    if tally.edits:
        parts.append(_edits_table(tally, glyphs, width))
    parts += _suite_lines(report.suite, glyphs, width)
    parts += _baseline_lines(report, glyphs, width)
    return draw(parts, width, color, encoding)


# One image


def _is_one_that_passed(report: Report, tally: Tally, bounds: Mapping[Path, float]) -> bool:
    """Tell whether a run is of one image or edit, and nothing in it is worth a closer look."""
    good = tally.outcomes["passed"] + tally.outcomes["scored"] - tally.test_failed
    decided = report.suite or report.baseline or report.run.failed_tests or tally.excused
    return tally.images + tally.edits == good == 1 and not decided and not tree_rows(tally, bounds).trouble


def _in_short(report: Report, tally: Tally, bounds: Mapping[tuple[str, ...], float], glyphs: Glyphs) -> Iterator[Text]:
    """The outcome, the judge with its requests, and the figures: a line each."""
    yield _count_line(report, tally, glyphs)
    judges = [f"judge {escape(name)}" for name in explanations.judges(report.run)]
    yield Text(glyphs.dot.join([*judges, _asked(report.run, glyphs, tokens=False)]), style="dim")
    yield from _warnings(report, tally)
    root = tree_rows(tally, bounds)
    figures = [f"{row.name} {row.mean:.1f}" for row in (root, *root.children) if row.mean is not None]
    scores = [(name, figure.value) for name, figure in tally.edit_scores() if figure.value is not None]
    figures += [f"{'Score' if name == 'score' else name} {value:.2f}" for name, value in scores]
    measured = sum(len(row.path) == 3 and row.n > 0 for row in root.walk())
    few = f" ({measured} of {len(FACETS)} facets)" if tally.images and root.state == "no total" else ""
    if figures:
        yield Text(escape(glyphs.dot.join(figures) + few))


# The run


def _run_lines(report: Report, tally: Tally, glyphs: Glyphs) -> Iterator[Text]:
    yield _count_line(report, tally, glyphs)
    yield Text(_asked(report.run, glyphs), style="dim")
    for name in explanations.judges(report.run):
        yield Text(escape(f"judge {name}"), style="dim")
    yield from _warnings(report, tally)


def _count_line(report: Report, tally: Tally, glyphs: Glyphs) -> Text:
    """How many passed and failed, and which gates over the run did not."""
    count = [plural(tally.images, "image")] if tally.images or not tally.edits else []
    count += [plural(tally.edits, "edit")] if tally.edits else []
    line = Text().append(", ".join(count), "bold")
    outcomes = tally.outcomes
    for number, word, style in (
        (outcomes["failed"], "failed", "bold red"),
        (outcomes["error"], "not judged", "bold red"),
        (tally.test_failed, "scored in a test that failed", "bold red"),
        (outcomes["passed"], "passed", "green"),
        (outcomes["scored"] - tally.test_failed, "scored", ""),
    ):
        if number:
            line.append(glyphs.dot, "dim").append(f"{number} {word}", style)
    if tally.excused:
        line.append(glyphs.dot, "dim").append(f"{tally.excused} excused", "yellow")
    if gates := failed_gates(report):
        line.append(glyphs.dot, "dim").append(escape(f"the run failed: {', '.join(gates)}"), "bold red")
    if undecided := undecided_gates(report):
        line.append(glyphs.dot, "dim").append(escape(f"undecided: {', '.join(undecided)}"), STYLES["undecided"])
    return line


def _asked(run: Run, glyphs: Glyphs, *, tokens: bool = True) -> str:
    """Requests, tokens, cost and time of a run."""
    facts = [f"{plural(run.requests, 'request')}, {run.from_store} from the store"]
    asked = run.requests - run.from_store
    if tokens and (run.prompt_tokens or run.output_tokens):
        told = run.cached_prompt_tokens  # a server that does not say may have had them all in its cache
        cached = f" ({told / run.prompt_tokens:.0%} cached)" if run.prompt_tokens and told is not None else ""
        mean = f" (mean {run.output_tokens / asked:,.0f} an answer)" if asked > 0 else ""
        facts.append(f"{run.prompt_tokens:,} prompt tokens{cached}, {run.output_tokens:,} output tokens{mean}")
    if cost := cost_words(run):
        facts.append(f"cost {cost}")
    if run.seconds:
        facts.append(f"{run.seconds:,.1f} s")
    return glyphs.dot.join(facts)


def _warnings(report: Report, tally: Tally) -> Iterator[Text]:
    run = report.run
    for versions in explanations.mixed_versions(run):
        yield Text(escape(f"warning: answers of several {versions}"), style="yellow")
    if words := explanations.found_in_words(tally.findings):
        yield Text(f"found: {words}", style="yellow")
    if tally.excused:
        those = "it" if tally.excused == 1 else "them"
        words = f"{tally.excused} excused (expected to fail, skipped, or passed in a rerun); the figures count {those}"
        yield Text(words, style="yellow")
    for words in quarantine_lines(run):
        yield Text(escape(words), style="yellow")
    if words := budget_words(run):
        yield Text(escape(f"budget: {words}"), style="bold red" if budget_is_over(run) else "dim")
    for words in run.copies:
        yield Text(escape(words), style="dim")
    if run.restarts:
        words = f"warning: the judge's server died and was started again {times(run.restarts)}"
        yield Text(words, style="yellow")


def _edits_table(tally: Tally, glyphs: Glyphs, width: int) -> Table:
    rows = edit_rows(tally)
    bounded = any(row.bound for row in rows)
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="dim", width=width)
    table.add_column("Edits", no_wrap=True)
    for head in ("n", "mean", *(["bound"] if bounded else [])):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("", ratio=1)
    for row in rows:
        label = Text(f"Score ({row.scale})" if row.scale else escape(row.name))
        notes = Text((f"{glyphs.bad} " if row.failed else "") + row.wrong, "bold red")
        notes.no_wrap, notes.overflow = True, glyphs.overflow
        notes.append(escape(row.absent) if not row.wrong else "", "not bold default dim")
        bound = [Text(row.bound, "dim")] if bounded else []
        table.add_row(label, Text(str(row.n)), Text(row.mean), *bound, notes)
    return table


def _pulled_down(root: TreeRow) -> Iterator[Text]:
    """Of each figure that images missed the bound on, the facets that pulled it down, and how many more there are."""
    rows = [row for row in root.walk() if row.pulled]
    for row in rows[:MOST_ROWS]:
        names = [f"{show(tuple(dict.fromkeys(path[len(row.path) :])))} ({number})" for path, number in row.pulled]
        place = explanations.place(row.path)
        yield Text(escape(f"{place}: {row.failed} failed, pulled down by {some(names, MOST)}"))
    if len(rows) > MOST_ROWS:
        yield Text(f"{and_more(len(rows) - MOST_ROWS)} figures with a missed bound", style="dim")


def _suite_lines(suite: Sequence[SuiteRow], glyphs: Glyphs, width: int) -> Iterator[Text]:
    if suite:
        yield Text("Suite bounds (on the mean of the run)", style="bold")
    for row in failed_first(suite):
        outcome = sign_of(row.outcome, row.gate)
        sign, style = _sign(outcome, glyphs), STYLES[outcome]
        digits, thing = (2, "edit") if row.path == written(EDIT_SCORE) else (1, "image")
        mean = "no mean" if row.mean is None else f"mean {row.mean:.{digits}f}"
        interval = "" if row.low is None or row.high is None else f" [{row.low:.{digits}f}, {row.high:.{digits}f}]"
        needed = (
            f"; about {plural(row.needed, thing)} would decide it" if row.needed and row.outcome == "undecided" else ""
        )
        detail = f"; {row.detail}" if row.detail else needed
        text = f"{explanations.place(row.path)}: {mean}{interval}, n {row.n}, bound {row.bound:g}: "
        shown = Text(escape(text)).append(outcome_words(row.outcome, row.gate), style).append(escape(detail), "dim")
        yield from _hanging(Text(sign, style), shown, width)


def _sign(outcome: str, glyphs: Glyphs) -> str:
    return {"failed": glyphs.bad, "undecided": glyphs.unsure, "passed": glyphs.good}.get(outcome, " ")


def _hanging(sign: Text, text: Text, width: int) -> Iterator[Text]:
    """Yield the lines of ``text`` after a sign; wrapped ones begin below the first word."""
    sign.pad_left(3 - sign.cell_len)
    yield from in_columns([sign, text], [3], width)


def _baseline_lines(report: Report, glyphs: Glyphs, width: int) -> Iterator[Text]:
    if not report.baseline:
        return
    name, lines, warnings = changes(report.baseline)
    warnings = [*filter(None, [replaced_gates(report)]), *warnings]
    yield Text(escape(f"Against the baseline {name}".rstrip()), style="bold")
    for outcome, text in lines:
        style = STYLES.get(outcome, "dim")
        shown = Text(escape(text))
        if outcome:
            words = map(re.escape, (outcome_words("undecided", "failed"), outcome))
            shown.highlight_regex(f"(?<=: )({'|'.join(words)})\\b", style)
        yield from _hanging(Text(_sign(outcome, glyphs), style), shown, width)
    for text in warnings:
        yield from _hanging(Text("!", "yellow"), Text(escape(f"warning: {text}"), "yellow"), width)
