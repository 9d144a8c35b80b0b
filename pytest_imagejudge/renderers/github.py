"""GitHub Actions: step summary and annotations."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from ..report.lookup import repeat_of
from ..report.model import AnyEntry, Report
from ..report.paths import relative_paths
from ..support.escaping import for_github, for_markdown
from ..support.web_addresses import web_address
from ..support.words import plural
from ..taxonomy import FacetPath
from . import explanations, markdown
from .gate_words import left_out_gates, missed_gates, undecided_gates
from .github_comment import MARGIN, TIMEOUT, upsert_comment, warn_in_log

SUMMARY_LIMIT = 1024 * 1024  # bytes of a step's summary; GitHub drops one that is larger, whole


ANNOTATIONS = 10  # GitHub shows ten errors a step


def report_to_github(
    report: Report,
    bounds: Mapping[FacetPath, float] | None = None,
    rootpath: Path | None = None,
    reports: Sequence[Path] = (),
) -> None:
    """Report a run to GitHub: step summary, annotations, and a comment where there is a pull request and a token.

    The environment of GitHub Actions tells which of these are possible; others are left out. Never raises.

    Args:
        report: the run.
        bounds: of the profile.
        rootpath: the folder of relative image paths; None is the working folder.
        reports: files that the run has written; the summary says where the pages with pictures are found.
    """
    try:
        report = relative_paths(report, rootpath or Path.cwd())
        if path := os.environ.get("GITHUB_STEP_SUMMARY"):
            write_step_summary(report, path, bounds, rootpath, reports)
        if lines := annotation_commands(report, rootpath):
            print("", *lines, sep="\n", flush=True)
        if os.environ.get("GITHUB_TOKEN"):
            job = "/".join(filter(None, (os.environ.get("GITHUB_WORKFLOW"), os.environ.get("GITHUB_JOB"))))
            upsert_comment(report, bounds=bounds, name=job, note=where_pictures_are(reports, os.environ))
    except Exception as error:  # noqa: BLE001 - a report that fails must not fail the run
        warn_in_log(f"the report for GitHub failed: {type(error).__name__}: {error}")


def write_step_summary(
    report: Report,
    path: Path | str,
    bounds: Mapping[FacetPath, float] | None = None,
    rootpath: Path | None = None,
    reports: Sequence[Path] = (),
) -> None:
    """Append the report to the step's summary, within GitHub's limit for the whole summary.

    Raises:
        OSError: the file can't be written.
    """
    path = Path(path)
    before = path.stat().st_size if path.exists() else 0
    room = SUMMARY_LIMIT - MARGIN - before
    pictures = tracked_pictures(report, rootpath or Path.cwd(), os.environ)
    note = where_pictures_are(reports, os.environ)
    text = markdown.render(report, bounds, most_bytes=max(room, 0), pictures=pictures, note=note)
    if len(text.encode()) > room:
        text = (
            f"# {markdown.title(report)}\n\nThe report is too long for this summary; see the HTML and JSON reports. "
            f"{note}\n"
        )
    if len(text.encode()) > SUMMARY_LIMIT - before:
        warn_in_log("the step's summary is full; the report is not in it")
        return
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def where_pictures_are(reports: Sequence[Path], environ: Mapping[str, str]) -> str:
    """Say in Markdown that the pages with the pictures are among the artifacts of the run; empty without such pages.

    Nothing is pushed or uploaded: the workflow keeps the reports, or not.
    """
    pages = [f"`{for_markdown(path.name)}`" for path in reports if path.suffix.lower() == ".html"]
    server, repository, run = (environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    address = web_address(f"{server}/{repository}/actions/runs/{run}#artifacts")
    if not (pages and repository and run and address):
        return ""
    return f"All pictures are in {', '.join(pages)}, in the [artifacts of this run](<{address}>) if the job uploads it."


def tracked_pictures(report: Report, rootpath: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """URLs of the failed images that are files of the repository, by image path: only those can GitHub show."""
    server, repository, commit = (environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "SHA"))
    workspace = environ.get("GITHUB_WORKSPACE", "")
    git = shutil.which("git")
    images = {entry.image for entry in report.verdicts if entry.shown_as_failed}
    images |= {entry.edited_image for entry in report.edits if entry.shown_as_failed}
    if not (server and repository and commit and workspace and git and images):
        return {}
    try:
        listed = subprocess.run(
            [git, "-C", workspace, "ls-files", "-z"], capture_output=True, check=True, timeout=TIMEOUT
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return {}
    tracked = {os.fsdecode(name) for name in listed.split(b"\0")}
    found = {}
    for image in images:
        path = os.path.relpath((rootpath / image).resolve(), Path(workspace).resolve()).replace(os.sep, "/")
        if path in tracked:
            found[image] = f"{server}/{repository}/raw/{commit}/{quote(path)}"
    return found


def annotation_commands(report: Report, rootpath: Path | None = None) -> list[str]:
    """Return workflow commands, ``::error file=,line=,title=::message``, one for each line of code that failed.

    GitHub shows ten errors of a step, so there are at most ten; the last says how many more there are. An undecided
    gate is a warning, of which GitHub shows ten more.
    """
    lines: dict[tuple[str, str], list[AnyEntry]] = {}
    for entry in report.every():
        if entry.shown_as_failed and not repeat_of(entry) and entry.test not in report.run.excused:
            lines.setdefault(_place(entry, rootpath), []).append(entry)
    reasons = {failed.test: failed.message for failed in report.run.failed_tests}
    gates = [row for row in report.suite if row.gate == "failed" or (row.gate is None and row.outcome == "failed")]
    found = []
    for (file, line), entries in lines.items():
        first = min(entries, key=explanations.rank)
        more = f" (and {plural(len(entries) - 1, 'more image')} here)" if len(entries) > 1 else ""
        name = for_github(file, prop=True).replace("##[", "## [")
        where = f" file={name}," + (f"line={line}," if line else "") if file else " "
        subject = first.id or first.test or ""
        if explanations.titled_by_test(first):
            subject = f"{subject} “{explanations.prompt(first)[:80]}”".strip()
        message = f"{subject}: {explanations.headline(first)}" if subject else explanations.headline(first)
        because = explanations.reason(first)
        message += f": {because}" if because else ""
        said = next((f': "{words}"' for _, words in explanations.unread(first) if words), "")
        message += f" (the answer{said})" if said else ""
        reason = reasons.get(first.test or "") if first.test_failed else ""
        message += f": {reason}" if reason else ""
        found.append(f"::error{where}title=Image judge::{for_github(message[:1500] + more)}")
    for row in gates:
        mean = "no mean" if row.mean is None else f"mean {row.mean:.2f}"
        text = f"suite: {explanations.place(row.path)}: {mean}, bound {row.bound:g}" + (
            f": {row.detail}" if row.detail else ""
        )
        found.append(f"::error title=Image judge::{for_github(text[:1500])}")
    if (report.baseline or {}).get("gate") == "failed":
        text = ", ".join(gate for gate in missed_gates(report) if gate.endswith("baseline"))
        found.append(f"::error title=Image judge::{for_github(('failed: ' + text)[:1500])}")
    if len(found) > ANNOTATIONS:
        rest = len(found) - ANNOTATIONS + 1
        found = [*found[: ANNOTATIONS - 1], f"::error title=Image judge::{rest} more places failed; see the report"]
    return found + _undecided(report)


def _undecided(report: Report) -> list[str]:
    """Warnings that name what nobody decided, since the run did not fail for it."""
    names = undecided_gates(report)
    text = f"undecided, since it may be chance: {', '.join(names)}"
    found = [text] if names else []
    return [
        f"::warning title=Image judge::{for_github(text[:1500])}" for text in (*found, *left_out_gates(report).values())
    ]


def _place(entry: AnyEntry, rootpath: Path | None) -> tuple[str, str]:
    """File, relative to the repository, and line of the check; or of the test, without a line."""
    file, _, line = entry.where.rpartition(":")
    if not line.isdigit():
        file, line = entry.where or (entry.test or "").partition("::")[0], ""
    if not file:
        return "", ""
    workspace = os.environ.get("GITHUB_WORKSPACE") or rootpath or Path.cwd()
    path = (rootpath or Path.cwd()) / file
    try:
        return path.resolve().relative_to(Path(workspace).resolve()).as_posix(), line
    except ValueError:
        return path.as_posix(), line
