"""The protocols of the embedded judge: nothing is rendered into words, and its own JSON is read strictly."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..errors import ConfigError
from ..scoring.verdict import FacetScore, Problem
from ..settings import SIGNALS
from ..support.digests import digest_of
from ..taxonomy import Path, facets_of, nearest
from .base import Protocol, Reading, Request
from .signals_bounds import MEASURED, STYLES, deciding
from .signals_edit_bounds import ASPECTS, RANGES
from .signals_edit_bounds import REVISION as EDIT_REVISION

if TYPE_CHECKING:
    from PIL.Image import Image

    from ..images.encoding import Encoding


class _Signals(Protocol):
    """The common part of the embedded judge's protocols."""

    name = SIGNALS
    has_total = False

    @property
    def digest(self) -> str:
        """A constant: no words go into a request."""
        return digest_of(SIGNALS, self.kind, "1")

    def sampling(self, dimension: str, *, again: bool = False) -> dict[str, Any]:
        """Return the facts that decide an answer: revision, bounds and library versions."""
        return deciding(dimension)

    def send_as(self, encoding: Encoding) -> None:
        """Do nothing: no picture leaves this process."""

    def render(self, text: str, images: Sequence[Image], dimension: str, *, again: bool = False) -> Request:
        """Make a request of the pictures and the text as they are."""
        return Request(
            dimension=dimension, messages=[], sampling=self.sampling(dimension), text=text, images=tuple(images)
        )


class SignalsProtocol(_Signals):
    """A protocol for measured facets of one image; the others are N/A without words.

    Args:
        styles: styles of all pictures, out of `signals_bounds.STYLES`.

    Raises:
        ConfigError: no such style; names the nearest.
    """

    measures = frozenset(MEASURED)

    def __init__(self, styles: Sequence[str] = ()) -> None:
        for style in styles:
            if style not in STYLES:
                expected, hint = ", ".join(STYLES), nearest(style, STYLES)
                raise ConfigError(f"judge_signals_style: one of {expected} is expected, not {style!r}{hint}")
        self.styles = sorted(set(styles))

    def sampling(self, dimension: str, *, again: bool = False) -> dict[str, Any]:
        """Return the facts that decide an answer, and the styles that the user names."""
        facts = super().sampling(dimension, again=again)
        return {**facts, "style": self.styles} if self.styles else facts

    def read(self, dimension: str, text: str, finish_reason: str | None) -> Reading:
        """Read an answer; any deviation makes the dimension, or the facet, unreadable."""
        facets = facets_of((dimension,))
        tree = _object(text)
        if tree is None:
            return _unreadable(dimension)
        known = {path: path[1:] for path in facets if path in self.measures}
        if {(two, three) for two, threes in tree.items() for three in _keys(threes)} - set(known.values()):
            return _unreadable(dimension)
        level3: dict[Path, FacetScore] = {}
        lost: list[Path] = []
        for path in facets:
            if path not in known:
                level3[path] = _NOT_MEASURED
                continue
            facet = _facet(tree.get(path[1]), path[2])
            if facet is None:
                lost.append(path)
            else:
                level3[path] = facet
        return Reading(
            level3=level3,
            unreadable=tuple(lost),
            problems=tuple(Problem(path, "missing", "no score of this judge's own shape") for path in lost),
        )


def measured(answers: Mapping[str, str]) -> bool:
    """Return True for raw answers, by dimension, of the embedded judge; files of judged rows do not name the judge.

    No other judge gives just these facets, each with evidence.
    """
    given = {one: text for one, text in answers.items() if text.strip()}
    protocol = SignalsProtocol()
    return bool(given) and not any(protocol.read(one, text, None).unreadable for one, text in given.items())


class SignalsEditProtocol(_Signals):
    """A protocol for the fidelity of an edit; obedience to the instruction is not measured: no overall score."""

    kind: ClassVar[Literal["image", "edit"]] = "edit"
    aspects = ASPECTS
    aspect_ranges = RANGES
    uses_region = True
    measures = frozenset()

    def sampling(self, dimension: str, *, again: bool = False) -> dict[str, Any]:
        """Return the facts that decide an answer: revision and library versions; bounds are the user's."""
        facts = super().sampling(dimension, again=again)
        return {**{name: fact for name, fact in facts.items() if name != "bounds"}, "measurement": EDIT_REVISION}

    def read(self, dimension: str, text: str, finish_reason: str | None) -> Reading:
        """Read an answer; any deviation makes it unreadable."""
        tree = _object(text)
        if tree is None or set(tree) != {"aspects", "evidence"}:
            return _unreadable(dimension)
        aspects, evidence = tree["aspects"], tree["evidence"]
        if not isinstance(aspects, dict) or not isinstance(evidence, dict) or set(aspects) != set(ASPECTS):
            return _unreadable(dimension)
        for name, value in aspects.items():
            low, high = RANGES.get(name, (0, 1))
            if value is not None and (type(value) not in (int, float) or not low <= value <= high):
                return _unreadable(dimension)
        if not all(isinstance(words, str) for words in evidence.values()):
            return _unreadable(dimension)
        return Reading(
            aspects={name: None if value is None else float(value) for name, value in aspects.items()},
            evidence=evidence,
        )


_NOT_MEASURED = FacetScore("N/A")


def _unreadable(dimension: str) -> Reading:
    path = (dimension,)
    problem = Problem(path, "no-answer", "not an answer of the embedded judge")
    return Reading(unreadable=(path,), problems=(problem,))


def _object(text: str) -> dict[str, Any] | None:
    try:
        tree = json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return tree if isinstance(tree, dict) else None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        raise ValueError("a name twice")
    return tree


def _refuse(name: str) -> float:
    raise ValueError(name)


def _keys(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Mapping) else [None]


def _facet(threes: Any, name: str) -> FacetScore | None:
    entry = threes.get(name) if isinstance(threes, dict) else None
    if not isinstance(entry, dict) or set(entry) != {"score", "evidence"} or not isinstance(entry["evidence"], str):
        return None
    raw = entry["score"]
    if raw == "N/A" and isinstance(raw, str):
        return FacetScore("N/A", entry["evidence"])
    if type(raw) is int and raw in (0, 1, 2):
        return FacetScore(0 if raw == 0 else 1 if raw == 1 else 2, entry["evidence"])
    return None
