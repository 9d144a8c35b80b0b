"""Tables of the calibration, in Markdown: shares with Wilson's intervals of 95%."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from calibration_figures import NEUTRAL, WORDS, Figure
from corpus_sources import KINDS
from damages import BY_NAME, DAMAGES, FILES, IN_FILES

FACETS = (
    "Noise",
    "Edge Clarity",
    "Resolution",
    "Naturalness",
    "Color Harmony",
    "Lighting & Atmosphere",
    "Safety & Compliance",
)
FALSE_ALARMS, CAUGHT = 0.05, 0.95


def wilson(hits: int, count: int) -> tuple[float, float]:
    """The interval of 95% of a share."""
    if not count:
        return 0.0, 1.0
    z, share = 1.96, hits / count
    middle = share + z * z / (2 * count)
    reach = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    low, high = (middle - reach) / (1 + z * z / count), (middle + reach) / (1 + z * z / count)
    return max(0.0, low), min(1.0, high)


def share(hits: int, count: int) -> str:
    """In percent, with its interval."""
    if not count:
        return "-"
    low, high = wilson(hits, count)
    return f"{100 * hits / count:.0f}% ({100 * low:.0f}–{100 * high:.0f})"


def row(*cells: object) -> str:
    """One line of a table."""
    return f"| {' | '.join(map(str, cells))} |"


def head(*cells: str) -> list[str]:
    """The first lines of a table."""
    return [row(*cells), "|" + "---|" * len(cells)]


def only(
    figures: Iterable[Figure], kind: str = "", damage: str | None = None, prompt: str | None = NEUTRAL
) -> list[Figure]:
    """The figures of a kind, a damage ("" for none) and a prompt (None for any but the neutral one)."""
    return [
        figure
        for figure in figures
        if (not kind or figure.picture.kind == kind)
        and (damage is None or figure.damage == damage)
        and (figure.prompt == prompt if prompt else figure.prompt != NEUTRAL)
    ]


def not_judged(figure: Figure) -> bool:
    """Whether all facets that the damage counts for are N/A, and none failed."""
    return not figure.failed and all(figure.raws.get(facet) == "N/A" for facet in BY_NAME[figure.damage].facets)


def caught(figures: Sequence[Figure]) -> tuple[int, int]:
    """How many have a facet that failed, of how many that were judged."""
    judged = [figure for figure in figures if not not_judged(figure)]
    return sum(bool(figure.failed) for figure in judged), len(judged)


def newly_failed(figures: Iterable[Figure], kind: str, damage: str) -> tuple[int, int]:
    """How many fail with it that pass as they are, of how many that do."""
    mine = [figure for figure in figures if not kind or figure.picture.kind == kind]
    passed = {figure.picture for figure in only(mine, kind, "") if not figure.failed}
    with_it = [figure for figure in only(mine, kind, damage) if figure.picture in passed]
    return sum(bool(figure.failed) for figure in with_it), len(with_it)


def in_place(figures: Sequence[Figure]) -> int:
    """How many failed under a facet that the damage counts for."""
    return sum(any(facet in BY_NAME[figure.damage].facets for facet in figure.failed) for figure in figures)


def corpus_table(folder: Path) -> str:
    """How many pictures there are, and where they come from."""
    rows = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    lines = head("kind", "set", "held", "packages of the held half")
    for kind in KINDS:
        mine = [entry for entry in rows if entry["kind"] == kind]
        halves = Counter(entry["half"] for entry in mine)
        packages = Counter(entry["package"] for entry in mine if entry["half"] == "held")
        named = ", ".join(f"{name.partition(':')[2] or name} {count}" for name, count in packages.most_common(6))
        rest = len(packages) - 6
        lines.append(row(kind, halves["set"], halves["held"], named + (f", {rest} more" if rest > 0 else "")))
    return "\n".join(lines)


def fine_table(now: list[Figure], old: list[Figure]) -> str:
    """Pictures as they are: how many failed, by kind, prompt and facet."""
    lines = head("kind", "prompt", "n", "failed", "before", *FACETS)
    for kind in KINDS:
        for prompt in (NEUTRAL, None):
            mine, before = only(now, kind, "", prompt), only(old, kind, "", NEUTRAL) if prompt else []
            if not mine:
                continue
            cells = []
            for facet in FACETS:
                raws = [figure.raws.get(facet) for figure in mine]
                failed, away = sum(raw == 0 for raw in raws), sum(raw == "N/A" for raw in raws)
                cell = f"{100 * failed / len(mine):.1f}%" if mine else ""
                if facet == "Safety & Compliance" and not prompt:
                    cell = ""
                cells.append(cell + (f"; N/A {100 * away / len(mine):.0f}%" if away else ""))
            lines.append(
                row(
                    kind,
                    "no word" if prompt else f"“{mine[0].prompt}”" if mine else "",
                    len(mine),
                    share(sum(bool(figure.failed) for figure in mine), len(mine)),
                    share(sum(bool(figure.failed) for figure in before), len(before)),
                    *cells,
                )
            )
    return "\n".join(lines)


def _cells(figures: list[Figure], damage: str) -> list[str]:
    if BY_NAME[damage].harmless:
        return [share(*newly_failed(figures, kind, damage)) for kind in KINDS]
    found = []
    for kind in KINDS:
        mine = only(figures, kind, damage)
        hits, judged = caught(mine)
        away = len(mine) - judged
        found.append(share(hits, judged) + (f"; N/A {100 * away / len(mine):.0f}%" if away else ""))
    return found


def damage_table(now: list[Figure], old: list[Figure]) -> str:
    """Damaged pictures: how many were caught, by damage and kind."""
    lines = head("damage", "facet", *KINDS, "all", "under its facet", "all, before")
    for damage in DAMAGES:
        mine, before = only(now, "", damage.name), only(old, "", damage.name)
        hits, judged = newly_failed(now, "", damage.name) if damage.harmless else caught(mine)
        lines.append(
            row(
                damage.name + (" (no target)" if damage.mild else " (must pass)" if damage.harmless else ""),
                ", ".join(damage.facets),
                *_cells(now, damage.name),
                share(hits, judged),
                "" if damage.harmless else f"{100 * in_place(mine) / max(1, judged):.0f}%",
                share(sum(bool(figure.failed) for figure in before), len(before)),
            )
        )
    return "\n".join(lines)


def files_table(now: list[Figure], old: list[Figure]) -> str:
    """Pictures in lossy files: those as they are that fail, by kind, and those damaged, by damage.

    Of the lossy files those count that pass as PNG.
    """

    def failed(figures: list[Figure], kind: str, damage: str) -> str:
        mine = only(figures, kind, damage)
        if damage != whole:  # those that fail as they are say nothing of the file
            fine = {figure.picture for figure in only(figures, kind, whole) if not figure.failed}
            mine = [figure for figure in mine if figure.picture in fine]
        away = sum(figure.raws.get("Edge Clarity") == "N/A" for figure in mine)
        return f"{sum(bool(figure.failed) for figure in mine)} + {away} of {len(mine)}"

    def outcome(figures: list[Figure], damage: str) -> str:
        mine = only(figures, "", damage)
        hits, judged = caught(mine)
        return f"{hits} + {len(mine) - judged} of {len(mine)}"

    whole = "as they are, PNG"
    fine = head("as they are: failed + Edge Clarity N/A", *FILES)
    for kind in KINDS:
        cells = []
        for damage in (f"as they are, {file}" for file in FILES):
            measured = {figure.picture for figure in only(old, kind, damage)}
            same = [figure for figure in now if figure.picture in measured or not old]
            cells.append("; ".join(failed(figures, kind, damage) for figures in (same, old) if figures))
        fine.append(row(kind, *cells))
    lossy = [file for file in FILES if file != "PNG"]
    damaged = head("damaged: caught + N/A", *lossy)
    for name in dict.fromkeys(damage.name.rpartition(", in ")[0] for damage in IN_FILES if not damage.harmless):
        cells = [outcome(now, f"{name}, in {file}") for file in lossy]
        if old:
            cells = [f"{cell}; {outcome(old, f'{name}, in {file}')}" for cell, file in zip(cells, lossy, strict=True)]
        damaged.append(row(name, *cells))
    return "\n".join([*fine, "", *damaged])


def counts(now: list[Figure], old: list[Figure]) -> str:
    """How many pictures of a kind were damaged in each way that needs more of them than their size."""

    def span(figures: list[Figure]) -> str:
        whole = [
            damage for damage in DAMAGES if not (damage.once or damage.from_clipped or damage.mild or damage.least)
        ]
        found = [len(only(figures, kind, whole[0].name)) for kind in KINDS]
        return f"{min(found)}" if min(found) == max(found) else f"{min(found)} to {max(found)}"

    before = f"; before: {span(old)}" if old else ""
    return (
        f"Pictures of a kind that were damaged: {span(now)}{before}. They are fewer where "
        "a damage is none to some, and\na sixth of them for black, white and one colour. JPEG 10, 75 and 85, squares "
        "and saturation have up to 150."
    )


def words_table(now: list[Figure]) -> str:
    """The same where the prompt names the kind: only the kinds whose word turns off a measure."""
    lines = head("damage", *(f"{kind}, named" for kind in WORDS))
    for damage in DAMAGES:
        cells = []
        for kind in WORDS:
            mine = only(now, kind, damage.name, None)
            hits, judged = caught(mine)
            away = len(mine) - judged
            cells.append(share(hits, judged) + (f"; N/A {100 * away / len(mine):.0f}%" if away else ""))
        lines.append(row(damage.name, *cells))
    return "\n".join(lines)


def missed(now: list[Figure]) -> str:
    """Every target that was missed."""
    lines = []
    for kind in KINDS:
        for prompt in (NEUTRAL, None):
            mine = only(now, kind, "", prompt)
            failed = sum(bool(figure.failed) for figure in mine)
            if mine and failed / len(mine) > FALSE_ALARMS:
                named = "" if prompt else " whose prompt names the kind"
                lines.append(f"- Fine pictures failed, {kind}{named}: {share(failed, len(mine))} of {len(mine)}.")
    for damage in DAMAGES:
        if damage.mild:
            continue
        weak, alarms, away = [], [], []
        for kind in KINDS:
            mine = only(now, kind, damage.name)
            hits, judged = caught(mine)
            if judged and not damage.harmless and hits / judged < CAUGHT:
                weak.append(f"{kind} {share(hits, judged)}")
            newly = newly_failed(now, kind, damage.name) if damage.harmless else (0, 0)
            if newly[0] > FALSE_ALARMS * newly[1]:
                alarms.append(f"{kind} {share(*newly)}")
            if mine and not damage.harmless and len(mine) - judged > FALSE_ALARMS * len(mine):
                away.append(f"{kind} {100 * (len(mine) - judged) / len(mine):.0f}%")
        if weak:
            lines.append(f"- {damage.name}, caught: {', '.join(weak)}.")
        if alarms:
            lines.append(f"- Fine pictures failed under {damage.name}: {', '.join(alarms)}.")
        if away:
            lines.append(f"- {damage.name}, not judged (N/A): {', '.join(away)}.")
    return "\n".join(lines) or "None."


def report(now: list[Figure], old: list[Figure]) -> str:
    """Tables, and each failure with its picture and evidence: for setting bounds."""
    parts = [
        fine_table(now, old),
        damage_table(now, old),
        words_table(now),
        missed(now),
        "## Fine pictures that failed",
    ]

    def listed(figures: Iterable[Figure], word: Callable[[Figure], str]) -> list[str]:
        return [f"- {figure.picture.file}: {word(figure)}" for figure in figures]

    def alarms(figure: Figure) -> str:
        return "; ".join(f"{facet}: {figure.evidence.get(facet, '')}" for facet in figure.failed)

    for kind in KINDS:
        for prompt in (NEUTRAL, None):
            mine = [figure for figure in only(now, kind, "", prompt) if figure.failed]
            parts.append(f"### {kind}, {'no word' if prompt else 'named'}\n" + "\n".join(listed(mine, alarms)))
    parts.append("## Damages that were missed")
    for damage in DAMAGES:
        mine = [figure for figure in only(now, "", damage.name) if not figure.failed]

        def scores(figure: Figure) -> str:
            return " ".join(f"{facet}={raw}" for facet, raw in figure.raws.items() if raw != 2) or "all 2"

        if mine and not damage.mild and not damage.harmless:
            parts.append(f"### {damage.name}\n" + "\n".join(listed(mine, scores)))
    return "\n\n".join(parts) + "\n"
