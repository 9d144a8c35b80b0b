"""The CI run that a report is of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_imagejudge.report.ci_run import ci_run_of
from pytest_imagejudge.report.json_file import read, write
from pytest_imagejudge.report.merging import merge
from pytest_imagejudge.report.model import CiRun, Report, Run
from tests.report import samples

SHA = "0f1e2d3c4b5a69788796a5b4c3d2e1f001234567"

# The variables and their forms are those of the services' own pages, read in November 2026.
GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/fox",
    "GITHUB_SHA": SHA,
    "GITHUB_REF_NAME": "main",
    "GITHUB_RUN_ID": "99",
    "GITHUB_RUN_NUMBER": "12",
    "GITHUB_RUN_ATTEMPT": "1",
    "GITHUB_WORKFLOW": "image quality",
    "GITHUB_JOB": "images",
}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_PROJECT_URL": "https://gitlab.example/acme/fox",
    "CI_PROJECT_PATH": "acme/fox",
    "CI_COMMIT_SHA": SHA,
    "CI_COMMIT_REF_NAME": "red#fox",
    "CI_JOB_NAME": "images",
    "CI_PIPELINE_IID": "12",
    "CI_JOB_URL": "https://gitlab.example/acme/fox/-/jobs/5",
    "CI_MERGE_REQUEST_IID": "7",
}
BUILDKITE = {
    "BUILDKITE": "true",
    "BUILDKITE_REPO": "git@github.com:acme/fox.git",
    "BUILDKITE_COMMIT": SHA,
    "BUILDKITE_BRANCH": "red",
    "BUILDKITE_PIPELINE_NAME": "fox",
    "BUILDKITE_BUILD_NUMBER": "12",
    "BUILDKITE_BUILD_URL": "https://buildkite.com/acme/fox/builds/12",
    "BUILDKITE_JOB_ID": "5",
    "BUILDKITE_PULL_REQUEST": "7",
}
JENKINS = {
    "JENKINS_URL": "https://ci.example/",
    "GIT_COMMIT": SHA,
    "GIT_BRANCH": "origin/red",
    "GIT_URL": "https://joe:secret@gitlab.example/acme/fox.git",
    "JOB_NAME": "fox/images",
    "BUILD_NUMBER": "12",
    "BUILD_URL": "https://ci.example/job/fox/12/",
    "CHANGE_ID": "7",
    "CHANGE_URL": "https://gitlab.example/acme/fox/-/merge_requests/7",
}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        (
            GITHUB,
            {
                "commit_url": f"https://github.com/acme/fox/commit/{SHA}",
                "branch": "main",
                "branch_url": "https://github.com/acme/fox/tree/main",
                "name": "image quality / images",
                "url": "https://github.com/acme/fox/actions/runs/99",
                "pull_request": "",
            },
        ),
        (
            {**GITHUB, "GITHUB_REF": "refs/pull/7/merge", "GITHUB_HEAD_REF": "red", "GITHUB_RUN_ATTEMPT": "2"},
            {
                "branch": "red",
                "branch_url": "",
                "url": "https://github.com/acme/fox/actions/runs/99/attempts/2",
                "pull_request": "#7",
                "pull_request_url": "https://github.com/acme/fox/pull/7",
            },
        ),
        (
            GITLAB,
            {
                "commit_url": f"https://gitlab.example/acme/fox/-/commit/{SHA}",
                "branch_url": "https://gitlab.example/acme/fox/-/tree/red%23fox",
                "url": "https://gitlab.example/acme/fox/-/jobs/5",
                "pull_request": "!7",
                "pull_request_url": "https://gitlab.example/acme/fox/-/merge_requests/7",
            },
        ),
        (
            BUILDKITE,
            {
                "repository": "acme/fox",
                "commit_url": f"https://github.com/acme/fox/commit/{SHA}",
                "url": "https://buildkite.com/acme/fox/builds/12#5",
                "pull_request_url": "https://github.com/acme/fox/pull/7",
            },
        ),
        ({**BUILDKITE, "BUILDKITE_PULL_REQUEST": "false"}, {"pull_request": "", "pull_request_url": ""}),
        ({**BUILDKITE, "BUILDKITE_REPO": "/srv/fox.git"}, {"repository": "", "commit_url": ""}),
        (
            JENKINS,
            {
                "branch": "red",
                "commit_url": f"https://gitlab.example/acme/fox/-/commit/{SHA}",  # without the name and the password
                "url": "https://ci.example/job/fox/12/",
                "pull_request_url": "https://gitlab.example/acme/fox/-/merge_requests/7",
            },
        ),
        ({**JENKINS, "BUILD_URL": "javascript:pwned()"}, {"url": "", "number": "12"}),
        ({**JENKINS, "BUILD_URL": "https://joe:secret@ci.example/12"}, {"url": ""}),
    ],
)
def test_what_the_variables_of_each_service_tell(environ: dict[str, str], expected: dict[str, str]) -> None:
    found = ci_run_of(environ)
    assert found is not None
    assert {name: getattr(found, name) for name in expected} == expected
    assert found.commit == SHA
    assert "secret" not in str(found)


def test_of_a_pull_request_the_commit_is_that_of_its_branch(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": {"sha": "f00"}}}))
    found = ci_run_of({**GITHUB, "GITHUB_EVENT_PATH": str(event)})
    assert found is not None
    assert (found.commit, found.pull_request) == ("f00", "#7")


def test_outside_of_ci_a_report_says_nothing_of_it(tmp_path: Path) -> None:
    assert ci_run_of({"HOME": "/root"}) is None
    write(Report(), tmp_path / "r.json")
    assert "ci" not in json.loads((tmp_path / "r.json").read_text())["run"]


def test_it_is_written_read_and_merged_where_the_parts_agree(tmp_path: Path) -> None:
    parts = []
    for number, job in enumerate(("one", "two")):
        run = Run(started=f"2026-01-0{number + 1}", ci=ci_run_of({**GITHUB, "GITHUB_JOB": job}))
        path = tmp_path / f"{job}.json"
        write(Report(run=run, verdicts=[samples.entry(number)]), path)
        parts.append((job, read(path)))
    assert parts[0][1].run.ci == ci_run_of({**GITHUB, "GITHUB_JOB": "one"})
    merged = merge(parts).run.ci
    assert merged == ci_run_of(GITHUB).model_copy(update={"name": ""})  # type: ignore[union-attr]


def test_parts_that_have_nothing_in_common_say_nothing() -> None:
    runs = [Run(started=name, ci=CiRun(commit=name)) for name in ("a", "b")]
    reports = [(run.started, Report(run=run, verdicts=[samples.entry(n)])) for n, run in enumerate(runs)]
    assert merge(reports).run.ci is None
