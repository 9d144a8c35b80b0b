"""``imagejudge score``: judge the rows of a file, or the images of a folder."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..batch.fates import BAD_INPUT, FATES
from ..batch.judged_rows import JudgedRows, output_columns
from ..batch.plan import Asks
from ..batch.run import Bench, Counter, first_row
from ..batch.scores import write_scores
from ..errors import ConfigError
from ..inputs.hub import HUB, metadata_file
from ..inputs.manifest import Row, RowError
from ..inputs.metadata import read_metadata
from ..inputs.opening import open_input
from ..inputs.row_source import Input
from ..settings import DEFAULT_MAX_PIXELS, JudgeSettings
from ..support.escaping import escape, for_log
from ..support.words import plural
from ..tables.rows import PARQUET
from ..taxonomy import LEVEL1, TREE, check_dimensions
from .printing import note, print_json, print_table, put
from .progress import Progress, terminated

if TYPE_CHECKING:
    from ..judge import EditJudge, Judge
    from ..report.model import Report
    from ..thresholds.profile import Profile


def register(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    add = parser.add_argument
    add("input", metavar="INPUT", help=f"a CSV, JSON, JSONL or Parquet file, a folder of images, or {HUB}ORG/NAME/FILE")
    add("--prompts", type=Path, metavar="FILE", help="the prompts of a folder's images")
    add("--judge-model", metavar="ID", help="a Hub id or folder, served by vLLM, or 'signals'")
    add("--judge-url", action="append", default=[], metavar="URL", help="an OpenAI-compatible endpoint; repeatable")
    add("--judge-protocol", metavar="NAME", help="q-judger, house, or a file; default by model")
    add("--edit-judge-model", metavar="ID", help="the judge of edits, where the input has both")
    add("--edit-judge-url", action="append", default=[], metavar="URL", help="its endpoint")
    add("--edit-judge-protocol", metavar="NAME", help="ie-critic, house, or a file; default by model")
    add("--judge-revision", metavar="REV", help="revision of the model on the Hub")
    add("--judge-thresholds", metavar="NAME", help="a shipped profile or a TOML file: exit 1 where it is missed")
    add("--judge-metadata", metavar="FILE", help=f"dimensions to ask about by ID: a file, or {HUB}ORG/NAME")
    add("--judge-dimensions", metavar="LIST", help="dimensions to ask about, with commas between them (default: all)")
    add("--judge-store", type=Path, metavar="DIR", help="where answers are kept (default: .imagejudge/store)")
    add("--judge-no-store", action="store_true", help="keep no answers between runs")
    add(
        "--judge-report", action="append", default=[], type=Path, metavar="FILE", help=".html, .json or .md; repeatable"
    )
    add("--judge-arg", action="append", default=[], metavar="ARG", help="one token for the vLLM server; repeatable")
    add("--judge-gpus", metavar="LIST", help="GPUs the judge may use (default: all visible)")
    add("--judge-keep-alive", type=float, metavar="MIN", help="leave the server up for the next run")
    add("--judge-decoding", choices=("free", "constrained"), default="free", help="default: as published, free")
    add("--judge-max-pixels", type=int, default=DEFAULT_MAX_PIXELS, metavar="N", help="default: %(default)s")
    add("--root", "--judge-root", type=Path, metavar="DIR", help="images must lie in this folder")
    add("--engine", choices=("here", "ray"), default="here", help="ray: spread the requests over a Ray cluster")
    add("--ray-address", metavar="ADDRESS", help="the cluster (default: RAY_ADDRESS, else one on this machine)")
    add("--output-dir", type=Path, metavar="DIR", help="where the outputs go (default: beside the input)")
    add("--json", action="store_true", help="print the summary as JSON")


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Returns 3 where the engine failed, else 2 where rows were bad, else 1 where a gate failed or not all answers could
    be read, else 0. What could be judged is written in every case.
    """
    from ..renderers import SUFFIXES

    for path in args.judge_report:
        if path.suffix.lower() not in SUFFIXES:
            raise ConfigError(f"--judge-report {escape(path)}: a name that ends in {', '.join(SUFFIXES)} is expected")
    if args.judge_max_pixels < 1:
        raise ConfigError(f"--judge-max-pixels: a number of at least 1 is expected, not {args.judge_max_pixels}")
    if args.judge_keep_alive is not None and not 0 <= args.judge_keep_alive < math.inf:
        raise ConfigError(f"--judge-keep-alive: minutes, 0 or more, are expected, not {args.judge_keep_alive:g}")
    dimensions = _dimensions(args.judge_dimensions)
    if args.engine == "ray" and args.input.lower().endswith(PARQUET):
        raise ConfigError(f"--engine ray: pictures in {escape(args.input)} are on this node only; give a file of paths")
    source = open_input(args.input, prompts=args.prompts, root=args.root)
    metadata = read_metadata(metadata_file(args.judge_metadata)) if args.judge_metadata else None
    first = first_row(source.rows())
    with ExitStack() as stack:
        progress = Progress(Counter(source.count))
        folder = args.output_dir or source.folder
        spool = folder / f"{source.name}_images" if args.judge_report else None  # reports name what lies there
        image, edit = _judges(args, first.kind if first else "image", progress, stack, spool)
        profile = _profile(args.judge_thresholds, Path.cwd(), image, edit) if args.judge_thresholds else None
        if profile is not None and not (profile.bounds_images or profile.bounds_edits or profile.bounds_means):
            raise ConfigError(f"--judge-thresholds {escape(args.judge_thresholds)}: it has only margins against a "
                              "baseline, and score compares with none; see imagejudge compare --max-drop")  # fmt: skip
        path = folder / f"{source.name}_judged{source.suffix}"
        output = JudgedRows(path, output_columns(source.columns, first), base=source.base)
        stack.callback(output.let_go)
        bounded = profile is not None and profile.bounds_means
        asks = Asks(
            image=image,
            edit=edit,
            metadata=metadata,
            dimensions=dimensions,
            profile=profile,
            load_profile=lambda name: _profile(name, source.folder, image, edit),
            keep=bool(args.judge_report or bounded),
            keep_answers=bool(args.judge_report),
            keep_failed=args.json,
        )
        bench = Bench(asks, output, say=progress.row, tick=progress.tick)
        interrupted = False
        try:
            with terminated() as stopped:
                rows = _spread(args, bench, source, progress) if args.engine == "ray" else source.rows()
                bench.run(rows, stopped)
        except KeyboardInterrupt:
            interrupted = True
        progress.close()
        return _finish(args, bench, folder / source.name, output, profile, interrupted=interrupted)


