"""Profiles, strictly typed: bounds on totals, levels, facets, edits, means and drops."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationInfo, model_validator

from ..errors import ConfigError
from ..protocols.base import Protocol
from ..scoring.verdict import EditVerdict, Verdict
from ..taxonomy import (
    EDIT_SCALE,
    EDIT_SCORE,
    FACETS,
    TOTAL,
    FacetPath,
    check_path,
    facets_of,
    nearest,
    show,
    show_scale,
)
from .aspects import Aspects, Side, show_side
from .scales import Scale, outside

Bound = Annotated[float, Field(ge=0, le=100)]


PART = "part"  # context of the validation of a file that extends another: its bounds may be on that one's scale


Names = dict[str, Bound]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Levels(_Strict):
    """A total, any L1 and any L2."""

    total: Bound | None = None
    level1: Names = {}
    level2: dict[str, Names] = {}

    @model_validator(mode="after")
    def _known(self) -> _Levels:
        for key, path in self._paths():
            try:
                check_path(path)
            except KeyError as error:
                raise ValueError(f"{key}: {error.args[0]}") from None
        return self

    def _paths(self) -> Iterable[tuple[str, FacetPath]]:
        yield from (("level1", (one,)) for one in self.level1)
        yield from (("level2", (one,)) for one in self.level2)
        yield from (("level2", (one, two)) for one, twos in self.level2.items() for two in twos)

    def bounds(self) -> dict[FacetPath, float]:
        """Every bound by path; ``()`` is the total."""
        found: dict[FacetPath, float] = {} if self.total is None else {TOTAL: self.total}
        found.update({(one,): bound for one, bound in self.level1.items()})
        found.update({(one, two): bound for one, twos in self.level2.items() for two, bound in twos.items()})
        return found


class Edit(_Strict):
    """Bounds on one edit: the overall score and further scores by name, and the scale of all bounds on scores."""

    scale: Scale = EDIT_SCALE
    score: float | None = None
    aspects: Aspects = {}

    def bounds(self) -> list[tuple[FacetPath, Side, float]]:
        """Every bound, with the side on which it stands: the least that a figure may be, or the most."""
        found: list[tuple[FacetPath, Side, float]] = [] if self.score is None else [(EDIT_SCORE, "least", self.score)]
        found += [((name,), side, bound) for name, between in self.aspects.items() for side, bound in between.sides()]
        return found


class SuiteEdit(_Strict):
    """A bound on the mean of the edits' scores, on the scale of `Edit`."""

    score: float | None = None


class Suite(_Levels):
    """Bounds on the mean of a run, and the policy for an interval that contains the bound."""

    on_undecided: Literal["mean", "pass", "fail"] = "mean"
    edit: SuiteEdit = SuiteEdit()


class EditMargin(_Strict):
    """The largest drop allowed of the mean edit score, on the scale of `Edit`."""

    score: float | None = None


class Margins(_Levels):
    """The largest drop allowed against the baseline, in points, and how many images may newly fail."""

    on_undecided: Literal["pass", "mean", "fail"] = "pass"
    newly_failing: Annotated[int, Field(ge=0)] | None = None
    edit: EditMargin = EditMargin()


