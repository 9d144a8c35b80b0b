"""The settings of a batch run, and the plan of what it judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..images.region import Region, region_of

if TYPE_CHECKING:
    from ..images.image_file import ImageFile
    from ..images.region import Box
    from ..judge import EditJudge, Judge
    from ..renderers.small_copies import SmallCopies
    from ..session.budget import Budget
    from ..thresholds.profile import Profile


@dataclass(frozen=True)
class RunSettings:
    """Settings of a batch run: the judges, the questions for each row, and the use of the verdicts.

    Attributes:
        image, edit: the judges, None where there is none for that kind.
        metadata: L1 by row ID; None asks all that ``dimensions`` names.
        dimensions: L1 of every row that does not say; None is all.
        profile: bounds on every row; None applies none, unless a row names its own.
        load_profile: returns the profile of a name in a row.
        keep: whether entries are kept, for reports and bounds on the run.
        keep_answers: whether they keep the raw answers.
        keep_failed: whether a list of the rows that missed bounds is kept.
        budget: of both judges; None is no limit.
        copies: small copies of the pictures, for a page; None where none is written.
    """

    image: Judge | None = None
    edit: EditJudge | None = None
    metadata: Mapping[str, tuple[str, ...]] | None = None
    dimensions: tuple[str, ...] | None = None
    profile: Profile | None = None
    load_profile: Callable[[str], Profile] | None = None
    keep: bool = False
    keep_answers: bool = True
    keep_failed: bool = False
    budget: Budget | None = None
    copies: SmallCopies | None = None


@dataclass(frozen=True)
class RowPlan:
    """One row's judge, text, pictures, dimensions and region."""

    judge: Judge | EditJudge
    text: str
    images: tuple[Path | bytes | None, ...]
    dimensions: tuple[str, ...]
    mask: Path | bytes | None = None
    box: Box | None = None

    def files(self) -> tuple[ImageFile, ...]:
        """The pictures, as the judge takes them."""
        return tuple(self.judge.take(image) for image in self.images)

    def region(self) -> Region | None:
        """The region of an edit: its mask or its box."""
        return region_of(None if self.mask is None else self.judge.take(self.mask), self.box)
