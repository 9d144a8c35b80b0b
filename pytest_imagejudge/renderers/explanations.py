"""Explanations of why an image or a run failed, and advice. Every report begins with them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import NamedTuple

from ..report.lookup import facet_of, lowest_facets, may_not_fail, why_absent
from ..report.model import FAILED, AnyEntry, Breach, EditEntry, Facet, FindingEntry, Run, VerdictEntry
from ..report.tally import Tally
from ..scoring.findings import FindingKind
from ..scoring.verdict import thinking
from ..support.words import nouns
from ..taxonomy import EDIT_SCALE, EDIT_SCORE, TOTAL, Path, from_written, show
from .excerpts import clipped, excerpt


def judge_names(run: Run) -> dict[str, list[str]]:
    """The judges' names and engine versions, each once; with the protocol where two are of one name."""
    known = {(judge.model, str(judge.fingerprint.get("protocol") or "")) for judge in run.judges}
    models = [model for model, _ in known]
    found: dict[str, list[str]] = {}
    for judge in run.judges:
        protocol = judge.fingerprint.get("protocol")
        name = f"{judge.model} ({protocol})" if models.count(judge.model) > 1 and protocol else judge.model
        versions = found.setdefault(name, [])
        versions += [version for version in judge.engine_versions if version not in versions]
    return found


MOST_CAUSES = 4  # facets that are shown below a breach; the others are counted

SPOOLED = re.compile(r"\b([0-9a-f]{8})[0-9a-f]{56}\.(\w+)$")  # the name of a picture handed over in memory

_HASH = re.compile(r"[0-9a-f]{64}(\.\w+)?")

AT_LEAST_ONE = "at least 1 required"  # of the raw scores 0, 1 and 2

_FOUND: dict[FindingKind, str] = {
    "blank": "without content",
    "half-blank": "half without content",
    "nsfw": "blocked by its pipeline",
    "few-applicable": "too little applies",
}

MEANING = {"0": "fail", "1": "pass", "2": "excel", "N/A": "not applicable"}

_REMEDIES: dict[FindingKind, str] = {
    "blank": (
        "Whatever a judge says of it, nothing is to be seen. Look for the fault in the generation (NaN, a blocked or "
        "an empty output); where such a picture was asked for, say so: blank=True of the call or the marker, or blank "
        "in the manifest."
    ),
    "half-blank": "",
    "nsfw": "The pipeline's own check blocked the picture. Change prompt or seed, or that check.",
    "few-applicable": (
        "Ask about other dimensions (dimensions=), lower min_applicable in the profile, or take a judge that measures "
        "more of the checklist."
    ),
}


@dataclass(frozen=True)
class Cause:
    """A facet that pulled a figure down, and the judge's words on it."""

    path: Path
    raw: str
    words: str
    quoted: bool  # the words are an excerpt of the judge's reasoning, not evidence for this facet


def title(entry: AnyEntry) -> str:
    """Name an image by its row ID, else by its test with the parameters, and by its file where that has a name."""
    if entry.id:
        return entry.id
    test, file = _test_name(entry.test or ""), file_name(entry)
    return f"{test} ({file})" if test and file and file not in test else test or file or "image"


def _test_name(test: str) -> str:
    """The last part of a test's node ID, with its parameters, which may hold colons too."""
    name, bracket, parameters = test.partition("[")
    return name.rpartition("::")[2] + bracket + parameters


def prompt(entry: AnyEntry) -> str:
    """Prompt of an image, or instruction of an edit."""
    return entry.instruction if isinstance(entry, EditEntry) else entry.prompt


def titled_by_test(entry: AnyEntry) -> bool:
    """Tell whether the title is the test's name, which all images of that test share."""
    return not (entry.id or file_name(entry))


def file_name(entry: AnyEntry) -> str:
    """The name of the picture's file; empty for a picture handed over in memory, whose file's name is a hash."""
    image = entry.edited_image if isinstance(entry, EditEntry) else entry.image
    name = PurePath(image.replace("\\", "/")).name
    return "" if _HASH.fullmatch(name) else name


def place(path: Sequence[str]) -> str:
    """Return a breach's path as readable text."""
    path = from_written(path)
    if path == TOTAL:
        return "Total"
    return "Edit score" if path == EDIT_SCORE else show(path)


def worst_first(breaches: Sequence[Breach]) -> list[Breach]:
    """Sort breaches by shortfall, and equal ones by depth in the tree: the deepest, which says most, first."""
    return sorted(breaches, key=lambda breach: (-abs(breach.score - breach.bound), -len(breach.path)))


