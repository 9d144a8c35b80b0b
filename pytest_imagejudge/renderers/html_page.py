"""The HTML report: one file that needs no network and has no access to it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..report.lookup import bounds_of
from ..report.model import CiRun, Report, Run
from ..report.paths import relative_paths
from ..report.tally import OUTCOMES, Tally, tally_of
from ..support.escaping import escape
from ..support.files import replacing
from ..support.web_addresses import web_address
from ..support.words import nouns, times
from ..taxonomy import FacetPath
from . import explanations, run_words
from .baseline_lines import changes
from .cost_words import budget_is_over, budget_words, cost_words
from .edit_figures import edit_rows
from .gate_words import (
    failed_first,
    failed_gates,
    gate_notes,
    missed_gates,
    outcome_words,
    sign_of,
    undecided_gates,
)
from .html_payload import Payload
from .quarantine_words import quarantine_lines
from .templating import source, stream
from .thumbnails import Thumbnails
from .tree_rows import TreeRow, partial, tree_rows

if TYPE_CHECKING:
    from .small_copies import SmallCopies

BUDGET = 40 * 2**20  # bytes of all pictures in the file
SCRIPTS = ("pictures.js", "report.js")  # of the page, in the order in which they run


def write_html(
    report: Report,
    path: Path | str,
    bounds: Mapping[FacetPath, float] | None = None,
    *,
    failed_only: bool = False,
    folder: Path | None = None,
    copies: SmallCopies | None = None,
) -> None:
    """Write the report to ``path``, at once or not at all.

    Args:
        report: the run; its image paths are relative to ``folder``.
        path: the file.
        bounds: of the profile, for the tree over all images; None takes them from the report.
        failed_only: leave out images and edits that passed; the figures are still those of the whole run.
        folder: the folder of relative image paths; None is the working folder.
        copies: small copies that were made of the pictures while these were judged; None makes all of the files.

    Raises:
        ConfigError: the file can't be written.
    """
    path = Path(path)
    report = relative_paths(report, path.parent, base=folder)
    with replacing(path) as file:
        thumbnails = Thumbnails(path.parent, BUDGET, copies)
        for text in _page(report, bounds, thumbnails, failed_only=failed_only):
            file.write(text.encode("utf-8", "backslashreplace").decode())


def _page(
    report: Report, bounds: Mapping[FacetPath, float] | None, thumbnails: Thumbnails, *, failed_only: bool
) -> Iterator[str]:
    """Draw the page piece by piece: the entries are read one after the other, and none is kept."""
    tally = tally_of(report)
    tree = tree_rows(tally, bounds_of(report.verdicts) if bounds is None else bounds)
    script, style = "\n".join(map(source, SCRIPTS)), source("report.css")
    with Payload(thumbnails, report.run.excused) as data:
        for entry in report.every():
            if not failed_only or entry.shown_as_failed:
                data.add(entry)
        yield from stream(
            "report.html",
            **_head(report, tally, tree),
            shown=data.groups.total(),
            failed_only=failed_only,
            tree=list(tree.walk()) if tally.images else [],
            not_zero=any(row.bound is not None and row.tick is None for row in tree.walk()),
            edits=_edits(tally) if tally.edits else [],
            partial=partial(report, tree),
            suite=[_suite(row) for row in failed_first(report.suite)],
            baseline=_baseline(report),
            script=script,
            style=style,
            script_hash=_hash(script),
            style_hash=_hash(style),
            data=data,
            nouns=nouns,
        )


def _head(report: Report, tally: Tally, tree: TreeRow) -> dict[str, Any]:
    """Values for the head of the page, above all figures."""
    total = tally.images + tally.edits
    return {
        "headline": run_words.headline(report, tally),
        "lead": run_words.lead(report, tally, tree),
        "total": total,
        "counts": {"all": total - tally.excused, **{name: tally.outcomes[name] for name in OUTCOMES}},
        "excused": tally.excused,
        "shown_as_failed": tally.shown_as_failed,
        "failed_tests": [(escape(test.test), escape(test.message)) for test in report.run.failed_tests],
        "gates": [escape(name) for name in failed_gates(report)],
        "undecided": [escape(name) for name in undecided_gates(report)],
        "missed": bool(missed_gates(report)),
        "ci": _ci(report.run.ci),
        "run": _run(report.run),
        "warnings": _warnings(report),
    }


def _ci(run: CiRun | None) -> list[tuple[str, str, str]]:
    """Name, text and address of what a CI run is of; an address may be empty."""
    if run is None:
        return []
    what = " ".join(filter(None, (run.service, f"#{run.number}" if run.number else "")))
    facts = [
        ("Pull request", run.pull_request, run.pull_request_url),
        ("Commit", run.commit[:10], run.commit_url),
        ("Branch", run.branch, run.branch_url),
        ("Run", f"{what} ({run.name})" if run.name else what, run.url),
        ("Repository", run.repository, ""),
    ]
    return [(name, escape(text), web_address(address)) for name, text, address in facts if text]


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _run(run: Run) -> list[tuple[str, str]]:
    asked, told = run.requests - run.from_store, run.cached_prompt_tokens
    cached = "" if told is None else f" ({told:,} cached)"
    facts = [
        ("Judge", "; ".join(explanations.judges(run))),
        ("Copies", "; ".join(run.copies)),
        ("Started", run.started),
        ("Took", f"{run.seconds:,.1f} s" if run.seconds else ""),
        ("Requests", f"{run.requests:,}, {run.from_store:,} answered from the store" if run.requests else ""),
        (
            "Tokens",
            f"{run.prompt_tokens:,} in{cached}, {run.output_tokens:,} out"
            + (f", {run.output_tokens / asked:,.0f} an answer" if asked > 0 else "")
            if run.prompt_tokens or run.output_tokens
            else "",
        ),
        ("Cost", cost_words(run)),
        ("Budget", "" if budget_is_over(run) else budget_words(run)),
        ("Version", f"pytest-imagejudge {run.version}" if run.version else ""),
    ]
    return [(name, escape(value)) for name, value in facts if value]


def _warnings(report: Report) -> list[str]:
    mixed = explanations.mixed_versions(report.run)
    found = [f"{sentence}." for sentence in gate_notes(report)]
    found += [f"Answers of several {versions}." for versions in mixed]
    if budget_is_over(report.run):
        found.append(f"Budget: {budget_words(report.run)}.")
    found += quarantine_lines(report.run)
    if report.run.restarts:
        found.append(f"The judge's server died and was started again {times(report.run.restarts)}.")
    return [escape(text) for text in found]


def _edits(tally: Tally) -> list[dict[str, Any]]:
    """Rows of the table of edits; the place of a bound is None where nothing is bounded."""
    rows = edit_rows(tally)
    bounded = any(row.bound for row in rows)
    return [
        {
            "name": f"Score, {row.scale}" if row.scale else escape(row.name),
            "n": row.n,
            "mean": row.mean,
            "bound": row.bound if bounded else None,
            "wrong": row.wrong,
            "absent": escape(row.absent),
        }
        for row in rows
    ]


def _suite(row: Any) -> dict[str, Any]:
    return {
        "place": escape(explanations.place(row.path)),
        "mean": "none" if row.mean is None else f"{row.mean:.2f}",
        "interval": "" if row.low is None or row.high is None else f"{row.low:.2f} to {row.high:.2f}",
        "n": row.n,
        "bound": f"{row.bound:g}",
        "outcome": sign_of(row.outcome, row.gate),
        "words": outcome_words(row.outcome, row.gate),
        "detail": escape(row.detail),
    }


def _baseline(report: Report) -> dict[str, Any] | None:
    if not report.baseline:
        return None
    name, lines, warnings = changes(report.baseline)
    return {"name": escape(name), "lines": [(kind, escape(text)) for kind, text in lines],
            "warnings": [escape(text) for text in warnings]}  # fmt: skip
