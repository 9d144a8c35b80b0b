"""The way to a server: headers, proxies, certificates and time, against servers in this process."""

from __future__ import annotations

import asyncio
import datetime
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
from PIL import Image

from pytest_imagejudge.engines import make_engine, retries
from pytest_imagejudge.engines.address import Address
from pytest_imagejudge.engines.connection import Connection
from pytest_imagejudge.engines.endpoint import EndpointEngine
from pytest_imagejudge.engines.vllm import engine as of_vllm
from pytest_imagejudge.engines.vllm.engine import VllmEngine
from pytest_imagejudge.engines.vllm.state import CopyState
from pytest_imagejudge.errors import ConfigError, EngineError
from pytest_imagejudge.protocols import load_protocol
from pytest_imagejudge.protocols.base import Request
from pytest_imagejudge.settings import API_KEY_VARIABLE, JudgeSettings
from pytest_imagejudge.support.certificates import VARIABLES
from tests.stand_in.endpoint import Call, Reply, StandIn, failure, models

REMOTE = "http://judge.example"  # asked through a proxy, or not at all


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*VARIABLES, API_KEY_VARIABLE, *(name for name in os.environ if name.lower().endswith("_proxy"))]:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[StandIn]:
    server = StandIn()
    yield server
    server.close()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA(organization_name="a company")


def secure(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


@pytest.fixture
def tls_server(authority: trustme.CA) -> Iterator[Callable[..., StandIn]]:
    servers = []

    def start(*names: str, **options: Any) -> StandIn:
        certificate = authority.issue_cert(*(names or ("localhost",)), **options)
        servers.append(StandIn(tls=secure(certificate)))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., EndpointEngine]:
    # a failure that is tried again would be seen by the count of calls, and not by the time that it takes
    monkeypatch.setattr(retries, "pause_seconds", lambda seconds: 0.0)

    def make(*urls: str, **settings: Any) -> EndpointEngine:
        judge, unwatched = JudgeSettings(urls=urls, **settings), (3600.0, 1.0)  # nor is health asked on a slow machine
        return EndpointEngine(judge, load_protocol("house"), state_dir=tmp_path, watch=unwatched)

    return make


def request() -> Request:
    content = [{"type": "image_url", "image_url": {"url": "data:1"}}]
    picture = Image.new("RGB", (40, 20))
    return Request("Quality", [{"role": "user", "content": content}], {"temperature": 0}, images=(picture,))


def ask(engine: EndpointEngine) -> str:
    async def run() -> str:
        try:
            return (await engine.ask(request())).text
        finally:
            await engine.close()

    return asyncio.run(run())


def paths(server: StandIn) -> list[str]:
    """The paths asked for, without the server's health, which is asked for beside them."""
    return [call.path for call in server.calls if call.path != "/health"]


def failed(engine: EndpointEngine) -> str:
    with pytest.raises(EngineError) as caught:
        ask(engine)
    return str(caught.value)


# --- headers ---