def headline(entry: AnyEntry) -> str:
    """Summarize on one line the failures of one image or edit."""
    if entry.error:
        return f"not judged: {entry.error.removeprefix('not judged: ')}"  # a budget's error begins so by itself
    lost = f"unreadable: {', '.join(show(path) for path in entry.unreadable)}" if entry.unreadable else ""
    if lost and context_full(entry):
        lost += " (the context is full: --max-model-len)"
    if found := "; ".join(found_words(found) for found in entry.findings if found.failed):
        return f"{found}; {lost}" if lost else found
    if entry.breaches:
        first = worst_first(entry.breaches)[0]
        more = f", and {len(entry.breaches) - 1} more" if len(entry.breaches) > 1 else ""
        return f"{shortfall(first, entry)}{more}{'; ' if lost else ''}{lost}"
    if lost:
        return lost
    if entry.outcome in FAILED and entry.not_applicable:
        return f"no bounded score applies: {not_applied(entry)}"
    if nothing_bounded(entry):
        return f"the profile {entry.thresholds} has no bounds for {_kind(entry)}s, so no {_kind(entry)} can pass"
    if entry.outcome == "scored":
        return f"{scored(entry)}; its test failed for a reason of its own" if entry.test_failed else scored(entry)
    return entry.outcome


def not_applied(entry: AnyEntry) -> str:
    """Name the places that are bounded and do not apply, those of one reason of the judge together."""
    found: dict[str, list[str]] = {}
    for path in entry.not_applicable:
        found.setdefault(clipped(why_absent(entry, path), 160), []).append(place(path))
    reasons = sorted(found.items(), key=lambda each: not each[0])  # those without a reason last
    return ", ".join(", ".join(names) + (f" ({why})" if why else "") for why, names in reasons)


def scored(entry: AnyEntry) -> str:
    """Return the overall figure of an image that no bound decided."""
    overall = entry.score if isinstance(entry, EditEntry) else entry.total
    return "scored" if overall is None else f"scored {figure(overall, entry)}"


def found_words(found: FindingEntry) -> str:
    """Put a finding of a picture, which is no score, into words."""
    return f"{_FOUND[found.kind]}: {found.detail}" if found.detail else _FOUND[found.kind]


def found_in_words(findings: Mapping[FindingKind, int]) -> str:
    """Say how many images have each finding; empty where there is none."""
    return ", ".join(f"{number} {_FOUND[kind]}" for kind, number in findings.items())


def context_full(entry: AnyEntry) -> bool:
    """Tell whether an answer could not be read because the model's context had no room for it."""
    return any(problem.kind == "context-full" for problem in entry.problems)


def judged_noun(tally: Tally) -> str:
    """Return the noun for the images, edits, or both that were judged; singular for one."""
    if tally.images and tally.edits:
        return "images and edits"
    return nouns(tally.images + tally.edits, "edit" if tally.edits else "image")


def none_failed(tally: Tally) -> str:
    """Return the line of a run in which nothing failed: how many passed, were only scored, and are excused."""
    number, scored, excused = tally.images + tally.edits, tally.outcomes["scored"], tally.excused
    if number == excused:
        return f"No failure, {excused} excused" if excused else "Nothing was judged"
    of = f"{number} {judged_noun(tally)}"
    more = f", {excused} excused" if excused else ""
    if scored == number - excused:
        return f"{f'{scored} of ' if excused else ''}{of} scored, no bounds applied{more}"
    if scored or excused:
        return f"{number - scored - excused} of {of} passed{f', {scored} only scored' if scored else ''}{more}"
    return f"{'' if number == 1 else 'All '}{of} passed"


def rank(entry: AnyEntry) -> int:
    """Return the place of an image among those shown as failed: missed bounds, not judged, scored."""
    return ("failed", "error").index(entry.outcome) if entry.outcome in FAILED else 2


def judges(run: Run) -> Iterator[str]:
    """Name each judge with its engines and their versions; one that is its own engine, once."""
    for name, versions in judge_names(run).items():
        own = [version.removeprefix(f"{name} ") for version in versions if version.startswith(f"{name} ")]
        other = [version for version in versions if not version.startswith(f"{name} ")]
        version = f", version{'s' if len(own) > 1 else ''} {', '.join(own)}" if own else ""
        yield " on ".join(filter(None, (name + version, ", ".join(other))))


