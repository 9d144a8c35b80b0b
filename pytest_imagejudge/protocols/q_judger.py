"""Q-Judger (Qwen/Qwen-Image-Bench): one request for each image and L1, in the words of its training."""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ..errors import ConfigError
from ..scoring.verdict import Problem
from ..support.digests import digest_of
from ..taxonomy import FACETS, LEVEL1, TREE, FacetPath, nearest
from . import published_words
from .base import Protocol, Reading, Request
from .checklist_answers import read_checklist
from .request_parts import Pictures, fit, stretch, take_apart, text_part

if TYPE_CHECKING:
    from PIL.Image import Image

MARKER = "<image>"
MAX_TOKENS = 4096  # as published
BUDGET = 3072  # tokens of thinking where they are limited: leaves 1,024 for the largest checklist's JSON
ANSWER_TOKENS = 1024


@dataclass(frozen=True)
class Words:
    """The published words: the user's message before and after the image, and a checklist for each L1."""

    system: str
    before: str
    after: str
    checklists: dict[str, str]
    sha256: str


def checklist_schema(one: str, facets: Sequence[FacetPath] = FACETS) -> dict[str, Any]:
    """Return the JSON Schema of the answer about one L1, of enums only: free strings may never end."""
    score = {
        "type": "object",
        "properties": {"score": {"enum": [0, 1, 2, "N/A"]}},
        "required": ["score"],
        "additionalProperties": False,
    }

    def nested(properties: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    asked = set(facets)
    level2 = {two: [three for three in threes if (one, two, three) in asked] for two, threes in TREE[one].items()}
    return nested({two: nested(dict.fromkeys(threes, score)) for two, threes in level2.items() if threes})


class QJudger(Protocol):
    """Q-Judger as published; "constrained" decoding and ``aspect="keep"`` are deliberate deviations."""

    name = "q-judger"

    def __init__(
        self,
        *,
        decoding: Literal["free", "constrained"] = "free",
        aspect: Literal["stretch", "keep"] = "stretch",
        thinking_budget: int | None = None,
    ) -> None:
        self.decoding = decoding
        self.thinking_budget = thinking_budget
        self.treatment = "q-judger/stretch-1024" if aspect == "stretch" else "q-judger/fit-1024"
        self.pictures: Pictures = Pictures(stretch if aspect == "stretch" else fit)

    @cached_property
    def words(self) -> Words:
        """The published words, fetched at the first use.

        Raises:
            ConfigError: the words are not cached and could not be fetched, or are of another shape.
        """
        found, sha256 = published_words.load(published_words.Q_JUDGER)
        system, template, checklists = (found[name] for name in published_words.Q_JUDGER.names)
        if not (isinstance(system, str) and isinstance(template, str) and isinstance(checklists, dict)):
            raise ConfigError(f"the words of {self.name} ({sha256}) differ in shape from the published ones")
        before, marker, after = template.partition(MARKER)
        try:
            fields = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
        except ValueError as error:
            raise ConfigError(f"the template of {self.name} ({sha256}) is no format string: {error}") from error
        if not marker or MARKER in after or fields != {"prompt", "level1_dim", "format_checklist"}:
            raise ConfigError(
                f"the template of {self.name} ({sha256}) needs one {MARKER} and the fields prompt, level1_dim and "
                f"format_checklist; found {template.count(MARKER)} and {', '.join(sorted(fields)) or 'none'}"
            )
        for one in LEVEL1:
            if not isinstance(checklists.get(one), str):
                raise ConfigError(f'the words of {self.name} ({sha256}) have no checklist "{one}"')
        return Words(system, before, after, checklists, sha256)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the published words, see `Protocol.digest`."""
        found = self.words
        return digest_of(self.name, 1, found.sha256, found.system, found.before, found.after, found.checklists)

    def sampling(self, dimension: str, *, again: bool = False) -> dict[str, Any]:
        """Return the request fields that decide the answer."""
        fields: dict[str, Any] = {
            "temperature": 0,
            "top_k": 1,
            "top_p": 1.0,
            "repetition_penalty": 1.05,
            "seed": 42,
            "max_tokens": MAX_TOKENS,
            "chat_template_kwargs": {"enable_thinking": True},
        }
        if self.decoding == "free" and not again:
            return fields
        budget = BUDGET if self.thinking_budget is None else self.thinking_budget
        if self.decoding == "constrained" and again:
            budget //= 2  # grammar and budget were there already: what is left is to think less
        fields["max_tokens"] = max(MAX_TOKENS, budget + ANSWER_TOKENS)
        fields["thinking_token_budget"] = budget
        fields["structured_outputs"] = {"json": checklist_schema(dimension)}
        return fields

    def render(self, text: str, images: Sequence[Image], dimension: str, *, again: bool = False) -> Request:
        """Render the request for ``dimension``; see `Protocol.render`."""
        if dimension not in LEVEL1:
            raise ConfigError(f'no dimension "{dimension}"{nearest(dimension, LEVEL1)}')
        (image,) = images
        found = self.words
        prompt, problems = take_apart(text, (dimension,))
        fields = {
            "prompt": prompt,
            "level1_dim": dimension,
            "format_checklist": found.checklists[dimension],
        }
        # Split at the marker before anything is put in: an "<image>" in the prompt is just text.
        shared = [text_part(found.before.format(**fields)), self.pictures.part(image)]
        system = {"role": "system", "content": found.system}
        return Request(
            dimension=dimension,
            messages=[
                system,
                {"role": "user", "content": [*shared, text_part(found.after.format(**fields))]},
            ],
            sampling=self.sampling(dimension, again=again),
            text=text,
            images=tuple(images),
            problems=problems,
            primer=[system, {"role": "user", "content": shared}],
        )

    def text_problems(self, text: str, dimension: str) -> tuple[Problem, ...]:
        """Return a problem for each special token that ``render`` takes apart."""
        return take_apart(text, (dimension,))[1]

    def read(self, dimension: str, text: str, finish_reason: str | None) -> Reading:
        """Read a raw answer; see `Protocol.read`."""
        return read_checklist(dimension, text, finish_reason)
