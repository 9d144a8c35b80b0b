"""``imagejudge score``: judge the rows of a file, or the images of a folder."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..batch.fates import BAD_INPUT, FATES, NOT_ASKED
from ..batch.gedit_results import GEditResults
from ..batch.judged_rows import JudgedRows, output_columns
from ..batch.plan import RunSettings
from ..batch.row_preview import RowCounter, first_row
from ..batch.run import BatchRun
from ..batch.scores import write_scores
from ..errors import ConfigError
from ..inputs.hub import HUB, metadata_file
from ..inputs.manifest import Row, RowError
from ..inputs.metadata import read_metadata
from ..inputs.opening import INPUT, open_input
from ..inputs.row_source import Input
from ..inputs.shards import lacking_beside
from ..session.budget import budget_of
from ..settings import JudgeSettings
from ..support.escaping import escape, for_log
from ..support.files import write_text
from ..support.words import plural
from ..tables.rows import WITH_PICTURES
from ..taxonomy import EDIT_SCALE, check_dimensions
from . import score_gedit
from .judge_options import add_judge_options, both_judges, for_edits, max_pixels, no_judge
from .printing import note, print_json, print_table, put
from .progress import RowProgress, terminated

if TYPE_CHECKING:
    from ..judge import EditJudge, Judge
    from ..renderers.small_copies import SmallCopies
    from ..report.model import Report
    from ..thresholds.profile import Profile


def register(parser: argparse.ArgumentParser) -> None:
    """Add this command's arguments."""
    add = parser.add_argument
    add("input", metavar="INPUT", help=INPUT)
    add("--prompts", type=Path, metavar="FILE", help="the prompts of a folder's images")
    add("--judge-thresholds", metavar="NAME", help="a shipped profile or a TOML file: exit 1 where it is missed")
    add("--judge-metadata", metavar="FILE", help=f"dimensions to ask about by ID: a file, or {HUB}ORG/NAME")
    add("--judge-dimensions", metavar="LIST", help="dimensions to ask about, with commas between them (default: all)")
    add("--judge-store", type=Path, metavar="DIR", help="where answers are kept (default: .imagejudge/store)")
    add("--judge-no-store", action="store_true", help="keep no answers between runs")
    add(
        "--judge-report", action="append", default=[], type=Path, metavar="FILE", help=".html, .json or .md; repeatable"
    )
    add("--root", "--judge-root", type=Path, metavar="DIR", help="images must lie in this folder")
    add("--engine", choices=("here", "ray"), default="here", help="ray: spread the requests over a Ray cluster")
    add("--ray-address", metavar="ADDRESS", help="the cluster (default: RAY_ADDRESS, else one on this machine)")
    add("--output-dir", type=Path, metavar="DIR", help="where the outputs go (default: beside the input)")
    add("--json", action="store_true", help="print the summary as JSON")
    score_gedit.register(parser)
    add_judge_options(parser)