def test_headers_go_with_every_request(
    server: StandIn, engine: Callable[..., EndpointEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM", "sesame")
    monkeypatch.setenv(API_KEY_VARIABLE, "the-key")
    ask(engine(server.url, headers=("X-Team=TEAM",)))
    assert paths(server) == ["/v1/models", "/v1/chat/completions", "/version"]
    for call in server.calls:
        assert call.headers["x-team"] == "sesame"
        assert call.headers["authorization"] == "Bearer the-key"


@pytest.mark.parametrize("name", ["Authorization", "api-key"])
def test_a_credential_of_ones_own_takes_the_place_of_the_key(
    server: StandIn, engine: Callable[..., EndpointEngine], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("TOKEN", "Token sesame")
    monkeypatch.setenv(API_KEY_VARIABLE, "the-key")
    server.answer = lambda call: failure(401, f"not welcome: {call.headers}")
    message = failed(engine(f"http://user:hidden@127.0.0.1:{server.port}", headers=(f"{name}=TOKEN",)))
    for call in server.calls:
        assert call.headers[name.lower()] == "Token sesame"
        assert ("authorization" in call.headers) == (name == "Authorization")
    assert f"(--judge-header {name.lower()}: not accepted)" in message
    assert not [secret for secret in ("sesame", "the-key", "hidden") if secret in message]


def test_no_value_of_a_header_is_shown(
    server: StandIn, engine: Callable[..., EndpointEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM", 'open "sesame"')

    def echo(call: Call) -> Reply:
        return failure(403, f"{call.headers['x-team']} open%20%22sesame%22")

    server.answer = echo
    message = failed(engine(server.url, headers=("x-team=TEAM",)))
    assert "sesame" not in message
    assert "--judge-header x-team: not accepted; the key in the environment variable" in message
    server.listing = lambda: failure(500, f"{server.calls[-1].headers}")
    with pytest.raises(EngineError) as listed:
        engine(server.url, headers=("x-team=TEAM",)).identity()
    assert "sesame" not in str(listed.value)
    assert "***" in str(listed.value)


def test_a_header_that_is_none_is_refused_when_the_engine_is_made(server: StandIn) -> None:
    with pytest.raises(ConfigError, match="--judge-header x-team: the environment variable NOT_THERE is not set"):
        make_engine(
            JudgeSettings(urls=(server.url,), headers=("x-team=NOT_THERE",)), load_protocol("house"), state_dir=Path()
        )


# --- time ---


def test_the_time_of_a_request_ends_and_names_its_key(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    over = threading.Event()
    server.answer = lambda call: over.wait() and None
    message = failed(engine(server.url, timeout=0.2))
    over.set()
    assert message.endswith("/v1/chat/completions: no answer within 0.2 s (judge_timeout)")
    assert len(server.asked) == 1


def test_an_answer_that_trickles_has_no_more_time(engine: Callable[..., EndpointEngine]) -> None:
    over = threading.Event()

    server = StandIn()

    def trickle(self: Any, reply: Reply | None) -> None:
        self.send_response(200)
        self.send_header("content-length", "100000")
        self.end_headers()
        while not over.wait(0.01):
            self.wfile.write(b" ")

    server.server.RequestHandlerClass.reply = trickle  # type: ignore[attr-defined]
    try:
        message = failed(engine(server.url, timeout=0.3, model="judge"))
    finally:
        over.set()
        server.close()
    assert "no answer within 0.3 s (judge_timeout)" in message


@pytest.mark.parametrize(("given", "seconds"), [(None, 1800.0), (7.5, 7.5)])
def test_requests_to_our_own_server_have_the_same_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: float | None, seconds: float
) -> None:
    engine = VllmEngine(JudgeSettings(model="judge", timeout=given), load_protocol("house"), state_dir=tmp_path)
    monkeypatch.setattr(engine, "plan", lambda: SimpleNamespace(install=SimpleNamespace(version="1"), adapter=None))
    made: list[float] = []
    monkeypatch.setattr(of_vllm, "ChatClient", lambda *args, timeout, **options: made.append(timeout))
    engine._connect(CopyState(url="http://127.0.0.1:1/v1"))
    assert made == [seconds]


# --- certificates ---


@pytest.mark.parametrize("variable", VARIABLES[:1] + VARIABLES[2:])
def test_an_authority_of_ones_own(
    tls_server: Callable[..., StandIn],
    authority: trustme.CA,
    engine: Callable[..., EndpointEngine],
    monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:
    server = tls_server()
    with authority.cert_pem.tempfile() as path:
        monkeypatch.setenv(variable, path)
        one = engine(server.url)
        one.preflight()
        assert ask(one) == "{}"
    assert paths(server) == ["/v1/models", "/v1/chat/completions", "/version"]


def expired() -> dict[str, Any]:
    return {"not_after": datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)}


@pytest.mark.parametrize(
    ("names", "options", "trusted", "reason", "remedy"),
    [
        ((), {}, False, "unable to get local issuer certificate", "environment variable SSL_CERT_FILE"),
        ((), expired(), True, "certificate has expired", "SSL_CERT_FILE does not help"),
        (("judge.example",), {}, True, "not valid for 'localhost'", "SSL_CERT_FILE does not help"),
    ],
)
def test_a_certificate_that_is_not_accepted_is_told_at_once(
    tls_server: Callable[..., StandIn],
    authority: trustme.CA,
    engine: Callable[..., EndpointEngine],
    monkeypatch: pytest.MonkeyPatch,
    names: tuple[str, ...],
    options: dict[str, Any],
    trusted: bool,
    reason: str,
    remedy: str,
) -> None:
    server = tls_server(*names, **options)
    tries: list[None] = []
    monkeypatch.setattr(retries, "pause_seconds", lambda *_: tries.append(None) or 0.0)
    with authority.cert_pem.tempfile() as path:
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", path)
        with pytest.raises(ConfigError) as refused:
            engine(server.url).preflight()
        told = failed(engine(server.url, model="judge"))
    assert not tries
    for message in (str(refused.value), told):
        assert "the certificate of localhost is not accepted: " in message
        assert reason in message
        assert remedy in message
        assert "is the server running" not in message
    assert not server.calls


def test_certificates_that_are_none_are_refused_before_any_request(
    engine: Callable[..., EndpointEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere.pem")
    with pytest.raises(ConfigError, match=r"REQUESTS_CA_BUNDLE: '/nowhere\.pem': No such file"):
        engine("https://judge.example", model="judge").preflight()
    engine(REMOTE, model="judge").preflight()  # without TLS they are not needed


# --- proxies ---


@pytest.fixture
def proxy(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    monkeypatch.setenv("http_proxy", f"http://user:hid%2Fden@127.0.0.1:{server.port}")
    monkeypatch.setenv("https_proxy", f"http://user:hid%2Fden@127.0.0.1:{server.port}")
    return server


def test_a_remote_server_is_asked_through_the_proxy(proxy: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    assert ask(engine(REMOTE)) == "{}"
    assert proxy.asked[0].path == f"{REMOTE}/v1/chat/completions"
    assert proxy.asked[0].headers["proxy-authorization"] == "Basic dXNlcjpoaWQvZGVu"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_local_server_is_not_asked_through_a_proxy(
    server: StandIn, engine: Callable[..., EndpointEngine], monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert ask(engine(f"http://{host}:{server.port}")) == "{}"


@pytest.mark.parametrize("status", [403, 502, 503, 504])
def test_a_status_that_the_proxy_may_have_given_names_it(
    proxy: StandIn, engine: Callable[..., EndpointEngine], status: int
) -> None:
    proxy.answer = lambda call: failure(status, "dXNlcjpoaWQvZGVu hid/den hid%2Fden")
    proxy.listing = lambda: failure(status)
    where = f"(through the proxy http://127.0.0.1:{proxy.port}): HTTP {status}"
    message = failed(engine(REMOTE, model="judge"))
    assert f"{REMOTE}/v1/chat/completions {where}" in message
    assert not [secret for secret in ("hid/den", "hid%2Fden", "dXNlcjpoaWQvZGVu") if secret in message]
    assert "is the server running" not in message
    with pytest.raises((ConfigError, EngineError)) as listed:
        engine(REMOTE).identity()
    assert f"{REMOTE}/v1/models {where}" in str(listed.value)


@pytest.mark.parametrize("credentials", ["", "user:hidden@"])
def test_a_proxy_that_asks_for_a_password(
    server: StandIn, engine: Callable[..., EndpointEngine], monkeypatch: pytest.MonkeyPatch, credentials: str
) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://{credentials}127.0.0.1:{server.port}")
    server.answer = server.sight = lambda call: failure(407)
    server.tunnel = failure(407)
    words = "this proxy asks for a user and a password: {}=http://USER:PASSWORD@HOST:PORT"
    if credentials:
        words = "this proxy did not accept the user and the password in {}"
    assert words.format("http_proxy") in failed(engine(REMOTE, model="judge"))
    message = failed(engine("https://judge.example", model="judge"))
    assert f"the proxy http://127.0.0.1:{server.port} gives no connection: ProxyError: 407" in message
    assert words.format("https_proxy") in message
    assert "hidden" not in message
    asked = [(call.method, call.path) for call in server.calls]
    assert asked == [("POST", f"{REMOTE}/v1/chat/completions"), ("CONNECT", "judge.example:443")]


@pytest.mark.parametrize(("status", "tries"), [(403, 1), (502, 7), (503, 7), (504, 7)])
def test_a_proxy_that_opens_no_tunnel(
    proxy: StandIn, engine: Callable[..., EndpointEngine], status: int, tries: int
) -> None:
    proxy.tunnel = failure(status)
    message = failed(engine("https://judge.example", model="judge"))
    assert f"the proxy http://127.0.0.1:{proxy.port} gives no connection: ProxyError: {status}" in message
    assert "is the server running" not in message
    assert "hid" not in message
    assert sum(call.method == "CONNECT" for call in proxy.calls) == tries
    with pytest.raises((ConfigError, EngineError)) as listed:
        engine("https://judge.example").identity()
    assert f"the proxy http://127.0.0.1:{proxy.port} gives no connection" in str(listed.value)
    assert "is the server running" not in str(listed.value)


def test_a_proxy_that_is_reached_by_tls(
    tls_server: Callable[..., StandIn],
    authority: trustme.CA,
    engine: Callable[..., EndpointEngine],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    proxy = tls_server()
    monkeypatch.setenv("http_proxy", proxy.url)
    monkeypatch.setenv("https_proxy", proxy.url)
    proxy.tunnel = failure(403)
    for url in (REMOTE, "https://judge.example"):
        assert f"certificate of judge.example, or of the proxy {proxy.url}, is not" in failed(
            engine(url, model="judge")
        )
    with authority.cert_pem.tempfile() as path:
        monkeypatch.setenv("SSL_CERT_FILE", path)
        assert ask(engine(REMOTE)) == "{}"
        assert "gives no connection: ProxyError: 403" in failed(engine("https://judge.example", model="judge"))


def test_a_proxy_that_is_away(engine: Callable[..., EndpointEngine], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    message = failed(engine(REMOTE, model="judge"))
    assert "no connection through the proxy http://127.0.0.1:9 (HTTP_PROXY): ConnectError" in message
    assert "is the server running" not in message


def test_a_connection_lost_behind_the_proxy(proxy: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    proxy.answer = lambda call: None
    assert f"(through the proxy http://127.0.0.1:{proxy.port}): " in failed(engine(REMOTE, model="judge"))


@pytest.mark.parametrize("value", ["socks5://h", "what://h"])
def test_a_proxy_that_can_not_be_used_is_refused_before_any_request(
    engine: Callable[..., EndpointEngine], monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", value)
    with pytest.raises(ConfigError, match=r"^ALL_PROXY: "):
        engine(REMOTE, model="judge").preflight()
    assert failed(engine(REMOTE, model="judge")).startswith("ALL_PROXY: ")


def test_our_own_server_knows_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert Connection(Address.parse(REMOTE)).proxy is not None
    assert Connection(Address.parse(REMOTE), direct=True).proxy is None


# --- what servers and gateways refuse ---


def test_a_name_that_is_listed_is_not_proposed(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    server.answer = lambda call: failure(404, "not found")
    message = failed(engine(server.url, model="judge"))
    assert "it lists 'judge', so the path of the URL may be wrong" in message
    assert "did you mean" not in message
    server.listing = lambda: models("judge-2")
    assert "it lists 'judge-2' (did you mean \"judge-2\"?)" in failed(engine(server.url, model="judge"))


def test_a_request_that_is_too_large_names_the_keys(server: StandIn, engine: Callable[..., EndpointEngine]) -> None:
    server.answer = lambda call: (413, {}, b"<h1>413 Request Entity Too Large</h1>")
    message = failed(engine(server.url, model="judge"))
    assert "judge_image_format = jpeg" in message
    assert len(server.asked) == 1
    server.answer = lambda call: failure(400, "Request body is too large")
    assert "judge_image_bytes" in failed(engine(server.url, model="judge"))
    assert len(server.asked) == 2  # no field is left out for it
