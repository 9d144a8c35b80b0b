"""Submission of images and edits to the judges, for the running test or a manifest's row."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ..errors import ConfigError, ImageError
from ..images.image_file import ImageFile
from ..images.intake import take_pair
from ..images.region import Region
from ..inputs.manifest import Row, RowError
from ..session.task import Task
from ..thresholds.profile import Profile
from .expectation import Expectation, plain_label, plain_text
from .failure import JudgeFailure
from .judges import AnyJudge, Judges
from .judging_time import ONLY_AFTER, JudgingTime
from .marker import dimensions_of, marker_values
from .profiles import Profiles
from .state import RunState


class Submitter:
    """Submits images and edits to their judges, under the thresholds and dimensions of the running test.

    Args:
        metadata: the dimensions to judge by a row's ID.
    """

    def __init__(
        self,
        state: RunState,
        judges: Judges,
        profiles: Profiles,
        judging_time: JudgingTime,
        metadata: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._state, self._judges, self._profiles, self._time = state, judges, profiles, judging_time
        self._metadata = metadata
        self._pid = os.getpid()
        self._early: dict[str, Expectation] = {}  # rows that were submitted before the first test, by node id
        self._judging: set[str | None] = set()  # tests that had something judged

    def submit_image(
        self, image: object, prompt: str, *, urgent: bool, keep: bool = False, **about: Any
    ) -> Expectation:
        """Submit one image for the running test; with ``keep`` as a copy, because the file may be written over."""
        return self._submit(self._judges.get("image"), self._image(image, prompt, keep=keep, **about), urgent=urgent)

    def _image(
        self,
        image: object,
        prompt: str,
        *,
        dimensions: Iterable[str] | None = None,
        seed: int | str | None = None,
        id: int | str | None = None,  # noqa: A002
        blank: bool | None = None,
        keep: bool = False,
    ) -> Expectation:
        judge = self._judges.get("image")
        names = dimensions_of(dimensions) if dimensions is not None else self._dimensions()
        about = self._about("prompt", prompt, id=id, seed=seed, blank=blank)
        file = judge.keep(judge.take(image)) if keep else judge.take(image)
        return Expectation("image", images=(file,), dimensions=names or judge.protocol.dimensions, **about)

    def submit_edit(
        self, source: object, edited: object, instruction: str, *, urgent: bool, keep: bool = False, **about: Any
    ) -> Expectation:
        """Submit one edit for the running test; with ``keep`` as copies, because the files may be written over."""
        expected = self._edit(source, edited, instruction, keep=keep, **about)
        return self._submit(self._judges.get("edit"), expected, urgent=urgent)

    def _edit(
        self,
        source: object,
        edited: object,
        instruction: str,
        *,
        seed: int | str | None = None,
        id: int | str | None = None,  # noqa: A002
        blank: bool | None = None,
        mask: object = None,
        box: object = None,
        edit_type: str | None = None,
        keep: bool = False,
    ) -> Expectation:
        judge = self._judges.get("edit")
        requests = judge.protocol.requests_on(edit_type)
        about = self._about("instruction", instruction, id=id, seed=seed, blank=blank)
        source_file, edited_file = take_pair(judge.take, source, edited)
        files = (judge.keep(source_file), judge.keep(edited_file)) if keep else (source_file, edited_file)
        region = judge.region(mask, box)
        if keep and region is not None and region.mask is not None:
            region = Region(judge.keep(region.mask))
        return Expectation("edit", images=files, dimensions=requests, region=region, **about)

    def submit_row(self, row: Row, manifest: Path, nodeid: str) -> Expectation:
        """Submit a manifest's row for its item, unless the row was submitted early."""
        if (early := self._early.pop(nodeid, None)) is not None:
            return early
        where = self._state.place(str(manifest), row.line)
        thresholds = self._of_row(row, manifest)
        expected = self._submit(self._judges.get(row.kind), self._expected_of_row(row, manifest), urgent=False)
        expected.where, expected.thresholds = where, thresholds
        return expected

    def row_tasks(self, row: Row, manifest: Path) -> list[Task]:
        """The tasks of a manifest's row, which are not submitted.

        Raises:
            Exception: whatever is wrong with the row, which submitting it raises too.
        """
        expected = self._expected_of_row(row, manifest)
        return [
            Task(expected.text, expected.images, expected.dimensions, number, region=expected.region)
            for number in range(self._state.options.repeat)
        ]

    def _expected_of_row(self, row: Row, manifest: Path) -> Expectation:
        about: dict[str, Any] = {"seed": row.seed, "id": row.id, "blank": row.blank}
        if row.kind == "edit":
            asked: dict[str, Any] = {"mask": row.mask, "box": row.box, "edit_type": row.edit_type}
            return self._edit(row.source, row.edited, row.instruction or "", **about, **asked)
        file = self._state.options.metadata
        if file and row.dimensions is None and row.id not in self._metadata:
            raise ConfigError(f"{manifest.name}, {row.where}: ID {row.id!r} is not in {file}")
        return self._image(row.image, row.prompt, dimensions=row.dimensions or self._metadata.get(row.id), **about)

    def submit_row_early(self, row: Row, manifest: Path, nodeid: str) -> None:
        """Submit a manifest's row before its item runs."""
        self._early[nodeid] = self.submit_row(row, manifest, nodeid)

    def submit_marked(self, item: pytest.Item) -> None:
        """Submit the image that the markers of a test name, if any, before the test runs."""
        if (task := self.marked_task(item)) is not None:
            self._judges.get("image").session.submit(task)

    def warn_of_unjudged(self, item: pytest.Item) -> None:
        """Warn where the markers of a test that ends name an image, and the test had nothing judged."""
        if item.nodeid not in self._judging and marker_values(item).image is not None:
            item.warn(
                pytest.PytestWarning(
                    f"{item.nodeid}: its marker imagejudge names an image, but the test judged nothing; the marker "
                    "only has the judge begin early: call check, expect or score of image_judge in the test"
                )
            )

    def marked_task(self, item: pytest.Item) -> Task | None:
        """The task of the image that the markers of a test name; None where they name none.

        Raises:
            pytest.UsageError: what they name is no image.
        """
        values = marker_values(item)
        if values.image is None:
            return None
        judge = self._judges.get("image")
        names = values.dimensions or self._state.dimensions or judge.protocol.dimensions
        try:
            image = judge.take(values.image)
        except (TypeError, ImageError) as error:
            raise pytest.UsageError(f"{item.nodeid}: marker imagejudge: image: {error}") from None
        return Task(plain_text("prompt", values.prompt), (image,), names, awaited=False)

    def _of_row(self, row: Row, manifest: Path) -> Profile | None:
        """The profile for a manifest's row; a profile's file is relative to the manifest, as images are."""
        if row.thresholds is None:
            return self._profiles.applying(row.kind)
        try:
            return self._profiles.load(row.thresholds, manifest.parent)
        except ConfigError as error:
            bad = RowError(row.number, row.line, row.id, str(error), sheet=row.sheet)
            raise ConfigError(f"{manifest.name}, {bad}") from None

    def submit_left(self, row: Row) -> Expectation:
        """Submit a row that an earlier run left, without bounds. Copies that the earlier run kept become this run's."""
        kept = row.extra.get("kept")

        def file(path: Path | bytes | None) -> object:
            if not isinstance(path, Path):
                return path
            return ImageFile(path, kept=isinstance(kept, list) and str(path) in kept)

        if row.kind == "edit":
            text = row.instruction or ""
            mask = None if row.mask is None else file(row.mask)
            about: dict[str, Any] = {"id": row.id, "mask": mask, "box": row.box, "edit_type": row.edit_type}
            expected = self.submit_edit(file(row.source), file(row.edited), text, **about, urgent=False)
        else:
            image = file(row.image)
            expected = self.submit_image(image, row.prompt, dimensions=row.dimensions, id=row.id, urgent=False)
        expected.bounded, expected.left = False, True
        return expected

    def submit_again(self, expected: Expectation) -> Expectation:
        """Submit an expectation that comes from another process."""
        return self._submit(self._judges.get(expected.kind), expected, urgent=False)

    def _dimensions(self) -> tuple[str, ...] | None:
        of_marker = None if self._state.item is None else marker_values(self._state.item).dimensions
        return of_marker or self._state.dimensions

    def _about(self, name: str, text: object, *, id: object, seed: object, blank: object) -> dict[str, Any]:  # noqa: A002
        """Fields of an expectation beside its images, as plain data."""
        label = plain_label("id", id)
        if not isinstance(blank, bool | None):
            raise TypeError(f"blank: True or False is expected, not {type(blank).__name__}")
        if blank is None and self._state.item is not None:
            blank = marker_values(self._state.item).blank
        return {
            "text": plain_text(name, text),
            "test": None if self._state.item is None else self._state.item.nodeid,
            "id": None if label is None else str(label),
            "seed": plain_label("seed", seed),
            "blank": bool(blank),
        }

    def _submit(self, judge: AnyJudge, expected: Expectation, *, urgent: bool) -> Expectation:
        """Submit ``expected`` to its judge, once for each repetition."""
        if os.getpid() != self._pid:
            raise JudgeFailure("a forked process can't use the judge: hand the picture back to the test")
        why = self._time.decide(expected.kind, judge)
        if urgent and why:
            raise JudgeFailure(ONLY_AFTER.format(why=why))
        self._judging.add(expected.test)
        expected.futures = [
            judge.submit_task(
                expected.text,
                expected.images,
                expected.dimensions,
                repeat=number,
                urgent=urgent,
                region=expected.region,
            )
            for number in range(self._state.options.repeat)
        ]
        return expected