class Profile(_Levels):
    """A whole profile. See ``docs/thresholds.md`` for the keys."""

    extends: str | None = None
    must_not_fail: list[list[str]] = []
    min_applicable: Annotated[int, Field(ge=1, le=len(FACETS))] | None = None  # facets of an image with a score
    level3: dict[str, dict[str, Names]] = {}
    edit: Edit = Edit()
    suite: Suite = Suite()
    baseline: Margins = Margins()

    _name: str = PrivateAttr("")

    @model_validator(mode="after")
    def _on_scale(self, info: ValidationInfo) -> Profile:
        if info.context != PART and (words := outside(self._edit_scores, self.edit.aspects, self.edit.scale)):
            raise ValueError(words)
        return self

    @property
    def name(self) -> str:
        """The shipped name or the file, for display."""
        return self._name

    def _paths(self) -> Iterable[tuple[str, FacetPath]]:
        yield from super()._paths()
        for one, twos in self.level3.items():
            yield "level3", (one,)
            for two, threes in twos.items():
                yield "level3", (one, two)
                yield from (("level3", (one, two, three)) for three in threes)
        for path in self.must_not_fail:
            if len(path) != 3:
                raise ValueError(f"must_not_fail: a path of a facet (L1, L2, L3) is expected, not {path!r}")
            yield "must_not_fail", tuple(path)

    def bounds(self) -> dict[FacetPath, float]:
        """Every bound on one image by path; ``()`` is the total. A facet that must not fail has the bound 60."""
        found = super().bounds()
        for one, twos in self.level3.items():
            for two, threes in twos.items():
                found.update({(one, two, three): bound for three, bound in threes.items()})
        for path in map(tuple, self.must_not_fail):
            found[path] = max(found.get(path, 0.0), 60.0)
        return found

    def dump(self) -> dict[str, Any]:
        """Return plain data: ``bounds``, as `load_profile` takes them, and ``name``."""
        return {"name": self.name, "bounds": self.model_dump(exclude_defaults=True, exclude={"extends"})}

    @property
    def bounds_images(self) -> bool:
        """Tell whether there is a bound on single images."""
        return bool(self.bounds()) or self.min_applicable is not None

    @property
    def bounds_edits(self) -> bool:
        """Tell whether there is a bound on single edits."""
        return bool(self.edit.bounds())

    @property
    def bounds_means(self) -> bool:
        """Tell whether there is a bound on the mean of a run."""
        return bool(self.suite.bounds()) or self.suite.edit.score is not None

    @property
    def bounds_drops(self) -> bool:
        """Tell whether there is a bound on drops against a baseline."""
        margins = self.baseline
        return bool(margins.bounds()) or margins.edit.score is not None or margins.newly_failing is not None

    @property
    def bounds_anything(self) -> bool:
        """Tell whether the profile has any bound."""
        return self.bounds_images or self.bounds_edits or self.bounds_means or self.bounds_drops

    @property
    def _edit_scores(self) -> dict[str, float]:
        """The bounds on overall scores of edits, and on their drops, by key."""
        edit, suite, baseline = self.edit.score, self.suite.edit.score, self.baseline.edit.score
        found = {"edit.score": edit, "suite.edit.score": suite, "baseline.edit.score": baseline}
        return {name: bound for name, bound in found.items() if bound is not None}

    def only_the_run(self, kind: str) -> bool:
        """Tell whether images, or edits, are bounded as a whole (`suite`, `baseline`) and not one by one."""
        if kind == "edit":
            whole = self.suite.edit.score is not None or self.baseline.edit.score is not None
            return whole and not self.bounds_edits
        return bool(self.suite.bounds() or self.baseline.bounds()) and not self.bounds_images

    def check(self, verdict: Verdict) -> Check:
        """Apply the bounds on one image. A figure that is N/A, or was not asked, is not applicable.

        A figure that could not be read is neither missed nor not applicable: such a verdict is an error.
        """
        bounds = self.bounds().items()
        rows = [(path, bound, verdict.value(path)) for path, bound in bounds if not verdict.missing(path)]
        check = _check([(path, "least", bound, score) for path, bound, score in rows])
        if self.min_applicable is None:
            return check
        applicable = sum(facet.score is not None for facet in verdict.level3.values())
        return replace(check, applicable=applicable, min_applicable=self.min_applicable)

    def check_edit(self, verdict: EditVerdict) -> Check:
        """Apply the bounds on one edit.

        Raises:
            ConfigError: they are on another scale than its scores.
        """
        if verdict.score is not None and verdict.scale != self.edit.scale and self.bounds_edits:
            raise ConfigError(
                f"{self._where}: the bounds on edits are on the scale {show_scale(self.edit.scale)}, and this edit was "
                f"scored from {show_scale(verdict.scale)}"
            )
        lost = {path[1:] for path in verdict.unreadable}  # () is the whole edit
        if () in lost:
            return _check([])
        figures: dict[FacetPath, float | None] = {(name,): value for name, value in verdict.aspects.items()}
        figures[EDIT_SCORE] = verdict.score
        return _check(
            [(path, side, bound, figures.get(path)) for path, side, bound in self.edit.bounds() if path not in lost]
        )

    def require_measurable(self, protocol: Protocol, model: str) -> None:
        """Check that ``protocol`` can measure the bounded figures.

        Raises:
            ConfigError: a bound can't be measured; the message names the bound and the figures that can.
        """
        if protocol.kind != "image":
            self._require_edits(protocol, model)
            return
        bounded = {
            **self.bounds(),
            **self.suite.bounds(),
            **self.baseline.bounds(),
        }
        if self.min_applicable is not None and self.min_applicable > len(protocol.measures):
            raise ConfigError(
                f"{self._where}: min_applicable: {self.min_applicable} facets, but the judge {model} measures "
                f"{len(protocol.measures)} of {len(FACETS)}"
            )
        for path in bounded:
            if path == TOTAL and not protocol.has_total:
                can = _measurable(protocol)
                raise ConfigError(
                    f"{self._where}: total is bounded, but the judge {model} measures {len(protocol.measures)} of "
                    f"{len(FACETS)} facets and has no total; it can measure {can}"
                )
            if path != TOTAL and not protocol.measures.intersection(facets_of(path)):
                raise ConfigError(
                    f"{self._where}: {show(path)} is bounded, but the judge {model} cannot measure it; "
                    f"it can measure {_measurable(protocol)}"
                )

    def _require_edits(self, protocol: Protocol, model: str) -> None:
        known = protocol.aspects
        for key in self._edit_scores:
            if not protocol.has_total:
                raise ConfigError(
                    f"{self._where}: {key} is bounded, but the judge {model} gives no overall score of an edit; bound "
                    f"its aspects, under [edit.aspects]: {', '.join(protocol.aspect_ranges or known or ())}"
                )
        bounded = [*self._edit_scores, *(f"edit.aspects.{name}" for name in self.edit.aspects)]
        if bounded and protocol.has_total and protocol.scale != self.edit.scale:
            low, high = protocol.scale
            raise ConfigError(
                f"{self._where}: {bounded[0]} is bounded on the scale {show_scale(self.edit.scale)}, but the judge "
                f"{model} ({protocol.name}) scores edits from {low:g} to {high:g}: put scale = [{low:g}, {high:g}] "
                "under [edit], with bounds on that scale"
            )
        for name, between in self.edit.aspects.items():
            if known is not None and name not in known:
                has = f"it gives {', '.join(known)}" if known else "it gives an overall score only"
                raise ConfigError(
                    f'{self._where}: edit.aspects: "{name}" is bounded, but the judge {model} does not give it'
                    f"{nearest(name, known)}; {has}"
                )
            if protocol.aspect_ranges and name not in protocol.aspect_ranges:
                raise ConfigError(
                    f'{self._where}: edit.aspects: "{name}" is bounded, but the judge {model} cannot measure it; '
                    f"it can measure {', '.join(protocol.aspect_ranges)}"
                )
            low, high = protocol.aspect_ranges.get(name, (-math.inf, math.inf))
            for side, bound in between.sides():
                if not low <= bound <= high:
                    raise ConfigError(
                        f"{self._where}: edit.aspects.{name}: {show_side(side)} {bound:g} is bounded, but the judge "
                        f"{model} gives {low:g} to {high:g}"
                    )

    @property
    def _where(self) -> str:
        return f"thresholds {self.name}" if self.name not in ("", "thresholds") else "thresholds"


