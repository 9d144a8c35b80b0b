"""One task of a session (a text and its pictures), and the counts of a session."""

from __future__ import annotations

from dataclasses import dataclass

from ..engines.base import Answer
from ..images.image_file import ImageFile
from ..support.counts import sum_of_told


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
    """Counts of a session. Requests are questions to the judge (one an L1), not images.

    Cached tokens are those that the judge told of; None where it told of none with any answer.
    """

    submitted: int = 0
    done: int = 0
    requests: int = 0
    from_store: int = 0
    prompt_tokens: int = 0
    cached_prompt_tokens: int | None = None
    output_tokens: int = 0

    def add_tokens(self, answer: Answer) -> None:
        """Count the tokens of a new answer."""
        self.prompt_tokens += answer.prompt_tokens
        self.output_tokens += answer.output_tokens
        self.cached_prompt_tokens = sum_of_told((self.cached_prompt_tokens, answer.cached_prompt_tokens))
