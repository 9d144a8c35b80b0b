"""Proxies: the one of the environment for a server, and the servers that are asked without."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies

from ..errors import ConfigError
from ..support.environment import environment
from .address import hide_credentials

if TYPE_CHECKING:
    import ssl

    import httpx

SCHEMES = ("http", "https", "socks5", "socks5h")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Proxy:
    """A proxy of the environment.

    Attributes:
        url: with user and password, where it has them.
        variable: the environment variable that names it, or words for the system's settings.
    """

    url: str
    variable: str

    def __str__(self) -> str:
        return self.shown

    @cached_property
    def shown(self) -> str:
        """The URL without user and password."""
        return hide_credentials(self.url).rstrip("/")

    @cached_property
    def secrets(self) -> frozenset[str]:
        """User and password, as they are written and as they are sent."""
        import base64

        before, at, _ = urlsplit(self.url).netloc.rpartition("@")
        if not at:
            return frozenset()
        user, _, password = map(unquote, before.partition(":"))
        written = before.partition(":")[2] or before
        return frozenset({before, written, password or user, base64.b64encode(f"{user}:{password}".encode()).decode()})

    def check(self) -> None:
        """Check that the proxy can be used.

        Raises:
            ConfigError: no URL, another kind of proxy, or one that needs a package.
        """
        import importlib.util

        import httpx

        try:
            parts = urlsplit(self.url)
            sound = bool(parts.hostname) and parts.port != 0 and "@" not in parts.path + parts.query + parts.fragment
            httpx.URL(self.url)
        except (ValueError, httpx.InvalidURL):
            sound = False
        if not sound:
            raise ConfigError(
                f"{self.variable}: not the URL of a proxy; http://HOST:PORT is expected, with http://USER:PASSWORD@ "
                "where it asks for them (/ # ? @ : of a password are written %2F %23 %3F %40 %3A)"
            )
        if parts.scheme not in SCHEMES:
            expected = ", ".join(f"{scheme}://" for scheme in SCHEMES)
            raise ConfigError(f"{self.variable}: {self.shown}: the URL of a proxy begins with one of {expected}")
        if parts.scheme.startswith("socks") and importlib.util.find_spec("socksio") is None:
            raise ConfigError(
                f"{self.variable}: {self.shown} is a SOCKS proxy, which needs the package socksio: pip install "
                "'httpx[socks]'; or name an HTTP proxy, or the server's host in no_proxy"
            )

    def to_httpx(self, verify: ssl.SSLContext | None) -> httpx.Proxy:
        """Return the proxy as httpx takes it; ``verify`` is for one that is reached by TLS itself.

        Raises:
            ConfigError: the installed httpx has no such proxies.
        """
        import httpx

        try:
            return httpx.Proxy(self.url) if verify is None else httpx.Proxy(self.url, ssl_context=verify)
        except ValueError:  # socks5h, before 0.28
            raise ConfigError(
                f"{self.variable}: {self.shown}: httpx {httpx.__version__} has no such proxies; install a newer one"
            ) from None


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy through which the environment wants ``url`` to be asked; None for a direct connection.

    A server on this machine is never asked through a proxy.
    """
    parts = urlsplit(url)
    host, scheme = parts.hostname or "", parts.scheme
    if is_local(host):
        return None
    found = _proxies()
    if bypassed(scheme, host, parts.port or _PORTS[scheme], found.get("no", "")):
        return None
    for kind in (scheme, "all"):
        if value := found.get(kind):
            return Proxy(value if "://" in value else f"http://{value}", _variable(kind, value))
    return None


def _proxies() -> dict[str, str]:
    while True:
        try:
            return getproxies()
        except KeyError:  # it reads the environment, of which pytest took a variable away in between
            continue


def _variable(kind: str, value: str) -> str:
    """The environment variable that holds ``value``; macOS has settings of its own."""
    names = [name for name, held in environment().items() if name.lower() == f"{kind}_proxy" and held == value]
    return max(names, default="the system's settings of proxies")  # the name in small letters comes last


def is_local(host: str) -> bool:
    """Return True for a host that is this machine by its name or address."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and (address.is_loopback or address.is_unspecified)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])  # without the zone
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def bypassed(scheme: str, host: str, port: int, no_proxy: str) -> bool:
    """Return True where ``no_proxy`` has the server ``host``.

    Its items are divided by commas or blanks: ``*``; a name, for itself and the names below it; ``.name``, for the
    names below it; an address; a network, such as ``10.0.0.0/8`` or ``fd00::/8``. A name or an address may have a
    port, and a scheme before it. Names are not looked up.
    """
    return any(_covers(item, scheme, host.lower().rstrip("."), port) for item in re.split(r"[,\s]+", no_proxy) if item)


def _covers(item: str, scheme: str, host: str, port: int) -> bool:
    if item == "*":
        return True
    address = _address(host)
    network = _network(item)
    if network is not None:
        return address is not None and address in network
    before, divider, rest = item.rpartition("://")
    if divider and before not in (scheme, "all"):
        return False
    try:
        parts = urlsplit(f"//{rest}")
        name, its_port = parts.hostname, parts.port
    except ValueError:
        return False
    if not name or its_port not in (None, port):
        return False
    if address is not None or _address(name) is not None:
        return address == _address(name)
    below = name.lstrip("*").rstrip(".")
    return host.endswith(below) if below.startswith(".") else host == below or host.endswith(f".{below}")


def _network(item: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """The network, or the one address, that ``item`` is; None for a name or an address with a port."""
    plain = re.sub(r"^\[([^\]]*)\](/\d+)?$", r"\1\2", item)
    try:
        return ipaddress.ip_network(plain, strict=False)
    except ValueError:
        return None