def _measurable(protocol: Protocol) -> str:
    return ", ".join(f'"{show(path)}"' for path in FACETS if path in protocol.measures)


class MissedBound(NamedTuple):
    """A bound that a figure lies below, or above where ``side`` is "most".

    ``path`` is a place of the tree, or of an edit's score or aspect.
    """

    path: FacetPath
    score: float
    bound: float
    side: Side = "least"


@dataclass(frozen=True, slots=True)
class Check:
    """Result of applying a profile to one verdict.

    Attributes:
        breaches: bounds that were missed, the first broken first.
        not_applicable: bounded paths without a figure (N/A or not asked).
        applied: how many bounds had a figure.
        applicable: how many facets had a score; counted where the profile asks for some.
        min_applicable: how many the profile asks for; 0 where it does not.
    """

    breaches: tuple[MissedBound, ...]
    not_applicable: tuple[FacetPath, ...]
    applied: int
    applicable: int = 0
    min_applicable: int = 0

    @property
    def passed(self) -> bool:
        """Tell whether enough was applicable and no bound was missed."""
        return (self.applied > 0 or self.applies_by_count) and not self.breaches and not self.too_few

    @property
    def too_few(self) -> bool:
        """Tell whether fewer facets had a score than the profile asks for."""
        return self.applicable < self.min_applicable

    @property
    def applies_by_count(self) -> bool:
        """Tell whether the profile asks for nothing but a number of facets."""
        return self.min_applicable > 0 and not self.not_applicable


def _check(rows: Sequence[tuple[FacetPath, Side, float, float | None]]) -> Check:
    breaches, absent, applied = [], [], 0
    for path, side, bound, score in rows:
        if score is None:
            absent.append(path)
            continue
        applied += 1
        if score < bound if side == "least" else score > bound:
            breaches.append(MissedBound(path, score, bound, side))
    return Check(tuple(breaches), tuple(dict.fromkeys(absent)), applied)
