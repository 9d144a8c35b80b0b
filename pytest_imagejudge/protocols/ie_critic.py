"""IE-Critic-R1 (Coobiw/IE-Critic-R1-7B): one request an edit, two images in order, a score from 1 to 5."""

from __future__ import annotations

import string
from collections.abc import Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal

from ..errors import ConfigError
from ..scoring.verdict import Problem
from ..support.digests import digest_of
from ..taxonomy import EDIT
from . import published_words
from .base import Protocol, Reading, Request
from .edit_answers import read_tagged
from .request_parts import Pictures, area, take_apart, text_part

if TYPE_CHECKING:
    from PIL.Image import Image

MARKERS = "<image><image>"
LOW, HIGH = 262_144, 1_048_576  # pixels: 512 x 512 and 1024 x 1024
MAX_TOKENS = 2048  # as evaluated; training allowed 4096
PREFILL = "<think>"  # the assistant's turn starts with it


class IECritic(Protocol):
    """IE-Critic-R1, greedy, with the assistant's turn started once.

    With "constrained" decoding a pattern fixes the shape of the answer from the start. The pattern is for weights
    that were not trained on this shape, and allows ASCII reasoning of limited length only.
    """

    name = "ie-critic"
    kind = "edit"
    treatment = "ie-critic/area-262144-1048576"
    aspects = ()

    def __init__(
        self,
        *,
        decoding: Literal["free", "constrained"] = "free",
        thinking_budget: int | None = None,
    ) -> None:
        self.decoding = decoding
        self.thinking_budget = thinking_budget
        self.pictures: Pictures = Pictures(partial(area, low=LOW, high=HIGH))

    @cached_property
    def template(self) -> tuple[str, str]:
        """The published text without its image markers, which are literal there, and its file's SHA-256.

        The blank after the markers stays: the judge was trained with it.

        Raises:
            ConfigError: the words are not cached and could not be fetched, or are of another shape.
        """
        found, sha256 = published_words.load(published_words.IE_CRITIC)
        text = found["CoT_PROMPT"]
        try:
            fields = [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]
        except (TypeError, ValueError) as error:
            raise ConfigError(f"the template of {self.name} ({sha256}) is no format string: {error}") from error
        if not text.startswith(MARKERS) or text.count("<image>") != 2 or fields != ["edit_instruction"]:
            raise ConfigError(
                f"the template of {self.name} ({sha256}) has to start with {MARKERS} and to have the one field "
                f"edit_instruction; found {text[:20]!r} and {', '.join(map(str, fields)) or 'none'}"
            )
        return text.removeprefix(MARKERS), sha256

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the published words and the turn's start, see `Protocol.digest`."""
        return digest_of(self.name, 1, *self.template, PREFILL)

    def sampling(self, dimension: str = EDIT, *, again: bool = False) -> dict[str, Any]:
        """Return the request fields that decide the answer.

        The thinking budget counts characters of the pattern, of which a token has one or more, where decoding is
        "constrained"; where it is "free", nothing limits the thinking but ``max_tokens``.
        """
        fields: dict[str, Any] = {
            "temperature": 0,
            "top_p": 1.0,
            "seed": 42,
            "max_tokens": 2 * MAX_TOKENS if again else MAX_TOKENS,
            "add_generation_prompt": False,  # the last message is the assistant's own, to be gone on with
            "continue_final_message": True,
        }
        if again:
            # Greedy decoding would fail in the same way again; most often it runs in a loop.
            fields["repetition_penalty"] = 1.05
        if self.decoding == "constrained":
            characters = self.thinking_budget or (MAX_TOKENS - 64) // (2 if again else 1)
            fields["max_tokens"] = characters + 64  # a token has at least one character
            thinking = f"[ -;=-~\\n]{{1,{characters}}}"
            fields["structured_outputs"] = {
                "regex": thinking + r"</think><answer>([1-4]\.[0-9][0-9]|5\.00)</answer>",
            }
        return fields

    def render(self, text: str, images: Sequence[Image], dimension: str = EDIT, *, again: bool = False) -> Request:
        """Render the request for ``dimension``; see `Protocol.render`."""
        source, edited = images
        instruction, problems = take_apart(text, (EDIT,))
        pictures = [self.pictures.part(source), self.pictures.part(edited)]
        question = text_part(self.template[0].format(edit_instruction=instruction))
        return Request(
            dimension=EDIT,
            messages=[
                {"role": "user", "content": [*pictures, question]},
                {"role": "assistant", "content": PREFILL},
            ],
            sampling=self.sampling(EDIT, again=again),
            text=text,
            images=tuple(images),
            problems=problems,
        )

    def text_problems(self, text: str, dimension: str) -> tuple[Problem, ...]:
        """Return a problem for each special token that ``render`` takes apart."""
        return take_apart(text, (dimension,))[1]

    def read(self, dimension: str, text: str, finish_reason: str | None) -> Reading:
        """Read a raw answer; see `Protocol.read`."""
        return read_tagged(text, finish_reason)
