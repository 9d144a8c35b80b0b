"""Headers of one's own: names from options, values from the environment."""

from __future__ import annotations

import pytest

from pytest_imagejudge.errors import ConfigError
from pytest_imagejudge.support.headers import RESERVED, read_headers, secrets_of


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEAM_KEY", " open sesame\n")
    monkeypatch.setenv("NO_VALUE", " ")
    monkeypatch.setenv("NOT_ASCII", "schlüssel")
    monkeypatch.setenv("TWO_LINES", "one\r\ntwo: three")


def test_names_and_values() -> None:
    assert read_headers(()) == {}
    assert read_headers(["X-Team=TEAM_KEY", " x.more = TEAM_KEY "]) == {
        "x-team": "open sesame",
        "x.more": "open sesame",
    }


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["x-team"], "NAME=VARIABLE is expected.*not 'x-team'"),
        ([""], "NAME=VARIABLE is expected"),
        (["x-team="], "x-team: the name of an environment variable is expected"),
        (["=TEAM_KEY"], "no name of a header"),
        (["x team=TEAM_KEY"], "no name of a header"),
        (["x-té=TEAM_KEY"], "no name of a header"),
        (["x-team=TEAM-KEY"], "x-team: the name of an environment variable is expected after =, never a value"),
        (["x-team=TEAM_KEI"], 'x-team: .* variable TEAM_KEI is not set .did you mean "TEAM_KEY".*leave the option out'),
        (["x-team=NO_VALUE"], "x-team: the environment variable NO_VALUE is empty; set it"),
        (["x-team=NOT_ASCII"], "x-team: the environment variable NOT_ASCII has characters that can't be sent"),
        (["x-team=TWO_LINES"], "TWO_LINES has characters that can't be sent"),
        (["x-team=TEAM_KEY", "X-Team=TEAM_KEY"], "x-team: given twice"),
        (["Proxy-Authorization=TEAM_KEY"], "https_proxy=http://USER:PASSWORD@HOST"),
        *(([f"{name.title()}=TEAM_KEY"], f"{name}: this header is set by the client") for name in sorted(RESERVED)),
    ],
)
def test_what_is_no_header_is_refused(given: list[str], words: str) -> None:
    with pytest.raises(ConfigError, match=f"--judge-header.*{words}") as caught:
        read_headers(given)
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "given", ["sk-secret1", "x-api-key=sk-secret1", "x-api-key=secret1", "Authorization: Bearer secret1", "secret1=="]
)
def test_a_value_in_place_of_a_variable_is_not_shown(given: str) -> None:
    with pytest.raises(ConfigError, match="variable") as caught:
        read_headers([given])
    assert "secret1" not in str(caught.value)


def test_secrets_are_values_and_what_follows_a_scheme() -> None:
    assert secrets_of({"authorization": "Bearer sesame", "x": "y"}) == {"Bearer sesame", "sesame", "y"}
