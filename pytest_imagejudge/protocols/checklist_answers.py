"""Read a judge's answer to a checklist: scores of one L1's facets, however the answer is laid out.

Every facet that was asked is either read or reported as unreadable. Names are only ever looked up within
the L1 that was asked, and scores are never taken from the thinking, guessed, rounded or clamped.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import orjson

from ..scoring.verdict import FacetScore, Raw
from ..taxonomy import FACETS, LEVEL1, Path
from .answer_parts import Number, Object, Problems, Unread, cut_off, short, split, take_objects
from .base import Reading
from .reasons import MOST, NAMES, reason_of

_NOT_APPLICABLE = frozenset({"n/a", "na", "n.a.", "n.a", "n / a", "not applicable"})


_WRITTEN = re.compile(r"([012])(?:\.0*)?", re.ASCII)  # "1" and 1.0, but not 1.9


# Other names that are known from answers, of an L2 or an L3: they stand for the checklist's own.
_VARIANTS = {"featuremapping": "featurematching"}


_CLOSE = 0.9  # similarity from which an unknown name is a misspelt one


_CLOSE_TRIES = 64  # names compared that way in one answer: the comparison is slow


_WRAPPERS = 4  # levels of unknown names around the expected ones


@dataclass(frozen=True)
class _Names:
    """The names of one L1 by their folded form."""

    one: str
    folded: str
    facets: tuple[Path, ...]
    level2: dict[str, str]
    level3: dict[str, Path]
    only: dict[str, Path]  # the facet of an L2 that has just one, by L2
    tree: dict[str, dict[str, Path]]  # to the letter: L2, L3

    def close(self, folded: str) -> Path | None:
        """Return the only facet with a name close to a misspelt one, or None."""
        near = sorted(
            ((difflib.SequenceMatcher(None, folded, name).ratio(), path) for name, path in self.level3.items()),
            reverse=True,
        )
        best = [path for ratio, path in near if ratio >= _CLOSE]
        return best[0] if best and len(set(best)) == 1 else None


_NO_LETTERS = {code: None for code in range(128) if not chr(code).isalnum()} | {ord("&"): "and"}


def fold(name: str) -> str:
    """Fold a name: drop case, spacing, punctuation and plural."""
    return _fold(name[:200])


@lru_cache(maxsize=4096)  # a run's answers hold the same hundred names over and over
def _fold(name: str) -> str:
    folded = name.lower()
    if not folded.isascii():
        folded = "".join(filter(lambda char: char.isalnum() or char == "&", unicodedata.normalize("NFKC", folded)))
    return folded.translate(_NO_LETTERS).replace("colour", "color").removesuffix("s")


_OTHER_LEVEL1 = {fold(one): one for one in LEVEL1}


@lru_cache(maxsize=64)
def _names(one: str, facets: tuple[Path, ...] | None) -> _Names:
    mine = tuple(path for path in (FACETS if facets is None else facets) if path[0] == one)
    level3: dict[str, Path] = {}
    for path in mine:
        # "Detail / Noise" and "Quality / Detail / Noise" as one name
        level3[fold("".join(path))] = level3[fold(path[1] + path[2])] = path
    level3 |= {fold(path[2]): path for path in mine}
    level2 = {fold(path[1]): path[1] for path in mine}
    for variant, name in _VARIANTS.items():
        if name in level2:
            level2[variant] = level2[name]
        if name in level3:
            level3[variant] = level3[name]
    whole = [path for path in FACETS if path[0] == one]
    only = {two: paths[0] for two in level2.values() if len(paths := [p for p in whole if p[1] == two]) == 1}
    tree: dict[str, dict[str, Path]] = {}
    for path in mine:
        tree.setdefault(path[1], {})[path[2]] = path
    return _Names(one, fold(one), mine, level2, level3, only, tree)


@dataclass(slots=True)
class _Claim:
    """One score for a facet, or None with the reason."""

    raw: Raw | None
    evidence: str = ""
    kind: Literal["bad-score", "missing"] = "bad-score"
    detail: str = ""


@dataclass
class _Walk:
    """One pass over one object; ``claims`` holds every score by facet, good or bad."""

    names: _Names
    problems: Problems
    claims: dict[Path, list[_Claim]] = field(default_factory=dict)
    later: list[tuple[Path, str, Any, str | None]] = field(default_factory=list)
    tries: int = 0

    def object(self, node: Object, home: str | None) -> None:
        """Walk an object that stands for L2 ``home``; "" is above the L2, None below an unknown name."""
        names, top = self.names, (self.names.one,)
        here = (names.one, home) if home else top
        seen: set[str] = set()
        for key, value in node.pairs:
            folded = fold(key)
            two, facet = names.level2.get(folded), names.level3.get(folded)
            if folded == names.folded:
                if isinstance(value, Object):
                    self.problems.add(top, "wrapped", short(key))
                    self.object(value, "")
                else:
                    self.problems.add(top, "wrong-type", f"{short(value)} for {short(key)}")
            elif folded in _OTHER_LEVEL1:
                self.problems.add(top, "invented", f"{short(key)} was not asked")
            elif two and isinstance(value, Object) and not _scored(value):
                if key != two:
                    self.problems.add((names.one, two), "renamed", short(key))
                if two in seen:
                    self.problems.add((names.one, two), "duplicate", "the same name twice")
                if home != "" and home != two:
                    self.problems.add((names.one, two), "misplaced", f"under {home or 'an unknown name'}")
                seen.add(two)
                self.object(value, two)
            elif facet:
                self.facet(facet, key, value, home)
            elif two in names.only:
                self.facet(names.only[two], key, value, home if home else two)
            elif two:
                if isinstance(value, Object):
                    self.object(value, two)
                else:
                    self.problems.add((names.one, two), "wrong-type", f"{short(value)} instead of an object")
            else:
                self.unknown(key, folded, value, home, here, alone=len(node.pairs) == 1)

    def unknown(self, key: str, folded: str, value: Any, home: str | None, here: Path, *, alone: bool) -> None:
        """Handle a name that the L1 does not have: a wrapper, a misspelt facet or L2, or an invention."""
        if isinstance(value, Object) and not _scored(value):
            if holds := self.holds(value, _WRAPPERS):
                if holds == 3 and self.tries < _CLOSE_TRIES:
                    self.tries += 1
                    near = difflib.get_close_matches(folded, self.names.level2, n=1, cutoff=_CLOSE)
                    if near:
                        two = self.names.level2[near[0]]
                        self.problems.add((self.names.one, two), "renamed", short(key))
                        self.object(value, two)
                        return
                wraps = alone or holds < 3
                self.problems.add(here, "wrapped" if wraps else "invented", short(key))
                self.object(value, "" if wraps and home == "" else None)
                return
        elif len(folded) <= 40 and self.tries < _CLOSE_TRIES:
            self.tries += 1
            if facet := self.names.close(folded):
                self.later.append((facet, key, value, home))
                return
        self.problems.add(here, "invented", short(key))

    def holds(self, node: Object, depth: int) -> int:
        """Return the highest level (1 to 3) of this L1's names in ``node``, at most ``depth`` levels down, or 0."""
        names, found = self.names, 0
        for key, value in node.pairs:
            folded, inner = fold(key), 0
            if folded == names.folded:
                return 1
            if folded in names.level2 and isinstance(value, Object) and not _scored(value):
                inner = 2
            elif folded in names.level3 or folded in names.level2:
                inner = 3
            elif depth > 1 and folded not in _OTHER_LEVEL1 and isinstance(value, Object):
                inner = self.holds(value, depth - 1)
            found = min(found or inner, inner or found)
        return found

    def facet(self, path: Path, key: str, value: Any, home: str | None) -> None:
        """Take the value under a facet's name."""
        if key != path[2]:
            self.problems.add(path, "renamed", short(key))
        if home == "":
            self.problems.add((path[0],), "flat", path[2])
        elif home != path[1]:
            self.problems.add(path, "misplaced", f"under {home or 'an unknown name'}")
        claims = self.claims.setdefault(path, [])
        if not isinstance(value, Object):
            claims.append(self.score(path, value, bare=True))
            return
        evidence, rest, scores = "", [], []
        for inner, content in value.pairs:
            folded = fold(inner)
            if folded == "score":
                if inner != "score":
                    self.problems.add(path, "renamed", short(inner))
                scores.append(content)
            elif folded in NAMES:
                evidence = evidence or reason_of(content)
            elif isinstance(content, Object) or folded in self.names.level3:
                rest.append((inner, content))
        for content in scores:
            claim = self.score(path, content)
            claim.evidence = evidence
            claims.append(claim)
        if not scores:
            claims.append(_Claim(None, kind="missing", detail="no score"))
        if rest:  # a facet that stands inside another: a bracket was misplaced
            self.object(Object(rest), path[1])

    def score(self, path: Path, value: Any, *, bare: bool = False) -> _Claim:
        """Judge one written score."""
        raw: Raw | None = None
        written = value.strip() if isinstance(value, str) else ""
        if len(written) <= 20:
            if match := _WRITTEN.fullmatch(written):
                raw = (0, 1, 2)[int(match[1])]
            elif not isinstance(value, Number) and written.casefold() in _NOT_APPLICABLE:
                raw = "N/A"
        if raw is None:
            return _Claim(None, detail=short(value))
        if bare or value != str(raw) or (raw != "N/A") != isinstance(value, Number):
            self.problems.add(path, "coerced", short(value))
        return _Claim(raw)

    def finish(self) -> dict[Path, FacetScore]:
        """Settle every facet as read or unread, with a problem for each unread one."""
        taken = set(self.claims)
        for path, key, value, home in self.later:
            if path in taken:  # the facet has a score of its own: this is another, unknown one
                self.problems.add((path[0],), "invented", short(key))
            else:
                self.facet(path, key, value, home)
        read: dict[Path, FacetScore] = {}
        for path in self.names.facets:
            claims = self.claims.get(path, [])
            values = {claim.raw for claim in claims}
            if len(values) > 1:
                shown = ", ".join(sorted("unreadable" if raw is None else str(raw) for raw in values))
                self.problems.add(path, "duplicate", f"scores that differ: {shown}")
                continue
            raw = values.pop() if values else None
            if raw is None:
                if claims:
                    self.problems.add(path, claims[0].kind, claims[0].detail)
                elif self.claims:
                    self.problems.add(path, "missing")
                continue
            if len(claims) > 1:
                self.problems.add(path, "duplicate", "the same score twice")
            read[path] = FacetScore(raw, next((claim.evidence for claim in claims if claim.evidence), ""))
        return read


