"""``imagejudge report``: merge reports, and write them in other formats."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from ..errors import ConfigError
from ..support.escaping import for_github, for_log, for_markdown
from ..taxonomy import nearest
from .printing import put

if TYPE_CHECKING:
    from ..report.model import Report
    from ..thresholds.profile import Profile
    from .stored_gate import StoredGate

FORMATS = (".html", ".json", ".md")


def register(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE", type=Path, help="a JSON report; several are merged into one"
    )
    parser.add_argument(
        "-o", "--output", action="append", default=[], metavar="OUT", type=Path,
        help="write an .html, .json or .md file; may be repeated; without it the tree of scores is printed",
    )  # fmt: skip
    parser.add_argument("--failed-only", action="store_true", help="leave what passed or was only scored out of HTML")
    parser.add_argument(
        "--thresholds", metavar="NAME",
        help="apply a profile's bounds on means, and its margins, to the whole run",
    )  # fmt: skip
    parser.add_argument(
        "--baseline", metavar="FILE", type=Path, help="show a baseline or an earlier report side by side"
    )
    parser.add_argument(
        "--baseline-pictures", metavar="DIR", type=Path,
        help="the folder with small copies of the baseline's pictures (--judge-baseline-pictures of pytest)",
    )  # fmt: skip
    parser.add_argument(
        "--history", action="append", default=[], metavar="PATH", type=Path,
        help="show each image's scores over earlier runs: a JSON report of one, or a folder of them; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--unjudged", action="store_true", help="print a line for each image that was not judged, with the reason"
    )
    parser.add_argument("--gate", action="store_true", help="exit 1 unless everything passed")
    parser.add_argument(
        "--gate-stored", metavar="JUNIT", type=Path,
        help="after a run with --judge-stored-only: exit 1 where anything failed for another reason than that no judge "
             "was asked; JUNIT is the file of its --junit-xml",
    )  # fmt: skip
    parser.add_argument(
        "--github-summary", action="store_true", help="add to the step's summary ($GITHUB_STEP_SUMMARY)"
    )
    parser.add_argument("--github-annotations", action="store_true", help="print ::error commands for GitHub Actions")
    parser.add_argument(
        "--github-comment", nargs="?", const="", metavar="NAME",
        help="write or update the comment on the pull request; NAME tells several comments apart",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Run the command; returns its exit code.

    Raises:
        ConfigError: naming the file or the option, what was found and what is expected.
    """
    from ..renderers.carried_pictures import show_copies
    from ..renderers.gate_words import missed_gates
    from ..report.json_file import read
    from ..report.merging import merge

    for path in args.output:
        if path.suffix.lower() not in FORMATS:
            hint = nearest(path.suffix.lower(), FORMATS)
            raise ConfigError(f"-o {path}: a name that ends in {', '.join(FORMATS)} is expected{hint}")
    if args.failed_only and not any(path.suffix.lower() == ".html" for path in args.output):
        raise ConfigError("--failed-only is for HTML: name a file with -o FILE.html")
    parts = [(str(path), read(path)) for path in args.files]
    report = merge(parts)
    for entry in report.every():
        show_copies(entry)
    profile = _profile(args.thresholds)
    missed = missed_gates(report)  # by the run itself
    _decide_what_was_left_out(report, profile, args)
    if args.gate and args.gate_stored is not None:
        raise ConfigError("--gate and --gate-stored: give one of them; --gate does not pass what was not judged")
    if args.gate:
        _require_bounds(report, profile, args.baseline)
    stored_gate = None
    if args.gate_stored is not None:
        from .stored_gate import decide

        stored_gate = decide(report, args.gate_stored)
    if args.baseline is not None:
        _compare(report, args.baseline, profile, args.baseline_pictures)
        if any(path.suffix.lower() == ".html" for path in args.output):
            _tell_no_pictures(report, args.baseline, args.baseline_pictures)
    _tell_replaced(report, missed)
    if args.history:
        from ..statistics.history import attach_history, report_files

        attach_history(report, report_files(args.history))
    _write(report, args, profile)
    _github(report, args, stored_gate)
    if stored_gate is not None:
        for line in filter(None, (*stored_gate.failures, stored_gate.words())):
            _say(line)
        if stored_gate.failures:
            return 1
    if args.gate:
        if not any(report.every()):
            _say("--gate: no image or edit was judged, so that nothing passed")
        return 0 if _passed(report, profile) else 1
    if stored_gate is None:
        _tell_shown_only(report)
    return 0


def _profile(name: str | None) -> Profile | None:
    if name is None:
        return None
    from ..thresholds.loading import load_profile

    return load_profile(name)


