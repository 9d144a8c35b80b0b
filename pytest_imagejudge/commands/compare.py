"""``imagejudge compare``: two runs paired by prompt, or repeated judgements of the same images."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..support.escaping import escape, for_log
from ..support.words import plural, some
from .drops import check_drop
from .printing import note, print_json, print_table

if TYPE_CHECKING:
    from ..statistics.comparison import Comparison
    from ..statistics.flips import Flips

_SUFFIXES = (".html", ".md")
_BESIDE = 120  # columns of a terminal in which a row's words fit beside it


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="two JSON reports, baselines or _judged files: the earlier run, then the later one",
    )
    parser.add_argument(
        "--repeat",
        action="store_true",
        help="show which outcomes flip: the files judge the same images again (or one report of --judge-repeat does)",
    )
    parser.add_argument(
        "--max-drop",
        type=float,
        metavar="POINTS",
        help="exit 1 where the mean of the total or an L1 (edits: of the score) drops by more and that is no chance, "
        "or rows of the second file can't be read",
    )
    parser.add_argument(
        "--on-undecided",
        choices=("mean", "pass", "fail"),
        help="of a larger drop that may be chance: let the mean decide (exit 1, and say so), let it pass, or fail "
        "(default: mean)",
    )
    parser.add_argument(
        "--top",
        type=int,
        default=20,
        metavar="N",
        help="show the N images whose scores changed most (default: %(default)s)",
    )
    parser.add_argument(
        "--baseline-pictures",
        metavar="DIR",
        type=Path,
        help="the folder with small copies of the earlier baseline's pictures (--judge-baseline-pictures of pytest)",
    )
    parser.add_argument(
        "-o", "--output", action="append", default=[], metavar="FILE", help="write .html or .md too; may be repeated"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the comparison."""
    from ..recorded.runs import read_runs
    from ..renderers.baseline_pictures import with_pictures
    from ..renderers.comparison_page import to_html, to_markdown
    from ..statistics.comparison import compare_runs
    from ..support.files import write_text

    _check(args)
    if args.repeat:
        return _repeat(args)
    before, after = read_runs(args.files)
    if args.baseline_pictures is not None:
        before.images[:] = with_pictures(args.baseline_pictures, before.images)
    if args.max_drop is not None and before.images and all(item.kind == "edit" for item in before.images):
        span = max(item.scale[1] - item.scale[0] for item in before.images)
        check_drop("--max-drop", args.max_drop, span, of="these edits")
    found = compare_runs(before, after, max_drop=args.max_drop, on_undecided=args.on_undecided or "mean", top=args.top)
    for file in args.output:
        html = Path(file).suffix.lower() == ".html"
        write_text(Path(file), to_html(found) if html else to_markdown(found))
    for line in found.warnings:
        note(line)
    if any(Path(file).suffix.lower() == ".html" for file in args.output):
        _tell_no_pictures(found, args)
    if args.json:
        print_json(found.model_dump(mode="python"))
    else:
        _show(found)
    return 1 if found.gate == "failed" else 0


def _tell_no_pictures(found: Comparison, args: argparse.Namespace) -> None:
    if found.moved and not any(move.before_image or move.written_over for move in found.moved):
        folder = args.baseline_pictures
        where = "name their folder with --baseline-pictures DIR" if folder is None else f"nor are they in {folder}"
        note(f"{found.a} holds no pictures, so the page shows the later ones alone; {where}")


def _check(args: argparse.Namespace) -> None:
    if not args.repeat and len(args.files) != 2:
        raise ConfigError(
            f"compare: two files are expected, before and after, not {len(args.files)}; see also --repeat"
        )
    if args.max_drop is not None:
        check_drop("--max-drop", args.max_drop)
    if args.top < 0:
        raise ConfigError(f"--top: a number of at least 0 is expected, not {args.top}")
    if args.repeat and (args.max_drop is not None or args.on_undecided or args.output or args.baseline_pictures):
        raise ConfigError(
            "--repeat shows flips: it takes no --max-drop, no --on-undecided, no --baseline-pictures and no --output"
        )
    if args.on_undecided and args.max_drop is None:
        raise ConfigError("--on-undecided: it says what comes of a drop beyond --max-drop POINTS; give that too")
    for file in args.output:
        if Path(file).suffix.lower() not in _SUFFIXES:
            raise ConfigError(f"--output {file}: a file ending in .html or .md is expected")


