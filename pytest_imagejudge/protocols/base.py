"""The interface of a protocol, with the requests that it makes and the readings that it returns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..errors import ConfigError
from ..scoring.verdict import FacetScore, Problem
from ..support.digests import digest_of as digest_of  # a protocol of another package needs it
from ..support.escaping import escape
from ..taxonomy import EDIT, EDIT_SCALE, FACETS, LEVEL1, Path, nearest

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..images.encoding import Encoding
    from .request_parts import Pictures


@dataclass(frozen=True)
class Request:
    """One question to a judge.

    Attributes:
        dimension: the L1 asked about, or `EDIT`.
        messages: chat messages of the OpenAI shape, images as data URLs.
        sampling: top-level fields of the chat completion request (temperature, max_tokens,
            structured_outputs, ...); all of them decide the answer, so all are in the key.
        text: the prompt, or the instruction of an edit, as the user wrote it; a session fills it in.
        images: the canonical pictures (RGB, upright, on white), for a judge that runs in this process; a session fills
            them in.
        problems: changes to the request, such as a special token taken apart; those of `Protocol.text_problems`.
        region: of an edit, where it was asked to be, for a judge that runs in this process: mode "L", of the source's
            size, 255 may change; None where nothing says it, and for a protocol without `Protocol.uses_region`.
        primer: messages up to and including the last image, for a server whose prefix cache can be primed.
    """

    dimension: str
    messages: list[dict[str, Any]]
    sampling: Mapping[str, Any]
    text: str = ""
    images: tuple[Image, ...] = ()
    problems: tuple[Problem, ...] = ()
    primer: list[dict[str, Any]] | None = None
    region: Image | None = None


@dataclass(frozen=True)
class Reading:
    """The content of one answer, as it was read.

    Attributes:
        level3: the facets that were read, of the dimension asked.
        unreadable: ``((L1,),)`` where nothing was read, else the paths of the unread facets.
        problems: faults of the answer, repaired or not.
        score: of an edit, on the protocol's scale; None elsewhere or where unreadable.
        scores: the numbers in an answer that has several, as they were asked for.
        aspects: further scores of an edit.
        evidence: words for ``score`` and ``aspects`` of an edit, by name.
    """

    level3: Mapping[Path, FacetScore] = field(default_factory=dict)
    unreadable: tuple[Path, ...] = ()
    problems: tuple[Problem, ...] = ()
    score: float | None = None
    scores: tuple[float, ...] = ()
    aspects: Mapping[str, float | None] = field(default_factory=dict)
    evidence: Mapping[str, str] = field(default_factory=dict)


class Protocol(ABC):
    """A protocol: the requests to one judge, and the reading of its answers.

    Attributes:
        name: for ``--judge-protocol``.
        kind: "image" (a prompt and one image) or "edit" (an instruction, source and edited image).
        measures: the facets that this judge can score.
        has_total: True where the judge measures enough of the tree for a total.
        treatment: name of the picture's treatment before sending, part of the fingerprint.
        scale: of a judge of edits, the least and the most that a score can be.
        edit_types: of a judge that asks by the type of an edit, the types; each is a dimension of its own, and each
            edit names one.
        aspects: of a judge of edits, the names of its further scores; None where unknown.
        aspect_ranges: of each aspect that can be measured, the least and the most that it can be; others, and bounds
            beyond, are refused. Empty where the judge does not say.
        uses_region: True where the judge is told where an edit was asked to be; the region is then part of a stored
            answer's key.
        pictures: encoder of the pictures in requests; None where the protocol sends none, or encodes them itself.
    """

    name: str
    kind: ClassVar[Literal["image", "edit"]] = "image"
    measures: frozenset[Path] = frozenset(FACETS)
    has_total: bool = True
    treatment: str = "none"
    scale: tuple[float, float] = EDIT_SCALE
    edit_types: tuple[str, ...] = ()
    aspects: tuple[str, ...] | None = None
    aspect_ranges: Mapping[str, tuple[float, float]] = MappingProxyType({})
    uses_region: bool = False
    pictures: Pictures | None = None

    @property
    @abstractmethod
    def digest(self) -> str:
        """SHA-256 (hex) of the words of this protocol's requests.

        A stored answer's key holds treatment and sampling beside the digest. Changes to the user's text, such as
        special tokens taken apart, are in none of them.
        """

    @property
    def dimensions(self) -> tuple[str, ...]:
        """The dimensions that can be asked, in order: L1 names; of edits `EDIT`, or a name for each request."""
        return LEVEL1 if self.kind == "image" else self.edit_types or (EDIT,)

    def requests_on(self, edit_type: str | None) -> tuple[str, ...]:
        """Return the dimensions to ask about an edit of this type, which counts only where there are `edit_types`.

        Raises:
            ConfigError: a type that this judge does not know, or none where it needs one; names the nearest.
        """
        if not self.edit_types:
            return self.dimensions
        if edit_type in self.edit_types:
            return (edit_type,)
        found = "none" if edit_type is None else f'"{escape(edit_type)}"{nearest(edit_type, self.edit_types)}'
        raise ConfigError(
            f"edit_type: {found}; protocol {self.name} asks by the type of an edit: {', '.join(self.edit_types)}"
        )

    @abstractmethod
    def sampling(self, dimension: str, *, again: bool = False) -> dict[str, Any]:
        """Return the request fields that decide the answer; ``again`` for the one retry of an unreadable answer."""

    @abstractmethod
    def render(self, text: str, images: Sequence[Image], dimension: str, *, again: bool = False) -> Request:
        """Render the request for one dimension; ``images`` are canonical: RGB, upright, on white."""

    def send_as(self, encoding: Encoding) -> None:
        """Send pictures in another ``encoding``, which becomes part of the treatment.

        Raises:
            ConfigError: the protocol encodes its pictures itself.
        """
        if self.pictures is None:
            raise ConfigError(
                f"protocol {self.name} encodes its pictures itself: leave out judge_image_format and judge_image_bytes"
            )
        self.pictures.encoding = encoding
        self.treatment = f"{self.treatment}/{encoding.name}"

    def text_problems(self, text: str, dimension: str) -> tuple[Problem, ...]:
        """Return the `Request.problems` of ``text``, without rendering."""
        return ()

    @abstractmethod
    def read(self, dimension: str, text: str, finish_reason: str | None) -> Reading:
        """Read a raw answer, its thinking in ``<think>`` tags. Never raises, whatever the answer is."""

    def combine(self, readings: Mapping[str, Reading]) -> Reading:
        """Combine the readings of an edit's answers, by dimension, to the reading of the edit.

        Only score, aspects and evidence of the result count. A judge that asks once has nothing to combine; one that
        asks several times has its own way.
        """
        if len(readings) != 1:
            raise NotImplementedError(
                f"protocol {self.name} asks {len(readings)} times and does not say how to combine"
            )
        (reading,) = readings.values()
        return reading

    def can_ask_again(self, dimension: str) -> bool:
        """Return True where the retry of an unreadable answer differs from the first request."""
        return self.sampling(dimension, again=True) != self.sampling(dimension)
