"""The text of a failed test: missed bounds, by how much, and the place of the call."""

from __future__ import annotations

import itertools
import pathlib
from collections.abc import Iterator

from rich.cells import cell_len
from rich.text import Text

from ..report.model import Breach, EditEntry, VerdictEntry
from ..support.escaping import escape
from ..support.words import and_more, plural
from . import explanations
from .problem_words import folded
from .text_lines import in_columns, indented
from .tree_drawing import Glyphs, draw, glyphs_for, image_lines, stream_encoding

MOST_PROMPT = 600  # characters of a prompt that are shown


LOG = "  | "  # begins the lines of a log in an error


MOST_LINES = 12  # lines of an error, such as the tail of a log, that are shown


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
    """Explain why one image failed: the worst breach and its causes, the image, advice, and the tree of scores.

    Without ``log`` the lines of a log that the error quotes are not repeated.
    """
    encoding = encoding or stream_encoding()
    glyphs = glyphs_for(encoding)
    parts = [*_found_lines(entry, glyphs, failed=True), *_breach_lines(entry, glyphs, width)]
    if entry.error:
        parts += _error_lines(entry.error, width, log=log)
    for place, words in explanations.unread(entry):
        parts.append(Text.assemble(("unreadable: ", "bold red"), escape(place)))
        if words:
            parts += indented(Text(escape(f'the answer: "{words}"')), 4, width)
    kind = "image" if isinstance(entry, VerdictEntry) else "edit"
    failed = entry.outcome != "passed"
    if failed and entry.not_applicable and not entry.breaches and not any(found.failed for found in entry.findings):
        bounded = explanations.not_applied(entry)
        parts.append(Text(f"bounded, but not applicable to this {kind}: {escape(bounded)}", style="yellow"))
    elif explanations.nothing_bounded(entry):
        parts.append(Text(escape(explanations.headline(entry)), style="bold red"))
    parts += _found_lines(entry, glyphs, failed=False)  # the first line of all is the summary's, and says why it failed
    for places, problem, detail in folded(entry.problems):
        where, words = f" ({places})" if places else "", f": {detail}" if detail else ""
        parts.append(Text(escape(f"problem: {problem}{where}{words}"), style="dim"))
    drawn = tree and isinstance(entry, VerdictEntry) and entry.level1 and (entry.level3 or not entry.error)
    parts.append(Text())
    parts += _facts(entry, width, scores=not drawn)
    if advice and (words := explanations.advice(entry)):
        parts += [Text(), Text(words, style="italic")]
    if drawn and isinstance(entry, VerdictEntry):
        parts += [Text(), *image_lines(entry, glyphs, width)]
    return draw(parts, width, color, encoding, crop=False)


def _error_lines(error: str, width: int, *, log: bool) -> list[Text]:
    """Show the error that kept an image from being judged, line by line; of a long ``log`` the end, or nothing.

    A line with a path or a URL wider than the terminal is not wrapped: a wrapped one can't be copied.
    """
    head = "not judged: "
    first, *rest = error.removeprefix(head).splitlines() or [""]
    kept = list(itertools.takewhile(lambda line: not line.startswith(LOG), rest[:3]))  # the cause, and the log's place
    rest = rest[len(kept) :]
    if not log and rest:
        rest = ["(the rest is shown with the first test that failed for it)"]
    elif len(rest) > MOST_LINES:
        rest = [f"({plural(len(rest) - MOST_LINES, 'line')} left out)", *rest[-MOST_LINES:]]
    rest = [*kept, *rest]
    lines = [Text().append(head, "bold red").append(escape(first)), *(Text(escape(line)) for line in rest)]
    for line in lines:
        if any(cell_len(word) > width for word in line.plain.split()):
            line.no_wrap, line.overflow = True, "ignore"
    return lines


# One image


