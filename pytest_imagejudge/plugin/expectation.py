"""One image or edit to be judged for one test, and the decision on its outcome."""

from __future__ import annotations

import json
import operator
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..errors import EngineError
from ..images.image_file import ImageFile
from ..images.intake import shown
from ..images.region import Region
from ..report.entry import entry_of
from ..report.lookup import repeat_of
from ..report.model import FAILED, EditEntry, VerdictEntry
from ..scoring.verdict import EditVerdict, Verdict, not_judged
from ..thresholds.loading import load_profile
from ..thresholds.profile import Profile

AnyVerdict = Verdict | EditVerdict
AnyEntry = VerdictEntry | EditEntry


@dataclass
class Expectation:
    """An image or edit to be judged, with its test and its bounds.

    Attributes:
        futures: one, or several where each image is judged repeatedly; the first decides.
        bounded: False for ``score``, which applies no thresholds.
        blank: whether a picture without content was asked for.
        shared: whether a fixture of more than one test expects it, so that no skip of one test excuses it.
        region: where an edit was asked to be; None where nothing says it.
        left: whether a run that was cut off left it; it belongs to no test of this one.
    """

    kind: Literal["image", "edit"]
    text: str
    images: tuple[ImageFile, ...]
    dimensions: tuple[str, ...]
    test: str | None = None
    id: str | None = None
    seed: int | str | None = None
    where: str = ""
    thresholds: Profile | None = None
    bounded: bool = True
    blank: bool = False
    shared: bool = False
    left: bool = False
    region: Region | None = None
    futures: list[Future[AnyVerdict]] = field(default_factory=list)

    @property
    def done(self) -> bool:
        """Tell whether the image or edit was submitted and every verdict has arrived."""
        return bool(self.futures) and all(future.done() for future in self.futures)

    def verdicts(self, reason: str = "the run ended before this was judged") -> list[AnyVerdict]:
        """The verdicts; one that has not arrived has an error with the reason."""
        return [self._verdict(future, reason) for future in self.futures] or [self.unjudged(reason)]

    def _verdict(self, future: Future[AnyVerdict], reason: str) -> AnyVerdict:
        if not future.done():
            return self.unjudged(reason)
        try:
            return future.result()
        except CancelledError:
            return self.unjudged(reason)
        except EngineError as error:
            return self.unjudged(str(error))

    def unjudged(self, reason: str) -> AnyVerdict:
        """Verdict on an image or edit that was not judged, with the reason as its error."""
        images = [str(file.path) for file in self.images]
        return not_judged(self.kind, self.text, reason, asked=self.dimensions, images=images)

    def entries(self, verdicts: Sequence[AnyVerdict]) -> list[AnyEntry]:
        """Entries of the report; further ones, of repeated judgements, carry ``repeat``."""
        found = []
        for number, verdict in enumerate(verdicts):
            context: dict[str, Any] = {"id": self.id, "test": self.test, "seed": self.seed, "where": self.where}
            if number:
                context["repeat"] = number
            if not self.bounded:
                context["unbounded"] = True  # for the last look; see `Results.add`
            if kept := [str(file.path) for file in self.files if file.kept]:
                context["kept"] = kept  # written by us, and ours to remove
            profile = self.thresholds if self.bounded else None
            entry = entry_of(verdict, profile, gate=self.bounded, blank=self.blank, **context)
            paths = [str(shown(file)) for file in self.images]
            if isinstance(entry, EditEntry):
                entry.source_image, entry.edited_image = paths
                entry.mask, entry.box = self._shown_region()
            else:
                entry.image = paths[0]
            for file in self.files:
                entry.error = entry.error.replace(str(file.path), str(shown(file)))  # the user's own name for it
            found.append(entry)
        return found

    @property
    def files(self) -> tuple[ImageFile, ...]:
        """The pictures, and the mask of an edit."""
        mask = self.region and self.region.mask
        return (*self.images, mask) if mask else self.images

    def _shown_region(self) -> tuple[str, list[int] | None]:
        """The path of the mask, and the box, as reports show them."""
        if self.region is None:
            return "", None
        mask, box = self.region.mask, self.region.box
        return "" if mask is None else str(shown(mask)), None if box is None else list(box)

    def dump(self) -> str:
        """Return ASCII JSON from which `load` restores the expectation in another process."""
        data = {
            "kind": self.kind,
            "text": self.text,
            "images": [_dumped(file) for file in self.images],
            "region": self.region
            and [None if self.region.mask is None else _dumped(self.region.mask), self.region.box],
            "dimensions": list(self.dimensions),
            "test": self.test,
            "id": self.id,
            "seed": self.seed,
            "where": self.where,
            "bounded": self.bounded,
            "blank": self.blank,
            "shared": self.shared,
            "thresholds": None if self.thresholds is None else self.thresholds.dump(),
        }
        return json.dumps(data)

    @classmethod
    def load(cls, text: str) -> Expectation:
        """Restore the expectation from the JSON of `dump`, without futures."""
        data = json.loads(text)
        profile, region = data["thresholds"], data["region"]
        return cls(
            **{
                **data,
                "images": tuple(_restored(*file) for file in data["images"]),
                "region": region and Region(region[0] and _restored(*region[0]), region[1] and tuple(region[1])),
                "dimensions": tuple(data["dimensions"]),
                "thresholds": None if profile is None else load_profile(profile["bounds"], name=profile["name"]),
            }
        )


def _dumped(file: ImageFile) -> list[Any]:
    return [str(file.path), file.kept, None if file.origin is None else str(file.origin), file.flagged]


def _restored(path: str, kept: bool, origin: str | None, flagged: str) -> ImageFile:
    return ImageFile(Path(path), kept, None if origin is None else Path(origin), flagged)


def plain_text(name: str, value: object) -> str:
    """Return ``value`` as a built-in string: NumPy's, or an enum's, can't be sent to another process.

    Raises:
        TypeError: ``value`` is no string.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name}: a string is expected, not {type(value).__name__}")
    return str.__str__(value)


def plain_label(name: str, value: object) -> int | str | None:
    """Return an ID or a seed as plain data; None where there is none.

    Raises:
        TypeError: the value is neither a string nor a whole number.
    """
    if value is None or isinstance(value, str):
        return value if value is None else plain_text(name, value)
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}: a string or a whole number is expected, not {type(value).__name__}")
    return operator.index(value)


def failing(entries: Sequence[AnyEntry]) -> list[AnyEntry]:
    """Entries that fail their test: of repeated judgements only the first counts."""
    return [entry for entry in entries if entry.outcome in FAILED and not repeat_of(entry)]
