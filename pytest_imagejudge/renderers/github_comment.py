"""The comment on a pull request, updated or created."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..report.ci_run import github_pull_request
from ..report.model import Report
from ..support.escaping import for_github
from ..taxonomy import FacetPath
from . import markdown

if TYPE_CHECKING:
    import httpx


COMMENT_LIMIT = 65_536  # characters of a comment


MARGIN = 1024


MARKER = "<!-- imagejudge-report{} -->"


TIMEOUT = 20.0  # seconds for one request


PAGES = 30  # of a hundred comments each that are looked through


def upsert_comment(
    report: Report,
    *,
    bounds: Mapping[FacetPath, float] | None = None,
    name: str = "",
    note: str = "",
    environ: Mapping[str, str] | None = None,
    transport: httpx.BaseTransport | None = None,
) -> str | None:
    """Write the report as a comment on the pull request of this workflow, in place of the one written before.

    Needs ``GITHUB_TOKEN`` with ``pull-requests: write``. A failure is a warning, never an exception.

    Args:
        report: the run.
        bounds: of the profile.
        name: tells the comments of several reports on one pull request apart.
        note: Markdown that stands above all figures.
        environ: the environment, for tests.
        transport: of httpx, for tests.

    Returns:
        The comment's address, or None where there is none.
    """
    environ = os.environ if environ is None else environ
    try:
        number = github_pull_request(environ)
        token, repository = environ.get("GITHUB_TOKEN", ""), environ.get("GITHUB_REPOSITORY", "")
        if number is None or not repository:
            return None
        if not token:
            warn_in_log("no comment on the pull request: GITHUB_TOKEN is not set")
            return None
        marker = MARKER.format(" " + re.sub(r"[^\w./]+", "_", name) if name else "")
        body = (
            f"{marker}\n{markdown.render(report, bounds, most_bytes=COMMENT_LIMIT - MARGIN, facets=False, note=note)}"
        )
        client = _client(environ.get("GITHUB_API_URL", "https://api.github.com"), token, transport)
        with client:
            return _upsert(client, f"/repos/{repository}/issues", number, marker, body)
    except Exception as error:  # noqa: BLE001 - a comment that fails must not fail the run
        warn_in_log(f"no comment on the pull request: {type(error).__name__}: {error}")
        return None


def _client(api: str, token: str, transport: httpx.BaseTransport | None) -> httpx.Client:
    import httpx

    from ..support.certificates import ssl_context

    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    verify = ssl_context() if transport is None else True
    return httpx.Client(base_url=api.rstrip("/"), headers=headers, timeout=TIMEOUT, transport=transport, verify=verify)


def _upsert(client: httpx.Client, issues: str, number: int, marker: str, body: str) -> str | None:
    own = _find(client, f"{issues}/{number}/comments", marker)
    if own is None:
        response = client.post(f"{issues}/{number}/comments", json={"body": body})
    else:
        response = client.patch(f"{issues}/comments/{own}", json={"body": body})
    if response.is_error:
        warn_in_log(f"no comment on the pull request: GitHub answered {response.status_code}: {_reason(response)}")
        return None
    return str(response.json().get("html_url") or "")


def _find(client: httpx.Client, comments: str, marker: str) -> int | None:
    """Find this package's comment: one that starts with the marker and that the token's own user wrote.

    The token of a workflow has no user and writes as a bot; of any other token GitHub tells the user.
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


def warn_in_log(text: str) -> None:
    """Print a warning that GitHub shows beside the run."""
    print(f"::warning title=Image judge::{for_github(text)}", file=sys.stderr, flush=True)
