from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_imagejudge.renderers.github import (
    annotation_commands,
    report_to_github,
    tracked_pictures,
    where_pictures_are,
    write_step_summary,
)
from pytest_imagejudge.renderers.github_comment import MARKER, upsert_comment
from pytest_imagejudge.report.ci_run import github_pull_request
from pytest_imagejudge.report.model import Report
from pytest_imagejudge.report.tally import tally_of
from tests.report import samples


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("STEP_SUMMARY", "TOKEN", "REPOSITORY", "EVENT_PATH", "REF", "WORKSPACE", "SHA", "SERVER_URL"):
        monkeypatch.delenv(f"GITHUB_{name}", raising=False)
    monkeypatch.chdir(tmp_path)


def test_the_summary_is_added_to_what_stands_there(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text("before\n")
    write_step_summary(samples.report(), path)
    assert path.read_text(encoding="utf-8").startswith("before\n# ❌ 9 failed")


@pytest.mark.parametrize("used", [0, 900_000, 1_020_000, 1_047_000, 1_048_576])
def test_the_summary_keeps_to_githubs_limit(tmp_path: Path, used: int) -> None:
    path = tmp_path / "summary.md"
    path.write_bytes(b"x" * used)
    report = samples.report(30, edits=False)
    for entry in report.verdicts:
        entry.prompt = "雪" * 300
        entry.outcome = "failed"
    report.verdicts *= 60
    report.counted(tally_of(report))  # as a run keeps them
    write_step_summary(report, path)
    assert path.stat().st_size <= 1024 * 1024
    if used < 1_000_000:
        assert re.search(r"\*\*\d+ more did not pass", path.read_text(encoding="utf-8"))


ACTIONS = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "acme/fox", "GITHUB_RUN_ID": "99"}


def test_the_summary_leads_to_the_pictures_among_the_artifacts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ACTIONS.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "summary.md"
    write_step_summary(samples.report(), path, reports=[Path("out/a_b.html"), Path("out/r.json")])
    text = path.read_text(encoding="utf-8")
    where = "https://github.com/acme/fox/actions/runs/99#artifacts"
    assert f"All pictures are in `a_b.html`, in the [artifacts of this run](<{where}>) if the job uploads it." in text
    assert text.index("All pictures") < text.index("## What did not pass")


@pytest.mark.parametrize(
    ("reports", "environ"),
    [
        ([Path("r.json")], ACTIONS),
        ([], ACTIONS),
        ([Path("r.html")], {**ACTIONS, "GITHUB_RUN_ID": ""}),
        ([Path("r.html")], {**ACTIONS, "GITHUB_SERVER_URL": "javascript:x"}),
    ],
)
def test_without_a_page_or_a_run_it_says_nothing_of_artifacts(reports: list[Path], environ: dict[str, str]) -> None:
    assert where_pictures_are(reports, environ) == ""


def test_annotations_stand_on_the_line_of_the_check_once() -> None:
    report = Report(verdicts=[samples.entry(1), samples.entry(4)])
    for entry in report.verdicts:
        entry.where = "tests/a b.py:7"
    (line,) = annotation_commands(report)
    assert line.startswith(
        "::error file=tests/a b.py,line=7,title=Image judge::tests/test_x.py::test_1: Quality / Realism"
    )
    assert line.endswith("(and 1 more image here)")


def test_an_annotation_of_a_picture_from_memory_has_its_prompt() -> None:
    entry = samples.entry(1).model_copy(update={"image": f"imagejudge-images/{'0a' * 32}.png"})
    (line,) = annotation_commands(Report(verdicts=[entry]))
    assert "::tests/test_x.py::test_1 “prompt 1: a red fox in the snow”: Quality / Realism" in line


def test_an_annotation_without_a_line_names_the_file() -> None:
    entry = samples.entry(1).model_copy(update={"where": ""})
    assert annotation_commands(Report(verdicts=[entry]))[0].startswith("::error file=tests/test_x.py,title=")
    entry = entry.model_copy(update={"test": None})
    assert annotation_commands(Report(verdicts=[entry]))[0].startswith("::error title=")


