"""Pairing of the images of two runs: by row ID, else by prompt and seed."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from ..report.lookup import repeat_of
from ..report.model import AnyEntry, EditEntry, VerdictEntry
from ..taxonomy import EDIT_SCALE, EDIT_SCORE, Path, from_written
from .figures import DIMENSIONS, figures, image_of, one_scale, scale_of, state, text_of
from .intervals import MINIMUM

Kind = Literal["image", "edit"]


@dataclass(frozen=True)
class Scored:
    """One judged image or edit, as far as a comparison needs it.

    Attributes:
        prompt: the prompt, or the instruction of an edit.
        copy: a small copy of the picture that the report has beside it, or empty.
        count: number, from 1, among the images with the same ID, or the same prompt and seed.
        figures: by path; figures that do not apply, or were not judged, are absent.
        lost: paths that were not judged.
        asked: the L1 asked about; empty where not known.
        outcome: "passed", "failed", "error", or empty where it is not known.
        bounded: whether the outcome is by bounds that were applied.
        breached: paths whose bound was missed.
        repeat: 0 for the first judgement of an image, from 1 for further ones.
        scale: of an edit's score.
    """

    kind: Kind
    id: str | None
    prompt: str
    seed: int | str | None = None
    count: int = 1
    pixels: str = ""
    image: str = ""
    copy: str = ""
    figures: dict[Path, float] = field(default_factory=dict)
    lost: frozenset[Path] = frozenset()
    asked: tuple[str, ...] = ()
    fingerprint: dict[str, Any] = field(default_factory=dict)
    outcome: str = ""
    bounded: bool = False
    breached: frozenset[Path] = frozenset()
    repeat: int = 0
    scale: tuple[float, float] = EDIT_SCALE

    @property
    def key(self) -> tuple[Hashable, ...]:
        """Key by which two runs are paired."""
        if self.id is not None:
            return (self.kind, "id", self.id, self.count)
        return (self.kind, "prompt", self.prompt, str(self.seed), self.count)

    @property
    def label(self) -> str:
        """The ID, or the start of the prompt with seed and count."""
        if self.id is not None:
            return self.id if self.count == 1 else f"{self.id} #{self.count}"
        text = self.prompt if len(self.prompt) <= 80 else f"{self.prompt[:79]}…"
        seed = "" if self.seed is None else f" (seed {self.seed})"
        return f"{text}{seed}" if self.count == 1 else f"{text}{seed} #{self.count}"


@dataclass
class Pairing:
    """Two runs, paired.

    Attributes:
        pairs: (before, after) of the same question.
        new, missing: only after, only before.
        changed: pairs whose pixels differ.
        reworded: paired by ID, but the prompt or the dimensions asked differ; not among ``pairs``.
    """

    pairs: list[tuple[Scored, Scored]] = field(default_factory=list)
    new: list[Scored] = field(default_factory=list)
    missing: list[Scored] = field(default_factory=list)
    changed: list[Scored] = field(default_factory=list)
    reworded: list[tuple[Scored, Scored]] = field(default_factory=list)


def scored(entries: Iterable[AnyEntry]) -> list[Scored]:
    """Convert entries of a report to `Scored`, counted in an order that does not depend on the workers' speed."""
    found: list[Scored] = []
    order: list[tuple[str, int]] = []
    for number, entry in enumerate(entries):
        found.append(_scored(entry))
        order.append((entry.test or "", number))
    seen: dict[tuple[Hashable, ...], int] = {}
    for _, number in sorted(order):
        item = found[number]
        same = (item.repeat, *item.key)  # whose count is 1 as yet
        seen[same] = seen.get(same, 0) + 1
        if seen[same] > 1:
            found[number] = replace(item, count=seen[same])
    return found