def _repeat(args: argparse.Namespace) -> int:
    from ..recorded.runs import read_runs
    from ..statistics.flips import flips, grouped

    runs = read_runs(args.files, repeats=True)
    for problem in (line for one in runs for line in one.problems):
        note(problem)
    found = flips(grouped(one.images for one in runs))
    if not found.images:
        raise ConfigError(f"{', '.join(args.files)}: no image was judged more than once")
    if args.json:
        print_json(found.model_dump(mode="python"))
    else:
        _show_flips(found, args.top)
    return 0


def _show(found: Comparison) -> None:
    from rich.text import Text

    from ..renderers.comparison_page import gate_words, move_name, moved_figures, row_words
    from ..renderers.outcome_styles import STYLES
    from ..taxonomy import show
    from .console import Output

    console = Output()
    console.print(f"{escape(found.b)} against {escape(found.a)}: {plural(found.pairs, 'pair')}")
    rows = []
    for row in found.rows:
        interval = "" if row.low is None or row.high is None else f"{row.low:+z.2f} to {row.high:+z.2f}"
        cells = [
            "-" if value is None else format(value, form)
            for value, form in ((row.before, ".2f"), (row.after, ".2f"), (row.change, "+z.2f"))
        ]
        rows.append(["  " * (len(row.path) - 1) + show(row.path[-1:]), row.n, *cells, interval, row_words(row)])
    beside = console.width >= _BESIDE and any(row[-1] for row in rows)
    head = ["", "n", "before", "after", "change", "interval", *([""] if beside else [])]
    print_table("", head, [row[: len(head)] for row in rows], words=beside)
    if not beside:
        for words, names in _by_words(rows).items():
            console.print(f"{', '.join(names)}: {words}")
    if found.moved:
        console.print(f"Largest changes of {moved_figures(found)} ({len(found.moved)}):")
        for move in found.moved:
            name = move_name(move)
            seed = "" if move.seed is None else f" (seed {move.seed})"
            console.print(
                f"  {move.change:+z7.2f}  {move.before:.2f} -> {move.after:.2f}  {escape(name[:100] + seed)}",
                overflow="ignore",
                no_wrap=True,
            )
    for words, labels in ((f"only in {found.a}", found.only_a), (f"only in {found.b}", found.only_b)):
        if labels:
            console.print(escape(f"{len(labels)} {words}: {some(labels, 10)}"))
    console.print(f"Method: {found.method}.")
    if found.outcomes.n:
        console.print(f"By their bounds: {found.outcomes.detail}.")
    if found.gate is not None:
        console.print(Text(for_log(gate_words(found)), STYLES[found.gate]), soft_wrap=True)


def _by_words(rows: Sequence[Sequence[object]]) -> dict[str, list[str]]:
    """The names of the rows, the first cell of each, by the words in the last."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if row[-1]:
            found.setdefault(str(row[-1]), []).append(str(row[0]).strip())
    return found


def _show_flips(found: Flips, top: int) -> None:
    from ..taxonomy import show
    from .console import Output

    console = Output()
    console.print(f"{plural(found.images, 'image')}, judged {plural(found.judgements, 'time')} in all")
    if found.share is not None:
        console.print(
            f"{len(found.flipped)} changed the outcome: {found.share:.1%} "
            f"(95% interval {found.low:.1%} to {found.high:.1%})"
        )
        for image in found.flipped[:top]:
            console.print(f"  {escape(image.label)}: {', '.join(image.outcomes)}")
    head = ["", "n", "changed", "bound crossed", "SD of the judge", "margin of an image", "margin of the mean"]
    rows = [
        [
            "  " * (len(row.path) - 1) + show(row.path[-1:]),
            row.n,
            f"{row.changed / row.n:.1%}",
            row.flipped,
            f"{row.sd:.2f}",
            f"{row.image_margin:.2f}",
            f"{row.mean_margin:.2f}",
        ]
        for row in found.rows
    ]
    print_table("", head, rows)
    console.print(
        "An image nearer to its bound than its margin may flip; "
        "the judge's noise alone moves a mean by more than its margin in 5% of runs."
    )
    for count, words in (
        (found.not_judged, "judgements failed"),
        (found.left_out, "images were judged once only, or differ"),
    ):
        if count:
            console.print(f"{count} {words}: left out")
