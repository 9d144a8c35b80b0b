"""One task of a session (a text and its pictures), and the counts of a session."""

from __future__ import annotations

from dataclasses import dataclass

from ..images.image_file import ImageFile
from ..images.region import Region
from ..support.usage import Usage


@dataclass(frozen=True, slots=True)
class Task:
    """A text and pictures to be judged.

    Attributes:
        text: the prompt, or the instruction of an edit.
        images: one picture, or source and edited.
        dimensions: L1 to ask about, or the requests on an edit.
        repeat: 0 for the first judgement; the same task with another number is judged afresh.
        awaited: whether a caller will read the verdict; else the task is judged only to fill the store.
        region: where an edit was asked to be; None where nothing says it.
    """

    text: str
    images: tuple[ImageFile, ...]
    dimensions: tuple[str, ...]
    repeat: int = 0
    awaited: bool = True
    region: Region | None = None


@dataclass
class Stats(Usage):
    """Counts of a session. Requests are questions to the judge (one an L1), not images.

    Tokens are those of requests that were sent in this session, whatever became of them; see `Usage`.

    Attributes:
        images: images and edits that were judged, with at least one new answer.
        began, ended: time of the first request and of the last answer, in seconds of `time.time`; 0 where none was.
    """

    submitted: int = 0
    done: int = 0
    requests: int = 0
    from_store: int = 0
    images: int = 0
    began: float = 0.0
    ended: float = 0.0