_BARE: dict[Raw, FacetScore] = {raw: FacetScore(raw) for raw in (0, 1, 2, "N/A")}


_KEY_WITH_A_GAP = re.compile(r'"\s+:')


def _read_plainly(names: _Names, body: str) -> dict[Path, FacetScore] | None:
    """Read an answer laid out exactly as asked, as most are; None for any other.

    Ten times as quick as walking the object, with the same result and no problems.
    """
    if not (body.startswith("{") and body.endswith("}")) or any(odd in body for odd in ("```", "-0")):
        return None
    if _KEY_WITH_A_GAP.search(body):
        return None
    read: dict[Path, FacetScore] = {}
    keys = 0  # of which each is followed by one colon; one more than was kept means a name twice
    try:
        answer = orjson.loads(body)
        for two, threes in names.tree.items():
            facets = answer[two]
            keys += 1
            if len(facets) != len(threes):
                return None
            for three, path in threes.items():
                facet = facets[three]
                raw = facet["score"]
                keys += 1 + len(facet)
                if type(raw) is not int and raw != "N/A":
                    return None
                score = _BARE[raw]
                if len(facet) != 1:
                    evidence = facet["reason" if "reason" in facet else "evidence"]
                    if len(facet) != 2 or type(evidence) is not str:
                        return None
                    if evidence:
                        score = FacetScore(raw, evidence[:MOST])
                read[path] = score
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return read if len(answer) == len(names.tree) and body.count('":') == keys else None


