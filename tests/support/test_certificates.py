"""Certificates that are trusted, and those that are not."""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path

import pytest
import trustme

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.support.certificates import VARIABLES, rejected, rejection, ssl_context, trusted_by


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    trustme.CA(organization_name="a company").cert_pem.write_to_path(path)
    return path


def test_without_a_variable_certifi_is_trusted() -> None:
    assert trusted_by() is None
    assert ssl_context().cert_store_stats()["x509_ca"] > 50


@pytest.mark.parametrize("variable", VARIABLES)
def test_each_variable_names_a_file(variable: str, authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, str(authority))
    assert trusted_by() == (variable, str(authority))
    (certificate,) = ssl_context().get_ca_certs()
    assert "a company" in str(certificate)


@pytest.mark.parametrize("variable", VARIABLES)
def test_each_variable_names_a_folder(
    variable: str, authority: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, str(tmp_path))
    (tmp_path / "ca.pem").write_bytes(authority.read_bytes())
    with pytest.raises(ConfigError, match=rf"{variable}: .*{tmp_path.name}.*openssl rehash"):
        ssl_context()
    (tmp_path / "0a1b2c3d.0").write_bytes(authority.read_bytes())
    ssl_context()
    monkeypatch.setenv(variable, os.pathsep.join(("/nowhere", str(tmp_path))))  # OpenSSL takes several
    ssl_context()


def test_the_first_variable_that_is_set_counts(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, variable in enumerate(reversed(VARIABLES)):
        monkeypatch.setenv(variable, f"/{number}")
        assert trusted_by() == (variable, f"/{number}")
    monkeypatch.setenv("SSL_CERT_FILE", "")
    assert trusted_by() == ("SSL_CERT_DIR", "/2")


@pytest.mark.parametrize("variable", VARIABLES)
@pytest.mark.parametrize(
    ("content", "words"), [(None, "No such file"), ("", "no certificate"), ("-----BEGIN", "no certificate")]
)
def test_no_certificates_are_an_error_that_names_the_variable(
    variable: str, content: str | None, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv(variable, str(path))
    with pytest.raises(ConfigError, match=rf"^{variable}: .*ca\.pem.*{words}.*PEM"):
        ssl_context()


def test_a_failed_check_is_found_behind_other_errors() -> None:
    failed = ssl.SSLCertVerificationError("no")
    try:
        try:
            raise failed
        except ssl.SSLError as error:
            raise ConnectionError("lost") from error
    except ConnectionError as error:
        assert rejection(error) is failed
    assert rejection(ConnectionError("lost")) is None


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        (20, "unable to get local issuer certificate", "environment variable SSL_CERT_FILE .now trusted: .*certifi"),
        (18, "self-signed certificate", "environment variable SSL_CERT_FILE"),
        (10, "certificate has expired", "SSL_CERT_FILE does not help: .*renewed, or the clock"),
        (62, "Hostname mismatch, certificate is not valid for 'h'.", "SSL_CERT_FILE does not help: the URL"),
    ],
)
def test_words_for_a_rejected_certificate(code: int, message: str, words: str) -> None:
    failed = ssl.SSLCertVerificationError(1, "certificate verify failed")
    failed.verify_code, failed.verify_message = code, message
    shown = rejected(failed, "judge.example")
    assert shown.startswith(f"the certificate of judge.example is not accepted: {message.rstrip('.')}; ")
    assert re.search(words, shown)
