"""Conversion of a verdict and a profile to an entry of a report."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..scoring.figures import mapped
from ..scoring.verdict import EditVerdict, FacetScore, Raw, Verdict, nested
from ..taxonomy import Path, written
from ..thresholds.profile import Check, Profile
from .model import Bound, Breach, EditEntry, Facet, FindingEntry, Outcome, ProblemEntry, VerdictEntry

_RAWS: tuple[Raw, ...] = (0, 1, 2, "N/A")
_SILENT = {raw: Facet(raw=raw, score=mapped(raw)) for raw in _RAWS}  # facets without evidence, which most judges give


def entry_of(
    verdict: Verdict | EditVerdict,
    profile: Profile | None,
    *,
    gate: bool | None = None,
    blank: bool = False,
    **context: Any,
) -> VerdictEntry | EditEntry:
    """Make the entry of one verdict, with the bounds of ``profile`` applied; None applies none, and decides nothing.

    ``gate`` says whether a picture without content, or a blocked one, fails: None is where there is a profile; True
    without one is where bounds apply to the run only. ``blank`` is whether such a picture was asked for. ``context``
    are further fields of the entry: id, test, seed, where.
    """
    check = _applied(verdict, profile)
    findings = _findings(verdict, check, gate=profile is not None if gate is None else gate, blank=blank)
    common: dict[str, Any] = {
        "key": verdict.key,
        "source": verdict.source,
        "judged_at": verdict.judged_at,
        "thresholds": profile.name if profile else "",
        "error": verdict.error,
        "unreadable": [list(path) for path in verdict.unreadable],
        "problems": [ProblemEntry(path=list(one.path), kind=one.kind, detail=one.detail) for one in verdict.problems],
        "bounds": _bounds(verdict, profile),
        "findings": findings,
        "breaches": _breaches(check),
        "not_applicable": [written(path) for path in check.not_applicable] if check else [],
        "fingerprint": dict(verdict.fingerprint),
        "pixels": verdict.pixels,
        "outcome": _outcome(verdict, check, failed=any(found.failed for found in findings)),
        **context,
    }
    if isinstance(verdict, EditVerdict):
        return EditEntry(
            source_image=verdict.source_image,
            edited_image=verdict.edited_image,
            instruction=verdict.instruction,
            mask=verdict.mask,
            box=None if verdict.box is None else list(verdict.box),
            score=verdict.score,
            scale=list(verdict.scale),
            aspects=dict(verdict.aspects),
            evidence=dict(verdict.evidence),
            answer=verdict.answer,
            answers=verdict.several_answers,
            **common,
        )
    return VerdictEntry(
        image=verdict.image,
        prompt=verdict.prompt,
        total=verdict.total,
        level1=verdict.level1,
        level2=verdict.level2,
        level3=_level3(verdict.level3),
        answers=dict(verdict.answers),
        **common,
    )


def _breaches(check: Check | None) -> list[Breach]:
    return [
        Breach(path=written(one.path), score=one.score, bound=one.bound, side=one.side)
        for one in (check.breaches if check else ())
    ]


def _findings(verdict: Verdict | EditVerdict, check: Check | None, *, gate: bool, blank: bool) -> list[FindingEntry]:
    found = [
        FindingEntry(kind=one.kind, detail=one.detail, failed=gate and one.fails(blank=blank))
        for one in verdict.findings
    ]
    if check is not None and check.too_few:
        detail = f"{check.applicable} of the facets that were asked about have a score, min_applicable is"
        found.append(FindingEntry(kind="few-applicable", detail=f"{detail} {check.min_applicable}", failed=True))
    return found


def _level3(facets: Mapping[Path, FacetScore]) -> dict[str, dict[str, dict[str, Facet]]]:
    return nested(
        {
            path: _SILENT[facet.raw]
            if not facet.evidence
            else Facet.model_construct(raw=facet.raw, score=facet.score, evidence=facet.evidence)
            for path, facet in facets.items()
        }
    )


def _applied(verdict: Verdict | EditVerdict, profile: Profile | None) -> Check | None:
    if profile is None:
        return None
    return profile.check_edit(verdict) if isinstance(verdict, EditVerdict) else profile.check(verdict)


def _bounds(verdict: Verdict | EditVerdict, profile: Profile | None) -> list[Bound]:
    if profile is None:
        return []
    if isinstance(verdict, EditVerdict):
        return [Bound(path=list(path), bound=bound, side=side) for path, side, bound in profile.edit.bounds()]
    return [Bound(path=written(path), bound=bound) for path, bound in profile.bounds().items()]


def _outcome(verdict: Verdict | EditVerdict, check: Check | None, *, failed: bool) -> Outcome:
    if not verdict.readable:
        return "error"
    if failed:
        return "failed"
    if check is None:
        return "scored"
    return "passed" if check.passed else "failed"