def _scored(node: Object) -> bool:
    return any(fold(key) == "score" for key, _ in node.pairs)


def read_checklist(one: str, text: str, finish_reason: str | None, facets: tuple[Path, ...] | None = None) -> Reading:
    """Read the answer to L1 ``one``, of which ``facets`` (paths; None is all) were asked. Never raises.

    Returns:
        A reading in which every facet asked is in ``level3`` or covered by ``unreadable``.
    """
    problems, top = Problems(), (one,)

    def nothing() -> Reading:
        return Reading(unreadable=(top,), problems=problems.done())

    if not isinstance(text, str) or not text.strip():
        problems.add(top, "truncated" if cut_off(finish_reason) else "no-answer", "empty")
        return nothing()
    parts = split(text)
    if parts.unfinished:
        problems.add(top, "unfinished-thinking")
        return nothing()
    if cut_off(finish_reason) and not parts.closed:
        # Without tags this may be thinking that the chat template opened, so even a whole object is a draft.
        problems.add(top, "truncated", f"cut off ({finish_reason}) before the thinking ended, if there was any")
        return nothing()
    names = _names(one, facets)
    if not cut_off(finish_reason) and (plainly := _read_plainly(names, parts.answer.strip())):
        return Reading(level3=plainly)
    objects = take_objects(parts.answer, finish_reason, problems, top)
    if isinstance(objects, Unread):
        problems.add(top, objects.kind, objects.detail)
        return nothing()
    reads: list[dict[Path, FacetScore]] = []
    for node in objects:
        # Only the first object's problems are shown: the others are read to see whether they agree.
        walk = _Walk(names, problems if not reads else Problems())
        walk.object(node, "")
        reads.append(walk.finish())
    raws = [{path: facet.raw for path, facet in read.items()} for read in reads]
    if len(reads) > 1:
        agree = all(raw == raws[0] for raw in raws)
        problems.add(top, "duplicate", f"{len(reads)} objects that {'agree' if agree else 'differ'}")
        if not agree:
            return nothing()
    level3 = reads[0]
    if not level3:
        if not problems:
            problems.add(top, "no-answer", "no facet of the checklist")
        return nothing()
    unreadable = tuple(path for path in names.facets if path not in level3)
    if unreadable and problems.ends_early(top, finish_reason):
        return nothing()
    return Reading(level3=level3, unreadable=unreadable, problems=problems.done())