def _finish(
    args: argparse.Namespace,
    bench: Bench,
    stem: Path,
    output: JudgedRows,
    profile: Profile | None,
    *,
    interrupted: bool,
) -> int:
    """Write all that can be written, and say what was found; ``stem`` is the start of the outputs' names."""
    from ..renderers import write_report

    report = bench.report()
    missed = _suite(report, profile)
    bounds = {} if profile is None else profile.shown_bounds()
    scores = [stem.with_name(f"{stem.name}_bench_scores{suffix}") for suffix in (".json", ".xlsx")]
    outputs: list[tuple[str, Path, Callable[[], None]]] = [
        ("", output.path, output.close),
        *(("", path, partial(write_scores, bench.scores, path)) for path in scores),
        *(("--judge-report: ", path, partial(write_report, report, path, bounds)) for path in args.judge_report),
    ]
    files, unwritten = [], []
    for option, path, write in outputs:
        try:
            write()
        except ConfigError as error:  # the others, and the figures, are worth having all the same
            unwritten.append(f"{option}{error}")
        else:
            files.append(path)
    if args.json:
        print_json(_as_json(bench, report, files, missed))
    else:
        _print(bench, missed, profile)
        for path in files:
            note(path)
    for line in unwritten:
        note(line)
    if interrupted:
        raise KeyboardInterrupt
    fates = bench.tally.fates
    if fates["engine_failed"]:
        return 3
    if unwritten or any(fates[fate] for fate in BAD_INPUT):
        return 2
    return 1 if bench.failed or missed or fates["unreadable"] else 0


# --- what is asked for ---


