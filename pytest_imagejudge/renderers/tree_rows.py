"""The tree over one image or many as rows, for all reports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from ..report.lookup import facet_of, may_not_fail
from ..report.model import Report, VerdictEntry
from ..report.tally import Tally
from ..taxonomy import FACETS, TOTAL, TREE, Path, from_written

State = Literal["scored", "N/A", "not asked", "unreadable", "no total"]


@dataclass(frozen=True)
class TreeRow:
    """One place of the tree.

    Attributes:
        path: ``()`` is the total.
        mean: mean over the ``n`` images that have the figure, 0 to 100.
        unread: images that were not judged, or in which the answer for this place, or for one below, was not read.
        lost: of the unread, the images in which the judge's answer failed exactly here; at the total, all of them.
        failed: images with a breach here.
        counts: images by raw score, for a facet.
        evidence: the judge's words, of a single image.
        absent: the judge's words on why a facet does not apply, those that most images have.
        pulled: of the images that failed here, how many each facet below pulled down, by path, most first.
    """

    path: Path
    mean: float | None
    n: int
    state: State
    bound: float | None = None
    unread: int = 0
    lost: int = 0
    failed: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    evidence: str = ""
    absent: str = ""
    children: tuple[TreeRow, ...] = ()
    pulled: tuple[tuple[Path, int], ...] = ()

    @property
    def name(self) -> str:
        """The last name of the path."""
        return self.path[-1] if self.path else "Total"

    @property
    def low(self) -> bool:
        """Tell whether the mean lies below the bound; no mean does where the bound is that no image has 0."""
        return self.tick is not None and self.mean is not None and self.mean < self.tick

    @property
    def tick(self) -> float | None:
        """The bound as a place on the scale of the mean; None where there is none, or where it says "not 0"."""
        return None if self.bound is None or may_not_fail(self.path, self.bound) else self.bound

    @property
    def missed(self) -> bool:
        """Tell whether an image breaches the bound here, or the mean lies below that bound."""
        return bool(self.failed) or self.low

    @property
    def trouble(self) -> bool:
        """Tell whether there is a failure here or below."""
        return self.missed or bool(self.lost) or any(child.trouble for child in self.children)

    @property
    def wrong(self) -> list[str]:
        """Description of the failures exactly here."""
        low = ["mean below the bound"] if self.low and not self.failed else []
        return [*low, *in_words(self.failed, self.lost)]

    @property
    def shown(self) -> str:
        """The mean over images as reports print it, or the reason why there is none."""
        if self.mean is not None:
            return f"{self.mean:.1f}"
        return {"no total": "N/A", "unreadable": "not judged"}.get(self.state, self.state)

    @property
    def shown_bound(self) -> str:
        """The bound as reports print it, or an empty text."""
        return "" if self.bound is None else "not 0" if may_not_fail(self.path, self.bound) else f"{self.bound:g}"

    @property
    def uniform(self) -> bool:
        """Tell whether no place here or below has a figure, all for one reason, so that one line is enough."""
        return not self.n and all(row.state == self.state and not row.bound and not row.failed for row in self.walk())

    @property
    def explained(self) -> bool:
        """Tell whether the judge said of a facet here or below why it does not apply."""
        return any(row.absent for row in self.walk())

    def walk(self) -> Iterator[TreeRow]:
        """Yield this row and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


def tree_rows(entries: Tally | Iterable[VerdictEntry], bounds: Mapping[Path, float] | None = None) -> TreeRow:
    """The whole tree over ``entries``, always 1 + 5 + 23 + 56 rows; of siblings the worst comes first.

    Args:
        entries: the images, or their `Tally`.
        bounds: by path; the total's under ``()`` or ``("total",)``.
    """
    tally = entries if isinstance(entries, Tally) else Tally(entries)
    return _row(TOTAL, tally, {from_written(path): bound for path, bound in (bounds or {}).items()})


def partial(report: Report, root: TreeRow) -> str:
    """Share of the checklist that a judge without a total measures, in words; empty where there is a total."""
    if root.state != "no total":
        return ""
    if names := {tuple(path) for judge in report.run.judges for path in judge.measures}:
        return f"This judge measures {len(names)} of the {len(FACETS)} facets, so there is no total."
    scored = sum(len(row.path) == 3 and row.n > 0 for row in root.walk())
    return f"{scored} of the {len(FACETS)} facets were measured; this judge gives no total."


def in_words(failed: int, lost: int) -> list[str]:
    """Numbers of failed and of unjudged images, in the words of reports."""
    return [f"{number} {word}" for number, word in ((failed, "failed"), (lost, "not judged")) if number]


def _row(path: Path, tally: Tally, bounds: Mapping[Path, float]) -> TreeRow:
    children = sorted((_row((*path, name), tally, bounds) for name in _below(path)), key=_badness)
    mean, n = tally.mean_of(path)
    figure = tally.figures[path]
    state: State = "scored"
    unread = figure.unread
    if not n:
        # of a judge that does not measure this, other images have no figure either
        if unread and (unread == tally.n or (path and figure.lost)):
            state = "unreadable"
        elif not path:
            state = "no total" if any(child.n for child in children) else "N/A"
        else:
            state = "N/A" if path[0] in tally.asked else "not asked"
        unread = unread if state == "unreadable" else 0
    counts: Counter[str] = Counter()
    for (raw, _), number in tally.raws.get(path, {}).items():
        counts[str(raw)] += number
    facet = facet_of(tally.only, path) if tally.only is not None and len(path) == 3 else None
    return TreeRow(
        path,
        mean,
        n,
        state,
        bounds.get(path),
        unread,
        figure.lost,
        figure.failed,
        counts,
        facet.evidence if facet else "",
        tally.reason(path) if state == "N/A" and len(path) == 3 else "",
        tuple(children),
        tuple(figure.pulled.most_common()) if len(path) < 3 else (),
    )


def _below(path: Path) -> Iterable[str]:
    """The names right below a place of the tree."""
    if not path:
        return TREE
    if len(path) == 1:
        return TREE[path[0]]
    return TREE[path[0]][path[1]] if len(path) == 2 else ()


def _badness(row: TreeRow) -> tuple[float, ...]:
    """Sort key that puts the worst first; equal rows keep the checklist's order."""
    if not row.n and not row.unread:
        return (2, 0, 0, 0)
    shortfall = max(
        (each.tick - each.mean for each in row.walk() if each.tick is not None and each.mean is not None), default=0.0
    )
    wrong = any(each.missed for each in row.walk())
    return (0 if wrong else 1, -row.unread, -shortfall if wrong else 0.0, 101.0 if row.mean is None else row.mean)
