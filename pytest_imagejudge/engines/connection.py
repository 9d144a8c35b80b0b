"""The way to a server of the OpenAI shape: headers, proxy, certificates, and the words where it fails."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import EngineError
from ..settings import API_KEY_VARIABLE
from ..support import certificates
from ..support.headers import CREDENTIALS, OPTION, secrets_of
from .address import Address, cause
from .masked_logs import mask_in_logs
from .proxies import Proxy, proxy_for
from .retries import UnavailableError

if TYPE_CHECKING:
    import ssl

    import httpx

CONNECT_SECONDS, ANSWER_SECONDS = 10.0, 1800.0
# What another try may change where a proxy itself answers so.
_PASSING = frozenset((408, 429, *range(500, 600)))


class ProxyFailedError(UnavailableError):
    """The proxy before the server can't be reached, or can't reach the server."""


class Connection:
    """The way to one server, for every client of it.

    Args:
        address: of the server.
        key: bearer token, or None.
        headers: further headers by name in lower case; those of `CREDENTIALS` take the place of the token.
        direct: keep clear of the proxies that the environment names.
    """

    def __init__(
        self,
        address: Address,
        *,
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        direct: bool = False,
    ) -> None:
        self.address = address
        self._direct = direct
        own = dict(headers or {})
        self._credential = next((name for name in CREDENTIALS if name in own), None)
        self.key = None if self._credential else key
        self.headers = own | ({"authorization": f"Bearer {self.key}"} if self.key else {})
        self.auth = None if self.key or self._credential else address.auth
        self._own = own

    @cached_property
    def proxy(self) -> Proxy | None:
        """The proxy to go through, or None.

        Raises:
            ConfigError: the environment names one that can't be used.
        """
        proxy = None if self._direct else proxy_for(self.address.base)
        if proxy is not None:
            proxy.check()
        return proxy

    @cached_property
    def verify(self) -> ssl.SSLContext | bool:
        """The check of the server's certificate; reading the trusted ones takes time, so it is done once.

        Raises:
            ConfigError: the environment names certificates that are none.
        """
        return certificates.ssl_context() if self.address.encrypted else False

    @cached_property
    def secrets(self) -> frozenset[str]:
        """All that no message may show."""
        proxy = self.proxy.secrets if self.proxy else frozenset()
        return self.address.secrets(self.key, *secrets_of(self._own), *proxy)

    def check(self) -> None:
        """Check, without connecting, that proxy and certificates can be used.

        Raises:
            ConfigError: names the environment variable, what was found and what is expected.
        """
        _ = self.options

    @cached_property
    def options(self) -> dict[str, Any]:
        """Keyword arguments for a client of httpx, or for one request of it.

        Raises:
            ConfigError: as `check`.
        """
        mask_in_logs(self.secrets)
        proxy, through = self.proxy, None
        if proxy is not None:
            through = proxy.to_httpx(certificates.ssl_context() if proxy.url.startswith("https:") else None)
        return {
            "headers": self.headers,
            "auth": self.auth,
            "proxy": through,
            "verify": self.verify,
            "trust_env": False,  # it was read here: httpx knows no networks in NO_PROXY
        }

    def client(self, seconds: float) -> httpx.AsyncClient:
        """Return a client for requests that take up to ``seconds``; redirects are not followed.

        Raises:
            ConfigError: as `check`.
        """
        import httpx

        headers = {"content-type": "application/json", "accept": "application/json", **self.headers}
        return httpx.AsyncClient(
            **self.options | {"headers": headers},
            timeout=httpx.Timeout(seconds, connect=min(CONNECT_SECONDS, seconds), pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=16),
        )

    def shown(self, path: str) -> str:
        """Return the URL of ``path`` for messages; with the proxy where that may be what has answered."""
        url = self.address.to_show(path)
        if self.proxy is None or self.address.encrypted:  # inside a tunnel only the server answers
            return url
        return f"{url} (through the proxy {self.proxy})"

    def hint(self, status: int) -> str:
        """Return a hint about keys for HTTP 401, 403 and 407, else an empty string."""
        if status == 407 and self.proxy:
            return f" ({_asks_for_password(self.proxy)})"
        if status not in (401, 403):
            return ""
        found = "was not accepted" if self.key else "is not set"
        key = f"the key in the environment variable {API_KEY_VARIABLE} {found}"
        if not self._own:
            return f" ({key})"
        headers = f"{OPTION} {', '.join(sorted(self._own))}: not accepted"
        return f" ({headers})" if self._credential else f" ({headers}; {key})"

    def failure(self, path: str, error: Exception) -> EngineError:
        """Return the error to raise where a request got no response: an `UnavailableError` where it may pass.

        Args:
            path: below the address.
            error: a ``TransportError`` of httpx.
        """
        import httpx

        url, proxy, said = self.address.to_show(path), self.proxy, cause(error, self.secrets)
        if failed := certificates.rejection(error):
            host = urlsplit(self.address.base).hostname or ""
            if proxy and proxy.url.startswith("https:"):
                host += f", or of the proxy {proxy},"
            return EngineError(f"{url}: {certificates.rejected(failed, host)}")
        if proxy is None:
            return UnavailableError(f"{url}: {said}")
        if isinstance(error, httpx.ProxyError):
            status = int(found[0]) if (found := re.match(r"\d{3}\b", str(error))) else None
            words = f"{url}: the proxy {proxy} gives no connection: {said}"
            if status == 407:
                words += f" ({_asks_for_password(proxy)})"
            permanent = status is not None and status not in _PASSING
            return EngineError(words) if permanent else ProxyFailedError(words, status)
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return ProxyFailedError(f"{url}: no connection through the proxy {proxy} ({proxy.variable}): {said}")
        return UnavailableError(f"{url} (through the proxy {proxy}): {said}")


def _asks_for_password(proxy: Proxy) -> str:
    if proxy.secrets:
        return f"this proxy did not accept the user and the password in {proxy.variable}"
    return f"this proxy asks for a user and a password: {proxy.variable}=http://USER:PASSWORD@HOST:PORT"
