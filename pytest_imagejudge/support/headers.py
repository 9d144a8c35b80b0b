"""Headers of one's own for endpoints: options give their names, environment variables their values."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping

from ..errors import ConfigError
from ..taxonomy import nearest

OPTION = "--judge-header"
EXAMPLE = "NAME=VARIABLE is expected, such as x-team=TEAM_KEY for the value in the environment variable TEAM_KEY"
# These take the place of the bearer token of IMAGEJUDGE_API_KEY. Azure's keys come as api-key.
CREDENTIALS = ("authorization", "api-key")
# Set by the HTTP client, which would send two, or a body that does not fit them.
RESERVED = frozenset(
    (
        *("accept", "accept-encoding", "connection", "content-encoding", "content-length", "content-type", "expect"),
        *("host", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    )
)
# A key that stands where a name should is not shown: keys hold digits, or are longer.
_SHOWN_NAME = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*")
_SHOWN_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_LONGEST_SHOWN = 40


def named_headers(given: Iterable[str]) -> dict[str, str]:
    """Return the variables of ``NAME=VARIABLE`` texts by the names of their headers, in lower case.

    Raises:
        ConfigError: no such text, a name that is none, is reserved or is given twice, or a variable that can be none.
            Nothing is shown that may be a secret.
    """
    variables: dict[str, str] = {}
    for text in given:
        name, equals, variable = (part.strip() for part in text.partition("="))
        if not equals:
            raise ConfigError(f"{OPTION}: {EXAMPLE}, not {_shown(name.partition(':')[0])}")
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise ConfigError(f"{OPTION}: {_shown(name)} is no name of a header (letters, digits, dashes); {EXAMPLE}")
        key = name.lower()
        if key in RESERVED:
            raise ConfigError(f"{OPTION} {key}: this header is set by the client itself; leave it out")
        if key == "proxy-authorization":
            raise ConfigError(
                f"{OPTION} {key}: a proxy's user and password stand in its URL, https_proxy=http://USER:PASSWORD@HOST"
            )
        if key in variables:
            raise ConfigError(f"{OPTION} {key}: given twice; one value is expected")
        if not re.fullmatch(r"[A-Za-z_]\w*", variable, re.ASCII):
            of = f" {name}" if _is_shown(name) else ""
            raise ConfigError(f"{OPTION}{of}: the name of an environment variable is expected after =, never a value")
        variables[key] = variable
    return variables


def read_headers(given: Iterable[str]) -> dict[str, str]:
    """Return the headers of ``NAME=VARIABLE`` texts, by name in lower case, with the values of the variables.

    Raises:
        ConfigError: as `named_headers`, or a variable is not set, is empty, or holds what can't be sent.
    """
    return {name: _value(name, variable) for name, variable in named_headers(given).items()}


def _value(name: str, variable: str) -> str:
    shown = f"the environment variable {variable}" if _SHOWN_VARIABLE.fullmatch(variable) else "that variable"
    value = os.environ.get(variable)
    if value is None or not value.strip():
        found = "is empty" if value is not None else "is not set"
        hint = nearest(variable, os.environ) if value is None and _SHOWN_VARIABLE.fullmatch(variable) else ""
        raise ConfigError(
            f"{OPTION} {name}: {shown} {found}{hint}; set it to the value of the header, or leave the option out"
        )
    value = value.strip()
    if not (value.isascii() and value.isprintable()):
        raise ConfigError(
            f"{OPTION} {name}: {shown} has characters that can't be sent in a header; printable ASCII is expected"
        )
    return value


def _shown(name: str) -> str:
    return repr(name) if _is_shown(name) else "a text that is not shown here, for it may be a secret"


def _is_shown(name: str) -> bool:
    return len(name) <= _LONGEST_SHOWN and _SHOWN_NAME.fullmatch(name) is not None


def secrets_of(headers: Mapping[str, str]) -> set[str]:
    """Return the values of ``headers``, and what follows a scheme such as "Bearer" in them."""
    return {*headers.values(), *(value.split(maxsplit=1)[-1] for value in headers.values())}
