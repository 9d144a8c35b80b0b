"""A real HTTP proxy, which also takes TLS apart, before a server with an authority of its own."""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from pytest_imagejudge.support.certificates import VARIABLES
from pytest_imagejudge.taxonomy import LEVEL1
from tests.real_servers.tool_environment import ROOT, tool_environment
from tests.stand_in.endpoint import Call, Reply, StandIn, completion
from tests.stand_in.judge import levels

pytestmark = pytest.mark.engine

# The last that Python 3.11 takes, and the newest.
MITMPROXY = ("mitmproxy==11.0.2; python_version < '3.12'", "mitmproxy==12.3.1; python_version >= '3.12'")
# A server of this machine is never asked through a proxy: the proxy gives it another name.
ADDON = """
def server_connect(data):
    name, port = data.server.address
    data.server.address = ("127.0.0.1", port)
"""
TESTS = """
import pytest

@pytest.mark.parametrize("name", ["coffee.jpg", "rocket.jpg"])
def test_it(image_judge, name):
    image_judge.expect(f"{fixtures}/{{name}}", prompt="a picture")
"""


def sound(call: Call) -> Reply:
    text = json.dumps(call.body["messages"])
    (dimension,) = (one for one in LEVEL1 if f"in one respect only: {one}" in text)
    return completion(levels(dimension, 2))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> trustme.CA:
    return trustme.CA(organization_name="a company")


@pytest.fixture
def company(authority: trustme.CA, tmp_path: Path) -> Path:
    """The file of the company's certificate."""
    path = tmp_path / "company.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def plain() -> Iterator[StandIn]:
    server = StandIn(answer=sound)
    yield server
    server.close()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[StandIn]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("judge.example").configure_cert(context)
    server = StandIn(answer=sound, tls=context)
    yield server
    server.close()


