"""Judges of edits that ask for two pairs of scores: of the change, and of the edited picture by itself.

Semantic consistency (SC) is asked with both pictures, perceptual quality (PQ) with the edited one alone. SC and PQ are
the least of their two scores, the overall score is the square root of their product: a judge's strictest word counts.
VIEScore asks so (Ku et al. 2024, "VIEScore: Towards Explainable Metrics for Conditional Image Synthesis Evaluation"),
and EditScore after it.
"""

from __future__ import annotations

import json
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..errors import ConfigError
from ..images.encoding import Encoding
from ..scoring.verdict import Problem
from ..support.digests import digest_of
from . import published_words
from .base import Protocol, Reading, Request
from .request_parts import Pictures, take_apart, text_part, whole_patches
from .score_lists import read_list

if TYPE_CHECKING:
    from PIL.Image import Image

Decoding = Literal["free", "constrained"]
Family = Literal["openai", "qwen2.5-vl", "qwen3-vl"]
SC, PQ = "SC", "PQ"
SCORES = {SC: ("prompt_following", "consistency"), PQ: ("naturalness", "artifacts")}  # in the order of the answers
SCALE = (0.0, 10.0)
LONGEST = 200  # characters of reasoning where decoding is constrained
_PLACE = "<instruction>"
_API_MODELS = ("gpt-", "chatgpt-", "o1", "o3", "o4", "openai/")


def family_of(model: str | None) -> Family:
    """Return the family of a judge's model (Hub id, folder or served name), which decides how it is asked.

    A folder tells by its configuration. Where nothing tells, it is Qwen2.5-VL, with which the published figures of open
    models were made.
    """
    name = (model or "").casefold()
    if name.startswith(_API_MODELS):
        return "openai"
    return (
        "qwen3-vl"
        if any(mark in text for text in (name, _kind(model)) for mark in ("qwen3", "qwen-3"))
        else ("qwen2.5-vl")
    )