def test_annotations_of_bounds_on_the_mean_and_none_for_what_passed() -> None:
    report = samples.report(edits=False)
    report.verdicts = [entry for entry in report.verdicts if entry.outcome == "passed"]
    assert annotation_commands(report) == [
        "::error title=Image judge::suite: Aesthetics: mean 55.00, bound 70",
        "::warning title=Image judge::undecided, since it may be chance: mean of Quality",
    ]
    report.suite = []
    assert annotation_commands(report) == []


def test_there_are_never_more_annotations_than_github_shows() -> None:
    report = samples.report(60)
    lines = [line for line in annotation_commands(report) if not line.startswith("::warning")]
    assert len(lines) == 10
    failed = len(
        {entry.where or entry.test for entry in (*report.verdicts, *report.edits) if entry.outcome != "passed"}
    )
    assert f"::{failed + 1 - 9} more places failed" in lines[-1]


def test_nothing_from_outside_becomes_a_command() -> None:
    words = "x\n::stop-commands::t\r\n##[error]y,line=9::z 100%"
    entry = samples.entry(1).model_copy(update={"where": f"{words}:3", "id": words, "error": words, "breaches": []})
    (line,) = annotation_commands(Report(verdicts=[entry]))
    assert "\n" not in line
    assert "\r" not in line
    assert "##[" not in line
    assert "100%25" in line
    properties = line.removeprefix("::error ").partition("::")[0]
    assert properties.count(",line=") == 1
    assert properties.endswith(",line=3,title=Image judge")


def test_a_file_is_named_from_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "repo" / "sub").mkdir(parents=True)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(tmp_path / "repo"))
    entry = samples.entry(1).model_copy(update={"where": "tests/test_x.py:4"})
    (line,) = annotation_commands(Report(verdicts=[entry]), tmp_path / "repo" / "sub")
    assert line.startswith("::error file=sub/tests/test_x.py,line=4,")


def test_pictures_of_the_repository_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for command in (["init", "-q"], ["add", "."]):
        (tmp_path / "img").mkdir(exist_ok=True)
        (tmp_path / "img" / "1.png").write_text("x")
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    environ = {
        "GITHUB_SERVER_URL": "https://github.example", "GITHUB_REPOSITORY": "o/r", "GITHUB_SHA": "abc",
        "GITHUB_WORKSPACE": str(tmp_path),
    }  # fmt: skip
    report = Report(verdicts=[samples.entry(1), samples.entry(4)])
    found = tracked_pictures(report, tmp_path, environ)
    assert found == {"img/1.png": "https://github.example/o/r/raw/abc/img/1.png"}
    assert tracked_pictures(report, tmp_path, {}) == {}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    write_step_summary(report, tmp_path / "s.md")
    assert '<img src="https://github.example/o/r/raw/abc/img/1.png"' in (tmp_path / "s.md").read_text(encoding="utf-8")


class GitHub:
    """A stand-in for the REST interface: comments of one pull request."""

    def __init__(self, login: str | None = None) -> None:
        self.login = login
        self.comments: list[dict[str, Any]] = []
        self.calls: list[tuple[str, str]] = []
        self.broken = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append((request.method, request.url.path))
        assert request.headers["Authorization"] == "Bearer secret"
        if self.broken:
            return httpx.Response(self.broken, json={"message": "Resource not accessible"})
        if request.url.path == "/user":
            return httpx.Response(200, json={"login": self.login}) if self.login else httpx.Response(403)
        if request.method == "GET":
            page, size = (int(request.url.params[name]) for name in ("page", "per_page"))
            return httpx.Response(200, json=self.comments[(page - 1) * size : page * size])
        body = json.loads(request.content)["body"]
        if request.method == "POST":
            kind = (
                {"type": "User", "login": self.login} if self.login else {"type": "Bot", "login": "github-actions[bot]"}
            )
            self.comments.append({"id": len(self.comments) + 1, "body": body, "user": kind})
            return httpx.Response(201, json={"html_url": f"https://gh/{len(self.comments)}"})
        number = int(request.url.path.rpartition("/")[2])
        self.comments[number - 1]["body"] = body
        return httpx.Response(200, json={"html_url": f"https://gh/{number}"})