@pytest.fixture
def start_proxy(tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Starts mitmproxy with further options, and gives its place, HOST:PORT."""
    started: list[subprocess.Popen[str]] = []

    def start(*options: str) -> str:
        commands = tool_environment("mitmproxy", *MITMPROXY)
        (tmp_path / "addon.py").write_text(ADDON)
        settings = [f"--set=confdir={tmp_path / 'mitmproxy'}", f"--scripts={tmp_path / 'addon.py'}", *options]
        command = [str(commands / "mitmdump"), "--listen-host=127.0.0.1", "--listen-port=0", *settings]
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ, "NO_COLOR": "1"}
        )
        started.append(process)
        assert process.stdout is not None
        printed = []
        for line in process.stdout:
            printed.append(line)
            if found := re.search(r"listening at (127\.0\.0\.1:\d+)", line):
                return found[1]
        raise AssertionError(f"mitmproxy did not start: {''.join(printed)}")

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def judge(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs pytest against a URL in an environment of proxies and certificates."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_it.py").write_text(TESTS.format(fixtures=ROOT / "fixtures"))

    def run(url: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
        dropped = (*VARIABLES, "IMAGEJUDGE_API_KEY")
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in dropped and not name.lower().endswith("_proxy") and not name.startswith("PYTEST_")
        }
        environment = {**kept, "IMAGEJUDGE_CACHE": str(tmp_path / "cache"), **variables}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--judge-no-store"]
        given = [*command, "--judge-report=report.json", f"--judge-url={url}", *options]
        return subprocess.run(given, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)

    return run


Judge = Callable[..., "subprocess.CompletedProcess[str]"]


def passed(done: subprocess.CompletedProcess[str]) -> None:
    assert "2 passed" in done.stdout, done.stdout + done.stderr


def words(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode != 0, done.stdout
    text = " ".join((done.stdout + done.stderr).split())  # long lines are broken
    assert "is the server running" not in text
    return text


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_plain_http_goes_through_the_proxy(
    plain: StandIn, start_proxy: Callable[..., str], judge: Judge, workers: tuple[str, ...]
) -> None:
    proxy = f"http://{start_proxy()}"
    url = f"http://judge.example:{plain.port}"
    passed(judge(url, "--judge-header=x-team=TEAM_KEY", *workers, http_proxy=proxy, TEAM_KEY="sesame"))
    assert len(plain.asked) == 2 * len(LEVEL1)
    assert {call.headers["x-team"] for call in plain.calls} == {"sesame"}
    assert {call.headers["host"] for call in plain.calls} == {f"judge.example:{plain.port}"}


def test_a_server_of_this_machine_and_networks_are_asked_directly(plain: StandIn, judge: Judge) -> None:
    dead = {"http_proxy": "http://127.0.0.1:9", "all_proxy": "http://127.0.0.1:9"}
    for host in ("127.0.0.1", "localhost"):
        passed(judge(f"http://{host}:{plain.port}", **dead))
    text = words(judge("http://10.0.0.1:9", no_proxy="fd00::/8", **dead))
    assert "no connection through the proxy http://127.0.0.1:9 (http_proxy): ConnectError" in text


def test_a_tunnel_to_a_server_with_an_authority_of_its_own(
    secure: StandIn, company: Path, start_proxy: Callable[..., str], judge: Judge
) -> None:
    proxy = f"http://{start_proxy('--ignore-hosts=.*')}"
    url = f"https://judge.example:{secure.port}"
    passed(judge(url, https_proxy=proxy, REQUESTS_CA_BUNDLE=str(company)))
    asked = len(secure.calls)
    text = words(judge(url, https_proxy=proxy))
    assert "the certificate of judge.example is not accepted: unable to get local issuer certificate" in text
    assert "SSL_CERT_FILE" in text
    assert len(secure.calls) == asked


def test_a_proxy_that_takes_tls_apart(
    secure: StandIn, company: Path, start_proxy: Callable[..., str], judge: Judge, tmp_path: Path
) -> None:
    proxy = f"http://{start_proxy(f'--set=ssl_verify_upstream_trusted_ca={company}')}"
    url = f"https://judge.example:{secure.port}"
    passed(judge(url, https_proxy=proxy, SSL_CERT_FILE=str(tmp_path / "mitmproxy" / "mitmproxy-ca-cert.pem")))
    text = words(judge(url, https_proxy=proxy, SSL_CERT_FILE=str(company)))
    assert "the certificate of judge.example is not accepted: " in text
    assert f"now trusted: those of SSL_CERT_FILE, {str(company)!r}" in text


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_asks_for_a_password(
    plain: StandIn, secure: StandIn, company: Path, start_proxy: Callable[..., str], judge: Judge, scheme: str
) -> None:
    place = start_proxy("--proxyauth=user:open/sesame", "--ignore-hosts=.*")
    server = secure if scheme == "https" else plain
    url, variable = f"{scheme}://judge.example:{server.port}", f"{scheme}_proxy"
    trusted = {"SSL_CERT_FILE": str(company)}
    passed(judge(url, **{variable: f"http://user:open%2Fsesame@{place}"}, **trusted))
    for credentials in ("", "user:other-sesame@"):
        text = words(judge(url, "--judge-model=judge", **{variable: f"http://{credentials}{place}"}, **trusted))
        if credentials:
            assert f"this proxy did not accept the user and the password in {variable}" in text
        else:
            assert f"this proxy asks for a user and a password: {variable}=http://USER:PASSWORD@HOST:PORT" in text
        assert f"http://{place}" in text
        assert "407" in text
        assert "sesame" not in text


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_does_not_reach_the_server(start_proxy: Callable[..., str], judge: Judge, scheme: str) -> None:
    place = start_proxy("--ignore-hosts=.*")
    done = judge(f"{scheme}://judge.example:9", **{f"{scheme}_proxy": f"http://{place}"})
    text = words(done)
    assert "502" in text
    if scheme == "http":
        assert f"(through the proxy http://{place}): HTTP 502" in text
    else:
        assert f"the proxy http://{place} gives no connection: ProxyError: 502" in text
