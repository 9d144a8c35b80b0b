"""The gate of a run with ``--judge-stored-only``: what was not asked is not decided, and everything else counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from ..engines.stored_only import NOT_ASKED
from ..errors import ConfigError
from ..renderers.explanations import headline, place
from ..report.model import FAILED, AnyEntry, Report
from ..support.words import plural

if TYPE_CHECKING:
    from collections.abc import Collection

_WHOLE_RUN = "imagejudge"  # the class of bounds on means, margins and last looks in JUnit files


@dataclass(frozen=True)
class StoredGate:
    """The decision on a run that asked no judge.

    Attributes:
        failures: a line for each failure that is no lack of an answer.
        not_asked: images and edits without a stored answer.
        undecided: bounds on the run that lack images.
    """

    failures: tuple[str, ...]
    not_asked: tuple[AnyEntry, ...]
    undecided: tuple[str, ...]

    def words(self) -> str:
        """Return one line on what is not decided; empty where all is."""
        if not (self.not_asked or self.undecided):
            return ""
        images = plural(len(self.not_asked), "image")
        gates = f"; not decided: {', '.join(self.undecided)}" if self.undecided else ""
        return f"NOT JUDGED: {images} without a stored answer; no judge was asked{gates}"


def decide(report: Report, junit: Path) -> StoredGate:
    """Tell what failed from what was not asked.

    A test is not decided where an image of its own was not asked about, and none missed its bounds. A test that failed
    before the judge's part in it, or without any image, has failed.

    Args:
        report: of the run.
        junit: the file of pytest's ``--junit-xml``, of the same run.

    Raises:
        ConfigError: the file is no JUnit XML, or names no test.
    """
    not_asked, failures = [], []
    for entry in report.every():
        if entry.error == NOT_ASKED:
            not_asked.append(entry)
            if not _missed(entry):
                continue
        if entry.outcome in FAILED and entry.test not in report.run.excused:
            failures.append(f"{entry.id or entry.test}: {headline(entry.model_copy(update={'error': ''}))}")
    open_gates = set(_open_gates(report))
    undecided = []
    for name, whole_run, words, said in _failed_cases(junit):
        if whole_run and name in open_gates:
            undecided.append(name)
        elif whole_run or not _lacks_answers(said):
            failures.append(f"{name}: {words}")
    return StoredGate(tuple(failures), tuple(not_asked), tuple(undecided))


def undecided_left_out(report: Report, gate: StoredGate) -> Report:
    """Return the report without what is not decided."""
    left = {id(entry) for entry in gate.not_asked if not _missed(entry)}
    return report.model_copy(
        update={
            "verdicts": [entry for entry in report.verdicts if id(entry) not in left],
            "edits": [entry for entry in report.edits if id(entry) not in left],
            "baseline": None if any(name.startswith("baseline[") for name in gate.undecided) else report.baseline,
            "suite": [row for row in report.suite if f"suite[{place(row.path)}]" not in gate.undecided],
        }
    )


def _missed(entry: AnyEntry) -> bool:
    """Tell whether an image missed a bound by those answers that are stored, or by what is seen in the picture."""
    return bool(entry.breaches) or any(found.failed for found in entry.findings)


def _lacks_answers(said: Collection[tuple[str, str]]) -> bool:
    """Tell whether the images of a failed test explain it by the lack of an answer alone."""
    errors = [value for name, value in said if name == "imagejudge.error"]
    return bool(errors) and set(errors) == {NOT_ASKED} and ("imagejudge.outcome", "failed") not in said


def _open_gates(report: Report) -> Iterator[str]:
    """The bounds on the run that failed for want of images only."""
    for row in report.suite:
        if row.not_judged:
            yield f"suite[{place(row.path)}]"
    baseline = report.baseline or {}
    for row in baseline.get("rows", ()):
        if row.get("not_judged"):
            yield f"baseline[{place(row['path'])}]"
    outcomes = baseline.get("outcomes") or {}
    if outcomes.get("not_judged") and len(outcomes.get("newly_failing", ())) <= (outcomes.get("allowed") or 0):
        yield "baseline[newly failing]"


def _failed_cases(junit: Path) -> Iterator[tuple[str, bool, str, list[tuple[str, str]]]]:
    """Name, place, first line and properties of each failed test."""
    try:
        cases = list(ElementTree.parse(junit).iter("testcase"))  # noqa: S314 - pytest has written it
    except (OSError, ElementTree.ParseError) as error:
        raise ConfigError(f"--gate-stored {junit}: the file of pytest's --junit-xml is expected: {error}") from None
    if not cases:
        raise ConfigError(f"--gate-stored {junit}: it names no test, so that nothing is known to have passed")
    for case in cases:
        whole_run = case.get("classname", "") == _WHOLE_RUN
        name = case.get("name", "")
        said = [(one.get("name", ""), one.get("value", "")) for one in case.iter("property")]
        for found in (*case.findall("failure"), *case.findall("error")):
            words = " ".join(found.get("message", "").split())[:300]
            yield (name if whole_run else f"{case.get('classname')}::{name}"), whole_run, words, said