def _decide_what_was_left_out(report: Report, profile: Profile | None, args: argparse.Namespace) -> None:
    """Apply the profile's bounds on means, and tell which gates over the run nobody decides.

    Raises:
        ConfigError: a gate is asked for, which would pass for want of them.
    """
    from ..renderers.gate_words import left_out_gates

    decided = []
    if profile is not None and profile.bounds_means:
        from ..statistics.suite import bounded_means

        report.suite = bounded_means(report.verdicts, report.edits, profile)
        decided.append("suite")
    if args.baseline is not None and profile is not None and profile.bounds_drops:
        decided += ["baseline", "no_baseline"]  # see `_compare`
    report.left_out = [name for name in report.left_out if name not in decided]
    if args.gate and "suite" in report.left_out:
        raise ConfigError("--gate: the files hold bounds on the mean, each over its own images; name the profile "
                          "that decides them over the whole with --thresholds NAME")  # fmt: skip
    if args.gate and "baseline" in report.left_out and args.baseline is None:
        raise ConfigError("--gate: the files were compared with a baseline, each over its own images; name it with "
                          "--baseline FILE")  # fmt: skip
    for words in left_out_gates(report).values():
        _say(words)


def _require_bounds(report: Report, profile: Profile | None, baseline: Path | None) -> None:
    """Check that the gate has something to decide by, and that what the options name is part of it.

    Raises:
        ConfigError: the gate would pass whatever was judged.
    """
    margins = profile is not None and profile.bounds_drops
    means = profile is not None and profile.bounds_means
    if baseline is not None and not margins:
        raise ConfigError(
            "--gate with --baseline: name a profile with margins under [baseline], with --thresholds NAME"
        )
    if profile is not None:
        _tell_of_single_images(report, profile, decides=means or (margins and baseline is not None))
    bounded = any(entry.thresholds or entry.bounds for entry in report.every())
    red = bool(report.run.failed_tests)  # whatever the bounds
    if any(report.every()) and not (bounded or means or margins or report.suite or report.baseline or red):
        raise ConfigError("--gate: no bounds were applied to the images of these reports; judge them with thresholds")


def _tell_of_single_images(report: Report, profile: Profile, *, decides: bool) -> None:
    """Tell what becomes of a profile's bounds on single images, which were applied when these were judged.

    Args:
        report: the images, with the bounds under which they were judged.
        profile: the bounds that were named.
        decides: the profile has other bounds, which are decided here.

    Raises:
        ConfigError: there is nothing else, and no image was judged under the profile.
    """
    name, applied = Path(profile.name).name, _was_applied(report, profile)
    if not (decides or applied):
        raise ConfigError(f"--gate: {name} bounds no mean of a run, and no image of these reports was judged under "
                          "its bounds as they are now: leave --thresholds out for the bounds that were applied, or "
                          "judge anew (pytest, imagejudge score)")  # fmt: skip
    if not decides:
        _say(f"{name} bounds no mean of a run: the gate is by its bounds on single images, applied when these were "
             "judged")  # fmt: skip
    elif not applied and (profile.bounds_images or profile.bounds_edits):
        _say(f"{name} bounds single images too, but these were not judged under its bounds as they are now: here its "
             "other bounds count; to apply all, judge anew (pytest, imagejudge score)")  # fmt: skip


def _was_applied(report: Report, profile: Profile) -> bool:
    """Tell whether images were judged under a profile's bounds as they are now, and none under others of its name."""
    from ..report.lookup import edit_bounds
    from ..report.model import EditEntry
    from ..taxonomy import written

    name = PurePath(profile.name).name  # a report of another machine has another path
    of_images = {(tuple(written(path)), "least", bound) for path, bound in profile.bounds().items()}
    of_edits = {(path[0], side, bound) for path, side, bound in profile.edit.bounds()}
    found = [
        edit_bounds(entry) == of_edits
        if isinstance(entry, EditEntry)
        else {(tuple(each.path), each.side, each.bound) for each in entry.bounds} == of_images
        for entry in report.every()
        if entry.bounds and PurePath(entry.thresholds.replace("\\", "/")).name == name
    ]
    return bool(found) and all(found)


def _compare(report: Report, path: Path, profile: Profile | None, pictures: Path | None) -> None:
    """Attach the earlier run's figures to this one, and its pictures where they are."""
    from ..recorded.runs import read_run
    from ..renderers.baseline_pictures import with_pictures
    from ..report.lookup import first_judgements
    from ..statistics.baseline import compare_with_baseline
    from ..statistics.baseline_file import Baseline, environment_of
    from ..statistics.earlier_run import attach

    images = read_run(path).images
    for item in images:  # as a baseline file rounds them, so that an unchanged image differs by nothing
        item.figures.update({place: round(value, 4) for place, value in item.figures.items()})
    if not attach(report, images if pictures is None else with_pictures(pictures, images)):
        _say(f"{path}: no image of this run is in it")
    report.baseline = compare_with_baseline(
        first_judgements(report.verdicts),
        Baseline(images, environment_of(images)),
        profile.baseline.bounds() if profile is not None and report.verdicts else {},
        edits=first_judgements(report.edits),
        edit_margin=profile.baseline.edit.score if profile is not None else None,
        on_undecided=profile.baseline.on_undecided if profile is not None else "pass",
        newly_failing=profile.baseline.newly_failing if profile is not None else None,
        file=str(path),
    ).model_dump(mode="json")


