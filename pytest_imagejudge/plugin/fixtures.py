"""What the fixtures ``image_judge`` and ``edit_judge`` return."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from types import FrameType
from typing import TYPE_CHECKING, Any

from ..scoring.verdict import EditVerdict, Verdict

if TYPE_CHECKING:
    from .gate import Gate


def _caller(gate: Gate) -> str:
    """``file:line`` of the test that called the fixture; where it was handed over to a library, of the test."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        if gate.is_own(frame.f_code.co_filename):
            return gate.place(frame.f_code.co_filename, frame.f_lineno)
        frame = frame.f_back
    if gate.item is not None:
        file, line, _ = gate.item.location
        return f"{file}:{(line or 0) + 1}"
    return ""


class ImageJudgeFixture:
    """Judges generated images.

    An image is a path, bytes, a PIL image, an (H, W, 3|4) uint8 or float-in-[0, 1] array, a (C, H, W)
    float-in-[0, 1] tensor, or the output of a diffusers pipeline with one image; anything else is a TypeError.

    What `score`, `check` and `expect` take beside image and prompt:

    - ``thresholds``: a shipped profile's name, a TOML file, or a mapping of its shape; None is the marker's, the
      fixture's or the option's. Wrong ones are a `ConfigError` that names the key and the nearest name.
    - ``dimensions``: L1 names to ask about; None is the marker's, the ini file's, or all five. An unknown one is a
      KeyError.
    - ``seed``: of the generation, ``id``: a name of the image; baselines pair by them.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

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
        expected = self._gate.ask_image(image, prompt, dimensions=dimensions, seed=seed, id=id, urgent=True)
        expected.where, expected.bounded = _caller(self._gate), False
        return self._gate.wait_for(expected)  # type: ignore[return-value]

    def check(
        self,
        image: object,
        prompt: str,
        *,
        thresholds: Any = None,
        dimensions: Iterable[str] | None = None,
        seed: int | str | None = None,
        id: int | str | None = None,  # noqa: A002
    ) -> Verdict:
        """Judge, wait, and fail the test where a bound of the thresholds is missed or something was not judged.

        Where it returns, all that was asked was read: ``verdict["Quality"]`` is a score, 0 to 100, or N/A.
        """
        profile = self._gate.profile("image", thresholds)
        expected = self._gate.ask_image(image, prompt, dimensions=dimensions, seed=seed, id=id, urgent=True)
        expected.where, expected.thresholds = _caller(self._gate), profile
        return self._gate.wait_for(expected)  # type: ignore[return-value]

    def expect(
        self,
        image: object,
        prompt: str,
        *,
        thresholds: Any = None,
        dimensions: Iterable[str] | None = None,
        seed: int | str | None = None,
        id: int | str | None = None,  # noqa: A002
    ) -> None:
        """Judge in the background: returns at once; the test's outcome is decided when its verdicts are in."""
        profile = self._gate.profile("image", thresholds)
        expected = self._gate.ask_image(image, prompt, dimensions=dimensions, seed=seed, id=id, urgent=False, keep=True)
        expected.where, expected.thresholds = _caller(self._gate), profile
        self._gate.defer(expected)

    def release(self) -> None:
        """Let the judge's server sleep until it is needed again, where it was started with sleep mode."""
        self._gate.let_sleep("image")


class EditJudgeFixture:
    """Judges edits: source and edited image, each as `ImageJudgeFixture` takes it, and the instruction.

    ``thresholds``, ``seed`` and ``id`` are as there.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def score(
        self,
        source: object,
        edited: object,
        instruction: str,
        *,
        seed: int | str | None = None,
        id: int | str | None = None,  # noqa: A002
    ) -> EditVerdict:
        """Judge and wait. Applies no thresholds and never fails the test; ``verdict.score`` may be None."""
        expected = self._gate.ask_edit(source, edited, instruction, seed=seed, id=id, urgent=True)
        expected.where, expected.bounded = _caller(self._gate), False
        return self._gate.wait_for(expected)  # type: ignore[return-value]

    def check(
        self,
        source: object,
        edited: object,
        instruction: str,
        *,
        thresholds: Any = None,
        seed: int | str | None = None,
        id: int | str | None = None,  # noqa: A002
    ) -> EditVerdict:
        """Judge, wait, and fail the test where a bound of the thresholds is missed or the answer was not read.

        ``verdict.score``, 1 to 5, is None where the judge gives no overall score; see its ``aspects`` then.
        """
        profile = self._gate.profile("edit", thresholds)
        expected = self._gate.ask_edit(source, edited, instruction, seed=seed, id=id, urgent=True)
        expected.where, expected.thresholds = _caller(self._gate), profile
        return self._gate.wait_for(expected)  # type: ignore[return-value]

    def expect(
        self,
        source: object,
        edited: object,
        instruction: str,
        *,
        thresholds: Any = None,
        seed: int | str | None = None,
        id: int | str | None = None,  # noqa: A002
    ) -> None:
        """Judge in the background: returns at once; the test's outcome is decided when its verdict is in."""
        profile = self._gate.profile("edit", thresholds)
        expected = self._gate.ask_edit(source, edited, instruction, seed=seed, id=id, urgent=False, keep=True)
        expected.where, expected.thresholds = _caller(self._gate), profile
        self._gate.defer(expected)

    def release(self) -> None:
        """Let the judge's server sleep until it is needed again, where it was started with sleep mode."""
        self._gate.let_sleep("edit")