def run(args: argparse.Namespace) -> int:
    """Run the command.

    Returns 3 where the engine failed or the budget ended, else 2 where rows were bad, else 1 where a gate failed or
    not all answers could be read, else 0. What could be judged is written in every case.
    """
    _check_options(args)
    named, pixels = both_judges(args), max_pixels(args)
    dimensions = _dimensions(args.judge_dimensions)
    gedit = score_gedit.open_bench(args) if args.bench else None
    source = gedit.as_input() if gedit else open_input(args.input, prompts=args.prompts, root=args.root)
    if words := lacking_beside(Path(Path(args.input).name)):  # named alone, it is judged alone
        note(f"{words} not judged")
    metadata = read_metadata(metadata_file(args.judge_metadata)) if args.judge_metadata else None
    first = first_row(source.rows())
    with ExitStack() as stack:
        progress = RowProgress(RowCounter(source.count))
        folder = args.output_dir or source.folder
        spool = folder / f"{source.name}_images" if args.judge_report else None  # reports name what lies there
        judges = _settings(named, "edit" if gedit else first.kind if first else "image", bench=gedit is not None)
        if (budget := budget_of(judges)) is not None:
            stack.callback(budget.close)
        image, edit = _judges(args, judges, stack, spool=spool, progress=progress.say, max_pixels=pixels, budget=budget)
        results = None
        if gedit and edit:
            results = score_gedit.results_of(gedit, edit.protocol)
            folder = args.output_dir or score_gedit.results_folder(gedit, edit.protocol)
        profile = _run_profile(args.judge_thresholds, image, edit) if args.judge_thresholds else None
        path = folder / f"{source.name}_judged{source.suffix}"
        output = JudgedRows(path, output_columns(source.columns, first, _scale(edit)), base=source.base)
        stack.callback(output.release)
        settings = RunSettings(
            image=image,
            edit=edit,
            metadata=metadata,
            dimensions=dimensions,
            profile=profile,
            load_profile=lambda name: _row_profile(_profile(name, source.folder, image, edit), profile),
            keep=bool(args.judge_report or (profile is not None and profile.bounds_means)),
            keep_answers=bool(args.judge_report),
            keep_failed=args.json,
            budget=budget,
            copies=_copies(args, stack),
        )
        each = None if results is None else results.add
        bench = BatchRun(settings, output, say=progress.row, tick=progress.tick, each=each)
        interrupted = False
        try:
            with terminated() as stopped:
                rows = _spread(args, bench, source, progress) if args.engine == "ray" else source.rows()
                bench.run(rows, stopped)
        except KeyboardInterrupt:
            interrupted = True
            for judge in filter(None, (image, edit)):
                judge.close()  # before the figures: requests that are broken off may be charged too
        progress.close()
        return _finish(args, bench, folder / source.name, output, profile, results, interrupted=interrupted)


def _finish(
    args: argparse.Namespace,
    bench: BatchRun,
    stem: Path,
    output: JudgedRows,
    profile: Profile | None,
    results: GEditResults | None,
    *,
    interrupted: bool,
) -> int:
    """Write the output files and print the results; ``stem`` is the start of the files' names."""
    from ..renderers import write_report
    from ..renderers.cost_words import run_lines
    from ..report.last_run import keep_last_run

    report = bench.report()
    copies = bench.settings.copies
    missed, undecided = _suite(report, profile)
    bounds = {} if profile is None else profile.bounds()
    published = () if results is None else results.files(stem.parent)
    scores = [stem.with_name(f"{stem.name}_bench_scores{suffix}") for suffix in (".json", ".xlsx")]
    outputs: list[tuple[str, Path, Callable[[], None]]] = [
        ("", output.path, output.close),
        *(("", path, partial(write_scores, bench.scores, path)) for path in scores),
        *(("", path, partial(write_text, path, text)) for path, text in published),
        *(
            ("--judge-report: ", path, partial(write_report, report, path, bounds, copies))
            for path in args.judge_report
        ),
    ]
    files, unwritten = [], []
    for option, path, write in outputs:
        try:
            write()
        except ConfigError as error:  # the others, and the figures, are worth having all the same
            unwritten.append(f"{option}{error}")
        else:
            files.append(path)
    for words in run_lines(report.run):
        note(words)
    if not args.judge_no_store:
        keep_last_run(_store(args), report.run.started, bench.uses())
    if args.json:
        print_json(_as_json(bench, report, files, missed, results))
    else:
        _print(bench, missed, undecided, profile, results)
        for path in files:
            note(path)
    for line in unwritten:
        note(line)
    if interrupted:
        raise KeyboardInterrupt
    fates = bench.tally.fates
    if any(fates[fate] for fate in NOT_ASKED):
        return 3
    if unwritten or any(fates[fate] for fate in BAD_INPUT):
        return 2
    return 1 if bench.failed or missed or fates["unreadable"] else 0


# --- what is asked for ---


