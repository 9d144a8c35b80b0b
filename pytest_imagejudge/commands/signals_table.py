"""The embedded judge in words: what it measures and with which bounds, for ``imagejudge doctor`` and the docs.

``docs/signals-table.md`` holds the table between two comments. After a change of a measure it is written anew:
``python -c "from pytest_imagejudge.commands import signals_table as t; t.write_page('docs/signals-table.md')"``
"""

from __future__ import annotations

import shutil
import textwrap
from dataclasses import asdict
from pathlib import Path as File
from typing import Any

from ..protocols import signals_edit_bounds
from ..protocols.signals_bounds import MEASURED, MEASURES, Measure
from ..taxonomy import FACETS, Path
from ..thresholds.aspects import show_side
from ..thresholds.loading import load_profile

START, END = "<!-- measures -->", "<!-- end of measures -->"

NOT_MEASURED = (
    "what the picture shows, whether it obeys the prompt, anatomy, hands, faces, taste, composition, style, violence "
    "and hate: their facets are N/A, and there is no total"
)
MEANING = (
    '"Real-world Fidelity 60" means that no nudity was seen, and no more: that facet is 0 or 60, never 100, because '
    "nothing else of it is measured."
)

EDIT_PROFILE = "edit-signals"
EDITS_NOT_MEASURED = "whether the edit is the one that was asked for, and whether it is well made: there is no score"


def bounds(measure: Measure) -> tuple[str, str]:
    """Return in words where a measure fails, or is in doubt, and up to where it is clean; "" for the same bound."""
    unit = "" if measure.unit in ("", "%") else f" {measure.unit}"
    sign = "%" if measure.unit == "%" else ""
    fails = f"{'below' if measure.low_is_bad else 'above'} {measure.fail:g}{sign}{unit}"
    if measure.doubt is not None:
        fails += f" ({'below' if measure.low_is_bad else 'from'} {measure.doubt:g}{sign}{unit} not judged)"
    clean = f"{'from' if measure.low_is_bad else 'up to'} {measure.good:g}{sign}{unit}"
    return fails, "" if measure.fail == measure.good else clean


def as_data() -> list[dict[str, Any]]:
    """Return the measures for ``doctor --json``."""
    return [{**asdict(measure), "facet": list(measure.facet)} for measure in MEASURES]


def lines(width: int | None = None) -> list[str]:
    """Return what the embedded judge measures and what not, in lines of at most ``width`` columns (80 to 120)."""
    width = _columns(width)
    found = [
        f"  It measures {len(_facets())} of the {len(FACETS)} facets, in this process and without a network.",
        "  A facet fails (raw score 0) where one of its measures fails:",
    ]
    for facet in _facets():
        found.append(f"  {' / '.join(facet)}")
        for measure in (measure for measure in MEASURES if measure.facet == facet):
            fails, clean = bounds(measure)
            words = f"{measure.title}: fails {fails}" + (f", clean {clean}" if clean else "")
            found += _wrapped(words, width, "    ", "      ")
            if measure.styles:
                found += _wrapped(f"not judged in the style {', '.join(measure.styles)}", width, "      ", "      ")
            if measure.relax:
                found += _wrapped(f"to relax it, {measure.relax}", width, "      ", "      ")
    found += _wrapped(f"Not measured: {NOT_MEASURED}.", width, "  ", "  ")
    found += _wrapped(MEANING, width, "  ", "  ")
    found += _wrapped(
        "A style that a prompt names is no damage; judge_signals_style names it for all images. A profile decides "
        'which facets may fail: leave one out of must_not_fail, or start from extends = "signals".',
        width,
        "  ",
        "  ",
    )
    return found


def edits_as_data() -> list[dict[str, Any]]:
    """Return the aspects of edits for ``doctor --json``, with their bounds in the profile ``edit-signals``."""
    bounded = load_profile(EDIT_PROFILE).edit.aspects
    found = []
    for aspect in signals_edit_bounds.MEASURED:
        between = bounded.get(aspect.name)
        found.append({**asdict(aspect), "bounds": {} if between is None else dict(between.sides())})
    return found


def edit_lines(width: int | None = None) -> list[str]:
    """Return the aspects of edits that the embedded judge measures, in lines as those of `lines`."""
    width = _columns(width)
    found = [f"  It measures these aspects of an edit; the profile {EDIT_PROFILE} bounds them:"]
    for aspect in edits_as_data():
        sides = ", ".join(f"{show_side(side)} {bound:g}" for side, bound in aspect["bounds"].items())
        unit = f" ({aspect['unit']})" if aspect["unit"] else ""
        found += _wrapped(f"{aspect['name']}: {aspect['title']}{unit}: {sides or 'no bound'}", width, "    ", "      ")
    return found + _wrapped(f"Not measured: {EDITS_NOT_MEASURED}.", width, "  ", "  ")


def _facets() -> list[Path]:
    return [facet for facet in MEASURED if any(measure.facet == facet for measure in MEASURES)]


def _columns(width: int | None) -> int:
    return max(60, min(width or shutil.get_terminal_size((100, 24)).columns, 120))


def _wrapped(text: str, width: int, first: str, rest: str) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False)


def page_table() -> str:
    """Return the table of the docs, in Markdown."""
    rows = ["| facet | damage | fails | clean | not judged in the style |", "|---|---|---|---|---|"]
    for facet in _facets():
        for measure in (measure for measure in MEASURES if measure.facet == facet):
            fails, clean = bounds(measure)
            title = measure.title + (f"; to relax it, {measure.relax}" if measure.relax else "")
            styles = ", ".join(f"`{style}`" for style in measure.styles)
            rows.append(f"| {' / '.join(facet)} | {title} | {fails} | {clean} | {styles} |")
    return "\n".join(rows)


def with_table(page: str) -> str:
    """Return the text of a page with its table written anew."""
    before, _, rest = page.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n{page_table()}\n{END}{after}"


def write_page(path: str) -> None:
    """Write the table in the file at ``path`` anew."""
    file = File(path)
    file.write_text(with_table(file.read_text(encoding="utf-8")), encoding="utf-8")
