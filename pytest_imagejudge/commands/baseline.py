"""``imagejudge baseline approve``: take single images of a run over into the baseline."""

from __future__ import annotations

import argparse
import fnmatch
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..support.escaping import for_log
from ..support.words import plural
from ..taxonomy import nearest
from .printing import put

if TYPE_CHECKING:
    from ..statistics.pairing import Scored


def register(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand and its arguments."""
    approve = parser.add_subparsers(dest="action", metavar="ACTION", required=True).add_parser(
        "approve", help="take the scores of single images of a report over into a baseline file"
    )
    approve.add_argument("baseline", type=Path, help="the baseline file; a new one is made")
    approve.add_argument("report", type=Path, help="the JSON report of the run whose images are approved")
    approve.add_argument(
        "images", nargs="+", metavar="IMAGE", help="row ID, or prompt, of an image; * stands for any text"
    )
    approve.add_argument("--dry-run", action="store_true", help="only print what would change")


def run(args: argparse.Namespace) -> int:
    """Replace the approved images in the baseline, and print each with its figures before and now."""
    from ..report.json_file import read
    from ..statistics.baseline_file import Baseline, environment_of, read_baseline, write_baseline
    from ..statistics.pairing import scored

    there = args.baseline.exists()
    before = read_baseline(args.baseline).images if there else []
    now = [item for item in scored(read(args.report).every()) if not item.repeat]
    chosen = _chosen(args.images, now)
    old = {item.key: item for item in before}
    images = [*(item for item in before if item.key not in chosen), *chosen.values()]
    for key, item in chosen.items():
        put(for_log(f"{item.label}: {_figures(old.get(key))} -> {_figures(item)}"))
    if not args.dry_run:
        write_baseline(args.baseline, Baseline(images, environment_of(images)))
        name = args.baseline if there else f"{args.baseline}, a new file"
        print(f"{name}: {plural(len(chosen), 'image')} approved, {len(images)} in all", file=sys.stderr)
    return 0


def _chosen(patterns: list[str], now: list[Scored]) -> dict[tuple[object, ...], Scored]:
    """The images that the names mean, by key.

    Raises:
        ConfigError: a name means none, or one that was not judged.
    """
    found: dict[tuple[object, ...], Scored] = {}
    for pattern in patterns:
        names = {item.key: {item.label, item.prompt, item.id or item.prompt} for item in now}
        meant = [item for item in now if pattern in names[item.key]]
        meant = meant or [item for item in now if any(fnmatch.fnmatchcase(one, pattern) for one in names[item.key])]
        if not meant:
            raise ConfigError(f"no image {pattern!r} in the report{nearest(pattern, [item.label for item in now])}")
        if lost := [item.label for item in meant if item.lost]:
            raise ConfigError(f"{lost[0]!r} was not judged in that run, so it can't be approved")
        found |= {item.key: item for item in meant}
    return found


def _figures(item: Scored | None) -> str:
    """The figures of the highest levels that there are."""
    from ..taxonomy import EDIT_SCORE, TOTAL

    if item is None:
        return "not there"
    for path, name in ((EDIT_SCORE, "score"), (TOTAL, "total")):
        if path in item.figures:
            return f"{name} {item.figures[path]:.2f}"
    ones = [f"{path[0]} {value:.1f}" for path, value in item.figures.items() if len(path) == 1]
    return ", ".join(ones) or "no figure"
