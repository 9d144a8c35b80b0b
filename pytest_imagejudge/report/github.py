"""GitHub Actions: step summary, annotations, and a pull request's comment that is updated, not repeated."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..taxonomy import Path as TreePath
from ..untrusted import for_github
from . import markdown, why
from .build import AnyEntry, relative_paths
from .model import Report

if TYPE_CHECKING:
    import httpx

SUMMARY_LIMIT = 1024 * 1024  # bytes of a step's summary; GitHub drops one that is larger, whole
COMMENT_LIMIT = 65_536  # characters of a comment
MARGIN = 1024
ANNOTATIONS = 10  # GitHub shows ten errors a step
MARKER = "<!-- imagejudge-report{} -->"
TIMEOUT = 20.0  # seconds for one request
PAGES = 30  # of a hundred comments each that are looked through


def report_to_github(
    report: Report,
    bounds: Mapping[TreePath, float] | None = None,
    rootpath: Path | None = None,
) -> None:
    """Tell GitHub of a run: step summary, annotations, and a comment where there is a pull request and a token.

    Goes by the environment of GitHub Actions; what is not there is left out. Never raises.
    """
    try:
        report = relative_paths(report, rootpath or Path.cwd())
        if path := os.environ.get("GITHUB_STEP_SUMMARY"):
            write_step_summary(report, path, bounds, rootpath)
        if lines := annotations(report, rootpath):
            print("", *lines, sep="\n", flush=True)
        if os.environ.get("GITHUB_TOKEN"):
            job = "/".join(filter(None, (os.environ.get("GITHUB_WORKFLOW"), os.environ.get("GITHUB_JOB"))))
            upsert_comment(report, bounds=bounds, name=job)
    except Exception as error:  # noqa: BLE001 - a report that fails must not fail the run
        _warn(f"the report for GitHub failed: {type(error).__name__}: {error}")


def write_step_summary(
    report: Report,
    path: Path | str,
    bounds: Mapping[TreePath, float] | None = None,
    rootpath: Path | None = None,
) -> None:
    """Append the report to the step's summary, and keep to GitHub's limit with what stands there already.

    Raises:
        OSError: the file can't be written.
    """
    path = Path(path)
    before = path.stat().st_size if path.exists() else 0
    room = SUMMARY_LIMIT - MARGIN - before
    pictures = tracked_pictures(report, rootpath or Path.cwd(), os.environ)
    text = markdown.render(report, bounds, most_bytes=max(room, 0), pictures=pictures)
    if len(text.encode()) > room:
        text = f"# {markdown.title(report)}\n\nThere is no room here for the report; see the HTML and JSON reports.\n"
    if len(text.encode()) > SUMMARY_LIMIT - before:
        _warn("the step's summary is full; the report is not in it")
        return
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def tracked_pictures(report: Report, rootpath: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """URLs of the failed images that are files of the repository, by image path: only those can GitHub show."""
    server, repository, commit = (environ.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "SHA"))
    workspace = environ.get("GITHUB_WORKSPACE", "")
    git = shutil.which("git")
    images = {entry.image for entry in report.verdicts if entry.outcome != "passed"}
    images |= {entry.edited_image for entry in report.edits if entry.outcome != "passed"}
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


def annotations(report: Report, rootpath: Path | None = None) -> list[str]:
    """Workflow commands, ``::error file=,line=,title=::message``, one a line of code that failed, once.

    GitHub shows ten of a step, so there are at most ten; the last says how many more there are.
    """
    lines: dict[tuple[str, str], list[AnyEntry]] = {}
    for entry in report.every():
        if entry.outcome != "passed" and not getattr(entry, "repeat", None) and entry.test not in report.run.excused:
            lines.setdefault(_place(entry, rootpath), []).append(entry)
    gates = [row for row in report.suite if row.gate == "failed" or (row.gate is None and row.outcome == "failed")]
    found = []
    for (file, line), entries in lines.items():
        first = min(entries, key=lambda entry: entry.outcome == "error")
        more = f" (and {len(entries) - 1} more images here)" if len(entries) > 1 else ""
        name = for_github(file, prop=True).replace("##[", "## [")
        where = f" file={name}," + (f"line={line}," if line else "") if file else " "
        subject = first.id or first.test or ""
        if why.titled_by_test(first):
            subject = f"{subject} “{why.prompt(first)[:80]}”".strip()
        message = f"{subject}: {why.headline(first)}" if subject else why.headline(first)
        said = next((f': "{words}"' for _, words in why.unread(first) if words), "")
        message += f" (the answer{said})" if said else ""
        found.append(f"::error{where}title=Image judge::{for_github(message[:1500] + more)}")
    for row in gates:
        mean = "no mean" if row.mean is None else f"mean {row.mean:.2f}"
        text = f"suite: {why.place(row.path)}: {mean}, bound {row.bound:g}" + (f": {row.detail}" if row.detail else "")
        found.append(f"::error title=Image judge::{for_github(text[:1500])}")
    if (report.baseline or {}).get("gate") == "failed":
        text = ", ".join(gate for gate in why.failed_gates(report) if gate.endswith("baseline"))
        found.append(f"::error title=Image judge::{for_github(('failed: ' + text)[:1500])}")
    if len(found) > ANNOTATIONS:
        rest = len(found) - ANNOTATIONS + 1
        found = [*found[: ANNOTATIONS - 1], f"::error title=Image judge::{rest} more places failed; see the report"]
    return found


def upsert_comment(
    report: Report,
    *,
    bounds: Mapping[TreePath, float] | None = None,
    name: str = "",
    environ: Mapping[str, str] | None = None,
    transport: "httpx.BaseTransport | None" = None,
) -> str | None:
    """Write the report as a comment on the pull request of this workflow, in place of the one written before.

    Needs ``GITHUB_TOKEN`` with ``pull-requests: write``. A failure is a warning, never an exception.

    Args:
        report: the run.
        bounds: of the profile.
        name: tells the comments of several reports on one pull request apart.
        environ: the environment, for tests.
        transport: of httpx, for tests.

    Returns:
        The comment's address, or None where there is none.
    """
    environ = os.environ if environ is None else environ
    try:
        number = pull_request(environ)
        token, repository = environ.get("GITHUB_TOKEN", ""), environ.get("GITHUB_REPOSITORY", "")
        if number is None or not repository:
            return None
        if not token:
            _warn("no comment on the pull request: GITHUB_TOKEN is not set")
            return None
        marker = MARKER.format(" " + re.sub(r"[^\w./]+", "_", name) if name else "")
        body = f"{marker}\n{markdown.render(report, bounds, most_bytes=COMMENT_LIMIT - MARGIN, facets=False)}"
        client = _client(environ.get("GITHUB_API_URL", "https://api.github.com"), token, transport)
        with client:
            return _upsert(client, f"/repos/{repository}/issues", number, marker, body)
    except Exception as error:  # noqa: BLE001 - a comment that fails must not fail the run
        _warn(f"no comment on the pull request: {type(error).__name__}: {error}")
        return None


def pull_request(environ: Mapping[str, str]) -> int | None:
    """The number of the pull request that the workflow runs for, from its event or its ref."""
    try:
        event = json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
        number = event.get("pull_request", {}).get("number") or (event.get("issue") or {}).get("number")
        if isinstance(number, int):
            return number
    except (KeyError, OSError, ValueError, AttributeError):
        pass
    found = re.fullmatch(r"refs/pull/(\d+)/(merge|head)", environ.get("GITHUB_REF", ""))
    return int(found[1]) if found else None


def _client(api: str, token: str, transport: "httpx.BaseTransport | None") -> "httpx.Client":
    import httpx

    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    return httpx.Client(base_url=api.rstrip("/"), headers=headers, timeout=TIMEOUT, transport=transport)


def _upsert(client: "httpx.Client", issues: str, number: int, marker: str, body: str) -> str | None:
    own = _find(client, f"{issues}/{number}/comments", marker)
    if own is None:
        response = client.post(f"{issues}/{number}/comments", json={"body": body})
    else:
        response = client.patch(f"{issues}/comments/{own}", json={"body": body})
    if response.is_error:
        _warn(f"no comment on the pull request: GitHub answered {response.status_code}: {_reason(response)}")
        return None
    return str(response.json().get("html_url") or "")


def _find(client: "httpx.Client", comments: str, marker: str) -> int | None:
    """Our own comment: it starts with the marker, and nobody else wrote it.

    The token of a workflow has no user and writes as a bot; any other token says whose it is.
    """
    answer = client.get("/user")
    login = str(answer.json().get("login") or "") if answer.is_success else ""
    for page in range(1, PAGES + 1):
        response = client.get(comments, params={"per_page": 100, "page": page})
        response.raise_for_status()
        found = response.json()
        for comment in found:
            author = comment.get("user") or {}
            ours = author.get("login") == login if login else author.get("type") == "Bot"
            if ours and str(comment.get("body") or "").startswith(marker):
                return int(comment["id"])
        if len(found) < 100:
            return None
    return None


def _reason(response: Any) -> str:
    try:
        return str(response.json().get("message", ""))[:200]
    except (ValueError, AttributeError):
        return str(response.text)[:200]


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


def _warn(text: str) -> None:
    print(f"::warning title=Image judge::{for_github(text)}", file=sys.stderr, flush=True)
