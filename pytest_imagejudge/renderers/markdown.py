"""The report as Markdown, for GitHub's step summary, a comment, or a file."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ..report.lookup import bounds_of, first_judgements
from ..report.model import AnyEntry, EditEntry, Report
from ..report.paths import relative_paths
from ..report.tally import tally_of
from ..support.escaping import for_markdown
from ..support.files import write_text
from ..support.web_addresses import web_address
from ..support.words import and_more, plural, times
from ..taxonomy import FacetPath
from . import explanations
from .baseline_lines import changes
from .cost_words import budget_words, cost_words
from .gate_words import (
    failed_first,
    failed_gates,
    gate_notes,
    left_out_gates,
    missed_gates,
    outcome_words,
    sign_of,
    undecided_gates,
)
from .outcome_styles import SIGNS
from .problem_words import folded
from .quarantine_words import quarantine_lines
from .templating import fill
from .tree_rows import TreeRow, partial, tree_rows

MOST_WORDS = 300  # characters of a prompt, or of the judge's words


MOST_TESTS = 50  # of those that failed for another reason


def write_markdown(report: Report, path: Path | str, bounds: Mapping[FacetPath, float] | None = None) -> None:
    """Write the report to ``path``, at once or not at all; image paths become relative to its folder.

    Raises:
        ConfigError: the file can't be written.
    """
    path = Path(path)
    write_text(path, render(relative_paths(report, path.parent), bounds))


def render(
    report: Report,
    bounds: Mapping[FacetPath, float] | None = None,
    *,
    most_bytes: int | None = None,
    facets: bool = True,
    pictures: Mapping[str, str] | None = None,
    note: str = "",
) -> str:
    """Write the report as Markdown text.

    Args:
        report: the run.
        bounds: of the profile; None takes them from the report.
        most_bytes: largest size in UTF-8; images beyond it are left out, and counted.
        facets: whether the tree goes down to the facets.
        pictures: picture URLs by image path, where GitHub can show the pictures.
        note: Markdown that stands above all figures.
    """
    excused = set(report.run.excused)
    bad = [entry for entry in first_judgements(report.every()) if entry.shown_as_failed and entry.test not in excused]
    bad.sort(key=explanations.rank)
    blocks: Iterable[str] = ("\n".join(_image(entry, pictures or {})) for entry in bad)
    whole = (_suite(report), _baseline(report))
    failed, others = (whole, ()) if missed_gates(report) else ((), whole)  # what failed comes before any figure
    head = "\n".join(itertools.chain(_head(report, note), *failed, _failed_tests(report))) + "\n"
    tail = "\n" + "\n".join(itertools.chain(_tree(report, bounds, facets), *others)) + "\n"
    if bad:
        head += f"\n## What did not pass ({len(bad)})\n"
    if most_bytes is not None:
        left = most_bytes - len((head + tail).encode()) - 200  # room for the line that says what is left out
        if left < 0 and facets:
            return render(report, bounds, most_bytes=most_bytes, facets=False, note=note)
        blocks = _within(blocks, left, of=len(bad))
    return head + "".join(f"\n{block}\n" for block in blocks) + tail


def _within(blocks: Iterable[str], left: int, *, of: int) -> list[str]:
    """The first blocks that fit into ``left`` bytes, and the number of the others, which are not written."""
    kept: list[str] = []
    for block in blocks:
        left -= len(block.encode()) + 2
        if left < 0:
            return [*kept, f"**{of - len(kept)} more did not pass; there is no room for them here.** "
                           "The HTML and JSON reports have them all."]  # fmt: skip
        kept.append(block)
    return kept


def title(report: Report) -> str:
    """Say on one line how many passed, failed and were not judged."""
    tally = tally_of(report)
    count, number = tally.outcomes, tally.images + tally.edits - tally.excused
    gates = failed_gates(report)
    words = [f"{count['failed']} failed"] if count["failed"] else []
    words += [f"{count['error']} not judged"] if count["error"] else []
    words += [f"{tally.test_failed} scored in a test that failed"] if tally.test_failed else []
    if words:
        excused = [f"{tally.excused} excused"] if tally.excused else []
        text = f"{', '.join([*words, *excused])}, of {tally.images + tally.edits} {explanations.judged_noun(tally)}"
    else:
        text = explanations.none_failed(tally)
    if gates:
        text += f"{', but' if number and not words else ';'} the run failed: {', '.join(gates)}"
    undecided = undecided_gates(report)
    if undecided:
        text += f"; undecided: {', '.join(undecided)}"
    if left_out := left_out_gates(report):
        text += f"; not decided: {', '.join(left_out)}"
        undecided = [*undecided, *left_out]
    if not words and not gates and not undecided and (not number or count["scored"] == number):
        return text  # nothing was decided
    return f"{SIGNS['failed' if words or gates else 'undecided' if undecided else 'passed']} {text}"


def _failed_tests(report: Report) -> Iterator[str]:
    """Tests that failed for another reason than what was judged."""
    tests = report.run.failed_tests
    if tests:
        yield f"\n## Tests that failed for a reason other than images ({len(tests)})\n"
    for test in tests[:MOST_TESTS]:
        yield f"- {for_markdown(test.test)}: {for_markdown(test.message)}"
    if len(tests) > MOST_TESTS:
        yield f"- {and_more(len(tests) - MOST_TESTS)}"


def _head(report: Report, note: str) -> Iterator[str]:
    run = report.run
    yield f"# {for_markdown(title(report))}"
    yield ""
    facts = [f"judge {for_markdown(name)}" for name in explanations.judges(run) if name]
    facts.append(f"{plural(run.requests, 'request')}, {run.from_store:,} from the store")
    if run.output_tokens and run.requests > run.from_store:
        facts.append(f"mean answer {run.output_tokens / (run.requests - run.from_store):,.0f} tokens")
    cost = cost_words(run)
    if cost or run.prompt_tokens:
        facts.append(f"{run.prompt_tokens:,} prompt and {run.output_tokens:,} output tokens")
    if cost:
        facts.append(for_markdown(f"cost {cost}"))
    if run.seconds:
        facts.append(f"{run.seconds:,.1f} s")
    yield " · ".join(facts)
    if ci := " · ".join(_ci(report)):
        yield f"\n{ci}"
    if note:
        yield f"\n{note}"
    if found := explanations.found_in_words(tally_of(report).findings):
        yield f"\n> Found: {found}."
    for sentence in gate_notes(report):
        yield f"\n> {for_markdown(sentence)}."
    for versions in explanations.mixed_versions(run):
        yield f"\n> Answers of several {for_markdown(versions)}."
    for number, words in enumerate(quarantine_lines(run)):
        yield f"\n{words[0].upper()}{words[1:]}:" if not number else f"- {for_markdown(words.strip())}"
    if words := budget_words(run):
        yield f"\n> Budget: {for_markdown(words)}."
    for words in run.copies:
        yield f"\n> {for_markdown(words)}."
    if run.restarts:
        yield f"\n> The judge's server died and was started again {times(run.restarts)}."
    yield ""


def _ci(report: Report) -> Iterator[str]:
    """Commit, branch and CI run, linked where they have an address."""
    run = report.run.ci
    if run is None:
        return
    number = f"run {run.number}" if run.number else ""
    for what, text, address in (("commit ", run.commit[:10], run.commit_url), ("branch ", run.branch, run.branch_url),
                                ("", number, run.url)):  # fmt: skip
        if text:
            shown = for_markdown(text)
            yield what + (
                f"[{shown}](<{url}>)" if (url := web_address(address)) and not set(url) & set("<>") else shown
            )


def _suite(report: Report) -> Iterator[str]:
    if not report.suite:
        return
    yield "## Bounds on the mean of the run"
    yield ""
    yield "| | dimension | mean | 95% interval | bound | n | |"
    yield "|---|---|---:|---|---:|---:|---|"
    for row in failed_first(report.suite):
        mean = "none" if row.mean is None else f"{row.mean:.2f}"
        interval = "" if row.low is None or row.high is None else f"{row.low:.2f} to {row.high:.2f}"
        words = outcome_words(row.outcome, row.gate)
        detail = f"{words}: {for_markdown(row.detail)}" if row.detail else words
        sign, place = SIGNS[sign_of(row.outcome, row.gate)], for_markdown(explanations.place(row.path))
        yield f"| {sign} | {place} | {mean} | {interval} | {row.bound:g} | {row.n} | {detail} |"
    yield ""


def _baseline(report: Report) -> Iterator[str]:
    if not report.baseline:
        return
    name, lines, warnings = changes(report.baseline)
    yield f"## Against the baseline {for_markdown(name)}".rstrip()
    yield ""
    for outcome, line in lines:
        yield f"- {SIGNS.get(outcome, '')} {for_markdown(line)}"
    for line in warnings:
        yield f"- ⚠️ {for_markdown(line)}"
    yield ""


def _tree(report: Report, bounds: Mapping[FacetPath, float] | None, facets: bool) -> Iterator[str]:
    tally = tally_of(report)
    if tally.images:
        root = tree_rows(tally, bounds_of(report.verdicts) if bounds is None else bounds)
        yield "## Dimensions"
        yield ""
        if words := partial(report, root):
            yield words
            yield ""
        yield "| dimension | n | mean | bound | | failed |"
        yield "|---|---:|---:|---:|---|---|"
        yield from _rows(root, facets)
        yield ""
    if tally.edits:
        score, unread = tally.scores["score"].value, tally.scores["score"].unread
        mean = "no score" if score is None else f"mean score {score:.2f} of {tally.edit_scale[1]:g}"
        lost = f", {unread} not judged" if unread else ""
        yield f"**Edits**: {tally.edits}, {mean}, {tally.failed_edits} failed{lost}"
        yield ""


def _rows(row: TreeRow, facets: bool) -> Iterator[str]:
    indent = "&emsp;" * max(0, len(row.path) - 1)
    name = f"**{row.name}**" if len(row.path) < 2 else indent + row.name
    wrong = ", ".join(row.wrong)
    yield (
        f"| {name} | {row.n or ''} | {row.shown} | {row.shown_bound} | {bar(row.mean)} | "
        f"{'❌ ' + wrong if wrong else ''} |"
    )
    if row.uniform:
        return
    for child in row.children:
        if len(child.path) < 3 or facets:
            yield from _rows(child, facets)


def bar(mean: float | None, cells: int = 10) -> str:
    """A bar of block characters, or nothing."""
    if mean is None:
        return ""
    full = round(min(max(mean / 100, 0), 1) * cells)
    return "█" * full + "░" * (cells - full)


def _found(entry: AnyEntry, *, failed: bool) -> list[str]:
    found = [explanations.found_words(each) for each in entry.findings if each.failed == failed]
    return [for_markdown(words, MOST_WORDS) for words in found]


def _image(entry: AnyEntry, pictures: Mapping[str, str]) -> Iterator[str]:
    edit = isinstance(entry, EditEntry)
    image = entry.edited_image if isinstance(entry, EditEntry) else entry.image
    prompt = explanations.prompt(entry)
    name = for_markdown(explanations.title(entry), 120)
    if explanations.titled_by_test(entry) and prompt:
        name += f" “{for_markdown(prompt, 80)}”"
    yield f"### {name}: {for_markdown(explanations.headline(entry), MOST_WORDS)}"
    yield ""
    if url := pictures.get(image):
        yield fill("picture.html", url=url).strip()
        yield ""
    for words in _found(entry, failed=True):
        yield f"- **{words}**"
    for breach, causes, more in explanations.explained(entry):
        score, bound = explanations.missed(breach, entry)
        yield f"- **{for_markdown(explanations.place(breach.path))}: {score}**, {bound}"
        for cause in causes:
            meaning = explanations.MEANING.get(cause.raw, cause.raw)
            words = f": {for_markdown(cause.words, MOST_WORDS)}" if cause.words else ""
            yield f"  - {for_markdown(explanations.named(cause, breach))}: {meaning}{words}"
        if more:
            yield f"  - {and_more(more)}"
    for place, words in explanations.unread(entry):
        yield f"- unreadable: **{for_markdown(place)}**" + (f": {for_markdown(words, MOST_WORDS)}" if words else "")
    for words in _found(entry, failed=False):
        yield f"- found: {words}"
    for places, problem, detail in folded(entry.problems):
        where = f" in {for_markdown(places)}" if places else ""
        yield f"- problem: {problem}{where}" + (f": {for_markdown(detail, MOST_WORDS)}" if detail else "")
    yield f"- {'instruction' if edit else 'prompt'}: {for_markdown(prompt, MOST_WORDS)}"
    if isinstance(entry, EditEntry):
        where = f", mask: {for_markdown(entry.mask)}" if entry.mask else ""
        where += f", box: {', '.join(map(str, entry.box))}" if entry.box else ""
        yield f"- source: {for_markdown(entry.source_image)}, edited: {for_markdown(entry.edited_image)}{where}"
    elif image:
        yield f"- image: {for_markdown(image)}"
    if entry.where or entry.test:
        yield f"- at: {for_markdown(entry.where or entry.test)}"