def _check_options(args: argparse.Namespace) -> None:
    """Check options that do not go together, or with their values.

    Raises:
        ConfigError: naming the option.
    """
    from ..renderers import SUFFIXES

    for path in args.judge_report:
        if path.suffix.lower() not in SUFFIXES:
            raise ConfigError(f"--judge-report {escape(path)}: a name that ends in {', '.join(SUFFIXES)} is expected")
    if args.engine == "ray" and args.input.lower().endswith(WITH_PICTURES):
        raise ConfigError(f"--engine ray: pictures in {escape(args.input)} are on this node only; give a file of paths")
    if args.bench_data and not args.bench:
        raise ConfigError("--bench-data goes with --bench")


def _dimensions(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    try:
        return check_dimensions([name.strip() for name in text.split(",") if name.strip()])
    except KeyError as error:
        raise ConfigError(f"--judge-dimensions: {error.args[0]}") from None


def _scale(edit: EditJudge | None) -> tuple[float, float]:
    return EDIT_SCALE if edit is None else edit.protocol.scale


def _settings(
    named: tuple[JudgeSettings, JudgeSettings], kind: Literal["image", "edit"], *, bench: bool
) -> tuple[JudgeSettings, JudgeSettings]:
    """Settings of the judges of images and edits; for an input of edits only, ``--judge-model`` names that of edits.

    A benchmark has a protocol of its own, for a judge with none.
    """
    image, edit = named
    if kind == "edit" and not edit.configured:
        image, edit = JudgeSettings(), for_edits(image, edit)
    if not (edit if kind == "edit" else image).configured:
        raise no_judge(kind)
    return image, score_gedit.with_protocol(edit) if bench else edit


def _judges(
    args: argparse.Namespace, judges: tuple[JudgeSettings, JudgeSettings], stack: ExitStack, **common: Any
) -> tuple[Judge | None, EditJudge | None]:
    """The judges of images and edits, ready to be asked; ``common`` as `Judge.from_settings` takes it."""
    from ..judge import EditJudge, Judge

    common["store"] = None if args.judge_no_store else _store(args)
    found: list[Any] = []
    classes: tuple[Any, Any] = (Judge, EditJudge)
    for settings, cls in zip(judges, classes, strict=True):
        judge: Any = None
        if settings.configured:
            if args.engine == "ray":
                from ..batch.ray import ClusterEngine

                common["engine"] = ClusterEngine(settings)
            judge = cls.from_settings(settings, **common)
            stack.callback(judge.close)
            judge.preflight()
            _ = judge.protocol.digest  # words that can't be had are said before anything is judged
        found.append(judge)
    return found[0], found[1]


def _store(args: argparse.Namespace) -> Path:
    from ..store.answer_store import default_root

    return args.judge_store or default_root()


def _copies(args: argparse.Namespace, stack: ExitStack) -> SmallCopies | None:
    """Small copies of the pictures, from now on, where there is a page to show them."""
    if not any(path.suffix.lower() == ".html" for path in args.judge_report):
        return None
    from ..renderers.html_page import BUDGET
    from ..renderers.small_copies import SmallCopies

    return stack.enter_context(SmallCopies(BUDGET))


def _profile(source: str, base: Path, image: Judge | None, edit: EditJudge | None) -> Profile:
    from ..thresholds.loading import load_profile, misspelt_aspects

    profile = load_profile(source, base=base)
    if edit is None and (words := misspelt_aspects(profile)):
        note(words)
    for judge in (image, edit):
        if judge is not None:
            profile.require_measurable(judge.protocol, judge.settings.model or judge.protocol.name)
    return profile


def _row_profile(profile: Profile, run: Profile | None) -> Profile:
    from ..thresholds.loading import idle_bounds

    if words := idle_bounds(profile, run):
        note(words)
    return profile


def _run_profile(named: str, image: Judge | None, edit: EditJudge | None) -> Profile:
    """The profile of the run.

    Raises:
        ConfigError: there is none of that name, or it bounds nothing here.
    """
    profile = _profile(named, Path.cwd(), image, edit)
    if not (profile.bounds_images or profile.bounds_edits or profile.bounds_means):
        raise ConfigError(f"--judge-thresholds {escape(named)}: it has only margins against a "
                          "baseline, and score compares with none; see imagejudge compare --max-drop, or imagejudge "
                          "report REPORT.json --baseline FILE --thresholds NAME")  # fmt: skip
    return profile


def _spread(
    args: argparse.Namespace, bench: BatchRun, source: Input, progress: RowProgress
) -> Iterator[Row | RowError]:
    from ..batch.ray import Cluster

    with Cluster(args.ray_address, max_pixels(args), progress.say) as cluster:
        yield from cluster.ahead(bench, source.rows())


# --- what is said ---


def _suite(report: Report, profile: Profile | None) -> tuple[list[str], list[str]]:
    """Apply the bounds on the means of the run; describe those that were missed, and undecided ones that pass."""
    if profile is None or not (report.verdicts or report.edits):
        return [], []
    from ..statistics.suite import bounded_means

    if profile.bounds_drops:
        report.left_out = ["no_baseline"]
        words = (
            "its bounds under [baseline] were not looked at, since score compares with no baseline; imagejudge report"
        )
        note(f"warning: thresholds {profile.name}: {words} REPORT.json --baseline FILE --thresholds NAME does")
    report.suite = bounded_means(report.verdicts, report.edits, profile)
    missed = [row for row in report.suite if row.gate == "failed"]
    undecided = [row for row in report.suite if row.outcome == "undecided" and row.gate != "failed"]
    both = [[f"{' / '.join(row.path)}: {row.detail}" for row in rows] for rows in (missed, undecided)]
    return both[0], both[1]


def _print(
    bench: BatchRun, missed: list[str], undecided: list[str], profile: Profile | None, results: GEditResults | None
) -> None:
    if results is not None:
        score_gedit.print_results(results)
    tally, (ones, twos, edits) = bench.tally, bench.scores.rows()
    head = ["", "mean", "rows", "left out"]
    if bench.settings.image is not None:
        print_table("Scores", head, ones)
        if len(ones) > 1:  # an L1 beside the total
            print_table("Level 2", head, twos)
    if edits:
        print_table("Edits", head, edits)
        if (drawn := bench.scores.drawn) and results is None:  # a benchmark has said it
            put(f"{plural(drawn, 'edit')} can't be read: the published code would have drawn random scores there.")
    counts = [[FATES[fate], count] for fate, count in tally.fates.items() if count or fate == "judged"]
    print_table("Rows", ["", "n"], [["all", tally.rows], *counts, ["from the store", tally.from_store]])
    if bench.findings:
        from ..renderers.explanations import found_in_words

        put(f"Found: {found_in_words(bench.findings)}.")
    if profile is not None:
        put(f"Thresholds {for_log(profile.name)}: {plural(bench.failed, 'row')} missed them.")
        if bench.quarantined:
            put(f"Quarantine: {bench.quarantined_failed} of {plural(bench.quarantined, 'row')} missed them.")
        for line in missed:
            put(f"Suite: {for_log(line)}")
        for line in undecided:
            put(f"Suite, undecided: {for_log(line)}")


def _as_json(
    bench: BatchRun, report: Report, files: list[Path], missed: list[str], results: GEditResults | None
) -> dict[str, Any]:
    from ..report.model import only_given

    run = report.run
    return {
        **bench.tally.as_json(),
        "failed": bench.failed,
        "failed_rows": bench.failed_rows,
        "quarantined": {"rows": bench.quarantined, "failed": bench.quarantined_failed},
        "findings": dict(bench.findings),
        "scores": bench.scores.published(),
        "left_out": bench.scores.left_out(),
        "suite": [row.model_dump(mode="json") for row in report.suite],
        "missed": missed,
        "seconds": run.seconds,
        "requests": run.requests,
        "requests_from_store": run.from_store,
        "prompt_tokens": run.prompt_tokens,
        "cached_prompt_tokens": run.cached_prompt_tokens,
        "output_tokens": run.output_tokens,
        **only_given(run.model_dump(mode="json", include={"cost", "budget"})),
        "files": [str(path) for path in files],
        **({} if results is None else score_gedit.results_json(results)),
    }