def _scored(entry: AnyEntry) -> Scored:
    kind: Kind = "edit" if isinstance(entry, EditEntry) else "image"
    paths = (EDIT_SCORE,) if kind == "edit" else DIMENSIONS
    return Scored(
        kind=kind,
        id=entry.id,
        prompt=text_of(entry),
        seed=entry.seed,
        pixels=entry.pixels,
        image=image_of(entry),
        copy=entry.copies.get("edited_image" if kind == "edit" else "image", ""),
        figures=figures(entry),
        lost=frozenset(path for path in paths if state(entry, path) == "not judged"),
        asked=tuple(entry.level1) if isinstance(entry, VerdictEntry) and not entry.error else (),
        fingerprint=entry.fingerprint,
        outcome="" if entry.outcome == "scored" else entry.outcome,
        bounded=bool(entry.thresholds or entry.bounds or entry.breaches),
        breached=frozenset(from_written(breach.path) for breach in entry.breaches),
        repeat=repeat_of(entry),
        scale=scale_of(entry),
    )


def pair(before: Sequence[Scored], after: Sequence[Scored]) -> Pairing:
    """Pair two runs by key, in the order of ``after``."""
    old = {item.key: item for item in before}
    result = Pairing()
    for item in after:
        mate = old.pop(item.key, None)
        if mate is None:
            result.new.append(item)
        elif mate.prompt != item.prompt or (mate.asked and item.asked and set(mate.asked) != set(item.asked)):
            result.reworded.append((mate, item))
        else:
            result.pairs.append((mate, item))
            if mate.pixels and item.pixels and mate.pixels != item.pixels:
                result.changed.append(item)
    result.missing = list(old.values())
    return result


def pair_by_prompt(before: Sequence[Scored], after: Sequence[Scored]) -> Pairing:
    """Pair two runs of which not both have IDs: by prompt, and the count of that prompt in the run."""
    return pair(_without_ids(before), _without_ids(after))


def _without_ids(items: Sequence[Scored]) -> list[Scored]:
    seen: dict[tuple[str, str], int] = {}
    found = []
    for item in items:
        seen[item.kind, item.prompt] = count = seen.get((item.kind, item.prompt), 0) + 1
        found.append(replace(item, id=None, seed=None, count=count))
    return found


def edit_scale(pairs: Iterable[tuple[Scored, Scored]]) -> tuple[float, float]:
    """Return the scale of the edits' scores in pairs.

    Raises:
        ConfigError: they are on several scales, or before on another than after.
    """
    return one_scale((item.scale for pair in pairs for item in pair if EDIT_SCORE in item.figures), "difference")


def figure_pairs(
    pairs: Sequence[tuple[Scored, Scored]], paths: Iterable[Path]
) -> dict[Path, list[tuple[Hashable, float, float]]]:
    """Return (unit, before, after), by path, of the pairs that have the figure on both sides.

    The unit is the prompt; with fewer than five prompts it is the pair, and conclusions then hold for these prompts
    only.
    """
    many: dict[Kind, bool] = {}
    for kind in ("image", "edit"):
        many[kind] = len({old.prompt for old, _ in pairs if old.kind == kind}) >= MINIMUM
    found: dict[Path, list[tuple[Hashable, float, float]]] = {path: [] for path in paths}
    for old, new in pairs:
        unit: Hashable = (old.kind, old.prompt) if many[old.kind] else old.key
        for path, rows in found.items():
            if path in old.figures and path in new.figures:
                rows.append((unit, old.figures[path], new.figures[path]))
    return found


@dataclass
class ScoredRun:
    """The judged images and edits of one file.

    Attributes:
        images: those that were judged, or should have been.
        problems: rows that were left out, a line each.
        unread: number of rows that could not be read; a second row of an ID is left out, but was read.
        environment: that of a baseline, whose images don't tell the models that answered.
    """

    name: str
    images: list[Scored]
    problems: list[str] = field(default_factory=list)
    unread: int = 0
    environment: dict[str, list[str]] = field(default_factory=dict)
