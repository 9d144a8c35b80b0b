"""Addresses and keys of servers, and their wording in messages without any secret."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, unquote, unquote_plus, urlsplit, urlunsplit

from ..errors import ConfigError
from ..settings import API_KEY_VARIABLE
from ..support.escaping import escape

# The version in a path; "v100" is a GPU, or whatever else.
VERSION = r"/v\d{1,2}(?:(?:alpha|beta)\d*)?"


@dataclass(frozen=True)
class Address:
    """The address of a server.

    Attributes:
        base: the URL up to ``/chat/completions``, without credentials.
        query: the query of the URL, which may hold a key.
        auth: user and password of the URL, or None.
    """

    base: str
    query: str = ""
    auth: tuple[str, str] | None = None

    @classmethod
    def parse(cls, url: str) -> Address:
        """Read ``http://host:port``, with or without ``/v1``, or the whole URL of the chat completions.

        Raises:
            ConfigError: not an http(s) URL.
        """
        text = url.strip()
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError as error:
            why = str(error) if "@" not in text else "a password's / # ? @ : are written %2F %23 %3F %40 %3A"
            raise ConfigError(f"--judge-url: {hide_credentials(text)!r} is not a URL: {why}") from None
        if parts.scheme not in ("http", "https") or not host or re.search(r"\s", text):
            hint = f"; did you mean 'http://{text}'?" if re.fullmatch(r"[\w.-]+(:\d+)?(/\S*)?", text) else ""
            raise ConfigError(f"--judge-url: {hide_credentials(text)!r} is not an http:// or https:// URL{hint}")
        given = parts.path.rstrip("/")
        path = given.removesuffix("/chat/completions").rstrip("/")
        if path == given and not re.search(rf"{VERSION}(/|$)", path):
            path += "/v1"
        netloc = f"[{host}]" if ":" in host else host
        netloc += f":{port}" if port is not None else ""
        base = urlunsplit((parts.scheme, netloc, path, "", ""))
        auth = (unquote(parts.username or ""), unquote(parts.password or "")) if parts.username is not None else None
        return cls(base, parts.query, auth)

    def to(self, path: str) -> str:
        """Return the URL of ``path`` below the base."""
        return f"{self.base}{path}" + (f"?{self.query}" if self.query else "")

    def to_show(self, path: str) -> str:
        """Return the URL of ``path`` for messages, without the query, which may hold a key."""
        return f"{self.base}{path}"

    def secrets(self, *keys: str | None) -> frozenset[str]:
        """Return the secrets of the address and ``keys``, in every spelling that an endpoint may echo."""
        import base64

        found = {part.split("=", 1)[-1] for part in self.query.split("&")}
        found |= {*map(unquote, found), *map(unquote_plus, found)}
        if self.auth:
            user, password = self.auth
            basic = f"{user}:{password}".encode("utf-8", "surrogatepass")
            found |= {password or user, base64.b64encode(basic).decode()}
        found |= {key or "" for key in keys}
        quoted = {quote(secret, safe="", errors="surrogatepass") for secret in found}
        return frozenset(found | quoted | {json.dumps(secret)[1:-1] for secret in found}) - {""}

    @property
    def encrypted(self) -> bool:
        """Return True where the server is reached by TLS."""
        return self.base.startswith("https:")

    @property
    def root(self) -> str:
        """The base without its version: the place of vLLM's ``/health`` and ``/version``."""
        return re.sub(rf"{VERSION}$", "", self.base)


def hide_credentials(url: str) -> str:
    """Return ``url`` without user, password and query."""
    plain = re.sub(r"//[^/?#@]*@", "//", url, count=1)
    if "@" in plain:  # a password with what ends it in a URL, or a query: where the one ends nobody can tell
        return plain.partition("//")[0] + "//…"
    return re.split(r"[?#]", plain)[0]


def excerpt(body: bytes | str, secrets: frozenset[str] = frozenset(), length: int = 400) -> str:
    """Return the start of a response on one line, control characters escaped, ``secrets`` masked."""
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    text = mask(text, secrets)  # all of it: of a secret that is cut in two a part would stay
    text = escape(" ".join(text[: 2 * length].split()))
    return text[:length] + ("..." if len(text) > length else "")


def mask(text: str, secrets: Iterable[str]) -> str:
    """Return ``text`` with three stars in place of each of the ``secrets``."""
    for secret in sorted(secrets, key=len, reverse=True):  # the longer ones first, for they may hold others
        text = text.replace(secret, "***")
    return text


def cause(error: Exception, secrets: frozenset[str]) -> str:
    """Name the error that kept a request from being sent, for messages."""
    return f"{type(error).__name__}: {excerpt(str(error), secrets) or '(empty)'}"


def api_key() -> str | None:
    """Return the key of the endpoint, from the environment.

    Raises:
        ConfigError: the key can't be sent in a header.
    """
    key = os.environ.get(API_KEY_VARIABLE, "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"{API_KEY_VARIABLE} has characters that can't be sent in a header")
    return key or None
