"""One task of a session (a text and its pictures), and the counts of a session."""

from __future__ import annotations

from dataclasses import dataclass

from ..images.image_file import ImageFile


@dataclass(frozen=True, slots=True)
class Task:
    """A text and pictures to be judged.

    Attributes:
        text: the prompt, or the instruction of an edit.
        images: one picture, or source and edited.
        dimensions: L1 to ask about, or (`EDIT`,).
        repeat: 0 for the first judgement; the same task with another number is judged afresh.
        awaited: whether a caller will read the verdict; else the task is judged only to fill the store.
    """

    text: str
    images: tuple[ImageFile, ...]
    dimensions: tuple[str, ...]
    repeat: int = 0
    awaited: bool = True


@dataclass
class Stats:
    """Counts of a session. Requests are questions to the judge (one an L1), not images."""

    submitted: int = 0
    done: int = 0
    requests: int = 0
    from_store: int = 0
    prompt_tokens: int = 0
    cached_prompt_tokens: int = 0
    output_tokens: int = 0
