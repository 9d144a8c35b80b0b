"""The values of the fixtures ``image_judge`` and ``edit_judge``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import FrameType
from typing import Any, Generic, TypeVar, cast

from ..scoring.verdict import EditVerdict, Verdict
from ..thresholds.profile import Profile
from .deferred_tests import DeferredTests
from .expectation import Expectation
from .judges import Judges
from .profiles import Profiles
from .state import Kind, RunState
from .submitting import Submitter

V = TypeVar("V", Verdict, EditVerdict)


class _JudgeFixture(Generic[V]):
    """Base of both fixtures: judging for the running test."""

    _kind: Kind

    def __init__(
        self, state: RunState, judges: Judges, profiles: Profiles, submitter: Submitter, deferred: DeferredTests
    ) -> None:
        self._state, self._judges, self._profiles = state, judges, profiles
        self._submitter, self._deferred = submitter, deferred

    def _profile(self, thresholds: Any) -> Profile | None:
        return self._profiles.applying(self._kind, thresholds)

    def _wait(self, expected: Expectation, where: str, *, thresholds: Profile | None = None, bounded: bool = True) -> V:
        expected.where, expected.thresholds, expected.bounded = where, thresholds, bounded
        return cast("V", self._deferred.wait_for(expected))  # the protocol's kind is the judge's

    def _defer(self, expected: Expectation, where: str, thresholds: Profile | None) -> None:
        expected.where, expected.thresholds = where, thresholds
        self._deferred.defer(expected)
        self._state.missing_figures.append("expect returns None: check and score return a verdict")

    def _caller(self) -> str:
        """``file:line`` of the call in the project; where a library calls the fixture, of the running test."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            if self._state.is_own(frame.f_code.co_filename):
                return self._state.place(frame.f_code.co_filename, frame.f_lineno)
            frame = frame.f_back
        if self._state.item is not None:
            file, line, _ = self._state.item.location
            return f"{file}:{(line or 0) + 1}"
        return ""

    def release(self) -> None:
        """Put the judge's server to sleep until its next request, where it was started with sleep mode."""
        self._judges.sleep(self._kind)


class ImageJudgeFixture(_JudgeFixture[Verdict]):
    """Judges generated images.

    An image is a path, bytes, a PIL image, an (H, W, 3|4) uint8 or float-in-[0, 1] array, a (C, H, W)
    float-in-[0, 1] tensor, or the output of a diffusers pipeline with one image; anything else is a TypeError.

    `score`, `check` and `expect` take, beside image and prompt:

    - ``thresholds``: a shipped profile's name, a TOML file, or a mapping of its shape; None is the marker's, the
      fixture's or the option's. A wrong profile is a `ConfigError` that names the key and the nearest name.
    - ``dimensions``: L1 names to judge by; None is the marker's, the ini file's, or all five. An unknown one is a
      KeyError.
    - ``seed``: of the generation, ``id``: a name of the image; baselines pair by them.
    - ``blank``: True where a picture without content was asked for, which fails else; None is the marker's, or False.
      `score` does not take it.
    """

    _kind = "image"

    def score(
        self,
        image: object,
        prompt: str,
        *,
        dimensions: Iterable[str] | None = None,
        seed: int | str | None = None,
        id: int | str | None = None,  # noqa: A002
    ) -> Verdict:
        """Judge and wait. Applies no thresholds and never fails the test; ``verdict.error`` says what went wrong."""
        expected = self._submitter.submit_image(image, prompt, dimensions=dimensions, seed=seed, id=id, urgent=True)
        return self._wait(expected, self._caller(), bounded=False)

    def check(
        self,
        image: object,
        prompt: str,
        *,
        thresholds: Any = None,
        dimensions: Iterable[str] | None = None,
        seed: int | str | None = None,
        id: int | str | None = None,  # noqa: A002
        blank: bool | None = None,
    ) -> Verdict:
        """Judge, wait, and fail the test where a bound of the thresholds is missed or something was not judged.

        Where it returns, every answer was read: ``verdict["Quality"]`` is a score, 0 to 100, or N/A.
        """
        profile = self._profile(thresholds)
        expected = self._submitter.submit_image(
            image, prompt, dimensions=dimensions, seed=seed, id=id, blank=blank, urgent=True
        )
        return self._wait(expected, self._caller(), thresholds=profile)

    def expect(
        self,
        image: object,
        prompt: str,
        *,
        thresholds: Any = None,
        dimensions: Iterable[str] | None = None,
        seed: int | str | None = None,
        id: int | str | None = None,  # noqa: A002
        blank: bool | None = None,
    ) -> None:
        """Judge in the background: returns nothing, at once; the test's outcome is decided once its verdicts arrive."""
        profile = self._profile(thresholds)
        expected = self._submitter.submit_image(
            image, prompt, dimensions=dimensions, seed=seed, id=id, blank=blank, urgent=False, keep=True
        )
        self._defer(expected, self._caller(), profile)