def mixed_versions(run: Run) -> list[str]:
    """Name what is mixed in this run's answers, once for each mixture: engine versions, models behind one name."""
    found = []
    for judge in run.judges:
        for what, names in (("engine versions", judge.engine_versions), ("models under one name", judge.served_models)):
            if len(names) > 1:
                found.append(f"{what} are mixed: {', '.join(names)}")
    return list(dict.fromkeys(found))


def nothing_bounded(entry: AnyEntry) -> bool:
    """Tell whether an entry failed because the profile has no bounds for its kind, such as none for edits."""
    causes = entry.bounds or entry.breaches or any(found.failed for found in entry.findings)
    return entry.outcome == "failed" and bool(entry.thresholds) and not causes


def _kind(entry: AnyEntry) -> str:
    return "edit" if isinstance(entry, EditEntry) else "image"


def figure(value: float | None, entry: AnyEntry | None = None) -> str:
    """A figure as reports print it: one decimal, two for an edit."""
    return "N/A" if value is None else f"{value:.{2 if isinstance(entry, EditEntry) else 1}f}"


def missed(breach: Breach, entry: AnyEntry) -> tuple[str, str]:
    """A breach's score and bound, in words; the raw score where the bound is that a facet may not fail."""
    if breach.score == 0 and may_not_fail(breach.path, breach.bound):
        return "raw score 0", AT_LEAST_ONE
    score, bound = below(breach, entry)
    least = "at least" if isinstance(entry, EditEntry) else "bound"  # beside an edit's "at most"
    return score, f"{'at most' if breach.side == 'most' else least} {bound}"


def shortfall(breach: Breach, entry: AnyEntry) -> str:
    """A breach on one line: where, the score, the bound."""
    if may_not_fail(breach.path, breach.bound):
        return f"{place(breach.path)}: {', '.join(missed(breach, entry))}"
    sign = " > " if breach.side == "most" else " < "
    return f"{place(breach.path)} {sign.join(below(breach, entry))}"


def below(breach: Breach, entry: AnyEntry | None = None) -> tuple[str, str]:
    """A breach's score and bound with enough decimals to show the difference: 59.98 < 60.00, never 60.0 < 60.0."""
    for digits in range(2 if isinstance(entry, EditEntry) else 1, 9):
        score, bound = f"{breach.score:.{digits}f}", f"{breach.bound:.{digits}f}"
        if score != bound and (digits > 3 or float(bound) == breach.bound):
            return score, bound
    return repr(breach.score), repr(breach.bound)


class Explained(NamedTuple):
    """A breach with the causes that are shown, and the number of those that are not."""

    breach: Breach
    causes: list[Cause]
    more: int


def explained(entry: AnyEntry, most: int | None = MOST_CAUSES) -> Iterator[Explained]:
    """Yield every breach, worst first, with up to ``most`` causes; no cause and no excerpt is given twice."""
    said: set[Path] = set()
    quoted: set[str] = set()
    for breach in worst_first(entry.breaches):
        fresh = [cause for cause in causes(entry, breach.path) if cause.path not in said]
        found = []
        for cause in fresh[:most]:
            found.append(replace(cause, words="") if cause.quoted and cause.words in quoted else cause)
            said.add(cause.path)
            quoted.add(cause.words)
        yield Explained(breach, found, len(fresh) - len(found))


def reason(entry: AnyEntry) -> str:
    """The judge's reason for the worst of the worst breach's causes that has one, with its name; empty without any."""
    for breach, found, _ in explained(entry):
        for cause in found:
            if cause.words and not cause.quoted:
                said = " ".join(cause.words.split())
                return f"{named(cause, breach)} ({MEANING.get(cause.raw, cause.raw)}): {said}"
        break
    return ""


def named(cause: Cause, breach: Breach) -> str:
    """A cause's name below the breach that it explains, without the levels that the breach names already."""
    below_it = list(cause.path[: len(breach.path)]) == breach.path
    relative = cause.path[len(breach.path) :] if below_it else cause.path
    return show(tuple(dict.fromkeys(relative)) or cause.path[-1:])


def causes(entry: AnyEntry, path: Sequence[str]) -> list[Cause]:
    """The facets below ``path`` that pulled its figure down, lowest first (an edit: its aspects)."""
    if isinstance(entry, EditEntry):
        return _edit_causes(entry, path)
    return [
        _cause(entry, place_, facet)
        for place_ in lowest_facets(entry, from_written(path))
        if (facet := facet_of(entry, place_)) is not None
    ]


