"""Runs of pytest against an endpoint behind a gateway: headers, certificates, smaller pictures."""

from __future__ import annotations

import base64
import io
import json
import ssl
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest
import trustme
from PIL import Image

from pytest_imagejudge.settings import API_KEY_VARIABLE
from pytest_imagejudge.support.certificates import VARIABLES
from pytest_imagejudge.taxonomy import LEVEL1
from tests.stand_in.endpoint import Call, Reply, StandIn, completion, failure
from tests.stand_in.judge import levels
from tests.stand_in.project import Project

TESTS = """
    import pytest

    @pytest.mark.parametrize("name", ["good", "fair"])
    def test_it(image_judge, name):
        open(f"ran-{name}", "w").close()
        image_judge.check(f"{name}.png", prompt="a red fox")
"""


def sound(call: Call) -> Reply:
    text = json.dumps(call.body["messages"])
    (dimension,) = (one for one in LEVEL1 if f"in one respect only: {one}" in text)
    return completion(levels(dimension, 2))


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (*VARIABLES, API_KEY_VARIABLE):
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def server() -> Iterator[StandIn]:
    server = StandIn(answer=sound)
    yield server
    server.close()


def judged(project: Project, url: str, *options: str) -> pytest.RunResult:
    project.tests(TESTS)
    return project.run(f"--judge-url={url}", "--judge-report=report.json", *options, judge=False)


def printed(result: pytest.RunResult) -> str:
    """What was printed, on one line: long lines are broken."""
    return " ".join((result.stdout.str() + result.stderr.str()).split())


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_header_goes_with_every_request_and_its_value_nowhere_else(
    project: Project, server: StandIn, workers: tuple[str, ...]
) -> None:
    project.environ("TEAM_KEY", "sesame-of-the-team")
    # a proxy that would be asked in vain, if a server of this machine were asked through one
    project.environ("http_proxy", "http://127.0.0.1:9")
    result = judged(project, server.url, "--judge-header=X-Team=TEAM_KEY", "-v", *workers)
    result.assert_outcomes(passed=2)
    assert len(server.asked) == 2 * len(LEVEL1)
    assert {call.headers.get("x-team") for call in server.calls} == {"sesame-of-the-team"}
    paths = {"/v1/models", "/v1/chat/completions", "/version"}
    assert {call.path for call in server.calls} - {"/health"} == paths  # health is asked beside them
    written = [path for path in project.path.rglob("*") if path.is_file()]
    assert any(path.suffix == ".sqlite" for path in written)
    assert not [path for path in written if b"sesame" in path.read_bytes()]
    assert "sesame" not in result.stdout.str() + result.stderr.str()
    server.answer = lambda call: failure(403, f"{call.headers['x-team']} is not welcome")
    result = judged(project, server.url, "--judge-header=X-Team=TEAM_KEY", "--judge-no-store", *workers)
    result.assert_outcomes(failed=2)
    assert fnmatch(printed(result), "*HTTP 403*--judge-header x-team: not accepted*")
    assert "sesame" not in result.stdout.str() + result.stderr.str() + json.dumps(project.report)


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_a_header_without_its_variable_ends_the_run_before_any_test(
    project: Project, server: StandIn, workers: tuple[str, ...]
) -> None:
    project.environ("EMPTY_KEY", "")
    for variable, words in (("MISSING_KEY", "not set"), ("EMPTY_KEY", "empty")):
        result = judged(project, server.url, f"--judge-header=x-team={variable}", *workers)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert fnmatch(printed(result), f"*--judge-header x-team: the environment variable {variable} is {words}*")
    assert not list(project.path.glob("ran-*"))
    assert not server.asked


def test_a_certificate_that_is_not_trusted_ends_the_run_at_once(project: Project, tmp_path: Path) -> None:
    authority = trustme.CA(organization_name="a company")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = StandIn(answer=sound, tls=context)
    try:
        result = judged(project, server.url)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert fnmatch(printed(result), "*the certificate of localhost is not accepted: *SSL_CERT_FILE*")
        assert "is the server running" not in result.stderr.str()
        result = judged(project, server.url, "--judge-model=judge")
        result.assert_outcomes(failed=2)
        assert fnmatch(printed(result), "*the certificate of localhost is not accepted: *SSL_CERT_FILE*")
        assert not server.calls
        authority.cert_pem.write_to_path(tmp_path / "company.pem")
        project.environ("REQUESTS_CA_BUNDLE", str(tmp_path / "company.pem"))
        judged(project, server.url).assert_outcomes(passed=2)
        project.environ("REQUESTS_CA_BUNDLE", str(tmp_path / "nowhere.pem"))
        result = judged(project, server.url, "--judge-no-store")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert fnmatch(printed(result), "*REQUESTS_CA_BUNDLE: *nowhere.pem*")
    finally:
        server.close()


def pictures(server: StandIn) -> list[Image.Image]:
    found = []
    for call in server.asked:
        for message in call.body["messages"]:
            for part in message["content"] if isinstance(message["content"], list) else ():
                if part["type"] == "image_url":
                    kind, _, data = part["image_url"]["url"].partition(";base64,")
                    picture = Image.open(io.BytesIO(base64.b64decode(data)))
                    assert kind == f"data:image/{str(picture.format).lower()}"
                    found.append(picture)
    return found


def test_the_format_of_pictures_decides_answers(project: Project, server: StandIn) -> None:
    asked = 0
    treatments = []
    for lines in ((), ("judge_image_format = jpeg",), ("judge_image_format = webp", "judge_image_bytes = 9999")):
        project.ini(*lines)
        for _ in range(2):  # the second time the store knows the answers
            judged(project, server.url).assert_outcomes(passed=2)
            (treatment,) = {verdict["fingerprint"]["treatment"] for verdict in project.report["verdicts"]}
        treatments.append(treatment)
        sent = pictures(server)[asked:]
        assert len(sent) == 2 * len(LEVEL1)
        assert {str(one.format).lower() for one in sent} == {lines[0].rpartition(" ")[2] if lines else "png"}
        asked += len(sent)
    assert treatments == ["fit-1024", "fit-1024/jpeg-90", "fit-1024/webp-lossless-within-9999"]


def test_a_picture_that_does_not_fit_is_an_error_of_its_own(project: Project, server: StandIn) -> None:
    Image.effect_noise((400, 300), 90).save(project.path / "fair.png")
    project.ini("judge_image_bytes = 20000")
    result = judged(project, server.url)
    result.assert_outcomes(passed=1, failed=1)
    assert fnmatch(printed(result), "*judge_image_bytes = 20000: *400x300*")
    assert project.outcomes() == {"good": "passed", "fair": "error"}


def test_a_refused_size_names_the_keys(project: Project, server: StandIn) -> None:
    server.answer = lambda call: (413, {}, b"<h1>413 Request Entity Too Large</h1>")
    result = judged(project, server.url)
    result.assert_outcomes(failed=2)
    assert fnmatch(printed(result), "*HTTP 413*judge_image_format*judge_image_bytes*")
