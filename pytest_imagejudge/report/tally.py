"""Figures over many entries, none of which is kept: a run of 100,000 images needs no more memory than one of ten."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

from ..scoring.figures import FigureMean, RunMeans, RunningMean
from ..scoring.findings import FindingKind
from ..scoring.verdict import Raw
from ..taxonomy import EDIT_SCALE, PATHS, TOTAL, TREE, Path, from_written, show_scale
from .lookup import EditBounds, edit_bounds, is_unread, lowest_facets, repeat_of, value_of
from .model import FAILED, AnyEntry, EditEntry, Mean, Report, Summary, VerdictEntry

OUTCOMES = ("failed", "error", "passed", "scored")


_MOST_REASONS = 8  # that are kept of each facet; a model may write another one for each image


class FigureCounts(FigureMean):
    """One figure over many images: its mean over those that have it, and the reasons why others have none.

    Attributes:
        lost: of the unread images, those in which the answer failed exactly here.
        failed: images with a breach here.
        pulled: of the failed images, how many each facet below pulled down, by its path.
    """

    __slots__ = ("failed", "lost", "pulled")

    def __init__(self) -> None:
        super().__init__()
        self.lost = self.failed = 0
        self.pulled: Counter[Path] = Counter()


class Tally:
    """Counts and means over the entries of a run.

    Of repeated judgements of one image, which carry ``repeat``, only the first counts.

    Attributes:
        images, edits, failed_edits: entries so far.
        findings: entries by kind of finding, failed or not.
        outcomes: entries by outcome, without excused ones.
        excused: number of entries that `excuse` removed.
        test_failed: number of scored entries in tests that failed for a reason of their own.
        n: images that count.
        figures: by path of the tree; ``()`` is the total.
        raws: images by facet path, raw score and mapped score.
        asked, touched: the L1 that any image was asked about, and those of which it has a facet.
        scores: of edits, by name; "score" is the overall one.
        edit_bounds: all that single edits were bounded by, each once.
        only: the one image that counts, where there is just one.
    """

    def __init__(self, entries: Iterable[AnyEntry] = ()) -> None:
        self.images = self.edits = self.failed_edits = self.n = self.n_edits = 0
        self.outcomes: Counter[str] = Counter()
        self.findings: Counter[FindingKind] = Counter()
        self.excused = self.test_failed = 0
        self._not_passed: Counter[tuple[str | None, str]] = Counter()  # failed and not judged, by test and outcome
        self._scored: Counter[str | None] = Counter()  # by test
        self._means = RunMeans((TOTAL, *PATHS), FigureCounts)
        self.figures = self._means.at
        self.raws: dict[Path, dict[tuple[Raw, float | None], int]] = {}
        self._reasons: dict[Path, Counter[str]] = {}  # why a facet, or a figure of edits, does not apply
        self.asked: set[str] = set()
        self.touched: set[str] = set()
        self.scores = {"score": FigureCounts()}
        self.edit_bounds: set[EditBounds] = set()
        self.scale: list[float] | None = None  # of "score", from the first edit that has one
        self.only: VerdictEntry | None = None
        for entry in entries:
            self.add(entry)

    def add(self, entry: AnyEntry, *, counts: bool = True) -> None:
        """Add one entry; of an entry that does not count, only the outcome."""
        if repeat_of(entry):
            return
        self.outcomes[entry.outcome] += 1
        self.findings.update({found.kind for found in entry.findings})
        if entry.outcome in FAILED:
            self._not_passed[entry.test, entry.outcome] += 1
        elif entry.test_failed:
            self.test_failed += 1
        elif entry.outcome == "scored":
            self._scored[entry.test] += 1
        if isinstance(entry, EditEntry):
            self.edits += 1
            self.failed_edits += entry.outcome == "failed"
            if counts:
                self._add_edit(entry)
        else:
            self.images += 1
            if counts:
                self._add_image(entry)

    def excuse(self, tests: Collection[str]) -> Tally:
        """Remove entries of ``tests`` that did not pass from the outcomes: they do not fail the run."""
        for (test, outcome), number in list(self._not_passed.items()):
            if test in tests:
                self.outcomes[outcome] -= number
                self.excused += number
                del self._not_passed[test, outcome]
        return self

    def note_failed_tests(self, tests: Collection[str]) -> None:
        """Count what was scored in ``tests``, which failed for a reason of their own, among the failed."""
        for test in tests:
            self.test_failed += self._scored.pop(test, 0)

    @property
    def shown_as_failed(self) -> int:
        """Number of entries that reports show among the failed; see `Entry.shown_as_failed`."""
        return self.outcomes["failed"] + self.outcomes["error"] + self.test_failed

    @property
    def in_trouble(self) -> set[str | None]:
        """The tests with an entry that failed or was not judged."""
        return {test for test, _ in self._not_passed}

    def _add_image(self, entry: VerdictEntry) -> None:
        self.n += 1
        self.only = entry if self.n == 1 else None
        figures = self.figures
        self._means.add(entry)
        self.asked.update(one for one in entry.level1 if one in TREE)  # another program's report may have more
        for one, below in entry.level3.items():
            self.touched.add(one)
            for two, threes in below.items():
                for three, facet in threes.items():
                    raws, how = self.raws.setdefault((one, two, three), {}), (facet.raw, facet.score)
                    raws[how] = raws.get(how, 0) + 1
                    if facet.raw == "N/A" and facet.evidence:
                        self._add_reason((one, two, three), facet.evidence)
        for place in {from_written(breach.path) for breach in entry.breaches}:
            if place in figures:
                figures[place].failed += 1
                figures[place].pulled.update(lowest_facets(entry, place))
        if entry.unreadable or entry.error:
            self._add_unread(entry)

    def _add_reason(self, path: Path, reason: str) -> None:
        reasons = self._reasons.setdefault(path, Counter())
        if reason in reasons or len(reasons) < _MOST_REASONS:
            reasons[reason] += 1

    def reason(self, path: Path) -> str:
        """The most common reason why a facet, or a figure of edits by its name, does not apply, and that of others."""
        reasons = self._reasons.get(path)
        if not reasons:
            return ""
        first = " ".join(reasons.most_common(1)[0][0].split())
        return f"{first} (and other reasons)" if len(reasons) > 1 else first

    def _add_unread(self, entry: VerdictEntry) -> None:
        unread = [path for path in self.figures if value_of(entry, path) is None and is_unread(entry, path)]
        self._means.leave_out(unread)
        exactly = {TOTAL, *map(tuple, entry.unreadable)}
        for path in unread:
            self.figures[path].lost += path in exactly

    def _add_edit(self, entry: EditEntry) -> None:
        self.n_edits += 1
        if bounds := edit_bounds(entry):
            self.edit_bounds.add(bounds)
        self.scores[self._name_of(entry)].count(entry.score, unread=bool(entry.unreadable or entry.error))
        for name, value in entry.aspects.items():
            self.scores.setdefault(name, FigureCounts()).add(value)
            if value is None and (why := entry.evidence.get(name)):
                self._add_reason((name,), why)
        for name in {breach.path[0] for breach in entry.breaches if len(breach.path) == 1}:
            self.scores.setdefault(name, FigureCounts()).failed += 1

    def _name_of(self, entry: EditEntry) -> str:
        """The name of the figure that an edit's score is part of: scores on several scales have no mean together."""
        if entry.score is None or self.scale in (None, entry.scale):
            self.scale = self.scale if entry.score is None else entry.scale
            return "score"
        name = f"score, {show_scale(entry.scale)}"
        self.scores.setdefault(name, FigureCounts())
        return name

    @property
    def edit_scale(self) -> list[float]:
        """The scale of "score" among the figures of the edits."""
        return self.scale or list(EDIT_SCALE)

    def edit_scores(self) -> list[tuple[str, FigureCounts]]:
        """Figures of the edits by name, the overall score first; without it where the judge gives only others."""
        overall = self.scores["score"]
        silent = not (overall.n or overall.unread or overall.failed) and len(self.scores) > 1
        found = [(name, figure) for name, figure in self.scores.items() if not (silent and name == "score")]
        return sorted(found, key=lambda pair: (pair[0] != "score", pair[0]))

    def mean_of(self, path: Path) -> tuple[float | None, int]:
        """The mean at a path, 0 to 100, and the number of images in it."""
        if len(path) < 3:
            return self.figures[path].value, self.figures[path].n
        mean = RunningMean()
        for (_, score), number in self.raws.get(path, {}).items():
            mean.add(score, number)
        return mean.value, mean.n

    def summary(self) -> Summary:
        """Means over images: of each image's figure, 0 to 100 (edits: on their judge's scale).

        A figure that an image lacks (N/A, not asked, unreadable, not judged) counts in ``left_out``, never as 0.
        """

        def at(*path: str) -> Mean:
            mean, n = self.mean_of(path)
            return Mean(mean=mean, n=n, left_out=self.n - n)

        summary = Summary(n=self.n, total=at())
        edits = self.scores["score"]
        summary.edits = Mean(mean=edits.value, n=edits.n, left_out=self.n_edits - edits.n)
        summary.edit_scale = self.edit_scale
        for one, twos in TREE.items():
            if one not in self.asked | self.touched:
                continue
            summary.level1[one] = at(one)
            for two, threes in twos.items():
                summary.level2.setdefault(one, {})[two] = at(one, two)
                for three in threes:
                    if (one, two, three) in self.raws:
                        summary.level3.setdefault(one, {}).setdefault(two, {})[three] = at(one, two, three)
        return summary


def tally_of(report: Report) -> Tally:
    """The counts and means over a report's entries: those kept while the entries came in, else counted now."""
    kept = report.counts
    return kept if isinstance(kept, Tally) else Tally(report.every()).excuse(report.run.excused)


def summarize(entries: Iterable[AnyEntry]) -> Summary:
    """Means over images; see `Tally.summary`."""
    return Tally(entries).summary()
