"""The CI run that a report is of: its commit, branch and pull request, from the variables that the service sets.

GitHub Actions, GitLab CI, Buildkite and Jenkins (with its Git and branch-source plugins) are known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from ..support.web_addresses import web_address
from .model import CiRun

Environ = Mapping[str, str]

# of a clone's address: git@host:owner/name.git, ssh://git@host/owner/name.git, https://host/owner/name.git
_SSH = re.compile(r"(?:ssh://)?git@(?P<host>[\w.-]+)(?::\d+)?[:/](?P<path>[\w./~-]+?)(?:\.git)?/?")


def ci_run_of(environ: Environ) -> CiRun | None:
    """Describe the CI run whose variables ``environ`` has; None outside of CI, and on a service that is not known."""
    for variable, read in _SERVICES:
        if environ.get(variable):
            found = read(environ)
            addresses = {name: web_address(value) for name, value in found.items() if name.endswith("url")}
            return CiRun(**{**found, **addresses})
    return None


def common(runs: Sequence[CiRun | None]) -> CiRun | None:
    """Return what the CI runs of several reports have in common; None where that is nothing."""
    given = [run.model_dump(include=set(CiRun.model_fields)) for run in runs if run is not None]
    if not given:
        return None
    same = {name: value for name, value in given[0].items() if all(other[name] == value for other in given[1:])}
    return CiRun(**same) if any(same.values()) else None


def github_pull_request(environ: Environ) -> int | None:
    """The number of the pull request that a workflow of GitHub runs for, from its event or its ref."""
    event = _github_event(environ)
    for name in ("pull_request", "issue"):
        part = event.get(name)
        if isinstance(part, dict) and isinstance(number := part.get("number"), int):
            return number
    found = re.fullmatch(r"refs/pull/(\d+)/(merge|head)", environ.get("GITHUB_REF", ""))
    return int(found[1]) if found else None


def _github_event(environ: Environ) -> dict[str, Any]:
    try:
        event = json.loads(Path(environ["GITHUB_EVENT_PATH"]).read_text(encoding="utf-8"))
    except (KeyError, OSError, ValueError):
        return {}
    return event if isinstance(event, dict) else {}


def _github(environ: Environ) -> dict[str, str]:
    get = environ.get
    repository = get("GITHUB_REPOSITORY", "")
    base = f"{get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}" if repository else ""
    number = github_pull_request(environ)
    commit = get("GITHUB_SHA", "")
    if number is not None:  # that commit is a merge of the branch, made for the run; people know the branch's own
        pull = _github_event(environ).get("pull_request")
        head = pull.get("head") if isinstance(pull, dict) else None
        own = head.get("sha") if isinstance(head, dict) else None
        commit = own if isinstance(own, str) and own else commit
    branch = get("GITHUB_HEAD_REF") or get("GITHUB_REF_NAME", "")
    run, attempt = get("GITHUB_RUN_ID", ""), get("GITHUB_RUN_ATTEMPT", "")
    return {
        "service": "GitHub Actions",
        "repository": repository,
        "commit": commit,
        "commit_url": _below(base, "commit", commit),
        "branch": branch,
        # a branch of a fork is not in this repository
        "branch_url": "" if get("GITHUB_HEAD_REF") else _below(base, "tree", branch),
        "name": " / ".join(filter(None, (get("GITHUB_WORKFLOW"), get("GITHUB_JOB")))),
        "number": get("GITHUB_RUN_NUMBER", ""),
        "url": _below(base, "actions/runs", run) + (f"/attempts/{attempt}" if run and attempt not in ("", "1") else ""),
        "pull_request": "" if number is None else f"#{number}",
        "pull_request_url": "" if number is None else _below(base, "pull", str(number)),
    }


def _gitlab(environ: Environ) -> dict[str, str]:
    get = environ.get
    base, request = get("CI_PROJECT_URL", ""), get("CI_MERGE_REQUEST_IID", "")
    branch = get("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME") or get("CI_COMMIT_REF_NAME", "")
    target = get("CI_MERGE_REQUEST_PROJECT_URL") or base
    return {
        "service": "GitLab CI",
        "repository": get("CI_PROJECT_PATH", ""),
        "commit": get("CI_COMMIT_SHA", ""),
        "commit_url": _below(base, "-/commit", get("CI_COMMIT_SHA", "")),
        "branch": branch,
        "branch_url": _below(base, "-/tree", branch),
        "name": get("CI_JOB_NAME", ""),
        "number": get("CI_PIPELINE_IID") or get("CI_PIPELINE_ID", ""),
        "url": get("CI_JOB_URL") or get("CI_PIPELINE_URL", ""),
        "pull_request": f"!{request}" if request else "",
        "pull_request_url": _below(target, "-/merge_requests", request),
    }


def _buildkite(environ: Environ) -> dict[str, str]:
    get = environ.get
    commit, branch = get("BUILDKITE_COMMIT", ""), get("BUILDKITE_BRANCH", "")
    request = get("BUILDKITE_PULL_REQUEST", "")
    request = "" if request == "false" else request
    job = get("BUILDKITE_JOB_ID", "")
    base = _web_of(get("BUILDKITE_REPO", ""))
    return {
        "service": "Buildkite",
        "repository": urlsplit(base).path.strip("/"),
        "commit": commit,
        "branch": branch,
        "name": get("BUILDKITE_LABEL") or get("BUILDKITE_PIPELINE_NAME") or get("BUILDKITE_PIPELINE_SLUG", ""),
        "number": get("BUILDKITE_BUILD_NUMBER", ""),
        "url": get("BUILDKITE_BUILD_URL", "") + (f"#{job}" if job else ""),
        "pull_request": f"#{request}" if request else "",
        **_hosted(base, commit, branch, request),
    }


def _jenkins(environ: Environ) -> dict[str, str]:
    get = environ.get
    commit, request = get("GIT_COMMIT", ""), get("CHANGE_ID", "")
    branch = get("CHANGE_BRANCH") or get("BRANCH_NAME") or get("GIT_BRANCH", "").removeprefix("origin/")
    base = _web_of(get("GIT_URL", ""))
    found = {
        "service": "Jenkins",
        "repository": urlsplit(base).path.strip("/"),
        "commit": commit,
        "branch": branch,
        "name": get("JOB_NAME", ""),
        "number": get("BUILD_NUMBER", ""),
        "url": get("BUILD_URL", ""),
        "pull_request": f"#{request}" if request else "",
        **_hosted(base, commit, branch, request),
    }
    if get("CHANGE_URL"):
        found["pull_request_url"] = get("CHANGE_URL", "")
    return found


_SERVICES: tuple[tuple[str, Callable[[Environ], dict[str, str]]], ...] = (
    ("GITHUB_ACTIONS", _github),
    ("GITLAB_CI", _gitlab),
    ("BUILDKITE", _buildkite),
    ("JENKINS_URL", _jenkins),
)


def _web_of(clone: str) -> str:
    """The page of a repository, from the address that it is cloned from; without a user's name or a password."""
    if found := _SSH.fullmatch(clone):
        return f"https://{found['host']}/{found['path'].lstrip('/')}"
    try:
        parts = urlsplit(clone)
        host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not host:
        return ""
    return f"{parts.scheme}://{host}{parts.path.rstrip('/').removesuffix('.git')}"


def _hosted(base: str, commit: str, branch: str, request: str) -> dict[str, str]:
    """Addresses within a repository, where its host is one whose addresses are known."""
    host = urlsplit(base).hostname or ""
    for name, places in _HOSTS.items():
        if name in host.split("."):
            at = zip(("commit_url", "branch_url", "pull_request_url"), places, (commit, branch, request), strict=True)
            return {field: _below(base, place, what) for field, place, what in at}
    return {}


_HOSTS = {  # by a part of the host's name: places of commits, branches and pull requests
    "github": ("commit", "tree", "pull"),
    "gitlab": ("-/commit", "-/tree", "-/merge_requests"),
    "bitbucket": ("commits", "branch", "pull-requests"),
}


def _below(base: str, place: str, name: str) -> str:
    return f"{base}/{place}/{quote(name)}" if base and name else ""
