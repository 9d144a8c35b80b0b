"""Verdicts: a judge's scores of one image (`Verdict`) or one edit (`EditVerdict`)."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, TypeVar

from ..support.escaping import escape
from ..taxonomy import EDIT_SCALE, FACETS, Path, check_path, show
from . import figures
from .findings import Finding

F = TypeVar("F")


Raw = Literal[0, 1, 2, "N/A"]


ProblemKind = Literal[
    "fenced",  # the JSON stood in a code fence
    "mended",  # what stood there was nearly JSON; the detail names what was mended
    "surrounded",  # text stood around the JSON
    "wrapped",  # an outer level around the expected ones, such as {"Quality": {...}}
    "flat",  # the L2 level was missing
    "misplaced",  # a facet stood under another L2 of the same dimension
    "renamed",  # a name differed from the checklist's in case, spacing or a known variant
    "invented",  # a name that the checklist does not have; left out
    "coerced",  # a score was written as "1", 1.0 or bare, and could be taken as meant
    "duplicate",  # the same facet twice, or two objects
    "missing",  # a facet of the checklist had no score
    "bad-score",  # a score that is none of 0, 1, 2, "N/A"
    "truncated",  # the answer ended before it was complete
    "unfinished-thinking",  # the answer ended inside the thinking
    "no-answer",  # nothing that could be read as an answer
    "wrong-type",  # JSON, but not an object where one was expected; or an answer that is no text
    "out-of-range",  # an edit score outside its scale
    "other-scale",  # an edit score on another scale, such as 8/10 for 1 to 5
    "drawn",  # a score that the published code draws at random; here it is none
    "several-answers",  # more than one edit score
    "special-token",  # the prompt held a special token of the model; it was taken apart
    "asked-again",  # the first answer could not be read; this one is the second
    "unconstrained",  # the endpoint refused or ignored the grammar, or refused the thinking budget
    "refused-field",  # the endpoint refused another field of the request, and was asked without it
    "answer-in-reasoning",  # the whole answer stood in the field for thinking, and was taken from there
    "region-unused",  # a mask or a box was given, and this judge is not told of it
    "context-full",  # the server cut the answer off before its limit, because the model's context was full
]


@dataclass(frozen=True, slots=True)
class Problem:
    """A fault of a request or an answer, repaired or not."""

    path: Path
    kind: ProblemKind
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FacetScore:
    """One facet's raw score, 0 (fail), 1 (pass), 2 (excel) or "N/A", with the judge's evidence."""

    raw: Raw
    evidence: str = ""

    @property
    def score(self) -> float | None:
        """The mapped score: 0.0, 60.0, 100.0, or None where not applicable."""
        return figures.mapped(self.raw)


class Score(float):
    """A mapped score, 0 to 100, with an explanation; NaN for a missing score.

    A missing score is false, and so is every comparison with it, "!=" too: an assertion on it fails.
    """

    path: Path
    verdict: Verdict | None

    def __new__(cls, value: float | None, path: Path, verdict: Verdict | None = None) -> Score:
        """Make the score ``value`` (None is no score) at ``path``."""
        self = super().__new__(cls, float("nan") if value is None else value)
        self.path, self.verdict = path, verdict
        return self

    @property
    def _exists(self) -> bool:
        return not math.isnan(self)

    def __bool__(self) -> bool:
        return self._exists and float(self) != 0

    def __ne__(self, other: object) -> bool:
        return self._exists and super().__ne__(other)

    def __repr__(self) -> str:
        if self._exists:
            return f"{float(self):g}"
        if self.verdict is not None and self.verdict.missing(self.path):
            return "unreadable"
        if self.verdict is not None and self.path and self.path[0] not in self.verdict.asked:
            return "not asked"
        return "N/A"

    def __reduce__(self) -> tuple[Any, ...]:
        return (Score, (float(self) if self._exists else None, self.path))

    def explain(self) -> list[str]:
        """Return lines that name the score's path and the facets in it, lowest first."""
        lines = [f"{show(self.path)}: {self!r}"]
        if self.verdict is None:
            return lines
        # first: pytest shows only some lines
        lines += [
            f"{name}: {escape(text)}"
            for name, text in (("prompt", self.verdict.prompt), ("image", self.verdict.image))
            if text
        ]
        if self.path and self.path[0] not in self.verdict.asked:
            return [*lines, f"asked were: {', '.join(self.verdict.asked)}"]
        facets = [(path, facet) for path, facet in self.verdict.level3.items() if path[: len(self.path)] == self.path]
        scored = [(path, facet) for path, facet in facets if facet.score is not None]
        for path, facet in sorted(scored, key=lambda pair: pair[1].score or 0.0):
            words = f"  {escape(facet.evidence)}" if facet.evidence else ""
            lines.append(f"  {show(path[len(self.path) :] or path[-1:])}: {facet.raw}{words}")
        if absent := [path[-1] for path, facet in facets if facet.score is None]:
            lines.append(f"  N/A: {', '.join(absent)}")
        for path in self.verdict.missing(self.path):
            why = [f"{problem.kind} {problem.detail}" for problem in self.verdict.problems if problem.path == path]
            lines.append(escape(f"  {show(path)}: unreadable{': ' if why else ''}{'; '.join(why)}"))
        if self.verdict.error:
            lines.append(f"not judged: {escape(self.verdict.error)}")
        return lines


