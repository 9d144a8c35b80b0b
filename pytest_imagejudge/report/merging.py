"""Merging of several reports into one."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import ConfigError
from ..support.counts import sum_of_told
from .ci_run import common
from .model import EditEntry, Entry, Facet, Gate, JudgeEntry, Report, Run, VerdictEntry
from .spool import E
from .tally import summarize
from .uses import sum_of_costs


def merge(reports: Sequence[tuple[str, Report]]) -> Report:
    """Merge reports, each given with the name of its file.

    The same verdict (key, row ID, test and position in the test) counts once. Counts of the runs are added up. Suite
    bounds and baselines are decided over one run: those of a single report are kept, those of several are
    left out, because they were not decided over all images, and `Report.left_out` names them.

    Raises:
        ConfigError: two verdicts under one key, row ID and test differ; the message names both files.
    """
    first = reports[0][1]
    if all(report.model_dump() == first.model_dump() for _, report in reports[1:]):
        only = first
        return only.model_copy(update={"summary": summarize([*only.verdicts, *only.edits])})
    verdicts = _once([(name, report.verdicts) for name, report in reports])
    edits = _once([(name, report.edits) for name, report in reports])
    merged = Report(
        verdicts=verdicts,
        edits=edits,
        run=_merge_runs([report.run for _, report in reports]),
        left_out=_left_out([report for _, report in reports]),
    )
    merged.summary = summarize([*verdicts, *edits])
    return merged


def _left_out(reports: Sequence[Report]) -> list[Gate]:
    """Name the gates over the run that any of the reports had, or left out itself."""
    names: set[Gate] = {name for report in reports for name in report.left_out}
    if any(report.suite for report in reports):
        names.add("suite")
    if any((report.baseline or {}).get("gate") for report in reports):  # without one, nothing was bounded
        names.add("baseline")
    return sorted(names)


def _once(files: Sequence[tuple[str, Sequence[E]]]) -> list[E]:
    """The entries of all files; an entry in several files counts once.

    Within a file no entry is dropped: a test may judge the same image twice, and both verdicts count.
    """
    entries: list[E] = []
    seen: dict[tuple[object, ...], int] = {}  # where it stands in entries
    judged: dict[tuple[object, ...], tuple[str, E]] = {}
    for name, part in files:
        nth: dict[tuple[object, ...], int] = {}
        for entry in part:
            identity: tuple[object, ...] = (entry.key, entry.id, entry.test, *(() if entry.key else _content(entry)))
            nth[identity] = nth.get(identity, 0) + 1
            place = (*identity, nth[identity])
            for which, fields in ((place, _VERDICT), (("key", entry.key), _JUDGED)):
                if which == ("key", "") or (which[0] == "key" and entry.error):
                    continue  # what was not judged contradicts no verdict on the same image
                before, other = judged.setdefault(which, (name, entry))
                if before != name and (differs := _difference(other, entry, fields)):
                    raise ConfigError(
                        f"{before} and {name} hold different verdicts under one key {entry.key or '(none)'} "
                        f"(row ID {entry.id}, test {entry.test}): they differ in {', '.join(differs)}; "
                        "merge reports of one revision of model, tests and thresholds"
                    )
            if place not in seen:
                seen[place] = len(entries)
                entries.append(entry)
            elif entry.test_failed and not entries[seen[place]].test_failed:
                entries[seen[place]] = entry  # its test failed in one of the runs
    return entries


def _content(entry: Entry) -> tuple[object, ...]:
    """Content that identifies an entry that was never judged and so has no key."""
    if isinstance(entry, VerdictEntry):
        return (entry.image, entry.prompt, entry.where)
    if isinstance(entry, EditEntry):
        return (entry.source_image, entry.edited_image, entry.instruction, entry.where)
    return (entry.where,)


# What a judge has said, and what a test has made of it. All else (words, where the files lie, which engine version
# answered) may differ between two records of the same verdict.
_JUDGED = ("prompt", "instruction", "total", "level1", "level2", "level3", "score", "aspects", "unreadable")


_VERDICT = (*_JUDGED, "outcome", "error", "thresholds", "breaches", "not_applicable")


def _difference(one: Entry, other: Entry, fields: Sequence[str]) -> list[str]:
    return [name for name in fields if _field(one, name) != _field(other, name)]


def _field(entry: Entry, name: str) -> object:
    if name == "outcome" and entry.outcome == "passed" and not (entry.thresholds or entry.bounds):
        return "scored"  # an older report says "passed" of what no bound decided
    return _bare(getattr(entry, name, None))


def _bare(value: object) -> object:
    """Scores without the words on them."""
    if isinstance(value, Facet):
        return (value.raw, value.score)
    if isinstance(value, dict):
        return {name: _bare(part) for name, part in value.items()}
    return value


def _merge_runs(every: Sequence[Run]) -> Run:
    runs = [run for number, run in enumerate(every) if run not in every[:number]]
    judges: dict[tuple[str, object], JudgeEntry] = {}
    for run in runs:
        for judge in run.judges:
            # one model may judge images by one protocol and edits by another
            which = (judge.model, judge.fingerprint.get("protocol"))
            known = judges.setdefault(which, judge.model_copy(deep=True))
            for name in ("engine_versions", "served_models", "system_fingerprints"):
                setattr(known, name, sorted({*getattr(known, name), *getattr(judge, name)}))
    counts = ("requests", "from_store", "prompt_tokens", "output_tokens", "restarts")
    return Run(
        version=" + ".join(sorted({run.version for run in runs if run.version})),
        started=min((run.started for run in runs if run.started), default=""),
        seconds=sum(run.seconds for run in runs),
        judges=list(judges.values()),
        failed_tests=[test for run in runs for test in run.failed_tests],
        quarantined=list({one.test: one for run in runs for one in run.quarantined or ()}.values()) or None,
        excused=sorted({test for run in runs for test in run.excused}),
        ci=common([run.ci for run in runs]),
        copies=sorted({words for run in runs for words in run.copies}),
        cached_prompt_tokens=sum_of_told(run.cached_prompt_tokens for run in runs),
        cost=sum_of_costs([run.cost for run in runs if run.cost is not None]),
        **{name: sum(getattr(run, name) for run in runs) for name in counts},
    )