def _cause(entry: VerdictEntry, path: Path, facet: Facet) -> Cause:
    if facet.evidence:
        return Cause(path, str(facet.raw), clipped(facet.evidence), quoted=False)
    return Cause(path, str(facet.raw), excerpt(thinking(entry.answers.get(path[0], "")), path[-1]), quoted=True)


def _edit_causes(entry: EditEntry, path: Sequence[str]) -> list[Cause]:
    if len(path) == 1 and (words := entry.evidence.get(path[0], "")) and tuple(path) != EDIT_SCORE:
        return [Cause(tuple(path), figure(entry.aspects.get(path[0]), entry), clipped(words), quoted=False)]
    aspects = sorted(
        ((value, name) for name, value in entry.aspects.items() if value is not None), key=lambda pair: pair[0]
    )
    found = [
        Cause((name,), figure(value, entry), clipped(entry.evidence.get(name, "")), quoted=False)
        for value, name in aspects
    ]
    if words := entry.evidence.get("score", ""):
        found.insert(0, Cause(EDIT_SCORE, figure(entry.score, entry), clipped(words), quoted=False))
    elif not any(cause.words for cause in found) and (words := excerpt(thinking(entry.answer), "")):
        found.insert(0, Cause(EDIT_SCORE, figure(entry.score, entry), words, quoted=True))
    return found


def unread(entry: AnyEntry) -> list[tuple[str, str]]:
    """List the places that could not be read, each with an excerpt of the answer; an excerpt is given once.

    The list is empty for an image that was not judged: the error explains that.
    """
    if entry.error and not (entry.answer if isinstance(entry, EditEntry) else entry.level3):
        return []
    found: list[tuple[str, str]] = []
    for path in entry.unreadable:
        answer = entry.answers.get(path[0], entry.answer if isinstance(entry, EditEntry) else "")
        answer = answer.rpartition("</think>")[2].strip() or answer  # of thinking and nothing more the end is shown
        words = excerpt(answer, path[-1] if len(path) == 3 else "")
        found.append((show(path), "" if any(words == said for _, said in found) else words))
    return found


def advice(entry: AnyEntry) -> str:
    """Advise a next step, in a sentence or two; empty for an image that passed, or was scored."""
    if entry.outcome not in FAILED:
        return ""
    if entry.error:
        return "Fix what the message names and run again. With a store, known answers are not asked for again."
    if entry.unreadable and context_full(entry):
        return (
            "The judge's context has no room for a whole answer beside the prompt and the picture. Serve it with a "
            "larger --max-model-len; where the run starts the server, --judge-arg=--max-model-len=N hands it on. "
            "The next run asks again."
        )
    if entry.unreadable:
        forced = "grammar" in entry.fingerprint.get("sampling", {})
        refused = any(problem.kind == "unconstrained" for problem in entry.problems)
        more = "." if forced or refused else "; judge_decoding = constrained forces the form of the answer."
        return (
            "Nothing passes on an answer that can't be read. Its raw text is in the report (--judge-report). "
            f"The next run asks again{more}"
        )
    for found in entry.findings:
        if found.failed:
            return _REMEDIES[found.kind]
    if entry.breaches:
        return (
            "Look at the picture. If the judge is right, the model or its settings fell short; if the bound does not "
            "suit such images, give them their own (thresholds= of the marker or the call, or a manifest's column)."
        )
    if nothing_bounded(entry):
        table, shipped = "[level1] (Quality = 60)", "default"
        if isinstance(entry, EditEntry):
            given = ", ".join(name for name, value in entry.aspects.items() if value is not None)
            table, shipped = "[edit] (score = 3.5)", "edit" if entry.scale[1] == EDIT_SCALE[1] else "edit-10"
            if entry.score is None and given:
                table, shipped = f"[edit.aspects] ({given})", "edit-signals"
        elif entry.fingerprint.get("protocol") == "signals":
            shipped = "signals"
        return (
            f'Give {_kind(entry)}s a shipped profile (thresholds="{shipped}" of the call or the marker, or in a '
            f"manifest's column), add bounds for them to the profile, under {table}, or call score, which applies no "
            "bounds."
        )
    if entry.not_applicable and isinstance(entry, EditEntry):
        given = ", ".join(name for name, value in entry.aspects.items() if value is not None)
        return (
            f"Set bounds on the scores that this judge gives for edits, under [edit.aspects]: {given}." if given else ""
        )
    if entry.not_applicable:
        return "Set a bound that applies to this prompt, or ask about other dimensions (dimensions=)."
    return ""