@dataclass(frozen=True)
class Verdict:
    """The verdict of a judge on one image.

    ``verdict["Quality"]``, ``verdict["Quality", "Realism"]`` and ``verdict["Quality", "Detail", "Noise"]``
    are mapped scores, 0 to 100 (`Score`); a path that the tree does not have is a KeyError that names the nearest.

    Attributes:
        level3: raw score and evidence by facet path, of every facet that was read.
        asked: the L1 that the judge was asked about.
        unreadable: paths, L1 or L3, that were asked and not read; every figure that would contain one is None.
        problems: faults of the answers, repaired or not.
        answers: raw text by L1, the thinking in ``<think>`` tags.
        fingerprint: the facts that decided the answers (judge, revision, protocol digest, image treatment, sampling),
            with engine and version.
        key: content key, equal for the same pixels, prompt, dimensions and judge.
        pixels: SHA-256 of the canonical pixels.
        findings: what was found of the picture that is no score, such as that it has no content.
        has_total: False for a judge that measures too little of the tree for a total to mean anything.
        error: the reason why the image was not judged, or empty.
    """

    prompt: str
    level3: Mapping[Path, FacetScore] = field(default_factory=dict)
    asked: tuple[str, ...] = ()
    unreadable: tuple[Path, ...] = ()
    problems: tuple[Problem, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    image: str = ""
    pixels: str = ""
    source: Literal["engine", "store"] = "engine"
    judged_at: str = ""
    findings: tuple[Finding, ...] = ()
    has_total: bool = True
    error: str = ""

    @cached_property
    def figures(self) -> figures.Figures:
        """L2, L1 and total, from the facets."""
        scores = {path: figures.MAPPED[facet.raw] for path, facet in self.level3.items()}
        return figures.aggregate(scores, self.asked, self.unreadable, has_total=self.has_total)

    @property
    def total(self) -> float | None:
        """The mean of the L1, 0 to 100, or None (unreadable, nothing applicable, or a partial judge)."""
        return self.figures.total

    @property
    def level1(self) -> dict[str, float | None]:
        """Mapped score by L1, of those asked."""
        return self.figures.level1

    @property
    def level2(self) -> dict[str, dict[str, float | None]]:
        """Mapped score by L1 and L2, of those asked."""
        return self.figures.level2

    @property
    def readable(self) -> bool:
        """True where every dimension that was asked was judged and read."""
        return not self.error and not self.unreadable

    @property
    def reasoning(self) -> dict[str, str]:
        """The judge's thinking by L1; empty where there is none."""
        return {name: thinking(text) for name, text in self.answers.items()}

    def missing(self, path: Path) -> tuple[Path, ...]:
        """Return the unreadable paths at, below or above ``path``."""
        return tuple(figures.unread_at(self.unreadable, path))

    def value(self, path: Path) -> float | None:
        """Return the mapped score at ``path`` (0 to 3 names, ``()`` is the total), or None."""
        return figures.figure_at(self.figures, path, self.level3.get)

    def __getitem__(self, name: str | tuple[str, ...]) -> Score:
        if isinstance(name, str) and name.casefold() == "total":
            raise KeyError(f'"{name}" is no dimension; the total is verdict.total')
        path = check_path(name if isinstance(name, (tuple, list)) else (name,))
        return Score(self.value(path), path, self)

    def __str__(self) -> str:
        scores = {"total": self.total, **self.level1}
        return _in_short(self.image, self.error, scores, self.unreadable, 1)

    def __rich__(self) -> Any:
        return _display.tree(self)

    def _repr_html_(self) -> str:
        return _display.html(self)


class Display:
    """The drawing of verdicts in a console and a notebook; here as plain text. `draw_with` sets another one."""

    def tree(self, verdict: Verdict) -> Any:
        """Return a rich renderable; rich would take a plain string for markup."""
        from rich.text import Text

        return Text(escape(repr(verdict)))

    def html(self, verdict: Verdict) -> str:
        """Return HTML for part of a page."""
        return f"<pre>{html.escape(escape(repr(verdict)))}</pre>"


_display = Display()


def draw_with(display: Display) -> None:
    """Set the display of all verdicts."""
    global _display
    _display = display


@dataclass(frozen=True)
class EditVerdict:
    """The verdict of a judge on one edit.

    Attributes:
        score: overall, on ``scale``, or None where it was not read or the judge gives none. Python can't compare None,
            so test for None first, or set a bound in the thresholds.
        scale: the least and the most that the score can be.
        aspects: further scores by name; on ``scale`` for a model, and in units of their own where they are measured.
        mask, box: where the edit was asked to be: the mask's path, or left, top, right, bottom in pixels of the source.
        pixels: SHA-256 of the edited picture's canonical pixels.
        finish_reason: the engine's reason for the end of the answer, which some answers need to be read.
        Others as in `Verdict`.
    """

    instruction: str
    score: float | None = None
    aspects: Mapping[str, float | None] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)
    unreadable: tuple[Path, ...] = ()
    problems: tuple[Problem, ...] = ()
    answers: Mapping[str, str] = field(default_factory=dict)
    fingerprint: Mapping[str, Any] = field(default_factory=dict)
    key: str = ""
    source_image: str = ""
    edited_image: str = ""
    mask: str = ""
    box: tuple[int, int, int, int] | None = None
    pixels: str = ""
    source: Literal["engine", "store"] = "engine"
    judged_at: str = ""
    findings: tuple[Finding, ...] = ()
    finish_reason: str | None = None
    error: str = ""
    scale: tuple[float, float] = EDIT_SCALE

    def __str__(self) -> str:
        scores = {"score": self.score, **self.aspects}
        return _in_short(self.edited_image, self.error, scores, self.unreadable, 2)

    @property
    def answer(self) -> str:
        """The judge's raw text; of a judge that asks several times, a JSON object of the texts by request."""
        if len(self.answers) < 2:
            return next(iter(self.answers.values()), "")
        return json.dumps(dict(self.answers), ensure_ascii=False)

    @property
    def several_answers(self) -> dict[str, str]:
        """The raw texts by request of a judge that asks several times; empty for one that asks once."""
        return dict(self.answers) if len(self.answers) > 1 else {}

    @property
    def reasoning(self) -> str:
        """The judge's thinking; empty where there is none."""
        return "\n".join(filter(None, map(thinking, self.answers.values())))

    @property
    def readable(self) -> bool:
        """True where the edit was judged and the answer read."""
        return not self.error and not self.unreadable