class EditJudgeFixture(_JudgeFixture[EditVerdict]):
    """Judges edits: source and edited image, each as `ImageJudgeFixture` takes it, and the instruction.

    ``thresholds``, ``seed`` and ``id`` are those of `ImageJudgeFixture`; ``blank`` is of the edited picture.
    ``mask`` or ``box`` says where the edit was asked to be: a picture, or (H, W) array, of the source's size in which
    white may change; or left, top, right and bottom in pixels of the source. ``edit_type`` is for a judge that asks by
    it.
    """

    _kind = "edit"

    def score(
        self,
        source: object,
        edited: object,
        instruction: str,
        *,
        seed: int | str | None = None,
        id: int | str | None = None,  # noqa: A002
        mask: object = None,
        box: Iterable[int] | None = None,
        edit_type: str | None = None,
    ) -> EditVerdict:
        """Judge and wait. Applies no thresholds and never fails the test; ``verdict.score`` may be None."""
        expected = self._submitter.submit_edit(
            source, edited, instruction, seed=seed, id=id, mask=mask, box=box, edit_type=edit_type, urgent=True
        )
        return self._wait(expected, self._caller(), bounded=False)

    def check(
        self,
        source: object,
        edited: object,
        instruction: str,
        *,
        thresholds: Any = None,
        seed: int | str | None = None,
        id: int | str | None = None,  # noqa: A002
        mask: object = None,
        box: Iterable[int] | None = None,
        edit_type: str | None = None,
        blank: bool | None = None,
    ) -> EditVerdict:
        """Judge, wait, and fail the test where a bound of the thresholds is missed or the answer was not read.

        ``verdict.score``, on ``verdict.scale``, is None where the judge gives no overall score; see ``aspects`` then.
        """
        profile = self._profile(thresholds)
        about: dict[str, Any] = {"seed": seed, "id": id, "blank": blank, "mask": mask, "box": box}
        about["edit_type"] = edit_type
        expected = self._submitter.submit_edit(source, edited, instruction, **about, urgent=True)
        return self._wait(expected, self._caller(), thresholds=profile)

    def expect(
        self,
        source: object,
        edited: object,
        instruction: str,
        *,
        thresholds: Any = None,
        seed: int | str | None = None,
        id: int | str | None = None,  # noqa: A002
        mask: object = None,
        box: Iterable[int] | None = None,
        edit_type: str | None = None,
        blank: bool | None = None,
    ) -> None:
        """Judge in the background: returns at once; the test's outcome is decided once its verdict has arrived."""
        profile = self._profile(thresholds)
        about: dict[str, Any] = {"seed": seed, "id": id, "blank": blank, "mask": mask, "box": box}
        about["edit_type"] = edit_type
        expected = self._submitter.submit_edit(source, edited, instruction, **about, urgent=False, keep=True)
        self._defer(expected, self._caller(), profile)