def _tell_replaced(report: Report, missed: list[str]) -> None:
    """Tell which gates of the run itself had failed and are decided anew, without that failure; note it on a page."""
    from ..renderers.gate_words import missed_gates, replaced_words

    still = missed_gates(report)
    if gone := [name for name in missed if name not in still]:
        if report.baseline is not None:
            report.baseline["replaced"] = gone
        _say(replaced_words(gone))


def _tell_shown_only(report: Report) -> None:
    from ..renderers.markdown import title
    from ..renderers.outcome_styles import SIGNS

    if title(report).startswith(SIGNS["failed"]):
        _say("the failure is only shown, and the exit status is 0; --gate makes it 1")


def _tell_no_pictures(report: Report, path: Path, folder: Path | None) -> None:
    befores = [entry.before for entry in report.every() if entry.before is not None]
    if befores and not any(before.image for before in befores):
        where = "name their folder with --baseline-pictures DIR" if folder is None else f"nor are they in {folder}"
        _say(f"{path} holds no pictures, so the page shows the new ones alone; {where}")


def _write(report: Report, args: argparse.Namespace, profile: Profile | None) -> None:
    from ..renderers import html_page, markdown
    from ..report import json_file

    bounds = None if profile is None else profile.bounds()
    for path in args.output:
        kind = path.suffix.lower()
        if kind == ".json":
            json_file.write(report, path)
        elif kind == ".html":
            html_page.write_html(report, path, bounds, failed_only=args.failed_only)
        else:
            markdown.write_markdown(report, path, bounds)
        _say(f"{path}: {markdown.title(report)}")
    if args.unjudged:
        _unjudged(report)
    elif not args.output and not (args.github_summary or args.github_annotations or args.github_comment is not None):
        _print(report, bounds)


def _unjudged(report: Report) -> None:
    from ..renderers.explanations import file_name, headline, title
    from ..statistics.figures import image_of

    for entry in report.every():
        if entry.outcome == "error":
            name = entry.id or (image_of(entry) if file_name(entry) else title(entry))
            put(for_log(f"{name}: {headline(entry)}"))


def _print(report: Report, bounds: dict[tuple[str, ...], float] | None) -> None:
    import os
    import shutil

    from ..renderers.terminal_summary import suite_tree
    from ..report.lookup import bounds_of

    text = suite_tree(
        report,
        bounds_of(report.verdicts) if bounds is None else bounds,
        width=shutil.get_terminal_size().columns,
        color=sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
        verbosity=0,
        encoding=sys.stdout.encoding,
    )
    put(text.removesuffix("\n"))


def _github(report: Report, args: argparse.Namespace, stored_gate: StoredGate | None) -> None:
    import os

    from ..renderers.github import annotation_commands, where_pictures_are, write_step_summary
    from ..renderers.github_comment import upsert_comment

    if args.github_summary:
        if not (summary := os.environ.get("GITHUB_STEP_SUMMARY")):
            raise ConfigError("--github-summary: GITHUB_STEP_SUMMARY is not set; GitHub Actions sets it in each step")
        if stored_gate is not None and (words := stored_gate.words()):
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(f"> [!WARNING]\n> **{for_markdown(words)}**\n\n")
        write_step_summary(report, summary, reports=args.output)
    if args.github_annotations:
        left = report
        if stored_gate is not None:
            from .stored_gate import undecided_left_out

            left = undecided_left_out(report, stored_gate)
            if words := stored_gate.words():
                put(f"::warning title=Image judge::{for_github(words)}")
        for line in annotation_commands(left):
            put(line)
    if args.github_comment is not None and (
        url := upsert_comment(report, name=args.github_comment, note=where_pictures_are(args.output, os.environ))
    ):
        _say(f"comment: {url}")


def _passed(report: Report, profile: Profile | None) -> bool:
    """Tell whether all images, edits and tests that use a judge passed; a report without images has not passed."""
    from ..report.tally import tally_of
    from ..statistics.suite import gate_passed

    policy = profile.suite.on_undecided if profile is not None else "mean"
    outcomes = tally_of(report).outcomes  # without those that were expected to fail
    return (
        bool(report.verdicts or report.edits)
        and not (outcomes["failed"] or outcomes["error"] or report.run.failed_tests)
        and all(row.gate == "passed" if row.gate else gate_passed(row, policy) for row in report.suite)
        and (report.baseline or {}).get("gate") != "failed"
    )


def _say(text: str) -> None:
    print(f"imagejudge report: {for_log(text)}", file=sys.stderr)