def _in_short(
    image: str, error: str, scores: Mapping[str, float | None], unreadable: Sequence[Path], digits: int
) -> str:
    """Return a verdict on one line: its image, and the error or the scores that there are."""
    found = [f"{name} {value:.{digits}f}" for name, value in scores.items() if value is not None]
    if unreadable:
        found.append(f"unreadable: {', '.join(map(show, unreadable))}")
    return ": ".join(filter(None, (image, error or ", ".join(found) or "no score")))


def verdict_of(
    kind: Literal["image", "edit"],
    text: str,
    *,
    asked: Sequence[str] = (),
    images: Sequence[str] = ("", ""),
    **fields: Any,
) -> Verdict | EditVerdict:
    """Make a verdict of either kind; every dimension asked is unreadable, unless ``fields`` say otherwise.

    Args:
        kind: of the judged object.
        text: the prompt, or the instruction of an edit.
        asked: the L1, or (`EDIT`,).
        images: path of the image, or of the source and the edited one.
        fields: further ones of `Verdict` or `EditVerdict`.
    """
    if "unreadable" not in fields:
        fields["unreadable"] = tuple((name,) for name in asked)
    if kind == "edit":
        source, edited = images
        return EditVerdict(text, source_image=source, edited_image=edited, **fields)
    return Verdict(text, asked=tuple(asked), image=images[0], **fields)


def not_judged(
    kind: Literal["image", "edit"],
    text: str,
    error: str,
    *,
    asked: Sequence[str] = (),
    images: Sequence[str] = ("", ""),
) -> Verdict | EditVerdict:
    """Make the verdict of an image or edit that was not judged: every figure is None. Arguments as of `verdict_of`."""
    return verdict_of(kind, text, asked=asked, images=images, error=error)


def thinking(text: str) -> str:
    """Return the thinking in a raw answer, without the tags."""
    head, end, _ = text.rpartition("</think>")
    if not end:
        return text.partition("<think>")[2].strip() if "<think>" in text else ""
    return head.replace("<think>", "", 1).strip()


def nested(level3: Mapping[Path, F]) -> dict[str, dict[str, dict[str, F]]]:
    """Nest values of facets by L1, L2 and L3, in the order of the tree."""
    tree: dict[str, dict[str, dict[str, F]]] = {}
    for path in FACETS:
        if path in level3:
            one, two, three = path
            tree.setdefault(one, {}).setdefault(two, {})[three] = level3[path]
    return tree
