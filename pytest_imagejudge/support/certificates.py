"""Certificates: the authorities that are trusted, and the words for a certificate that is not accepted."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Iterator
from pathlib import Path

from ..errors import ConfigError

# The first that is set counts. The last two are known to users of requests and of curl.
VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
# Codes of OpenSSL (x509_vfy.h of 3.x): not yet valid, expired; another host name, another address.
_OUTDATED, _OF_ANOTHER_HOST = (9, 10), (62, 64)


def trusted_by() -> tuple[str, str] | None:
    """Return the variable that names the trusted authorities, and its value; None where none is set."""
    for variable in VARIABLES:
        if value := os.environ.get(variable):
            return variable, value
    return None


def ssl_context() -> ssl.SSLContext:
    """Return a context that trusts the authorities of the environment, else those of certifi.

    Raises:
        ConfigError: the variable names no file or folder with a certificate.
    """
    chosen = trusted_by()
    if chosen is None:
        import certifi

        return ssl.create_default_context(cafile=certifi.where())
    variable, path = chosen
    folders = [Path(one) for one in path.split(os.pathsep) if one]
    if any(folder.is_dir() for folder in folders):
        if not any(_hashed(folder) for folder in folders):
            raise ConfigError(
                f"{variable}: {path!r} holds no certificate by its hash, as OpenSSL looks for it in a folder; run "
                f"openssl rehash on it, or name one file of certificates (PEM)"
            )
        return ssl.create_default_context(capath=path)
    try:
        context = ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:  # of ssl too
        why = "no certificate (PEM) is in it" if isinstance(error, ssl.SSLError) else _plain(error)
        raise ConfigError(f"{variable}: {path!r}: {why}; a file of certificates (PEM) is expected") from None
    if not context.cert_store_stats()["x509"]:
        raise ConfigError(f"{variable}: {path!r}: no certificate is in it; a file of certificates (PEM) is expected")
    return context


def _hashed(folder: Path) -> bool:
    try:
        return any(re.fullmatch(r"[0-9a-f]{8}\.\d+", entry.name) for entry in folder.iterdir())
    except OSError:
        return False


def _plain(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def rejection(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """Return the failed check of a certificate that ``error`` comes from, or None."""
    return next((one for one in _chain(error) if isinstance(one, ssl.SSLCertVerificationError)), None)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        yield error
        seen.add(id(error))
        error = error.__cause__ or error.__context__


def rejected(failed: ssl.SSLCertVerificationError, host: str) -> str:
    """Return the words for a certificate that is not accepted, and the remedy.

    Args:
        failed: the check that failed.
        host: the server, or the servers, that may have shown it.
    """
    reason = (failed.verify_message or failed.reason or "no reason given").rstrip(".")
    chosen = trusted_by()
    trusted = f"{chosen[0]}, {chosen[1]!r}" if chosen else "the package certifi"
    if failed.verify_code in _OUTDATED:
        remedy = "SSL_CERT_FILE does not help: the certificate has to be renewed, or the clock here is wrong"
    elif failed.verify_code in _OF_ANOTHER_HOST:
        remedy = "SSL_CERT_FILE does not help: the URL has to name the host as the certificate does"
    else:
        remedy = (
            f"name a file (PEM) with the certificate of the authority that signed it in the environment variable "
            f"SSL_CERT_FILE (now trusted: those of {trusted})"
        )
    return f"the certificate of {host} is not accepted: {reason}; {remedy}"