def _found_lines(entry: VerdictEntry | EditEntry, glyphs: Glyphs, *, failed: bool) -> Iterator[Text]:
    sign, style = (f"{glyphs.bad} ", "bold red") if failed else ("found: ", "yellow")
    for found in (each for each in entry.findings if each.failed == failed):
        yield Text(sign + escape(explanations.found_words(found)), style)


def _breach_lines(entry: VerdictEntry | EditEntry, glyphs: Glyphs, width: int) -> Iterator[Text]:
    for breach, causes, more in explanations.explained(entry):
        score, bound = explanations.missed(breach, entry)
        yield Text.assemble(
            (f"{glyphs.bad} {escape(explanations.place(breach.path))}: {score}", "bold red"), f", {bound}"
        )
        for cause in causes:
            yield from indented(_cause(cause, breach, entry), 4, width)
        if more:
            yield from indented(Text(and_more(more), style="dim"), 4, width)


def _cause(cause: explanations.Cause, breach: Breach, entry: VerdictEntry | EditEntry) -> Text:
    name = escape(explanations.named(cause, breach))
    meaning = (
        f" ({explanations.MEANING[cause.raw]})"
        if isinstance(entry, VerdictEntry) and cause.raw in explanations.MEANING
        else ""
    )
    text = Text().append(f"{name}: {cause.raw}{meaning}", "bold")
    if cause.words:
        words = escape(" ".join(cause.words.split()))
        text.append(": ", "").append(f'"{words}"' if cause.quoted else words, "")
    return text


def _facts(entry: VerdictEntry | EditEntry, width: int, *, scores: bool) -> Iterator[Text]:
    """Yield name and value of each fact; a path wider than the terminal is not wrapped, so that it can be copied."""
    if isinstance(entry, VerdictEntry):
        # a manifest's row that was never judged names no picture
        paths = {"image": _near(entry.image) or ("" if entry.error and not entry.key else "(in memory, not kept)")}
        facts = [("prompt", clip_prompt(entry.prompt)), *paths.items()]
    else:
        paths = {"source": _near(entry.source_image), "edited": _near(entry.edited_image), "mask": _near(entry.mask)}
        facts = [
            *paths.items(),
            ("box", ", ".join(map(str, entry.box or ()))),
            ("instruction", clip_prompt(entry.instruction)),
        ]
    if entry.id is not None:
        facts.append(("row ID", entry.id))
    facts.append(("at", entry.where or entry.test or ""))
    if scores and isinstance(entry, VerdictEntry):
        figures = {"total": entry.total, **entry.level1}
        words = [f"{name} {value:.1f}" for name, value in figures.items() if value is not None]
        facts.append(("scores", ", ".join(words)))
    if entry.breaches and entry.not_applicable:
        whose = "their bounds do" if len(entry.not_applicable) > 1 else "its bound does"
        facts.append(("N/A", f"{explanations.not_applied(entry)}: {whose} not apply"))
    if entry.thresholds:
        facts.append(("thresholds", entry.thresholds))
    if entry.source == "store":
        facts.append(("judged", f"from the store{', ' + entry.judged_at if entry.judged_at else ''}"))
    shown = [(name, escape(value)) for name, value in facts if value]
    widest = max(len(name) for name, _ in shown)
    for name, value in shown:
        if name in (*paths, "thresholds") and widest + 1 + cell_len(value) > width:
            yield Text.assemble((f"{name:<{widest}} ", "dim"), value, no_wrap=True, overflow="ignore")
        else:
            yield from in_columns([Text(name, "dim"), Text(value)], [widest], width)


def _near(path: str) -> str:
    """Return a path relative to the working folder, where it is shorter so."""
    here = pathlib.Path.cwd()
    return str(pathlib.Path(path).relative_to(here)) if path and pathlib.Path(path).is_relative_to(here) else path


def clip_prompt(text: str) -> str:
    """The start of a long prompt."""
    return text if len(text) <= MOST_PROMPT else text[:MOST_PROMPT] + " …"
