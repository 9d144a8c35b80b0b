"""The proxy of the environment, and who is asked without."""

from __future__ import annotations

import base64
import importlib.util
import os

import httpx
import pytest

from pytest_imagejudge.engines.proxies import Proxy, bypassed, is_local, proxy_for
from pytest_imagejudge.errors import ConfigError


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("item", "reached", "not_reached"),
    [
        ("*", ["a", "10.1.1.1", "fd00::1"], []),
        ("b.c", ["b.c", "a.b.c", "B.C"], ["ab.c", "c"]),
        (".b.c", ["a.b.c"], ["b.c"]),
        ("*.b.c", ["a.b.c"], ["b.c"]),
        ("10.0.0.0/8", ["10.9.8.7", "::ffff:10.9.8.7"], ["11.0.0.1", "10.example", "fd00::1"]),
        ("10.9.8.7/8", ["10.0.0.1"], ["11.0.0.1"]),
        ("fd00::/8", ["fd12:3456::1", "fd00::1%eth0"], ["fe80::1", "10.0.0.1"]),
        ("[fd00::]/8", ["fd12:3456::1"], ["fe80::1"]),
        ("[fd00::1]", ["fd00::1"], ["fd00::2"]),
        ("fd00::1", ["fd00::1", "fd00:0:0::1"], ["fd00::2"]),
        ("10.1.2.3", ["10.1.2.3"], ["110.1.2.3", "10.1.2.30"]),
        ("10.1.2.3:443", ["10.1.2.3"], []),
        ("10.1.2.3:80", [], ["10.1.2.3"]),
        ("[fd00::1]:443", ["fd00::1"], ["fd00::1:443"]),
        ("b.c:80", [], ["b.c"]),
        ("https://b.c", ["b.c"], ["x"]),
        ("http://b.c", [], ["b.c"]),
        ("all://b.c", ["b.c"], []),
        ("x, 10.0.0.0/8 fd00::/8", ["x", "10.1.1.1", "fd00::1"], ["y"]),
        ("", [], ["a"]),
        ("b.c:port,[,/8,10.0.0.0/99,://,:,[::1", [], ["a", "b.c", "10.1.1.1", "::1"]),
    ],
)
def test_no_proxy(item: str, reached: list[str], not_reached: list[str]) -> None:
    assert [host for host in reached + not_reached if bypassed("https", host, 443, item)] == reached


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost.", "judge.localhost", "127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::"]
)
def test_a_server_of_this_machine_is_asked_directly(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy")
    assert is_local(host)
    assert proxy_for(f"http://[{host}]:8000/v1" if ":" in host else f"http://{host}:8000/v1") is None


@pytest.mark.parametrize("host", ["localhost.example", "10.0.0.1", "128.0.0.1", "fe80::1", "judge", ""])
def test_other_servers_are_not_local(host: str) -> None:
    assert not is_local(host)


def test_the_variable_of_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    assert proxy_for("https://judge.example/v1") is None
    monkeypatch.setenv("ALL_PROXY", "http://all:1")
    assert proxy_for("https://judge.example/v1") == Proxy("http://all:1", "ALL_PROXY")
    monkeypatch.setenv("HTTPS_PROXY", "large:2")
    monkeypatch.setenv("HTTP_PROXY", "http://plain:4")
    assert proxy_for("https://judge.example/v1") == Proxy("http://large:2", "HTTPS_PROXY")
    monkeypatch.setenv("https_proxy", "http://small:3/")
    assert proxy_for("https://judge.example/v1") == Proxy("http://small:3/", "https_proxy")
    assert str(proxy_for("https://judge.example/v1")) == "http://small:3"
    assert proxy_for("http://judge.example/v1") == Proxy("http://plain:4", "HTTP_PROXY")
    monkeypatch.setenv("NO_PROXY", "judge.example")
    assert proxy_for("https://judge.example/v1") is None
    monkeypatch.setenv("NO_PROXY", "judge.example:8000")
    assert proxy_for("https://judge.example/v1") is not None
    assert proxy_for("https://judge.example:8000/v1") is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("socks5://h:1080", "h:1080 is a SOCKS proxy, which needs the package socksio"),
        ("socks4://h", "begins with one of http://, https://, socks5://, socks5h://"),
        ("http://", "not the URL of a proxy"),
        ("http://h:port", "not the URL of a proxy"),
        ("http://h:0", "not the URL of a proxy"),
        ("http://user:hid/den@h:1", "not the URL of a proxy.*%2F"),
        ("http://user:1#hidden@h:1", "not the URL of a proxy.*%23"),
    ],
)
def test_a_proxy_that_can_not_be_used(url: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "socksio" else found(name))
    with pytest.raises(ConfigError, match=f"^https_proxy: .*{words}") as caught:
        Proxy(url, "https_proxy").check()
    assert "hid" not in str(caught.value)


def test_a_proxy_that_an_older_httpx_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str) -> None:
        raise ValueError(f"Unknown scheme for proxy URL {url}")

    monkeypatch.setattr(httpx, "Proxy", refuse)
    with pytest.raises(ConfigError, match=r"^all_proxy: socks5h://h: httpx .* has no such proxies; install a newer"):
        Proxy("socks5h://user:hidden@h", "all_proxy").to_httpx(None)


def test_user_and_password_are_never_shown() -> None:
    proxy = Proxy("http://us%20er:hid%2Fden@h:1", "https_proxy")
    proxy.check()
    assert str(proxy) == "http://h:1"
    assert {"hid/den", "hid%2Fden", base64.b64encode(b"us er:hid/den").decode()} <= proxy.secrets
    assert Proxy("http://token@h", "https_proxy").secrets >= {"token"}
    assert Proxy("http://h", "https_proxy").secrets == frozenset()