def _kind(model: str | None) -> str:
    try:
        found = json.loads((Path(model or "") / "config.json").read_text(encoding="utf-8"))["model_type"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return str(found)


class PillowJpeg(Encoding):
    """JPEG with Pillow's own defaults, as the published code sends pictures to OpenAI's models."""

    def __init__(self) -> None:
        super().__init__("jpeg")

    @property
    def name(self) -> str:
        """The name in a treatment."""
        return "jpeg-75"

    def encode(self, image: Image) -> bytes:
        """Return the encoded picture."""
        buffer = BytesIO()
        image.save(buffer, "JPEG")
        return buffer.getvalue()


class ScorePairs(Protocol):
    """The common part of such judges.

    Args:
        family: of the model, which decides the order of pictures and text, and the pictures' treatment.
        decoding: "constrained" fixes the shape of the answer from the start, for weights that were not trained on it.
        passes: how often each question is asked; the figures are means over the passes.

    Attributes:
        high: the most that each score can be as it is asked for; the verdict's scale is 0 to 10.
        pin: the published words: the context, the rules of SC in two parts, the rules of PQ.
        order: the names of an answer in the order that is asked for.
    """

    kind = "edit"
    scale = SCALE
    aspects = (SC, PQ, *SCORES[SC], *SCORES[PQ])
    aspect_ranges: Mapping[str, tuple[float, float]] = dict.fromkeys(aspects, SCALE)
    high: ClassVar[int]
    pin: ClassVar[published_words.Pin]
    order: ClassVar[tuple[str, str]]

    def __init__(self, family: Family, *, decoding: Decoding = "free", passes: int = 1) -> None:
        self.family, self.decoding, self.passes = family, decoding, passes
        self.pictures: Pictures
        if family == "openai":
            self.pictures = Pictures(lambda image: image)
            self.pictures.encoding = PillowJpeg()
            self.treatment = f"like-source/{self.pictures.encoding.name}"
        else:
            self.pictures = Pictures(whole_patches)
            self.treatment = "like-source/patches-28"

    @cached_property
    def dimensions(self) -> tuple[str, ...]:
        """The requests on an edit: ``SC`` and ``PQ``, and ``SC 2``, ``PQ 2``, ... of further passes."""
        return tuple(name for index in range(self.passes) for name in _names(index))

    @cached_property
    def questions(self) -> tuple[dict[str, str], str]:
        """The questions of SC and PQ, and the SHA-256 of the published file that they are made of.

        Raises:
            ConfigError: the words are not cached and could not be fetched, or are of another shape.
        """
        found, sha256 = published_words.load(self.pin)
        wrong = [name for name in self.pin.names if not isinstance(found[name], str)]
        if wrong:
            raise ConfigError(f"the words of {self.name} ({sha256}): {', '.join(wrong)}: a text is expected")
        context, rules, change, quality = (found[name] for name in self.pin.names)
        asked = {
            SC: "\n".join((context, rules, self.rescaled(change))),
            PQ: "\n".join((context, self.rescaled(quality))),
        }
        if asked[SC].count(_PLACE) != 1:
            raise ConfigError(
                f"the words of {self.name} ({sha256}) have to hold {_PLACE} once where the change is asked about; "
                f"found {asked[SC].count(_PLACE)} times"
            )
        return asked, sha256

    def rescaled(self, rules: str) -> str:
        """Return rules that name the scale to ask for."""
        return rules

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of the published words and how they are arranged, see `Protocol.digest`."""
        return digest_of(self.name, 1, *self.questions, self.family)

    @abstractmethod
    def published_sampling(self, index: int, *, again: bool) -> dict[str, Any]:
        """Return the request fields of pass ``index``, from 0, where decoding is free."""

    def sampling(self, dimension: str, *, again: bool = False) -> dict[str, Any]:
        """Return the request fields that decide the answer."""
        fields = self.published_sampling(_place(dimension)[1], again=again)
        if self.decoding == "constrained":
            score = "(" + "|".join(str(number) for number in range(self.high + 1)) + ")"
            values = {"score": rf"\[{score}, {score}\]", "reasoning": rf'"[A-Za-z0-9 ,.;:()-]{{1,{LONGEST}}}"'}
            pattern = ", ".join(f'"{name}": {values[name]}' for name in self.order)
            fields["structured_outputs"] = {"regex": rf"\{{{pattern}\}}"}
        return fields

    def content(self, question: str, pictures: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Arrange a question and its pictures."""
        return [text_part(question), *pictures] if self.family == "openai" else [*pictures, text_part(question)]

    def render(self, text: str, images: Sequence[Image], dimension: str, *, again: bool = False) -> Request:
        """Render the request for ``dimension``; see `Protocol.render`."""
        source, edited = images
        kind, _ = _place(dimension)
        question, problems = self.questions[0][kind], self.text_problems(text, dimension)
        pictures = [self.pictures.part(edited, source.size)]
        if kind == SC:
            question = question.replace(_PLACE, take_apart(text, (dimension,))[0])
            pictures.insert(0, self.pictures.part(source))
        return Request(
            dimension=dimension,
            messages=[{"role": "user", "content": self.content(question, pictures)}],
            sampling=self.sampling(dimension, again=again),
            text=text,
            images=tuple(images),
            problems=problems,
        )

    def text_problems(self, text: str, dimension: str) -> tuple[Problem, ...]:
        """Return a problem for each special token that ``render`` takes apart."""
        return take_apart(text, (dimension,))[1] if _place(dimension)[0] == SC else ()

    def read(self, dimension: str, text: str, finish_reason: str | None) -> Reading:
        """Read a raw answer; see `Protocol.read`. ``score`` is the least of the scores, on the verdict's scale."""
        kind, _ = _place(dimension)
        names = SCORES[kind]
        found = read_list(text, finish_reason, (dimension,), count=len(names), high=self.high, parts=names)
        if not found.scores:
            return Reading(unreadable=((dimension,),), problems=found.problems)
        scaled = [score / (self.high / SCALE[1]) for score in found.scores]
        return Reading(
            score=min(scaled),
            scores=found.scores,
            aspects={kind: min(scaled), **dict(zip(names, scaled, strict=True))},
            evidence={kind: found.words} if found.words else {},
            problems=found.problems,
        )

    def combine(self, readings: Mapping[str, Reading]) -> Reading:
        """Combine the passes: each has its overall score, of which the edit's is the mean; so with the other scores.

        A score that one of the passes lacks is none.
        """
        passes = [[readings.get(name, Reading()) for name in _names(index)] for index in range(self.passes)]
        overall: list[float | None] = []
        aspects: dict[str, list[float | None]] = {name: [] for name in self.aspects}
        for pair in passes:
            product = math.prod(one.score if one.score is not None else math.nan for one in pair)
            overall.append(None if math.isnan(product) else math.sqrt(product))
            for kind, one in zip(SCORES, pair, strict=True):
                for name in (kind, *SCORES[kind]):
                    aspects[name].append(one.aspects.get(name))
        evidence = {name: words for pair in reversed(passes) for one in pair for name, words in one.evidence.items()}
        return Reading(
            score=_mean(overall),
            aspects={name: _mean(values) for name, values in aspects.items()},
            evidence=evidence,
        )


def _names(index: int) -> tuple[str, ...]:
    """Return the names of the requests of pass ``index``, from 0."""
    return tuple(f"{kind} {index + 1}" if index else kind for kind in SCORES)


def _place(dimension: str) -> tuple[str, int]:
    """Return what a request asks for, `SC` or `PQ`, and the index of its pass."""
    kind, _, number = dimension.partition(" ")
    return kind, int(number or 1) - 1


def _mean(values: Sequence[float | None]) -> float | None:
    """Return the mean, or None where a value is missing."""
    present = [value for value in values if value is not None]
    return math.fsum(present) / len(present) if len(present) == len(values) else None