def _dimensions(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    try:
        return check_dimensions([name.strip() for name in text.split(",") if name.strip()])
    except KeyError as error:
        raise ConfigError(f"--judge-dimensions: {error.args[0]}") from None


def _settings(args: argparse.Namespace, kind: Literal["image", "edit"], *, own: bool) -> JudgeSettings:
    """Settings of one judge; ``own``: from the options that say edit."""
    prefix = "edit_judge" if own else "judge"
    return JudgeSettings(
        model=getattr(args, f"{prefix}_model") or None,
        urls=tuple(getattr(args, f"{prefix}_url")),
        protocol=getattr(args, f"{prefix}_protocol"),
        kind=kind,
        revision=None if own else args.judge_revision,
        decoding=args.judge_decoding,
        args=tuple(args.judge_arg),
        keep_alive=args.judge_keep_alive,
        gpus=args.judge_gpus,
    )


def _judges(
    args: argparse.Namespace, kind: Literal["image", "edit"], progress: Progress, stack: ExitStack, spool: Path | None
) -> tuple[Judge | None, EditJudge | None]:
    """The judges that the options name; one named as the judge is that of edits where the input has edits only."""
    from ..judge import EditJudge, Judge
    from ..store.answer_store import default_root

    edit = _settings(args, "edit", own=True)
    plain = _settings(args, "image", own=False)
    if kind == "edit" and not edit.configured:
        edit, plain = _settings(args, "edit", own=False), JudgeSettings()
    if not (edit if kind == "edit" else plain).configured:
        raise ConfigError(f"no judge of {kind}s: give --judge-model (a Hub id, a folder, or 'signals') or --judge-url")
    store = None if args.judge_no_store else args.judge_store or default_root()
    found: list[Any] = []
    for settings, cls in ((plain, Judge), (edit, EditJudge)):
        judge: Any = None
        if settings.configured:
            common: dict[str, Any] = {"store": store, "spool": spool, "progress": progress.say}
            common["max_pixels"] = args.judge_max_pixels
            if args.engine == "ray":
                from ..batch.ray import Elsewhere

                common["engine"] = Elsewhere(settings)
            judge = cls.from_settings(settings, **common)
            stack.callback(judge.close)
            judge.preflight()
            _ = judge.protocol.digest  # words that can't be had are said before anything is judged
        found.append(judge)
    return found[0], found[1]


def _profile(source: str, base: Path, image: Judge | None, edit: EditJudge | None) -> Profile:
    from ..thresholds.loading import load_profile

    profile = load_profile(source, base=base)
    for judge in (image, edit):
        if judge is not None:
            profile.require_measurable(judge.protocol, judge.settings.model or judge.protocol.name)
    return profile


def _spread(args: argparse.Namespace, bench: Bench, source: Input, progress: Progress) -> Iterator[Row | RowError]:
    from ..batch.ray import Cluster

    with Cluster(args.ray_address, args.judge_max_pixels, progress.say) as cluster:
        yield from cluster.ahead(bench, source.rows())


# --- what is said ---


def _suite(report: Report, profile: Profile | None) -> list[str]:
    """Apply the bounds on the means of the run; what was missed, in words."""
    if profile is None or not (report.verdicts or report.edits):
        return []
    from ..statistics.suite import suite_rows

    suite = profile.suite
    report.suite = suite_rows(
        report.verdicts,
        suite.bounds() if report.verdicts else {},
        on_undecided=suite.on_undecided,
        edits=report.edits,
        edit_bound=suite.edit.score,
    )
    return [f"{' / '.join(row.path)}: {row.detail}" for row in report.suite if row.gate == "failed"]


def _print(bench: Bench, missed: list[str], profile: Profile | None) -> None:
    tally, scores = bench.tally, bench.scores
    head = ["", "mean", "rows", "left out"]
    if bench.asks.image is not None:
        present = [one for one in LEVEL1 if scores.level1[one].n or scores.level1[one].left_out]
        means = [(one, scores.level1[one]) for one in present]
        print_table("Scores", head, [[name, *mean.cells()] for name, mean in (*means, ("Total", scores.total))])
        below = [(f"{one} / {two}", scores.level2[one][two]) for one in present for two in TREE[one]]
        if below:
            print_table("Level 2", head, [[name, *mean.cells()] for name, mean in below if mean.n or mean.left_out])
    if scores.edits.n or scores.edits.left_out:
        print_table("Edits", head, [["Score, 1 to 5", *scores.edits.cells()]])
    counts = [[FATES[fate], count] for fate, count in tally.fates.items() if count or fate == "judged"]
    print_table("Rows", ["", "n"], [["all", tally.rows], *counts, ["from the store", tally.from_store]])
    if profile is not None:
        put(f"Thresholds {for_log(profile.name)}: {plural(bench.failed, 'row')} missed them.")
        for line in missed:
            put(f"Suite: {for_log(line)}")


def _as_json(bench: Bench, report: Report, files: list[Path], missed: list[str]) -> dict[str, Any]:
    run = report.run
    return {
        **bench.tally.as_json(),
        "failed": bench.failed,
        "failed_rows": bench.failed_rows,
        "scores": bench.scores.published(),
        "left_out": bench.scores.left_out(),
        "suite": [row.model_dump(mode="json") for row in report.suite],
        "missed": missed,
        "seconds": run.seconds,
        "requests": run.requests,
        "requests_from_store": run.from_store,
        "output_tokens": run.output_tokens,
        "files": [str(path) for path in files],
    }