ENVIRON = {"GITHUB_TOKEN": "secret", "GITHUB_REPOSITORY": "o/r", "GITHUB_REF": "refs/pull/7/merge"}


def comment(server: GitHub, report: Report, **options: Any) -> str | None:
    environ = options.pop("environ", ENVIRON)
    return upsert_comment(report, environ=environ, transport=httpx.MockTransport(server), **options)


@pytest.mark.parametrize("login", [None, "someone"])
def test_a_comment_is_updated_not_repeated(login: str | None) -> None:
    server = GitHub(login)
    server.comments = [{"id": n + 1, "body": "chat", "user": {"type": "User"}} for n in range(150)]
    assert comment(server, samples.report()) == "https://gh/151"
    assert comment(server, Report(verdicts=[samples.entry(bounds={})])) == "https://gh/151"
    assert len(server.comments) == 151
    assert "1 image passed" in server.comments[-1]["body"]
    assert comment(server, samples.report(), name="other job") == "https://gh/152"
    assert len(server.comments[-1]["body"]) <= 65_536


def test_somebody_elses_comment_is_left_alone() -> None:
    server = GitHub()
    server.comments = [{"id": 1, "body": MARKER.format("") + " forged", "user": {"type": "User", "login": "x"}}]
    comment(server, samples.report())
    assert len(server.comments) == 2
    assert server.comments[0]["body"].endswith("forged")


def test_a_long_report_fits_into_a_comment() -> None:
    server = GitHub()
    report = samples.report(2)
    report.verdicts *= 400
    comment(server, report)
    assert len(server.comments[0]["body"]) <= 65_536
    assert "more did not pass" in server.comments[0]["body"]


@pytest.mark.parametrize("status", [401, 403, 404, 422, 500])
def test_a_comment_that_fails_is_a_warning(status: int, capsys: pytest.CaptureFixture[str]) -> None:
    server = GitHub()
    server.broken = status
    assert comment(server, samples.report()) is None
    assert capsys.readouterr().err.startswith("::warning title=Image judge::no comment on the pull request")


def test_no_network_is_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("down")

    assert upsert_comment(samples.report(), environ=ENVIRON, transport=httpx.MockTransport(down)) is None
    assert "ConnectError" in capsys.readouterr().err


def test_without_a_pull_request_or_a_token_nothing_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    server = GitHub()
    assert comment(server, samples.report(), environ={**ENVIRON, "GITHUB_REF": "refs/heads/main"}) is None
    assert capsys.readouterr().err == ""
    assert comment(server, samples.report(), environ={**ENVIRON, "GITHUB_TOKEN": ""}) is None
    assert "GITHUB_TOKEN is not set" in capsys.readouterr().err
    assert server.calls == []


@pytest.mark.parametrize(
    ("event", "number"),
    [
        ({"pull_request": {"number": 5}}, 5),
        ({"issue": {"number": 6}}, 6),
        ({"push": {}}, 7),
        ([], 7),
        ({"pull_request": {"number": "x"}}, 7),
    ],
)
def test_the_pull_request_is_found(tmp_path: Path, event: Any, number: int) -> None:
    (tmp_path / "event.json").write_text(json.dumps(event))
    environ = {"GITHUB_EVENT_PATH": str(tmp_path / "event.json"), "GITHUB_REF": "refs/pull/7/merge"}
    assert github_pull_request(environ) == number


def test_all_at_once_and_never_an_exception(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "s.md"))
    report_to_github(samples.report())
    assert (tmp_path / "s.md").exists()
    out = capsys.readouterr().out
    assert out.startswith("\n::error ")  # at the start of a line, whatever was printed before
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path))
    report_to_github(samples.report())
    assert "::warning" in capsys.readouterr().err


def test_what_was_expected_to_fail_and_a_baseline() -> None:
    report = Report(verdicts=[samples.entry().model_copy(update={"outcome": "failed"})])
    test = report.verdicts[0].test
    assert annotation_commands(report)
    report.run.excused = [test or ""]
    assert annotation_commands(report) == []
    report.baseline = {"gate": "failed", "rows": [{"path": ["Quality"], "outcome": "failed"}]}
    assert annotation_commands(report) == ["::error title=Image judge::failed: Quality against the baseline"]
