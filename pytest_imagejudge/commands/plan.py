"""``imagejudge plan``: the prompts and seeds of a baseline gate, the drop that a suite can see, and what it costs."""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..support.words import listed, plural
from .drops import check_drop
from .estimate import add_estimate_options, estimate_lines, estimate_of
from .printing import note, print_json, print_table

if TYPE_CHECKING:
    from ..statistics.pairing import Scored
    from ..statistics.power import Noise
    from ..taxonomy import Path

_SEEDS = (1, 2, 4, 8)
_NOTHING_ASKED = """plan: --detect, --images or --from is expected, one or several of them:
  imagejudge plan --detect 4           how many images show a drop of 4 points
  imagejudge plan --images 200         which drop 200 images show, what they take
  imagejudge plan --from report.json   the same by the spread of your own images"""


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--detect", type=float, metavar="POINTS", help="the drop of a mean that the gate has to detect")
    parser.add_argument(
        "--power", type=float, default=0.8, help="how often the gate has to detect it, 0 to 1 (default: %(default)s)"
    )
    parser.add_argument(
        "--from",
        dest="source",
        nargs="+",
        default=[],
        metavar="FILE",
        help="estimate the spread from a baseline, report or _judged file, or from two of the same prompts",
    )
    parser.add_argument(
        "--images",
        type=int,
        metavar="N",
        help="print the drop that a suite of N images detects, and what judging takes",
    )
    parser.add_argument(
        "--seeds", type=int, metavar="K", help="images of each prompt (default: 1, 2, 4 and 8; with --images: 1)"
    )
    parser.add_argument(
        "--alpha", type=float, default=0.05, help="share of false alarms, over all dimensions (default: %(default)s)"
    )
    parser.add_argument(
        "--margin", type=float, default=0.0, metavar="POINTS", help="the drop that the profile allows (default: 0)"
    )
    parser.add_argument(
        "--dimension",
        action="append",
        default=[],
        metavar="NAME",
        help='a dimension with a margin: total, score (edits), an L1, or "L1 / L2"; may be repeated '
        "(default: total and the five L1)",
    )
    add_estimate_options(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the plan."""
    _check(args)
    plan = plan_of(args)
    if args.json:
        print_json(plan)
    else:
        _show(plan)
    return 0


def _check(args: argparse.Namespace) -> None:
    def need(right: bool, option: str, found: object, expected: str) -> None:
        if not right:
            raise ConfigError(f"{option}: {expected} is expected, not {found}")

    check_drop("--margin", args.margin)
    if args.detect is not None:
        need(0 < args.detect <= 100, "--detect", args.detect, "a number above 0 and up to 100, the whole scale,")
        if args.detect <= args.margin:
            raise ConfigError(
                f"--detect {args.detect:g}: a drop within the margin of {args.margin:g} is allowed, so no number of "
                "images makes the gate see it; give a larger drop or a smaller --margin"
            )
    need(0 < args.alpha < 0.5, "--alpha", args.alpha, "a number above 0 and below 0.5")
    need(args.alpha < args.power < 1, "--power", args.power, f"a number above --alpha ({args.alpha:g}) and below 1")
    need(args.images is None or args.images >= 1, "--images", args.images, "a number of at least 1")
    need(args.seeds is None or args.seeds >= 1, "--seeds", args.seeds, "a number of at least 1")
    if args.images is not None and args.images < (args.seeds or 1):
        raise ConfigError(f"--images {args.images}: fewer than the {args.seeds} images of one prompt (--seeds)")
    need(len(args.source) <= 2, "--from", plural(len(args.source), "file"), "one file, or two of the same prompts")
    if args.detect is None and args.images is None and not args.source:
        raise ConfigError(_NOTHING_ASKED)


def plan_of(args: argparse.Namespace) -> dict[str, Any]:
    """The plan as ``--json`` prints it; drops and standard deviations in points."""
    from ..statistics.power import drop_seen, half_width, prompts_needed
    from ..taxonomy import written

    noise = _noise(args)
    suite = _suite(args, noise)
    rows = []
    for path in noise.paths:
        row: dict[str, Any] = {
            "path": written(path),
            "sd_between_prompts": noise.between[path],
            "sd_between_seeds": noise.within[path],
            "sd_change": noise.of_change(path, 1),
            "applies": noise.applies[path],
        }
        if args.detect is not None:
            row["options"] = []
            for seeds in (args.seeds,) if args.seeds else _SEEDS:
                prompts = (
                    prompts_needed(noise, path, args.detect, args.power, seeds, args.alpha, margin=args.margin)
                    if _spreads(row)
                    else None
                )
                images = None if prompts is None else prompts * seeds
                row["options"].append({"seeds": seeds, "prompts": prompts, "images": images})
        if suite is not None:
            row["detects"] = drop_seen(
                noise, path, suite["prompts"], args.power, suite["seeds"], args.alpha, margin=args.margin
            )
            row["half_width"] = half_width(noise, path, suite["prompts"], suite["seeds"])
            if not _spreads(row):
                row["detects"] = row["half_width"] = None
        rows.append(row)
    plan: dict[str, Any] = {
        "detect": args.detect,
        "margin": args.margin,
        "power": args.power,
        "alpha": args.alpha,
        "source": noise.source,
        "notes": [*noise.notes, *_without_spread(rows)],
        "dimensions": rows,
    }
    counted = list(filter(_spreads, rows)) or rows  # of the others nothing is known, which a note says
    if args.detect is not None:
        plan["options"] = [_largest([row["options"][i] for row in counted]) for i in range(len(rows[0]["options"]))]
        plan.update(plan["options"][0])
    if suite is not None:
        every = [row["detects"] for row in counted]
        plan["suite"] = {**suite, "detects": None if None in every else max(every)}
        plan["estimate"] = estimate_of(args, suite["images"])
    return plan


def _without_spread(rows: list[dict[str, Any]]) -> list[str]:
    from ..taxonomy import show

    equal = [show(row["path"]) for row in rows if not _spreads(row)]
    return (
        [f"equal in all images, which does not tell how they spread: {listed(equal)}; plan from more"] if equal else []
    )


def _spreads(row: dict[str, Any]) -> bool:
    """Tell whether a row's figures differ anywhere; of one that has the same everywhere, nothing can be planned."""
    return bool(row["sd_between_prompts"] or row["sd_between_seeds"])


def _largest(options: list[dict[str, Any]]) -> dict[str, Any]:
    """The option of the dimension that takes the most images."""
    return dict(max(options, key=lambda option: math.inf if option["prompts"] is None else option["prompts"]))


def _noise(args: argparse.Namespace) -> Noise:
    from ..recorded.runs import read_runs
    from ..statistics.intervals import MINIMUM
    from ..statistics.power import MAIN, default_noise, noise_from, noise_from_two, prompts_with
    from ..taxonomy import EDIT_SCORE, show

    named = tuple(dict.fromkeys(_path(name) for name in args.dimension))
    if not args.source:
        paths, why = _measured(named or MAIN, args, chosen=bool(named))
        noise = default_noise(paths)
        return replace(noise, notes=(*noise.notes, why)) if why else noise
    runs = read_runs(args.source)
    for found in runs:
        for line in found.problems:
            note(line)
    images = [item for found in runs for item in found.images]
    present = {path for item in images for path in item.figures}
    paths = named or tuple(path for path in (*MAIN, EDIT_SCORE) if path in present)
    if not paths:
        raise ConfigError(f"{args.source[0]}: it has no figures of a total, an L1 or an edit to plan from")
    source = " and ".join(found.name for found in runs)
    _check_span(args, paths, images)
    second = runs[1].images if len(runs) == 2 else None
    few = {path: n for path in paths if (n := prompts_with(path, runs[0].images, second)) < MINIMUM}
    if named or len(few) == len(paths):
        few = {}  # refused below
    paths = tuple(path for path in paths if path not in few)
    if second is not None:
        noise = noise_from_two(runs[0].images, second, paths, source)
    else:
        noise = noise_from(images, paths, source)
    left_out = [f"{show(path)} ({plural(n, 'prompt')})" for path, n in few.items()]
    note_of = f"left out, since fewer than {MINIMUM} prompts have a figure of it: {', '.join(left_out)}"
    return replace(noise, notes=(*noise.notes, note_of)) if few else noise


def _check_span(args: argparse.Namespace, paths: tuple[Path, ...], images: list[Scored]) -> None:
    """Check that a mean can drop by ``--detect`` and ``--margin``: scores of edits have a scale of their own.

    Raises:
        ConfigError: it is more than the scale.
    """
    from ..taxonomy import EDIT_SCORE

    if paths != (EDIT_SCORE,):
        return
    span = max((item.scale[1] - item.scale[0] for item in images if EDIT_SCORE in item.figures), default=100.0)
    check_drop("--margin", args.margin, span, of="these edits")
    if args.detect is not None and args.detect > span:
        raise ConfigError(
            f"--detect: a number above 0 and up to {span:g}, the whole scale of the edits, is expected, "
            f"not {args.detect:g}"
        )


def _measured(paths: tuple[Path, ...], args: argparse.Namespace, *, chosen: bool) -> tuple[tuple[Path, ...], str]:
    """Leave out what the judge of the last run can't measure, and say so; of ``chosen`` paths only say it.

    A bound on such a figure is an error of the next run.
    """
    from ..protocols import load_protocol
    from ..report.last_run import last_run
    from ..store.answer_store import default_root
    from ..taxonomy import FACETS, TOTAL, facets_of, show

    run = last_run(args.judge_store or default_root())
    use = next((use for use in run.judges if use.kind == "image"), None) if run else None
    if use is None:
        return paths, ""
    try:
        protocol = load_protocol(use.protocol or None, model=use.model, kind="image")
    except ConfigError:
        return paths, ""  # the protocol's file, or its distribution, is gone
    can = [path for path in paths if (protocol.has_total if path == TOTAL else protocol.measures & {*facets_of(path)})]
    if not (lost := [show(path) for path in paths if path not in can]):
        return paths, ""
    judge = f"the judge of the last run, {use.model or 'of an endpoint'}, measures {len(protocol.measures)} of"
    then = "no profile can bound" if chosen or not can else "left out, since no profile can bound them, are"
    return (paths if chosen or not can else tuple(can)), f"{judge} {len(FACETS)} facets; {then} {listed(lost)}"


def _path(name: str) -> Path:
    from ..statistics.figures import DIMENSIONS
    from ..taxonomy import EDIT_SCORE, nearest, show

    known = {_folded(show(path)): path for path in (*DIMENSIONS, EDIT_SCORE)}
    if (found := known.get(_folded(name))) is None:
        hint = nearest(name, (show(path) for path in known.values()))
        raise ConfigError(
            f'--dimension {name!r}: no such dimension{hint}; total, score, an L1 or "L1 / L2" is expected'
        )
    return found


def _folded(name: str) -> str:
    return "/".join(part.strip() for part in name.split("/")).casefold()


def _suite(args: argparse.Namespace, noise: Noise) -> dict[str, Any] | None:
    if args.images is not None:
        seeds = args.seeds or 1
        return {"images": args.images, "prompts": args.images // seeds, "seeds": seeds}
    if noise.prompts:
        return {
            "images": round(noise.prompts * noise.seeds),
            "prompts": noise.prompts,
            "seeds": args.seeds or round(noise.seeds, 2),
        }
    return None


def _show(plan: dict[str, Any]) -> None:
    from ..support.escaping import escape
    from ..taxonomy import show
    from .console import Output

    console = Output()
    rows, suite = plan["dimensions"], plan.get("suite")
    beyond = f"where a drop of {plan['margin']:g} is allowed" if plan["margin"] else "where no drop is allowed"
    of = f"{len(rows)} dimensions together" if len(rows) > 1 else "one dimension"
    console.print(
        f"A baseline gate with at most {plan['alpha']:.0%} false alarms over {of}, {plan['power']:.0%} power."
    )
    heads = ["SD prompts", "SD seeds", *(f"prompts (x {option['seeds']})" for option in plan.get("options", ()))]
    heads += ["sees a drop of", "mean known to ±"] if suite else []
    shown = []
    for row in rows:
        cells = [f"{row['sd_between_prompts']:.1f}", f"{row['sd_between_seeds']:.1f}"]
        cells += [_count(option["prompts"]) for option in row.get("options", ())]
        if suite:
            cells += [_points(row["detects"]), _points(row["half_width"])]
        shown.append([show(row["path"]), *(cells if _spreads(row) else ["-"] * len(cells))])
    print_table("", ["dimension", *heads], shown)
    known = any(map(_spreads, rows))
    if "options" in plan and known:
        ways = " or ".join(
            f"{_count(option['prompts'])} x {option['seeds']} ({_many(option['images'])})" for option in plan["options"]
        )
        console.print(f"To see a drop of {plan['detect']:g} points in any of them, {beyond}: prompts x seeds {ways}.")
    if suite:
        seeds = plural(suite["seeds"], "seed", shown=f"{suite['seeds']:g}")
        over = suite["images"] - round(suite["prompts"] * suite["seeds"])
        rest = f", {over} left over" if over > 0 else ""
        size = f"{plural(suite['images'], 'image')} ({plural(suite['prompts'], 'prompt')} x {seeds}{rest})"
        found = _points(suite["detects"])
        if known:
            console.print(f"A suite of {size} sees a drop of {found} points in any of them, {beyond}.")
        for line in estimate_lines(plan["estimate"]):
            console.print(line)
    own = (
        " (--from FILE takes that of your own images, from a report or baseline)"
        if plan["source"] == "defaults"
        else ""
    )
    console.print(f"Spread from: {escape(plan['source'])}{own}.")
    for line in plan["notes"]:
        console.print(f"Note: {escape(line)}.")


def _count(value: int | None) -> str:
    return "over a million" if value is None else f"{value:,}"


def _many(images: int | None) -> str:
    return "over a million images" if images is None else plural(images, "image")


def _points(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
